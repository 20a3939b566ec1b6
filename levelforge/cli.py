"""The command line: parses, calls the API, prints.

Every command imports what it needs when it runs, so that ``--help`` answers at once. The answer goes to
stdout (one JSON document with ``--json``), messages and progress to stderr. Exit status: 0 done, 1 the
answer is no, 2 bad usage or input, 130 interrupted.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from levelforge.cli_campaign import campaign
from levelforge.cli_formats import OptionType, format_options, formats
from levelforge.cli_levels import convert, playtest, repair, solve, verify
from levelforge.cli_play import play
from levelforge.cli_report import report as report_command
from levelforge.cli_tiled import install_tiled_extension
from levelforge.cli_web import export_kit
from levelforge.console import (
    DONE,
    INTERRUPTED,
    CountType,
    DifficultyType,
    Forge,
    SizeType,
    print_json,
    progress,
    say,
    split_words,
    staged,
)

SEEDS = 2**32


@click.group(cls=Forge, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="levelforge", message="%(prog)s %(version)s")
def cli() -> None:
    """Make playable, proven-beatable game levels, and train the networks that make them.

    \b
    A first look:
      levelforge games
      levelforge generate dungeon -n 12 --seed 7
      levelforge verify out/dungeon
    """


cli.add_command(playtest)
cli.add_command(verify)
cli.add_command(solve)
cli.add_command(repair)
cli.add_command(convert)
cli.add_command(formats)
cli.add_command(report_command)
cli.add_command(campaign)
cli.add_command(play)
cli.add_command(export_kit)
cli.add_command(install_tiled_extension)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def games(as_json: bool) -> None:
    """List the games and packs at hand.

    \b
    Examples:
      levelforge games
      levelforge games --json
    """
    from levelforge.errors import LevelForgeError
    from levelforge.game import bundled_games, load_game
    from levelforge.pack import load_pack

    found: list[dict[str, Any]] = []
    for name in bundled_games():
        game = load_game(name)
        try:
            pack, problem = load_pack(game), None
        except LevelForgeError as error:
            pack, problem = None, str(error)
        entry: dict[str, Any] = {"name": name, "title": game.title, "description": game.header.description}
        entry |= {
            "movement": game.movement,
            "size": list(game.header.size),
            "pack": pack.hash if pack else None,
        }
        entry["figures"] = pack.info.get("figures", {}) if pack else {}
        found.append(entry)
        if not as_json:
            width, height = game.header.size
            state = f"pack {pack.hash[:12]}" if pack else problem
            click.echo(f"{name:<12} {width}x{height}  {game.header.description}\n{'':<12} {state}")
    if as_json:
        print_json({"games": found})


@cli.command()
@click.argument("game", required=False)
@click.option("-n", "n", type=click.IntRange(1), default=12, show_default=True, help="How many levels.")
@click.option(
    "--seed", type=click.IntRange(0, SEEDS - 1), help="Same seed, same levels. [default: a new one]"
)
@click.option(
    "--difficulty", type=DifficultyType(), help="Aim at 0 (easy) to 1 (hard), or rise from LO to HI."
)
@click.option("--size", type=SizeType(), help="Width x height in tiles. [default: the game's]")
@click.option("--count", "counts", type=CountType(), multiple=True, help="Exactly N of a tile; repeatable.")
@click.option(
    "--lock", "lock_path", type=click.Path(path_type=Path), help="A map: what --mask leaves out of it stays."
)
@click.option(
    "--mask",
    "masks",
    multiple=True,
    metavar="X,Y,WxH|FILE",
    help="With --lock, what is made anew: rectangles in tiles from 0,0, or a file (rows of 0 and 1, or a PNG).",
)
@click.option(
    "--format",
    "formats_",
    multiple=True,
    default=["json,tiled,png"],
    show_default=True,
    help="Comma separated.",
)
@format_options
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to. [default: out/GAME]")
@click.option(
    "--pack", "pack_path", type=click.Path(path_type=Path), help="Another pack folder than the game's."
)
@click.option("--no-playtest", is_flag=True, help="Skip the playtester (difficulty and fun stay unknown).")
@click.option(
    "--episodes",
    type=click.IntRange(1),
    help="Played at each skill; more of them measure better. [default: 8, or 32 where --difficulty is given]",
)
@click.option(
    "--as-they-come", is_flag=True, help="Take the first levels made, instead of a set that is spread out."
)
@click.option("--report", is_flag=True, help="Also write report.html: one page with pictures of everything.")
@click.option(
    "--threads", type=click.IntRange(1), default=2, show_default=True, help="Changes the speed alone."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def generate(
    game: str | None,
    n: int,
    seed: int | None,
    difficulty: float | tuple[float, float] | None,
    size: tuple[int, int] | None,
    counts: tuple[tuple[str, int], ...],
    lock_path: Path | None,
    masks: tuple[str, ...],
    formats_: tuple[str, ...],
    options: dict[str, str],
    out: Path | None,
    pack_path: Path | None,
    no_playtest: bool,
    episodes: int | None,
    as_they_come: bool,
    report: bool,
    threads: int,
    as_json: bool,
) -> None:
    """Make levels of GAME (a name, or a game.toml), each with a proof that it can be beaten.

    Writes GAME-SEED-INDEX files in every format asked for, index.json, and contact-sheet.png, whose
    path it prints. The same command with the same seed and pack writes the same bytes.

    With --lock, tiles of a map stay and those under a --mask are made anew; GAME and size are then the map's.

    \b
    Examples:
      levelforge generate dungeon -n 24 --seed 7
      levelforge generate --lock mine.tmx --mask 4,2,10x8 -n 3 --format tiled
      levelforge generate dungeon --count door=2 --count key=2 --count ghost=0
      levelforge generate platformer --size 128x16 --difficulty 0.2:0.7
      levelforge generate dungeon --format tiled --encoding base64-zlib --tileset external
      levelforge generate dungeon -n 1000 --no-playtest --format json --json > report.json
    """
    import secrets

    from levelforge.files import check_formats
    from levelforge.game import load_game
    from levelforge.generate import GenerateConfig, check_config
    from levelforge.generate import generate as run
    from levelforge.output import difficulty_lines, generate_document, write_generated
    from levelforge.pack import pack_for

    words = check_formats(split_words(formats_), options)
    if game is None and lock_path is None:
        raise click.UsageError("Missing argument 'GAME'.")
    lock = None
    if lock_path is None:
        if masks:
            raise click.UsageError("--mask says what of a map is made anew; name the map with --lock")
        loaded = load_game(game or "")
    else:
        from levelforge.lock import read_lock

        if not masks:
            raise click.UsageError("--lock needs --mask X,Y,WxH or a mask file: what is made anew")
        if size is not None:
            raise click.UsageError("--size does not go with --lock: a level has its map's size")
        lock = read_lock(lock_path, masks, load_game(game) if game else None, dict(counts))
        loaded, size = lock.level.game, lock.level.size
    pack = pack_for(loaded, pack_path)
    config = GenerateConfig(
        n=n,
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        size=size,
        difficulty=difficulty,
        counts=dict(counts),
        playtest=not no_playtest,
        episodes=episodes,
        diverse=not as_they_come,
        threads=threads,
        lock=lock,
    )
    check_config(loaded, config)
    folder = out or Path("out") / loaded.name
    with staged(folder) as draft, progress() as tell:
        made = run(pack, config, tell)
        files, seconds = write_generated(
            made, pack, config, draft, words, tell, options=options, report=report
        )
    for line in difficulty_lines(made):
        say(line)
    if as_json:
        print_json(
            generate_document(made, pack, config, [[str(folder / f) for f in row] for row in files], seconds)
        )
        return
    say(f"{len(made.levels)} {loaded.name} levels in {folder} (seed {config.seed}), each proven beatable")
    if made.rejected:
        reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in made.rejected.items())
        say(f"{made.candidates} candidates, {made.raw_beatable:.0%} beatable as drawn; not kept: {reasons}")
    if lock is not None:
        for line in lock.lines(made.levels):
            say(line)
    if report:
        say(f"report: {folder / 'report.html'}")
    click.echo(str(folder / "contact-sheet.png"))


@cli.command()
@click.argument("game", required=False)
@click.option(
    "--levels", type=click.Path(path_type=Path), help="Folder of levels. [default: the game's corpus]"
)
@click.option("--budget", help="Time to train, such as 90s, 30m or 2h. [default: 30m]")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder to make. [default: runs/GAME]")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with a run folder.")
@click.option("--seed", type=click.IntRange(0, SEEDS - 1), help="Of everything random. [default: 0]")
@click.option("--loss", help="The GAN's loss: r3gan or wgan-gp. [default: r3gan]")
@click.option(
    "--steer",
    help="What steers the generator in the loop: critic (foresees playtests), value (the playtester's own), "
    "both or none. [default: critic]",
)
@click.option(
    "--from",
    "start",
    metavar="PACK",
    help="Start from the networks of a pack, of any game, as far as roles match.",
)
@click.option(
    "--freeze", is_flag=True, help="What --from copies stays as it is; only heads and new parts learn."
)
@click.option(
    "--only",
    help="Of the networks of --from take one alone, generator or playtester; the others start new.",
)
@click.option("--track", metavar="TRACKER", help="Tell a tracker, too: mlflow.")
@click.option(
    "--set",
    "changes",
    type=OptionType(),
    multiple=True,
    help="Change a setting of the training, such as gan.gamma=16, dqn.learning_rate=1e-4, loop.weights.fun=0 or "
    "run.gan_share=0.4; repeatable. A run's config.json lists them all.",
)
@click.option(
    "--device", default="auto", help="Where the networks learn: cpu, cuda or auto.  [default: auto]"
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Processor threads for the GAN; more pay off on 4 cores and up. [default: 1]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def train(
    game: str | None,
    levels: Path | None,
    budget: str | None,
    out: Path | None,
    resume: Path | None,
    seed: int | None,
    loss: str | None,
    steer: str | None,
    start: str | None,
    freeze: bool,
    only: str | None,
    track: str | None,
    changes: tuple[tuple[str, str], ...],
    device: str,
    threads: int | None,
    as_json: bool,
) -> int:
    """Train a generator and a playtester for GAME (a name, or a game.toml).

    Keeps to the budget, saves as it goes, and stops cleanly on Ctrl-C; --resume goes on where it stopped.
    Needs the 'train' extra.

    \b
    Examples:
      levelforge train dungeon --budget 30m --out runs/first
      levelforge train --resume runs/first --budget 2h
      levelforge train my-game/game.toml --levels my-maps --out runs/mine
      levelforge train my-game/game.toml --from dungeon --out runs/mine
      levelforge train dungeon --track mlflow
      levelforge train dungeon --device cuda --threads 4
      levelforge train dungeon --set loop.weights.fun=8 --set gan.gamma=16
    """
    if resume is not None and out is not None:
        raise click.UsageError("--resume names the run folder already; leave --out away")
    if game is None and resume is None:
        raise click.UsageError("which game? give a name or a game.toml, or --resume a run")
    from levelforge.game import load_game

    subject = None if game is None else load_game(game)
    run, parse_budget = _training("run").train, _training("budget").parse_budget
    result = run(
        subject,
        out=resume or out or Path("runs") / (subject.name if subject else ""),
        levels=levels,
        budget=None if budget is None else parse_budget(budget),
        seed=seed,
        loss=loss,
        steer=steer,
        start=start,
        freeze=freeze or None,
        only=only,
        track=track,
        changes=dict(changes),
        device=device,
        threads=threads,
        resume=resume is not None,
        command=shlex.join(["levelforge", *sys.argv[1:]]),
    )
    if as_json:
        facts = {"run": str(result.run), "done": result.done, "seconds": round(result.seconds, 1)}
        print_json(facts | {"figures": dict(result.figures)})
    elif result.done:
        say(f"done; make a pack of it: levelforge pack {result.run} --out PACK")
        click.echo(str(result.run))
    else:
        say(f"stopped, nothing lost; go on with: levelforge train --resume {result.run}")
    return DONE if result.done else INTERRUPTED


@cli.command()
@click.argument("source", metavar="RUN|PACK", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Pack folder to make or replace.")
@click.option(
    "--panel",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PACK[:N,…]",
    help="Let the playtesters of another pack of the game (or those of these numbers) share the playtests; may be "
    "given more than once.",
)
@click.option("--apart", is_flag=True, help="Leave the playtests to the others; the first plays all else.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def pack(source: Path, out: Path, panel: tuple[Path, ...], apart: bool, as_json: bool) -> None:
    """Make a pack (ONNX models, card) of a finished training RUN, or of a PACK that gets other playtesters.

    What one player finds hard, another may not. With --panel, several playtesters take turns at each level, so that
    its difficulty says more about players in general. All are stored as float16 then. A pack's playtesters count from 1:
    PACK:1,3 stands for two of them. The best player need not be the best judge: with --apart it is still the one that
    the demo shows and that is named in the card, but the others playtest.

    \b
    Examples:
      levelforge pack runs/first --out packs/first
      levelforge generate dungeon --pack packs/first
      levelforge pack runs/second --panel packs/first --out packs/both
      levelforge pack packs/both:1,2 --panel packs/third --apart --out packs/three
    """
    packing = _training("packing")
    make = packing.pack_again if packing.is_pack(source) else packing.pack_run
    made = make(source, out, panel, apart=apart)
    if as_json:
        facts = {"pack": str(out), "game": made.game.name, "hash": made.hash}
        print_json(facts | {"figures": made.info.get("figures", {})})
    else:
        say(f"{made.game.name} pack {made.hash[:12]}")
        click.echo(str(out))


def _training(module: str) -> Any:
    """A module of the training wing.

    Raises:
        MissingExtraError: torch is not installed.
    """
    import importlib

    from levelforge.errors import MissingExtraError

    try:
        return importlib.import_module(f"levelforge.training.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("levelforge"):
            raise
        raise MissingExtraError("training", "train") from None


def main() -> None:
    """The ``levelforge`` command."""
    cli.main(sys.argv[1:], "levelforge")


if __name__ == "__main__":
    main()
