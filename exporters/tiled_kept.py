"""What a Tiled map holds beside the level: layers, objects and properties of the people who made it.

They travel in ``Level.extra["tiled_kept"]``, in the shape that TMJ gives them, and are written back into
every Tiled map. Tile numbers count from a tileset of the game at 1; the tilesets that the layers use
come after it. References to other files are kept as text and never followed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from levelforge.exporters.facts import NO_XML
from levelforge.exporters.tiled_data import FLIPS, MAX_CELLS, Gids, pack, unpack

KEY = "tiled_kept"
PLACES = ("below", "between", "above", "entities")
"""Where a kept layer lies: below the terrain, between it and the entities, above both; or its objects lie
among the entities."""

MAX_GIDS = 2**20
"""The highest gid that is understood; a tileset larger than that is refused."""

PLAIN = 0xFFFFFFFF & ~FLIPS

_LAYER = {
    "name": str, "class": str, "tintcolor": str, "mode": str, "draworder": str, "opacity": float,
    "offsetx": float, "offsety": float, "parallaxx": float, "parallaxy": float, "visible": bool, "locked": bool,
    "image": str, "transparentcolor": str, "imagewidth": int, "imageheight": int, "repeatx": bool, "repeaty": bool,
}  # fmt: skip
_USUAL = {"visible": True, "opacity": 1, "draworder": "topdown", "offsetx": 0, "offsety": 0}
_OBJECT = {
    "id": int, "name": str, "type": str, "class": str, "template": str, "x": float, "y": float, "width": float,
    "height": float, "rotation": float, "opacity": float, "visible": bool, "gid": int,
}  # fmt: skip
_TEXT = {
    "text": str, "fontfamily": str, "pixelsize": int, "wrap": bool, "color": str, "bold": bool, "italic": bool,
    "underline": bool, "strikeout": bool, "kerning": bool, "halign": str, "valign": str,
}  # fmt: skip
_TILESET = {
    "firstgid": int, "source": str, "name": str, "class": str, "tilewidth": int, "tileheight": int, "spacing": int,
    "margin": int, "tilecount": int, "columns": int, "image": str, "transparentcolor": str, "imagewidth": int,
    "imageheight": int,
}  # fmt: skip
_TILE = {"id": int, "type": str, "class": str, "image": str, "imagewidth": int, "imageheight": int}
_SCALARS = (str, int, float, bool)
_TYPED = ("color", "file", "class")
_VALUES: dict[str, tuple[type, ...]] = {
    "string": (str,), "int": (int,), "float": (float, int), "bool": (bool,), "color": (str,), "file": (str,),
    "object": (int,), "class": (),
}  # fmt: skip


@dataclass(frozen=True)
class MapTileset:
    """A tileset as a map uses it: its first gid, how many pictures, the map's entry, its name."""

    first: int
    count: int
    entry: Mapping[str, Any]
    name: str


@dataclass(frozen=True)
class Leftover:
    """A layer, or the part of one, that is not of the level; ``gids`` is ``uint32[H, W]`` or None."""

    place: str
    layer: Mapping[str, Any]
    gids: Gids | None
    objects: list[Mapping[str, Any]]


# --- reading ------------------------------------------------------------------------------------------


def collect(
    leftovers: Iterable[Leftover],
    notes: list[dict[str, Any]],
    tilesets: Iterable[MapTileset],
    own: str,
    own_count: int,
    kinds: Mapping[str, Mapping[str, str]],
) -> dict[str, Any] | None:
    """What to keep of a map, as a JSON object; None if there is nothing.

    Args:
        leftovers: in the map's order.
        notes: names and properties that people gave to entities, see :func:`note`.
        tilesets: of the map, by first gid.
        own, own_count: name of the game's tileset, and how many pictures it has.
        kinds: of the map's properties, see :func:`kinds_of`.
    """
    leftovers = list(leftovers)
    if not leftovers and not notes and not kinds:
        return None
    used = {int(gid) for each in leftovers if each.gids is not None for gid in np.unique(each.gids & PLAIN)}
    objects = [thing for each in leftovers for thing in each.objects]
    used |= {int(thing["gid"]) & PLAIN for thing in objects if type(thing.get("gid")) is int}
    moved, sets = _renumber(used, tilesets, own, own_count)
    ids = {thing["id"]: number for number, thing in enumerate(objects, 1) if type(thing.get("id")) is int}
    layers = []
    for each in leftovers:
        layer = {key: value for key, value in _only(each.layer, _LAYER).items() if _USUAL.get(key) != value}
        layer |= {"type": each.layer.get("type"), "place": each.place}
        layer |= _properties(each.layer, ids)
        if each.gids is not None:
            layer |= {"width": each.gids.shape[1], "height": each.gids.shape[0]}
            layer |= {
                "encoding": "base64",
                "compression": "zlib",
                "data": pack(_move(each.gids, moved), "zlib"),
            }
        elif each.layer.get("type") == "objectgroup":
            layer["objects"] = [_object(thing, ids, moved) for thing in each.objects]
        layers.append(layer)
    found = {"own": own_count, "tilesets": sets, "layers": layers, "entities": notes}
    return found | ({"kinds": dict(kinds)} if kinds else {})


def kinds_of(properties: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """By name, the types of properties whose values do not show them: colours, files, classes and enums."""
    found = {}
    for each in properties:
        kind = {key: _clean(each[key]) for key in ("type", "propertytype") if isinstance(each.get(key), str)}
        if isinstance(each.get("name"), str) and (kind.get("type") in _TYPED or "propertytype" in kind):
            found[each["name"]] = {"type": "string"} | kind
    return found


def note(entry: Mapping[str, Any], tile: str, column: int, row: int) -> dict[str, Any] | None:
    """What people added to an entity's object: a name and properties of their own; None if nothing."""
    name, properties = entry.get("name") or tile, _properties(entry, {})
    own = [each for each in properties.get("properties", []) if each["name"] != "role"]
    if name == tile and not own:
        return None
    return {"x": column, "y": row, "tile": tile, "name": _clean(str(name)), "properties": own}


def _renumber(
    used: set[int], tilesets: Iterable[MapTileset], own: str, own_count: int
) -> tuple[dict[int, int], list[dict[str, Any]]]:
    """The new number of each used gid, and the tilesets that they need beside the game's own."""
    moved: dict[int, int] = {}
    sets = []
    free = 1 + own_count
    for each in tilesets:
        inside = [gid for gid in used if each.first <= gid < each.first + each.count]
        if each.name == own:
            moved |= {gid: gid - each.first + 1 for gid in inside if gid - each.first < own_count}
        elif inside:
            moved |= {gid: gid - each.first + free for gid in inside}
            entry = _only(each.entry, _TILESET)
            if "source" in entry:
                entry = {"source": entry["source"]}
            else:
                entry["tiles"] = _tiles(each.entry)
            sets.append(entry | {"firstgid": free, "tilecount": each.count})
            free += each.count
    return moved, sets


def _move(gids: Gids, moved: Mapping[int, int]) -> Gids:
    """The same cells under other numbers; a gid without one leaves its cell empty."""
    plain, where = np.unique(gids & np.uint32(PLAIN), return_inverse=True)
    new = np.array([moved.get(int(gid), 0) for gid in plain], dtype=np.uint32)[where].reshape(gids.shape)
    return np.where(new > 0, new | (gids & np.uint32(FLIPS)), 0).astype(np.uint32)


def _object(entry: Mapping[str, Any], ids: Mapping[Any, int], moved: Mapping[int, int]) -> dict[str, Any]:
    found = _only(entry, _OBJECT) | _properties(entry, ids)
    found["id"] = _new_id(entry.get("id"), ids)
    if "gid" in found:
        found["gid"] = moved.get(found["gid"] & PLAIN, 0) | found["gid"] & FLIPS
        if not found["gid"] & PLAIN:
            del found["gid"]
    for shape in ("point", "ellipse"):
        if entry.get(shape) is True:
            found[shape] = True
    for shape in ("polygon", "polyline"):
        if shape in entry:
            points = [_only(each, {"x": float, "y": float}) for each in _dicts(entry, shape)]
            found[shape] = [{"x": 0, "y": 0} | point for point in points]
    if isinstance(entry.get("text"), Mapping):
        found["text"] = {"text": ""} | _only(entry["text"], _TEXT)
    return found


def _properties(entry: Mapping[str, Any], ids: Mapping[Any, int]) -> dict[str, Any]:
    """``{"properties": […]}``, or nothing; references to objects follow their new numbers."""
    found = []
    for each in _dicts(entry, "properties"):
        kind, value = each.get("type", "string"), each.get("value")
        kind = kind if isinstance(kind, str) and kind in _VALUES else "string"
        if not isinstance(each.get("name"), str):
            continue
        if kind == "object":
            value = _new_id(value, ids)
        if isinstance(value, Mapping) and kind == "class":
            parts = {_clean(name): part for name, part in value.items() if type(part) in _SCALARS}
            value = {name: _clean(part) for name, part in parts.items()}
        elif type(value) not in _SCALARS:
            continue
        elif type(value) not in _VALUES[kind]:  # a reader would stumble over it
            kind = next(word for word, types in _VALUES.items() if type(value) in types)
        if isinstance(value, float) and not math.isfinite(value):
            continue
        kept = {"name": _clean(each["name"]), "type": kind, "value": _clean(value)}
        if isinstance(each.get("propertytype"), str):
            kept["propertytype"] = _clean(each["propertytype"])
        found.append(kept)
    return {"properties": found} if found else {}


def _new_id(value: Any, ids: Mapping[Any, int]) -> int:
    """The new number of an object; 0, which is none, if it is not kept."""
    return ids.get(value, 0) if type(value) is int else 0


def _tiles(tileset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pictures of an embedded tileset that have an entry."""
    found = [_only(each, _TILE) | _properties(each, {}) for each in _dicts(tileset, "tiles")]
    return [each for each in found if 0 <= each.get("id", -1) < MAX_GIDS]


def _only(entry: Mapping[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    """The known keys that have a value of their kind; XML gives all of them as text."""
    found: dict[str, Any] = {}
    for key, kind in kinds.items():
        value = entry.get(key)
        if isinstance(value, str) and kind is bool:
            found[key] = value not in ("0", "false")
        elif isinstance(value, str) and kind is not str:
            number = _number(value)
            if number is not None:
                found[key] = number
        elif (type(value) is kind or (kind is float and type(value) is int)) and _is_sound(value):
            found[key] = _clean(value)
    return found


def _clean(value: Any) -> Any:
    """A text without what XML cannot hold; anything else as it is."""
    return NO_XML.sub("\ufffd", value) if isinstance(value, str) else value


def _is_sound(value: Any) -> bool:
    """Whether a number is one that readers take: neither infinite nor NaN nor beyond 32 bits."""
    return isinstance(value, str) or bool(-0xFFFFFFFF <= value <= 0xFFFFFFFF)


def _number(text: str) -> int | float | None:
    try:
        value = float(text[:40])
    except ValueError:
        return None
    if not _is_sound(value):
        return None
    return int(value) if value == int(value) else value


def _dicts(entry: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = entry.get(key, [])
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


# --- writing ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """What goes back into a map, with the numbers of that map.

    ``layers`` lists (place, layer, gids or None); objects among the entities are in ``objects``;
    ``notes`` gives an entity's (name, properties) by (column, row, tile), ``kinds`` the types of properties of the map.
    """

    tilesets: list[dict[str, Any]]
    layers: list[tuple[str, dict[str, Any], Gids | None]]
    objects: list[dict[str, Any]]
    notes: dict[tuple[int, int, str], tuple[str, list[dict[str, Any]]]]
    last_id: int
    kinds: dict[str, dict[str, str]]

    def typed(self, extra: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Properties of the map, with their types, for those parts of ``extra`` that still fit them."""
        found = []
        for name, kind in self.kinds.items():
            given = kind | {"name": name, "value": extra.get(name)}
            found += [
                each
                for each in _properties({"properties": [given]}, {}).get("properties", [])
                if each == given
            ]
        return found


NOTHING = Kept([], [], [], {}, 0, {})


def restore(extra: Mapping[str, Any], own_count: int, entities: int) -> Kept | None:
    """What :func:`collect` kept, checked anew, for a file may say anything; None if it is of another shape.

    Args:
        extra: of the level.
        own_count: pictures in the game's tileset, whose first gid is 1.
        entities: how many objects come before the kept ones.
    """
    found = extra.get(KEY)
    if found is None:
        return NOTHING
    if not isinstance(found, Mapping) or type(found.get("own")) is not int or not 0 <= found["own"] < 2**20:
        return None
    try:
        return _restore(found, own_count, entities)
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError):
        return None


def _restore(found: Mapping[str, Any], own_count: int, entities: int) -> Kept:
    own, shift = found["own"], own_count - found["own"]
    sets, known = [], [range(1, min(own, own_count) + 1)]
    for entry in _dicts(found, "tilesets"):
        tileset = _only(entry, _TILESET)
        known.append(range(tileset["firstgid"], tileset["firstgid"] + tileset["tilecount"]))
        tileset["firstgid"] += shift
        if tileset["firstgid"] <= own_count or not _fits(tileset):
            raise ValueError("a tileset on top of the game's own")
        if "source" in tileset:
            tileset = {"firstgid": tileset["firstgid"], "source": tileset["source"]}
        else:
            tileset["tiles"] = _tiles(entry)
        sets.append(tileset)
    things = [thing for layer in _dicts(found, "layers") for thing in _dicts(layer, "objects")]
    ids = {thing["id"]: entities + number for number, thing in enumerate(things, 1)}
    layers: list[tuple[str, dict[str, Any], Gids | None]] = []
    objects: list[dict[str, Any]] = []
    room = MAX_CELLS
    for entry in _dicts(found, "layers"):
        kind, place = entry["type"], entry["place"]
        if kind not in ("tilelayer", "objectgroup", "imagelayer") or place not in PLACES:
            raise ValueError("a layer of an unknown kind")
        used = [_gid(thing["gid"], known, shift) for thing in _dicts(entry, "objects") if "gid" in thing]
        moved = dict(used)
        mine = [_object(thing, ids, moved) for thing in _dicts(entry, "objects")]
        if place == "entities":
            objects += mine
            continue
        layer = _only(entry, _LAYER) | {"type": kind} | _properties(entry, ids)
        gids = None
        if kind == "objectgroup":
            layer["objects"] = mine
        elif kind == "tilelayer":
            width, height = entry["width"], entry["height"]
            if not (0 < width <= 512 and 0 < height <= 512 and isinstance(entry["data"], str)):
                raise ValueError("a layer beyond the largest map")
            room -= width * height
            if room < 0:
                raise ValueError("more layers than a map may have")
            gids = unpack(entry["data"], "zlib", height, width, KEY)
            table = dict(_gid(int(gid), known, shift) for gid in np.unique(gids))
            gids = _move(gids, table)
            layer |= {"width": width, "height": height}
        layers.append((place, layer, gids))
    notes = {
        (each["x"], each["y"], each["tile"]): (
            _clean(str(each["name"])),
            _properties(each, {}).get("properties", []),
        )
        for each in _dicts(found, "entities")
    }
    kinds = [kind | {"name": name} for name, kind in found.get("kinds", {}).items()]
    return Kept(sets, layers, objects, notes, entities + len(things), kinds_of(kinds))


def _fits(tileset: Mapping[str, Any]) -> bool:
    """Whether a reader can number its pictures."""
    return tileset["tilecount"] in range(MAX_GIDS + 1 - tileset["firstgid"])


def _gid(gid: int, known: Sequence[range], shift: int) -> tuple[int, int]:
    """A kept gid without its flips, and what it is where the game's tileset has grown by ``shift``; 0 if nothing."""
    plain = gid & PLAIN
    if plain in known[0]:
        return plain, plain
    return plain, plain + shift if any(plain in numbers for numbers in known[1:]) else 0
