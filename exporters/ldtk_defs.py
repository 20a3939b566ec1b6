"""The definitions of an LDtk project (JSON 1.5.3): tileset, layers, entities and level fields of one game.

Field by field as https://ldtk.io/json/ has them; what is not said here has LDtk's own default.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from levelforge.exporters.tiled_tileset import TiledTileset
from levelforge.game import Game, Role

JSON_VERSION, APP_BUILD = "1.5.3", 473703
TILESET, ENTITIES, TERRAIN, GROUP = 1, 2, 3, 4
RULES, ENTITY, FIELDS, LEVELS = 100, 400, 700, 1000
"""Where the unique numbers of rules, entities, fields and levels start; a game has at most 256 tiles."""

LAYER_NAMES = {ENTITIES: "Entities", TERRAIN: "Terrain"}
COLORS = {
    Role.EMPTY: "#3b3349", Role.SOLID: "#8a8fa8", Role.START: "#5ad2f4", Role.GOAL: "#63c74d", Role.KEY: "#ffd541",
    Role.DOOR: "#b86f50", Role.COLLECTIBLE: "#feae34", Role.HAZARD: "#ff5277", Role.ENEMY_H: "#c04a9e",
    Role.ENEMY_V: "#9b5de0", Role.HEAL: "#f6757a", Role.ONE_WAY: "#c28569", Role.LADDER: "#d7a86e",
}  # fmt: skip


def definitions(game: Game, shared: TiledTileset, fields: dict[str, str]) -> dict[str, Any]:
    """``defs`` of a project; ``fields`` names the kind of each level field (``String``, ``Int`` …)."""
    return {
        "layers": [_layer(ENTITIES, game, shared), _layer(TERRAIN, game, shared)],
        "entities": [_entity(game, index, shared) for index in range(len(game.entities))],
        "tilesets": [_tileset(game, shared)],
        "enums": [],
        "externalEnums": [],
        "levelFields": [_field(name, kind, FIELDS + n) for n, (name, kind) in enumerate(fields.items())],
    }


def rect(shared: TiledTileset, index: int) -> dict[str, int]:
    """A picture of the sheet as LDtk's rectangle."""
    size = shared.tileset.tile_size
    y, x = divmod(index, shared.tileset.columns)
    return {"tilesetUid": TILESET, "x": x * size, "y": y * size, "w": size, "h": size}


def _tileset(game: Game, shared: TiledTileset) -> dict[str, Any]:
    tileset = shared.tileset
    width, height = struct.unpack(">II", shared.image[16:24])
    facts = {tile["id"]: {p["name"]: p["value"] for p in tile["properties"]} for tile in shared.tiles}
    return {
        "__cWid": tileset.columns,
        "__cHei": tileset.rows,
        "identifier": f"{game.name.replace('-', '_')}_tileset",
        "uid": TILESET,
        "relPath": shared.image_name,
        "embedAtlas": None,
        "pxWid": width,
        "pxHei": height,
        "tileGridSize": tileset.tile_size,
        "spacing": 0,
        "padding": 0,
        "tags": [],
        "tagsSourceEnumUid": None,
        "enumTags": [],
        "customData": [{"tileId": index, "data": json.dumps(each)} for index, each in facts.items()],
        "savedSelections": [],
        "cachedPixelData": None,
    }


def _layer(uid: int, game: Game, shared: TiledTileset) -> dict[str, Any]:
    size = shared.tileset.tile_size
    kind = "Entities" if uid == ENTITIES else "IntGrid"
    values, rules = [], []
    for tile in game.terrain if uid == TERRAIN else ():
        picture = shared.tileset.icon(tile.name)
        values.append(
            {
                "value": tile.id + 1,
                "identifier": tile.name,
                "color": COLORS[tile.role],
                "tile": rect(shared, picture),
                "groupUid": 0,
            }
        )
        rules.append(_rule(RULES + tile.id, tile.id + 1, picture))
    group = {
        "uid": GROUP,
        "name": "plain pictures",
        "color": None,
        "icon": None,
        "active": True,
        "isOptional": False,
        "rules": rules,
        "usesWizard": False,
        "requiredBiomeValues": [],
        "biomeRequirementMode": 0,
    }
    return {
        "__type": kind,
        "identifier": LAYER_NAMES[uid],
        "type": kind,
        "uid": uid,
        "doc": None,
        "uiColor": None,
        "gridSize": size,
        "guideGridWid": 0,
        "guideGridHei": 0,
        "displayOpacity": 1,
        "inactiveOpacity": 1,
        "hideInList": False,
        "hideFieldsWhenInactive": True,
        "canSelectWhenInactive": True,
        "renderInWorldView": True,
        "pxOffsetX": 0,
        "pxOffsetY": 0,
        "parallaxFactorX": 0,
        "parallaxFactorY": 0,
        "parallaxScaling": True,
        "requiredTags": [],
        "excludedTags": [],
        "autoTilesKilledByOtherLayerUid": None,
        "uiFilterTags": [],
        "useAsyncRender": False,
        "intGridValues": values,
        "intGridValuesGroups": [],
        "autoRuleGroups": [group] if rules else [],
        "autoSourceLayerDefUid": None,
        "tilesetDefUid": TILESET if uid == TERRAIN else None,
        "tilePivotX": 0,
        "tilePivotY": 0,
        "biomeFieldUid": None,
    }


def _rule(uid: int, value: int, picture: int) -> dict[str, Any]:
    """One cell of a value shows its plain picture: what LDtk draws where a person paints."""
    return {
        "uid": uid,
        "active": True,
        "size": 1,
        "tileRectsIds": [[picture]],
        "alpha": 1,
        "chance": 1,
        "breakOnMatch": True,
        "pattern": [value],
        "flipX": False,
        "flipY": False,
        "xModulo": 1,
        "yModulo": 1,
        "xOffset": 0,
        "yOffset": 0,
        "tileXOffset": 0,
        "tileYOffset": 0,
        "tileRandomXMin": 0,
        "tileRandomXMax": 0,
        "tileRandomYMin": 0,
        "tileRandomYMax": 0,
        "checker": "None",
        "tileMode": "Single",
        "pivotX": 0,
        "pivotY": 0,
        "outOfBoundsValue": None,
        "invalidated": False,
        "perlinActive": False,
        "perlinSeed": 0,
        "perlinScale": 0.2,
        "perlinOctaves": 2,
    }


def _entity(game: Game, index: int, shared: TiledTileset) -> dict[str, Any]:
    tile, size = game.entities[index], shared.tileset.tile_size
    picture = shared.tileset.icon(tile.name)
    return {
        "identifier": tile.name,
        "uid": ENTITY + index,
        "tags": [tile.role.word],
        "exportToToc": False,
        "allowOutOfBounds": False,
        "doc": None,
        "width": size,
        "height": size,
        "resizableX": False,
        "resizableY": False,
        "minWidth": None,
        "maxWidth": None,
        "minHeight": None,
        "maxHeight": None,
        "keepAspectRatio": False,
        "tileOpacity": 1,
        "fillOpacity": 0,
        "lineOpacity": 0,
        "hollow": False,
        "color": COLORS[tile.role],
        "renderMode": "Tile",
        "showName": False,
        "tilesetId": TILESET,
        "tileRenderMode": "FitInside",
        "tileRect": rect(shared, picture),
        "uiTileRect": None,
        "nineSliceBorders": [],
        "maxCount": 0,
        "limitScope": "PerLevel",
        "limitBehavior": "MoveLastOne",
        "pivotX": 0,
        "pivotY": 0,
        "fieldDefs": [],
    }


def _field(name: str, kind: str, uid: int) -> dict[str, Any]:
    return {
        "identifier": name,
        "doc": None,
        "__type": kind,
        "uid": uid,
        "type": f"F_{kind}",
        "isArray": False,
        "canBeNull": True,
        "arrayMinLength": None,
        "arrayMaxLength": None,
        "editorDisplayMode": "Hidden",
        "editorDisplayScale": 1,
        "editorDisplayPos": "Above",
        "editorLinkStyle": "StraightArrow",
        "editorDisplayColor": None,
        "editorAlwaysShow": False,
        "editorShowInWorld": False,
        "editorCutLongValues": True,
        "editorTextSuffix": None,
        "editorTextPrefix": None,
        "useForSmartColor": False,
        "exportToToc": False,
        "searchable": False,
        "min": None,
        "max": None,
        "regex": None,
        "acceptFileTypes": None,
        "defaultOverride": None,
        "textLanguageMode": None,
        "symmetricalRef": False,
        "autoChainRef": True,
        "allowOutOfLevelRef": True,
        "allowedRefs": "Any",
        "allowedRefsEntityUid": None,
        "allowedRefTags": [],
        "tilesetUid": None,
    }
