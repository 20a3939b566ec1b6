"""What a ``game.toml`` may say; every fault is one line that names the file, the key and the mend."""

import copy
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from levelforge.errors import LevelForgeError
from levelforge.game import (
    Constraints,
    Header,
    Measures,
    Role,
    Rules,
    Tile,
    TrainingDefaults,
    bundled_games,
    games_folder,
    load_game,
    parse_game,
    read_game,
)

DUNGEON = tomllib.loads((games_folder() / "dungeon" / "game.toml").read_text(encoding="utf-8"))
PLATFORMER = tomllib.loads((games_folder() / "platformer" / "game.toml").read_text(encoding="utf-8"))


def dungeon():
    return copy.deepcopy(DUNGEON)


def tile(data, name):
    return next(t for t in data["tiles"] if t["name"] == name)


def drop(data, name):
    data["tiles"].remove(tile(data, name))
    data["counts"].pop(name, None)


def put(table, key, value):
    def change(data):
        data.setdefault(table, {})[key] = value

    return change


def set_tile(name, key, value):
    return lambda data: tile(data, name).__setitem__(key, value)


FAULTS = {
    "unknown table": (put("rulez", "hit_points", 3), ["[rulez]", "did you mean 'rules'"]),
    "unknown key": (put("rules", "hitpoints", 3), ["[rules]", "'hitpoints'", "did you mean 'hit_points'"]),
    "unknown tile key": (set_tile("wall", "simbol", "#"), ["[[tiles]] number 2", "did you mean 'symbol'"]),
    "missing key": (lambda d: d["game"].pop("movement"), ["[game]", "needs the key 'movement'"]),
    "wrong type": (put("rules", "hit_points", "three"), ["hit_points", "a whole number", "'three'"]),
    "true is no number": (put("rules", "hit_points", True), ["hit_points", "a whole number"]),
    "number is no flag": (put("constraints", "solid_border", 1), ["solid_border", "true or false"]),
    "short size": (put("game", "size", [32]), ["[game] size", "2 entries"]),
    "no list": (put("game", "size", 32), ["[game] size", "a list"]),
    "unknown movement": (put("game", "movement", "topdwn"), ["movement", "did you mean 'topdown'"]),
    "unknown win": (put("game", "win", "reach_gaol"), ["win", "did you mean 'reach_goal'"]),
    "unknown role": (set_tile("wall", "role", "sold"), ["role", "did you mean 'solid'"]),
    "unknown place": (set_tile("key", "place", "flor"), ["place", "did you mean 'floor'"]),
    "role the movement lacks": (set_tile("spikes", "role", "ladder"), ["'spikes'", "'topdown'", "'ladder'"]),
    "duplicate symbol": (
        set_tile("key", "symbol", "#"),
        ["'wall'", "'key'", "symbol '#'", "give each its own"],
    ),
    "duplicate name": (set_tile("key", "name", "wall"), ["share the name 'wall'"]),
    "long symbol": (set_tile("key", "symbol", "kk"), ["'key'", "one visible character"]),
    "blank symbol": (set_tile("key", "symbol", " "), ["'key'", "one visible character"]),
    "bad tile name": (set_tile("key", "name", "Key!"), ["'Key!'", "lower-case"]),
    "no start": (lambda d: drop(d, "start"), ["role 'start'", "every game needs one"]),
    "no goal": (lambda d: drop(d, "exit"), ["role 'goal'", "every game needs one"]),
    "no floor": (set_tile("floor", "role", "solid"), ["role 'empty'"]),
    "no wall": (set_tile("wall", "role", "empty"), ["role 'solid'"]),
    "two starts": (set_tile("exit", "role", "start"), []),
    "no tiles": (lambda d: d.pop("tiles"), ["[[tiles]]"]),
    "unknown counted tile": (put("counts", "tresure", [0, 3]), ["[counts]", "did you mean 'treasure'"]),
    "counts upside down": (put("counts", "key", [3, 1]), ["key"]),
    "negative count": (put("counts", "key", [-1, 1]), ["key"]),
    "no range": (put("counts", "key", 3), ["key"]),
    "too many": (put("counts", "treasure", [0, 700]), ["[counts]", "more than half", "lower them"]),
    "more than one start": (put("counts", "start", [1, 2]), ["start"]),
    "no goal asked for": (put("counts", "exit", [0, 0]), ["exit"]),
    "start without a count": (lambda d: d["counts"].pop("start"), ["start", "[counts]"]),
    "bad name": (put("game", "name", "My Game"), ["name", "lower-case"]),
    "size beyond limits": (put("game", "size", [15, 40]), ["min_size <= size <= max_size"]),
    "no hit points": (put("rules", "hit_points", 0), ["hit_points", "1 to 15"]),
    "odd cycle": (put("rules", "patrol_cycle", 7), ["patrol_cycle", "even"]),
    "jump seen from above": (put("rules", "jump_profile", [1, -1]), ["jump_profile", "'platformer'"]),
    "negative weight": (put("measures", "choice", -1), ["[measures] choice", "0 or more"]),
    "weight that is no number": (put("measures", "choice", "much"), ["[measures] choice", "a number"]),
    "endless weight": (put("measures", "choice", float("inf")), ["[measures] choice", "0 or more"]),
    "unknown measure": (put("measures", "suspense", 1.0), ["[measures]", "'suspense'"]),
    "no weight at all": (
        lambda d: d.update(
            measures=dict.fromkeys(("tension", "variety", "exploration", "choice", "reward"), 0)
        ),
        ["[measures]", "raise one"],
    ),
    "band upside down": (put("measures", "tension_band", [0.5, 0.1]), ["tension_band", "low <= high"]),
    "band beyond one": (put("measures", "tension_band", [0.5, 2]), ["tension_band", "<= 1"]),
    "band below zero": (put("measures", "variety_band", [-0.1, 1]), ["variety_band", "0 <= low"]),
    "range of one point": (
        put("measures", "difficulty_range", [0.5, 0.5]),
        ["difficulty_range", "low < high"],
    ),
    "range beyond one": (put("measures", "difficulty_range", [0.5, 1.5]), ["difficulty_range", "<= 1"]),
    "unknown symmetry": (put("training", "symmetries", ["flip_z"]), ["flip_z", "did you mean"]),
}


@pytest.mark.parametrize("case", FAULTS)
def test_each_fault_is_one_line_with_place_and_mend(case):
    change, words = FAULTS[case]
    data = dungeon()
    change(data)
    with pytest.raises(LevelForgeError) as caught:
        parse_game(data, "my/game.toml")
    message = str(caught.value)
    assert message.startswith("my/game.toml: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ([], "start with a rise"),
        ([-1], "start with a rise"),
        ([2, 1], "end with a fall"),
        ([2, -1, 1, -1], "never rise again"),
        ([9, -1], "-6 to 6"),
        ([2, "x", -1], "whole number"),
    ],
)
def test_jump_profiles_rise_then_fall(profile, words):
    data = copy.deepcopy(PLATFORMER)
    data["rules"]["jump_profile"] = profile
    with pytest.raises(LevelForgeError, match=words):
        parse_game(data)


def test_unreadable_files_are_named(tmp_path):
    path = tmp_path / "game.toml"
    with pytest.raises(LevelForgeError, match="no such file"):
        read_game(path)
    path.write_bytes(b"[game]\nname = '\xff'\n")
    with pytest.raises(LevelForgeError, match="not UTF-8"):
        read_game(path)
    path.write_text("[game\n", encoding="utf-8")
    with pytest.raises(LevelForgeError, match=r"game.toml: not valid TOML.*line 1"):
        read_game(path)


def test_unknown_games_get_a_suggestion():
    with pytest.raises(LevelForgeError, match=r"unknown game 'dungoen'.*did you mean 'dungeon'"):
        load_game("dungoen")


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_bundled_games_load_by_name_folder_and_file(name):
    folder = games_folder() / name
    assert name in bundled_games()
    assert load_game(name) == load_game(folder) == load_game(folder / "game.toml")


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_entities_and_terrain_share_out_the_tiles(name):
    game = load_game(name)
    assert sorted([t.id for t in game.entities + game.terrain]) == list(range(len(game.tiles)))
    assert [t.id for t in game.tiles] == list(range(len(game.tiles)))
    assert game.roles[game.empty.id] == Role.EMPTY


def test_counts_of_scaling_tiles_grow_with_the_area():
    game = load_game("dungeon")
    assert game.counts(32, 24)["treasure"] == (0, 12)
    assert game.counts(64, 48)["treasure"] == (0, 48)
    assert game.counts(64, 48)["key"] == (0, 3)
    assert game.counts(16, 12)["treasure"] == (0, 3)
    assert game.time_limit(64, 48) == 4 * game.time_limit(16, 12)


def test_the_digest_follows_meaning_not_wording():
    data = dungeon()
    plain = parse_game(data).digest
    data["game"]["title"] = "Another title"
    data["counts"]["treasure"] = [0, 3]
    assert parse_game(data).digest == plain
    data["rules"]["hit_points"] += 1
    assert parse_game(data).digest != plain


@pytest.mark.parametrize("size", [(3, 3), (15, 12), (129, 24)])
def test_sizes_outside_the_limits_are_refused(size):
    with pytest.raises(LevelForgeError, match="16x12 to 128x96"):
        load_game("dungeon").check_size(*size)


def test_measures_have_defaults_and_take_whole_numbers_for_weights():
    assert sum(parse_game(dungeon()).measures.weights.values()) == 5
    game = parse_game(
        dungeon() | {"measures": {"choice": 2, "variety_band": [0, 1.5], "difficulty_range": [0.1, 1]}}
    )
    assert game.measures.weights["choice"] == 2.0
    assert game.measures.variety_band == (0.0, 1.5)
    assert game.measures.difficulty_range == (0.1, 1.0)
    assert set(game.measures.weights) == {"tension", "variety", "exploration", "choice", "reward"}
    assert game.digest == parse_game(dungeon()).digest


@pytest.mark.parametrize("table", [Header, Rules, Tile, Constraints, TrainingDefaults, Measures])
def test_the_reference_lists_every_key(table):
    reference = Path(__file__).parent.parent.joinpath("docs", "game-toml.md").read_text(encoding="utf-8")
    for key in fields(table):
        assert key.name == "id" or f"`{key.name}`" in reference


@pytest.mark.parametrize("role", Role)
def test_the_reference_lists_every_role(role):
    reference = Path(__file__).parent.parent.joinpath("docs", "game-toml.md").read_text(encoding="utf-8")
    assert f"`{role.word}`" in reference
