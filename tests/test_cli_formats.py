"""Formats on the command line: their options, sets of levels, and what ``levelforge formats`` tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from standins import make_pack

from levelforge.cli import cli
from levelforge.exporters import format_names, formats, read_levels

ROOM = "######\n#@k..#\n#..D>#\n#b^$!#\n######\n"
Run = Callable[..., Result]


@pytest.fixture(name="run")
def _run() -> Run:
    return lambda *args: CliRunner().invoke(cli, [str(a) for a in args])


@pytest.fixture(name="maps")
def _maps(tmp_path: Path) -> Path:
    folder = tmp_path / "maps"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(ROOM)
    return folder


def test_options_reach_every_format_that_has_them(run: Run, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    choice = ["--encoding", "base64-zlib", "--tileset", "external", "--option", "scale=2"]
    result = run("convert", maps / "a.txt", "--game", "dungeon", "--to", "tmj,png", "--out", out, *choice)
    assert result.exit_code == 0, result.stderr
    assert {p.name for p in out.iterdir()} == {"a.tmj", "a.png", "dungeon.tsj", "dungeon-tileset.png"}
    data = json.loads((out / "a.tmj").read_text())
    assert data["layers"][0]["compression"] == "zlib"
    assert data["tilesets"] == [{"firstgid": 1, "source": "dungeon.tsj"}]
    with Image.open(out / "a.png") as picture:
        assert picture.size == (6 * 32, 5 * 32)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--to", "json", "--encoding", "csv"], "none of the formats (json) has an option 'encoding'"),
        (["--to", "tiled,json", "--option", "encodin=csv"], "did you mean 'encoding'"),
        (["--to", "tiled", "--encoding", "zlib"], "encoding cannot be 'zlib'"),
        (["--to", "tiled", "--option", "encoding"], "is no option; write a name and a value"),
    ],
)
def test_a_wrong_option_is_one_line(
    run: Run, maps: Path, tmp_path: Path, args: list[str], words: str
) -> None:
    result = run("convert", maps, "--game", "dungeon", "--out", tmp_path / "out", *args)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_several_levels_become_one_world(run: Run, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("convert", maps, "--game", "dungeon", "--to", "tiled", "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    entries = json.loads(result.stdout)["levels"]
    assert [entry["files"] for entry in entries] == [
        [str(out / f"{name}.tmj"), str(out / f"{name}.tmx")] for name in "abc"
    ]
    assert [level.id for _, level in read_levels([out / "dungeon.world"])] == ["a", "b", "c"]
    assert run("verify", out / "dungeon.world").stdout.endswith("3 of 3 beatable\n")


def test_levels_of_one_file_keep_their_names(run: Run, maps: Path, tmp_path: Path) -> None:
    run("convert", maps, "--game", "dungeon", "--to", "ldtk", "--out", tmp_path)
    project = tmp_path / "dungeon.ldtk"
    lines = run("verify", project).stdout.splitlines()
    assert [line.split(": beatable")[0] for line in lines[:-1]] == [f"{project}: {name}" for name in "abc"]
    for command in ("verify", "solve"):
        entries = json.loads(run(command, project, "--json").stdout)["levels"]
        assert [(entry["file"], entry["id"]) for entry in entries] == [(str(project), name) for name in "abc"]
    run("convert", project, "--to", "text", "--out", tmp_path / "text")
    assert sorted(path.name for path in (tmp_path / "text").iterdir()) == ["a.txt", "b.txt", "c.txt"]
    # two files that use the same names, and names that are none for files
    other = tmp_path / "other.ldtk"
    data = json.loads(project.read_text())
    data["levels"][1]["identifier"] = "../../b"
    data["levels"][1]["fieldInstances"] = []
    other.write_text(json.dumps(data))
    result = run("convert", project, other, "--to", "text", "--out", tmp_path / "both")
    assert result.exit_code == 0, result.stderr
    names = {f"{stem}-{name}.txt" for stem in ("dungeon", "other") for name in "ac"} | {"2.txt", "b.txt"}
    assert {path.name for path in (tmp_path / "both").iterdir()} == names


def test_generate_takes_options_and_writes_sets(run: Run, tmp_path: Path) -> None:
    make_pack(tmp_path / "pack", "dungeon")
    out = tmp_path / "out"
    base = ["generate", "dungeon", "-n", "2", "--seed", "7", "--pack", tmp_path / "pack", "--no-playtest"]
    result = run(*base, "--out", out, "--format", "tmx,json", "--encoding", "base64-zlib", "--json")
    assert result.exit_code == 0, result.stderr
    files = [[Path(file).name for file in level["files"]] for level in json.loads(result.stdout)["levels"]]
    assert files == [[f"dungeon-7-000{n}.tmx", f"dungeon-7-000{n}.json"] for n in range(2)]
    assert (out / "dungeon-7.world").is_file()
    assert 'compression="zlib"' in (out / "dungeon-7-0000.tmx").read_text()


def test_formats_lists_everything(run: Run) -> None:
    entries = json.loads(run("formats", "--json").stdout)["formats"]
    keys = {"name", "title", "suffixes", "read", "write", "set", "options", "tested", "limits"}
    assert all(set(entry) == keys for entry in entries)
    assert [entry["name"] for entry in entries] == format_names()
    text = run("formats").stdout
    for fmt in formats():
        assert fmt.title in text
        assert fmt.limits
        assert f"limits: {fmt.limits}" in text
        for name, values in fmt.options.items():
            assert f"{name}: {', '.join(values)}" in text
