"""Playing levels many times over, and what that says about them.

A *rung* of the skill ladder is a chance ε that, each turn, some other action than the chosen one is
carried out. On every rung a level is played ``episodes`` times with different noise; at ε = 0 episodes differ too,
since between actions of about the same value a player decides by chance (``playtest/decide.py``). Running out of time
is a loss like any other.

The first persona climbs the whole ladder, and difficulty is measured on it (``playtest/difficulty.py``). The others
play on the rungs up to :data:`SHARED` alone, and fewer episodes: they are asked what they do, not how often they
win. How fun follows from all this is said in ``playtest/fun.py`` and the modules of its parts.

A level is as hard as its mirror image, and a player that manages one but not the other tells about itself. So a
persona's episodes on a rung take the images in turn that the movement rules treat alike (:data:`MIRRORS`); maps and
places are turned back before they are counted. Patrols set off the same way in all images, which alone is not mirrored.
For the same reason a pack may bring a *panel* of several networks, which take the episodes in turn, too: where one
of them errs, another need not, and difficulty is to be that for players in general.

An episode's noise is a function of the seed, the level's tiles, the rung, the episode's number and the
persona. What a level scores thus depends neither on the levels beside it nor on how they are batched (but for a
decision in some ten million that hangs on the last bit of a network's values).
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from levelforge.env.batch import BatchEnv
from levelforge.env.pool import LevelPool
from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.game import Game, Tiles
from levelforge.level import Level
from levelforge.novelty import mirror_images
from levelforge.playtest.decide import choose
from levelforge.playtest.difficulty import EPISODES, SKILLS, difficulty_interval, wilson
from levelforge.playtest.observation import PERSONAS
from levelforge.playtest.result import CAUSES, PersonaPlay, PlaytestResult
from levelforge.playtest.tally import Tally
from levelforge.playtest.tension import near_danger
from levelforge.rules.replay import replay
from levelforge.solver import Solution, solve

if TYPE_CHECKING:
    from levelforge.pack import Pack

__all__ = [
    "CAUSES",
    "SHARED",
    "SKILLS",
    "PersonaPlay",
    "PlaytestResult",
    "Playtests",
    "QFunction",
    "difficulty_interval",
    "playtest",
    "wilson",
]

SHARED = 0.1
"""Rungs up to this ε are those that personas other than the first play on."""
FEWER = 4
"""The other personas play a rung one episode for so many of the first persona's."""
SOLVE_LIMIT = 200_000
"""States searched for the solution of a level that brings none."""
MIRRORS = {"topdown": ("flip_x", "flip_y"), "platformer": ("flip_x",)}
"""Ways to turn a level, by movement, that the rules do not care about; unlike a style's symmetries (``[training]``)."""
SLOTS = 256
"""Episodes that a worker plays side by side."""

Observations = Mapping[str, NDArray[Any]]
QFunction = Callable[[Observations], NDArray[np.float32]]
"""Observations (see ``playtest/observation.py``) in, ``float32[N, A]`` values of the actions out."""


def playtest(
    levels: Sequence[Level] | NDArray[np.uint8],
    game: Game,
    player: Pack | QFunction,
    *,
    seed: int,
    episodes: int = EPISODES,
    skills: Sequence[float] = SKILLS,
    personas: Sequence[str] = PERSONAS,
    fun: bool = True,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[PlaytestResult]:
    """Play every level with every persona on the rungs of the skill ladder.

    Args:
        levels: levels of any sizes, or ``uint8[N, H, W]`` tiles.
        game: the game they belong to.
        player: a pack, or a function from observations to action values.
        seed: of the action noise.
        episodes: played on each rung.
        skills: the rungs, ε of each.
        personas: names out of runner, explorer, collector, survivor; difficulty is the first one's. What
            personas are missing cannot be part of fun.
        fun: measure fun as well; needs each level's solution, and searches for it where a level brings none.
        threads: to share a pack's episodes among; they change the speed alone.
        progress: called as ``progress(episodes done, episodes in all)``.

    Returns:
        One result a level, in order.

    Raises:
        LevelForgeError: an unknown persona, a skill outside 0 to 1, or no episodes.
    """
    tests = Playtests(game, player, seed=seed, skills=skills, personas=personas, fun=fun, threads=threads)
    return tests.play(levels, episodes, progress)


class Playtests:
    """Playtests that can go on: of a level that was played before, only the episodes still missing are played.

    A level played so many times at once and one played as many times bit by bit come to the same result.

    Args:
        game, player, seed, skills, personas, fun, threads: as for :func:`playtest`.

    Raises:
        LevelForgeError: an unknown persona, or a skill outside 0 to 1.
    """

    def __init__(
        self,
        game: Game,
        player: Pack | QFunction,
        *,
        seed: int,
        skills: Sequence[float] = SKILLS,
        personas: Sequence[str] = PERSONAS,
        fun: bool = True,
        threads: int = 1,
    ) -> None:
        _check(skills, personas)
        self._game, self._seed, self._first, self._fun = game, seed, personas[0], fun
        self._shared = [skill for skill in skills if skill <= SHARED] or [min(skills)]
        self._rungs = {name: self._shared if place else list(skills) for place, name in enumerate(personas)}
        self._panel: Sequence[QFunction] = player.panel if hasattr(player, "panel") else (player,)
        # nothing is known of a function's thread safety
        self._threads = threads if hasattr(player, "panel") else 1
        self._known: dict[bytes, _Known] = {}

    def play(
        self,
        levels: Sequence[Level] | NDArray[np.uint8],
        episodes: int | Sequence[int] = EPISODES,
        progress: Callable[[int, int], None] | None = None,
        *,
        first_only: bool = False,
    ) -> list[PlaytestResult]:
        """Play every level until it was played ``episodes`` times on each rung.

        Args:
            levels: levels of any sizes, or ``uint8[N, H, W]`` tiles.
            episodes: of all levels, or of each.
            progress: called as ``progress(episodes done, episodes in all)``.
            first_only: the first persona alone plays for now, and fun is not measured; the others catch up in a later call.

        Returns:
            One result a level, in order, of all episodes of it so far.

        Raises:
            LevelForgeError: no episodes.
        """
        each = [episodes] * len(levels) if isinstance(episodes, int) else list(episodes)
        if min(each, default=1) < 1:
            raise LevelForgeError(f"{min(each)} episodes cannot be played; ask for at least 1")
        tiles = [level.tiles if isinstance(level, Level) else level for level in levels]
        keys = [repr(t.shape).encode() + t.tobytes() for t in tiles]
        wanted: dict[bytes, tuple[_Known, int]] = {}
        for key, t, n in zip(keys, tiles, each, strict=True):
            if key not in self._known:
                tally = Tally(self._game, t, self._rungs, self._shared)
                self._known[key] = _Known(t, tally, dict.fromkeys(self._rungs, 0))
            wanted[key] = self._known[key], max(n, wanted[key][1] if key in wanted else 0)
        self._play(list(wanted.values()), [self._first] if first_only else list(self._rungs), progress)
        with_fun = self._fun and not first_only
        ways = [_way(level, self._game) if with_fun else None for level in levels]
        return [
            self._known[key].tally.result(way, with_fun=with_fun) for key, way in zip(keys, ways, strict=True)
        ]

    def _play(
        self,
        wanted: Sequence[tuple[_Known, int]],
        personas: Sequence[str],
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Let these personas play what is missing of these levels."""
        # The first persona last: its many short episodes fill the slots that long ones leave.
        jobs = [
            (place, name, (skill, episode))
            for name in reversed(personas)
            for place, (known, n) in enumerate(wanted)
            for skill in self._rungs[name]
            for episode in range(known.played[name], self._of(name, n))
        ]
        if not jobs:
            return
        tiles, tallies = [known.tiles for known, _ in wanted], [known.tally for known, _ in wanted]
        match = _Match(self._game, tiles, jobs, self._seed, self._panel, tallies)
        match.play(self._threads, progress)
        for known, n in wanted:
            for name in personas:
                known.played[name] = max(known.played[name], self._of(name, n))

    def _of(self, persona: str, episodes: int) -> int:
        """How many episodes a persona plays where the first one plays so many."""
        return episodes if persona == self._first else max(1, episodes // FEWER)


@dataclass(frozen=True)
class _Known:
    """A level that was played: its tally, and the episodes on each rung so far, by persona."""

    tiles: Tiles
    tally: Tally
    played: dict[str, int]


# --- playing ---------------------------------------------------------------------------------

_Job = tuple[int, str, tuple[float, int]]


class _Match:
    """All jobs, played by a few workers that take them one by one.

    Which worker plays a job, and beside which others, has no say in what comes of it: an episode's noise is its own,
    a network gives each observation the same values in any company, and tallies do not depend on the order.
    """

    def __init__(
        self,
        game: Game,
        tiles: list[NDArray[np.uint8]],
        jobs: list[_Job],
        seed: int,
        panel: Sequence[QFunction],
        tallies: list[Tally],
    ) -> None:
        self._game, self._jobs, self._panel, self._tallies = game, jobs, panel, tallies
        self._mirrors = MIRRORS[game.movement]
        images = [mirror_images(level, self._mirrors) for level in tiles]
        self._images = len(images[0])
        self._pool = LevelPool(game, [np.ascontiguousarray(image) for level in images for image in level])
        self._seeds = _seeds(tiles, jobs, seed)
        # One network at a time as far as possible: several in turn keep pushing each other's weights out of the cache.
        self._waiting = iter(sorted(range(len(jobs)), key=lambda job: self._member(jobs[job][2][1])))
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._done = 0

    def play(self, workers: int, progress: Callable[[int, int], None] | None) -> None:
        """Play everything; the calling thread is one of the workers and the one that reports progress."""
        slots = min(SLOTS, -(-len(self._jobs) // workers))
        with ThreadPoolExecutor(max(1, workers - 1)) as pool:
            try:
                others = [pool.submit(self._work, slots, None) for _ in range(workers - 1)]
                self._work(slots, progress)
                for other in others:
                    other.result()
            finally:
                self._stop.set()
        if progress:
            progress(self._done, len(self._jobs))

    def _take(self) -> int:
        """The next job; -1 when none is left."""
        with self._lock:
            return next(self._waiting, -1)

    def _work(self, slots: int, progress: Callable[[int, int], None] | None) -> None:
        """Play ``slots`` episodes side by side: a slot that finishes takes the next job."""
        env = BatchEnv(self._game, self._pool, slots, seed=0, shaping=False, autoreset=False)
        near = np.zeros((slots, *self._pool.bounds[:2]), np.uint16)
        persona = np.zeros((slots, len(PERSONAS)), np.float32)
        playing, member = np.full(slots, -1), np.zeros(slots, np.intp)

        def assign(free: NDArray[np.intp]) -> None:
            for slot in free:
                job = playing[slot] = self._take()
                if job >= 0:
                    level, name, (skill, episode) = self._jobs[job]
                    image = level * self._images + episode % self._images
                    member[slot] = self._member(episode)
                    env.state[slot]["epsilon"] = skill
                    persona[slot] = np.eye(len(PERSONAS), dtype=np.float32)[PERSONAS.index(name)]
                    env.restart(np.array([slot]), [image], self._seeds[job : job + 1])
                else:
                    env.state[slot]["over"] = 1
            env.set_persona(persona)

        assign(np.arange(slots))
        while (active := np.flatnonzero(playing >= 0)).size and not self._stop.is_set():
            actions = choose(env, active, lambda seen, asked: self._values(seen, member[asked]))
            felt = active[near_danger(env.observation["view"])[active]]
            near[felt, env.state["y"][felt], env.state["x"][felt]] += 1
            info = env.step(actions)[4]
            for slot, end in zip(info.done, info.episode, strict=True):
                level, name, (skill, episode) = self._jobs[playing[slot]]
                visits = env.visits(slot)
                height, width = visits.shape
                image = episode % self._images
                visits, close = (
                    mirror_images(cells, self._mirrors)[image]  # turned twice is not turned
                    for cells in (visits, near[slot, :height, :width])
                )
                if image & 1:
                    end["x"] = width - 1 - end["x"]
                if image & 2:
                    end["y"] = height - 1 - end["y"]
                with self._lock:
                    self._tallies[level].add(name, skill, end, visits, close)
                near[slot] = 0
            if info.done.size:
                with self._lock:
                    self._done += info.done.size
                assign(info.done)
                if progress:
                    progress(self._done, len(self._jobs))

    def _member(self, episode: int) -> int:
        """Who of the panel plays an episode: each of them each image before any does so again."""
        return (episode + episode // math.lcm(self._images, len(self._panel))) % len(self._panel)

    def _values(self, seen: Observations, member: NDArray[np.intp]) -> NDArray[np.float32]:
        """``float32[N, A]``: each row's values by its member of the panel."""
        if len(self._panel) == 1:
            return self._panel[0](seen)
        values = np.empty((len(member), len(self._game.actions)), np.float32)
        for place in np.unique(member):
            rows = member == place
            values[rows] = self._panel[place]({name: array[rows] for name, array in seen.items()})
        return values


def _way(level: Level | NDArray[np.uint8], game: Game) -> NDArray[np.int32] | None:
    """``int32[T + 1, 2]`` the cells of the level's solution, or of one that is found; None without one."""
    subject = level if isinstance(level, Level) else Level(game, level)
    if subject.solution is not None:
        run = replay(subject, subject.solution)
        if run.outcome == "won":
            return run.path
    answer = solve(subject, node_limit=SOLVE_LIMIT)
    return replay(subject, answer.actions).path if isinstance(answer, Solution) else None


def _seeds(tiles: list[NDArray[np.uint8]], jobs: list[_Job], seed: int) -> NDArray[np.uint64]:
    """``uint64[J]``: each job's seed, from what it is rather than where it stands."""
    head = [hashlib.blake2b(f"{seed} {t.shape}".encode() + t.tobytes(), digest_size=8) for t in tiles]
    seeds = np.empty(len(jobs), np.uint64)
    for place, (level, persona, (skill, episode)) in enumerate(jobs):
        key = head[level].copy()
        key.update(f"{persona} {skill:g} {episode}".encode())
        seeds[place] = int.from_bytes(key.digest(), "little")
    return seeds


def _check(skills: Sequence[float], personas: Sequence[str]) -> None:
    if not skills or len(set(skills)) != len(skills) or not all(0 <= skill <= 1 for skill in skills):
        raise LevelForgeError(f"skills must be different numbers from 0 to 1, not {list(skills)}")
    if not personas:
        raise LevelForgeError(f"name at least one persona (known: {', '.join(PERSONAS)})")
    for name in personas:
        if name not in PERSONAS:
            raise LevelForgeError(f"unknown persona {name!r}{did_you_mean(name, PERSONAS)}")
