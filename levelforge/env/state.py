"""What a batch of environments remembers, and what it rewards."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CAUSE_HAZARD, CAUSE_PATROL, CAUSE_FALL = 1, 2, 3
"""Values of the state's ``cause``; 0 while nothing has hit the player."""

STATE = np.dtype(
    [
        # The player, as the rules know it.
        ("taken", np.int64),  # bitmask over keys, doors and heals used up
        ("rng", np.uint64),  # splitmix64 state of this environment's own random numbers
        ("y", np.int32),
        ("x", np.int32),
        ("jump", np.int32),
        ("hp", np.int32),
        ("keys", np.int32),
        ("t", np.int32),  # turns or ticks since the episode began
        # The level.
        ("level", np.int32),  # index into the pool the episode's level came from
        ("height", np.int32),
        ("width", np.int32),
        ("start", np.int32),  # flat cell
        ("n_patrol", np.int32),
        ("mask", np.int32),  # of the key and door bits that the distance table tells apart
        ("limit", np.int32),  # turns or ticks allowed
        ("far", np.int32),  # distance that stands for "cannot reach the goal any more"
        # The episode so far.
        ("doors", np.int32),  # doors still closed
        ("collected", np.int32),  # collectibles taken
        ("tiles", np.int32),  # different cells visited
        ("damage", np.int32),  # hit points lost in total, healed or not
        ("cause", np.int32),  # of the last hit: CAUSE_*
        ("moved", np.int32),  # 1 if the last action changed the position
        ("outcome", np.int32),  # RUNNING, WON or LOST
        ("over", np.int32),  # 1 once the episode has ended (won, lost or out of time)
        ("epsilon", np.float64),  # chance that something else than the chosen action is pressed
        ("potential", np.float64),  # -scale * distance where the player is now
    ],
    align=True,
)
"""One environment's state; a batch is a structured array ``STATE[n]``."""


@dataclass(frozen=True)
class Rewards:
    """Weights of the reward components; every persona also gets ``win`` and ``loss``.

    Attributes:
        win, loss: at the end of an episode that is won or lost (running out of time is neither).
        tick: runner, each turn or tick.
        tile: explorer, each cell entered for the first time.
        collectible: collector, each collectible.
        damage: survivor, each hit point lost.
    """

    win: float = 1.0
    loss: float = -0.5
    tick: float = -0.001
    tile: float = 0.02
    collectible: float = 0.2
    damage: float = -0.3

    def array(self) -> NDArray[np.float64]:
        """``float64[6]`` in the order of the attributes."""
        return np.array(astuple(self), np.float64)


class World(NamedTuple):
    """The levels that ``n`` environments are on, each with its own copy, and the constants.

    Sizes are upper bounds over the pool: ``HW`` cells, ``E`` patrols, ``D`` entries of a distance table.

    Attributes:
        params: ``int32[8 + J]`` rules, as in :class:`~levelforge.rules.LevelBatch`.
        role: ``uint8[n, HW]``; cell (y, x) is at y * (true width) + x.
        item: ``int16[n, HW]``.
        patrol: ``int32[n, E, C]``.
        distance: ``int16[n, D]`` flattened distance tables.
        n_jump: jump states of a distance table.
        n_actions: number of actions.
        rewards: ``float64[6]`` of :meth:`Rewards.array`.
        gamma, scale: discount and weight of the potential.
        shaped: whether distance tables are in use.
        lure: weight of the lures; 0 for none.
        lure_way: ``uint16[n, 2, H, W]`` steps to the nearest place that the explorer has not seen, and to the
            nearest collectible.
    """

    params: NDArray[np.int32]
    role: NDArray[np.uint8]
    item: NDArray[np.int16]
    patrol: NDArray[np.int32]
    distance: NDArray[np.int16]
    n_jump: int
    n_actions: int
    rewards: NDArray[np.float64]
    gamma: float
    scale: float
    shaped: bool
    lure: float
    lure_way: NDArray[np.uint16]


class Outputs(NamedTuple):
    """What a step writes for ``n`` environments.

    Attributes:
        action: ``int32[n]`` the actions carried out (after action noise).
        rewards: ``float32[n, 4]`` reward by persona, in the order of
            :data:`~levelforge.playtest.observation.PERSONAS`.
        shaping: ``float32[n]`` gamma * potential after - potential before.
        lures: ``float32[n, 4]`` lure * steps by which each persona came nearer to what it seeks.
        terminated, truncated: ``bool[n]``.
    """

    action: NDArray[np.int32]
    rewards: NDArray[np.float32]
    shaping: NDArray[np.float32]
    lures: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


def make_outputs(n: int) -> Outputs:
    """Zeroed outputs for ``n`` environments."""
    return Outputs(
        np.zeros(n, np.int32), np.zeros((n, 4), np.float32), np.zeros(n, np.float32), np.zeros((n, 4), np.float32),
        np.zeros(n, np.bool_), np.zeros(n, np.bool_),
    )  # fmt: skip
