"""The campaign command."""

from __future__ import annotations

from pathlib import Path

import click

from levelforge.cli_formats import format_options
from levelforge.console import (
    CountType,
    DifficultyType,
    SizeType,
    print_json,
    progress,
    say,
    split_words,
    staged,
)


@click.command()
@click.argument("game")
@click.option(
    "--levels", "n", type=click.IntRange(1, 500), default=20, show_default=True, help="How many levels."
)
@click.option(
    "--curve",
    type=DifficultyType(),
    default="0.1:0.8",
    show_default=True,
    metavar="LO:HI",
    help="Difficulty of the first and the last level, 0 (easy) to 1 (hard).",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), help="Same seed, same levels. [default: a new one]"
)
@click.option("--size", type=SizeType(), help="Width x height in tiles. [default: the game's]")
@click.option("--count", "counts", type=CountType(), multiple=True, help="Exactly N of a tile; repeatable.")
@click.option(
    "--format",
    "formats_",
    multiple=True,
    default=["json,tiled"],
    show_default=True,
    help="Comma separated; tiled also writes the .world.",
)
@format_options
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write to. [default: out/GAME-campaign]"
)
@click.option(
    "--pack", "pack_path", type=click.Path(path_type=Path), help="Another pack folder than the game's."
)
@click.option("--no-playtest", is_flag=True, help="Go by what the pack's critic expects; nothing is played.")
@click.option("--report", is_flag=True, help="Also write report.html: one page with pictures of everything.")
@click.option(
    "--threads", type=click.IntRange(1), default=2, show_default=True, help="Changes the speed alone."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def campaign(
    game: str,
    n: int,
    curve: float | tuple[float, float],
    seed: int | None,
    size: tuple[int, int] | None,
    counts: tuple[tuple[str, int], ...],
    formats_: tuple[str, ...],
    options: dict[str, str],
    out: Path | None,
    pack_path: Path | None,
    no_playtest: bool,
    report: bool,
    threads: int,
    as_json: bool,
) -> None:
    """Make a campaign of GAME: certified levels of rising difficulty, as one world.

    Writes the levels, numbered in order, a .world that lays them out for Tiled, index.json, and
    contact-sheet.png, and prints the folder. Play it with: levelforge play FOLDER

    \b
    Examples:
      levelforge campaign dungeon --levels 20 --curve 0.1:0.8
      levelforge campaign platformer --levels 8 --seed 3 --format json,tiled,godot --out my-campaign
    """
    import secrets

    from levelforge.campaign import campaign_facts, make_campaign, write_campaign
    from levelforge.files import check_formats
    from levelforge.game import load_game
    from levelforge.generate import GenerateConfig, check_config
    from levelforge.output import difficulty_lines, generate_document
    from levelforge.pack import pack_for

    words = check_formats(split_words(formats_), options)
    loaded = load_game(game)
    pack = pack_for(loaded, pack_path)
    config = GenerateConfig(
        n=n,
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        size=size,
        difficulty=curve if isinstance(curve, tuple) else (curve, curve),
        counts=dict(counts),
        playtest=not no_playtest,
        threads=threads,
    )
    check_config(loaded, config)
    folder = out or Path("out") / f"{loaded.name}-campaign"
    with staged(folder) as draft, progress() as tell:
        made = make_campaign(pack, config, tell)
        files, seconds = write_campaign(
            made, pack, config, draft, words, tell, options=options, report=report
        )
    for line in difficulty_lines(made):
        say(line)
    if as_json:
        document = generate_document(
            made, pack, config, [[str(folder / f) for f in row] for row in files], seconds
        )
        print_json({"campaign": campaign_facts(pack, config)} | document)
        return
    say(
        f"{len(made.levels)} levels (seed {config.seed}), each proven beatable; play them: levelforge play {folder}"
    )
    click.echo(str(folder))
