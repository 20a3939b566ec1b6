"""What people add to a Tiled map survives a round trip; worlds and projects; which tileset files are read."""

import json
import shutil

import numpy as np
import pytest

from levelforge import exporters
from levelforge.errors import LevelForgeError
from levelforge.exporters.tiled_kept import KEY
from levelforge.game import load_game
from levelforge.level import Level, parse_text
from levelforge.tileset import load_tileset

GAME = load_game("dungeon")
OWN = load_tileset(GAME).count
DECO = {
    "firstgid": 5000, "name": "deco", "tilecount": 4, "columns": 2, "tilewidth": 16, "tileheight": 16, "spacing": 0,
    "margin": 0, "image": "deco.png", "imagewidth": 32, "imageheight": 32,
    "tiles": [{"id": 1, "type": "moss", "properties": [{"name": "wet", "type": "bool", "value": True}]}],
}  # fmt: skip
LAMP = {
    "id": 99, "name": "lamp", "type": "lamp", "x": -5.5, "y": 7, "width": 0, "height": 0, "rotation": 0,
    "visible": True, "point": True, "properties": [
        {"name": "lights", "type": "object", "value": 98},
        {"name": "tint", "type": "color", "value": "#ff00aa33"},
        {"name": "shape", "type": "class", "propertytype": "Cone", "value": {"angle": 40, "soft": True}},
    ],
}  # fmt: skip
AREA = {
    "id": 98,
    "name": "area",
    "type": "",
    "x": 16,
    "y": 16,
    "polygon": [{"x": 0, "y": 0}, {"x": 8.5, "y": 4}],
}
SIGN = {
    "id": 97,
    "name": "sign",
    "type": "",
    "x": 1,
    "y": 2,
    "text": {"text": "beware & <run>", "bold": True},
}
TYPED = [
    {"name": "fog", "type": "color", "value": "#80ff00aa"},
    {"name": "script", "type": "file", "value": "../scripts/boss.lua"},
    {
        "name": "spawn",
        "type": "class",
        "propertytype": "Spawn",
        "value": {"rate": 2.5, "boss": True, "who": "a & b"},
    },
    {"name": "mood", "type": "string", "propertytype": "Mood", "value": "grim"},
    {"name": "danger", "type": "int", "propertytype": "Danger", "value": 2},
]


@pytest.fixture
def level():
    return Level(GAME, parse_text("######\n#@k..#\n#..D>#\n#b^$!#\n######\n", GAME), id="tiny")


@pytest.fixture
def edited(level, tmp_path):
    """A map as a person leaves it in Tiled."""
    (path,) = exporters.write_level(level, "tmj", tmp_path)
    data = json.loads(path.read_text())
    data["tilesets"].append(DECO)
    cells = [0] * 30
    cells[8], cells[9] = 5001, 5003 | 0x80000000
    moss = {
        "id": 3,
        "type": "tilelayer",
        "name": "moss",
        "width": 6,
        "height": 5,
        "data": cells,
        "opacity": 0.5,
    }
    floor = moss | {"id": 4, "name": "underlay", "visible": False, "data": [5000] * 30}
    lights = {"id": 5, "type": "objectgroup", "name": "lights", "objects": [AREA, LAMP]}
    sky = {"id": 6, "type": "imagelayer", "name": "sky", "image": "sky.png", "offsetx": 3}
    terrain, entities = data["layers"]
    entities["objects"].append(SIGN)
    bat = next(thing for thing in entities["objects"] if thing["type"] == "bat")
    bat["name"] = "Old Flappy"
    bat["properties"].append({"name": "speed", "type": "float", "value": 2.5})
    group = {"type": "group", "name": "all", "layers": [terrain, moss]}
    data["layers"] = [floor, group, entities, lights, sky]
    data["properties"] += TYPED
    path.write_text(json.dumps(data))
    return path


def kept_of(path):
    return exporters.read_level(path, GAME).extra[KEY]


@pytest.mark.parametrize("options", [{}, {"encoding": "base64-zstd", "tileset": "external"}])
@pytest.mark.parametrize("name", ["tmj", "tmx"])
def test_what_people_added_is_written_again(name, options, edited, level, tmp_path):
    once = exporters.read_level(edited)
    assert once.same_as(level)
    (path,) = exporters.write_level(once, name, tmp_path / "again", **options)
    again = exporters.read_level(path)
    assert again.same_as(level)
    assert again.extra == once.extra
    layers = once.extra[KEY]["layers"]
    assert [(each["name"], each["place"]) for each in layers] == [
        ("underlay", "below"), ("moss", "between"), ("entities", "entities"), ("lights", "above"), ("sky", "above"),
    ]  # fmt: skip


def test_numbers_fit_the_map_that_is_written(edited, tmp_path):
    (path,) = exporters.write_level(exporters.read_level(edited), "tmj", tmp_path / "again")
    data = json.loads(path.read_text())
    assert [each["firstgid"] for each in data["tilesets"]] == [1, OWN + 1]
    assert data["tilesets"][1] == DECO | {"firstgid": OWN + 1}
    layers = {each["name"]: each for each in data["layers"]}
    assert list(layers) == ["underlay", "terrain", "moss", "entities", "lights", "sky"]
    assert layers["moss"]["data"][8:10] == [OWN + 2, OWN + 4 | 0x80000000]
    assert (layers["moss"]["opacity"], layers["underlay"]["visible"]) == (0.5, False)
    ids = [thing["id"] for each in data["layers"] for thing in each.get("objects", [])]
    assert len(set(ids)) == len(ids)
    assert max(ids) < data["nextobjectid"]
    lamp, area = (
        next(o for o in layers["lights"]["objects"] if o["name"] == name) for name in ("lamp", "area")
    )
    assert lamp["properties"][0]["value"] == area["id"]
    bat = next(thing for thing in layers["entities"]["objects"] if thing["type"] == "bat")
    assert bat["name"] == "Old Flappy"
    assert {p["name"]: p["value"] for p in bat["properties"]} == {"role": "enemy_h", "speed": 2.5}


@pytest.mark.parametrize("name", ["tmj", "tmx"])
def test_properties_of_the_map_keep_their_types(name, edited, tmp_path):
    once = exporters.read_level(edited)
    assert {key: once.extra[key] for key in ("fog", "danger", "spawn")} == {
        "fog": "#80ff00aa", "danger": 2, "spawn": {"rate": 2.5, "boss": True, "who": "a & b"},
    }  # fmt: skip
    (path,) = exporters.write_level(once, name, tmp_path / "again")
    (again,) = exporters.write_level(exporters.read_level(path), "tmj", tmp_path / "more")
    found = {entry["name"]: entry for entry in json.loads(again.read_text())["properties"]}
    assert [found[entry["name"]] for entry in TYPED] == TYPED
    assert "extra" not in found

    changed = once.with_(extra={**once.extra, "fog": 3, "spawn": {"deep": {}}, "mood": None})
    (path,) = exporters.write_level(changed, "tmj", tmp_path / "changed")
    found = {entry["name"]: entry for entry in json.loads(path.read_text())["properties"]}
    assert found["fog"] == {"name": "fog", "type": "int", "value": 3}
    assert json.loads(found["extra"]["value"]) == {"spawn": {"deep": {}}, "mood": None}
    assert exporters.read_level(path).extra.items() >= {"fog": 3, "spawn": {"deep": {}}, "mood": None}.items()


@pytest.mark.parametrize("name", ["json", "text"])
def test_other_formats_carry_it_too(name, edited, tmp_path):
    once = exporters.read_level(edited)
    (path,) = exporters.write_level(once, name, tmp_path / "other")
    assert exporters.read_level(path).extra == once.extra


def test_ours_and_theirs_in_one_layer_are_told_apart(level, tmp_path):
    (path,) = exporters.write_level(level, "tmj", tmp_path)
    data = json.loads(path.read_text())
    wall = data["layers"][0]["data"][0]
    data["tilesets"].append(DECO)
    more = {
        "type": "tilelayer",
        "name": "more",
        "width": 6,
        "height": 5,
        "data": [0] * 9 + [wall, 5002] + [0] * 19,
    }
    data["layers"].insert(1, more)
    path.write_text(json.dumps(data))
    back = exporters.read_level(path)
    assert back.tiles[1, 3] == GAME.tile("wall").id
    assert [each["name"] for each in back.extra[KEY]["layers"]] == ["more"]
    (path,) = exporters.write_level(back, "tmx", tmp_path / "again")
    assert exporters.read_level(path).same_as(back)


@pytest.mark.parametrize(
    "bad",
    [
        3,
        {"own": -1},
        {"own": OWN, "layers": [{"type": "group", "place": "above"}]},
        {
            "own": OWN,
            "layers": [{"type": "tilelayer", "place": "above", "width": 10**6, "height": 10**6, "data": ""}],
        },
        {
            "own": OWN,
            "layers": [{"type": "tilelayer", "place": "above", "width": 2, "height": 2, "data": "eA=="}],
        },
        {"own": OWN, "tilesets": [{"firstgid": 1}]},
        {"own": OWN, "layers": [{"type": "objectgroup", "place": "above", "objects": [{"gid": "x"}]}]},
    ],
)
def test_a_made_up_leftover_stays_a_plain_fact(bad, level, tmp_path):
    for path in exporters.write_level(level.with_(extra={KEY: bad}), "tiled", tmp_path):
        back = exporters.read_level(path)
        assert back.same_as(level)
        assert back.extra == {KEY: bad}


def test_text_that_xml_cannot_hold_is_replaced(edited, tmp_path):
    edited.write_text(edited.read_text().replace("beware", "be\\u0001ware\\ud800"))
    once = exporters.read_level(edited)
    (path,) = exporters.write_level(once, "tmx", tmp_path / "again")
    assert "be\ufffdware\ufffd" in path.read_text()
    assert exporters.read_level(path).same_as(once)


# --- tilesets above the map -------------------------------------------------------------------------


@pytest.fixture
def project(level, tmp_path):
    """``maps/tiny.tmx`` with ``tilesets/dungeon.tsx`` beside its folder."""
    (path,) = exporters.write_level(level, "tmx", tmp_path / "game" / "maps", tileset="external")
    (tmp_path / "game" / "tilesets").mkdir()
    shutil.move(path.parent / "dungeon.tsx", tmp_path / "game" / "tilesets")
    path.write_text(path.read_text().replace('source="dungeon.tsx"', 'source="../tilesets/dungeon.tsx"'))
    return path


def test_a_project_file_states_the_root(project, level):
    with pytest.raises(LevelForgeError, match=r"outside the map's folder.*\.tiled-project"):
        exporters.read_level(project)
    (project.parents[1] / "mine.tiled-project").write_text("{}")
    assert exporters.read_level(project).same_as(level)


def test_nothing_above_the_root_is_read(project, tmp_path):
    (project.parents[1] / "mine.tiled-project").write_text("{}")
    shutil.move(project.parents[1] / "tilesets", tmp_path / "tilesets")
    project.write_text(project.read_text().replace("../tilesets", "../../tilesets"))
    with pytest.raises(LevelForgeError, match="outside the map's folder"):
        exporters.read_level(project)


# --- worlds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiled", "tmj", "tmx"])
def test_a_set_is_joined_by_a_world(name, level, tmp_path):
    levels = [level.with_(id=f"level-{n}", seed=n) for n in range(5)]
    *maps, world = exporters.write_levels(levels, name, tmp_path, "tower", tileset="external")
    assert world.name == "tower.world"
    assert len(maps) == 5 * (2 if name == "tiled" else 1)
    data = json.loads(world.read_text())
    assert data["type"] == "world"
    boxes = [(m["x"], m["y"], m["x"] + m["width"], m["y"] + m["height"]) for m in data["maps"]]
    assert boxes[0] == (0, 0, 96, 80)
    for n, a in enumerate(boxes):
        for b in boxes[:n]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]
    back = [found for _, found in exporters.read_levels([world])]
    assert [(b.id, b.seed) for b in back] == [(a.id, a.seed) for a in levels]
    assert all(b.same_as(level) for b in back)
    # the world is one more way to the same maps, so a folder gives them once
    assert [path for path, _ in exporters.read_levels([tmp_path])] == sorted(maps)


def test_the_project_explains_the_types(level, tmp_path):
    exporters.write_levels([level], "tiled", tmp_path)
    types = json.loads((tmp_path / "dungeon.tiled-project").read_text())["propertyTypes"]
    assert len({each["id"] for each in types}) == len(types)
    assert {each["name"] for each in types if each["type"] == "class"} == {tile.name for tile in GAME.tiles}
    bat = next(each for each in types if each["name"] == "bat")
    assert bat["members"] == [{"name": "role", "type": "string", "propertyType": "role", "value": "enemy_h"}]


@pytest.mark.parametrize(
    ("world", "words"),
    [
        ({"maps": [{"fileName": "../secret.tmx"}]}, "outside the world's folder"),
        ({"maps": [{"fileName": "/etc/passwd"}]}, "outside the world's folder"),
        ({"maps": [{"fileName": "a.world"}]}, "outside the world's folder"),
        ({"maps": [{"fileName": None}]}, "outside the world's folder"),
        ({"maps": []}, "lists 0 maps"),
        ({"maps": 3}, "maps must be a list"),
        ({"patterns": [{"regexp": "(a+)+"}]}, "by patterns"),
        ([], "not a Tiled world"),
        ({"maps": [{"fileName": "gone.tmx"}]}, "no such file"),
    ],
)
def test_a_damaged_world_is_refused(world, words, tmp_path):
    path = tmp_path / "maps" / "a.world"
    path.parent.mkdir()
    path.write_text(json.dumps(world))
    with pytest.raises(LevelForgeError, match=words):
        exporters.read_levels([path])


def test_names_in_a_world_are_unique(level, tmp_path):
    with pytest.raises(LevelForgeError, match="two levels are named 'tiny'"):
        exporters.write_levels([level, level], "tiled", tmp_path)
    other = load_game("platformer")
    stranger = Level(other, np.zeros((4, 4), np.uint8), id="b")
    with pytest.raises(LevelForgeError, match="one world holds one game"):
        exporters.write_levels([level, stranger], "tiled", tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- speed --------------------------------------------------------------------------------------------


def test_an_embedded_tileset_is_understood_once(level, tmp_path, monkeypatch):
    from levelforge.exporters import tiled_xml

    paths = [exporters.write_level(level.with_(id=f"m{n}"), "tmx", tmp_path)[0] for n in range(3)]
    monkeypatch.setattr(tiled_xml, "_TILESETS", {})
    for path in paths:
        assert exporters.read_level(path).same_as(level)
    assert len(tiled_xml._TILESETS) == 1


ODD = [
    None,
    -1,
    0,
    2**40,
    1e308,
    "",
    "x",
    "\x00",
    "\ud800",
    True,
    [],
    {},
    [None],
    [{}],
    {"id": "x"},
    "eJxjYAAAAAIAAQ==",
]


def holders(value):
    """Every (container, key) inside a JSON value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from holders(value[key])


def test_random_damage_to_what_was_kept_never_ends_in_a_traceback(edited, level, tmp_path):
    rng = np.random.default_rng(6)
    good = json.dumps(kept_of(edited))
    for _ in range(80):
        kept = json.loads(good)
        for _ in range(int(rng.integers(1, 4))):
            places = list(holders(kept))
            container, key = places[rng.integers(len(places))]
            container[key] = ODD[rng.integers(len(ODD))]
        hurt = level.with_(extra={KEY: kept})
        try:
            paths = exporters.write_level(hurt, "tiled", tmp_path, "hurt")
        except LevelForgeError as error:
            assert "\n" not in str(error)  # noqa: PT017 (most are written well, which is as good)
            continue
        for path in paths:
            assert exporters.read_level(path).same_as(level)


def test_random_damage_to_an_edited_map_never_ends_in_a_traceback(edited, tmp_path):
    rng = np.random.default_rng(7)
    good = edited.read_text()
    path = tmp_path / "hurt" / "hurt.tmj"
    path.parent.mkdir()
    for _ in range(80):
        data = json.loads(good)
        places = [
            place
            for place in holders([data["layers"], data["tilesets"][1]])
            if place[0] is not data["layers"]
        ]
        container, key = places[rng.integers(len(places))]
        container[key] = ODD[rng.integers(len(ODD))]
        path.write_text(json.dumps(data))
        try:
            back = exporters.read_level(path, GAME)
            for again in exporters.write_level(back, "tiled", tmp_path / "again", "hurt"):
                assert exporters.read_level(again, GAME).same_as(back)
        except LevelForgeError as error:
            assert "\n" not in str(error)  # noqa: PT017
