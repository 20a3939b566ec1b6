"""Levels as an LDtk project: an IntGrid layer with its pictures, and a layer of entities, level by level."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.exporters import ldtk_defs as defs
from levelforge.exporters.base import MAX_FILE_BYTES, Options, check_side, write_files, write_shared
from levelforge.exporters.facts import CI_NAMES, PART, Scalar, facts, flatten
from levelforge.exporters.layout import positions
from levelforge.exporters.tiled_tileset import TiledTileset, tiled_tileset
from levelforge.level import Level

KINDS = {str: "String", bool: "Bool", int: "Int", float: "Float"}
_SHARES = ("difficulty", "fun", "novelty", *CI_NAMES)
_SPACE = uuid.UUID("0d3c3f2e-6a57-4c1e-9f5c-6c65766f7267")


def write(level: Level, folder: Path, stem: str, options: Options) -> list[Path]:
    """Write ``stem.ldtk`` with one level."""
    return write_set([level], folder, stem, options)


def write_set(levels: Sequence[Level], folder: Path, stem: str, _options: Options) -> list[Path]:
    """Write ``stem.ldtk`` with all levels, laid out as a world.

    Raises:
        LevelForgeError: two levels of one name, levels of different games, more than one file may hold.
    """
    text = _encode(_project(levels))
    if len(text) > MAX_FILE_BYTES:
        most = MAX_FILE_BYTES // 2**20
        raise LevelForgeError(
            f"{stem}.ldtk: {len(levels)} levels need {len(text) // 2**20} MiB where {most} are read; write fewer a project"
        )
    shared = tiled_tileset(levels[0].game)
    write_shared(folder, shared.image_name, shared.image)
    return write_files(folder, {f"{stem}.ldtk": text})


def _encode(project: dict[str, Any]) -> bytes:
    """One level a line, so that tools which compare lines are of use."""
    levels = ",\n".join(json.dumps(level, separators=(",", ":")) for level in project["levels"])
    lines = [
        f'"{key}": ' + (f"[\n{levels}]" if key == "levels" else json.dumps(value))
        for key, value in project.items()
    ]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _project(levels: Sequence[Level]) -> dict[str, Any]:
    places = positions(levels)
    game, shared = levels[0].game, tiled_tileset(levels[0].game)
    for level in levels:
        check_side(level.width, level.height, f"level {level.id!r}")
    known = [_flat(level) for level in levels]
    fields = _fields(known)
    identifiers = _identifiers(levels)
    made = [
        _level(level, number, identifiers[number], places[number], shared, fields, known[number])
        for number, level in enumerate(levels)
    ]
    size = shared.tileset.tile_size
    return {
        "__header__": {
            "fileType": "LDtk Project JSON",
            "app": "LDtk",
            "doc": "https://ldtk.io/json",
            "schema": "https://ldtk.io/files/JSON_SCHEMA.json",
            "appAuthor": "Sebastien 'deepnight' Benard",
            "appVersion": defs.JSON_VERSION,
            "url": "https://ldtk.io",
        },
        "iid": _iid(game.digest, *[level.id for level in levels[:1]]),
        "jsonVersion": defs.JSON_VERSION,
        "appBuildId": defs.APP_BUILD,
        "nextUid": defs.LEVELS + len(levels),
        "identifierStyle": "Free",
        "toc": [],
        "worldLayout": "Free",
        "worldGridWidth": game.width * size,
        "worldGridHeight": game.height * size,
        "defaultLevelWidth": game.width * size,
        "defaultLevelHeight": game.height * size,
        "defaultPivotX": 0,
        "defaultPivotY": 0,
        "defaultGridSize": size,
        "defaultEntityWidth": size,
        "defaultEntityHeight": size,
        "bgColor": shared.tileset.background,
        "defaultLevelBgColor": shared.tileset.background,
        "minifyJson": False,
        "externalLevels": False,
        "exportTiled": False,
        "simplifiedExport": False,
        "imageExportMode": "None",
        "exportLevelBg": True,
        "pngFilePattern": None,
        "backupOnSave": False,
        "backupLimit": 10,
        "backupRelPath": None,
        "levelNamePattern": "Level_%idx",
        "tutorialDesc": None,
        "customCommands": [],
        "flags": [],
        "defs": defs.definitions(game, shared, fields),
        "levels": made,
        "worlds": [],
        "dummyWorldIid": _iid(game.digest, "world"),
    }


def _iid(*parts: str) -> str:
    """An instance id that depends on nothing but what it names."""
    return str(uuid.uuid5(_SPACE, "/".join(parts)))


def _flat(level: Level) -> dict[str, Scalar]:
    """The facts as single values; names that LDtk does not allow are all in ``extra``."""
    found = facts(level)
    extra = found.pop("extra", None)
    flat = flatten(found)
    if "seed" in flat:
        flat["seed"] = str(flat["seed"])  # LDtk's whole numbers have 32 bits
    shares = [name for name in flat if name in _SHARES or name.startswith(PART)]
    flat |= {name: float(flat[name]) for name in shares}
    if extra is not None:
        flat["extra"] = json.dumps(extra, sort_keys=True)
    return flat


def _fields(known: Sequence[dict[str, Scalar]]) -> dict[str, str]:
    """The kind of each level field that any of the levels has, in the order of their first use."""
    return {name: KINDS[type(value)] for flat in known for name, value in flat.items()}


def _identifiers(levels: Sequence[Level]) -> list[str]:
    """A name for each level that LDtk allows, all different."""
    found: list[str] = []
    taken: set[str] = set()
    for number, level in enumerate(levels):
        name = re.sub(r"[^A-Za-z0-9_]", "_", level.id)[:100]
        name = name if re.match(r"[A-Za-z_]", name) else f"Level_{name}"
        if name in taken:
            name = f"{name}_{number}"
        taken.add(name)
        found.append(name)
    return found


def _level(
    level: Level,
    number: int,
    identifier: str,
    place: tuple[int, int],
    shared: TiledTileset,
    fields: dict[str, str],
    known: dict[str, Scalar],
) -> dict[str, Any]:
    size = shared.tileset.tile_size
    x, y = place[0] * size, place[1] * size
    uid = defs.LEVELS + number
    return {
        "identifier": identifier,
        "iid": _iid(level.id, "level"),
        "uid": uid,
        "worldX": x,
        "worldY": y,
        "worldDepth": 0,
        "pxWid": level.width * size,
        "pxHei": level.height * size,
        "__bgColor": shared.tileset.background,
        "bgColor": None,
        "useAutoIdentifier": False,
        "bgRelPath": None,
        "bgPos": None,
        "bgPivotX": 0.5,
        "bgPivotY": 0.5,
        "__smartColor": "#ADADB5",
        "__bgPos": None,
        "externalRelPath": None,
        "fieldInstances": [
            {
                "__identifier": name,
                "__type": kind,
                "__value": known.get(name),
                "__tile": None,
                "defUid": defs.FIELDS + index,
                "realEditorValues": [{"id": f"V_{kind}", "params": [known[name]]} if name in known else None],
            }
            for index, (name, kind) in enumerate(fields.items())
        ],
        "layerInstances": _layers(level, uid, (x, y), shared),
        "__neighbours": [],
    }


def _layers(level: Level, uid: int, world: tuple[int, int], shared: TiledTileset) -> list[dict[str, Any]]:
    """The layers from the top: entities, then terrain."""
    terrain, entities = shared.tileset.cells(level.tiles, level.game)
    size, columns = shared.tileset.tile_size, shared.tileset.columns
    cells = level.tiles.copy()
    cells[entities >= 0] = level.game.empty.id
    numbers = cells.ravel().tolist()
    pictures = [
        {
            "px": [n % level.width * size, n // level.width * size],
            "src": [index % columns * size, index // columns * size],
            "f": 0,
            "t": index,
            "d": [defs.RULES + numbers[n], n],
            "a": 1,
        }
        for n, index in enumerate(terrain.ravel().tolist())
    ]
    order = {tile.id: n for n, tile in enumerate(level.game.entities)}
    things = []
    for y, x in zip(*(part.tolist() for part in (entities >= 0).nonzero()), strict=True):
        tile = level.game.tiles[level.tiles[y, x]]
        things.append(
            {
                "__identifier": tile.name,
                "__grid": [x, y],
                "__pivot": [0, 0],
                "__tags": [tile.role.word],
                "__tile": defs.rect(shared, int(entities[y, x])),
                "__smartColor": defs.COLORS[tile.role],
                "__worldX": world[0] + x * size,
                "__worldY": world[1] + y * size,
                "iid": _iid(level.id, "entity", str(y), str(x)),
                "width": size,
                "height": size,
                "defUid": defs.ENTITY + order[tile.id],
                "px": [x * size, y * size],
                "fieldInstances": [],
            }
        )
    return [
        _layer(level, uid, size, defs.ENTITIES) | {"entityInstances": things},
        _layer(level, uid, size, defs.TERRAIN)
        | {
            "__tilesetDefUid": defs.TILESET,
            "__tilesetRelPath": shared.image_name,
            "intGridCsv": [number + 1 for number in numbers],
            "autoLayerTiles": pictures,
        },
    ]


def _layer(level: Level, uid: int, size: int, layer: int) -> dict[str, Any]:
    return {
        "__identifier": defs.LAYER_NAMES[layer],
        "__type": "Entities" if layer == defs.ENTITIES else "IntGrid",
        "__cWid": level.width,
        "__cHei": level.height,
        "__gridSize": size,
        "__opacity": 1,
        "__pxTotalOffsetX": 0,
        "__pxTotalOffsetY": 0,
        "__tilesetDefUid": None,
        "__tilesetRelPath": None,
        "iid": _iid(level.id, "layer", str(layer)),
        "levelId": uid,
        "layerDefUid": layer,
        "pxOffsetX": 0,
        "pxOffsetY": 0,
        "visible": True,
        "optionalRules": [],
        "intGridCsv": [],
        "autoLayerTiles": [],
        "seed": 0,
        "overrideTilesetUid": None,
        "gridTiles": [],
        "entityInstances": [],
    }
