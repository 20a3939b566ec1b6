"""Levels: the text codec, the solution codec and well-formedness."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import levels

from levelforge.errors import LevelForgeError
from levelforge.game import load_game
from levelforge.level import Level, decode_solution, encode_solution, faults, format_text, parse_text

GAMES = {name: load_game(name) for name in ("dungeon", "platformer")}
names = pytest.mark.parametrize("name", GAMES)


@names
@given(data=st.data())
def test_text_round_trip(name, data):
    level = data.draw(levels(GAMES[name]))
    again = parse_text(format_text(level.tiles, level.game), level.game)
    assert again.dtype == np.uint8
    assert np.array_equal(again, level.tiles)


@names
@given(data=st.data())
def test_solution_round_trip(name, data):
    game = GAMES[name]
    actions = tuple(data.draw(st.lists(st.integers(0, len(game.actions) - 1))))
    text = encode_solution(actions, game)
    assert len(text) == len(actions)
    assert decode_solution(text, game) == actions


def test_line_ends_of_any_system_and_blank_lines_at_the_end_are_fine():
    game = GAMES["dungeon"]
    assert np.array_equal(parse_text("#@>#\r\n####\r\n\r\n", game), parse_text("#@>#\n####", game))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("\n\n", "no rows"),
        ("####\n###", "row 2 has 3 symbols where row 1 has 4; make all rows equally long"),
        ("####\n#x@#", "unknown symbol 'x' at row 2, column 2"),
    ],
)
def test_bad_text_is_named_with_its_place(text, words):
    with pytest.raises(LevelForgeError, match=f"^maps/a.txt: .*{words}"):
        parse_text(text, GAMES["dungeon"], "maps/a.txt")


def test_bad_actions_are_named_with_their_place():
    with pytest.raises(LevelForgeError, match="'x' at position 3"):
        decode_solution("UDxL", GAMES["dungeon"])


@pytest.mark.parametrize("tiles", [np.zeros(3, np.uint8), np.zeros((2, 2)), np.full((2, 2), 99, np.uint8)])
def test_arrays_that_are_no_level_are_refused(tiles):
    with pytest.raises(LevelForgeError):
        Level(GAMES["dungeon"], tiles)


def room(*changes):
    """A 16x12 room with a start and an exit, changed at (y, x) to a tile of that name."""
    game = GAMES["dungeon"]
    tiles = np.full((12, 16), game.solid.id, np.uint8)
    tiles[1:-1, 1:-1] = game.empty.id
    for (y, x), name in [((1, 1), "start"), ((10, 14), "exit"), *changes]:
        tiles[y, x] = game.tile(name).id
    return Level(game, tiles)


def test_a_well_formed_level_has_no_faults():
    assert faults(room()) == []


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ([((1, 1), "floor")], "no start"),
        ([((2, 2), "start")], "2 starts where one is needed"),
        ([((10, 14), "floor")], "no goal"),
        ([((2, x), "key") for x in range(2, 6)], "4 of key where 0 to 3 are allowed"),
        ([((0, 5), "floor")], "the border is not solid"),
    ],
)
def test_faults_are_named(changes, phrase):
    assert phrase in faults(room(*changes))


def test_a_foreign_map_needs_only_what_the_rules_need():
    level = Level(GAMES["dungeon"], parse_text("@>", GAMES["dungeon"]))
    assert faults(level, limits=False) == []
    assert any("16x12 to 128x96" in fault for fault in faults(level))


def test_levels_know_their_size_counts_and_equals():
    level = room(((3, 3), "treasure"))
    assert level.size == (16, 12)
    assert level.counts()["treasure"] == 1
    assert level.same_as(level.with_(id="other"))
    assert not level.same_as(room())


def test_what_was_measured_is_left_behind_and_all_else_stays():
    game = GAMES["dungeon"]
    level = Level(
        game, parse_text("####\n#@>#\n####", game), id="a", seed=3, solution=(3,), difficulty=0.4, fun=0.5, novelty=0.1,
        difficulty_ci=(0.3, 0.5), fun_parts={"tension": 0.5}, extra={"why": "bats", "mood": "grim"},
    )  # fmt: skip
    bare = level.unmeasured()
    assert (bare.difficulty, bare.difficulty_ci, bare.fun, bare.fun_parts, bare.novelty) == (None,) * 5
    assert bare.extra == {"mood": "grim"}
    assert (bare.id, bare.seed, bare.solution, bare.same_as(level)) == ("a", 3, (3,), True)
