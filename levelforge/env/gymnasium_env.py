"""The environments as Gymnasium knows them. Importing this module needs Gymnasium (extra ``train``).

import gymnasium, levelforge
env = gymnasium.make("levelforge/dungeon-v0")
envs = gymnasium.make_vec("levelforge/platformer-v0", num_envs=64)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from levelforge.env.batch import BatchEnv, Info, Observation
from levelforge.env.pool import LevelPool
from levelforge.errors import LevelForgeError
from levelforge.game import Game, load_game
from levelforge.level import format_text
from levelforge.playtest.observation import N_CODES, PERSONAS, make_observation
from levelforge.rules import WON

Levels = LevelPool | NDArray[np.uint8] | Sequence[NDArray[np.uint8]]


class LevelForgeEnv(gymnasium.Env[dict[str, NDArray[Any]], np.int64]):
    """One player on one level of a game, a new level each episode.

    ## Description
    Reach the goal of a tile map. The maps come from the game's training corpus unless ``levels`` are given;
    the rules are those of the game's ``game.toml``. ``options={"level": i}`` of ``reset`` picks the i-th.

    ## Action Space
    ``Discrete(len(game.actions))``, in the order of ``Game.actions``. dungeon: 0 up, 1 down, 2 left, 3 right,
    4 wait. platformer: 0 idle, 1 left, 2 right, 3 jump, 4 jump+left, 5 jump+right.

    ## Observation Space
    ``Dict`` of

    - ``view`` ``uint8[3, VH, VW]`` (11 x 11 dungeon, 11 x 17 platformer): what is around the player, how
      often each cell was visited, and which way leads on,
    - ``map`` ``uint8[9, 12, 16]``: the whole level, binned,
    - ``scalars`` ``float32[20]``: hit points, keys, time left, jump phase, a compass to the goal, and so on,
    - ``persona`` ``float32[4]``: what is rewarded.

    ``levelforge.playtest.observation`` has every detail.

    ## Rewards
    The persona's mix of four rewards (default: runner alone): win +1 and loss -0.5 for all; runner -0.001 a
    turn, explorer +0.02 a new cell, collector +0.2 a collectible, survivor -0.3 a hit point lost
    (:class:`levelforge.env.Rewards`). With ``shaping=True``, plus potential-based shaping by the exact distance.

    ## Starting State
    On the start tile with full hit points.

    ## Episode End
    Terminated when the goal is reached or the player is lost (no hit points left, fell out of the map).
    Truncated when the level's time limit is reached.

    ## Information
    ``level`` (index), ``ticks``, ``hp``, ``collected``, ``won``, ``rewards`` ``float32[4]`` (by persona), ``shaping``.

    ## Registered Ids
    - ``levelforge/dungeon-v0``
    - ``levelforge/platformer-v0``

    Args:
        game: a bundled game's name, a path to a ``game.toml``, or a :class:`Game`.
        levels: ``uint8[N, H, W]`` tiles, or a sequence of arrays of any sizes; None for the training corpus.
        epsilon: action noise, the chance that another action is carried out.
        persona: weights of runner, explorer, collector, survivor.
        shaping: add the shaping to the reward.
        render_mode: ``ansi`` (text) or ``rgb_array``.

    Raises:
        LevelForgeError: unknown game, no levels, or a setting out of range.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 8}  # noqa: RUF012 (as Gymnasium declares it)

    def __init__(
        self,
        game: str | Game = "dungeon",
        levels: Levels | None = None,
        *,
        epsilon: float = 0.0,
        persona: Sequence[float] = (1.0, 0.0, 0.0, 0.0),
        shaping: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise LevelForgeError(
                f"render_mode must be one of {self.metadata['render_modes']}, not {render_mode!r}"
            )
        self.game = game if isinstance(game, Game) else load_game(game)
        self.render_mode = render_mode
        self.observation_space = observation_space(self.game)
        self.action_space = spaces.Discrete(len(self.game.actions))
        self._shaping = shaping
        self._batch = BatchEnv(
            self.game, training_levels(self.game) if levels is None else levels, 1, seed=0, epsilon=epsilon,
            persona=persona, shaping=shaping, autoreset=False,
        )  # fmt: skip

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Begin an episode; see Gymnasium. ``options={"level": i}`` picks the level."""
        super().reset(seed=seed)
        seeds = None
        if seed is not None or self._fresh:
            seeds = self.np_random.integers(2**63, size=1, dtype=np.uint64)
        level = (options or {}).get("level")
        if level is not None and not 0 <= level < len(self._batch.pool):
            raise LevelForgeError(f"there is no level {level}: the pool holds {len(self._batch.pool)}")
        self._fresh = False
        self._batch.restart(np.array([0]), None if level is None else [level], seeds)
        return self._first(self._batch.observation), self._facts()

    def step(self, action: np.int64) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        """Carry out one action; see Gymnasium."""
        obs, reward, terminated, truncated, info = self._batch.step(np.array([action]))
        total = float(reward[0]) + (float(info.shaping[0]) if self._shaping else 0.0)
        return self._first(obs), total, bool(terminated[0]), bool(truncated[0]), self._facts(info)

    def render(self) -> Any:
        """The level with the player on it: text (``ansi``) or ``uint8[H*16, W*16, 3]`` (``rgb_array``)."""
        if self.render_mode is None:
            return None
        tiles = self._batch.tiles(0)
        if self.render_mode == "ansi":
            return format_text(tiles, self.game)
        from levelforge.render import render

        return np.asarray(render(tiles, self.game))

    _fresh = True

    def _first(self, obs: Observation) -> dict[str, NDArray[Any]]:
        return {name: array[0].copy() for name, array in obs.items()}

    def _facts(self, info: Info | None = None) -> dict[str, Any]:
        state = self._batch.state[0]
        return {
            "level": int(state["level"]),
            "ticks": int(state["t"]),
            "hp": max(0, int(state["hp"])),
            "collected": int(state["collected"]),
            "won": bool(state["outcome"] == WON),
            "rewards": info.rewards[0].copy() if info else np.zeros(len(PERSONAS), np.float32),
            "shaping": float(info.shaping[0]) if info else 0.0,
        }


class LevelForgeVectorEnv(VectorEnv[dict[str, NDArray[Any]], NDArray[np.int64], NDArray[Any]]):
    """:class:`LevelForgeEnv`, ``num_envs`` at once in one compiled call; what ``make_vec`` returns.

    Spaces, rewards and ends are those of :class:`LevelForgeEnv`. Autoreset is *same step*: where an episode
    ends, the observation is the next episode's first one, and ``info["final_obs"]`` (with the mask
    ``info["_final_obs"]``) holds the last one in its row. ``info`` has ``rewards`` ``float32[n, 4]``, ``shaping``
    ``float32[n]`` and ``action`` ``int32[n]`` (carried out, after the noise).

    Args:
        num_envs: how many.
        copy: return fresh arrays; otherwise they are reused two steps later.
        game, levels, epsilon, persona, shaping: as in :class:`LevelForgeEnv`.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 (as Gymnasium declares it)

    def __init__(
        self,
        num_envs: int = 1,
        game: str | Game = "dungeon",
        levels: Levels | None = None,
        *,
        epsilon: float = 0.0,
        persona: Sequence[float] = (1.0, 0.0, 0.0, 0.0),
        shaping: bool = False,
        copy: bool = True,
    ) -> None:
        self.num_envs, self.copy, self._shaping = num_envs, copy, shaping
        self.game = game if isinstance(game, Game) else load_game(game)
        self.single_observation_space = observation_space(self.game)
        self.single_action_space = spaces.Discrete(len(self.game.actions))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.batch = BatchEnv(
            self.game, training_levels(self.game) if levels is None else levels, num_envs, seed=0,
            epsilon=epsilon, persona=persona, shaping=shaping,
        )  # fmt: skip

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Begin new episodes everywhere; see Gymnasium."""
        if isinstance(seed, list):
            raise LevelForgeError("give one seed for all environments, not a list")
        super().reset(seed=seed, options=options)
        return self._own(self.batch.reset(seed)), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Carry out one action everywhere; see Gymnasium."""
        obs, reward, terminated, truncated, info = self.batch.step(np.asarray(actions))
        facts: dict[str, Any] = {
            "rewards": info.rewards.copy(), "shaping": info.shaping.copy(), "action": info.action.copy()
        }  # fmt: skip
        if info.done.size:
            final = {name: np.zeros_like(array) for name, array in obs.items()}
            mask = np.zeros(self.num_envs, np.bool_)
            mask[info.done] = True
            for name, rows in info.final.items():
                final[name][info.done] = rows
            facts["final_obs"], facts["_final_obs"] = final, mask
        if self._shaping:
            reward = reward + info.shaping
        return self._own(obs), reward, terminated.copy(), truncated.copy(), facts

    def _own(self, obs: Observation) -> dict[str, NDArray[Any]]:
        return {name: array.copy() for name, array in obs.items()} if self.copy else obs


def observation_space(game: Game) -> spaces.Space[Any]:
    """The space of one observation (see :class:`LevelForgeEnv`)."""
    shapes = {name: array.shape[1:] for name, array in make_observation(1, game.movement).items()}
    view_high = np.full(shapes["view"], 255, np.uint8)
    view_high[0] = N_CODES - 1
    return spaces.Dict(
        {
            "view": spaces.Box(np.zeros_like(view_high), view_high, dtype=np.uint8),
            "map": spaces.Box(0, 255, shapes["map"], np.uint8),
            "scalars": spaces.Box(-1.0, 1.0, shapes["scalars"], np.float32),
            "persona": spaces.Box(0.0, 1.0, shapes["persona"], np.float32),
        }
    )


def training_levels(game: Game) -> list[NDArray[np.uint8]]:
    """The levels of a game's corpus (``corpus/`` beside its ``game.toml``) that are not held out.

    Raises:
        LevelForgeError: there are none.
    """
    from levelforge.corpus import load_corpus

    folder = game.folder / "corpus" if game.folder else None
    if folder is None or not folder.is_dir():
        raise LevelForgeError(f"{game.name} has no corpus ({folder}): give the environment its levels")
    return [level.tiles for level in load_corpus(folder, game).train]
