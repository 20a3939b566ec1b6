"""install-tiled-extension: where it goes for each system, and what it does to what is there."""

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from levelforge.cli import cli
from levelforge.errors import LevelForgeError
from levelforge.tiled_extension import extensions_folder, install, scratch_folder

HOME = {"HOME": "/home/ada"}
WINDOWS = {"USERPROFILE": "C:/Users/ada", "LOCALAPPDATA": "C:/Users/ada/AppData/Local"}


@pytest.mark.parametrize(
    ("platform", "env", "extensions", "scratch"),
    [
        ("linux", HOME, "/home/ada/.config/tiled/extensions", "/home/ada/.cache/levelforge/tiled"),
        ("linux", HOME | {"XDG_CONFIG_HOME": "/c", "XDG_CACHE_HOME": "/x"}, "/c/tiled/extensions", "/x/levelforge/tiled"),
        ("linux", HOME | {"XDG_CONFIG_HOME": "c"}, "/home/ada/.config/tiled/extensions", scratch_folder("linux", HOME)),
        ("darwin", HOME, "/home/ada/Library/Preferences/Tiled/extensions", "/home/ada/Library/Caches/levelforge/tiled"),
        ("win32", WINDOWS, "C:/Users/ada/AppData/Local/Tiled/extensions", "C:/Users/ada/AppData/Local/LevelForge/tiled"),
    ],
)  # fmt: skip
def test_each_system_has_its_folders(platform, env, extensions, scratch):
    assert extensions_folder(platform, env) == Path(extensions)
    assert scratch_folder(platform, env) == Path(scratch)


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_it_says_where_it_put_it_and_what_was_there(tmp_path):
    first = CliRunner().invoke(cli, ["install-tiled-extension"])
    path = tmp_path / "config" / "tiled" / "extensions" / "levelforge.js"
    if sys.platform == "linux":
        assert first.stdout.strip() == str(path)
    path = Path(first.stdout.strip())
    assert "installed; start Tiled" in first.stderr
    assert "already there" in CliRunner().invoke(cli, ["install-tiled-extension"]).stderr
    path.write_text(path.read_text() + "// an older version\n")
    again = json.loads(CliRunner().invoke(cli, ["install-tiled-extension", "--json"]).stdout)
    assert (again["installed"], again["was"]) == (str(path), "replaced")


def test_it_calls_this_levelforge_and_its_temporary_files_are_private(tmp_path):
    path, was = install(tmp_path / "extensions")
    assert was == "new"
    (line,) = [line for line in path.read_text().splitlines() if "const SETUP" in line]
    setup = json.loads(line.split(" = ")[1].rstrip(";"))
    assert Path(setup["command"][0]).exists()
    scratch = Path(setup["scratch"])
    assert scratch.is_relative_to(tmp_path / "cache") or sys.platform != "linux"
    assert os.name == "nt" or scratch.stat().st_mode & 0o077 == 0


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "levelforge.js").write_text("// mine")
    with pytest.raises(LevelForgeError, match="is not LevelForge's extension; move it away first"):
        install(tmp_path)
    assert (tmp_path / "levelforge.js").read_text() == "// mine"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(cli, ["install-tiled-extension", "--dir", str(tmp_path / "file" / "x")])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "choose another --dir" in result.stderr
    assert len(result.stderr.splitlines()) == 1
