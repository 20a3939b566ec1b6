"""Draw the tilesets of the bundled games: ``python tools/draw_tilesets.py [FOLDER]``.

Writes ``<game>/tileset/{tileset.png, tileset.json}`` under the folder (``assets/games`` unless
told). Running it again gives the same pictures and the same metadata.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tileset_art import dungeon, platformer

SHEETS = {"dungeon": dungeon.draw, "platformer": platformer.draw}


def main(folder: Path) -> None:
    """Draw every sheet into ``folder/<game>/tileset``."""
    for game, draw in SHEETS.items():
        sheet = draw()
        sheet.write(folder / game / "tileset")
        print(f"{game}: {len(sheet.tiles)} tiles")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "assets" / "games")
