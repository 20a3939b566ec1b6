"""Godot scenes, parsed as Godot's text format describes it and compared with the level cell by cell."""

import ast
import base64
import re
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from strategies import described_levels

from levelforge import exporters
from levelforge.exporters.facts import facts, flatten
from levelforge.game import bundled_games, load_game
from levelforge.level import Level, parse_text
from levelforge.tileset import load_tileset

GAMES = {name: load_game(name) for name in bundled_games()}
STRING = r'"(?:[^"\\]|\\.)*"'


def parse(text):
    """``[(kind, attributes, properties)]`` of a ``.tscn`` or ``.tres``; values stay as they are written."""
    found, at = [], 0
    heading = re.compile(rf"\[(\w+)((?: \w+=(?:{STRING}|\d+))*)\]\n", re.DOTALL)
    value = re.compile(rf"([\w:/]+) ?= ?({STRING}|[^\n\"]*(?:{STRING}[^\n\"]*)*)\n", re.DOTALL)
    while at < len(text):
        if text[at] == "\n":
            at += 1
        elif match := heading.match(text, at):
            attributes = dict(re.findall(rf"(\w+)=({STRING}|\d+)", match.group(2)))
            found.append((match.group(1), {k: v.strip('"') for k, v in attributes.items()}, {}))
            at = match.end()
        else:
            match = value.match(text, at)
            assert match, text[at : at + 80]
            assert match.group(1) not in found[-1][2], "a property twice"
            found[-1][2][match.group(1)] = match.group(2)
            at = match.end()
    return found


def scalar(text):
    """A Godot literal as Python's."""
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return {"true": True, "false": False}.get(text) if text in ("true", "false") else ast.literal_eval(text)


def nodes_of(sections):
    return {each[1]["name"]: each for each in sections if each[0] == "node"}


def cells_of(text):
    """``{(x, y): (source, column, row, alternative)}`` of a ``tile_map_data`` literal."""
    data = base64.b64decode(
        re.fullmatch(r'PackedByteArray\("([A-Za-z0-9+/=]*)"\)', text).group(1), validate=True
    )
    assert struct.unpack_from("<H", data) == (0,)
    assert (len(data) - 2) % 12 == 0
    cells = [struct.unpack_from("<hhHHHH", data, at) for at in range(2, len(data), 12)]
    return {cell[:2]: cell[2:] for cell in cells}


def check(level, path):
    sections = parse(path.read_text())
    assert sections[0][:2] == ("gd_scene", {"load_steps": sections[0][1]["load_steps"], "format": "4"})
    assert int(sections[0][1]["load_steps"]) == 1 + sum(
        s[0] in ("ext_resource", "sub_resource") for s in sections
    )
    nodes = nodes_of(sections)
    tileset = load_tileset(level.game)
    pictures, entities = tileset.cells(level.tiles, level.game)
    cells = cells_of(nodes["Terrain"][2]["tile_map_data"])
    assert len(cells) == level.tiles.size
    for (y, x), index in np.ndenumerate(pictures):
        assert cells[x, y] == (0, index % tileset.columns, index // tileset.columns, 0)
    markers = [each for each in nodes.values() if each[1].get("parent") == "Entities"]
    assert all(each[1]["type"] == "Marker2D" for each in markers)
    seen = set()
    for _, _, known in markers:
        x, y = ast.literal_eval(known["position"].removeprefix("Vector2"))
        column, row = int(x // tileset.tile_size), int(y // tileset.tile_size)
        assert (x % tileset.tile_size, y % tileset.tile_size) == (tileset.tile_size / 2,) * 2
        tile = level.game.tiles[level.tiles[row, column]]
        assert scalar(known["metadata/tile"]) == tile.name
        assert scalar(known["metadata/role"]) == tile.role.word
        seen.add((row, column))
    assert seen == {(int(y), int(x)) for y, x in np.argwhere(entities >= 0)}
    root = next(each for each in sections if each[0] == "node")
    shown = {name.removeprefix("metadata/"): scalar(text) for name, text in root[2].items()}
    flat = flatten(facts(level))
    plain = {
        name: value
        for name, value in flat.items()
        if name.isidentifier() and name.isascii() and name != "extra"
    }
    assert {name: value for name, value in shown.items() if name != "extra"} == plain
    return sections


@pytest.mark.parametrize("game", GAMES)
def test_the_scene_holds_the_level(game, tmp_path):
    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(described_levels(GAMES[game]))
    def every(level):
        (path,) = exporters.write_level(level, "godot", tmp_path, "level")
        check(level, path)

    every()


@pytest.fixture
def level():
    game = GAMES["platformer"]
    return Level(game, parse_text("..........\n.@..o...>.\n==.H.w.^.B\n###H######\n", game), id="tiny")


@pytest.mark.parametrize("tileset", ["embedded", "external"])
def test_the_tileset_says_what_is_solid(tileset, level, tmp_path):
    (path,) = exporters.write_level(level, "godot", tmp_path, tileset=tileset)
    sections = check(level, path)
    if tileset == "external":
        (resource,) = [s for s in sections if s[0] == "ext_resource"]
        sections = parse((tmp_path / resource[1]["path"]).read_text())
        assert sections[0][:2] == ("gd_resource", {"type": "TileSet", "load_steps": "3", "format": "3"})
    (atlas,) = [s[2] for s in sections if s[1].get("type") == "TileSetAtlasSource"]
    (image,) = [s[1]["path"] for s in sections if s[1].get("type") == "Texture2D"]
    assert (tmp_path / image).is_file()
    layers = next(s[2] for s in sections if "tile_size" in s[2])
    names = [scalar(layers[f"custom_data_layer_{n}/name"]) for n in range(3)]
    assert names == ["tile", "role", "solid"]
    assert layers["sources/0"] == 'SubResource("Atlas")'
    sheet = load_tileset(level.game)
    for tile in level.game.tiles:
        row, column = divmod(sheet.icon(tile.name), sheet.columns)
        at = f"{column}:{row}/0"
        assert atlas[at] == "0"
        assert scalar(atlas[f"{at}/custom_data_0"]) == tile.name
        blocks = tile.role.word in ("solid", "one_way")
        assert (f"{at}/physics_layer_0/polygon_0/points" in atlas) == blocks
        assert (atlas.get(f"{at}/physics_layer_0/polygon_0/one_way") == "true") == (
            tile.role.word == "one_way"
        )


def test_a_project_is_made_but_never_replaced(level, tmp_path):
    exporters.write_level(level, "godot", tmp_path, project="yes")
    text = (tmp_path / "project.godot").read_text()
    assert 'run/main_scene="res://tiny.tscn"' in text
    assert "viewport_width=160" in text
    (tmp_path / "project.godot").write_text("; mine\n")
    exporters.write_level(level, "godot", tmp_path, project="yes")
    assert (tmp_path / "project.godot").read_text() == "; mine\n"
    exporters.write_level(level, "godot", tmp_path / "plain")
    assert not (tmp_path / "plain" / "project.godot").exists()


def test_quotes_and_odd_names_stay_within_their_strings(level, tmp_path):
    told = level.with_(id='a "b" \\ c', extra={"two words": 1, "say": 'x"\n[node name="evil"]\n\\'})
    (path,) = exporters.write_level(told, "godot", tmp_path, "a.b%")
    sections = check(told, path)
    root = next(each for each in sections if each[0] == "node")
    assert root[1]["name"] == "a_b_"
    assert "evil" not in nodes_of(sections)
    assert scalar(root[2]["metadata/extra"]) == '{"two words": 1}'
