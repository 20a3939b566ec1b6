"""Tiled maps, ours and people's, as levels.

A cell means what its picture shows: the tileset says of each picture which tile of the game it stands
for (property ``tile``, else the picture's ``type``). Flips and turns change the picture, not the tile.
Tile layers lie over each other in their order; objects with a known tile are set into the cell at
their middle. Layers and objects without any known tile are decoration and passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.exporters.base import check_side, read_bytes
from levelforge.exporters.facts import level_from, unflatten
from levelforge.exporters.games import find_game, guess_game
from levelforge.exporters.json_format import load_json
from levelforge.exporters.tiled_data import FLIPS, Gids, from_numbers, unpack
from levelforge.exporters.tiled_write import TERRAIN
from levelforge.exporters.tiled_xml import load_xml
from levelforge.game import Game
from levelforge.level import Level

MAX_GIDS = 2**20
"""The highest gid that is understood; a tileset larger than that is refused."""

MAX_DEPTH = 32
"""How deep groups of layers may be nested."""


def read(path: Path, game: Game | None) -> list[Level]:
    """Read a TMJ or TMX map.

    Raises:
        LevelForgeError: not a finite orthogonal map, a damaged layer, a cell that stands for no tile.
    """
    is_xml = read_bytes(path).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    data = load_xml(path, "map") if is_xml else load_json(path)
    return [_level(data, path, game)]


def claims(data: bytes) -> bool:
    """Whether a file is a Tiled map."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return b"<map" in data
    return start.startswith(b"{") and b'"layers"' in data and b'"tilesets"' in data


def _level(data: Any, path: Path, game: Game | None) -> Level:
    if not isinstance(data, dict) or not isinstance(data.get("layers"), list):
        raise LevelForgeError(f"{path}: not a Tiled map: no list of layers")
    width, height = check_side(data.get("width"), data.get("height"), path)
    if data.get("infinite"):
        raise LevelForgeError(f"{path}: an infinite map; switch 'Infinite' off in Tiled's map properties")
    if data.get("orientation", "orthogonal") != "orthogonal":
        raise LevelForgeError(
            f"{path}: orientation {str(data['orientation'])[:40]!r}; only orthogonal maps are read"
        )
    properties = _properties(data, str(path))
    names = _tile_names(data, path)
    named = properties.get("game")
    chosen = find_game(path, named if isinstance(named, str) else None, game)
    if chosen is None:
        chosen = guess_game(path, set(names.values()) or {""}, "name")
    tiles = np.full((height, width), chosen.empty.id, dtype=np.uint8)
    layers = list(_layers(data["layers"], str(path)))
    if not any(layer.get("type") == "tilelayer" for layer in layers):
        raise LevelForgeError(f"{path}: has no tile layer")
    ids = {tile.name: tile.id for tile in chosen.tiles}
    known = {gid: ids[name] for gid, name in names.items() if name in ids}
    _fill(tiles, layers, known, names, path, chosen)
    _place(tiles, layers, known, ids, data, path)
    return level_from(unflatten(properties, str(path)), chosen, tiles, str(path), path.stem)


# --- tilesets and properties --------------------------------------------------------------------


def _tile_names(data: dict[str, Any], path: Path) -> dict[int, str]:
    """For each gid, the name that its picture carries (``""`` if none)."""
    names: dict[int, str] = {}
    tilesets = _list(data, "tilesets", str(path))
    for entry in sorted(tilesets, key=lambda t: _whole(t.get("firstgid", 1), f"{path}: tileset firstgid", 1)):
        first = int(entry.get("firstgid", 1))
        tileset = _external(entry["source"], path) if "source" in entry else entry
        tiles = _list(tileset, "tiles", str(path))
        found = {}
        for tile in tiles:
            number = _whole(tile.get("id"), f"{path}: tile id", 0)
            named = _properties(tile, str(path)).get("tile", tile.get("type") or tile.get("class") or "")
            found[number] = named if isinstance(named, str) else ""
        count = _whole(tileset.get("tilecount", max(found, default=-1) + 1), f"{path}: tilecount", 0)
        if first + count > MAX_GIDS:
            raise LevelForgeError(
                f"{path}: a tileset reaches gid {first + count}; at most {MAX_GIDS} are read"
            )
        for gid in [gid for gid in names if gid >= first]:
            del names[gid]
        names |= {first + number: found.get(number, "") for number in range(count)}
    return names


def _external(source: Any, path: Path) -> dict[str, Any]:
    """A tileset file, which must lie in the map's folder or below it."""
    text = source if isinstance(source, str) else ""
    file = path.parent / text
    inside = bool(text) and "\x00" not in text and file.resolve().is_relative_to(path.parent.resolve())
    if not inside or Path(text).is_absolute() or "\\" in text:
        raise LevelForgeError(
            f"{path}: tileset {text[:80]!r} lies outside the map's folder; copy it beside the map or embed it"
        )
    if not file.is_file():
        raise LevelForgeError(f"{path}: tileset {text[:80]!r} is missing")
    is_xml = read_bytes(file).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    data = load_xml(file, "tileset") if is_xml else load_json(file)
    if not isinstance(data, dict):
        raise LevelForgeError(f"{file}: not a Tiled tileset")
    return data


def _properties(data: dict[str, Any], origin: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in _list(data, "properties", origin):
        name, value = entry.get("name"), entry.get("value")
        if not isinstance(name, str):
            raise LevelForgeError(f"{origin}: a property without a name")
        # A whole number of a float property is written as 1 by tools made in JavaScript.
        is_float = entry.get("type") == "float" and type(value) is int
        found[name] = float(value) if is_float and abs(value) < 2**53 else value
    return found


# --- cells --------------------------------------------------------------------------------------


def _layers(layers: list[Any], origin: str, depth: int = 0) -> Iterator[dict[str, Any]]:
    """All layers, those in groups in their place."""
    if depth > MAX_DEPTH:
        raise LevelForgeError(f"{origin}: groups of layers are nested more than {MAX_DEPTH} deep")
    for layer in layers:
        if not isinstance(layer, dict):
            raise LevelForgeError(f"{origin}: a layer is not an object")
        if layer.get("type") == "group":
            yield from _layers(_list(layer, "layers", origin), origin, depth + 1)
        else:
            yield layer


def _fill(
    tiles: np.ndarray[Any, np.dtype[np.uint8]],
    layers: list[dict[str, Any]],
    known: dict[int, int],
    names: dict[int, str],
    path: Path,
    game: Game,
) -> None:
    """Set the cells of all tile layers; the layer ``terrain``, or the only one, must be understood whole."""
    table = np.full(max(names, default=0) + 1, -1, dtype=np.int16)
    table[list(known)] = list(known.values())
    ours = [layer for layer in layers if layer.get("type") == "tilelayer"]
    for layer in ours:
        gids = _gids(layer, tiles.shape[0], tiles.shape[1], path)
        place = f"{path}: layer {str(layer.get('name', ''))[:40]!r}"
        plain = gids & np.uint32(~FLIPS & 0xFFFFFFFF)
        if int(plain.max()) not in names and int(plain.max()) != 0:
            y, x = (int(n) for n in np.argwhere(plain == plain.max())[0])
            raise LevelForgeError(
                f"{place}: gid {int(plain.max())} at column {x}, row {y} is in none of the map's tilesets"
            )
        ids = table[plain]
        puzzling = (ids < 0) & (plain > 0)
        if puzzling.any() and (len(ours) == 1 or layer.get("name") == TERRAIN):
            y, x = (int(n) for n in np.argwhere(puzzling)[0])
            gid = int(plain[y, x])
            name = names.get(gid, "")
            hint = did_you_mean(name, [t.name for t in game.tiles]) if name else ""
            what = (
                f"shows {name[:40]!r}, which is no tile of {game.name}{hint}"
                if name
                else "stands for no tile"
            )
            raise LevelForgeError(
                f"{place}: gid {gid} at column {x}, row {y} {what}; give it the property 'tile' in the tileset"
            )
        known_here = ids >= 0
        tiles[known_here] = ids[known_here].astype(np.uint8)


def _gids(layer: dict[str, Any], height: int, width: int, path: Path) -> Gids:
    place = f"{path}: layer {str(layer.get('name', ''))[:40]!r}"
    if "chunks" in layer:
        raise LevelForgeError(f"{path}: an infinite map; switch 'Infinite' off in Tiled's map properties")
    if (layer.get("width", width), layer.get("height", height)) != (width, height):
        raise LevelForgeError(f"{place}: is not as large as the map ({width}x{height})")
    data = layer.get("data")
    if isinstance(data, np.ndarray):
        return data
    encoding = layer.get("encoding", "csv")
    if encoding == "base64" and isinstance(data, str):
        return unpack(data, str(layer.get("compression") or ""), height, width, place)
    if encoding not in ("csv", "base64"):
        raise LevelForgeError(f"{place}: unknown encoding {str(encoding)[:40]!r} (known: csv, base64)")
    return from_numbers(data, height, width, place)


def _place(
    tiles: np.ndarray[Any, np.dtype[np.uint8]],
    layers: list[dict[str, Any]],
    known: dict[int, int],
    ids: dict[str, int],
    data: dict[str, Any],
    path: Path,
) -> None:
    """Set the cells of the objects that stand for a tile."""
    tile_width = _whole(data.get("tilewidth"), f"{path}: tilewidth", 1)
    tile_height = _whole(data.get("tileheight"), f"{path}: tileheight", 1)
    taken: dict[tuple[int, int], str] = {}
    for layer in layers:
        if layer.get("type") != "objectgroup":
            continue
        for entry in _list(layer, "objects", str(path)):
            label = str(entry.get("name") or entry.get("type") or entry.get("class") or entry.get("id"))[:40]
            place = f"{path}: object {label!r}"
            tile = _tile_of(entry, known, ids, place)
            if tile is None:
                continue
            x, y, w, h = (
                _real(entry.get(key, 0), f"{place}: {key}") for key in ("x", "y", "width", "height")
            )
            middle = (
                y - h / 2 if "gid" in entry else y + h / 2
            )  # a tile object hangs from its bottom left corner
            row, column = math.floor(middle / tile_height), math.floor((x + w / 2) / tile_width)
            if not (0 <= row < tiles.shape[0] and 0 <= column < tiles.shape[1]):
                raise LevelForgeError(f"{place}: lies outside the map, at column {column}, row {row}")
            if (row, column) in taken:
                raise LevelForgeError(
                    f"{place}: shares the cell at column {column}, row {row} with {taken[row, column]!r}; move one"
                )
            taken[row, column] = label
            tiles[row, column] = tile


def _tile_of(entry: dict[str, Any], known: dict[int, int], ids: dict[str, int], place: str) -> int | None:
    """The tile id that an object stands for: by its picture, else by its type."""
    if "gid" in entry:
        gid = _whole(entry["gid"], f"{place}: gid", 1) & ~FLIPS
        if gid in known:
            return known[gid]
    word = entry.get("type") or entry.get("class")
    return ids.get(word) if isinstance(word, str) else None


# --- strict reading -----------------------------------------------------------------------------


def _list(data: dict[str, Any], key: str, origin: str) -> list[Any]:
    """A list of objects; missing counts as empty."""
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise LevelForgeError(f"{origin}: {key} must be a list of objects")
    return value


def _whole(value: Any, place: str, lowest: int) -> int:
    if type(value) is not int or not lowest <= value <= 0xFFFFFFFF:
        raise LevelForgeError(f"{place}: must be a whole number from {lowest} on, not {str(value)[:40]}")
    return value


def _real(value: Any, place: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > 1e9:
        raise LevelForgeError(f"{place}: must be a number, not {str(value)[:40]}")
    return float(value)
