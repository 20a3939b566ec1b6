"""Replaying an action sequence on a level, as a certificate is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.game import Role
from levelforge.level import Level
from levelforge.rules.kernel import step
from levelforge.rules.state import P_MAX_HP, RUNNING, TRAIL, LevelBatch, compile_levels

Outcome = Literal["running", "won", "lost"]
OUTCOMES: tuple[Outcome, ...] = ("running", "won", "lost")
COLLECTIBLE = int(Role.COLLECTIBLE)


@dataclass(frozen=True)
class Replay:
    """What an action sequence led to.

    Attributes:
        outcome: ``won``, ``lost`` (no hit points left, or time up) or ``running``.
        ticks: turns or ticks played; actions after the end are not played.
        path: ``int32[ticks + 1, 2]`` the player's (y, x) before each tick and at the end.
        hp: ``int32[ticks + 1]`` hit points, likewise.
        keys: keys in hand at the end.
        collected: collectibles taken.
    """

    outcome: Outcome
    ticks: int
    path: NDArray[np.int32]
    hp: NDArray[np.int32]
    keys: int
    collected: int


def replay(level: Level, actions: Sequence[int]) -> Replay:
    """Play ``actions`` (integer codes, see :attr:`Game.actions`) on a level from its start."""
    batch = compile_levels(level.tiles[None], level.game)
    codes = np.asarray(actions, dtype=np.int8)
    path = np.zeros((len(codes) + 1, 2), np.int32)
    hp = np.zeros(len(codes) + 1, np.int32)
    outcome, ticks, keys, collected = replay_kernel(batch, 0, codes, path, hp)
    return Replay(OUTCOMES[outcome], ticks, path[: ticks + 1], hp[: ticks + 1], keys, collected)


@njit(cache=True, nogil=True)
def replay_kernel(batch: LevelBatch, i, actions, path, hp_track):
    """Play ``int8[T]`` actions on level ``i`` of a batch; fills path ``int32[T+1, 2]`` and hp.

    Returns:
        outcome code, ticks played, keys in hand, collectibles taken.
    """
    trail = np.empty(TRAIL, np.int32)
    gone = np.zeros(batch.role.shape[1], np.uint8)
    y, x = batch.start[i] // batch.width, batch.start[i] % batch.width
    jump, hp, keys, taken, collected = 0, int(batch.params[P_MAX_HP]), 0, 0, 0
    path[0, 0], path[0, 1], hp_track[0] = y, x, hp
    outcome, t = RUNNING, 0
    while t < len(actions) and outcome == RUNNING:
        y, x, jump, hp, keys, taken, outcome, entered = step(
            batch.params, batch.height, batch.width, batch.role[i], batch.item[i], batch.patrol[i],
            batch.n_patrol[i], batch.start[i], y, x, jump, hp, keys, taken, t, actions[t], trail,
        )  # fmt: skip
        for k in range(entered):
            if batch.role[i, trail[k]] == COLLECTIBLE and gone[trail[k]] == 0:
                gone[trail[k]] = 1
                collected += 1
        t += 1
        path[t, 0], path[t, 1], hp_track[t] = y, x, hp
        if t >= batch.time_limit and outcome == RUNNING:
            outcome = 2
    return outcome, t, keys, collected
