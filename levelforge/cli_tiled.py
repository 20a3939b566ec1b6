"""The command install-tiled-extension."""

from __future__ import annotations

from pathlib import Path

import click

from levelforge.console import print_json, say


@click.command("install-tiled-extension")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="Tiled's folder of extensions. [default: this user's]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def install_tiled_extension(folder: Path | None, as_json: bool) -> None:
    """Put LevelForge into Tiled's menu "Map": generate, regenerate the selection, check, repair.

    Prints where the extension was put. It calls this levelforge: install it again after moving or
    replacing that. Another folder than the user's own is, for one, "extensions" beside a .tiled-project.

    \b
    Examples:
      levelforge install-tiled-extension
      levelforge install-tiled-extension --dir my-game/extensions
    """
    from levelforge.tiled_extension import extensions_folder, install, own_command

    path, how = install(folder or extensions_folder())
    if as_json:
        print_json({"installed": str(path), "was": how, "command": own_command()})
        return
    words = {
        "new": "installed",
        "replaced": "installed in place of another version",
        "unchanged": "already there",
    }
    say(f"{words[how]}; start Tiled (1.8 or later) and look into the menu Map")
    click.echo(str(path))
