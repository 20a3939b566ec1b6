"""The report command."""

from __future__ import annotations

from pathlib import Path

import click

from levelforge.console import print_json, progress


@click.command()
@click.argument("folder", metavar="RUN|FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="File to write. [default: report.html in the folder]"
)
@click.option("--game", help="The game of levels that do not say it themselves (text).")
@click.option(
    "--pack", "pack_path", type=click.Path(path_type=Path), help="Another pack folder than the game's."
)
@click.option(
    "--seed", type=click.IntRange(0), help="Of the playtest. [default: that of the folder's levels]"
)
@click.option("--no-playtest", is_flag=True, help="Do not play; show what the levels know of themselves.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def report(
    folder: Path,
    out: Path | None,
    game: str | None,
    pack_path: Path | None,
    seed: int | None,
    no_playtest: bool,
    as_json: bool,
) -> None:
    """Write one HTML page about a set of levels or a training run.

    The page holds everything in itself: it opens from disk, without a network. For levels it shows how hard and how
    much fun they are, and why, with pictures of the solution, the visits, the losses and the tension; for a
    training run its learning curves, samples and settings.

    \b
    Examples:
      levelforge report out/dungeon
      levelforge report runs/first --out first.html
    """
    from levelforge.report.gather import REPORT, report_folder, write_page

    with progress() as tell:
        text = report_folder(
            folder,
            game=game,
            pack=pack_path,
            seed=seed,
            play=not no_playtest,
            progress=lambda done, total: tell("playtest", done, total),
        )
    path = write_page(text, out or folder / REPORT)
    if as_json:
        print_json({"report": str(path), "bytes": path.stat().st_size})
    else:
        click.echo(str(path))
