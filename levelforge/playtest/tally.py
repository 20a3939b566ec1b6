"""Counting what the episodes of a playtest come to, level by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelforge.game import Game, Role, Tiles
from levelforge.playtest.choice import choice
from levelforge.playtest.difficulty import difficulty_interval
from levelforge.playtest.exploration import exploration, reachable_tiles
from levelforge.playtest.fun import PARTS, fun
from levelforge.playtest.result import PersonaPlay, PlaytestResult
from levelforge.playtest.reward import reward
from levelforge.playtest.tension import tension
from levelforge.playtest.variety import path_divergence, variety
from levelforge.playtest.why import why
from levelforge.rules import LOST, WON


class Tally:
    """Counts the episodes of one level.

    Args:
        game: the level's game.
        tiles: ``uint8[H, W]``.
        rungs: the skills that each persona plays at, by persona; the first is the one that difficulty is measured on.
        shared: the skills that all personas play at.
    """

    def __init__(
        self, game: Game, tiles: Tiles, rungs: Mapping[str, Sequence[float]], shared: Sequence[float]
    ) -> None:
        self._game, self._tiles, self._rungs, self._shared = game, tiles, rungs, shared
        self._treasure = int((game.roles[tiles] == Role.COLLECTIBLE).sum())
        self._reachable = reachable_tiles(tiles, game)
        self._visits = {name: np.zeros(tiles.shape, np.uint32) for name in rungs}
        self._near = {name: np.zeros(tiles.shape, np.uint32) for name in rungs}
        self._ends: dict[str, list[tuple[float, float, Any]]] = {name: [] for name in rungs}
        self._ways: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in rungs}

    def add(
        self,
        persona: str,
        skill: float,
        end: Any,
        visits: NDArray[np.uint16],
        near: NDArray[np.uint16],
    ) -> None:
        """Note one finished episode.

        Args:
            persona, skill: who played.
            end: the environment's state (``STATE``) as it ended.
            visits, near: ``uint16[H, W]`` visits by cell, and ticks near a danger by cell.
        """
        self._visits[persona] += visits
        seen = visits > 0
        if end["outcome"] == WON:
            self._near[persona] += near
            if skill in self._shared:
                self._ways[persona].append(seen.ravel())
        self._ends[persona].append((skill, exploration(seen, self._reachable), end))

    def result(self, path: NDArray[np.int32] | None, *, with_fun: bool) -> PlaytestResult:
        """Sum the level up, of the personas that have played.

        Args:
            path: ``int32[T, 2]`` the cells of a solution, if one is known.
            with_fun: also measure fun and its parts.
        """
        plays = {name: self._sum_up(name) for name, ends in self._ends.items() if ends}
        first = next(iter(plays.values()))
        played = list(first.episodes.values())
        won = [round(rate * n) for rate, n in zip(first.win_rate.values(), played, strict=True)]
        difficulty = 1 - sum(first.win_rate.values()) / len(played)
        interval = difficulty_interval(won, played)
        reason = why(first, self._tiles, self._game)
        if not with_fun:
            return PlaytestResult(difficulty, interval, plays, why=reason)
        measures: dict[str, float] = {}
        ticks = sum(int(end["t"]) for _, _, end in self._ends[next(iter(plays))] if end["outcome"] == WON)
        if ticks:
            measures["tension"] = int(first.near.sum()) / ticks
        if path is not None:
            measures["variety"] = path_divergence(self._tiles, path)
        parts = self._parts(plays, measures)
        total = fun(parts, self._game.measures.weights)
        return PlaytestResult(difficulty, interval, plays, total, parts, measures, reason, path)

    def _parts(self, plays: Mapping[str, PersonaPlay], measures: Mapping[str, float]) -> dict[str, float]:
        """Every part of fun that could be measured, in the order of :data:`PARTS`."""
        settings = self._game.measures
        share = measures.get("tension")
        found = {"tension": 0.0 if share is None else tension(share, settings.tension_band)}
        if "variety" in measures:
            found["variety"] = variety(measures["variety"], settings.variety_band)
        if "explorer" in plays:
            found["exploration"] = plays["explorer"].explored
        if len(plays) > 1:
            found["choice"] = choice({name: play.ways for name, play in plays.items()})
        if "collector" in plays:
            gained = plays["collector"].collected
            if gained is not None:
                found["reward"] = gained
        return {name: float(found[name]) for name in PARTS if name in found}

    def _sum_up(self, persona: str) -> PersonaPlay:
        ends = self._ends[persona]
        # Episodes finish in an order that depends on the batch; what is sorted or summed exactly does not.
        state = np.array([end for _, _, end in ends])
        rung = np.array([skill for skill, _, _ in ends])
        won, lost = state["outcome"] == WON, state["outcome"] == LOST
        late = ~won & ~lost
        deaths = np.stack([state["y"][lost], state["x"][lost], state["cause"][lost]], axis=1)
        stuck = np.stack([state["y"][late], state["x"][late]], axis=1)
        return PersonaPlay(
            win_rate={skill: float(won[rung == skill].mean()) for skill in self._rungs[persona]},
            episodes={skill: int((rung == skill).sum()) for skill in self._rungs[persona]},
            ticks=float(state["t"].mean()),
            win_ticks=float(state["t"][won].mean()) if won.any() else None,
            damage=float(state["damage"].mean()),
            collected=reward(state["collected"].tolist(), self._treasure),
            explored=float(np.mean(sorted(share for _, share, _ in ends))),
            timeouts=int(late.sum()),
            visits=self._visits[persona],
            deaths=_sorted(deaths),
            stuck=_sorted(stuck),
            near=self._near[persona],
            ways=_sorted_sets(self._ways[persona], self._tiles.size),
        )


def _sorted(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    return rows[np.lexsort(rows.T[::-1])].astype(np.int32)


def _sorted_sets(sets: list[NDArray[np.bool_]], cells: int) -> NDArray[np.bool_]:
    return np.array(sorted(sets, key=lambda row: row.tobytes()), bool).reshape(len(sets), cells)
