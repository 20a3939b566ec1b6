"""Reading and checking ``tileset.json``; its fields are described in :mod:`levelforge.tileset`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.tileset import STEPS, Frames, Stamp, TileRule, Tileset


@lru_cache(maxsize=32)
def read_tileset(path: Path, _changed: int) -> Tileset:
    """Read one ``tileset.json``; kept until its time of change (``_changed``) is another.

    Raises:
        FileNotFoundError: no such file.
        LevelForgeError: a fault in it; one line with the file, the key and the mend.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise LevelForgeError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise LevelForgeError(f"{path}: not valid JSON: {error}") from None
    return parse_tileset(data, str(path), path.parent)


def parse_tileset(data: Any, origin: str = "tileset.json", folder: Path | None = None) -> Tileset:
    """Validate the content of a ``tileset.json``.

    Args:
        data: the parsed JSON.
        origin: the name used in messages.
        folder: where the sheet lies; None skips looking for it.

    Raises:
        LevelForgeError: one line with the file, the key and the mend.
    """
    if not isinstance(data, dict):
        raise LevelForgeError(f"{origin}: must be a JSON object")
    known = (
        "format",
        "image",
        "tile_size",
        "columns",
        "count",
        "background",
        "licence",
        "tiles",
        "frames",
        "corner_wang",
    )
    _only(data, known, origin, "")
    if data.get("format") != 1:
        raise LevelForgeError(f"{origin}: format must be 1, not {data.get('format')!r}")
    size, columns, count = (_whole(data, key, origin) for key in ("tile_size", "columns", "count"))
    image = None
    if folder is not None:
        image = folder / str(data.get("image", "tileset.png"))
        if not image.is_file():
            raise LevelForgeError(f"{image}: no such file; {origin} names it as its image")
    entries = _object(data, "tiles", origin)
    rules = {
        name: _rule(_object(entries, name, origin), count, f"{origin}: tiles.{name}") for name in entries
    }
    frames = {}
    for name, moves in _object(data, "frames", origin).items():
        place = f"{origin}: frames.{name}"
        if not isinstance(moves, dict) or not all(isinstance(move, dict) for move in moves.values()):
            raise LevelForgeError(f'{place}: must look like {{"move": {{"tiles": [1, 2], "ms": 120}}}}')
        frames[name] = {
            move: Frames(
                tuple(_indices(spec.get("tiles"), count, f"{place}.{move}")),
                _whole(spec, "ms", f"{place}.{move}"),
            )
            for move, spec in moves.items()
        }
    wang = {}
    for name, table in _object(data, "corner_wang", origin).items():
        wang[name] = tuple(_indices(table, count, f"{origin}: corner_wang.{name}"))
        if len(wang[name]) != 16:
            raise LevelForgeError(
                f"{origin}: corner_wang.{name} has {len(wang[name])} tiles where 16 are needed"
            )
    background = data.get("background", "#1b1325")
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", str(background)):
        raise LevelForgeError(f"{origin}: background must be a colour such as #1b1325, not {background!r}")
    return Tileset(size, columns, count, rules, frames, wang, background, image, origin)


def _rule(data: Mapping[str, Any], count: int, place: str) -> TileRule:
    _only(data, ("table", "neighbours", "match", "outside", "stamps"), place, " in the rule")
    neighbours, match = (_names(data, key, place) for key in ("neighbours", "match"))
    for name in neighbours:
        if name not in STEPS:
            raise LevelForgeError(f"{place}: unknown neighbour {name!r}{did_you_mean(name, STEPS)}")
    if neighbours and not match:
        raise LevelForgeError(f"{place}: neighbours need match, the list of tiles that count")
    table, lists = data.get("table"), 1 << len(neighbours)
    if not isinstance(table, list) or len(table) != lists:
        raise LevelForgeError(
            f"{place}: table must be a list of {lists} lists, one for each set of {len(neighbours)} neighbours"
        )
    variants = [_indices(entry, count, f"{place}: table[{i}]") for i, entry in enumerate(table)]
    length = np.array([len(entry) for entry in variants], dtype=np.int64)
    stamps = data.get("stamps", [])
    if not isinstance(stamps, list):
        raise LevelForgeError(f"{place}: stamps must be a list")
    return TileRule(
        neighbours,
        match,
        bool(data.get("outside", False)),
        np.array([index for entry in variants for index in entry], dtype=np.int32),
        np.cumsum(length) - length,
        length,
        tuple(_stamp(spec, count, f"{place}: stamps[{i}]") for i, spec in enumerate(stamps)),
    )


def _stamp(data: Mapping[str, Any], count: int, place: str) -> Stamp:
    _only(data, ("cells", "block", "chance"), place, " in the stamp")
    cells, chance = data.get("cells"), data.get("chance", 1.0)
    if not isinstance(cells, list) or not cells:
        raise LevelForgeError(f"{place}: cells must be a list of rows of sheet indices, -1 for a hole")
    rows = [_indices(row, count, place, lowest=-1) for row in cells]
    if len({len(row) for row in rows}) != 1 or max(map(max, rows)) < 0:
        raise LevelForgeError(f"{place}: cells must be rows of equal length with a tile among them")
    block = _indices(data.get("block"), 1 << 16, f"{place}: block", lowest=1)
    if len(block) != 2 or block[0] < len(rows) or block[1] < len(rows[0]):
        raise LevelForgeError(f"{place}: block must be [height, width], at least the stamp's own size")
    if isinstance(chance, bool) or not isinstance(chance, int | float) or not 0 <= chance <= 1:
        raise LevelForgeError(f"{place}: chance must be from 0 to 1, not {chance!r}")
    return Stamp(np.array(rows, dtype=np.int32), (block[0], block[1]), float(chance))


def _names(data: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise LevelForgeError(f"{place}: {key} must be a list of names")
    return tuple(value)


def _only(data: Any, known: Sequence[str], origin: str, where: str) -> None:
    if not isinstance(data, dict):
        raise LevelForgeError(f"{origin}: must be a JSON object")
    for key in data:
        if key not in known:
            raise LevelForgeError(f"{origin}: unknown key {key!r}{where}{did_you_mean(key, known)}")


def _object(data: Mapping[str, Any], key: str, origin: str) -> dict[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise LevelForgeError(f"{origin}: {key} must be a JSON object")
    return value


def _whole(data: Mapping[str, Any], key: str, origin: str) -> int:
    value = data.get(key)
    if type(value) is not int or value < 1:
        raise LevelForgeError(f"{origin}: {key} must be a whole number above 0, not {value!r}")
    return value


def _indices(value: Any, count: int, place: str, lowest: int = 0) -> list[int]:
    if not isinstance(value, list) or not value or not all(type(v) is int for v in value):
        raise LevelForgeError(f"{place}: must be a list of at least one sheet index")
    for index in value:
        if not lowest <= index < count:
            raise LevelForgeError(f"{place}: index {index} is outside the sheet of {count} tiles")
    return list(value)
