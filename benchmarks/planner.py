"""A player that knows the whole level and the rules, as a measure of how many wins the noise leaves to be had.

Each turn it looks one action ahead and takes the one that leads nearest to the goal by the distance table (exact, but for
patrols), and hurts least. It sees more than a playtester does, but makes no allowance for its own slips, and has no
memory: in front of a patrol it may dither until the time is up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from levelforge.env.pool import LevelPool
from levelforge.game import Game
from levelforge.rules import RUNNING, TRAIL, WON, step
from levelforge.rules.state import P_MAX_HP

HIT = 50
"""Steps that a hit point is worth."""


def planner_rates(
    game: Game, levels: Sequence[NDArray[np.uint8]], skills: Sequence[float], episodes: int, seed: int = 0
) -> dict[str, float]:
    """Share of episodes won by the planner, over all levels, by skill (``{"0": 1.0, "0.05": …}``)."""
    rng = np.random.default_rng(seed)
    pool = LevelPool(game, levels)
    rates = {}
    for skill in skills:
        won = [_plays(pool, level, skill, rng) for level in range(len(levels)) for _ in range(episodes)]
        rates[f"{skill:g}"] = round(float(np.mean(won)), 4)
    return rates


def _plays(pool: LevelPool, index: int, noise: float, rng: np.random.Generator) -> bool:
    """One episode; whether it was won."""
    level, k = pool.level(index)
    table, far = pool.distances(index)
    trail = np.empty(TRAIL, np.int32)
    actions = len(pool.game.actions)

    def after(state: tuple[int, ...], t: int, action: int) -> tuple[tuple[int, ...], int]:
        *new, outcome, _ = step(
            level.params, level.height, level.width, level.role[k], level.item[k], level.patrol[k],
            level.n_patrol[k], level.start[k], *state, t, action, trail,
        )  # fmt: skip
        return tuple(new), int(outcome)

    def cost(state: tuple[int, ...], t: int, action: int) -> float:
        (y, x, jump, hp, _, taken), outcome = after(state, t, action)
        if outcome != RUNNING:
            return -1.0 if outcome == WON else np.inf
        bits = taken & (table.shape[0] - 1)
        distance = int(table[bits, min(jump, table.shape[1] - 1), y * level.width + x])
        return (distance if distance >= 0 else far) + HIT * (state[3] - hp)

    y, x = divmod(int(level.start[k]), level.width)
    state: tuple[int, ...] = (y, x, 0, int(level.params[P_MAX_HP]), 0, 0)
    for t in range(int(level.time_limit)):
        action = int(min(rng.permutation(actions), key=lambda a: cost(state, t, int(a))))
        if rng.random() < noise:
            action = (action + 1 + int(rng.integers(actions - 1))) % actions
        state, outcome = after(state, t, action)
        if outcome != RUNNING:
            return outcome == WON
    return False
