"""TMX and TSX as the objects that TMJ and TSJ hold, so that one reader serves both.

XML from strangers: no document type, no entities, no network, no encoding but UTF-8.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lxml import etree

from levelforge.errors import LevelForgeError
from levelforge.exporters.base import read_text

_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,20})?([eE][+-]?\d{1,2})?")
_LAYERS = {"layer": "tilelayer", "objectgroup": "objectgroup", "group": "group", "imagelayer": "imagelayer"}


def load_xml(path: Path, root: str) -> dict[str, Any]:
    """Parse a map or tileset file.

    Args:
        path: the file.
        root: ``"map"`` or ``"tileset"``.

    Raises:
        LevelForgeError: not XML, hostile XML, another kind of file.
    """
    text = read_text(path)
    head = text[:200]
    declared = re.match(r"\s*<\?xml[^>]*encoding\s*=\s*[\"']([^\"']*)", head)
    if declared and declared.group(1).lower() not in ("utf-8", "us-ascii"):
        raise LevelForgeError(f"{path}: XML in {declared.group(1)[:40]!r}; save it as UTF-8")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise LevelForgeError(
            f"{path}: XML with a document type or entities is refused; remove the <!DOCTYPE> line"
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        element = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise LevelForgeError(f"{path}: not valid XML: {' '.join(str(error).split())[:160]}") from None
    if element.tag != root:
        raise LevelForgeError(
            f"{path}: not a Tiled {root}: the outermost element is <{str(element.tag)[:40]}>"
        )
    return _map(element, str(path)) if root == "map" else _tileset(element, str(path))


def _map(element: etree._Element, origin: str) -> dict[str, Any]:
    data = _attributes(element, ("width", "height", "tilewidth", "tileheight"), origin)
    data["infinite"] = element.get("infinite", "0") not in ("0", "false")
    data["properties"] = _properties(element, origin)
    data["tilesets"] = [_tileset(child, origin) for child in element.findall("tileset")]
    data["layers"] = _layers(element, origin)
    return data


def _layers(element: etree._Element, origin: str) -> list[dict[str, Any]]:
    layers = []
    for child in element:
        kind = _LAYERS.get(str(child.tag))
        if kind is None:
            continue
        layer = _attributes(child, ("width", "height"), origin) | {"type": kind}
        layer["properties"] = _properties(child, origin)
        if kind == "tilelayer":
            layer |= _data(child, layer, origin)
        elif kind == "objectgroup":
            layer["objects"] = [_object(each, origin) for each in child.findall("object")]
        elif kind == "group":
            layer["layers"] = _layers(child, origin)
        else:
            layer |= _image(child)
        layers.append(layer)
    return layers


def _data(element: etree._Element, layer: dict[str, Any], origin: str) -> dict[str, Any]:
    """The data of a layer as TMJ has it, still packed: a small file may hold any number of large layers."""
    place = f"{origin}: layer {str(layer.get('name', ''))[:40]!r}"
    data = element.find("data")
    if data is None:
        raise LevelForgeError(f"{place}: has no data")
    if data.find("chunk") is not None:
        raise LevelForgeError(f"{origin}: an infinite map; switch 'Infinite' off in Tiled's map properties")
    width, height = layer.get("width"), layer.get("height")
    if not (type(width) is type(height) is int and 0 < width <= 512 and 0 < height <= 512):
        raise LevelForgeError(f"{place}: width and height must be whole numbers from 1 to 512")
    encoding = data.get("encoding")
    if encoding is None:
        return {"data": [_number(tile.get("gid", "0"), f"{place}: gid") for tile in data.findall("tile")]}
    return {"encoding": encoding, "compression": data.get("compression", ""), "data": data.text or ""}


def _object(element: etree._Element, origin: str) -> dict[str, Any]:
    data = _attributes(element, ("id", "gid", "x", "y", "width", "height"), origin)
    data["properties"] = _properties(element, origin)
    for child in element:
        shape = str(child.tag)
        if shape in ("point", "ellipse"):
            data[shape] = True
        elif shape in ("polygon", "polyline"):
            points = [point.split(",") for point in child.get("points", "").split()]
            data[shape] = [{"x": p[0], "y": p[1]} for p in points if len(p) == 2]
        elif shape == "text":
            data["text"] = {str(key): str(value) for key, value in child.attrib.items()} | {
                "text": child.text or ""
            }
    return data


_TILESETS: dict[bytes, dict[str, Any]] = {}
"""Tilesets by their XML, for a thousand maps embed the same one."""


def _tileset(element: etree._Element, origin: str) -> dict[str, Any]:
    """A tileset; callers share it and leave it as it is."""
    key = etree.tostring(element, with_tail=False)
    if key in _TILESETS:
        return _TILESETS[key]
    data = _attributes(element, ("firstgid", "tilecount"), origin) | _image(element)
    data["tiles"] = []
    for child in element.findall("tile"):
        tile = _attributes(child, ("id",), origin) | _image(child)
        tile["properties"] = _properties(child, origin)
        data["tiles"].append(tile)
    if len(_TILESETS) >= 16:
        _TILESETS.clear()
    if len(key) <= 2**20:
        _TILESETS[key] = data
    return data


def _image(element: etree._Element) -> dict[str, str]:
    """The picture of a layer, tileset or tile, under the names that TMJ has for it."""
    image = element.find("image")
    if image is None:
        return {}
    names = {"source": "image", "width": "imagewidth", "height": "imageheight", "trans": "transparentcolor"}
    return {ours: image.get(theirs, "") for theirs, ours in names.items() if image.get(theirs) is not None}


def _properties(element: etree._Element, origin: str) -> list[dict[str, Any]]:
    found = []
    for entry in element.findall("properties/property"):
        name, kind = entry.get("name", ""), entry.get("type", "string")
        text = entry.get("value")
        value: Any = (entry.text or "") if text is None else text
        place = f"{origin}: property {name[:40]!r}"
        if kind == "class":
            value = {each["name"]: each["value"] for each in _properties(entry, origin)}
        elif kind == "bool":
            value = value == "true"
        elif kind in ("int", "object"):
            value = _number(value, place)
        elif kind == "float":
            try:
                value = float(value)
            except ValueError:
                raise LevelForgeError(f"{place}: must be a number") from None
        entry_ = {"name": name, "type": kind, "value": value}
        if entry.get("propertytype"):
            entry_["propertytype"] = entry.get("propertytype")
        found.append(entry_)
    return found


def _attributes(element: etree._Element, numbers: tuple[str, ...], origin: str) -> dict[str, Any]:
    """The attributes, those in ``numbers`` as numbers."""
    data: dict[str, Any] = {str(key): str(value) for key, value in element.attrib.items()}
    for name in numbers:
        if name in data:
            data[name] = _number(data[name], f"{origin}: <{element.tag}> {name}")
    return data


def _number(text: str, place: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise LevelForgeError(f"{place}: must be a number, not {text[:40]!r}")
    return int(text) if text.lstrip("-").isdigit() else float(text)
