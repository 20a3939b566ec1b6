"""Hostile files through the whole command: kept or refused in one line, and nothing is written outside ``--out``."""

import json

import pytest
from click.testing import CliRunner

from levelforge import exporters
from levelforge.cli import cli
from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.level import Level, parse_text

GAME = load_game("dungeon")
LEVEL = Level(GAME, parse_text("######\n#@k..#\n#..D>#\n######\n", GAME), id="tiny")
EVERY_FORMAT = "json,tmj,tmx,ldtk,godot,text,png"
KEPT, REFUSED = 0, 2
OUTSIDE = "../../evil"
SECRET = "../../../../etc/passwd"


def nested(depth):
    found = {}
    for _ in range(depth):
        found = {"a": found}
    return found


def fact(name, value, kind="string"):
    """A change of a Tiled map: one more property."""
    return lambda d: d["properties"].append({"name": name, "type": kind, "value": value})


def forged(kept):
    return fact("extra", json.dumps({"tiled_kept": kept}))


def grids(project):
    return [layer["intGridCsv"] for layer in project["levels"][0]["layerInstances"] if layer["intGridCsv"]]


def entities(project):
    return [e for layer in project["levels"][0]["layerInstances"] for e in layer["entityInstances"]]


TILED = {
    "id": (KEPT, fact("id", OUTSIDE)),
    "control characters": (KEPT, fact("a\x00b", "x\x00\x1b")),
    "half a character": (REFUSED, fact("mood", "\ud800")),
    "half a character in a name": (REFUSED, fact("\ud800", "x")),
    "not a number": (REFUSED, fact("speed", float("nan"), "float")),
    "a number beyond all": (KEPT, fact("speed", 10**400, "int")),
    "deep facts": (KEPT, fact("extra", json.dumps(nested(400)))),
    "deeper facts": (REFUSED, fact("extra", '{"a":' * 5000 + "1" + "}" * 5000)),
    "deep property": (KEPT, fact("c", nested(300), "class")),
    "5000 properties": (KEPT, lambda d: [fact(f"p{i}", "x")(d) for i in range(5_000)]),
    "endless solution": (REFUSED, fact("solution", "U" * 2_000_000)),
    "game": (REFUSED, lambda d: [p.update(value=SECRET) for p in d["properties"] if p["name"] == "game"]),
    "pictures": (
        KEPT,
        lambda d: (
            d["tilesets"][0].update(image=OUTSIDE + ".png"),
            d["layers"].append({"type": "imagelayer", "name": "x", "image": OUTSIDE + ".png"}),
        ),
    ),
    "template": (
        KEPT,
        lambda d: d["layers"][1]["objects"].append({"id": 50, "template": SECRET, "x": 0, "y": 0}),
    ),
    "forged layer": (
        KEPT,
        forged(
            {
                "own": 1,
                "tilesets": [],
                "entities": [],
                "layers": [
                    {"type": "tilelayer", "place": "above", "width": 512, "height": 512, "data": "AAAA"}
                ],
            }
        ),
    ),
    "forged shape": (KEPT, forged([1])),
    "shapes of nothing": (
        KEPT,
        lambda d: d["layers"][1]["objects"].append(
            {"id": 50, "type": "z", "x": 0, "y": 0, "name": "\ud800", "polygon": [1, {"x": "a"}, None]}
        ),
    ),
    "true is no gid": (REFUSED, lambda d: d["layers"][0]["data"].__setitem__(0, True)),
}
OURS = {
    "id": (KEPT, lambda d: d.update(id=OUTSIDE)),
    "nul in id": (REFUSED, lambda d: d.update(id="a\x00b")),
    "unknown property": (REFUSED, lambda d: d.update(whatever=[1, 2])),
    "deep facts": (KEPT, lambda d: d.update(extra=nested(300))),
    "half a character": (REFUSED, lambda d: d.update(extra={"a": "\ud800"})),
    "100000 x 100000": (REFUSED, lambda d: d.update(width=100_000, height=100_000)),
    "negative tile": (REFUSED, lambda d: d["tiles"][0].__setitem__(0, -1)),
    "tile out of range": (REFUSED, lambda d: d["tiles"][0].__setitem__(0, 250)),
    "short": (REFUSED, lambda d: d["tiles"].pop()),
    "ragged": (REFUSED, lambda d: d["tiles"][1].append(0)),
    "no vocabulary": (REFUSED, lambda d: d.update(vocabulary=[])),
    "version of the far future": (REFUSED, lambda d: d.update(version=10**30)),
}
LDTK = {
    "identifier": (KEPT, lambda d: d["levels"][0].update(identifier=OUTSIDE)),
    "tileset": (KEPT, lambda d: d["defs"]["tilesets"][0].update(relPath=SECRET)),
    "levels elsewhere": (
        REFUSED,
        lambda d: (
            d.update(externalLevels=True),
            d["levels"][0].update(externalRelPath=SECRET, layerInstances=None),
        ),
    ),
    "100000 x 100000": (
        REFUSED,
        lambda d: d["levels"][0]["layerInstances"][1].update(__cWid=100_000, __cHei=100_000),
    ),
    "long grid": (REFUSED, lambda d: [grid.append(1) for grid in grids(d)]),
    "negative value": (REFUSED, lambda d: [grid.__setitem__(0, -4) for grid in grids(d)]),
    "value out of range": (REFUSED, lambda d: [grid.__setitem__(0, 10**9) for grid in grids(d)]),
    "entity far away": (REFUSED, lambda d: [e.update(px=[10**9, -5]) for e in entities(d)]),
    "entity nowhere": (REFUSED, lambda d: [e.update(px="x") for e in entities(d)]),
    "one level twice": (REFUSED, lambda d: d["levels"].append(d["levels"][0])),
}
XML = {
    "deep groups": (REFUSED, lambda t: t.replace("</map>", "<group>" * 200 + "</group>" * 200 + "</map>")),
    "deeper groups": (
        REFUSED,
        lambda t: t.replace("</map>", "<group>" * 5000 + "</group>" * 5000 + "</map>"),
    ),
    "20 MB in one attribute": (
        REFUSED,
        lambda t: t.replace("<map ", '<map x="' + "a" * 20_000_000 + '" ', 1),
    ),
    "document type": (
        REFUSED,
        lambda t: t.replace("<map ", "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>\n<map ", 1),
    ),
    "style sheet": (
        KEPT,
        lambda t: t.replace("<map ", "<?xml-stylesheet href='file:///etc/passwd'?><map ", 1),
    ),
    "inclusion": (
        KEPT,
        lambda t: t.replace(
            "<properties>",
            '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/><properties>',
            1,
        ),
    ),
    "namespace": (REFUSED, lambda t: t.replace("<map ", '<map xmlns="urn:x" ', 1)),
    "negative gid": (REFUSED, lambda t: t.replace('csv">\n', 'csv">\n-', 1)),
    "number beyond all": (REFUSED, lambda t: t.replace('x="16"', 'x="1e308"', 1)),
    "tileset": (
        REFUSED,
        lambda t: t.replace('<tileset firstgid="1"', f'<tileset firstgid="1" source="{SECRET}"', 1),
    ),
}
CASES = [
    pytest.param(word, change, status, id=f"{word}: {label}")
    for word, table in (("tmj", TILED), ("json", OURS), ("ldtk", LDTK), ("tmx", XML))
    for label, (status, change) in table.items()
]


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("word", "change", "status"), CASES)
def test_kept_or_refused_in_one_line(word, change, status, tmp_path):
    inside = tmp_path / "a" / "b" / "c"
    inside.mkdir(parents=True)
    (path,) = exporters.write_level(LEVEL, word, inside)
    if word == "tmx":
        path.write_text(change(path.read_text()))
    else:
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))
    before = files(tmp_path)
    out = inside / "out"
    result = CliRunner().invoke(cli, ["convert", str(path), "--to", EVERY_FORMAT, "--out", str(out)])
    assert result.exit_code == status, result.output
    added = files(tmp_path) - before
    if status == KEPT:
        assert all((tmp_path / each).parent == out for each in added)
        assert len(added) >= len(EVERY_FORMAT.split(","))
        for each in sorted(out.iterdir()):
            if each.suffix in (".json", ".tmj", ".tmx", ".ldtk", ".txt"):
                assert exporters.read_level(each).same_as(LEVEL)
    else:
        assert added == set()
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert len(line) < 600


def test_a_forged_tileset_is_kept_as_text_and_never_followed(tmp_path):
    (path,) = exporters.write_level(LEVEL, "tmj", tmp_path)
    data = json.loads(path.read_text())
    tileset = {"firstgid": 2, "source": SECRET, "tilecount": 3}
    forged({"own": 1, "tilesets": [tileset], "layers": [], "entities": []})(data)
    path.write_text(json.dumps(data))
    out = tmp_path / "out"
    result = CliRunner().invoke(cli, ["convert", str(path), "--to", "tmx", "--out", str(out)])
    assert result.exit_code == 0
    assert "root:" not in (out / "tiny.tmx").read_text()
    with pytest.raises(LevelForgeError, match="lies outside the map's folder"):
        exporters.read_level(out / "tiny.tmx")


@pytest.mark.parametrize(
    "name", [SECRET, "/etc/passwd", "w.world", "tiny.tmx\x00", None, 7, "\ud800", "x" * 300]
)
def test_a_world_leads_nowhere_else(name, tmp_path):
    exporters.write_level(LEVEL, "tmx", tmp_path)
    path = tmp_path / "w.world"
    path.write_text(json.dumps({"maps": [{"fileName": name, "x": 0, "y": 0}], "type": "world"}))
    result = CliRunner().invoke(cli, ["convert", str(path), "--to", "text", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "lies outside the world's folder" in result.stderr
