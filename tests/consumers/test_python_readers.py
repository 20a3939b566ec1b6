"""pytmx and pytiled-parser find the same tiles, objects and properties in our maps."""

import json

import numpy as np
import pytest

from levelforge import exporters
from levelforge.exporters.facts import facts, flatten
from levelforge.game import bundled_games, load_game
from levelforge.level import Level, parse_text
from levelforge.tileset import load_tileset

ENCODINGS = ("csv", "base64-zlib", "base64-zstd")
CHOICES = [{"encoding": e, "tileset": t} for e in ENCODINGS for t in ("embedded", "external")]
by_choice = pytest.mark.parametrize("options", CHOICES, ids=lambda o: "-".join(o.values()))
by_game = pytest.mark.parametrize("name", bundled_games())


def level_of(game):
    """Every tile in many neighbourhoods, and every kind of fact."""
    rng = np.random.default_rng(4)
    weights = np.where([tile.name in game.count_ranges for tile in game.tiles], 0.3, 2.0)
    tiles = rng.choice(len(game.tiles), (9, 21), p=weights / weights.sum()).astype(np.uint8)
    return Level(
        game, tiles, id="every", seed=2**40, solution=(1, 2), difficulty=0.25, difficulty_ci=(0.125, 0.5),
        fun_parts={"tension": 1.0}, extra={"note": 'two\nlines & "quotes"', "rank": 3, "boss": True},
    )  # fmt: skip


def wanted(level):
    """Cells as tile names, and objects as (tile, column, row)."""
    entities = np.isin(level.tiles, [tile.id for tile in level.game.entities])
    names = [tile.name for tile in level.game.tiles]
    bare = np.where(entities, level.game.empty.id, level.tiles)
    cells = [[names[number] for number in row] for row in bare.tolist()]
    things = {(names[level.tiles[y, x]], int(x), int(y)) for y, x in np.argwhere(entities)}
    return cells, things


@by_choice
@by_game
def test_pytmx(name, options, tmp_path):
    pytmx = pytest.importorskip("pytmx")
    level = level_of(load_game(name))
    (path,) = exporters.write_level(level, "tmx", tmp_path, **options)
    if options["encoding"] == "base64-zstd":
        with pytest.raises(ValueError, match="layer compression zstd is not supported"):
            pytmx.TiledMap(str(path))
        return
    found = pytmx.TiledMap(str(path))
    cells, things = wanted(level)
    assert (found.width, found.height, found.tilewidth) == (21, 9, 16)
    # pytmx also lists the collision shapes of an embedded tileset as layers
    terrain, entities = found.get_layer_by_name("terrain"), found.get_layer_by_name("entities")
    layer = found.layers.index(terrain)
    shown = [[found.get_tile_properties(x, y, layer) for x in range(21)] for y in range(9)]
    assert [[properties["tile"] for properties in row] for row in shown] == cells
    solid = {tile.name for tile in level.game.tiles if tile.role.word == "solid"}
    assert all(shown[y][x]["solid"] == (cells[y][x] in solid) for y in range(9) for x in range(21))
    size = found.tilewidth  # pytmx gives a tile object's top left corner
    assert {(o.type, int(o.x) // size, int(o.y) // size) for o in entities} == things
    assert all(o.properties["role"] == level.game.tile(o.type).role.word for o in entities)
    assert found.properties == flatten(facts(level))


@by_choice
@by_game
@pytest.mark.parametrize("flavour", ["tmj", "tmx"])
def test_pytiled_parser(flavour, name, options, tmp_path):
    pytiled_parser = pytest.importorskip("pytiled_parser")
    if options["encoding"] == "base64-zstd":
        pytest.importorskip("zstd")
    level = level_of(load_game(name))
    (path,) = exporters.write_level(level, flavour, tmp_path, **options)
    found = pytiled_parser.parse_map(path)
    cells, things = wanted(level)
    tileset = found.tilesets[1]
    terrain, entities = found.layers
    shown = [[tileset.tiles[gid - 1].properties["tile"] for gid in row] for row in terrain.data]
    assert shown == cells
    size = int(found.tile_size.width)
    places = {
        (o.class_, int(o.coordinates.x) // size, int(o.coordinates.y) // size - 1)
        for o in entities.tiled_objects
    }
    assert places == things
    assert all(o.properties["role"] == level.game.tile(o.class_).role.word for o in entities.tiled_objects)
    solid = {tile.name for tile in level.game.tiles if tile.role.word == "solid"}
    assert all(
        tile.properties["solid"] == (tile.properties["tile"] in solid) for tile in tileset.tiles.values()
    )
    assert found.properties == flatten(facts(level))
    for tile in level.game.tiles:
        shape = tileset.tiles[load_tileset(level.game).icon(tile.name)].objects
        assert (shape is not None) == (tile.role.word == "solid")


@by_game
def test_wang_sets_are_understood(name, tmp_path):
    """Colour 2 at a corner means the terrain: the pictures of our own autotiling say the same."""
    pytiled_parser = pytest.importorskip("pytiled_parser")
    game = load_game(name)
    wall = game.solid
    rng = np.random.default_rng(1)
    tiles = np.where(rng.random((12, 12)) < 0.5, wall.id, game.empty.id).astype(np.uint8)
    tiles = np.repeat(np.repeat(tiles, 2, axis=0), 2, axis=1)  # at least 2 wide, as corner sets need
    (path,) = exporters.write_level(Level(game, tiles), "tmj", tmp_path)
    found = pytiled_parser.parse_map(path)
    (wang,) = found.tilesets[1].wang_sets
    assert (wang.name, wang.wang_type) == (wall.name, "corner")
    assert [color.name for color in wang.wang_colors] == [game.empty.name, wall.name]
    corners = {tuple(tile.wang_id[1::2]) for tile in wang.wang_tiles.values()}
    assert corners == {(a, b, c, d) for a in (1, 2) for b in (1, 2) for c in (1, 2) for d in (1, 2)}
    assert all(set(tile.wang_id[0::2]) == {0} for tile in wang.wang_tiles.values())


def test_what_people_added_is_seen_by_others(tmp_path):
    pytmx = pytest.importorskip("pytmx")
    game = load_game("dungeon")
    level = Level(game, parse_text("######\n#@k..#\n#..D>#\n######\n", game), id="tiny")
    (path,) = exporters.write_level(level, "tmj", tmp_path)
    data = json.loads(path.read_text())
    shape = [{"x": 0, "y": 0}, {"x": 8, "y": 4}, {"x": 2, "y": 9}]
    area = {"id": 9, "name": "area", "type": "zone", "x": 16, "y": 16, "polygon": shape}
    area["properties"] = [{"name": "danger", "type": "float", "value": 0.5}]
    data["layers"].append({"id": 3, "type": "objectgroup", "name": "zones", "objects": [area]})
    path.write_text(json.dumps(data))
    (again,) = exporters.write_level(exporters.read_level(path), "tmx", tmp_path / "again")
    (zone,) = pytmx.TiledMap(str(again)).get_layer_by_name("zones")
    assert (zone.name, zone.type, zone.properties) == ("area", "zone", {"danger": 0.5})
    assert [tuple(point) for point in zone.points] == [(16, 16), (24, 20), (18, 25)]
