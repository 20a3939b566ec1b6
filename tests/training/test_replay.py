from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levelforge.errors import LevelForgeError
from levelforge.training.replay import PrioritisedReplay, tree_find, tree_set

SHAPES = {"view": (3, 3, 3), "map": (1, 2, 2), "scalars": (2,)}


def small_replay(envs: int = 2, slots: int = 8, **settings_: float) -> PrioritisedReplay:
    return PrioritisedReplay(envs, envs * slots, (3, 3), map_shape=(1, 2, 2), scalars=2, **settings_)  # type: ignore[arg-type]


def observation(number: int, envs: int) -> dict[str, np.ndarray]:
    """Every row names its moment and its environment."""
    obs = {part: np.zeros((envs, *shape), np.uint8) for part, shape in SHAPES.items() if part != "scalars"}
    obs["scalars"] = np.stack([np.full(envs, number), np.arange(envs)], axis=1).astype(np.float32)
    return obs


def fill(replay: PrioritisedReplay, frames: int, seed: int, ends: float = 0.2) -> dict[str, np.ndarray]:
    """Play random frames into the replay and return them whole, ``[T, E, ...]``."""
    rng = np.random.default_rng(seed)
    reward = rng.normal(size=(frames, replay.n_envs, 4)).astype(np.float32)
    end = rng.random((frames, replay.n_envs)) < ends
    win = rng.random((frames, replay.n_envs)) < 0.5
    told = {"reward": reward, "terminated": end & win, "truncated": end & ~win}
    for t in range(frames):
        action = np.full(replay.n_envs, t % 5)
        replay.add(
            observation(t, replay.n_envs), action, reward[t], told["terminated"][t], told["truncated"][t]
        )
    return told


def slow_return(
    told: dict[str, np.ndarray], t: int, e: int, persona: int, n: int, gamma: float
) -> tuple[float, float, int]:
    """The n-step return as its definition reads."""
    total, factor = 0.0, 1.0
    for k in range(t, t + n):
        if told["truncated"][k, e]:
            return total, factor, k
        total += factor * float(told["reward"][k, e, persona])
        factor *= gamma
        if told["terminated"][k, e]:
            return total, 0.0, k
    return total, factor, t + n


@given(st.lists(st.floats(0, 100, allow_subnormal=False), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_the_tree_holds_sums_and_finds_what_a_plain_search_finds(values: list[float], seed: int) -> None:
    leaves = 1 << (len(values) - 1).bit_length()
    tree = np.zeros(2 * leaves)
    tree_set(tree, np.arange(len(values)), np.array(values))
    for node in range(1, leaves):
        assert tree[node] == tree[2 * node] + tree[2 * node + 1]
    if tree[1] <= 0:
        return
    mass = np.random.default_rng(seed).random(50) * tree[1]
    found = tree_find(tree, mass)
    assert (np.array(values)[found] > 0).all()
    cumulative = np.cumsum(values)
    slack = 1e-9 * tree[1]
    assert (mass < cumulative[found] + slack).all()
    assert (mass >= (cumulative - values)[found] - slack).all()


def test_draws_follow_the_priorities() -> None:
    replay = small_replay(envs=1, slots=10, alpha=1.0)
    fill(replay, 8, 0, ends=0.0)  # rows 0 to 4 are usable
    replay.update(np.arange(5), np.array([1, 2, 3, 4, 0], np.float32))
    batch = replay.sample(10_000, 1.0, np.random.default_rng(0))
    share = np.bincount(batch.leaf, minlength=5) / 10_000
    np.testing.assert_allclose(share, [0.1, 0.2, 0.3, 0.4, 0.0], atol=0.002)
    # With beta = 1 the weights undo exactly the preference.
    ordered = [batch.weight[batch.leaf == i][0] for i in range(4)]
    np.testing.assert_allclose(ordered / ordered[0], [1, 1 / 2, 1 / 3, 1 / 4], rtol=1e-2)


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(5, 30), st.sampled_from([0.0, 0.2, 0.7]))
@settings(deadline=None, max_examples=60)
def test_returns_equal_the_definition_also_after_the_ring_has_wrapped(
    seed: int, n: int, frames: int, ends: float
) -> None:
    replay = small_replay(envs=3, slots=9, n=n, gamma=0.9)
    told = fill(replay, frames, seed, ends)
    if not replay.ready:
        return
    rng = np.random.default_rng(seed)
    batch = replay.sample(64, 0.5, rng)
    for b in range(64):
        t, e = (int(number) for number in batch.obs["scalars"][b])
        assert frames - 9 <= t < frames - n
        assert not told["truncated"][t, e]
        for persona in range(4):
            total, factor, last = slow_return(told, t, e, persona, n, 0.9)
            assert batch.reward[b, persona] == pytest.approx(total, abs=1e-5)
        assert batch.discount[b] == pytest.approx(factor, abs=1e-6)
        assert batch.action[b] == t % 5
        if factor:
            assert batch.next_obs["scalars"][b].tolist() == [last, e]


def test_every_usable_frame_is_drawn_and_no_other() -> None:
    replay = small_replay(envs=2, slots=6, n=2)
    told = fill(replay, 15, 3)
    batch = replay.sample(4000, 0.5, np.random.default_rng(0))
    drawn = {(int(t), int(e)) for t, e in batch.obs["scalars"]}
    assert drawn == {(t, e) for t in range(9, 13) for e in range(2) if not told["truncated"][t, e]}


def test_after_a_cut_nothing_runs_on_into_the_next_rows() -> None:
    replay = small_replay(envs=1, slots=12, n=3, gamma=1.0)
    fill(replay, 4, 0, ends=0.0)
    replay.cut()
    fill(replay, 4, 1, ends=0.0)
    batch = replay.sample(500, 0.5, np.random.default_rng(0))
    before = batch.leaf < 3
    assert set(batch.leaf) == {0, 1, 2, 4}
    assert (batch.next_obs["scalars"][before][:, 0] == 3).all()


def test_a_restored_replay_draws_the_same() -> None:
    replay, other = small_replay(), small_replay()
    fill(replay, 11, 5)
    batch = replay.sample(6, 0.5, np.random.default_rng(0))
    replay.update(batch.leaf, np.arange(6, dtype=np.float32))
    other.load_state_dict(replay.state_dict())
    assert len(other) == len(replay)
    for again in range(3):
        fill(replay, 2, again)
        fill(other, 2, again)
        a, b = (memory.sample(16, 0.5, np.random.default_rng(again)) for memory in (replay, other))
        np.testing.assert_array_equal(a.leaf, b.leaf)
        np.testing.assert_array_equal(a.reward, b.reward)
        np.testing.assert_array_equal(a.weight, b.weight)


def test_a_replay_too_small_for_its_returns_is_refused() -> None:
    with pytest.raises(LevelForgeError, match="give 10 or more"):
        small_replay(slots=4, n=3)
