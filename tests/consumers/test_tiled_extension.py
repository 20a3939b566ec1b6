"""LevelForge inside Debian's Tiled: the menu entries on a real map, through the real command line."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levelforge import exporters
from levelforge.game import Role, bundled_games, load_game
from levelforge.level import faults
from levelforge.solver import Solution, Unbeatable, solve, verify_solution
from levelforge.tiled_extension import install
from levelforge.tileset import load_tileset

TILED = shutil.which("tiled")
DRIVER = Path(__file__).parent / "tiled_driver.js"
pytestmark = pytest.mark.skipif(not TILED, reason="Debian's tiled is not installed")

GENERATE, REGENERATE = "LevelForgeGenerate", "LevelForgeRegenerate"
CHECK, REPAIR = "LevelForgeCheck", "LevelForgeRepair"


class Person:
    """Somebody with a Tiled of their own, in which the extension is installed."""

    def __init__(self, home, monkeypatch):
        self.home, self.extensions = home, home / "config" / "tiled" / "extensions"
        for name in ("run", "cache", "config"):
            (home / name).mkdir(parents=True, mode=0o700)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        self.installed, _ = install(self.extensions)
        shutil.copy(DRIVER, self.extensions / "driver.js")

    def does(self, path, steps, prompt=""):
        """Open a map and do the steps; the report has an entry for each step."""
        plan, report = self.home / "plan.json", self.home / "report.json"
        plan.write_text(json.dumps({"steps": steps, "prompt": prompt}))
        report.unlink(missing_ok=True)
        env = os.environ | {
            "QT_QPA_PLATFORM": "offscreen",
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "TILED_PLAN": str(plan),
            "TILED_REPORT": str(report),
        }
        # Tiled opens the map, and so does the plan, before it listens to "Quit": it is ended from here
        with subprocess.Popen([TILED, path], env=env, stderr=subprocess.DEVNULL) as tiled:
            try:
                until = time.monotonic() + 300
                while not report.exists() and tiled.poll() is None and time.monotonic() < until:
                    time.sleep(0.05)
            finally:
                tiled.kill()
        assert report.exists(), f"Tiled ended with {tiled.returncode} before it was done"
        found = json.loads(report.read_text())
        assert [step["error"] for step in found["steps"] if "error" in step] == []
        left = list((self.home / "cache" / "levelforge" / "tiled").iterdir())
        assert left == []  # temporary files are gone
        return found


@pytest.fixture(name="person")
def _person(tmp_path, monkeypatch):
    return Person(tmp_path / "home", monkeypatch)


def corpus_level(game):
    """A designer's level of the game, the first that can be won."""
    for path in exporters.find_files([game.folder / "corpus" / "train"]):
        level = exporters.read_level(path, game)
        if isinstance(solve(level), Solution):
            return level.with_(id="mine")
    raise AssertionError("no level of the corpus can be won")


def cells_of(path):
    """All of a map that a person sees: the cells and objects of every layer."""
    data = json.loads(path.read_text())
    return {
        layer["name"]: layer.get("data")
        or sorted(
            (o["type"], o.get("gid"), o["x"], o["y"], json.dumps(o.get("properties")))
            for o in layer["objects"]
        )
        for layer in data["layers"]
    }


def pictures_of(path):
    """The gids of a map's terrain as Tiled saved it, and those that our autotiling chooses for the same level."""
    level = exporters.read_level(path)
    shown = np.array(cells_of(path)["terrain"]).reshape(level.tiles.shape)
    return shown, load_tileset(level.game).cells(level.tiles, level.game)[0] + 1


def barrier(level):
    """Cells of a wall across the map between start and goal."""
    roles = level.game.roles[level.tiles]
    (_, start), (_, goal) = np.argwhere(roles == Role.START)[0], np.argwhere(roles == Role.GOAL)[0]
    column = int(start + goal) // 2
    column += column in (start, goal)
    return [[column, y] for y in range(level.height) if roles[y, column] in (Role.EMPTY, Role.SOLID)]


@pytest.mark.parametrize("name", bundled_games())
def test_all_four_actions_on_a_real_map(name, person, tmp_path):
    game = load_game(name)
    given = corpus_level(game)
    (path,) = exporters.write_level(given, "tmj", tmp_path, "mine")
    # what the designer added is none of our business and stays
    data = json.loads(path.read_text())
    zone = {"id": 900, "name": "zone", "type": "area", "x": 3, "y": 5, "width": 20, "height": 9}
    data["layers"].append({"id": 9, "type": "objectgroup", "name": "notes", "objects": [zone]})
    data["properties"].append({"name": "why", "type": "string", "value": "of the level as it was"})
    path.write_text(json.dumps(data))
    box = {"x": given.width // 3, "y": 2, "width": given.width // 3, "height": given.height - 4}
    out = {key: tmp_path / f"{key}.json" for key in ("0", "1", "1u", "2", "2u", "3", "3u", "4b", "4", "4u")}
    wall = barrier(given)
    steps = [
        {"do": "write", "to": str(out["0"])},
        {"do": "property", "name": "levelforge_options", "value": "--seed 5"},
        # Tiled lets extensions paint within the selection only, which is none of this entry's business
        {"do": "select", "x": 3, "y": 3, "width": 4, "height": 4},
        {"do": "trigger", "action": GENERATE},
        {"do": "save", "to": str(out["1"])},
        {"do": "undo"},
        {"do": "write", "to": str(out["1u"])},
        {"do": "select", **box},
        {"do": "trigger", "action": REGENERATE},
        {"do": "save", "to": str(out["2"])},
        {"do": "undo"},
        {"do": "write", "to": str(out["2u"])},
        {"do": "trigger", "action": CHECK},
        {"do": "save", "to": str(out["3"])},
        {"do": "undo"},
        {"do": "write", "to": str(out["3u"])},
        {"do": "paint", "tile": game.solid.name, "cells": wall},
        {"do": "write", "to": str(out["4b"])},
        {"do": "trigger", "action": REPAIR},
        {"do": "save", "to": str(out["4"])},
        {"do": "undo"},
        {"do": "write", "to": str(out["4u"])},
    ]
    report = person.does(path, steps)
    told = [step["alerts"] for step in report["steps"] if step["do"] == "trigger"]
    assert set(report["actions"]) >= {GENERATE, REGENERATE, CHECK, REPAIR}
    read = {key: exporters.read_level(out[key]) for key in out}
    assert read["0"].same_as(given)
    for key in ("1u", "2u", "3u"):
        assert cells_of(out[key]) == cells_of(out["0"])
    assert cells_of(out["4u"]) == cells_of(out["4b"])
    for key in ("1", "2", "4"):
        level = read[key]
        assert verify_solution(level, level.solution)
        assert cells_of(out[key])["notes"] == cells_of(out["0"])["notes"]
        assert "why" not in level.extra

    assert told[0] == []
    assert not read["1"].same_as(given)
    assert faults(read["1"]) == []
    assert read["1"].seed == 5
    shown, wanted = pictures_of(out["1"])
    assert np.array_equal(shown, wanted)

    inside = np.zeros(given.tiles.shape, bool)
    inside[box["y"] : box["y"] + box["height"], box["x"] : box["x"] + box["width"]] = True
    assert (read["2"].tiles == given.tiles)[~inside].all()
    assert (read["2"].tiles != given.tiles)[inside].any()
    shown, wanted = pictures_of(out["2"])
    before, _ = pictures_of(out["0"])
    near = np.zeros(inside.shape, bool)
    near[box["y"] - 1 : box["y"] + box["height"] + 1, box["x"] - 1 : box["x"] + box["width"] + 1] = True
    assert np.array_equal(shown[near], wanted[near])  # edges join up
    assert np.array_equal(shown[~near], before[~near])

    assert read["3"].same_as(given)
    assert read["3"].extra["tiled_kept"] == read["0"].extra["tiled_kept"]  # the drawing is no part of the map
    solution = solve(given)
    (verdict,) = told[2]
    assert verdict.startswith(f"Can be won in {len(solution.actions)} steps.\nDifficulty ")
    layers = {layer["name"]: layer for layer in json.loads(out["3"].read_text())["layers"]}
    way = next(o for o in layers["LevelForge: solution"]["objects"] if "polyline" in o)
    assert len(way["polyline"]) == len(solution.actions) + 1
    start = np.argwhere(game.roles[given.tiles] == Role.START)[0]
    assert (way["polyline"][0]["x"], way["polyline"][0]["y"]) == (start[1] * 16, start[0] * 16)

    assert isinstance(solve(read["4b"]), Unbeatable)
    (mended,) = told[3]
    assert "changed; the map can now be won in" in mended
    assert read["4"].counts() == given.counts()
    changed = read["4"].tiles != read["4b"].tiles
    shown, wanted = pictures_of(out["4"])
    assert changed.any()
    assert np.array_equal(shown[changed], wanted[changed])


def test_what_goes_wrong_is_said_in_tiled(person, tmp_path):
    game = load_game("dungeon")
    (path,) = exporters.write_level(corpus_level(game), "tmj", tmp_path, "mine")
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    steps = [
        {"do": "trigger", "action": REGENERATE},
        {"do": "property", "name": "levelforge_options", "value": "--out /tmp"},
        {"do": "trigger", "action": GENERATE},
        {"do": "remove", "types": ["start"]},
        {"do": "write", "to": str(before)},
        {"do": "trigger", "action": CHECK},
        {"do": "property", "name": "game", "value": "chess"},
        {"do": "trigger", "action": CHECK},
        {"do": "undo"},
        {"do": "write", "to": str(after)},
    ]
    report = person.does(path, steps)
    told = [step["alerts"] for step in report["steps"] if step["do"] == "trigger"]
    assert told[0] == ["Select the area to make anew first (Rectangular Select, R)."]
    assert "may hold --count TILE=N" in told[1][0]
    assert told[2][0].startswith("This map: no start")
    assert "chess" in told[3][0]
    assert cells_of(before) == cells_of(after)

    text = person.installed.read_text()
    program = json.loads(text.split("const SETUP = ")[1].split(";\n")[0])["command"][0]
    person.installed.write_text(text.replace(program, str(tmp_path / "moved" / "levelforge")))
    report = person.does(path, [{"do": "trigger", "action": GENERATE}])
    (said,) = report["steps"][0]["alerts"]
    assert said == (
        f"LevelForge is no longer at {tmp_path}/moved/levelforge. Install it, then run: "
        "levelforge install-tiled-extension"
    )


def test_a_new_map_gets_the_tileset_beside_it(person, tmp_path):
    game = load_game("platformer")
    size = {"width": game.width, "height": game.height}
    layer = {"id": 1, "type": "tilelayer", "name": "Tile Layer 1", "data": [0] * game.width * game.height}
    layer |= size | {"x": 0, "y": 0, "opacity": 1, "visible": True}
    empty = {
        "type": "map",
        "version": "1.8",
        "orientation": "orthogonal",
        "infinite": False,
        "layers": [layer],
    }
    empty |= size | {"tilewidth": 16, "tileheight": 16, "tilesets": [], "nextlayerid": 2, "nextobjectid": 1}
    path = tmp_path / "new.tmj"
    path.write_text(json.dumps(empty | {"renderorder": "right-down"}))
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    steps = [
        {"do": "write", "to": str(before)},
        {"do": "trigger", "action": GENERATE},
        {"do": "save", "to": str(tmp_path / "copy.tmj")},
        {"do": "undo"},
        {"do": "write", "to": str(after)},
    ]
    report = person.does(path, steps, prompt="platformer")
    assert report["steps"][1]["alerts"] == []
    assert json.loads(before.read_text()) | {"nextobjectid": 0, "nextlayerid": 0} == json.loads(
        after.read_text()
    ) | {"nextobjectid": 0, "nextlayerid": 0}
    level = exporters.read_level(path)
    assert level.game.name == "platformer"
    assert faults(level) == []
    assert verify_solution(level, level.solution)
    assert {each.name for each in tmp_path.iterdir()} >= {"platformer.tsx", "platformer-tileset.png"}
    shown = np.array(json.loads(path.read_text())["layers"][0]["data"]).reshape(level.tiles.shape)
    assert np.array_equal(shown, load_tileset(game).cells(level.tiles, game)[0] + 1)


def test_a_map_drawn_with_other_pictures_keeps_its_own(person, tmp_path):
    """One picture for each tile, entities painted among the terrain, layers in a group, a cover on top."""
    game = load_game("dungeon")
    given = corpus_level(game)
    tiles = [
        {"id": tile.id, "properties": [{"name": "tile", "type": "string", "value": tile.name}]}
        for tile in game.tiles
    ]
    Image.new("RGB", (8 * (len(tiles) + 1), 8), "red").save(tmp_path / "own.png")
    sheet = {
        "firstgid": 1,
        "name": "own",
        "tilecount": len(tiles) + 1,
        "columns": len(tiles) + 1,
        "tiles": tiles,
    }
    sheet |= {"tilewidth": 8, "tileheight": 8, "margin": 0, "spacing": 0, "image": "own.png"}
    sheet |= {"imagewidth": 8 * (len(tiles) + 1), "imageheight": 8}
    size = {"width": given.width, "height": given.height}
    usual = size | {"x": 0, "y": 0, "opacity": 1, "visible": True}
    ground = {
        "id": 1,
        "type": "tilelayer",
        "name": "ground",
        "data": (given.tiles + 1).ravel().tolist(),
    } | usual
    moss = [0] * given.tiles.size
    moss[33] = len(tiles) + 1
    cover = {"id": 2, "type": "tilelayer", "name": "moss", "data": moss} | usual
    group = {
        "id": 3,
        "type": "group",
        "name": "all",
        "layers": [ground, cover],
        "opacity": 1,
        "visible": True,
    }
    data = {
        "type": "map",
        "version": "1.8",
        "orientation": "orthogonal",
        "infinite": False,
        "tilesets": [sheet],
    }
    data |= size | {"tilewidth": 8, "tileheight": 8, "renderorder": "right-down", "layers": [group]}
    data["properties"] = [{"name": "game", "type": "string", "value": "dungeon"}]
    path = tmp_path / "mine.tmj"
    path.write_text(json.dumps(data | {"nextlayerid": 4, "nextobjectid": 1}))
    box = {"x": 8, "y": 4, "width": 12, "height": 14}
    steps = [
        {"do": "select", **box},
        {"do": "trigger", "action": REGENERATE},
        {"do": "save", "to": str(tmp_path / "saved.tmj")},
    ]
    report = person.does(path, steps)
    assert report["steps"][1]["alerts"] == []
    again = exporters.read_level(path)
    inside = np.zeros(given.tiles.shape, bool)
    inside[4:18, 8:20] = True
    assert (again.tiles == given.tiles)[~inside].all()
    assert (again.tiles != given.tiles)[inside].any()
    assert verify_solution(again, again.solution)
    saved = json.loads(path.read_text())
    assert [each["name"] for each in saved["tilesets"]] == ["own"]
    assert saved["layers"][0]["layers"][1]["data"] == moss
