"""The command ``export-kit``."""

from __future__ import annotations

from pathlib import Path

import click

from levelforge.console import Forge, print_json, say


@click.group("export-kit", cls=Forge)
def export_kit() -> None:
    """Write a ready-made project around a game's pack.

    \b
    Examples:
      levelforge export-kit web dungeon --out web/dungeon
    """


@export_kit.command()
@click.argument("game")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to make, or a kit to replace."
)
@click.option(
    "--pack", "pack_path", type=click.Path(path_type=Path), help="Another pack folder than the game's."
)
@click.option(
    "--node-modules",
    type=click.Path(path_type=Path),
    help="Take onnxruntime-web and phaser from here. [default: fetched once with npm]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def web(game: str, out: Path, pack_path: Path | None, node_modules: Path | None, as_json: bool) -> None:
    """A static web page on which visitors make, play and download levels of GAME.

    Any web server can serve the folder; nothing is fetched from elsewhere when the page runs. Its JavaScript modules
    (rules, observation, generator, solver) can be used on their own, see docs/web-kit.md.

    \b
    Examples:
      levelforge export-kit web dungeon --out web/dungeon
      python3 -m http.server -d web/dungeon 8000
    """
    from levelforge.game import load_game
    from levelforge.pack import pack_for
    from levelforge.web_kit import export_web_kit

    loaded = load_game(game)
    pack = pack_for(loaded, pack_path)
    files = export_web_kit(pack, out, node_modules=node_modules, say=say)
    if as_json:
        print_json({"game": loaded.name, "pack": pack.hash, "out": str(out), "files": files})
        return
    say(f"look at it: python3 -m http.server -d {out} 8000, then open http://localhost:8000")
    click.echo(str(out / "index.html"))
