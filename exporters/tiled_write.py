"""Levels as Tiled maps, JSON (TMJ) and XML (TMX): a tile layer ``terrain`` and an object layer ``entities``.

Every property is a single value, for several readers drop or crash on class-typed ones. Objects
carry ``type`` and no ``point``. A tile object's place is its bottom left corner, in whole pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from levelforge.exporters.base import Options, check_side, write_files, write_shared
from levelforge.exporters.facts import facts, flatten
from levelforge.exporters.tiled_data import Gids, pack
from levelforge.exporters.tiled_kept import KEY, NOTHING, Kept, restore
from levelforge.exporters.tiled_kept_xml import (
    attribute,
    layer_xml,
    object_xml,
    properties,
    property_elements,
    tileset_xml,
)
from levelforge.exporters.tiled_tileset import PROGRAM, VERSION, TiledTileset, tiled_tileset
from levelforge.level import Level

TERRAIN, ENTITIES = "terrain", "entities"
CHECKED = ("LevelForge: solution", "LevelForge: unreachable")
"""Layers that the extension for Tiled draws when it checks a map, and that say nothing of any other level."""

KINDS = {str: "string", bool: "bool", int: "int", float: "float"}


@dataclass(frozen=True)
class _Map:
    """A level in Tiled's terms, before it is written down.

    ``gids`` is ``uint32[H, W]``; ``entities`` lists (object id, name, role, gid, x, bottom y), in pixels;
    ``kept`` is what people added to the map that the level was read from.
    """

    shared: TiledTileset
    gids: Gids
    entities: list[tuple[int, str, str, int, int, int]]
    properties: list[dict[str, Any]]
    kept: Kept


def _cells(gids: Gids, packing: str) -> str:
    """The gids as both flavours write them: packed, or plainly, a row a line."""
    if packing != "csv":
        return pack(gids, packing)
    most = int(gids.max(initial=0))
    if most > 2**16:  # flipped cells
        return ",\n".join(",".join(map(str, row)) for row in gids.tolist())
    words = _words(most)
    return ",\n".join(",".join([words[gid] for gid in row]) for row in gids.tolist())


@lru_cache(maxsize=64)
def _words(most: int) -> list[str]:
    return [str(number) for number in range(most + 1)]


def write_flavours(
    level: Level, folder: Path, stem: str, options: Options, flavours: tuple[str, ...]
) -> list[Path]:
    """Write a map as ``stem.tmj``, ``stem.tmx`` or both, which show and say the same."""
    made = _map(level)
    shared = made.shared
    encoding = options.get("encoding", "csv")
    packing = encoding.removeprefix("base64-")
    data = _cells(made.gids, packing)
    external = options.get("tileset", "embedded") == "external"
    texts = {}
    for flavour in flavours:
        to_text = _tmj if flavour == "tmj" else _tmx
        texts[f"{stem}.{flavour}"] = to_text(made, level, data, packing, external).encode()
    write_shared(folder, shared.image_name, shared.image)
    if external:
        for flavour in flavours:
            suffix, content = (".tsj", shared.tsj) if flavour == "tmj" else (".tsx", shared.tsx)
            write_shared(folder, level.game.name + suffix, content)
    return write_files(folder, texts)


def _map(level: Level) -> _Map:
    check_side(level.width, level.height, f"level {level.id!r}")
    shared = tiled_tileset(level.game)
    terrain, entities = shared.tileset.cells(level.tiles, level.game)
    objects = _objects(level, entities, shared.tileset.tile_size)
    kept = restore(level.extra, shared.tileset.count, len(objects)) if KEY in level.extra else NOTHING
    known, typed = facts(level), []
    if kept is not None and kept is not NOTHING:
        typed = kept.typed(level.extra)
        elsewhere = {KEY, *(each["name"] for each in typed)}
        known["extra"] = {name: value for name, value in level.extra.items() if name not in elsewhere}
    entries = [
        {"name": name, "type": KINDS[type(value)], "value": value} for name, value in flatten(known).items()
    ]
    entries = sorted([*entries, *typed], key=lambda each: str(each["name"]))
    return _Map(shared, (terrain + 1).astype(np.uint32), objects, entries, kept or NOTHING)


def _objects(
    level: Level, entities: NDArray[np.int32], size: int
) -> list[tuple[int, str, str, int, int, int]]:
    found = []
    rows, columns = np.nonzero(entities >= 0)
    for number, (y, x) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True), 1):
        tile = level.game.tiles[level.tiles[y, x]]
        found.append((number, tile.name, tile.role.word, int(entities[y, x]) + 1, x * size, (y + 1) * size))
    return found


def _data_json(data: str, packing: str) -> str:
    if packing == "csv":
        return f'"data":[\n{data}]'
    return f'"encoding":"base64",\n   "compression":"{packing}",\n   "data":"{data}"'


def _data_xml(data: str, packing: str) -> str:
    if packing == "csv":
        return f'<data encoding="csv">\n{data}\n</data>'
    return f'<data encoding="base64" compression="{packing}">{data}</data>'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _tmj(made: _Map, level: Level, data: str, packing: str, external: bool) -> str:
    size = made.shared.tileset.tile_size
    tilesets = _json({"firstgid": 1, "source": f"{level.game.name}.tsj"}) if external else made.shared.json
    tilesets = ",\n  ".join([tilesets, *map(_json, made.kept.tilesets)])
    objects = ",\n    ".join([_object_json(made, each, size) for each in made.entities])
    objects = ",\n    ".join(([objects] if objects else []) + [_json(each) for each in made.kept.objects])
    shape = f'"width":{level.width},"height":{level.height}'
    own = {
        "terrain": f"""{{"id":1,"name":"{TERRAIN}","type":"tilelayer","x":0,"y":0,{shape},
   "opacity":1,"visible":true,
   {_data_json(data, packing)}}}""",
        "entities": f"""{{"id":2,"name":"{ENTITIES}","type":"objectgroup","draworder":"topdown","x":0,"y":0,
   "opacity":1,"visible":true,
   "objects":[
    {objects}]}}""",
    }
    layers = ",\n  ".join(
        own[place] if layer is None else _layer_json(number, layer, gids, packing)
        for number, place, layer, gids in _stack(made.kept)
    )
    properties_ = ",\n  ".join(map(_json, made.properties))
    return f"""{{"type":"map",
 "version":"{VERSION}",
 "tiledversion":"{PROGRAM}",
 "orientation":"orthogonal",
 "renderorder":"right-down",
 "infinite":false,
 "width":{level.width},
 "height":{level.height},
 "tilewidth":{size},
 "tileheight":{size},
 "backgroundcolor":"{made.shared.tileset.background}",
 "compressionlevel":-1,
 "nextlayerid":{3 + len(made.kept.layers)},
 "nextobjectid":{_next_id(made)},
 "properties":[
  {properties_}],
 "tilesets":[{tilesets}],
 "layers":[
  {layers}]
}}
"""


def _object_json(made: _Map, entity: tuple[int, str, str, int, int, int], size: int) -> str:
    number, name, role, gid, x, y = entity
    label, more = f'"{name}"', ""
    if made.kept.notes:
        given, added = made.kept.notes.get((x // size, y // size - 1, name), (name, []))
        label, more = _json(given), "".join("," + _json(each) for each in added)
    return (
        f'{{"id":{number},"name":{label},"type":"{name}","gid":{gid},"x":{x},"y":{y},'
        f'"width":{size},"height":{size},"rotation":0,"visible":true,'
        f'"properties":[{{"name":"role","type":"string","value":"{role}"}}{more}]}}'
    )


def _layer_json(number: int, layer: dict[str, Any], gids: Gids | None, packing: str) -> str:
    head = {"id": number, "x": 0, "y": 0, "opacity": 1, "visible": True} | layer
    text = json.dumps(head, ensure_ascii=False, allow_nan=False)
    return text if gids is None else f"{text[:-1]},\n   {_data_json(_cells(gids, packing), packing)}}}"


def _stack(kept: Kept) -> Iterator[tuple[int, str, dict[str, Any] | None, Gids | None]]:
    """All layers from the lowest: (id, place, layer, cells); the level's own two have no layer."""
    numbered = list(enumerate(kept.layers, 3))
    for place in ("below", "terrain", "between", "entities", "above"):
        if place in ("terrain", "entities"):
            yield 1 if place == "terrain" else 2, place, None, None
        else:
            yield from ((n, place, layer, gids) for n, (where, layer, gids) in numbered if where == place)


def _next_id(made: _Map) -> int:
    return max(len(made.entities), made.kept.last_id) + 1


def _tmx(made: _Map, level: Level, data: str, packing: str, external: bool) -> str:
    size = made.shared.tileset.tile_size
    tileset = f'<tileset firstgid="1" source="{level.game.name}.tsx"/>\n' if external else made.shared.xml
    tileset += "".join(map(tileset_xml, made.kept.tilesets))
    objects = "".join([_object_xml(made, each, size) for each in made.entities])
    objects += "".join(map(object_xml, made.kept.objects))
    own = {
        "terrain": f' <layer id="1" name="{TERRAIN}" width="{level.width}" height="{level.height}">\n'
        f"  {_data_xml(data, packing)}\n </layer>\n",
        "entities": f' <objectgroup id="2" name="{ENTITIES}">\n{objects} </objectgroup>\n',
    }
    layers = "".join(
        own[place]
        if layer is None
        else layer_xml(
            layer, number, "" if gids is None else f"  {_data_xml(_cells(gids, packing), packing)}\n"
        )
        for number, place, layer, gids in _stack(made.kept)
    )
    background = quoteattr(made.shared.tileset.background)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<map version="{VERSION}" tiledversion="{PROGRAM}" orientation="orthogonal" renderorder="right-down" '
        f'width="{level.width}" height="{level.height}" tilewidth="{size}" tileheight="{size}" infinite="0" '
        f'backgroundcolor={background} nextlayerid="{3 + len(made.kept.layers)}" nextobjectid="{_next_id(made)}">\n'
        f"{properties({'properties': made.properties}, ' ')}{tileset}{layers}</map>\n"
    )


def _object_xml(made: _Map, entity: tuple[int, str, str, int, int, int], size: int) -> str:
    number, name, role, gid, x, y = entity
    label, more = f'"{name}"', ""
    if made.kept.notes:
        given, added = made.kept.notes.get((x // size, y // size - 1, name), (name, []))
        label, more = attribute(given), property_elements(added)
    return (
        f'  <object id="{number}" name={label} type="{name}" gid="{gid}" x="{x}" y="{y}" width="{size}" height="{size}">'
        f'<properties><property name="role" value="{role}"/>{more}</properties></object>\n'
    )
