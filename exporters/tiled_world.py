"""Several Tiled maps as a world: ``<stem>.world`` lays them out, ``<game>.tiled-project`` explains their types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.exporters.base import Options, write_files, write_shared
from levelforge.exporters.json_format import load_json
from levelforge.exporters.layout import positions
from levelforge.exporters.registry import check_stem
from levelforge.exporters.tiled_sets import inside, objects_in, root_of
from levelforge.exporters.tiled_write import write_flavours
from levelforge.game import Game, Role
from levelforge.level import Level
from levelforge.tileset import load_tileset

MAX_MAPS = 10_000


def write_world(
    levels: Sequence[Level], folder: Path, stem: str, options: Options, flavours: tuple[str, ...]
) -> list[Path]:
    """Write each level as a map named by its id, then the world and the project.

    Raises:
        LevelForgeError: two levels of one name, levels of different games.
    """
    places = positions(levels)
    written = [
        path
        for level in levels
        for path in write_flavours(level, folder, check_stem(level.id), options, flavours)
    ]
    size = load_tileset(levels[0].game).tile_size
    maps = [
        {
            "fileName": f"{level.id}.{flavours[-1]}",
            "x": x * size,
            "y": y * size,
            "width": level.width * size,
            "height": level.height * size,
        }
        for level, (x, y) in zip(levels, places, strict=True)
    ]
    lines = ",\n  ".join(json.dumps(each, ensure_ascii=False) for each in maps)
    text = f'{{"maps":[\n  {lines}],\n "onlyShowAdjacentMaps":false,\n "type":"world"}}\n'
    game = levels[0].game
    write_shared(folder, f"{game.name}.tiled-project", _project(game))
    return [*written, *write_files(folder, {f"{stem}.world": text.encode()})]


def _project(game: Game) -> bytes:
    """What the types of objects and tiles mean, for Tiled's editor."""
    roles = [role.word for role in Role]
    types: list[dict[str, Any]] = [
        {
            "id": 1,
            "name": "role",
            "type": "enum",
            "storageType": "string",
            "values": roles,
            "valuesAsFlags": False,
        }
    ]
    for number, tile in enumerate(game.tiles, 2):
        members = [
            {"name": "role", "type": "string", "propertyType": "role", "value": tile.role.word},
            {"name": "solid", "type": "bool", "value": tile.role is Role.SOLID},
            {"name": "tile", "type": "string", "value": tile.name},
        ]
        if tile in game.entities:
            members = members[:1]
        entry = {"id": number, "name": tile.name, "type": "class", "color": "#ff808080", "drawFill": True}
        types.append(entry | {"members": members, "useAs": ["property", "object", "tile"]})
    project = {
        "automappingRulesFile": "",
        "commands": [],
        "compatibilityVersion": 1100,
        "extensionsPath": "extensions",
        "folders": ["."],
        "properties": [],
        "propertyTypes": types,
    }
    return (json.dumps(project, indent=1) + "\n").encode()


def world_maps(path: Path) -> list[Path]:
    """The map files of a ``.world``, all of them below its root (see :func:`root_of`).

    Raises:
        LevelForgeError: not a world, a world by patterns, a map that is listed twice or lies outside the root.
    """
    data = load_json(path)
    if not isinstance(data, dict) or data.get("type", "world") != "world":
        raise LevelForgeError(f"{path}: not a Tiled world")
    if data.get("patterns"):
        raise LevelForgeError(f"{path}: names its maps by patterns; list them under 'maps'")
    entries = objects_in(data, "maps", str(path))
    if not 1 <= len(entries) <= MAX_MAPS:
        raise LevelForgeError(f"{path}: lists {len(entries)} maps; 1 to {MAX_MAPS} are read")
    root, found, seen = root_of(path), [], set[Path]()
    for entry in entries:
        name = entry.get("fileName")
        text = name if isinstance(name, str) else ""
        file = inside(root, path, text)
        if file is None or file.suffix.lower() == ".world":
            raise LevelForgeError(f"{path}: map {text[:80]!r} lies outside the world's folder; copy it there")
        real = file.resolve()
        if real in seen:  # else a small file could ask for one large map ten thousand times
            raise LevelForgeError(f"{path}: lists map {text[:80]!r} twice; remove one")
        seen.add(real)
        found.append(file)
    return found
