"""Godot 4 scenes: a ``TileMapLayer`` with its ``TileSet``, and a ``Marker2D`` for each entity.

The text follows Godot's own writer for ``format=4`` (4.3 and later). ``tile_map_data`` is a 16-bit 0 (its
version), then 12 bytes a cell, all little-endian: x, y (``int16``), source, column and row in the sheet,
alternative (``uint16``); see ``TileMapLayer::get_tile_map_data_as_array`` in Godot's source.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np

from levelforge.exporters.base import Format, Options, check_side, write_files, write_shared
from levelforge.exporters.facts import Scalar, facts, flatten
from levelforge.exporters.tiled_tileset import TiledTileset, tiled_tileset
from levelforge.game import Game, Role
from levelforge.level import Level

CELL = np.dtype(
    [(name, "<i2" if name in "xy" else "<u2") for name in ("x", "y", "source", "column", "row", "alt")]
)
SOURCE = 0
_STRING, _BOOL = 4, 1  # Variant.Type
_CUSTOM = (("tile", _STRING), ("role", _STRING), ("solid", _BOOL))


def pack_cells(pictures: np.ndarray[tuple[int, int], np.dtype[np.int32]], columns: int) -> bytes:
    """``int32[H, W]`` sheet indices as ``tile_map_data``."""
    y, x = np.indices(pictures.shape)
    cells = np.zeros(pictures.size, dtype=CELL)
    cells["x"], cells["y"] = x.ravel(), y.ravel()
    cells["source"] = SOURCE
    cells["column"], cells["row"] = pictures.ravel() % columns, pictures.ravel() // columns
    return b"\0\0" + cells.tobytes()


def write(level: Level, folder: Path, stem: str, options: Options) -> list[Path]:
    """Write ``stem.tscn``; on request ``<game>-tileset.tres`` beside it and a ``project.godot`` if there is none."""
    check_side(level.width, level.height, f"level {level.id!r}")
    shared = tiled_tileset(level.game)
    external = options.get("tileset", "embedded") == "external"
    text = _scene(level, stem, shared, external)
    write_shared(folder, shared.image_name, shared.image)
    if external:
        write_shared(folder, _tres(level.game), _resource(level.game, shared).encode())
    if options.get("project", "no") == "yes" and not (folder / "project.godot").exists():
        write_files(folder, {"project.godot": _project(level, stem, shared).encode()})
    return write_files(folder, {f"{stem}.tscn": text.encode()})


def _tres(game: Game) -> str:
    return f"{game.name}-tileset.tres"


def _scene(level: Level, stem: str, shared: TiledTileset, external: bool) -> str:
    size = shared.tileset.tile_size
    terrain, entities = shared.tileset.cells(level.tiles, level.game)
    if external:
        head = f'[ext_resource type="TileSet" path={_text(_tres(level.game))} id="tileset"]\n'
        count, tileset = 2, 'ExtResource("tileset")'
    else:
        head = _image(shared) + "\n" + _atlas(level.game, shared) + "\n" + _tileset(shared)
        count, tileset = 4, 'SubResource("TileSet")'
    packed = base64.b64encode(pack_cells(terrain, shared.tileset.columns)).decode()
    cells = f'tile_map_data = PackedByteArray("{packed}")\ntile_set = {tileset}\n'
    parts = [
        f"[gd_scene load_steps={count} format=4]\n",
        head,
        f'[node name={_name(stem)} type="Node2D"]\n' + _metadata(flatten(facts(level))),
        '[node name="Terrain" type="TileMapLayer" parent="."]\n' + cells,
        '[node name="Entities" type="Node2D" parent="."]\n',
    ]
    for number, (y, x) in enumerate(
        zip(*(part.tolist() for part in (entities >= 0).nonzero()), strict=True), 1
    ):
        tile = level.game.tiles[level.tiles[y, x]]
        middle = f"Vector2({_number(x * size + size / 2)}, {_number(y * size + size / 2)})"
        known: dict[str, Scalar] = {"tile": tile.name, "role": tile.role.word, "column": x, "row": y}
        known["picture"] = int(entities[y, x])
        parts.append(
            f'[node name="{tile.name}_{number}" type="Marker2D" parent="Entities"]\nposition = {middle}\n'
            + _metadata(known)
        )
    return "\n".join(parts)


def _resource(game: Game, shared: TiledTileset) -> str:
    body = _tileset(shared).split("\n", 1)[1]
    head = '[gd_resource type="TileSet" load_steps=3 format=3]\n'
    return "\n".join([head, _image(shared), _atlas(game, shared), "[resource]\n" + body])


def _image(shared: TiledTileset) -> str:
    return f'[ext_resource type="Texture2D" path={_text(shared.image_name)} id="sheet"]\n'


def _atlas(game: Game, shared: TiledTileset) -> str:
    """The sheet: every picture is a tile; what is solid has a polygon, and all say what they stand for."""
    size = shared.tileset.tile_size
    roles = {tile.name: tile.role for tile in game.tiles}
    known = {each["id"]: {p["name"]: p["value"] for p in each["properties"]} for each in shared.tiles}
    lines = [
        '[sub_resource type="TileSetAtlasSource" id="Atlas"]',
        'texture = ExtResource("sheet")',
        f"texture_region_size = Vector2i({size}, {size})",
    ]
    half = _number(size / 2)
    square = f"PackedVector2Array(-{half}, -{half}, {half}, -{half}, {half}, {half}, -{half}, {half})"
    for index in range(shared.tileset.count):
        row, column = divmod(index, shared.tileset.columns)
        at = f"{column}:{row}/0"
        lines.append(f"{at} = 0")
        facts_ = known.get(index)
        if facts_ is None:
            continue
        role = roles[facts_["tile"]]
        if role in (Role.SOLID, Role.ONE_WAY):
            lines.append(f"{at}/physics_layer_0/polygon_0/points = {square}")
        if role is Role.ONE_WAY:
            lines.append(f"{at}/physics_layer_0/polygon_0/one_way = true")
        for number, (name, _) in enumerate(_CUSTOM):
            lines.append(f"{at}/custom_data_{number} = {_value(facts_[name])}")
    return "\n".join(lines) + "\n"


def _tileset(shared: TiledTileset) -> str:
    size = shared.tileset.tile_size
    lines = [
        '[sub_resource type="TileSet" id="TileSet"]',
        f"tile_size = Vector2i({size}, {size})",
        "physics_layer_0/collision_layer = 1",
    ]
    for number, (name, kind) in enumerate(_CUSTOM):
        lines += [f'custom_data_layer_{number}/name = "{name}"', f"custom_data_layer_{number}/type = {kind}"]
    return "\n".join([*lines, f'sources/{SOURCE} = SubResource("Atlas")']) + "\n"


def _project(level: Level, stem: str, shared: TiledTileset) -> str:
    size = shared.tileset.tile_size
    return (
        "config_version=5\n\n[application]\n\n"
        f"config/name={_text(level.game.title)}\nrun/main_scene={_text(f'res://{stem}.tscn')}\n"
        'config/features=PackedStringArray("4.3")\n\n[display]\n\n'
        f"window/size/viewport_width={level.width * size}\nwindow/size/viewport_height={level.height * size}\n"
        'window/stretch/mode="viewport"\n\n[rendering]\n\ntextures/canvas_textures/default_texture_filter=0\n'
    )


def _metadata(known: dict[str, Scalar]) -> str:
    """One line a fact; a name that is no identifier is put into ``extra`` with the others."""
    plain = {name: value for name, value in known.items() if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)}
    rest = {name: value for name, value in known.items() if name not in plain}
    if rest:
        more = json.loads(str(plain.get("extra", "{}")))
        plain["extra"] = json.dumps(more | rest, sort_keys=True)
    return "".join(f"metadata/{name} = {_value(value)}\n" for name, value in plain.items())


def _value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    if isinstance(value, float) and value == int(value):
        return f"{value:.1f}" if abs(value) < 1e15 else repr(value)
    return repr(value)


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(stem: str) -> str:
    """A node's name, which has none of ``. : @ / " %``."""
    return _text(re.sub(r'[.:@/"%\\]', "_", stem))


FORMAT_GODOT = Format(
    name="godot",
    title="Godot 4 scene: TileMapLayer, TileSet, Marker2D entities",
    extensions=(".tscn",),
    write=write,
    options={"tileset": ("embedded", "external"), "project": ("no", "yes")},
    tested="parsed, cells decoded and compared; Godot 4.6 (make test-godot)",
    limits="Godot 4.3 or later; not read back",
)
