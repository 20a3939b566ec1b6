"""A game's tileset as Tiled has it: embedded in each map, or one shared ``.tsj`` or ``.tsx`` beside the maps.

Each picture of the sheet says which tile of the game it shows (property ``tile``), so that a reader
needs no knowledge of indices: a picture that a designer picks by hand means what it shows.
"""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role
from levelforge.tileset import CORNERS, Tileset, load_tileset

VERSION = "1.10"  # the format in which objects and tiles have a `type`; older readers know it as well
PROGRAM = "1.10.2"


@dataclass(frozen=True)
class TiledTileset:
    """What all maps of a game share; texts are ready to be put into a map.

    Attributes:
        tileset: where the indices come from.
        image_name, image: the picture's file name and content.
        json: the tileset as an entry of a TMJ map's ``tilesets``.
        xml: the tileset as an element of a TMX map.
        tsj, tsx: the tileset as files of their own.
        tiles: what each picture stands for, as Tiled has it.
    """

    tileset: Tileset
    image_name: str
    image: bytes
    json: str
    xml: str
    tsj: bytes
    tsx: bytes
    tiles: list[dict[str, Any]]


_CACHE: dict[tuple[str, str, int], TiledTileset] = {}


def tiled_tileset(game: Game) -> TiledTileset:
    """The tileset of a game; kept for the next call.

    Raises:
        LevelForgeError: a fault in the game's tileset.
    """
    tileset = load_tileset(game)
    key = game.name, game.digest, id(tileset) if tileset.image else 0
    if key not in _CACHE:
        if len(_CACHE) >= 16:
            _CACHE.clear()
        _CACHE[key] = _build(tileset, game)
    return _CACHE[key]


def _build(tileset: Tileset, game: Game) -> TiledTileset:
    name = f"{game.name}-tileset.png"
    image = _image(tileset, game)
    data = _document(tileset, game, name, image)
    standalone = {"type": "tileset", "version": VERSION, "tiledversion": PROGRAM} | data
    header = f' version="{VERSION}" tiledversion="{PROGRAM}"'
    tsx = '<?xml version="1.0" encoding="UTF-8"?>\n' + _xml(data, header)
    return TiledTileset(
        tileset,
        name,
        image,
        json.dumps({"firstgid": 1} | data, ensure_ascii=False, separators=(",", ":")),
        _xml(data, ' firstgid="1"'),
        (json.dumps(standalone, ensure_ascii=False, indent=1) + "\n").encode(),
        tsx.encode(),
        data["tiles"],
    )


def _image(tileset: Tileset, game: Game) -> bytes:
    if tileset.image is None:
        from levelforge.render import sheet_image

        buffer = io.BytesIO()
        sheet_image(tileset, game).save(buffer, "PNG")
        return buffer.getvalue()
    try:
        data = tileset.image.read_bytes()
    except OSError as error:
        raise LevelForgeError(f"{tileset.image}: cannot be read: {error.strerror}") from None
    if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) < 24:
        raise LevelForgeError(f"{tileset.image}: must be a PNG picture")
    return data


def _document(tileset: Tileset, game: Game, image_name: str, image: bytes) -> dict[str, Any]:
    width, height = struct.unpack(">II", image[16:24])
    size = tileset.tile_size
    return {
        "name": game.name,
        "tilewidth": size,
        "tileheight": size,
        "spacing": 0,
        "margin": 0,
        "tilecount": tileset.count,
        "columns": tileset.columns,
        "image": image_name,
        "imagewidth": width,
        "imageheight": height,
        "tiles": _tiles(tileset, game),
        "wangsets": _wangsets(tileset, game),
    }


def _tiles(tileset: Tileset, game: Game) -> list[dict[str, Any]]:
    """An entry for each picture that stands for a tile, in the order of the sheet."""
    found: dict[int, dict[str, Any]] = {}
    for tile in game.tiles:
        if tile.name not in tileset.rules:
            continue
        rule = tileset.rules[tile.name]
        shown = {int(index) for index in rule.variants}
        shown |= {int(index) for stamp in rule.stamps for index in stamp.cells.ravel() if index >= 0}
        moving = tileset.frames.get(tile.name, {})
        shown |= {index for frames in moving.values() for index in frames.tiles}
        for index in shown:
            if index in found:
                continue  # two tiles that look alike: the picture stands for the first
            entry: dict[str, Any] = {
                "id": index,
                "type": tile.name,
                "properties": [
                    {"name": "role", "type": "string", "value": tile.role.word},
                    {"name": "solid", "type": "bool", "value": tile.role is Role.SOLID},
                    {"name": "tile", "type": "string", "value": tile.name},
                ],
            }
            if tile.role is Role.SOLID:
                entry["objectgroup"] = _whole_tile(tileset.tile_size)
            for frames in moving.values():
                if (
                    frames.tiles[0] == index and len(frames.tiles) > 1
                ):  # so that the map at rest looks the same
                    entry["animation"] = [{"tileid": i, "duration": frames.ms} for i in frames.tiles]
            found[index] = entry
    return [found[index] for index in sorted(found)]


def _whole_tile(size: int) -> dict[str, Any]:
    """A collision shape that covers the tile."""
    shape = {"id": 1, "name": "", "type": "", "x": 0, "y": 0, "width": size, "height": size}
    shape |= {"rotation": 0, "visible": True}
    return {
        "type": "objectgroup",
        "name": "",
        "draworder": "index",
        "opacity": 1,
        "visible": True,
        "x": 0,
        "y": 0,
        "objects": [shape],
    }


def _wangsets(tileset: Tileset, game: Game) -> list[dict[str, Any]]:
    """Corner sets: colour 1 is the empty tile, colour 2 the terrain."""
    sets = []
    for terrain, indices in tileset.corner_wang.items():
        wangtiles: dict[int, list[int]] = {}
        for mask, index in enumerate(indices):
            corners = [2 if mask >> bit & 1 else 1 for bit in range(len(CORNERS))]
            wangtiles.setdefault(index, [part for corner in corners for part in (0, corner)])
        colors = [
            {"name": name, "color": color, "probability": 1, "tile": index}
            for name, color, index in (
                (game.empty.name, "#ff7f00", indices[0]),
                (terrain, "#3a5fcd", indices[-1]),
            )
        ]
        tiles = [{"tileid": index, "wangid": wangid} for index, wangid in sorted(wangtiles.items())]
        sets.append(
            {"name": terrain, "type": "corner", "tile": indices[-1], "colors": colors, "wangtiles": tiles}
        )
    return sets


# --- XML ----------------------------------------------------------------------------------------


def properties_xml(properties: list[dict[str, Any]], indent: str) -> str:
    """A ``<properties>`` element, or nothing."""
    if not properties:
        return ""
    lines = [f"{indent}<properties>\n"]
    for entry in properties:
        kind = "" if entry["type"] == "string" else f' type="{entry["type"]}"'
        lines.append(
            f"{indent} <property name={quoteattr(entry['name'])}{kind} value={_value(entry['value'])}/>\n"
        )
    lines.append(f"{indent}</properties>\n")
    return "".join(lines)


def _value(value: str | float) -> str:
    if isinstance(value, bool):
        return '"true"' if value else '"false"'
    return quoteattr(value if isinstance(value, str) else repr(value))


def _xml(data: dict[str, Any], header: str) -> str:
    plain = ("name", "tilewidth", "tileheight", "spacing", "margin", "tilecount", "columns")
    attributes = "".join(f" {key}={quoteattr(str(data[key]))}" for key in plain)
    lines = [f"<tileset{header}{attributes}>\n"]
    lines.append(
        f" <image source={quoteattr(data['image'])} "
        f'width="{data["imagewidth"]}" height="{data["imageheight"]}"/>\n'
    )
    for tile in data["tiles"]:
        lines.append(f' <tile id="{tile["id"]}" type={quoteattr(tile["type"])}>\n')
        lines.append(properties_xml(tile["properties"], "  "))
        if "objectgroup" in tile:
            shape = tile["objectgroup"]["objects"][0]
            size = f'x="0" y="0" width="{shape["width"]}" height="{shape["height"]}"'
            lines.append(f'  <objectgroup draworder="index">\n   <object id="1" {size}/>\n  </objectgroup>\n')
        if "animation" in tile:
            frames = "".join(
                f'<frame tileid="{f["tileid"]}" duration="{f["duration"]}"/>' for f in tile["animation"]
            )
            lines.append(f"  <animation>{frames}</animation>\n")
        lines.append(" </tile>\n")
    if data["wangsets"]:
        lines.append(" <wangsets>\n")
        for group in data["wangsets"]:
            lines.append(
                f'  <wangset name={quoteattr(group["name"])} type="corner" tile="{group["tile"]}">\n'
            )
            lines += [
                f'   <wangcolor name={quoteattr(c["name"])} color="{c["color"]}" tile="{c["tile"]}" probability="1"/>\n'
                for c in group["colors"]
            ]
            lines += [
                f'   <wangtile tileid="{t["tileid"]}" wangid="{",".join(map(str, t["wangid"]))}"/>\n'
                for t in group["wangtiles"]
            ]
            lines.append("  </wangset>\n")
        lines.append(" </wangsets>\n")
    lines.append("</tileset>\n")
    return "".join(lines)
