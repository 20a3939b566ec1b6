"""The commands that take level files: playtest, verify, solve, repair, convert."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from levelforge.cli_formats import format_options
from levelforge.console import ANSWER_IS_NO, DONE, print_json, progress, say, split_words, staged
from levelforge.playtest.difficulty import EPISODES

F = TypeVar("F", bound=Callable[..., Any])

paths_argument = click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
game_option = click.option("--game", help="The game of levels that do not say it themselves (text).")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
limit_option = click.option(
    "--node-limit",
    type=click.IntRange(1),
    default=2_000_000,
    show_default=True,
    help="States to search on one level before it is called undecided.",
)


@click.command()
@paths_argument
@game_option
@click.option(
    "--pack", "pack_path", type=click.Path(path_type=Path), help="Another pack folder than the game's."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the action noise.")
@click.option(
    "--episodes", type=click.IntRange(1), default=EPISODES, show_default=True, help="Played at each skill."
)
@click.option(
    "--personas",
    multiple=True,
    default=["runner,explorer,collector,survivor"],
    show_default=True,
    help="Comma separated; the first one's wins are the difficulty.",
)
@click.option("--heatmap", type=click.Path(path_type=Path), help="Folder for pictures of where players went.")
@limit_option
@json_option
def playtest(
    paths: tuple[Path, ...],
    game: str | None,
    pack_path: Path | None,
    seed: int,
    episodes: int,
    personas: tuple[str, ...],
    heatmap: Path | None,
    node_limit: int,
    as_json: bool,
) -> None:
    """Let the trained playtester play levels, and report how hard and how much fun they are, and why.

    A PATH is a level of any readable format, ours or not, or a folder of levels. Where a folder holds
    one level in several formats, it is played once.

    \b
    Examples:
      levelforge playtest out/dungeon
      levelforge playtest mine.txt --game dungeon --heatmap heat
      levelforge playtest out/platformer --episodes 32 --json > scores.json
    """
    from levelforge.files import label, read_files
    from levelforge.judge import play_document, write_heatmaps
    from levelforge.pack import pack_for
    from levelforge.playtest.measure import playtest as run

    found = read_files(paths, game, one_game=True)
    subject = found[0].level.game
    pack = pack_for(subject, pack_path)
    with progress() as tell:
        results = run(
            [f.level for f in found],
            subject,
            pack,
            seed=seed,
            episodes=episodes,
            personas=split_words(personas),
            threads=2,
            progress=lambda done, total: tell("playtest", done, total),
        )
    document = play_document(found, results, node_limit)
    if heatmap is not None:
        with staged(heatmap) as draft:
            write_heatmaps(found, results, draft)
        say(f"heat maps in {heatmap}")
    if as_json:
        print_json(document)
        return
    for entry in document["levels"]:
        low, high = entry["difficulty_ci"]
        state = {True: f"{entry['solution_length']} steps", False: "unbeatable", None: "undecided"}[
            entry["beatable"]
        ]
        fun = "" if entry["fun"] is None else f"fun {entry['fun']:.2f}, "
        click.echo(
            f"{label(entry)}: difficulty {entry['difficulty']:.2f} ({low:.2f} to {high:.2f}), {fun}{state}\n"
            f"    {entry['why']}"
        )
    summary = document["summary"]
    rates = ", ".join(f"{rate:.0%} at {skill}" for skill, rate in summary["win_rate"].items())
    click.echo(
        f"{len(found)} levels: mean difficulty {summary['difficulty']:.2f}; wins by action noise: {rates}"
    )


@click.command()
@paths_argument
@game_option
@limit_option
@json_option
def verify(paths: tuple[Path, ...], game: str | None, node_limit: int, as_json: bool) -> int:
    """Check that levels can be beaten; exit status 1 if any cannot (or was undecided).

    Replays the solution that a level carries; where there is none, or it does not win, searches for one.

    \b
    Examples:
      levelforge verify out/dungeon
      levelforge verify mine.txt --game platformer --json
    """
    from levelforge.files import label, read_files
    from levelforge.judge import verify_entry

    entries = []
    for found in read_files(paths, game, every_format=True):
        entry = verify_entry(found, node_limit)
        entries.append(entry)
        if not as_json:
            steps = "" if entry["solution_length"] is None else f" in {entry['solution_length']} steps"
            click.echo(f"{label(entry)}: {entry['verdict']}{steps} (certificate {entry['certificate']})")
    good = sum(entry["verdict"] == "beatable" for entry in entries)
    if as_json:
        print_json({"levels": entries})
    else:
        click.echo(f"{good} of {len(entries)} beatable")
    return DONE if good == len(entries) else ANSWER_IS_NO


@click.command()
@paths_argument
@game_option
@limit_option
@json_option
def solve(paths: tuple[Path, ...], game: str | None, node_limit: int, as_json: bool) -> int:
    """Print a shortest solution of each level; exit status 1 if any has none.

    A solution is written with one letter an action: U D L R W (wait) in a dungeon; i (idle) l r and
    J L R (the same with jump) in a platformer.

    \b
    Examples:
      levelforge solve out/dungeon/dungeon-7-0000.json
      levelforge solve mine.txt --game dungeon --json
    """
    from levelforge.files import label, read_files
    from levelforge.judge import solve_entry

    entries = []
    for found in read_files(paths, game):
        entry = solve_entry(found, node_limit)
        entries.append(entry)
        if as_json:
            continue
        if entry["verdict"] == "beatable":
            click.echo(f"{label(entry)}: beatable in {entry['solution_length']} steps: {entry['solution']}")
        else:
            reason = entry["reason"] or f"{entry['expanded']} states searched; raise --node-limit"
            click.echo(f"{label(entry)}: {entry['verdict']} ({reason})")
    if as_json:
        print_json({"levels": entries})
    return DONE if all(entry["verdict"] == "beatable" for entry in entries) else ANSWER_IS_NO


@click.command()
@paths_argument
@game_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write to. [default: print one level as text]"
)
@click.option("--format", "formats", multiple=True, help="Formats to write. [default: as each was read]")
@format_options
@json_option
def repair(
    paths: tuple[Path, ...],
    game: str | None,
    out: Path | None,
    formats: tuple[str, ...],
    options: dict[str, str],
    as_json: bool,
) -> int:
    """Make levels well-formed and beatable with few edits; exit status 1 if any cannot be.

    Never changes the file it read: writes to --out, or prints one level as text.

    \b
    Examples:
      levelforge repair mine.txt --game dungeon > mended.txt
      levelforge repair maps --out mended --format tiled,png
    """
    import numpy as np

    from levelforge.errors import LevelForgeError
    from levelforge.files import check_formats, label, read_files, write_file
    from levelforge.level import format_text
    from levelforge.repair import repair as run

    words = check_formats(split_words(formats))
    found = read_files(paths, game, playable=False)
    check_formats(words or list(dict.fromkeys(item.format for item in found)), options)
    if out is None and len(found) > 1 and not as_json:
        raise LevelForgeError(f"{len(found)} levels do not fit on one page: name a folder with --out")
    results = []
    for item in found:
        result = run(item.level.unmeasured())
        results.append(result)
        if result is None:
            say(f"{label(item.entry)}: could not be repaired")
        else:
            say(f"{label(item.entry)}: {result.edits} edits, beatable in {len(result.solution)} steps")
    written: list[list[str]] = [[] for _ in found]
    if out is not None:
        with staged(out) as draft:
            for item, result, names in zip(found, results, written, strict=True):
                for word in (words or [item.format]) if result else []:
                    assert result is not None
                    mended = result.level.with_(id=item.id)
                    names += [path.name for path in write_file(mended, draft, word, options)]
    elif not as_json and results[0] is not None:
        click.echo(format_text(results[0].level.tiles, results[0].level.game), nl=False)
    if as_json:
        entries = []
        for item, result, names in zip(found, results, written, strict=True):
            entry = item.entry | {"repaired": result is not None}
            entry["edits"] = result.edits if result else None
            entry["solution_length"] = len(result.solution) if result else None
            changed = np.argwhere(result.level.tiles != item.level.tiles) if result else np.empty((0, 2), int)
            entry["changed"] = changed[:, ::-1].tolist()
            entry["files"] = [str(out / name) for name in names] if out else []
            if result and out is None:
                entry["text"] = format_text(result.level.tiles, result.level.game)
            entries.append(entry)
        print_json({"levels": entries})
    return DONE if all(result is not None for result in results) else ANSWER_IS_NO


@click.command()
@paths_argument
@click.option("--to", "formats", multiple=True, required=True, help="Formats to write, comma separated.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@format_options
@game_option
@json_option
def convert(
    paths: tuple[Path, ...],
    formats: tuple[str, ...],
    out: Path,
    options: dict[str, str],
    game: str | None,
    as_json: bool,
) -> None:
    """Write levels in other formats; formats that hold or join several levels get all of a game at once.

    \b
    Examples:
      levelforge convert out/dungeon --to text --out plain
      levelforge convert mine.txt --game platformer --to tiled,png --out maps
    """
    from levelforge.files import check_formats, read_files, write_files

    words = check_formats(split_words(formats), options)
    found = read_files(paths, game, playable=False)
    written: dict[int, list[str]] = {}
    with staged(out) as draft:
        for digest in dict.fromkeys(item.level.game.digest for item in found):
            mine = [n for n, item in enumerate(found) if item.level.game.digest == digest]
            levels = [found[n].level.with_(id=found[n].id) for n in mine]
            names = write_files(levels, draft, words, options, levels[0].game.name)
            written |= dict(zip(mine, names, strict=True))
    entries = [
        item.entry | {"files": [str(out / name) for name in written[n]]} for n, item in enumerate(found)
    ]
    if as_json:
        print_json({"levels": entries})
    else:
        say(f"{len(found)} level{'s'[: len(found) != 1]} written to {out}")
