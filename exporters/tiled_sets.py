"""The tilesets of a Tiled map: what each picture stands for, and which tileset files may be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.exporters.base import read_bytes
from levelforge.exporters.games import LEVELS_UP
from levelforge.exporters.json_format import load_json
from levelforge.exporters.tiled_kept import MAX_GIDS, MapTileset
from levelforge.exporters.tiled_xml import load_xml

_NAMES = object()  # no JSON key is equal to it
MAX_TILESETS = 1000
_MARKS = ("*.tiled-project", "game.toml")


def tilesets_of(data: dict[str, Any], path: Path) -> list[tuple[MapTileset, dict[int, str]]]:
    """The map's tilesets by their first gid, each with the name that its pictures carry by number.

    Raises:
        LevelForgeError: a tileset that is damaged, missing or outside the map's root.
    """
    found: list[tuple[MapTileset, dict[int, str]]] = []
    read: dict[Path, dict[str, Any]] = {}
    entries = objects_in(data, "tilesets", str(path))
    if len(entries) > MAX_TILESETS:
        raise LevelForgeError(f"{path}: has {len(entries)} tilesets; up to {MAX_TILESETS} are read")
    for entry in sorted(entries, key=lambda t: whole(t.get("firstgid", 1), f"{path}: tileset firstgid", 1)):
        first = int(entry.get("firstgid", 1))
        tileset = _external(entry["source"], path, read) if "source" in entry else entry
        names = _names(tileset, path)
        count = whole(tileset.get("tilecount", 0), f"{path}: tilecount", 0)
        count = max(count, max(names, default=-1) + 1)  # a collection of pictures has gaps in its numbers
        if first + count > MAX_GIDS:
            raise LevelForgeError(
                f"{path}: a tileset reaches gid {first + count}; at most {MAX_GIDS} are read"
            )
        if found:
            before, known = found[-1]
            room = first - before.first
            if before.count > room:
                found[-1] = MapTileset(before.first, room, before.entry, before.name), known
        label = Path(str(entry["source"])).stem if "source" in entry else str(tileset.get("name", ""))
        found.append((MapTileset(first, count, entry, label), names))
    return found


def _names(tileset: dict[Any, Any], path: Path) -> dict[int, str]:
    """For each picture with an entry, the name that it carries (``""`` if none)."""
    if _NAMES in tileset:
        known: dict[int, str] = tileset[_NAMES]
        return known
    names = {}
    for tile in objects_in(tileset, "tiles", str(path)):
        number = whole(tile.get("id"), f"{path}: tile id", 0)
        named = properties_of(tile, str(path)).get("tile", tile.get("type") or tile.get("class") or "")
        names[number] = named if isinstance(named, str) else ""
    tileset[_NAMES] = names  # the XML reader hands the same object out again
    return names


def root_of(path: Path) -> Path:
    """The folder below which a map's tilesets must lie.

    That is the nearest folder with a ``.tiled-project`` or a ``game.toml``, the map's own or one of the
    four above it; without one, the map's own folder.
    """
    home = path.absolute().parent
    for folder in [home, *home.parents][: LEVELS_UP + 1]:
        if any(next(folder.glob(mark), None) is not None for mark in _MARKS):
            return folder
    return home


def inside(root: Path, path: Path, name: str) -> Path | None:
    """The file that a map or world names, or None if that is no name of a file below ``root`` (see :func:`root_of`)."""
    if not name or any(sign in name for sign in "\x00\\") or Path(name).is_absolute():
        return None
    file = path.parent / name
    try:
        too_long = max(len(part.encode()) for part in file.parts) > 255
        return None if too_long or not file.resolve().is_relative_to(root.resolve()) else file
    except (OSError, ValueError):  # a link to itself, half a character
        return None


def _external(source: Any, path: Path, read: dict[Path, dict[str, Any]]) -> dict[str, Any]:
    """A tileset file, which must lie below the map's root; ``read`` has those that the map named before."""
    text = source if isinstance(source, str) else ""
    file = inside(root_of(path), path, text)
    if file is None:
        raise LevelForgeError(
            f"{path}: tileset {text[:80]!r} lies outside the map's folder; copy it beside the map, embed it, "
            "or put a .tiled-project into the folder that holds both"
        )
    if not file.is_file():
        raise LevelForgeError(f"{path}: tileset {text[:80]!r} is missing")
    if file.resolve() in read:
        return read[file.resolve()]
    is_xml = read_bytes(file).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    data = load_xml(file, "tileset") if is_xml else load_json(file)
    if not isinstance(data, dict):
        raise LevelForgeError(f"{file}: not a Tiled tileset")
    read[file.resolve()] = data
    return data


# --- strict reading -----------------------------------------------------------------------------


def properties_of(data: dict[str, Any], origin: str) -> dict[str, Any]:
    """The properties of a map, tile or object by name.

    Raises:
        LevelForgeError: one without a name.
    """
    found: dict[str, Any] = {}
    for entry in objects_in(data, "properties", origin):
        name, value = entry.get("name"), entry.get("value")
        if not isinstance(name, str):
            raise LevelForgeError(f"{origin}: a property without a name")
        # A whole number of a float property is written as 1 by tools made in JavaScript.
        is_float = entry.get("type") == "float" and type(value) is int
        found[name] = float(value) if is_float and abs(value) < 2**53 else value
    return found


def objects_in(data: dict[str, Any], key: str, origin: str) -> list[Any]:
    """A list of objects; missing counts as empty.

    Raises:
        LevelForgeError: anything else.
    """
    value = data.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise LevelForgeError(f"{origin}: {key} must be a list of objects")
    return value


def whole(value: Any, place: str, lowest: int) -> int:
    """A whole number of 32 bits.

    Raises:
        LevelForgeError: anything else.
    """
    if type(value) is not int or not lowest <= value <= 0xFFFFFFFF:
        raise LevelForgeError(f"{place}: must be a whole number from {lowest} on, not {str(value)[:40]}")
    return value
