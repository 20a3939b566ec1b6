"""Debian's Tiled reads our maps: same picture as our own preview, same level when it writes them again."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from levelforge import exporters
from levelforge.game import bundled_games, load_game
from levelforge.level import Level
from levelforge.tileset import load_tileset

RASTERIZER, TILED = shutil.which("tmxrasterizer"), shutil.which("tiled")
needs_tiled = pytest.mark.skipif(not (RASTERIZER and TILED), reason="Debian's tiled is not installed")
ENCODINGS = ("csv", "base64-zlib", "base64-zstd")
OPTIONS = [{"encoding": e, "tileset": t} for e in ENCODINGS for t in ("embedded", "external")]
by_options = pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o.values()))


def run(*command):
    env = os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR", "/tmp"),
    }
    done = subprocess.run(
        [*map(str, command)], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def level_of(game):
    """Every tile in every kind of neighbourhood, and every kind of fact."""
    rng = np.random.default_rng(3)
    weights = np.where([tile.name in game.count_ranges for tile in game.tiles], 0.3, 2.0)
    tiles = rng.choice(len(game.tiles), (13, 30), p=weights / weights.sum()).astype(np.uint8)
    return Level(
        game,
        tiles,
        id="every-tile",
        seed=2**40,
        solution=(1, 2, 3),
        difficulty=0.1,
        difficulty_ci=(0.05, 0.2),
        fun_parts={"tension": 1.0},
        extra={"note": 'two\nlines & "quotes"', "list": [1, 2]},
    )


@needs_tiled
@by_options
@pytest.mark.parametrize("name", bundled_games())
def test_tiled_draws_the_picture_that_we_draw(name, options, tmp_path):
    level = level_of(load_game(name))
    (preview,) = exporters.write_level(level, "png", tmp_path)
    ours = np.asarray(Image.open(preview).convert("RGBA"))
    for path in exporters.write_level(level, "tiled", tmp_path, **options):
        picture = tmp_path / f"{path.suffix[1:]}.png"
        run(RASTERIZER, path, picture)
        theirs = np.asarray(Image.open(picture).convert("RGBA"))
        assert theirs.shape == ours.shape
        assert np.argwhere((theirs != ours).any(axis=-1)).tolist() == []


@needs_tiled
@pytest.mark.parametrize("name", bundled_games())
def test_what_tiled_writes_again_is_the_same_level(name, tmp_path):
    level = level_of(load_game(name))
    for path in exporters.write_level(level, "tiled", tmp_path):
        for kind in ("tmx", "json"):
            again = tmp_path / f"again-{path.suffix[1:]}.{kind}"
            run(TILED, "--export-map", path, again)
            if kind == "json":
                json.loads(again.read_text())
            back = exporters.read_level(again)
            assert back.same_as(level)
            assert (back.seed, back.solution, back.extra) == (level.seed, level.solution, level.extra)
            assert back.difficulty == pytest.approx(level.difficulty)
            assert back.fun_parts == pytest.approx(level.fun_parts)


@needs_tiled
@by_options
@pytest.mark.parametrize(("name", "flavour"), [("dungeon", "tmj"), ("platformer", "tmx")])
def test_tiled_counts_the_same_tiles_cell_by_cell(name, flavour, options, tmp_path):
    level = level_of(load_game(name))
    (path,) = exporters.write_level(level, flavour, tmp_path, **options)
    run(TILED, "--export-map", path, tmp_path / "out.csv")
    (file,) = tmp_path.glob("out*.csv")
    theirs = [[int(word) for word in line.split(",")] for line in file.read_text().split()]
    ours, _ = load_tileset(level.game).cells(level.tiles, level.game)
    assert theirs == ours.tolist()


@needs_tiled
@pytest.mark.parametrize("flavour", ["tmj", "tmx"])
def test_what_people_added_goes_through_tiled(flavour, tmp_path):
    level = level_of(load_game("dungeon"))
    (path,) = exporters.write_level(level, "tmj", tmp_path)
    data = json.loads(path.read_text())
    Image.new("RGBA", (32, 32), "red").save(tmp_path / "deco.png")
    deco = {"firstgid": 5000, "name": "deco", "tilecount": 4, "columns": 2, "tilewidth": 16, "tileheight": 16}
    data["tilesets"].append(
        deco | {"image": "deco.png", "imagewidth": 32, "imageheight": 32, "margin": 0, "spacing": 0}
    )
    cells = [0] * level.tiles.size
    cells[40], cells[41] = 5001, 5003 | 0x80000000
    size = {"width": level.width, "height": level.height, "x": 0, "y": 0, "opacity": 0.5, "visible": True}
    data["layers"].append(size | {"id": 3, "type": "tilelayer", "name": "moss", "data": cells})
    shape = [{"x": 0, "y": 0}, {"x": 8.5, "y": 4}, {"x": 2, "y": 9}]
    area = {"id": 900, "name": "area", "type": "zone", "x": 16, "y": 16, "polygon": shape, "rotation": 0}
    area |= {"width": 0, "height": 0, "visible": True}
    group = {
        "id": 4,
        "type": "objectgroup",
        "name": "zones",
        "objects": [area],
        "opacity": 1,
        "visible": True,
    }
    data["layers"].append(group | {"x": 0, "y": 0})
    path.write_text(json.dumps(data))
    once = exporters.read_level(path)
    (ours,) = exporters.write_level(once, flavour, tmp_path, "ours", encoding="base64-zlib")
    run(TILED, "--export-map", ours, tmp_path / "theirs.json")
    theirs = exporters.read_level(tmp_path / "theirs.json")
    assert theirs.same_as(level)
    assert theirs.extra["tiled_kept"] == once.extra["tiled_kept"]
