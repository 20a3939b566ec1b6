"""What a playtest of one level comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelforge.level import Level

CAUSES = ("none", "hazard", "patrol", "fall")


@dataclass(frozen=True, eq=False)
class PersonaPlay:
    """How one persona fared on one level, over all its rungs.

    Attributes:
        win_rate: share of episodes won, by skill (ε).
        episodes: episodes played, by skill.
        ticks: mean turns or ticks of an episode.
        win_ticks: the same over the episodes won; None if none was.
        damage: mean hit points lost an episode.
        collected: mean share of the collectibles taken; None if the level has none.
        explored: mean share of the reachable tiles visited.
        timeouts: episodes that ran out of time.
        visits: ``uint32[H, W]`` visits by cell, summed over the episodes.
        deaths: ``int32[D, 3]`` (y, x, index into :data:`CAUSES`) of each episode lost.
        stuck: ``int32[S, 2]`` (y, x) at the end of each episode that ran out of time.
        near: ``uint32[H, W]`` ticks near a danger by cell, summed over the episodes won.
        ways: ``bool[R, H * W]`` tiles visited by each episode won on the rungs that all personas share.
    """

    win_rate: Mapping[float, float]
    episodes: Mapping[float, int]
    ticks: float
    win_ticks: float | None
    damage: float
    collected: float | None
    explored: float
    timeouts: int
    visits: NDArray[np.uint32]
    deaths: NDArray[np.int32]
    stuck: NDArray[np.int32]
    near: NDArray[np.uint32]
    ways: NDArray[np.bool_]

    @property
    def played(self) -> int:
        """Episodes in all."""
        return sum(self.episodes.values())

    def as_json(self) -> dict[str, Any]:
        """The numbers, without the maps; skills become keys such as ``"0.05"``."""
        causes = np.bincount(self.deaths[:, 2], minlength=len(CAUSES))
        return {
            "win_rate": {f"{skill:g}": round(rate, 4) for skill, rate in self.win_rate.items()},
            "episodes": {f"{skill:g}": count for skill, count in self.episodes.items()},
            "ticks": round(self.ticks, 2),
            "win_ticks": None if self.win_ticks is None else round(self.win_ticks, 2),
            "damage": round(self.damage, 4),
            "collected": None if self.collected is None else round(self.collected, 4),
            "explored": round(self.explored, 4),
            "timeouts": self.timeouts,
            "deaths": {name: int(n) for name, n in zip(CAUSES[1:], causes[1:], strict=True)},
        }


@dataclass(frozen=True, eq=False)
class PlaytestResult:
    """A playtest of one level.

    Attributes:
        difficulty: 1 - mean win rate over the ladder, of the first persona asked for.
        difficulty_ci: its 95 % interval (see :mod:`levelforge.playtest.difficulty`).
        personas: what each persona did, in the order asked for.
        fun: weighted mean of the parts; None if it was not asked for or nothing could be measured.
        fun_parts: each part that could be measured (see :mod:`levelforge.playtest.fun`).
        measures: what lies behind two of them: ``tension``, the share of ticks near a danger, and ``variety``, the
            divergence in nats.
        why: why the level is hard, in one sentence.
        path: ``int32[T + 1, 2]`` the cells (y, x) of the solution that variety was measured along; None if none is known.
    """

    difficulty: float
    difficulty_ci: tuple[float, float]
    personas: Mapping[str, PersonaPlay]
    fun: float | None = None
    fun_parts: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    why: str = ""
    path: NDArray[np.int32] | None = None

    @property
    def first(self) -> PersonaPlay:
        """The play that difficulty is measured on."""
        return next(iter(self.personas.values()))

    @property
    def win_rate(self) -> Mapping[float, float]:
        """Share of episodes won by skill (ε), of the first persona."""
        return self.first.win_rate

    def attach(self, level: Level) -> Level:
        """The level with its difficulty and fun noted, and under ``extra["why"]`` why it is hard."""
        noted = level.with_(difficulty=self.difficulty, difficulty_ci=self.difficulty_ci)
        if self.fun is not None:
            noted = noted.with_(fun=self.fun, fun_parts=dict(self.fun_parts))
        return noted.with_(extra={**level.extra, "why": self.why}) if self.why else noted

    def as_json(self) -> dict[str, Any]:
        """Everything but ``file``, ``beatable`` and ``solution_length`` of a level in ``playtest --json``."""
        return {
            "difficulty": round(self.difficulty, 4),
            "difficulty_ci": [round(end, 4) for end in self.difficulty_ci],
            "fun": None if self.fun is None else round(self.fun, 4),
            "fun_parts": None if self.fun is None else _rounded(self.fun_parts),
            "measures": _rounded(self.measures),
            "why": self.why,
            "win_rate": {f"{skill:g}": round(rate, 4) for skill, rate in self.win_rate.items()},
            "personas": {name: play.as_json() for name, play in self.personas.items()},
        }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
