"""Playtests: the ladder, the interval, and that a score belongs to the level alone."""

from types import SimpleNamespace

import numpy as np
import pytest
from strategies import make_game, random_tiles

from levelforge.env.state import STATE
from levelforge.errors import LevelForgeError
from levelforge.level import Level, parse_text
from levelforge.playtest import playtest
from levelforge.playtest.decide import TREMBLE, decide
from levelforge.playtest.measure import CAUSES, Playtests, difficulty_interval, wilson

TOPDOWN, PLATFORMER = make_game("topdown"), make_game("platformer")
SIDEWAYS = {"topdown": (2, 3), "platformer": (1, 2)}  # the actions left and right


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
    assert easy.first.episodes == {0.0: 8, 0.05: 8, 0.1: 8, 0.2: 8, 0.35: 8}
    never = playtest([room], TOPDOWN, waiting, seed=0, skills=(0.0,))[0]
    assert never.difficulty == never.difficulty_ci[1] == 1.0
    assert never.first.timeouts == 8
    assert never.first.ticks == TOPDOWN.time_limit(13, 1)


def test_nobody_is_asked_where_noise_decides():
    def silent(obs):
        raise AssertionError("any of the five actions at a chance of 1 is another than the chosen one at 0.8")

    room = parse_text("@...........>", TOPDOWN)
    chance = playtest([room], TOPDOWN, silent, seed=0, skills=(0.8,), personas=("runner",))[0]
    assert chance.first.ticks > 12


def test_a_panel_takes_turns():
    room = parse_text("@...........>", TOPDOWN)
    asked: list[int] = []

    def counted(obs):
        asked.append(len(obs["scalars"]))
        return waiting(obs)

    panel = SimpleNamespace(panel=(towards_the_goal, counted))
    result = playtest([room], TOPDOWN, panel, seed=0, skills=(0.0,), threads=1)[0]
    for persona, episodes in (("runner", 8), ("explorer", 2)):
        play = result.personas[persona]
        assert play.episodes[0.0] == episodes
        assert play.timeouts == episodes / 2
    assert max(asked) <= 8 / 2 + 3 * 2 / 2  # it is shown its own episodes alone
    alone = playtest([room], TOPDOWN, towards_the_goal, seed=0, skills=(0.0,))[0]
    twice = SimpleNamespace(panel=(towards_the_goal, towards_the_goal))
    assert same(playtest([room], TOPDOWN, twice, seed=0, skills=(0.0,))[0], alone)


@pytest.mark.parametrize("members", [1, 2, 3, 4])
@pytest.mark.parametrize("game", [TOPDOWN, PLATFORMER], ids=["topdown", "platformer"])
def test_each_of_a_panel_plays_each_mirror_image(game, members):
    from levelforge.playtest.measure import MIRRORS, _Match

    images = 2 ** len(MIRRORS[game.movement])
    room = parse_text("@...........>", game)
    match = _Match(game, [room], [], 0, (waiting,) * members, [])
    pairs = [(episode % images, match._member(episode)) for episode in range(images * members)]
    assert len(set(pairs)) == images * members


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


def test_playing_on_comes_to_the_same_as_playing_at_once():
    levels = [parse_text(text, TOPDOWN) for text in ("@..^.>", "@.^^..>", "@....>")]
    tests = Playtests(TOPDOWN, towards_the_goal, seed=3)
    first = tests.play(levels[:2], 4)
    assert [r.first.episodes[0.0] for r in first] == [4, 4]
    on = tests.play(levels, [16, 4, 8])
    at_once = [
        playtest([level], TOPDOWN, towards_the_goal, seed=3, episodes=n)[0]
        for level, n in zip(levels, (16, 4, 8), strict=True)
    ]
    assert all(same(a, b) for a, b in zip(on, at_once, strict=True))
    calls = []
    assert same(
        tests.play(levels[:1], 2, lambda *told: calls.append(told))[0], at_once[0]
    )  # nothing is taken back
    assert calls == []  # and nothing was played


def test_the_first_persona_may_go_ahead_of_the_others():
    level = parse_text("@.^^..>", TOPDOWN)
    tests = Playtests(TOPDOWN, towards_the_goal, seed=3)
    ahead = tests.play([level], 8, first_only=True)[0]
    assert list(ahead.personas) == ["runner"]
    assert ahead.fun is None
    whole = playtest([level], TOPDOWN, towards_the_goal, seed=3, episodes=8)[0]
    assert (ahead.difficulty, ahead.difficulty_ci) == (whole.difficulty, whole.difficulty_ci)
    assert same(tests.play([level], 8)[0], whole)


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


@pytest.mark.parametrize(("movement", "images"), [("topdown", 4), ("platformer", 2)])
def test_a_level_is_played_in_all_its_mirror_images(movement, images):
    game = make_game(movement)
    _, right = SIDEWAYS[movement]

    def to_the_right(obs):
        return np.eye(len(game.actions), dtype=np.float32)[np.full(len(obs["scalars"]), right)]

    level = parse_text("........\n@......>\n########", game)
    result = playtest([level], game, to_the_right, seed=0, skills=(0.0,), personas=("runner",))[0]
    assert result.win_rate[0.0] == 0.5
    once = playtest([level], game, to_the_right, seed=0, skills=(0.0,), personas=("runner",), episodes=1)[0]
    assert once.win_rate[0.0] == 1
    seen = []
    playtest(
        [level],
        game,
        lambda obs: (seen.append(obs["view"][:, 0].copy()), to_the_right(obs))[1],
        seed=0,
        fun=False,
    )
    assert len({view.tobytes() for view in seen[0]}) == images


@pytest.mark.parametrize("movement", ["topdown", "platformer"])
def test_places_are_told_as_the_level_has_them(movement):
    game = make_game(movement, hazard="kill", enemy="kill")
    level = parse_text(".........\n@....^..>\n#########\n#########", game)
    left, right = SIDEWAYS[movement]

    def to_the_goal(obs):
        return np.eye(len(game.actions), dtype=np.float32)[np.where(obs["scalars"][:, 16] < 0, left, right)]

    play = playtest([level], game, to_the_goal, seed=0, skills=(0.0,))[0].first
    assert play.deaths.tolist() == [[1, 5, CAUSES.index("hazard")]] * 8
    assert play.visits.tolist() == np.pad([[8] * 6], ((1, 2), (0, 3))).tolist()


def players_of(n: int) -> np.ndarray:
    """The environments of ``n`` players with random numbers of their own."""
    state = np.zeros(n, STATE)
    state["rng"] = np.random.default_rng(4).integers(2**63, size=n)
    return state


def test_actions_are_drawn_by_how_much_worse_they_are():
    gaps = np.array([0.0, 1.0, 2.0, 40.0])
    drawn = decide(np.tile(-TREMBLE * gaps, (40_000, 1)).astype(np.float32), players_of(40_000))
    found = np.bincount(drawn, minlength=4) / 40_000
    np.testing.assert_allclose(found, np.exp(-gaps) / np.exp(-gaps).sum(), atol=0.01)
    assert found[3] == 0


def test_what_is_drawn_follows_from_the_episode_and_the_tick():
    values, state = np.zeros((500, 5), np.float32), players_of(500)
    first = decide(values, state)
    before = state.copy()
    np.testing.assert_array_equal(decide(values, state), first)
    np.testing.assert_array_equal(decide(values[::-1], state[::-1]), first[::-1])
    np.testing.assert_array_equal(state, before)
    state["t"] += 1
    assert (decide(values, state) != first).mean() == pytest.approx(0.8, abs=0.07)


def test_intervals_are_wilsons_combined():
    # Wilson for 8 of 8: 0.6756 to 1 (Newcombe 1998, method 3).
    assert wilson(1.0, 8)[0] == pytest.approx(0.67559, abs=1e-4)
    low, high = difficulty_interval([8, 8], [8, 8])
    assert low == 0
    assert high == pytest.approx((2 * 0.32441**2) ** 0.5 / 2, abs=1e-4)


def test_no_levels_no_results_and_faults_are_named():
    room = parse_text("@>", TOPDOWN)
    assert playtest([], TOPDOWN, waiting, seed=0) == []
    with pytest.raises(LevelForgeError, match="did you mean 'runner'"):
        playtest([room], TOPDOWN, waiting, seed=0, personas=("runer",))
    with pytest.raises(LevelForgeError, match="skills"):
        playtest([room], TOPDOWN, waiting, seed=0, skills=(0.0, 2.0))
    with pytest.raises(LevelForgeError, match="episodes"):
        playtest([room], TOPDOWN, waiting, seed=0, episodes=0)


def test_workers_change_the_speed_alone():
    rng = np.random.default_rng(5)
    levels = [random_tiles(TOPDOWN, 9, 14, rng) for _ in range(3)]
    told = []
    pack = SimpleNamespace(panel=(towards_the_goal,))
    alone = playtest(levels, TOPDOWN, pack, seed=3, progress=lambda *state: told.append(state))
    for threads in (2, 3, 64):  # more workers than there is work for the last of them
        shared = playtest(levels, TOPDOWN, pack, seed=3, threads=threads)
        assert all(same(a, b) for a, b in zip(alone, shared, strict=True))
    jobs = 3 * (40 + 3 * 6)
    assert told[-1] == (jobs, jobs)


def test_a_player_that_fails_stops_every_worker():
    def broken(obs):
        raise LevelForgeError("no such network")

    pack = SimpleNamespace(panel=(broken,))
    with pytest.raises(LevelForgeError, match="no such network"):
        playtest([parse_text("@...>", TOPDOWN)], TOPDOWN, pack, seed=0, threads=3)
