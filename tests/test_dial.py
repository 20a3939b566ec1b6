"""The difficulty dial: few candidates are played, and luck is not taken for skill."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from standins import make_pack

from levelforge.dial import FEWEST, NEAR, PLAYER_SPREAD, ROUNDS, SHORTLIST, TURNS, Belief, dial, shortlist
from levelforge.generate import GenerateConfig, Generated, generate
from levelforge.pack import Pack


@pytest.fixture(scope="module", name="pack")
def _pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return make_pack(tmp_path_factory.mktemp("packs") / "dungeon", "dungeon", critic=True, time_limit=60)


def asked(n: int, difficulty: Any, **changes: Any) -> GenerateConfig:
    return replace(GenerateConfig(n, seed=5, difficulty=difficulty), **changes)


EPISODES = 32


class Players:
    """Levels whose difficulty is known, a critic that errs, and a playtest that errs, the less the longer it is.

    ``noise`` is the playtest's error in full; ``played`` has what was played at each turn, and how often by then.
    """

    def __init__(self, n: int, critic_error: float, noise: float, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.truth = rng.uniform(0.1, 0.9, n)
        self.predicted = np.clip(self.truth + rng.normal(0, critic_error, n), 0, 1)
        luck = rng.normal(0, noise * EPISODES**0.5, (EPISODES, n))
        steps = np.arange(1, EPISODES + 1)[:, None]
        self.measured = np.clip(self.truth + luck.cumsum(axis=0) / steps, 0, 1)
        self.noise, self.played = noise, list[dict[int, int]]()

    def __call__(self, members: list[int], episodes: list[int]) -> Any:
        if members:
            self.played.append(dict(zip(members, episodes, strict=True)))
        found = []
        for i, n in zip(members, episodes, strict=True):
            here, error = self.measured[n - 1, i], self.noise * (EPISODES / n) ** 0.5
            ends = (here - 1.96 * error, here + 1.96 * error)
            found.append(SimpleNamespace(difficulty=here, difficulty_ci=ends, win_rate={}))
        return found

    def run(self, targets: NDArray[np.float64], critic_error: float = 0.1, episodes: int = EPISODES) -> Any:
        ranks = np.zeros(len(self.truth), np.int64)
        return dial(self.predicted, ranks, critic_error, targets.tolist(), self, episodes)

    @property
    def often(self) -> dict[int, int]:
        """How often each candidate was played in the end."""
        return {i: n for turn in self.played for i, n in turn.items()}


def test_only_a_few_candidates_are_played_and_only_what_is_handed_over_in_full() -> None:
    players = Players(400, 0.03, 0.05)
    chosen = players.run(np.linspace(0.2, 0.8, 24))
    first, *more = players.played
    assert len(first) == 24 * SHORTLIST
    assert set(first.values()) == {EPISODES // 4}
    assert len(more) <= TURNS
    before: dict[int, int] = {}
    for turn in players.played:
        assert all(n > before.get(i, 0) for i, n in turn.items())  # nothing is asked for that was played
        before |= turn
    often = players.often
    assert sorted(often) == sorted(chosen.played)
    assert {often[i] for i in chosen.order} == {EPISODES}
    assert sum(often.values()) < 0.75 * EPISODES * len(often)
    assert len(set(chosen.order)) == 24
    assert np.abs(players.truth[chosen.order] - np.linspace(0.2, 0.8, 24)).mean() < 0.04


def test_playing_on_chooses_better_than_as_many_episodes_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same candidates and no more episodes in all."""
    targets, gained = np.linspace(0.2, 0.8, 24), []
    for seed in range(16):
        monkeypatch.setattr("levelforge.dial.SHARES", (1 / 4, 1 / 2, 1))
        players = Players(300, 0.1, 0.05, seed)
        ours = players.run(targets, episodes=32)
        spent = sum(players.often.values()) / len(ours.played)
        monkeypatch.setattr("levelforge.dial.SHARES", (1,))
        players = Players(300, 0.1, 0.05, seed)
        theirs = players.run(targets, episodes=round(spent))
        errors = [np.abs(players.truth[chosen.order] - targets).mean() for chosen in (ours, theirs)]
        gained.append(errors[1] - errors[0])
    assert np.mean(gained) > 0


@pytest.mark.parametrize("episodes", [1, 2, 3])
def test_few_episodes_will_do(episodes: int) -> None:
    players = Players(60, 0.05, 0.05)
    chosen = players.run(np.array([0.3, 0.6]), episodes=episodes)
    assert {players.often[i] for i in chosen.order} == {episodes}


def test_single_levels_are_chosen_from_several() -> None:
    players = Players(100, 0.1, 0.05)
    players.run(np.array([0.5]))
    assert len(players.played[0]) >= FEWEST


def test_more_are_played_near_what_was_missed() -> None:
    players = Players(300, 0.02, 0.02)
    players.predicted = np.clip(players.predicted - 0.3, 0, 1)
    targets = np.linspace(0.2, 0.5, 12)
    chosen = players.run(targets, 0.1)
    assert any(EPISODES // 4 in turn.values() for turn in players.played[1:])
    assert np.abs(players.truth[chosen.order] - targets).mean() < 0.06


def test_a_critic_that_is_off_is_corrected() -> None:
    players = Players(400, 0.02, 0.03)
    players.predicted = np.clip(players.predicted * 0.6 + 0.3, 0, 1)
    targets = np.linspace(0.3, 0.7, 24)
    chosen = players.run(targets)
    assert np.abs(players.truth[chosen.order] - targets).mean() < 0.06


def test_both_together_are_nearer_than_the_measurement_alone() -> None:
    """The winner's curse: choosing what measured nearest picks lucky measurements."""
    better = []
    targets = np.linspace(0.2, 0.8, 24)
    for seed in range(8):
        players = Players(300, 0.06, 0.1, seed)
        chosen = players.run(targets)
        members = np.array(sorted(chosen.played))
        measured = players.measured[-1, members]
        nearest = [members[np.abs(measured - t).argmin()] for t in targets]
        ours, naive = (np.abs(players.truth[order] - targets).mean() for order in (chosen.order, nearest))
        better.append(naive - ours)
    assert np.mean(better) > 0.005


def test_sure_measurements_outweigh_a_poor_critic_and_the_other_way_round() -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(0, 1, 60)
    sharp, vague = np.full(60, 0.01), np.full(60, 0.3)
    poor = np.clip(truth + rng.normal(0, 0.3, 60), 0, 1)
    belief = Belief.of(poor, truth, sharp, 0.3)
    assert np.abs(belief.estimates(poor, truth, sharp) - truth).mean() < 0.4 * np.abs(poor - truth).mean()
    good, lucky = truth + rng.normal(0, 0.02, 60), truth + rng.normal(0, 0.3, 60)
    belief = Belief.of(good, lucky, vague, 0.05)
    assert np.abs(belief.estimates(good, lucky, vague) - truth).mean() < 0.06
    assert belief.variance < PLAYER_SPREAD**2


def test_nothing_played_leaves_the_prediction_as_it_is() -> None:
    none = np.zeros(0)
    belief = Belief.of(none, none, none, 0.1)
    assert belief.corrected(np.array([0.2, 0.9])).tolist() == pytest.approx([0.2, 0.9])


def test_shortlists_prefer_elites_among_equals_and_never_repeat() -> None:
    predicted, ranks = np.array([0.5, 0.51, 0.505, 0.9]), np.array([3, 0, 1, 0])
    assert shortlist(predicted, ranks, np.array([0.5])) == [1]
    assert shortlist(predicted, ranks, np.repeat([0.5, 0.9], 2)) == [0, 1, 2, 3]
    assert len(shortlist(predicted, ranks, np.repeat([0.5, 0.9], 5))) >= 2


def same(a: Generated, b: Generated) -> bool:
    return all(
        np.array_equal(x.tiles, y.tiles) and (x.id, x.difficulty) == (y.id, y.difficulty)
        for x, y in zip(a.levels, b.levels, strict=True)
    )


def test_a_pack_with_a_critic_plays_few_and_tells_all(pack: Pack) -> None:
    made = generate(pack, asked(4, (0.2, 0.8)))
    assert made.requested_difficulty == (0.2, 0.4, 0.6, 0.8)
    assert made.predicted_difficulty is not None
    assert len(made.predicted_difficulty) == len(made.difficulty_errors) == 4
    assert 4 * SHORTLIST <= made.played <= 4 * ROUNDS * SHORTLIST
    assert made.candidates >= 256
    assert made.candidates == 4 + sum(made.rejected.values())
    for level, result in zip(made.levels, made.measured or (), strict=True):
        assert level.difficulty == result.difficulty
        assert result.fun is not None
        assert set(result.personas) == {"runner", "explorer", "collector", "survivor"}
    assert same(made, generate(pack, asked(4, (0.2, 0.8), threads=1)))


def test_without_a_playtest_the_critic_chooses(pack: Pack) -> None:
    made = generate(pack, asked(5, (0.1, 0.5), playtest=False))
    assert made.measured is None
    assert made.predicted_difficulty is not None
    assert np.abs(np.array(made.predicted_difficulty) - np.linspace(0.1, 0.5, 5)).max() < 0.05
    assert made.notes[0] == "nothing was played: the critic alone says how hard these are"


def test_a_pack_without_a_critic_plays_everything_and_says_so(tmp_path: Any) -> None:
    plain = make_pack(tmp_path / "pack", "dungeon", time_limit=60)
    made = generate(plain, asked(2, 0.5))
    assert made.predicted_difficulty is None
    assert made.played == 8
    assert made.notes[0] == "this pack has no critic: played every one of 8 candidates"
    unplayed = generate(plain, asked(2, 0.5, playtest=False))
    assert "how hard these are is not known" in unplayed.notes[0]


def test_what_the_game_does_not_declare_is_said_and_the_nearest_given(pack: Pack) -> None:
    low, high = pack.game.measures.difficulty_range
    made = generate(pack, asked(3, (high, 1.0), playtest=False))
    assert (
        f"declares difficulties from {low:.2f} to {high:.2f}; 2 of 3 levels were asked for outside"
        in made.notes[1]
    )
    assert len(made.levels) == 3


def test_counts_that_rule_a_difficulty_out_are_named(pack: Pack) -> None:
    counts = {"bat": 0, "ghost": 0, "spikes": 0}
    made = generate(pack, asked(3, 0.6, counts=counts, playtest=False))
    assert made.notes[-1] == (
        "the hardest of the candidates with bat=0, ghost=0, spikes=0 is about 0.00; 3 of 3 levels were asked to be "
        "harder: given the nearest there is"
    )


def test_what_is_near_enough_is_not_called_missed() -> None:
    assert NEAR < 0.1
