"""Many environments stepped by one compiled call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from levelforge.env import kernels
from levelforge.env.pool import LevelPool
from levelforge.env.state import STATE, Rewards, World, make_outputs
from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role
from levelforge.playtest.observation import PERSONAS, Canvas, make_canvas, make_observation
from levelforge.rules.state import rule_params

Observation = dict[str, NDArray[Any]]
"""``view``, ``map``, ``scalars``, ``persona``; see :mod:`levelforge.playtest.observation`."""


class Info(NamedTuple):
    """What a step tells beside Gymnasium's four values.

    Attributes:
        action: ``int32[n]`` the action carried out, after action noise.
        rewards: ``float32[n, 4]`` the reward of each persona (runner, explorer, collector, survivor);
            the step's reward is their mean weighted by the persona, without the shaping.
        shaping: ``float32[n]`` potential-based shaping, gamma * phi(s') - phi(s), phi = -scale * relaxed
            distance to the goal (Ng, Harada and Russell 1999). A win has phi = 0. A loss pays nothing back
            (shaping 0), which amounts to a loss penalty that grows with the distance left.
        lures: ``float32[n, 4]`` lure * steps by which each persona came nearer to what it seeks besides the goal: the
            explorer to the nearest place it has not seen, the collector to the nearest collectible, at a glance; nobody
            else is lured. Negative for steps away, 0 where the persona has just found something and turns on.
        done: ``int[d]`` the environments whose episode ended in this step.
        final: the last observation of those, rows in the order of ``done`` (for bootstrapping through
            truncation: with autoreset the step's observation is already the next episode's first).
        episode: ``STATE[d]`` their state as the episode ended (see ``levelforge.env.state.STATE``).
    """

    action: NDArray[np.int32]
    rewards: NDArray[np.float32]
    shaping: NDArray[np.float32]
    lures: NDArray[np.float32]
    done: NDArray[np.intp]
    final: Observation
    episode: NDArray[Any]


class BatchEnv:
    """``n_envs`` independent players on levels of a pool.

    Everything random comes from each environment's own generator, so that what happens in one does not
    depend on how many others there are.

    Autoreset is *same step*: where an episode ends, ``step`` returns the last reward and flags together with
    the first observation of the next episode; the last observation is in ``Info.final``. Without
    autoreset a finished environment stands still (reward 0, no flags) until :meth:`restart`.

    The observation arrays are reused: those that ``step`` returns stay as they are until the step after the
    next one. Copy what you keep longer.

    Args:
        game: whose rules apply.
        levels: tiles, ``uint8[N, H, W]`` or a sequence of ``uint8[H, W]`` or ``uint8[N, H, W]`` of any sizes,
            or a :class:`LevelPool`.
        n_envs: number of environments.
        seed: of everything random.
        weights: ``float[N]`` how often each level is drawn.
        epsilon: action noise, one number or ``float[n_envs]``: the chance that, instead of the chosen
            action, one of the others is carried out.
        persona: ``float[4]`` or ``float[n_envs, 4]`` weights of runner, explorer, collector, survivor.
        rewards: weights of the reward components.
        shaping: compute the shaping; costs a distance table for each level played.
        gamma, scale: discount and weight of the shaping potential.
        lure: weight of the lures; 0 for none.
        autoreset: go on with the next episode by itself.
        time_limit: turns or ticks an episode may take; None for the game's own limit for the level's size.
        observe: write observations; without, those returned are all zero.

    Attributes:
        state: ``STATE[n_envs]``, see ``levelforge.env.state.STATE``.

    Examples:
        >>> import numpy as np
        >>> from levelforge.game import load_game
        >>> from levelforge.level import parse_text
        >>> game = load_game("dungeon")
        >>> env = BatchEnv(game, parse_text("######\\n#@..>#\\n######", game), n_envs=4, seed=0)
        >>> obs = env.reset()
        >>> obs["view"].shape
        (4, 3, 11, 11)
        >>> obs, reward, terminated, truncated, info = env.step(np.full(4, 3))  # all go right
    """

    def __init__(
        self,
        game: Game,
        levels: LevelPool | NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        n_envs: int,
        seed: int,
        *,
        weights: Sequence[float] | NDArray[np.float64] | None = None,
        epsilon: float | NDArray[np.float64] = 0.0,
        persona: Sequence[float] | NDArray[np.float32] = (1.0, 0.0, 0.0, 0.0),
        rewards: Rewards | None = None,
        shaping: bool = True,
        gamma: float = 0.99,
        scale: float = 0.02,
        lure: float = 0.0,
        autoreset: bool = True,
        time_limit: int | None = None,
        observe: bool = True,
    ) -> None:
        if n_envs < 1:
            raise LevelForgeError(f"n_envs must be at least 1, not {n_envs}")
        self.game, self.n_envs, self.autoreset, self.time_limit = game, n_envs, autoreset, time_limit
        self.state: NDArray[Any] = np.zeros(n_envs, STATE)
        self._observe = observe
        self._tiles: list[NDArray[np.uint8]] = [np.zeros((0, 0), np.uint8)] * n_envs
        self._weights = np.zeros((n_envs, len(PERSONAS)), np.float32)
        self._buffers = [make_observation(n_envs, game.movement) for _ in range(2)]
        self._out = make_outputs(n_envs)
        self._pool = levels if isinstance(levels, LevelPool) else LevelPool(game, levels, weights)
        height, width, patrols, goals = self._pool.bounds
        self._canvas = make_canvas(n_envs, height, width, patrols, goals)
        self._world = World(
            params=rule_params(game),
            role=np.zeros((n_envs, height * width), np.uint8),
            item=np.zeros((n_envs, height * width), np.int16),
            patrol=np.zeros((n_envs, patrols, game.rules.patrol_cycle), np.int32),
            distance=np.zeros((n_envs, 1), np.int16),
            n_jump=max(1, len(game.rules.jump_profile)),
            n_actions=len(game.actions),
            rewards=(rewards or Rewards()).array(),
            gamma=float(gamma),
            scale=float(scale),
            shaped=bool(shaping),
            lure=float(lure),
            lure_way=np.zeros((n_envs, 2, height, width) if lure else (n_envs, 2, 1, 1), np.uint16),
        )
        self.set_persona(persona)
        self.set_epsilon(epsilon)
        self.reset(seed)

    # --- settings ----------------------------------------------------------------------------

    def set_levels(
        self,
        levels: LevelPool | NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        weights: Sequence[float] | NDArray[np.float64] | None = None,
    ) -> None:
        """Change the pool (see the class); running episodes go on, the next ones draw from the new pool."""
        self._pool = levels if isinstance(levels, LevelPool) else LevelPool(self.game, levels, weights)
        height, width, patrols, goals = self._pool.bounds
        canvas = make_canvas(self.n_envs, height, width, patrols, goals)
        pairs: Any = zip(self._canvas, canvas, strict=True)
        self._canvas = Canvas(*(_grown(old, new.shape) for old, new in pairs))
        world = self._world
        self._world = world._replace(
            role=_grown(world.role, (self.n_envs, height * width)),
            item=_grown(world.item, (self.n_envs, height * width)),
            patrol=_grown(world.patrol, (self.n_envs, patrols, world.patrol.shape[2])),
            lure_way=_grown(world.lure_way, (self.n_envs, 2, height, width) if world.lure else (0, 0, 0, 0)),
        )

    @property
    def pool(self) -> LevelPool:
        """The levels that new episodes are played on."""
        return self._pool

    def set_persona(self, persona: Sequence[float] | NDArray[np.float32]) -> None:
        """Change the persona weights, ``float[4]`` for all or ``float[n_envs, 4]``."""
        self._weights[:] = persona
        for buffer in self._buffers:
            buffer["persona"][:] = self._weights

    def set_epsilon(self, epsilon: float | NDArray[np.float64]) -> None:
        """Change the action noise, one number for all or ``float[n_envs]``."""
        if np.min(epsilon) < 0 or np.max(epsilon) > 1:
            raise LevelForgeError("epsilon (action noise) must be from 0 to 1")
        self.state["epsilon"] = epsilon

    # --- playing -----------------------------------------------------------------------------

    def reset(self, seed: int | None = None) -> Observation:
        """Begin a new episode everywhere; a seed restarts all random numbers as well."""
        if seed is not None:
            self.state["rng"] = np.random.SeedSequence(seed).generate_state(self.n_envs, np.uint64)
        return self.restart(np.arange(self.n_envs))

    def restart(
        self,
        indices: NDArray[np.intp],
        levels: Sequence[int] | NDArray[np.intp] | None = None,
        seeds: NDArray[np.uint64] | None = None,
    ) -> Observation:
        """Begin a new episode in some environments.

        Args:
            indices: ``int[d]`` which ones.
            levels: ``int[d]`` pool indices; None draws them by the pool's weights.
            seeds: ``uint64[d]`` new states of their random numbers; None goes on with the old ones.

        Returns:
            The current observations of all environments.
        """
        for place, i in enumerate(indices):
            if seeds is not None:
                self.state[i]["rng"] = seeds[place]
            level = self._pool.pick(kernels.draw(self.state, i)) if levels is None else int(levels[place])
            self._begin(int(i), level)
        return self._buffers[0]

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observation, NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Carry out ``int[n_envs]`` actions.

        Returns:
            observations, reward ``float32[n_envs]``, terminated ``bool[n_envs]`` (won or lost), truncated
            ``bool[n_envs]`` (out of time), :class:`Info`.
        """
        self._buffers.reverse()
        obs, out = self._buffers[0], self._out
        ended = kernels.step_all(
            self._world, self.state, self._canvas, np.ascontiguousarray(actions, np.int64), out,
            obs["view"], obs["map"], obs["scalars"], self._observe,
        )  # fmt: skip
        done = np.flatnonzero(out.terminated | out.truncated) if ended else _NONE
        final = {name: array[done] for name, array in obs.items()}
        info = Info(
            out.action.copy(), out.rewards.copy(), out.shaping.copy(), out.lures.copy(), done, final, self.state[done]
        )  # fmt: skip
        if ended and self.autoreset:
            self.restart(done)
        reward = np.einsum("np,np->n", out.rewards, self._weights)
        return obs, reward, out.terminated.copy(), out.truncated.copy(), info

    def matters(self) -> NDArray[np.bool_]:
        """``bool[n_envs]``: where what is chosen next has a say in what is carried out.

        Elsewhere action noise will carry out any action by chance, so nobody need choose one. Takes nothing from the
        random numbers. (Noise greater than (A - 1) / A, with A actions, always depends on what was chosen.)
        """
        said: NDArray[np.bool_] = kernels.matters(self.state, self._world.n_actions)
        return said

    @property
    def observation(self) -> Observation:
        """The current observations, as last returned by ``reset``, ``restart`` or ``step``."""
        return self._buffers[0]

    def visits(self, i: int) -> NDArray[np.uint16]:
        """``uint16[H, W]`` visits of environment ``i`` in its current episode, by cell."""
        height, width = int(self.state[i]["height"]), int(self.state[i]["width"])
        return self._canvas.visits[i, :height, :width].copy()

    def tiles(self, i: int) -> NDArray[np.uint8]:
        """``uint8[H, W]`` what environment ``i`` looks like now.

        Things taken and doors opened are gone, patrols are where they are, and the start tile stands for
        the player.
        """
        roles, state = self.game.roles, self.state[i]
        before = self._tiles[i]
        code = self._canvas.code[i, : before.shape[0], : before.shape[1]]
        now = np.where(code == roles[before], before, self.game.empty.id).astype(np.uint8)
        now[now == self.game.of_role(Role.START)[0].id] = self.game.empty.id
        phase = int(state["t"]) % self._world.patrol.shape[2]
        for beat in self._world.patrol[i, : state["n_patrol"]]:
            now.flat[beat[phase]] = before.flat[beat[0]]
        now[state["y"], state["x"]] = self.game.of_role(Role.START)[0].id
        return now

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """All running episodes as plain arrays (copies), to go on from with :meth:`load_state_dict`."""
        held: dict[str, Any] = {"state": self.state.view(np.uint8).copy(), "persona": self._weights.copy()}
        held |= {f"canvas.{name}": array.copy() for name, array in self._canvas._asdict().items()}
        held |= {f"world.{name}": getattr(self._world, name).copy() for name in _PER_ENV}
        return held | {f"obs.{name}": array.copy() for name, array in self._buffers[0].items()}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> Observation:
        """Go on from :meth:`state_dict` of an environment made with the same arguments and pool.

        Returns:
            The current observations.
        """
        self.state[:] = state["state"].view(STATE)
        self.set_persona(state["persona"])
        self._canvas = Canvas(*(state[f"canvas.{name}"].copy() for name in Canvas._fields))
        held: dict[str, Any] = {name: state[f"world.{name}"].copy() for name in _PER_ENV}
        self._world = self._world._replace(**held)
        self._tiles = [self._pool.tiles(int(level) % len(self._pool)) for level in self.state["level"]]
        for name, array in self._buffers[0].items():
            array[:] = state[f"obs.{name}"]
        return self._buffers[0]

    def _begin(self, i: int, level: int) -> None:
        """Put one environment at the start of a level and write its observation."""
        batch, k = self._pool.level(level)
        self._tiles[i] = self._pool.tiles(level)
        if self._world.shaped:
            table, far = self._pool.distances(level)
            if table.size > self._world.distance.shape[1]:
                wider = _grown(self._world.distance, (self.n_envs, table.size))
                self._world = self._world._replace(distance=wider)
            self._world.distance[i, : table.size] = table.ravel()
            self.state[i]["far"], self.state[i]["mask"] = far, table.shape[0] - 1
        limit = batch.time_limit if self.time_limit is None else self.time_limit
        kernels.load(self._world, self.state, self._canvas, i, batch, k, level, limit)
        if self._observe:
            obs = self._buffers[0]
            kernels.write(
                self._world, self.state, self._canvas, i, obs["view"][i], obs["map"][i], obs["scalars"][i]
            )


_NONE = np.zeros(0, np.intp)
_PER_ENV = ("role", "item", "patrol", "distance", "lure_way")
"""The fields of :class:`World` that hold the levels being played."""


def _grown(old: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """``old`` itself, or its content in the corner of an array large enough for ``shape`` too."""
    if all(a >= b for a, b in zip(old.shape, shape, strict=True)):
        return old
    grown = np.zeros([max(a, b) for a, b in zip(old.shape, shape, strict=True)], old.dtype)
    grown[tuple(slice(size) for size in old.shape)] = old
    return grown
