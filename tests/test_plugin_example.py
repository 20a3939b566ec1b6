"""The example package of ``docs/examples/csv-plugin``: built, installed beside LevelForge, and used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "csv-plugin"
ROOM = "######\n#@k..#\n#..D>#\n#b^$!#\n######\n"


@pytest.fixture(scope="module", name="installed")
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    # The wheel is made by the build back end at hand, so that nothing comes over the network.
    subprocess.run([*pip, "--target", folder / "site", folder / "source"], check=True)
    return folder / "site"


def levelforge(site: Path, *args: object) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "levelforge.cli", *map(str, args)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_the_example_is_installed_and_used(installed: Path, tmp_path: Path) -> None:
    done = levelforge(installed, "formats", "--json")
    assert done.returncode == 0, done.stderr
    entry = next(e for e in json.loads(done.stdout)["formats"] if e["name"] == "csv")
    assert (entry["read"], entry["write"], entry["suffixes"]) == (True, True, [".csv"])
    assert entry["options"] == {"separator": ["comma", "semicolon", "tab"]}

    (tmp_path / "room.txt").write_text(ROOM)
    sheets, back = tmp_path / "sheets", tmp_path / "back"
    choice = ["--to", "csv", "--option", "separator=semicolon", "--out", sheets, "--game", "dungeon"]
    done = levelforge(installed, "convert", tmp_path / "room.txt", *choice)
    assert done.returncode == 0, done.stderr
    assert (sheets / "room.csv").read_text().splitlines()[1] == "wall;start;key;floor;floor;wall"
    done = levelforge(installed, "convert", sheets / "room.csv", "--to", "text", "--out", back)
    assert done.returncode == 0, done.stderr
    assert (back / "room.txt").read_text().startswith(ROOM)

    (sheets / "room.csv").write_text("wall,strat\n")
    done = levelforge(
        installed, "convert", sheets / "room.csv", "--to", "text", "--out", back, "--game", "dungeon"
    )
    assert done.returncode == 2
    assert "row 1, column 2: 'strat' is no tile (did you mean 'start'?)" in done.stderr


def test_without_it_the_format_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "room.txt").write_text(ROOM)
    done = levelforge(tmp_path, "convert", tmp_path / "room.txt", "--to", "csv", "--out", tmp_path / "x")
    assert done.returncode == 2
    assert "unknown format 'csv'" in done.stderr
