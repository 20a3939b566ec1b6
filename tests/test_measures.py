"""The measures of fun and the sentence why, each against cases worked out by hand."""

import doctest
import importlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import make_game, random_tiles, tile_grids

from levelforge.game import Measures
from levelforge.level import Level, parse_text
from levelforge.playtest import playtest
from levelforge.playtest.choice import choice, jaccard_distances
from levelforge.playtest.exploration import exploration, reachable_tiles
from levelforge.playtest.fun import PARTS, fun
from levelforge.playtest.measure import _way
from levelforge.playtest.reward import reward
from levelforge.playtest.tension import danger_distance, near_danger, tension
from levelforge.playtest.variety import divergence, path_divergence, pattern_ids, stations, variety
from levelforge.rules import replay

TOPDOWN, PLATFORMER = make_game("topdown"), make_game("platformer")
SHARE = st.floats(0, 1)
BAND = st.tuples(SHARE, SHARE).map(lambda ends: (min(ends), max(ends)))


def walker(order):
    """A player who goes where the goal is, sideways, but by an order where it is given one and it is the collector."""

    def values(obs):
        n = len(obs["scalars"])
        q = np.eye(5, dtype=np.float32)[np.where(obs["scalars"][:, 16] < 0, 2, 3)]
        for row in range(n):
            if order and obs["persona"][row, 2]:
                q[row] = order(obs["view"][row], obs["scalars"][row])
        return q

    return values


# --- tension -----------------------------------------------------------------------------------


def test_tension_is_full_inside_its_band_and_falls_linearly_outside():
    assert [tension(s, (0.2, 0.6)) for s in (0, 0.1, 0.2, 0.6, 0.8, 1)] == pytest.approx(
        [0, 0.5, 1, 1, 0.5, 0]
    )
    assert tension(0.0, (0.0, 1.0)) == tension(1.0, (0.0, 1.0)) == 1


@given(SHARE, BAND)
def test_tension_stays_within_its_bounds(share, band):
    assert 0 <= tension(share, band) <= 1


def test_danger_is_felt_within_two_tiles_of_a_hazard_or_a_patrol():
    view = np.zeros((4, 2, 11, 11), np.uint8)
    view[0, 0, 5, 7] = 7  # a hazard two to the right
    view[1, 0, 3, 3] = 16  # a patrol two up and left
    view[2, 0, 5, 8] = 7  # three away
    view[3, 0] = 13  # outside the map all around
    assert near_danger(view).tolist() == [True, True, False, False]
    view[3, 1, 5, 5] = 16  # visits are no danger
    assert not near_danger(view)[3]


def test_tension_counts_the_ticks_of_winning_runs_near_a_danger():
    # From column 0 to 12: the spikes at column 6 are within two tiles at columns 4 to 8, that is at 5 of 12 ticks.
    level = parse_text("@...........>\n......^......", TOPDOWN)
    result = playtest([level], TOPDOWN, walker(None), seed=0, skills=(0.0,), personas=("runner",))[0]
    assert result.measures["tension"] == pytest.approx(5 / 12)
    assert result.first.near.sum() == 5 * 8  # in eight episodes
    assert result.first.near[0, 4:9].tolist() == [8] * 5
    path = replay(Level(TOPDOWN, level), [3] * 12).path
    assert danger_distance(level, TOPDOWN, path).tolist() == [6, 5, 4, 3, 2, 1, 1, 1, 2, 3, 4, 5, 6]


def test_a_patrol_is_a_danger_where_it_is_at_that_tick():
    level = parse_text("@...>\n#####\nw....", TOPDOWN)
    path = replay(Level(TOPDOWN, level), [3] * 4).path
    # It walks right behind the wall at the player's pace, two rows below.
    assert danger_distance(level, TOPDOWN, path)[:3].tolist() == [2, 2, 2]
    assert math.isinf(danger_distance(parse_text("@>", TOPDOWN), TOPDOWN, path[:1])[0])


# --- variety -----------------------------------------------------------------------------------


def test_divergence_is_the_smoothed_kullback_leibler_divergence():
    new, old = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 1])
    p, q = np.array([3.1, 1.1]) / 4.2, np.array([1.1, 3.1]) / 4.2
    assert divergence(new, old) == pytest.approx(float((p * np.log(p / q)).sum()))
    assert divergence(new, new) == 0


def test_equal_patterns_have_equal_numbers():
    tiles = np.zeros((3, 5), np.uint8)
    tiles[1, 2] = 1
    ids = pattern_ids(tiles)
    assert ids.shape == (1, 3)
    assert len(set(ids[0].tolist())) == 3
    assert len(set(pattern_ids(np.zeros((6, 6), np.uint8)).ravel().tolist())) == 1


def test_windows_follow_the_path_a_stride_apart():
    path = np.stack([np.zeros(20, int), np.arange(20)], axis=1)
    assert stations(path) == [(0, 0), (0, 6), (0, 12), (0, 18)]
    assert stations(path[:5]) == [(0, 0)]


def test_an_even_floor_does_not_vary_and_a_changed_half_does():
    even = np.zeros((12, 40), np.uint8)
    path = np.stack([np.full(40, 6), np.arange(40)], axis=1)
    assert path_divergence(even, path) == 0
    assert path_divergence(even, path[:3]) == 0
    changed = even.copy()
    changed[:, 20:] = np.random.default_rng(0).integers(0, 2, (12, 20))
    assert path_divergence(changed, path) > 0.3
    assert path_divergence(np.zeros((2, 9), np.uint8), path[:9]) == 0


def test_variety_falls_with_the_squared_distance_from_its_band():
    assert variety(0.5, (0.26, 0.94)) == 1
    assert variety(0.06, (0.26, 0.94)) == pytest.approx(1 - 0.04)
    assert variety(1.44, (0.26, 0.94)) == pytest.approx(0.75)
    assert variety(5, (0.26, 0.94)) == 0


@given(hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 5)))
def test_divergence_is_never_negative(new):
    assert divergence(new, new[::-1] % 3) >= 0


# --- exploration ---------------------------------------------------------------------------------


def test_reachable_tiles_are_exact():
    level = parse_text("@.k#..\n##D##.\n..>#.$".replace("$", "o"), TOPDOWN)
    assert reachable_tiles(level, TOPDOWN).astype(int).tolist() == [
        [1, 1, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
    ]


def test_the_goal_ends_the_way_and_locked_doors_stay_shut():
    assert reachable_tiles(parse_text("@.>..", TOPDOWN), TOPDOWN)[0].tolist() == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert reachable_tiles(parse_text("@.D.>", TOPDOWN), TOPDOWN)[0].tolist() == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_in_a_platformer_places_are_where_one_can_stand():
    level = parse_text("......\n......\n@....>\n######", PLATFORMER)
    found = reachable_tiles(level, PLATFORMER)
    assert found[2].all()
    assert not found[:2].any()  # flown through, at most


@settings(deadline=None)
@given(tile_grids(TOPDOWN), st.integers(0, 2**32))
def test_exploration_stays_within_its_bounds(tiles, seed):
    visited = np.random.default_rng(seed).random(tiles.shape) < 0.5
    assert 0 <= exploration(visited, reachable_tiles(tiles, TOPDOWN)) <= 1


# --- choice and reward ------------------------------------------------------------------------------


def test_choice_is_the_mean_distance_between_the_ways_of_different_personas():
    a, b = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], bool), np.array([[0, 0, 1, 1]], bool)
    assert jaccard_distances(a, b).tolist() == [[1.0], [0.75]]
    assert choice({"runner": a, "collector": b}) == 0.875
    assert choice({"runner": a[:1], "collector": b, "survivor": a[:1]}) == pytest.approx((1 + 0 + 1) / 3)


def test_there_is_no_choice_where_fewer_than_two_personas_win():
    none = np.zeros((0, 4), bool)
    assert choice({"runner": np.ones((3, 4), bool), "collector": none}) == 0
    assert choice({}) == 0


@given(
    hnp.arrays(bool, st.tuples(st.integers(0, 4), st.just(6))),
    hnp.arrays(bool, st.tuples(st.integers(0, 4), st.just(6))),
)
def test_choice_stays_within_its_bounds(a, b):
    assert 0 <= choice({"runner": a, "explorer": b}) <= 1


def test_reward_is_what_the_collector_got_of_what_was_there():
    assert reward([1, 2, 3], 4) == 0.5
    assert reward([0, 0], 0) is None


# --- fun ------------------------------------------------------------------------------------------


def test_fun_is_the_weighted_mean_of_the_parts_there_are():
    weights = Measures(tension=2.0, reward=0.0).weights
    assert fun({"tension": 0.5, "variety": 1.0}, weights) == pytest.approx(2 / 3)
    assert fun({"reward": 1.0}, weights) is None
    assert fun({}, weights) is None


@given(
    st.dictionaries(st.sampled_from(PARTS), SHARE),
    st.fixed_dictionaries({name: st.floats(0, 1e6) for name in PARTS}),
)
def test_fun_lies_between_its_least_and_greatest_part(parts, weights):
    total = fun(parts, weights)
    if total is not None:
        counted = [value for name, value in parts.items() if weights[name] > 0]
        assert min(counted) - 1e-9 <= total <= max(counted) + 1e-9


def upstairs(view, scalars):
    """Up first where it can, then right, then down: around by the upper corridor (of the level as it is: one episode)."""
    free_up, free_right = view[0, 4, 5] in (0, 6), view[0, 5, 6] not in (1, 13)
    if free_up and view[1, 4, 5] == 0:
        return np.array([2, 0, 0, 1, 0], np.float32)
    return np.array([0, 0 if free_right else 2, 0, 1, 0], np.float32)


def test_a_playtest_with_all_personas_has_all_parts():
    level = parse_text(".o...\n@.#.>", TOPDOWN)
    way = parse_text("ooo\n.#.\n@.>", TOPDOWN)
    result = playtest([way, level], TOPDOWN, walker(upstairs), seed=0, episodes=1, skills=(0.0,))[0]
    assert list(result.fun_parts) == ["tension", "variety", "exploration", "choice", "reward"]
    # Runner, explorer and survivor go along the bottom (3 tiles), the collector over the top (7 tiles, 2 shared).
    assert result.fun_parts["choice"] == pytest.approx((0 + 0 + 0 + 3 * (1 - 2 / 8)) / 6)
    assert result.fun_parts["reward"] == 1
    assert result.fun_parts["exploration"] == pytest.approx(3 / 8)
    assert result.fun_parts["tension"] == 0
    assert result.fun_parts["variety"] == pytest.approx(1 - 0.26**2)
    assert result.fun == pytest.approx(sum(result.fun_parts.values()) / 5)
    noted = result.attach(Level(TOPDOWN, way))
    assert (noted.fun, noted.extra["why"]) == (result.fun, result.why)


def test_parts_that_cannot_be_measured_are_left_out():
    room = parse_text("@..>", TOPDOWN)
    everyone = playtest([room], TOPDOWN, walker(None), seed=0, personas=("runner", "explorer"))[0]
    assert list(everyone.fun_parts) == ["tension", "variety", "exploration", "choice"]
    alone = playtest([room], TOPDOWN, walker(None), seed=0, personas=("runner",))[0]
    assert list(alone.fun_parts) == ["tension", "variety"]
    walled = parse_text("@.#>", TOPDOWN)
    hopeless = playtest(
        [walled], TOPDOWN, walker(None), seed=0, skills=(0.0,), personas=("runner", "explorer")
    )[0]
    assert hopeless.fun_parts == {"tension": 0.0, "exploration": 1.0, "choice": 0.0}
    without = playtest([room], TOPDOWN, walker(None), seed=0, fun=False)[0]
    assert (without.fun, without.fun_parts, without.as_json()["fun_parts"]) == (None, {}, None)


def test_every_part_of_random_levels_is_a_share_whatever_the_batch():
    rng = np.random.default_rng(3)
    levels = [random_tiles(TOPDOWN, *rng.integers(4, 9, 2), rng) for _ in range(6)]
    player = walker(upstairs)
    together = playtest(levels, TOPDOWN, player, seed=1, episodes=4)
    alone = [playtest([level], TOPDOWN, player, seed=1, episodes=4)[0] for level in levels]
    for one, other in zip(together, alone, strict=True):
        assert one.as_json() == other.as_json()
        assert all(0 <= value <= 1 for value in one.fun_parts.values())
        assert one.fun is not None
        assert 0 <= one.fun <= 1


def test_other_personas_play_the_low_rungs_and_fewer_episodes():
    result = playtest([parse_text("@..>", TOPDOWN)], TOPDOWN, walker(None), seed=0, episodes=8)[0]
    assert result.first.episodes == {0.0: 8, 0.05: 8, 0.1: 8, 0.2: 8, 0.35: 8}
    assert result.personas["survivor"].episodes == {0.0: 2, 0.05: 2, 0.1: 2}


def test_the_way_is_the_levels_own_solution_or_a_found_one():
    room = Level(TOPDOWN, parse_text("@..>", TOPDOWN))
    assert _way(room.with_(solution=(4, 3, 3, 3)), TOPDOWN).tolist() == [
        [0, 0],
        [0, 0],
        [0, 1],
        [0, 2],
        [0, 3],
    ]
    assert len(_way(room.with_(solution=(4, 4)), TOPDOWN)) == 4
    assert _way(parse_text("@#>", TOPDOWN), TOPDOWN) is None


# --- why --------------------------------------------------------------------------------------------


def reasons(text, game=TOPDOWN, **changes):
    return playtest([parse_text(text, game)], game, walker(None), seed=2, personas=("runner",), **changes)[
        0
    ].why


def test_why_names_the_cause_and_the_place():
    assert reasons("@...>", skills=(0.0,), episodes=1) == "Not hard: none of 1 run was lost."
    deadly = make_game("topdown", hazard="kill", enemy="kill")
    assert (
        reasons("@...^..>", deadly, skills=(0.0,), episodes=1)
        == "The only loss in 1 run happens at the hazard near row 1, column 5."
    )
    wide = "@......^.....>"
    assert reasons(wide, deadly, skills=(0.0, 0.1)).startswith(
        "All of the 16 losses (in 16 runs) happen at the hazard near row 1, column 8"
    )
    assert "players who ran out of time near row 1, column 3" in reasons("@..#>", skills=(0.0, 0.05))
    assert "walks" in reasons("#####\n@.w.>\n#####", deadly, skills=(0.0, 0.1))


def test_falls_are_told_by_column():
    right = lambda obs: np.tile(np.eye(6, dtype=np.float32)[2], (len(obs["scalars"]), 1))  # noqa: E731
    level = parse_text("@....>\n###.##", PLATFORMER)
    result = playtest([level], PLATFORMER, right, seed=0, skills=(0.0,), episodes=1, personas=("runner",))[0]
    assert result.why == "The only loss in 1 run is a fall into the gap of 1 tile near column 4."


# --- pictures -----------------------------------------------------------------------------------------


def test_pictures_show_the_way_the_visits_the_losses_and_the_tension():
    from levelforge.playtest.pictures import KINDS, pictures
    from levelforge.render import render

    deadly = make_game("topdown", hazard="kill")
    level = Level(deadly, parse_text("@......>\n....^...\n........", deadly))
    result = playtest([level], deadly, walker(None), seed=0)[0]
    assert len(result.first.deaths)
    drawn = pictures(level, result)
    assert list(drawn) == list(KINDS)
    plain = np.asarray(render(level))
    assert {picture.width for picture in drawn.values()} == {128}
    assert all(picture.height == 48 for kind, picture in drawn.items() if kind != "deaths")
    assert drawn["deaths"].height > 48, "the sentence stands under it"
    assert all((np.asarray(picture)[:48] != plain).any() for picture in drawn.values())
    others = [("hazard", (229, 72, 77)), ("patrol", (214, 91, 208))]
    seen = np.asarray(drawn["deaths"]).reshape(-1, 3)
    assert [bool((seen == color).all(axis=1).any()) for _, color in others] == [True, False]
    walled = Level(deadly, parse_text("@#>", deadly))
    hopeless = playtest([walled], deadly, walker(None), seed=0, skills=(0.0,))[0]
    assert hopeless.path is None
    assert np.array_equal(np.asarray(pictures(walled, hopeless)["path"]), np.asarray(render(walled)))


@pytest.mark.parametrize("name", ["tension", "variety", "exploration", "choice", "reward", "fun", "why"])
def test_examples_in_the_modules_hold(name):
    module = importlib.import_module(f"levelforge.playtest.{name}")
    assert doctest.testmod(module).failed == 0
