"""The Python program in docs/embedding.md runs as it stands there, on ONNX Runtime and NumPy alone."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from standins import make_pack

from levelforge import exporters
from levelforge.decode import sample_inputs
from levelforge.game import bundled_games
from levelforge.level import parse_text
from levelforge.pack import load_pack, write_pack

DOCS = Path(__file__).parents[2] / "docs"
PROGRAM = re.compile(r"<!-- tested: make_levels\.py -->\n```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def source():
    (program,) = PROGRAM.findall((DOCS / "embedding.md").read_text(encoding="utf-8"))
    return program


@pytest.fixture(scope="module")
def program(source):
    """The program's functions."""
    names = {"__name__": "make_levels"}
    exec(compile(source, "make_levels.py", "exec"), names)
    return names


@pytest.fixture(params=bundled_games())
def pack(request, tmp_path):
    """The bundled pack, its description as this version writes it."""
    shipped = load_pack(request.param)
    folder = shipped.folder
    critic = (folder / "critic.onnx").read_bytes() if "critic" in shipped.info else None
    kept = ("generator", "playtester", "critic", "count_distribution", "figures")
    info = {name: shipped.info[name] for name in kept if name in shipped.info}
    models = [(folder / name).read_bytes() for name in ("generator.onnx", "playtester.onnx")]
    return write_pack(tmp_path / "pack", shipped.game, *models, info, "# Again", critic)


def run(source, folder, n, seed, where):
    path = where / "make_levels.py"
    path.write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, path, folder, str(n), str(seed)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n").split("\n\n")


def rows(block):
    return "\n".join(line for line in block.splitlines() if not line.startswith(";"))


def test_it_imports_nothing_of_ours(source):
    assert set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE)) == {
        "json", "sys", "math", "pathlib", "numpy", "onnxruntime",
    }  # fmt: skip


def test_it_makes_the_levels_that_we_make(pack, program, source, tmp_path):
    printed = run(source, pack.folder, 16, 7, tmp_path)
    inputs = sample_inputs(
        pack.game, 16, rng=np.random.default_rng(7), distribution=pack.info["count_distribution"],
        temperature=pack.generator.temperature, latent_channels=pack.generator.latent_channels,
    )  # fmt: skip
    tiles = pack.generator(inputs)
    same = [np.array_equal(parse_text(rows(p), pack.game), t) for p, t in zip(printed, tiles, strict=True)]
    assert sum(same) >= 15  # another number of threads may decide between two equal choices


@pytest.mark.parametrize("size", [None, (44, 16)])
def test_it_draws_what_we_draw(pack, program, size):
    info = json.loads((pack.folder / "pack.json").read_text())
    width, height = size or info["size"]["default"]
    theirs = program["sample"](info, 20, (width, height), np.random.default_rng(3))
    ours = sample_inputs(
        pack.game, 20, (width, height), rng=np.random.default_rng(3),
        distribution=pack.info["count_distribution"], temperature=pack.generator.temperature,
        latent_channels=pack.generator.latent_channels,
    )  # fmt: skip
    assert list(theirs) == list(ours)
    for name, array in ours.items():
        assert theirs[name].dtype == np.float32
        np.testing.assert_array_equal(theirs[name], array)


def test_counts_are_met_and_the_critic_speaks(program, source, tmp_path):
    pack = make_pack(tmp_path / "pack", "dungeon", critic=True)
    (block,) = run(source, pack.folder, 1, 1, tmp_path)
    assert re.search(r"; foreseen difficulty [01]\.\d\d\n", block)
    (tmp_path / "level.txt").write_text(block)
    assert exporters.read_level(tmp_path / "level.txt").game.name == "dungeon"
    info = json.loads((pack.folder / "pack.json").read_text())
    wanted = [[1, 1, 2, 2, 5, 1, 0, 3, 0]]
    inputs = program["sample"](
        info, 1, info["size"]["default"], np.random.default_rng(0), counts=np.array(wanted), difficulty=0.7
    )
    assert inputs["condition"][0, 0] == np.float32(0.7)
    (tiles,) = pack.generator(inputs)
    assert [[int((tiles == tile.id).sum()) for tile in pack.game.entities]] == wanted
