"""Win rates of a policy on levels it was not trained on, over the ladder of skills."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from levelforge.env import BatchEnv
from levelforge.game import Game
from levelforge.rules import RUNNING, WON
from levelforge.training.replay import Observation

SKILLS = (0.0, 0.05, 0.1, 0.2, 0.35)
"""Chance of pressing something else, best player first."""

Policy = Callable[[Observation], NDArray[np.int64]]
"""Observations with N rows -> ``int64[N]`` actions."""


def outcomes(
    policy: Policy,
    game: Game,
    levels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    episodes: int = 8,
    skills: Sequence[float] = SKILLS,
    seed: int = 0,
) -> dict[float, NDArray[np.float64]]:
    """Play every level at every skill, all at once.

    Args:
        policy: the player.
        game: whose rules apply.
        levels: ``uint8[N, H, W]`` or a list of ``uint8[H, W]``.
        episodes: a level and skill; at skill 0 a single one, since nothing in it is random.
        skills: chances of pressing something else.
        seed: of the action noise.

    Returns:
        For each skill ``float64[N]``: the share of its episodes won, a level.
    """
    jobs = [
        (skill, level)
        for skill in skills
        for level in range(len(levels))
        for _ in range(episodes if skill else 1)
    ]
    noise = np.array([skill for skill, _ in jobs])
    level = np.array([level for _, level in jobs])
    env = BatchEnv(game, levels, len(jobs), seed, epsilon=noise, shaping=False, autoreset=False)
    obs = env.restart(np.arange(len(jobs)), level)
    while (env.state["over"] == 0).any():
        obs = env.step(_act(policy, obs, env.state["over"] == 0))[0]
    assert not ((env.state["outcome"] == RUNNING) & (env.state["over"] == 0)).any()
    won = (env.state["outcome"] == WON).astype(np.float64)
    rates = {}
    for skill in skills:
        mine = noise == skill
        played = np.bincount(level[mine], minlength=len(levels))
        rates[skill] = np.bincount(level[mine], won[mine], minlength=len(levels)) / played
    return rates


def _act(policy: Policy, obs: Observation, running: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Actions for the environments that still run; 0 for the others."""
    where = np.flatnonzero(running)
    actions = np.zeros(len(running), np.int64)
    actions[where] = policy({name: array[where] for name, array in obs.items()})
    return actions


def win_rates(
    policy: Policy,
    game: Game,
    levels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    episodes: int = 8,
    skills: Sequence[float] = SKILLS,
    seed: int = 0,
) -> dict[str, float]:
    """Mean win rate over the levels by skill: ``{"0": 0.9, "0.05": 0.95, …}``; see :func:`outcomes`."""
    rates = outcomes(policy, game, levels, episodes, skills, seed)
    return {f"{skill:g}": float(won.mean()) for skill, won in rates.items()}


def best_skill(rates: Mapping[str, float]) -> tuple[str, float]:
    """The skill with the highest win rate (the one with less noise of equals), and that rate."""
    skill = max(rates, key=lambda s: (rates[s], -float(s)))
    return skill, rates[skill]
