"""Win rates of a player on levels it was not trained on, over the ladder of skills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from levelforge.env import BatchEnv
from levelforge.game import Game
from levelforge.playtest.decide import choose
from levelforge.playtest.measure import SKILLS, QFunction
from levelforge.rules import RUNNING, WON


def outcomes(
    values: QFunction,
    game: Game,
    levels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    episodes: int = 8,
    skills: Sequence[float] = SKILLS,
    seed: int = 0,
) -> dict[float, NDArray[np.float64]]:
    """Play every level at every skill, all at once.

    Args:
        values: the player, who decides by them as in playtests.
        game: whose rules apply.
        levels: ``uint8[N, H, W]`` or a list of ``uint8[H, W]``.
        episodes: a level and skill.
        skills: chances of pressing something else.
        seed: of the action noise.

    Returns:
        For each skill ``float64[N]``: the share of its episodes won, a level.
    """
    jobs = [(skill, level) for skill in skills for level in range(len(levels)) for _ in range(episodes)]
    noise = np.array([skill for skill, _ in jobs])
    level = np.array([level for _, level in jobs])
    env = BatchEnv(game, levels, len(jobs), seed, epsilon=noise, shaping=False, autoreset=False)
    env.restart(np.arange(len(jobs)), level)
    while (running := np.flatnonzero(env.state["over"] == 0)).size:
        env.step(choose(env, running, lambda seen, _: values(seen)))
    assert not ((env.state["outcome"] == RUNNING) & (env.state["over"] == 0)).any()
    won = (env.state["outcome"] == WON).astype(np.float64)
    rates = {}
    for skill in skills:
        mine = noise == skill
        played = np.bincount(level[mine], minlength=len(levels))
        rates[skill] = np.bincount(level[mine], won[mine], minlength=len(levels)) / played
    return rates


def win_rates(
    values: QFunction,
    game: Game,
    levels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
    episodes: int = 8,
    skills: Sequence[float] = SKILLS,
    seed: int = 0,
) -> dict[str, float]:
    """Mean win rate over the levels by skill: ``{"0": 0.9, "0.05": 0.95, …}``; see :func:`outcomes`."""
    rates = outcomes(values, game, levels, episodes, skills, seed)
    return {f"{skill:g}": float(won.mean()) for skill, won in rates.items()}


def best_skill(rates: Mapping[str, float]) -> tuple[str, float]:
    """The skill with the highest win rate (the one with less noise of equals), and that rate."""
    skill = max(rates, key=lambda s: (rates[s], -float(s)))
    return skill, rates[skill]
