"""Levels as Tiled maps, JSON (TMJ) and XML (TMX): a tile layer ``terrain`` and an object layer ``entities``.

Every property is a single value, for several readers drop or crash on class-typed ones. Objects
carry ``type`` and no ``point``. A tile object's place is its bottom left corner, in whole pixels.
"""

from __future__ import annotations

import json
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
from levelforge.exporters.tiled_tileset import PROGRAM, VERSION, TiledTileset, properties_xml, tiled_tileset
from levelforge.level import Level

TERRAIN, ENTITIES = "terrain", "entities"
KINDS = {str: "string", bool: "bool", int: "int", float: "float"}


@dataclass(frozen=True)
class _Map:
    """A level in Tiled's terms, before it is written down.

    ``gids`` is ``uint32[H, W]``; ``entities`` lists (object id, name, role, gid, x, bottom y), in pixels.
    """

    shared: TiledTileset
    gids: Gids
    entities: list[tuple[int, str, str, int, int, int]]
    properties: list[dict[str, Any]]

    def csv(self) -> str:
        """The gids as both flavours write them plainly, a row a line."""
        words = _words(int(self.gids.max(initial=0)))
        return ",\n".join(",".join([words[gid] for gid in row]) for row in self.gids.tolist())


@lru_cache(maxsize=64)
def _words(most: int) -> list[str]:
    return [str(number) for number in range(most + 1)]


def write_both(level: Level, folder: Path, stem: str, options: Options) -> list[Path]:
    """Write ``stem.tmj`` and ``stem.tmx``, which show and say the same."""
    return _write(level, folder, stem, options, ("tmj", "tmx"))


def write_tmj(level: Level, folder: Path, stem: str, options: Options) -> list[Path]:
    """Write ``stem.tmj``."""
    return _write(level, folder, stem, options, ("tmj",))


def write_tmx(level: Level, folder: Path, stem: str, options: Options) -> list[Path]:
    """Write ``stem.tmx``."""
    return _write(level, folder, stem, options, ("tmx",))


def _write(level: Level, folder: Path, stem: str, options: Options, flavours: tuple[str, ...]) -> list[Path]:
    made = _map(level)
    shared = made.shared
    encoding = options.get("encoding", "csv")
    packing = encoding.removeprefix("base64-")
    data = made.csv() if packing == "csv" else pack(made.gids, packing)
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
    found = flatten(facts(level))
    properties = [
        {"name": name, "type": KINDS[type(value)], "value": value} for name, value in sorted(found.items())
    ]
    return _Map(
        shared,
        (terrain + 1).astype(np.uint32),
        _objects(level, entities, shared.tileset.tile_size),
        properties,
    )


def _objects(
    level: Level, entities: NDArray[np.int32], size: int
) -> list[tuple[int, str, str, int, int, int]]:
    found = []
    rows, columns = np.nonzero(entities >= 0)
    for number, (y, x) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True), 1):
        tile = level.game.tiles[level.tiles[y, x]]
        found.append((number, tile.name, tile.role.word, int(entities[y, x]) + 1, x * size, (y + 1) * size))
    return found


def _tmj(made: _Map, level: Level, data: str, packing: str, external: bool) -> str:
    size = made.shared.tileset.tile_size
    tileset = (
        json.dumps({"firstgid": 1, "source": f"{level.game.name}.tsj"}) if external else made.shared.json
    )
    if packing == "csv":
        data = f'"data":[\n{data}]'
    else:
        data = f'"encoding":"base64",\n   "compression":"{packing}",\n   "data":"{data}"'
    objects = ",\n    ".join(
        f'{{"id":{number},"name":"{name}","type":"{name}","gid":{gid},"x":{x},"y":{y},'
        f'"width":{size},"height":{size},"rotation":0,"visible":true,'
        f'"properties":[{{"name":"role","type":"string","value":"{role}"}}]}}'
        for number, name, role, gid, x, y in made.entities
    )
    properties = ",\n  ".join(
        json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in made.properties
    )
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
 "nextlayerid":3,
 "nextobjectid":{len(made.entities) + 1},
 "properties":[
  {properties}],
 "tilesets":[{tileset}],
 "layers":[
  {{"id":1,"name":"{TERRAIN}","type":"tilelayer","x":0,"y":0,"width":{level.width},"height":{level.height},
   "opacity":1,"visible":true,
   {data}}},
  {{"id":2,"name":"{ENTITIES}","type":"objectgroup","draworder":"topdown","x":0,"y":0,
   "opacity":1,"visible":true,
   "objects":[
    {objects}]}}]
}}
"""


def _tmx(made: _Map, level: Level, data: str, packing: str, external: bool) -> str:
    size = made.shared.tileset.tile_size
    tileset = f'<tileset firstgid="1" source="{level.game.name}.tsx"/>\n' if external else made.shared.xml
    if packing == "csv":
        data = f'<data encoding="csv">\n{data}\n</data>'
    else:
        data = f'<data encoding="base64" compression="{packing}">{data}</data>'
    objects = "".join(
        f'  <object id="{number}" name="{name}" type="{name}" gid="{gid}" x="{x}" y="{y}" '
        f'width="{size}" height="{size}"><properties><property name="role" value="{role}"/></properties></object>\n'
        for number, name, role, gid, x, y in made.entities
    )
    background = quoteattr(made.shared.tileset.background)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<map version="{VERSION}" tiledversion="{PROGRAM}" orientation="orthogonal" renderorder="right-down" '
        f'width="{level.width}" height="{level.height}" tilewidth="{size}" tileheight="{size}" infinite="0" '
        f'backgroundcolor={background} nextlayerid="3" nextobjectid="{len(made.entities) + 1}">\n'
        f"{properties_xml(made.properties, ' ')}{tileset}"
        f' <layer id="1" name="{TERRAIN}" width="{level.width}" height="{level.height}">\n  {data}\n </layer>\n'
        f' <objectgroup id="2" name="{ENTITIES}">\n{objects} </objectgroup>\n</map>\n'
    )
