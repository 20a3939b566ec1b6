"""LDtk projects, ours and people's, as levels.

A cell means the name that its IntGrid value has, an entity the name of its definition; upper and lower
case do not matter, for LDtk likes to capitalise. Layers lie over each other in their order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.exporters.base import check_side
from levelforge.exporters.facts import CI_NAMES, FLAT_NAMES, NAMES, PART, level_from, unflatten
from levelforge.exporters.games import find_game, guess_game
from levelforge.exporters.json_format import load_json
from levelforge.game import Game, Tiles
from levelforge.level import Level

MAX_LEVELS = 10_000


def read(path: Path, game: Game | None) -> list[Level]:
    """Read all levels of a project.

    Raises:
        LevelForgeError: not an LDtk project, levels in files of their own, a damaged layer.
    """
    data = load_json(path)
    if not isinstance(data, dict) or not isinstance(data.get("jsonVersion"), str):
        raise LevelForgeError(f"{path}: not an LDtk project: no jsonVersion")
    if not data["jsonVersion"].startswith("1."):
        raise LevelForgeError(f"{path}: LDtk JSON {data['jsonVersion'][:40]!r}; versions 1.x are read")
    if data.get("externalLevels"):
        raise LevelForgeError(
            f"{path}: keeps its levels in files of their own; switch 'Save levels to separate files' off in LDtk"
        )
    worlds = [data, *_objects(data, "worlds", str(path))]
    entries = [entry for world in worlds for entry in _objects(world, "levels", str(path))]
    if not 1 <= len(entries) <= MAX_LEVELS:
        raise LevelForgeError(f"{path}: has {len(entries)} levels; 1 to {MAX_LEVELS} are read")
    values = _values(data, path)
    return [_level(entry, values, path, game) for entry in entries]


def _values(data: dict[str, Any], path: Path) -> dict[int, dict[int, str]]:
    """For each layer definition, the name of each IntGrid value."""
    defs = data.get("defs")
    if not isinstance(defs, dict):
        raise LevelForgeError(f"{path}: not an LDtk project: no defs")
    found: dict[int, dict[int, str]] = {}
    for layer in _objects(defs, "layers", str(path)):
        names = {}
        for entry in _objects(layer, "intGridValues", str(path)):
            name = entry.get("identifier")
            names[_whole(entry.get("value"), f"{path}: IntGrid value")] = str(name or "").lower()
        found[_whole(layer.get("uid"), f"{path}: layer uid")] = names
    return found


def _level(entry: dict[str, Any], values: dict[int, dict[int, str]], path: Path, game: Game | None) -> Level:
    origin = f"{path}: level {str(entry.get('identifier', ''))[:40]!r}"
    if entry.get("layerInstances") is None:
        raise LevelForgeError(f"{origin}: lies in a file of its own; switch that off in LDtk and save")
    layers = _objects(entry, "layerInstances", origin)[::-1]  # from the bottom
    grids = [layer for layer in layers if layer.get("__type") == "IntGrid"]
    if not grids:
        raise LevelForgeError(f"{origin}: has no IntGrid layer")
    facts = _facts(entry, origin)
    named = facts.get("game")
    chosen = find_game(path, named if isinstance(named, str) else None, game)
    if chosen is None:
        used = {name for layer in grids for name in values.get(_uid(layer, origin), {}).values()}
        chosen = guess_game(path, used or {""}, "name")
    width, height = check_side(grids[0].get("__cWid"), grids[0].get("__cHei"), origin)
    tiles = np.full((height, width), chosen.empty.id, dtype=np.uint8)
    for layer in grids:
        must = len(grids) == 1 or str(layer.get("__identifier")).lower() == "terrain"
        _fill(tiles, layer, values.get(_uid(layer, origin), {}), chosen, origin, must)
    _place(tiles, layers, _whole(grids[0].get("__gridSize"), f"{origin}: __gridSize"), chosen, origin)
    return level_from(
        unflatten(facts, origin), chosen, tiles, origin, str(entry.get("identifier") or path.stem)
    )


def _facts(entry: dict[str, Any], origin: str) -> dict[str, Any]:
    """The level's fields by name; those of ours however they are capitalised now."""
    found = {}
    for field in _objects(entry, "fieldInstances", origin):
        name, value = field.get("__identifier"), field.get("__value")
        if not isinstance(name, str) or value is None:
            continue
        small = name.lower()
        if small.startswith(PART):
            small = PART + name[len(PART) :]
        ours = small in (*NAMES, *CI_NAMES, *FLAT_NAMES.values()) or small.startswith(PART)
        is_float = field.get("__type") == "Float" and type(value) is int
        found[small if ours and name not in found else name] = float(value) if is_float else value
    return found


def _fill(
    tiles: Tiles, layer: dict[str, Any], names: dict[int, str], game: Game, origin: str, must: bool
) -> None:
    """Set the cells of an IntGrid layer; if ``must``, every value has to be a tile of the game."""
    place = f"{origin}: layer {str(layer.get('__identifier', ''))[:40]!r}"
    height, width = tiles.shape
    if (layer.get("__cWid"), layer.get("__cHei")) != (width, height):
        raise LevelForgeError(
            f"{place}: is not as large as the level's first IntGrid layer ({width}x{height})"
        )
    numbers = layer.get("intGridCsv")
    if not isinstance(numbers, list) or len(numbers) != width * height:
        count = len(numbers) if isinstance(numbers, list) else "no"
        raise LevelForgeError(f"{place}: intGridCsv has {count} values where {width * height} are needed")
    if {*map(type, numbers)} != {int} or min(numbers) < 0 or max(numbers) >= 2**31:
        raise LevelForgeError(f"{place}: intGridCsv must hold whole numbers from 0 on")
    ids = {tile.name: tile.id for tile in game.tiles}
    grid = np.array(numbers, dtype=np.int64).reshape(height, width)
    for value in np.unique(grid).tolist():
        if value == 0:
            continue
        name = names.get(value, "")
        if name in ids:
            tiles[grid == value] = ids[name]
        elif must:
            y, x = (int(n) for n in np.argwhere(grid == value)[0])
            hint = did_you_mean(name, ids) if name else "; give it an identifier in LDtk"
            raise LevelForgeError(
                f"{place}: value {value} ({name[:40]!r}) at column {x}, row {y} is no tile of {game.name}{hint}"
            )


def _place(tiles: Tiles, layers: list[dict[str, Any]], size: int, game: Game, origin: str) -> None:
    """Set the cells of the entities whose name is a tile; others are decoration."""
    ids = {tile.name: tile.id for tile in game.tiles}
    taken: dict[tuple[int, int], str] = {}
    if size < 1:
        raise LevelForgeError(f"{origin}: __gridSize must be at least 1")
    for name, x, y in _things(layers, origin):
        if name not in ids:
            continue
        row, column = math.floor(y / size), math.floor(x / size)
        if not (0 <= row < tiles.shape[0] and 0 <= column < tiles.shape[1]):
            raise LevelForgeError(
                f"{origin}: entity {name!r}: lies outside the level, at column {column}, row {row}"
            )
        if (row, column) in taken:
            raise LevelForgeError(
                f"{origin}: entity {name!r}: shares the cell at column {column}, row {row} with "
                f"{taken[row, column]!r}; move one"
            )
        taken[row, column] = name
        tiles[row, column] = ids[name]


def _things(layers: list[dict[str, Any]], origin: str) -> Iterator[tuple[str, float, float]]:
    """Name and middle (x, y), in pixels of the level, of each entity."""
    for layer in layers:
        if layer.get("__type") != "Entities":
            continue
        shift = [
            _real(layer.get(key, 0), f"{origin}: {key}") for key in ("__pxTotalOffsetX", "__pxTotalOffsetY")
        ]
        for entry in _objects(layer, "entityInstances", origin):
            name = str(entry.get("__identifier", "")).lower()
            place = f"{origin}: entity {name[:40]!r}"
            corner, pivot = (
                _pair(entry.get("px"), f"{place}: px"),
                _pair(entry.get("__pivot"), f"{place}: __pivot"),
            )
            sides = [_real(entry.get(key), f"{place}: {key}") for key in ("width", "height")]
            x, y = (corner[n] + shift[n] + sides[n] * (0.5 - pivot[n]) for n in (0, 1))
            yield name, x, y


def claims(data: bytes) -> bool:
    """Whether a file is an LDtk project."""
    return b'"jsonVersion"' in data and b'"levels"' in data


# --- strict reading -----------------------------------------------------------------------------


def _uid(layer: dict[str, Any], origin: str) -> int:
    return _whole(layer.get("layerDefUid"), f"{origin}: layerDefUid")


def _objects(data: dict[str, Any], key: str, origin: str) -> list[dict[str, Any]]:
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise LevelForgeError(f"{origin}: {key} must be a list of objects")
    return value


def _whole(value: Any, place: str) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise LevelForgeError(f"{place}: must be a whole number from 0 on, not {str(value)[:40]}")
    return value


def _real(value: Any, place: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > 1e9:
        raise LevelForgeError(f"{place}: must be a number, not {str(value)[:40]}")
    return float(value)


def _pair(value: Any, place: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise LevelForgeError(f"{place}: must be two numbers, not {str(value)[:40]}")
    return _real(value[0], place), _real(value[1], place)
