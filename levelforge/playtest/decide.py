"""What a player presses, given how much it values each action: a quantal response.

Always taking the best action makes a poor measure. Where several are about as good (in a corridor walked once too
often, before a jump that may as well be made from the next tile) the best one is an accident of the training, and a
player that always errs alike walks in circles until the time is up, or falls at the same place in every episode. So an
action is drawn with chances proportional to exp(value / :data:`TREMBLE`): nearly always the best where that matters,
now one and now another where it hardly does (quantal response: McKelvey and Palfrey 1995, "Quantal Response Equilibria
for Normal Form Games"; drawn by the Gumbel-max trick: Gumbel 1954). How much two playtesters that were trained apart
agree because of it is in ``docs/training-notes.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.env.batch import BatchEnv, Observation
from levelforge.env.kernels import mixed, uniform

TREMBLE = 0.01
"""The temperature τ, in value: a win is worth 1, and a difference of five temperatures decides in 99 of 100 turns."""


def choose(
    env: BatchEnv,
    players: NDArray[np.intp],
    values: Callable[[Observation, NDArray[np.intp]], NDArray[np.float32]],
) -> NDArray[np.int64]:
    """What some players of a batch press next; where noise decides, nobody is asked: a ninth of a playtest's turns.

    Args:
        env: the batch.
        players: ``int[k]`` which of its environments.
        values: called with the observations and the numbers of those whose choice matters; gives ``float32[·, A]``.

    Returns:
        ``int64[n_envs]`` actions; 0 for whoever was not asked.
    """
    actions = np.zeros(env.n_envs, np.int64)
    asked = players[env.matters()[players]]
    if asked.size:
        seen = {name: array[asked] for name, array in env.observation.items()}
        actions[asked] = decide(values(seen, asked), env.state[asked])
    return actions


def decide(values: NDArray[np.float32], state: NDArray[Any]) -> NDArray[np.int64]:
    """Draw an action for each player.

    Args:
        values: ``float32[N, A]`` values of the actions.
        state: the players' environments (``STATE[N]``); what is drawn follows from their random numbers and ticks,
            and takes nothing from them.

    Returns:
        ``int64[N]`` actions.
    """
    chosen: NDArray[np.int64] = _decide(values, state["rng"], state["t"], TREMBLE)
    return chosen


@njit(cache=True, nogil=True)
def _decide(values: Any, rng: Any, ticks: Any, tremble: float) -> Any:
    chosen = np.zeros(len(values), np.int64)
    actions = values.shape[1]
    for i in range(len(values)):
        best = -np.inf
        for a in range(actions):
            # mixed twice: apart from the environment's own draws, which mix once
            share = uniform(mixed(rng[i] ^ mixed(np.uint64(ticks[i] * actions + a + 1))))
            worth = values[i, a] - tremble * math.log(-math.log(share + 1e-17))
            if worth > best:
                best, chosen[i] = worth, a
    return chosen
