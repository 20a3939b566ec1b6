"""Godot 4 itself loads our scenes. Run by ``make test-godot``, which makes a Debian sid chroot for it, and not in CI,
where the same files are parsed and decoded (tests/contract/test_godot.py)."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levelforge import exporters
from levelforge.exporters.facts import facts, flatten
from levelforge.game import Role, bundled_games, load_game
from levelforge.level import Level
from levelforge.tileset import load_tileset

ROOT = os.environ.get("GODOT_ROOT")
pytestmark = pytest.mark.skipif(
    ROOT is None, reason="loading scenes in Godot itself is left to: make test-godot"
)
CHECK = Path(__file__).parent / "godot_check.gd"


@pytest.fixture
def project():
    """An empty folder inside the chroot."""
    folder = Path(tempfile.mkdtemp(prefix="levelforge-", dir=Path(ROOT) / "tmp"))
    yield folder
    shutil.rmtree(folder)


def godot(project, *arguments):
    """What Godot prints, without a window; any error that it reports makes the test fail."""
    inside = "/" + str(project.relative_to(ROOT))
    # Godot looks itself up in /proc, which is mounted for this one process
    start = f'mount -t proc proc "{ROOT}/proc" && exec chroot "{ROOT}" env HOME=/tmp godot --headless "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", start, "godot", "--path", inside, *arguments],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "ERROR" not in said, said
    assert "WARNING" not in said, said
    return done.stdout


def level_of(game, name, seed):
    """Every tile in many neighbourhoods, and every kind of fact."""
    rng = np.random.default_rng(seed)
    weights = np.where([tile.name in game.count_ranges for tile in game.tiles], 0.3, 2.0)
    tiles = rng.choice(len(game.tiles), (9, 21), p=weights / weights.sum()).astype(np.uint8)
    return Level(
        game, tiles, id=name, seed=2**40, solution=(1, 2), difficulty=0.25, difficulty_ci=(0.125, 0.5),
        fun_parts={"tension": 1.0}, extra={"note": 'two\nlines & "quotes"', "rank": 3, "boss": True},
    )  # fmt: skip


@pytest.mark.parametrize("tileset", ["embedded", "external"])
@pytest.mark.parametrize("name", bundled_games())
def test_godot_finds_the_level(name, tileset, project):
    game = load_game(name)
    levels = {f"{key}.tscn": level_of(game, key, seed) for seed, key in enumerate(["first", "second"])}
    for file, level in levels.items():
        exporters.write_level(level, "godot", project, Path(file).stem, tileset=tileset, project="yes")
    shutil.copy(CHECK, project)
    godot(project, "--import")
    said = godot(project, "--script", f"res://{CHECK.name}")
    (line,) = [line for line in said.splitlines() if line.startswith("FOUND ")]
    found = json.loads(line.removeprefix("FOUND "))
    assert found["version"].startswith("4.")
    assert set(found["scenes"]) == set(levels)
    for file, seen in found["scenes"].items():
        check(seen, levels[file], project)


def check(seen, level, project):
    """What Godot found is the level."""
    game, sheet = level.game, load_tileset(level.game)
    pictures, entities = sheet.cells(level.tiles, game)
    assert seen["size"] == [sheet.tile_size] * 2
    with Image.open(project / f"{game.name}-tileset.png") as image:
        assert tuple(seen["sheet"]) == image.size
    cells = {(cell["y"], cell["x"]): cell for cell in seen["cells"]}
    assert len(cells) == len(seen["cells"]) == level.tiles.size
    for (y, x), picture in np.ndenumerate(pictures):
        cell, tile = cells[y, x], game.tiles[level.tiles[y, x]]
        tile = game.empty if entities[y, x] >= 0 else tile
        assert (cell["source"], cell["picture"]) == (0, [picture % sheet.columns, picture // sheet.columns])
        assert (cell["tile"], cell["role"]) == (tile.name, tile.role.word)
        assert cell["solid"] == (tile.role is Role.SOLID)
        assert cell["hit"] == (tile.role in (Role.SOLID, Role.ONE_WAY))  # found by Godot's physics
        assert cell["one_way"] == (tile.role is Role.ONE_WAY)
    size = sheet.tile_size
    wanted = {(game.tiles[level.tiles[y, x]].name, int(x), int(y)) for y, x in np.argwhere(entities >= 0)}
    assert {(m["tile"], m["column"], m["row"]) for m in seen["markers"]} == wanted
    for marker in seen["markers"]:
        assert (marker["x"], marker["y"]) == ((marker["column"] + 0.5) * size, (marker["row"] + 0.5) * size)
        assert marker["role"] == game.tile(marker["tile"]).role.word
    known = flatten(facts(level))
    assert {name: seen["facts"][name] for name in known if name in seen["facts"]} == pytest.approx(known)


@pytest.mark.parametrize("name", bundled_games())
def test_the_project_opens_and_runs(name, project):
    level = level_of(load_game(name), "only", 1)
    exporters.write_level(level, "godot", project, "only", project="yes")
    godot(project, "--import")
    godot(project, "--quit-after", "5")
