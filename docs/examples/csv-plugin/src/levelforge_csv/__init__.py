"""LevelForge levels as spreadsheets: a tile's name in each cell, the top row first."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.exporters import Format, write_files
from levelforge.exporters.base import MAX_SIDE, read_text
from levelforge.exporters.games import find_game, guess_game
from levelforge.game import Game
from levelforge.level import Level

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}


def write(level: Level, folder: Path, stem: str, options: Mapping[str, str]) -> list[Path]:
    """Write ``stem.csv``: whole or not at all."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, delimiter=SEPARATORS[options["separator"]], lineterminator="\n")
    writer.writerows([level.game.tiles[number].name for number in row] for row in level.tiles)
    return write_files(folder, {f"{stem}.csv": sheet.getvalue().encode()})


def read(path: Path, game: Game | None) -> list[Level]:
    """Read what :func:`write` wrote, or what a spreadsheet made of it."""
    text = read_text(path)
    first = text.partition("\n")[0]
    separator = max(SEPARATORS.values(), key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if row]
    if not rows or len(rows) > MAX_SIDE or len(rows[0]) > MAX_SIDE:
        raise LevelForgeError(f"{path}: needs 1 to {MAX_SIDE} rows of 1 to {MAX_SIDE} tiles")
    names = {name for row in rows for name in row}
    chosen = find_game(path, None, game) or guess_game(path, names, "name")
    ids = {tile.name: tile.id for tile in chosen.tiles}
    for y, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise LevelForgeError(f"{path}: row {y} has {len(row)} cells where row 1 has {len(rows[0])}")
        for x, name in enumerate(row, start=1):
            if name not in ids:
                hint = did_you_mean(name[:40], ids)
                raise LevelForgeError(f"{path}: row {y}, column {x}: {name[:40]!r} is no tile{hint}")
    tiles = np.array([[ids[name] for name in row] for row in rows], dtype=np.uint8)
    return [Level(chosen, tiles, id=path.stem)]


FORMAT = Format(
    name="csv",
    title="spreadsheet: a tile's name in each cell",
    extensions=(".csv",),
    read=read,
    write=write,
    options={"separator": tuple(SEPARATORS)},
    tested="LevelForge's own tests",
    limits="tiles alone: no solution, difficulty or other facts",
)
