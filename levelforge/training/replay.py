"""Prioritised n-step replay that keeps every observation once.

Proportional prioritisation after Schaul et al. 2016 (https://arxiv.org/abs/1511.05952). Each
environment has its own ring: slot ``t`` of environment ``e`` holds what the player saw, did and got there, so
that the n-step return and the observation it bootstraps from are read off the following slots.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError

Observation = Mapping[str, NDArray[Any]]
PARTS = ("view", "map", "scalars")
"""The parts of an observation that are stored; whatever is sampled is every persona's."""


class Batch(NamedTuple):
    """``B`` transitions.

    Attributes:
        obs, next_obs: parts ``view`` uint8[B, 3, VH, VW], ``map`` uint8[B, 9, 12, 16], ``scalars`` float32[B, 20].
        action: ``int64[B]``.
        reward: ``float32[B, 4]`` discounted sum over up to n steps, by persona.
        discount: ``float32[B]`` factor of the value of ``next_obs``: 0 after the end of an episode.
        weight: ``float32[B]`` importance weights, the largest is 1.
        leaf: ``int64[B]`` to hand back to :meth:`PrioritisedReplay.update`.
    """

    obs: dict[str, NDArray[Any]]
    next_obs: dict[str, NDArray[Any]]
    action: NDArray[np.int64]
    reward: NDArray[np.float32]
    discount: NDArray[np.float32]
    weight: NDArray[np.float32]
    leaf: NDArray[np.int64]


# --- the sum tree ------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def tree_set(tree: NDArray[np.float64], index: NDArray[np.int64], value: NDArray[np.float64]) -> None:
    """Set leaves of a sum tree.

    Args:
        tree: ``float64[2 * P]``, P a power of two; node k has the children 2k and 2k + 1, leaf i is node
            P + i, node 1 holds the total, node 0 is unused.
        index: ``int64[K]`` leaves, from 0.
        value: ``float64[K]`` new values, not negative; of a leaf named twice the last one stays.
    """
    half = len(tree) // 2
    for k in range(len(index)):
        node = half + index[k]
        tree[node] = value[k]
        node //= 2
        while node >= 1:
            # Summed anew rather than changed by a difference, so that rounding cannot pile up.
            tree[node] = tree[2 * node] + tree[2 * node + 1]
            node //= 2


@njit(cache=True, nogil=True)
def tree_find(tree: NDArray[np.float64], mass: NDArray[np.float64]) -> NDArray[np.int64]:
    """The leaves on which points of the cumulative sum fall.

    Args:
        tree: see :func:`tree_set`; its total must be above 0.
        mass: ``float64[K]`` in [0, total).

    Returns:
        ``int64[K]`` leaves; never one of value 0.
    """
    half = len(tree) // 2
    found = np.empty(len(mass), np.int64)
    for k in range(len(mass)):
        rest = mass[k]
        node = 1
        while node < half:
            left, right = tree[2 * node], tree[2 * node + 1]
            if right <= 0.0 or (rest < left and left > 0.0):
                node = 2 * node
            else:
                rest -= left
                node = 2 * node + 1
        found[k] = node - half
    return found


# --- n-step returns ----------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def n_step(
    slot: NDArray[np.int64],
    env: NDArray[np.int64],
    reward: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
    n: int,
    gamma: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Returns of up to ``n`` steps, read off the rings.

    A win or a loss ends the sum and nothing is bootstrapped. Running out of time does not end the
    game: the observation after it is not stored, so the sum stops one step earlier and bootstraps from
    the observation before the last action (which makes that last step itself unusable as a beginning).

    Args:
        slot, env: ``int64[B]``.
        reward: ``float32[T, E, 4]``.
        terminated, truncated: ``bool[T, E]``.
        n: steps, at least 1.
        gamma: discount a step.

    Returns:
        ``float32[B, 4]`` reward sums by persona, ``float32[B]`` factors of the bootstrapped value,
        ``int64[B]`` slots of the observations to bootstrap from.
    """
    size = len(slot)
    slots = reward.shape[0]
    total = np.zeros((size, reward.shape[2]), np.float32)
    discount = np.empty(size, np.float32)
    last = np.empty(size, np.int64)
    for b in range(size):
        e, t = env[b], slot[b]
        factor = 1.0
        for _ in range(n):
            if truncated[t, e]:
                break
            for p in range(reward.shape[2]):
                total[b, p] += factor * reward[t, e, p]
            factor *= gamma
            if terminated[t, e]:
                factor = 0.0
                break
            t = (t + 1) % slots
        discount[b], last[b] = factor, t
    return total, discount, last


# --- the memory --------------------------------------------------------------------------------


class PrioritisedReplay:
    """The last ``capacity`` frames of ``n_envs`` environments.

    Args:
        n_envs: number of environments E; each :meth:`add` stores one frame of each.
        capacity: frames kept, rounded down to whole rows of E.
        view: (height, width) of the view; ``map_shape`` and ``scalars``: shapes of the other parts.
        n: steps of the returns.
        gamma: discount a step.
        alpha: priority = (|TD error| + 1e-3) ** alpha.

    Raises:
        LevelForgeError: a capacity that holds fewer than ``n + 2`` frames an environment.
    """

    def __init__(
        self,
        n_envs: int,
        capacity: int,
        view: tuple[int, int],
        *,
        map_shape: tuple[int, int, int] = (9, 12, 16),
        scalars: int = 20,
        n: int = 3,
        gamma: float = 0.99,
        alpha: float = 0.6,
    ) -> None:
        slots = capacity // n_envs
        if slots < n + 2:
            raise LevelForgeError(
                f"a replay of {capacity} frames is too small for {n_envs} environments; give {n_envs * (n + 2)} or more"
            )
        self.n_envs, self.slots, self.n, self.gamma, self.alpha = n_envs, slots, n, gamma, alpha
        shapes = {"view": (3, *view), "map": map_shape, "scalars": (scalars,)}
        self._obs: dict[str, NDArray[Any]] = {
            part: np.zeros((slots, n_envs, *shapes[part]), np.float32 if part == "scalars" else np.uint8)
            for part in PARTS
        }
        self._action = np.zeros((slots, n_envs), np.int8)
        self._reward = np.zeros((slots, n_envs, 4), np.float32)
        self._terminated = np.zeros((slots, n_envs), np.bool_)
        self._truncated = np.zeros((slots, n_envs), np.bool_)
        leaves = 1 << (slots * n_envs - 1).bit_length()
        self._tree = np.zeros(2 * leaves, np.float64)
        self._columns = np.arange(n_envs)
        self._top = 1.0  # the largest priority so far: what new transitions get
        self.added = 0  # rows written so far

    def __len__(self) -> int:
        """Frames held."""
        return min(self.added, self.slots) * self.n_envs

    @property
    def ready(self) -> bool:
        """Whether anything can be sampled."""
        return bool(self._tree[1] > 0)

    def add(
        self,
        obs: Observation,
        action: NDArray[Any],
        reward: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        """Store one frame of every environment.

        Args:
            obs: what was seen *before* the action; see :class:`Batch` for the parts, with E rows.
            action: ``int[E]`` what was done; ``reward``: ``float32[E, 4]`` by persona.
            terminated, truncated: ``bool[E]`` whether the episode ended with it.
        """
        slot = self.added % self.slots
        for part in PARTS:
            self._obs[part][slot] = obs[part]
        self._action[slot] = action
        self._reward[slot] = reward
        self._terminated[slot] = terminated
        self._truncated[slot] = truncated
        # The row is only a beginning once the n - 1 rows after it and the one to bootstrap from are there.
        tree_set(self._tree, slot * self.n_envs + self._columns, np.zeros(self.n_envs))
        if self.added >= self.n:
            first = (self.added - self.n) % self.slots
            usable = np.where(self._truncated[first], 0.0, self._top)
            tree_set(self._tree, first * self.n_envs + self._columns, usable)
        self.added += 1

    def cut(self) -> None:
        """Let nothing run on from the latest row, as after a truncation: the environments begin anew."""
        if self.added:
            slot = (self.added - 1) % self.slots
            self._truncated[slot] |= ~self._terminated[slot]

    def sample(self, size: int, beta: float, rng: np.random.Generator) -> Batch:
        """Draw transitions in proportion to their priorities, one from each of ``size`` equal shares of the sum.

        Args:
            size: how many, B.
            beta: strength of the correction by importance weights, 0 to 1.
            rng: source of randomness.
        """
        total = float(self._tree[1])
        index = tree_find(self._tree, (np.arange(size) + rng.random(size)) * (total / size))
        slot, env = index // self.n_envs, index % self.n_envs
        reward, discount, last = n_step(
            slot, env, self._reward, self._terminated, self._truncated, self.n, self.gamma
        )
        priority = self._tree[len(self._tree) // 2 + index]
        weight = (priority / total) ** -beta
        return Batch(
            {part: self._obs[part][slot, env] for part in PARTS},
            {part: self._obs[part][last, env] for part in PARTS},
            self._action[slot, env].astype(np.int64),
            reward,
            discount,
            (weight / weight.max()).astype(np.float32),
            index,
        )

    def update(self, index: NDArray[np.int64], error: NDArray[np.float32]) -> None:
        """Set the priorities of sampled transitions from their TD errors, ``float32[B]``.

        Rows that were overwritten since they were sampled stay as they are.
        """
        priority = (np.abs(error).astype(np.float64) + 1e-3) ** self.alpha
        self._top = max(self._top, float(priority.max()))
        kept = self._tree[len(self._tree) // 2 + index] > 0
        tree_set(self._tree, index[kept], priority[kept])

    # --- checkpoints ----------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything held, as arrays (views of the memory, not copies) and plain numbers."""
        rows = min(self.added, self.slots)
        held = {f"obs.{part}": self._obs[part][:rows] for part in PARTS}
        held |= {
            "action": self._action[:rows],
            "reward": self._reward[:rows],
            "terminated": self._terminated[:rows],
            "truncated": self._truncated[:rows],
        }
        leaves = len(self._tree) // 2
        priority = self._tree[leaves : leaves + rows * self.n_envs]
        return {**held, "priority": priority, "top": self._top, "added": self.added}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` of a replay of the same sizes gave."""
        rows = len(state["action"])
        for part in PARTS:
            self._obs[part][:rows] = state[f"obs.{part}"]
        self._action[:rows] = state["action"]
        self._reward[:rows] = state["reward"]
        self._terminated[:rows] = state["terminated"]
        self._truncated[:rows] = state["truncated"]
        self._tree[:] = 0.0
        tree_set(self._tree, np.arange(rows * self.n_envs), np.asarray(state["priority"], np.float64))
        self._top, self.added = float(state["top"]), int(state["added"])
