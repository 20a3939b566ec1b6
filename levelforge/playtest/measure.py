"""Playing levels many times over, and what that says about them.

A *rung* of the skill ladder is a chance ε that, each turn, some other action than the chosen one is
carried out. On every rung but ε = 0 a level is played ``episodes`` times with different noise. At ε = 0
nothing is random (rules, patrols and the greedy choice are all deterministic, so all episodes would be the
same): it is played once and counts as a full rung. A greedy player can walk in circles until the time is
up; that is a loss like any other, and the reason why difficulty is the mean over the whole ladder.

Difficulty is 1 - mean over the rungs of the share of episodes won (running out of time is no win). Its 95 %
interval combines the rungs' Wilson intervals (Wilson 1927) by squaring and adding their distances from
the estimates (Newcombe 1998, Statistics in Medicine 17:873; Zou and Donner 2008, 27:1693); the rung
ε = 0 is exact and adds nothing.

An episode's noise is a function of the seed, the level's tiles, the rung, the episode's number and the
persona. What a level scores thus depends neither on the levels beside it nor on how they are batched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from levelforge.env.batch import BatchEnv
from levelforge.env.pool import LevelPool
from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.game import Game, Role
from levelforge.level import Level
from levelforge.playtest.observation import PERSONAS
from levelforge.rules import LOST, WON

if TYPE_CHECKING:
    from levelforge.pack import Pack

SKILLS = (0.0, 0.05, 0.1, 0.2, 0.35)
"""The skill ladder: action noise ε of each rung."""
SLOTS = 256
"""Episodes played side by side."""
TIE = 1e-4
"""Values this close count as equal; the first action among them is taken. Rounding differs between machines
and batch sizes by some 1e-6, and exact ties are common in symmetric places."""
CAUSES = ("none", "hazard", "patrol", "fall")

QFunction = Callable[[Mapping[str, NDArray[Any]]], NDArray[np.float32]]
"""Observations (see ``playtest/observation.py``) in, ``float32[N, A]`` values of the actions out."""


@dataclass(frozen=True, eq=False)
class PersonaPlay:
    """How one persona fared on one level, over all rungs.

    Attributes:
        win_rate: share of episodes won, by skill (ε).
        episodes: episodes played, by skill.
        ticks: mean turns or ticks of an episode.
        win_ticks: the same over the episodes won; None if none was.
        damage: mean hit points lost an episode.
        collected: mean share of the collectibles taken; None if the level has none.
        timeouts: episodes that ran out of time.
        visits: ``uint32[H, W]`` visits by cell, summed over the episodes.
        deaths: ``int32[D, 3]`` (y, x, index into :data:`CAUSES`) of each episode lost.
    """

    win_rate: Mapping[float, float]
    episodes: Mapping[float, int]
    ticks: float
    win_ticks: float | None
    damage: float
    collected: float | None
    timeouts: int
    visits: NDArray[np.uint32]
    deaths: NDArray[np.int32]

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
            "timeouts": self.timeouts,
            "deaths": {name: int(n) for name, n in zip(CAUSES[1:], causes[1:], strict=True)},
        }


@dataclass(frozen=True, eq=False)
class PlaytestResult:
    """A playtest of one level.

    Attributes:
        difficulty: 1 - mean win rate over the ladder, of the first persona asked for.
        difficulty_ci: its 95 % interval (see the module).
        personas: what each persona did, in the order asked for.
    """

    difficulty: float
    difficulty_ci: tuple[float, float]
    personas: Mapping[str, PersonaPlay]

    @property
    def first(self) -> PersonaPlay:
        """The play that difficulty is measured on."""
        return next(iter(self.personas.values()))

    @property
    def win_rate(self) -> Mapping[float, float]:
        """Share of episodes won by skill (ε), of the first persona."""
        return self.first.win_rate

    def attach(self, level: Level) -> Level:
        """The level with its difficulty noted."""
        return level.with_(difficulty=self.difficulty, difficulty_ci=self.difficulty_ci)

    def as_json(self) -> dict[str, Any]:
        """``difficulty``, ``difficulty_ci``, ``win_rate`` and ``personas`` as ``playtest --json`` prints them."""
        return {
            "difficulty": round(self.difficulty, 4),
            "difficulty_ci": [round(end, 4) for end in self.difficulty_ci],
            "win_rate": {f"{skill:g}": round(rate, 4) for skill, rate in self.win_rate.items()},
            "personas": {name: play.as_json() for name, play in self.personas.items()},
        }


def playtest(
    levels: Sequence[Level] | NDArray[np.uint8],
    game: Game,
    player: Pack | QFunction,
    *,
    seed: int,
    episodes: int = 8,
    skills: Sequence[float] = SKILLS,
    personas: Sequence[str] = ("runner",),
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[PlaytestResult]:
    """Play every level with every persona on every rung of the skill ladder.

    Args:
        levels: levels of any sizes, or ``uint8[N, H, W]`` tiles.
        game: the game they belong to.
        player: a pack, or a function from observations to action values.
        seed: of the action noise.
        episodes: played on each rung with noise.
        skills: the rungs, ε of each.
        personas: names out of runner, explorer, collector, survivor; difficulty is the first one's.
        threads: to share a pack's inference among.
        progress: called as ``progress(episodes done, episodes in all)``.

    Returns:
        One result a level, in order.

    Raises:
        LevelForgeError: an unknown persona, a skill outside 0 to 1, or no episodes.
    """
    _check(episodes, skills, personas)
    tiles = [level.tiles if isinstance(level, Level) else level for level in levels]
    if not tiles:
        return []
    rungs = [(skill, e) for skill in skills for e in range(episodes if skill > 0 else 1)]
    jobs = list(product(range(len(tiles)), personas, rungs))
    log = _Log(game, tiles, personas, skills)
    with ThreadPoolExecutor(threads) as pool:
        values = _values(player, pool if threads > 1 else None)
        _play(game, tiles, jobs, seed, values, log, progress)
    return [log.result(i) for i in range(len(tiles))]


def difficulty_interval(
    won: Sequence[int], played: Sequence[int], exact: Sequence[bool]
) -> tuple[float, float]:
    """95 % interval of 1 - mean(won / played) (see the module).

    Args:
        won, played: episodes by rung.
        exact: rungs without chance, whose rate is known exactly.
    """
    rates = [w / n for w, n in zip(won, played, strict=True)]
    below = above = 0.0
    for rate, n, sure in zip(rates, played, exact, strict=True):
        if not sure:
            low, high = wilson(rate, n)
            below += (rate - low) ** 2
            above += (high - rate) ** 2
    mean, rungs = 1 - sum(rates) / len(rates), len(rates)
    return max(0.0, mean - above**0.5 / rungs), min(1.0, mean + below**0.5 / rungs)


def wilson(rate: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share ``rate`` seen in ``n`` trials (Wilson 1927)."""
    centre = rate + z * z / (2 * n)
    spread = z * (rate * (1 - rate) / n + z * z / (4 * n * n)) ** 0.5
    scale = 1 + z * z / n
    return (centre - spread) / scale, (centre + spread) / scale


def greedy(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Of ``float32[N, A]`` values, the first action as good as the best (:data:`TIE`), ``int64[N]``."""
    best = values.max(axis=1, keepdims=True)
    first: NDArray[np.int64] = np.argmax(values >= best - TIE * (1 + np.abs(best)), axis=1)
    return first


# --- playing ---------------------------------------------------------------------------------

_Job = tuple[int, str, tuple[float, int]]


def _play(
    game: Game,
    tiles: list[NDArray[np.uint8]],
    jobs: list[_Job],
    seed: int,
    values: QFunction,
    log: _Log,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Play all jobs, ``SLOTS`` at a time: a slot that finishes takes the next job."""
    seeds = _seeds(tiles, jobs, seed)
    slots = min(SLOTS, len(jobs))
    env = BatchEnv(game, LevelPool(game, tiles), slots, seed=0, shaping=False, autoreset=False)
    persona = np.zeros((slots, len(PERSONAS)), np.float32)
    playing = np.full(slots, -1)
    waiting = iter(range(len(jobs)))

    def assign(free: NDArray[np.intp]) -> None:
        for slot in free:
            job = playing[slot] = next(waiting, -1)
            if job >= 0:
                level, name, (skill, _) = jobs[job]
                env.state[slot]["epsilon"] = skill
                persona[slot] = np.eye(len(PERSONAS), dtype=np.float32)[PERSONAS.index(name)]
                env.restart(np.array([slot]), [level], seeds[job : job + 1])
        env.set_persona(persona)

    assign(np.arange(slots))
    obs = env.observation
    actions = np.zeros(slots, np.int64)
    done = 0
    while (active := np.flatnonzero(playing >= 0)).size:
        seen = obs if active.size == slots else {name: array[active] for name, array in obs.items()}
        actions[active] = greedy(values(seen))
        obs, _, _, _, info = env.step(actions)
        for slot, end in zip(info.done, info.episode, strict=True):
            level, name, (skill, _) = jobs[playing[slot]]
            log.add(level, name, skill, end, env.visits(slot))
        if info.done.size:
            done += info.done.size
            assign(info.done)
            if progress:
                progress(done, len(jobs))


def _values(player: Pack | QFunction, pool: ThreadPoolExecutor | None) -> QFunction:
    """The function from observations to values of a pack, or the function itself."""
    if hasattr(player, "playtester"):
        network = player.playtester
        return lambda obs: network(obs, pool)
    return player


def _seeds(tiles: list[NDArray[np.uint8]], jobs: list[_Job], seed: int) -> NDArray[np.uint64]:
    """``uint64[J]``: each job's seed, from what it is rather than where it stands."""
    head = [hashlib.blake2b(f"{seed} {t.shape}".encode() + t.tobytes(), digest_size=8) for t in tiles]
    seeds = np.empty(len(jobs), np.uint64)
    for place, (level, persona, (skill, episode)) in enumerate(jobs):
        key = head[level].copy()
        key.update(f"{persona} {skill:g} {episode}".encode())
        seeds[place] = int.from_bytes(key.digest(), "little")
    return seeds


class _Log:
    """Counts what the episodes of all levels come to."""

    def __init__(
        self, game: Game, tiles: list[NDArray[np.uint8]], personas: Sequence[str], skills: Sequence[float]
    ) -> None:
        self._treasure = [int((game.roles[t] == Role.COLLECTIBLE).sum()) for t in tiles]
        self._personas, self._skills = personas, skills
        self._visits = [{name: np.zeros(t.shape, np.uint32) for name in personas} for t in tiles]
        self._ends: list[dict[str, list[tuple[float, Any]]]] = [
            {name: [] for name in personas} for _ in tiles
        ]

    def add(self, level: int, persona: str, skill: float, end: Any, visits: NDArray[np.uint16]) -> None:
        """Note one finished episode, given the environment's state as it ended."""
        self._visits[level][persona] += visits
        self._ends[level][persona].append((skill, end))

    def result(self, level: int) -> PlaytestResult:
        """Sum one level up."""
        plays = {name: self._sum_up(level, name) for name in self._personas}
        first = plays[self._personas[0]]
        played = [first.episodes[skill] for skill in self._skills]
        won = [round(first.win_rate[skill] * n) for skill, n in zip(self._skills, played, strict=True)]
        difficulty = 1 - sum(first.win_rate[skill] for skill in self._skills) / len(self._skills)
        interval = difficulty_interval(won, played, [skill == 0 for skill in self._skills])
        return PlaytestResult(difficulty, interval, plays)

    def _sum_up(self, level: int, persona: str) -> PersonaPlay:
        ends = self._ends[level][persona]
        # Episodes finish in an order that depends on the batch; sums of whole numbers do not.
        state = np.array([end for _, end in ends])
        rung = np.array([skill for skill, _ in ends])
        won, lost = state["outcome"] == WON, state["outcome"] == LOST
        deaths = np.stack([state["y"][lost], state["x"][lost], state["cause"][lost]], axis=1)
        treasure = self._treasure[level]
        return PersonaPlay(
            win_rate={skill: float(won[rung == skill].mean()) for skill in self._skills},
            episodes={skill: int((rung == skill).sum()) for skill in self._skills},
            ticks=float(state["t"].mean()),
            win_ticks=float(state["t"][won].mean()) if won.any() else None,
            damage=float(state["damage"].mean()),
            collected=float(state["collected"].mean() / treasure) if treasure else None,
            timeouts=int((~won & ~lost).sum()),
            visits=self._visits[level][persona],
            deaths=deaths[np.lexsort(deaths.T[::-1])].astype(np.int32),
        )


def _check(episodes: int, skills: Sequence[float], personas: Sequence[str]) -> None:
    if episodes < 1:
        raise LevelForgeError(f"{episodes} episodes cannot be played; ask for at least 1")
    if not skills or len(set(skills)) != len(skills) or not all(0 <= skill <= 1 for skill in skills):
        raise LevelForgeError(f"skills must be different numbers from 0 to 1, not {list(skills)}")
    if not personas:
        raise LevelForgeError(f"name at least one persona (known: {', '.join(PERSONAS)})")
    for name in personas:
        if name not in PERSONAS:
            raise LevelForgeError(f"unknown persona {name!r}{did_you_mean(name, PERSONAS)}")
