"""Tiled maps, ours and people's, as levels.

A cell means what its picture shows: the tileset says of each picture which tile of the game it stands
for (property ``tile``, else the picture's ``type``). Flips and turns change the picture, not the tile.
Tile layers lie over each other in their order; objects with a known tile are set into the cell at
their middle. Layers, cells and objects without a known tile are decoration: kept for the next Tiled map.
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
from levelforge.exporters.tiled_data import FLIPS, MAX_CELLS, Gids, from_csv, from_numbers, unpack
from levelforge.exporters.tiled_kept import KEY, Leftover, collect, kinds_of, note
from levelforge.exporters.tiled_sets import objects_in, properties_of, tilesets_of, whole
from levelforge.exporters.tiled_write import CHECKED, ENTITIES, TERRAIN
from levelforge.exporters.tiled_xml import load_xml
from levelforge.game import Game
from levelforge.level import Level
from levelforge.tileset import load_tileset

MAX_DEPTH = 32
"""How deep groups of layers may be nested."""


def read_map(path: Path, game: Game | None) -> Level:
    """Read a TMJ or TMX map.

    Raises:
        LevelForgeError: not a finite orthogonal map, a damaged layer, a cell that stands for no tile.
    """
    is_xml = read_bytes(path).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    data = load_xml(path, "map") if is_xml else load_json(path)
    return _level(data, path, game)


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
    properties = properties_of(data, str(path))
    tilesets = tilesets_of(data, path)
    names = {
        each.first + number: known.get(number, "") for each, known in tilesets for number in range(each.count)
    }
    named = properties.get("game")
    chosen = find_game(path, named if isinstance(named, str) else None, game)
    if chosen is None:
        chosen = guess_game(path, set(names.values()) or {""}, "name")
    tiles = np.full((height, width), chosen.empty.id, dtype=np.uint8)
    layers = [layer for layer in _layers(data["layers"], str(path)) if layer.get("name") not in CHECKED]
    count = sum(layer.get("type") == "tilelayer" for layer in layers)
    if not count:
        raise LevelForgeError(f"{path}: has no tile layer")
    if count * width * height > MAX_CELLS:
        most = MAX_CELLS // (width * height)
        raise LevelForgeError(
            f"{path}: has {count} tile layers; a map of {width}x{height} tiles may have up to {most}; merge some"
        )
    ids = {tile.name: tile.id for tile in chosen.tiles}
    known = {gid: ids[name] for gid, name in names.items() if name in ids}
    rest = _fill(tiles, layers, known, names, path, chosen)
    things, notes = _place(tiles, layers, known, ids, data, path)
    rest |= things
    level = level_from(unflatten(properties, str(path)), chosen, tiles, str(path), path.stem)
    kept = collect(
        _leftovers(layers, rest),
        notes,
        [each for each, _ in tilesets],
        chosen.name,
        load_tileset(chosen).count,
        kinds_of(
            each for each in objects_in(data, "properties", str(path)) if each.get("name") in level.extra
        ),
    )
    return level.with_(extra={**level.extra, KEY: kept}) if kept else level


Rest = dict[int, Any]
"""What is left of a layer, by its place in the list: cells, objects, or True for a layer of another kind."""


def _leftovers(layers: list[dict[str, Any]], rest: Rest) -> Iterator[Leftover]:
    """What is not of the level, each with where it lies."""
    of_level = [
        n for n, layer in enumerate(layers) if layer.get("type") in _OURS and not _is_rest(n, rest, layer)
    ]
    cells = [n for n in of_level if layers[n]["type"] == "tilelayer"]
    things = [n for n in of_level if layers[n]["type"] == "objectgroup"]
    for number, layer in enumerate(layers):
        left = rest.get(number)
        if left is None and layer.get("type") != "imagelayer":
            continue
        place = "below" if cells and number < cells[0] else "above"
        if cells and things and cells[0] < number < things[0]:
            place = "between"
        if isinstance(left, list) and layer.get("name") == ENTITIES:
            place = "entities"
        yield Leftover(
            place,
            layer,
            left if isinstance(left, np.ndarray) else None,
            left if isinstance(left, list) else [],
        )


_OURS = ("tilelayer", "objectgroup")


def _is_rest(number: int, rest: Rest, layer: dict[str, Any]) -> bool:
    """Whether nothing of a layer is of the level."""
    return number in rest and layer.get("name") not in (TERRAIN, ENTITIES)


# --- cells --------------------------------------------------------------------------------------


def _layers(layers: list[Any], origin: str, depth: int = 0) -> Iterator[dict[str, Any]]:
    """All layers, those in groups in their place."""
    if depth > MAX_DEPTH:
        raise LevelForgeError(f"{origin}: groups of layers are nested more than {MAX_DEPTH} deep")
    for layer in layers:
        if not isinstance(layer, dict):
            raise LevelForgeError(f"{origin}: a layer is not an object")
        if layer.get("type") == "group":
            yield from _layers(objects_in(layer, "layers", origin), origin, depth + 1)
        else:
            yield layer


def _fill(
    tiles: np.ndarray[Any, np.dtype[np.uint8]],
    layers: list[dict[str, Any]],
    known: dict[int, int],
    names: dict[int, str],
    path: Path,
    game: Game,
) -> Rest:
    """Set the cells of all tile layers; the layer ``terrain``, or the only one, must be understood whole.

    Returns:
        The cells that stand for no tile, for each layer that has some or is empty.
    """
    table = np.full(max(names, default=0) + 1, -1, dtype=np.int16)
    table[list(known)] = list(known.values())
    ours = [(n, layer) for n, layer in enumerate(layers) if layer.get("type") == "tilelayer"]
    rest: Rest = {}
    for number, layer in ours:
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
        if puzzling.any() or not (known_here.any() or len(ours) == 1 or layer.get("name") == TERRAIN):
            rest[number] = np.where(puzzling, gids, 0).astype(np.uint32)
    return rest


def _gids(layer: dict[str, Any], height: int, width: int, path: Path) -> Gids:
    place = f"{path}: layer {str(layer.get('name', ''))[:40]!r}"
    if "chunks" in layer:
        raise LevelForgeError(f"{path}: an infinite map; switch 'Infinite' off in Tiled's map properties")
    if (layer.get("width", width), layer.get("height", height)) != (width, height):
        raise LevelForgeError(f"{place}: is not as large as the map ({width}x{height})")
    data = layer.get("data")
    encoding = layer.get("encoding", "csv")
    if encoding == "base64" and isinstance(data, str):
        return unpack(data, str(layer.get("compression") or ""), height, width, place)
    if encoding == "csv" and isinstance(data, str):  # as TMX has it
        return from_csv(data, height, width, place)
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
) -> tuple[Rest, list[dict[str, Any]]]:
    """Set the cells of the objects that stand for a tile.

    Returns:
        The objects that stand for none, for each layer that has some or is empty; what people added to the others.
    """
    tile_width = whole(data.get("tilewidth"), f"{path}: tilewidth", 1)
    tile_height = whole(data.get("tileheight"), f"{path}: tileheight", 1)
    taken: dict[tuple[int, int], str] = {}
    words = {tile: name for name, tile in ids.items()}
    rest: Rest = {}
    notes: list[dict[str, Any]] = []
    for number, layer in enumerate(layers):
        if layer.get("type") != "objectgroup":
            continue
        left: list[dict[str, Any]] = []
        for entry in objects_in(layer, "objects", str(path)):
            label = str(entry.get("name") or entry.get("type") or entry.get("class") or entry.get("id"))[:40]
            place = f"{path}: object {label!r}"
            tile = _tile_of(entry, known, ids, place)
            if tile is None:
                left.append(entry)
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
            if added := note(entry, words[tile], column, row):
                notes.append(added)
        if left or (layer.get("name") != ENTITIES and not objects_in(layer, "objects", str(path))):
            rest[number] = left
    return rest, notes


def _tile_of(entry: dict[str, Any], known: dict[int, int], ids: dict[str, int], place: str) -> int | None:
    """The tile id that an object stands for: by its picture, else by its type."""
    if "gid" in entry:
        gid = whole(entry["gid"], f"{place}: gid", 1) & ~FLIPS
        if gid in known:
            return known[gid]
    word = entry.get("type") or entry.get("class")
    return ids.get(word) if isinstance(word, str) else None


def _real(value: Any, place: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > 1e9:
        raise LevelForgeError(f"{place}: must be a number, not {str(value)[:40]}")
    return float(value)
