"""Kept layers and tilesets (:mod:`levelforge.exporters.tiled_kept`, which sees to the texts) as TMX elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_TAGS = {"tilelayer": "layer", "objectgroup": "objectgroup", "imagelayer": "imagelayer"}
_IMAGE = {"image": "source", "imagewidth": "width", "imageheight": "height", "transparentcolor": "trans"}
_NESTED = {*_IMAGE, "type", "properties", "objects", "tiles"}


def attribute(value: Any) -> str:
    """An attribute's value in quotes."""
    if isinstance(value, bool):
        return '"1"' if value else '"0"'
    return quoteattr(value) if isinstance(value, str) else f'"{value!r}"'


def tileset_xml(entry: Mapping[str, Any]) -> str:
    """A ``<tileset>`` element."""
    head = _attributes(entry, ("firstgid", "source", "name", "class", "tilewidth", "tileheight", "spacing"))
    if "source" in entry:
        return f" <tileset{head}/>\n"
    head += _attributes(entry, ("margin", "tilecount", "columns"))
    tiles = "".join(
        f"  <tile{_attributes(tile, ('id', 'type', 'class'))}>\n{properties(tile, '   ')}{_image(tile)}  </tile>\n"
        for tile in entry.get("tiles", [])
    )
    return f" <tileset{head}>\n{_image(entry)}{tiles} </tileset>\n"


def layer_xml(layer: Mapping[str, Any], number: int, data: str) -> str:
    """A layer element; ``data`` is the ``<data>`` element of a tile layer, ready made."""
    tag = _TAGS[layer["type"]]
    head = _attributes(layer, [key for key in layer if key not in _NESTED])
    inner = properties(layer, "  ") + _image(layer) + data
    inner += "".join(object_xml(thing) for thing in layer.get("objects", []))
    return f' <{tag} id="{number}"{head}>\n{inner} </{tag}>\n'


def object_xml(thing: Mapping[str, Any]) -> str:
    """An ``<object>`` element."""
    nested = ("properties", "point", "ellipse", "polygon", "polyline", "text")
    head = _attributes(thing, [key for key in thing if key not in nested])
    inner = properties(thing, "   ")
    inner += "".join(f"   <{shape}/>\n" for shape in ("point", "ellipse") if thing.get(shape))
    for shape in ("polygon", "polyline"):
        if shape in thing:
            points = " ".join(f"{point['x']!r},{point['y']!r}" for point in thing[shape])
            inner += f'   <{shape} points="{points}"/>\n'
    if "text" in thing:
        text = thing["text"]
        look = _attributes(text, [key for key in text if key != "text"])
        inner += f"   <text{look}>{escape(text['text'])}</text>\n"
    return f"  <object{head}>\n{inner}  </object>\n"


def properties(entry: Mapping[str, Any], indent: str) -> str:
    """A ``<properties>`` element, or nothing."""
    inner = property_elements(entry.get("properties", []), f"\n{indent} ")
    return f"{indent}<properties>{inner}\n{indent}</properties>\n" if inner else ""


def property_elements(entries: Iterable[Mapping[str, Any]], indent: str = "") -> str:
    """``<property>`` elements, each after ``indent``."""
    found = []
    for each in entries:
        kind = "" if each["type"] == "string" else f' type="{each["type"]}"'
        if "propertytype" in each:
            kind += f" propertytype={attribute(each['propertytype'])}"
        head, value = f"{indent}<property name={attribute(each['name'])}{kind}", each["value"]
        if each["type"] == "class":
            parts = [
                {"name": str(name), "type": _SCALARS[type(part)], "value": part}
                for name, part in value.items()
                if type(part) in _SCALARS
            ]
            found.append(f"{head}><properties>{property_elements(parts)}</properties></property>")
        else:
            text = attribute(str(value).lower() if isinstance(value, bool) else value)
            found.append(f"{head} value={text}/>")
    return "".join(found)


_SCALARS = {str: "string", bool: "bool", int: "int", float: "float"}


def _image(entry: Mapping[str, Any]) -> str:
    if "image" not in entry:
        return ""
    parts = "".join(f" {name}={attribute(entry[key])}" for key, name in _IMAGE.items() if key in entry)
    return f"   <image{parts}/>\n"


def _attributes(entry: Mapping[str, Any], keys: Any) -> str:
    return "".join(f" {key}={attribute(entry[key])}" for key in keys if key in entry)
