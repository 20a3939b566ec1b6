"""LDtk projects: against LDtk's own schema, several levels in a world, edited by people, damaged."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft7Validator
from strategies import described_levels

from levelforge import exporters
from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.level import Level, parse_text
from levelforge.tileset import load_tileset

GAME = load_game("dungeon")
SCHEMA = Path(__file__).parents[3] / "shared" / "schemas" / "ldtk-1.5.3.schema.json"
needs_schema = pytest.mark.skipif(
    not SCHEMA.is_file(), reason="LDtk's schema does not lie beside the checkout"
)


@pytest.fixture(scope="module")
def validator():
    return Draft7Validator(json.loads(SCHEMA.read_text()))


@pytest.fixture
def level():
    return Level(GAME, parse_text("######\n#@k..#\n#..D>#\n#b^$!#\n######\n", GAME), id="tiny", seed=2**40)


@pytest.fixture
def project(level, tmp_path):
    return exporters.write_level(level, "ldtk", tmp_path)[0]


def edit(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def layers_of(data):
    return {layer["__identifier"]: layer for layer in data["levels"][0]["layerInstances"]}


@needs_schema
@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_every_project_meets_ldtks_schema(name, validator, tmp_path):
    game = load_game(name)

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(described_levels(game), described_levels(game))
    def check(one, two):
        pair = [one.with_(id="one"), two.with_(id="2 two")]
        (path,) = exporters.write_levels(pair, "ldtk", tmp_path, "pair")
        validator.validate(json.loads(path.read_text()))
        back = [level for _, level in exporters.read_levels([path], game)]
        assert all(
            a.same_as(b) and a.extra == b.extra and a.seed == b.seed for a, b in zip(back, pair, strict=True)
        )
        assert [a.id for a in back] == ["one", "2 two"]

    check()


def test_unique_things_are_unique(level, tmp_path):
    levels = [level.with_(id=name) for name in ("a-1", "a_1", "1", "a 1")]
    (path,) = exporters.write_levels(levels, "ldtk", tmp_path)
    data = json.loads(path.read_text())
    text = path.read_text()
    iids = [part.split('"')[0] for key in ('"iid":"', '"iid": "') for part in text.split(key)[1:]]
    assert len(set(iids)) == len(iids) == 1 + 4 * (1 + 2 + 8)
    names = [each["identifier"] for each in data["levels"]]
    assert len(set(names)) == 4
    assert all(name.replace("_", "a").isalnum() and not name[0].isdigit() for name in names)
    defs = data["defs"]
    uids = [each["uid"] for key in ("layers", "entities", "tilesets", "levelFields") for each in defs[key]]
    uids += [
        rule["uid"] for group in defs["layers"][1]["autoRuleGroups"] for rule in [group, *group["rules"]]
    ]
    uids += [each["uid"] for each in data["levels"]]
    assert len(set(uids)) == len(uids)
    assert max(uids) < data["nextUid"]
    assert data["toc"] == []


def test_levels_do_not_overlap_in_the_world(level, tmp_path):
    (path,) = exporters.write_levels([level.with_(id=str(n)) for n in range(7)], "ldtk", tmp_path)
    boxes = [(e["worldX"], e["worldY"]) for e in json.loads(path.read_text())["levels"]]
    for (ax, ay), (bx, by) in itertools.combinations(boxes, 2):
        assert abs(ax - bx) >= 96 or abs(ay - by) >= 80


def test_pictures_are_those_of_the_tileset(level, project):
    data = json.loads(project.read_text())
    terrain = layers_of(data)["Terrain"]
    pictures, _ = load_tileset(GAME).cells(level.tiles, GAME)
    assert [each["t"] for each in terrain["autoLayerTiles"]] == pictures.ravel().tolist()
    for number, each in enumerate(terrain["autoLayerTiles"]):
        assert each["px"] == [number % 6 * 16, number // 6 * 16]
        assert each["src"] == [each["t"] % 16 * 16, each["t"] // 16 * 16]
    assert (project.parent / terrain["__tilesetRelPath"]).is_file()
    values = {v["value"]: v["identifier"] for v in data["defs"]["layers"][1]["intGridValues"]}
    assert {values[number] for number in terrain["intGridCsv"]} == {"floor", "wall"}
    bat = next(e for e in layers_of(data)["Entities"]["entityInstances"] if e["__identifier"] == "bat")
    assert (bat["__grid"], bat["px"], bat["__tags"]) == ([1, 3], [16, 48], ["enemy_h"])


# --- edited by people -----------------------------------------------------------------------------


def test_capitals_pivots_and_nudges_do_not_matter(level, project):
    def change(data):
        for value in data["defs"]["layers"][1]["intGridValues"]:
            value["identifier"] = value["identifier"].capitalize()
        for entity in layers_of(data)["Entities"]["entityInstances"]:
            entity["__identifier"] = entity["__identifier"].upper()
            entity["__pivot"] = [0.5, 1]
            entity["px"] = [entity["px"][0] + 8 + 5, entity["px"][1] + 16 - 6]
        for field in data["levels"][0]["fieldInstances"]:
            field["__identifier"] = field["__identifier"].capitalize()

    back = exporters.read_level(edit(project, change))
    assert back.same_as(level)
    assert (back.id, back.seed) == ("tiny", 2**40)


def test_foreign_layers_entities_and_fields_are_lived_with(level, project):
    def change(data):
        entry = data["levels"][0]
        tiles = {"__identifier": "Deco", "__type": "Tiles", "gridTiles": [{"t": 3}], "layerDefUid": 77}
        fog = dict(layers_of(data)["Terrain"]) | {"__identifier": "Fog", "intGridCsv": [0] * 29 + [99]}
        entry["layerInstances"] = [tiles, fog, *entry["layerInstances"]]
        lamp = {"__identifier": "Lamp", "px": [-99, 0], "__pivot": [0, 0], "width": 16, "height": 16}
        layers_of(data)["Entities"]["entityInstances"].append(lamp)
        entry["fieldInstances"].append({"__identifier": "mood", "__type": "String", "__value": "grim"})

    back = exporters.read_level(edit(project, change))
    assert back.same_as(level)
    assert back.extra == {"mood": "grim"}


def test_a_project_without_our_fields_shows_its_game(level, project):
    def change(data):
        data["levels"][0]["fieldInstances"] = []
        data["worlds"], data["levels"] = [{"levels": data["levels"]}], []

    back = exporters.read_level(edit(project, change))
    assert back.same_as(level)
    assert back.id == "tiny"


# --- damaged ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("jsonVersion"), "no jsonVersion"),
        (lambda d: d.update(jsonVersion="2.0"), "versions 1.x are read"),
        (lambda d: d.update(externalLevels=True), "switch 'Save levels to separate files' off"),
        (lambda d: d["levels"][0].update(layerInstances=None), "a file of its own"),
        (lambda d: d["levels"][0].update(layerInstances=[]), "no IntGrid layer"),
        (lambda d: d["levels"][0].update(layerInstances=[1]), "must be a list of objects"),
        (lambda d: d.update(levels=[]), "has 0 levels"),
        (lambda d: d.update(levels=3), "levels must be a list"),
        (lambda d: d.update(defs=3), "no defs"),
        (lambda d: layers_of(d)["Terrain"].update(__cWid=10**5), "from 1 to 512"),
        (lambda d: layers_of(d)["Terrain"]["intGridCsv"].pop(), "has 29 values where 30"),
        (lambda d: layers_of(d)["Terrain"]["intGridCsv"].__setitem__(3, -1), "whole numbers from 0"),
        (lambda d: layers_of(d)["Terrain"]["intGridCsv"].__setitem__(3, 2.5), "whole numbers from 0"),
        (lambda d: layers_of(d)["Terrain"]["intGridCsv"].__setitem__(8, 99), "at column 2, row 1 is no tile"),
        (lambda d: layers_of(d)["Terrain"].update(__gridSize=0), "__gridSize"),
        (lambda d: layers_of(d)["Terrain"].update(layerDefUid="x"), "layerDefUid"),
        (lambda d: layers_of(d)["Entities"]["entityInstances"][0].update(px=[9999, 0]), "outside the level"),
        (lambda d: layers_of(d)["Entities"]["entityInstances"][0].update(px="x"), "must be two numbers"),
        (
            lambda d: layers_of(d)["Entities"]["entityInstances"].append(
                layers_of(d)["Entities"]["entityInstances"][0]
            ),
            "shares the cell",
        ),
    ],
    ids=itertools.count(),
)
def test_a_damaged_project_is_refused_in_one_line(change, words, project):
    with pytest.raises(LevelForgeError) as error:
        exporters.read_level(edit(project, change))
    text = str(error.value)
    assert words in text
    assert "\n" not in text
    assert project.name in text


def test_more_than_is_read_is_not_written(tmp_path, monkeypatch):
    from levelforge.exporters import ldtk_write

    monkeypatch.setattr(ldtk_write, "MAX_FILE_BYTES", 10_000)
    with pytest.raises(LevelForgeError, match="write fewer a project"):
        exporters.write_level(Level(GAME, np.zeros((20, 20), np.uint8)), "ldtk", tmp_path)
    assert list(tmp_path.iterdir()) == []
