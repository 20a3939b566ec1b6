"""Playtests: the ladder, the interval, and that a score belongs to the level alone."""

import numpy as np
import pytest
from strategies import make_game, random_tiles

from levelforge.errors import LevelForgeError
from levelforge.level import Level, parse_text
from levelforge.playtest import playtest
from levelforge.playtest.measure import TIE, difficulty_interval, greedy, wilson

TOPDOWN = make_game("topdown")


def towards_the_goal(obs):
    """Values that follow the compass, sideways first."""
    dy, dx = obs["scalars"][:, 15], obs["scalars"][:, 16]
    return np.stack([-dy, dy, -2 * dx, 2 * dx, np.zeros_like(dx)], axis=1).astype(np.float32)


def waiting(obs):
    return np.eye(5, dtype=np.float32)[np.full(len(obs["scalars"]), 4)]


def same(a, b):
    for name, play in a.personas.items():
        np.testing.assert_array_equal(play.visits, b.personas[name].visits)
        np.testing.assert_array_equal(play.deaths, b.personas[name].deaths)
    return a.as_json() == b.as_json()


def test_an_open_room_is_easy_and_a_waiting_player_never_wins():
    room = parse_text("@...........>", TOPDOWN)
    easy = playtest([room], TOPDOWN, towards_the_goal, seed=0)[0]
    assert easy.difficulty == 0
    assert easy.difficulty_ci[0] == 0
    assert 0 < easy.difficulty_ci[1] < 0.15
    assert easy.first.episodes == {0.0: 1, 0.05: 8, 0.1: 8, 0.2: 8, 0.35: 8}
    never = playtest([room], TOPDOWN, waiting, seed=0, skills=(0.0,))[0]
    assert (never.difficulty, never.difficulty_ci) == (1.0, (1.0, 1.0))
    assert never.first.timeouts == 1
    assert never.first.ticks == TOPDOWN.time_limit(13, 1)


def test_noise_beside_spikes_makes_it_harder_rung_by_rung():
    game = make_game("topdown", hit_points=1)
    corridor = parse_text("^" * 30 + "\n@" + "." * 28 + ">\n" + "^" * 30, game)
    result = playtest([corridor], game, towards_the_goal, seed=1, episodes=40)[0]
    rates = list(result.win_rate.values())
    assert rates[0] == 1
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.5
    low, high = result.difficulty_ci
    assert low < result.difficulty < high
    deaths = result.first.deaths
    assert set(deaths[:, 0].tolist()) == {0, 2}  # the spiked rows
    assert set(deaths[:, 2].tolist()) == {1}
    assert len(deaths) + result.first.timeouts + sum(
        round(rate * n) for rate, n in zip(rates, result.first.episodes.values(), strict=True)
    ) == sum(result.first.episodes.values())
    assert result.first.visits[1].min() > 0


def test_a_score_belongs_to_the_level_alone():
    rng = np.random.default_rng(0)
    levels = [random_tiles(TOPDOWN, *rng.integers(5, 14, 2), rng) for _ in range(12)]
    together = playtest(levels, TOPDOWN, towards_the_goal, seed=7)
    backwards = playtest(levels[::-1], TOPDOWN, towards_the_goal, seed=7)[::-1]
    alone = [playtest([level], TOPDOWN, towards_the_goal, seed=7)[0] for level in levels]
    assert all(same(a, b) and same(a, c) for a, b, c in zip(together, backwards, alone, strict=True))
    other = playtest(levels, TOPDOWN, towards_the_goal, seed=8)
    assert any(a.as_json() != b.as_json() for a, b in zip(together, other, strict=True))


def test_personas_are_measured_apart_and_told_to_the_player():
    seen = set()

    def player(obs):
        seen.update(map(tuple, obs["persona"].tolist()))
        return towards_the_goal(obs)

    level = Level(TOPDOWN, parse_text("@.o.>", TOPDOWN))
    result = playtest([level], TOPDOWN, player, seed=0, personas=("runner", "collector"))[0]
    assert list(result.personas) == ["runner", "collector"]
    assert seen == {(1, 0, 0, 0), (0, 0, 1, 0)}
    assert result.personas["collector"].collected == 1
    assert result.attach(level).difficulty == result.difficulty
    assert set(result.as_json()["win_rate"]) == {"0", "0.05", "0.1", "0.2", "0.35"}


def test_near_ties_go_to_the_first_action():
    values = np.array([[0, 1, 1 + TIE / 2], [0, 1, 1.01], [5, 5, 5]], np.float32)
    assert greedy(values).tolist() == [1, 2, 0]


def test_intervals_are_wilsons_combined():
    # Wilson for 8 of 8: 0.6756 to 1 (Newcombe 1998, method 3).
    assert wilson(1.0, 8)[0] == pytest.approx(0.67559, abs=1e-4)
    low, high = difficulty_interval([8, 8], [8, 8], [False, False])
    assert low == 0
    assert high == pytest.approx((2 * 0.32441**2) ** 0.5 / 2, abs=1e-4)
    assert difficulty_interval([1], [1], [True]) == (0.0, 0.0)


def test_no_levels_no_results_and_faults_are_named():
    room = parse_text("@>", TOPDOWN)
    assert playtest([], TOPDOWN, waiting, seed=0) == []
    with pytest.raises(LevelForgeError, match="did you mean 'runner'"):
        playtest([room], TOPDOWN, waiting, seed=0, personas=("runer",))
    with pytest.raises(LevelForgeError, match="skills"):
        playtest([room], TOPDOWN, waiting, seed=0, skills=(0.0, 2.0))
    with pytest.raises(LevelForgeError, match="episodes"):
        playtest([room], TOPDOWN, waiting, seed=0, episodes=0)


class _PackLike:
    """What a playtest asks of a pack."""

    playtester = staticmethod(towards_the_goal)


def test_workers_change_the_speed_alone():
    rng = np.random.default_rng(5)
    levels = [random_tiles(TOPDOWN, 9, 14, rng) for _ in range(3)]
    told = []
    alone = playtest(levels, TOPDOWN, _PackLike(), seed=3, progress=lambda *state: told.append(state))
    for threads in (2, 3, 64):  # more workers than there is work for the last of them
        shared = playtest(levels, TOPDOWN, _PackLike(), seed=3, threads=threads)
        assert all(same(a, b) for a, b in zip(alone, shared, strict=True))
    jobs = 3 * (33 + 3 * 5)
    assert told[-1] == (jobs, jobs)


def test_a_player_that_fails_stops_every_worker():
    class Broken:
        @staticmethod
        def playtester(obs):
            raise LevelForgeError("no such network")

    with pytest.raises(LevelForgeError, match="no such network"):
        playtest([parse_text("@...>", TOPDOWN)], TOPDOWN, Broken(), seed=0, threads=3)
