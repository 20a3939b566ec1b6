"""Phaser 4 loads our Tiled maps: the same tiles, objects and properties, and walls that stop a body."""

import numpy as np
import pytest
from PIL import Image

from levelforge import exporters
from levelforge.exporters.facts import facts, flatten
from levelforge.game import Role, bundled_games, load_game
from levelforge.generate import GenerateConfig, generate
from levelforge.render import render
from levelforge.tileset import load_tileset

WAYS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def walks_to_walls(solid, rng, count=12):
    """Free cells with a way to go that meets a wall, and the last free cell on that way."""
    height, width = solid.shape
    found = []
    while len(found) < count:
        y, x = int(rng.integers(height)), int(rng.integers(width))
        dy, dx = WAYS[rng.integers(4)]
        if solid[y, x]:
            continue
        ahead_y, ahead_x = y, x
        while (
            0 <= ahead_y + dy < height and 0 <= ahead_x + dx < width and not solid[ahead_y + dy, ahead_x + dx]
        ):
            ahead_y, ahead_x = ahead_y + dy, ahead_x + dx
        if 0 <= ahead_y + dy < height and 0 <= ahead_x + dx < width:
            found.append(({"x": x, "y": y, "dx": dx, "dy": dy}, (ahead_x, ahead_y)))
    return found


@pytest.mark.parametrize("name", bundled_games())
def test_phaser_loads_a_map_and_walls_stop_a_body(name, chromium, node_modules, serve, run_node, tmp_path):
    game = load_game(name)
    (level,) = generate(name, GenerateConfig(n=1, seed=3, playtest=False)).levels
    (path,) = exporters.write_level(level, "tmj", tmp_path, "map")
    (tmp_path / "blank.html").write_text(
        '<!doctype html><link rel="icon" href="data:,"><body style="margin:0">'
    )
    (tmp_path / "phaser").symlink_to(node_modules / "phaser" / "dist")
    solid = game.roles[level.tiles] == Role.SOLID
    walks = walks_to_walls(solid, np.random.default_rng(2))
    found = run_node(
        "phaser_map.mjs",
        {
            "origin": serve(tmp_path),
            "map": path.name,
            "image": f"{name}-tileset.png",
            "tileset": name,
            "walks": [walk for walk, _ in walks],
            "picture": str(tmp_path / "phaser.png"),
        },
    )
    assert found["version"].startswith("4.")
    assert found["size"] == [level.width, level.height, 16]
    terrain, entities = load_tileset(game).cells(level.tiles, game)
    assert np.array_equal(np.array(found["gids"]) - 1, terrain)
    assert np.array_equal(np.array(found["solid"]), solid)
    things = {(o["type"], o["x"] // 16, o["y"] // 16 - 1, o["gid"] - 1) for o in found["entities"]}
    wanted = np.argwhere(entities >= 0)
    assert things == {(game.tiles[level.tiles[y, x]].name, x, y, entities[y, x]) for y, x in wanted}
    assert found["properties"] == pytest.approx(flatten(facts(level)))
    for (walk, end), (x, y) in zip(walks, found["bodies"], strict=True):
        # a body two pixels smaller on each side stops that much deeper in its last free cell
        assert (x, y) == pytest.approx(end, abs=0.2), walk

    # what is on the screen is the level: compare its colours with our own picture, coarsely
    shown = Image.open(tmp_path / "phaser.png").convert("RGB")
    zoom = min(1024 / (16 * level.width), 768 / (16 * level.height))
    size = round(16 * level.width * zoom), round(16 * level.height * zoom)
    left, top = (shown.width - size[0]) // 2, (shown.height - size[1]) // 2
    ours = render(level).convert("RGB").resize((32, 16), Image.Resampling.BOX)
    theirs = shown.crop((left, top, left + size[0], top + size[1])).resize((32, 16), Image.Resampling.BOX)
    assert np.abs(np.asarray(ours, float) - np.asarray(theirs, float)).mean() < 20
