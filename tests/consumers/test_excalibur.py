"""Excalibur's plugins load our Tiled maps and LDtk projects: the same tiles, entities and properties, walls solid."""

import json

import numpy as np
import pytest

from levelforge import exporters
from levelforge.exporters.facts import facts, flatten
from levelforge.game import Role, bundled_games, load_game
from levelforge.level import Level
from levelforge.tileset import load_tileset

IMPORTS = {
    "excalibur": "/excalibur/build/esm/excalibur.min.js",
    "plugin-tiled": "/plugins/plugin-tiled/build/esm/excalibur-tiled.min.js",
    "plugin-ldtk": "/plugins/plugin-ldtk/build/esm/excalibur-ldtk.min.js",
    "jsdom": "data:text/javascript,",  # the Tiled plugin needs it outside browsers only
}
TILED = [
    ("tmj", {"encoding": "csv", "tileset": "embedded"}),
    ("tmx", {"encoding": "base64-zlib", "tileset": "embedded"}),
    ("tmj", {"encoding": "base64-zstd", "tileset": "external"}),
    ("tmx", {"encoding": "csv", "tileset": "external"}),
]


def level_of(game, name, seed):
    """Every tile in many neighbourhoods, and every kind of fact."""
    rng = np.random.default_rng(seed)
    weights = np.where([tile.name in game.count_ranges for tile in game.tiles], 0.3, 2.0)
    tiles = rng.choice(len(game.tiles), (9, 21), p=weights / weights.sum()).astype(np.uint8)
    return Level(
        game, tiles, id=name, seed=seed, solution=(1, 2), difficulty=0.25, difficulty_ci=(0.125, 0.5),
        fun_parts={"tension": 1.0}, extra={"note": 'two\nlines & "quotes"', "rank": 3, "boss": True},
    )  # fmt: skip


@pytest.mark.parametrize("name", bundled_games())
def test_excalibur_loads_what_we_write(name, chromium, node_modules, serve, run_node, tmp_path):
    game = load_game(name)
    first, second = level_of(game, "first", 4), level_of(game, "second", 5)
    tiled = []
    for number, (flavour, options) in enumerate(TILED):
        (path,) = exporters.write_level(first, flavour, tmp_path, f"map{number}", **options)
        tiled.append(path.name)
    (project,) = exporters.write_levels([first, second], "ldtk", tmp_path, "world")
    (tmp_path / "excalibur").symlink_to(node_modules / "excalibur")
    (tmp_path / "plugins").symlink_to(node_modules / "@excaliburjs")
    imports = json.dumps({"imports": IMPORTS})
    (tmp_path / "excalibur.html").write_text(
        f'<!doctype html><link rel="icon" href="data:,"><script type="importmap">{imports}</script>'
    )
    found = run_node("excalibur_maps.mjs", {"origin": serve(tmp_path), "tiled": tiled, "ldtk": project.name})
    names = np.array([tile.name for tile in game.tiles])
    for seen in found["maps"]:
        terrain, entities = load_tileset(game).cells(first.tiles, game)
        assert seen["size"] == [first.width, first.height, 16]
        assert np.array_equal(np.array(seen["gids"]).reshape(terrain.shape) - 1, terrain)
        bare = np.where(entities >= 0, game.empty.id, first.tiles)
        assert np.array_equal(np.array(seen["names"]), names[bare])
        assert np.array_equal(np.array(seen["solid"]), game.roles[bare] == Role.SOLID)
        assert seen["pictures"]
        wanted = {(names[first.tiles[y, x]], 16 * x, 16 * (y + 1)) for y, x in np.argwhere(entities >= 0)}
        assert {(o["type"], o["x"], o["y"]) for o in seen["entities"]} == wanted
        assert all(o["role"] == game.tile(o["type"]).role.word for o in seen["entities"])
        assert seen["properties"] == pytest.approx(flatten(facts(first)))

    assert found["strict"] is True
    assert [seen["name"] for seen in found["levels"]] == ["first", "second"]
    for seen, level in zip(found["levels"], (first, second), strict=True):
        terrain, entities = load_tileset(game).cells(level.tiles, game)
        bare = np.where(entities >= 0, game.empty.id, level.tiles)
        assert seen["names"] == names[bare].ravel().tolist()
        assert seen["columns"] == level.width
        assert seen["pictures"]
        wanted = {(names[level.tiles[y, x]], x, y) for y, x in np.argwhere(entities >= 0)}
        assert {(e["type"], *e["grid"]) for e in seen["entities"]} == wanted
        left, top = seen["world"]
        for entity in seen["entities"]:
            x, y = (round(at - offset) // 16 for at, offset in zip(entity["actor"], (left, top), strict=True))
            assert [x, y] == entity["grid"]
        known = {key: value for key, value in seen["fields"].items() if value is not None}
        wanted = flatten(facts(level)) | {"seed": str(level.seed)}
        assert {key: known[key] for key in wanted if key in known} == pytest.approx(
            {key: value for key, value in wanted.items() if key in known}
        )
        assert {"difficulty", "solution", "fun_parts_tension"} <= set(known)
