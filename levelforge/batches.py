"""Batches of candidates: sample, decode, check, repair, certify.

Each stage is a pure function of its batch, the configuration and the seed; what a batch holds depends on its number
and on nothing else, and so neither on threads nor on how many levels are asked for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from levelforge.decode import sample_inputs
from levelforge.game import Game, Role
from levelforge.pack import Pack
from levelforge.playtest.difficulty import EPISODES
from levelforge.repair import RepairBatch, repair_batch
from levelforge.rules.replay import replay_kernel
from levelforge.rules.state import WON, compile_levels

if TYPE_CHECKING:
    from levelforge.lock import Lock

STAGES = ("sample", "repair", "certify", "playtest", "export")
POOL = 4
"""Levels played for each level kept where a difficulty is asked of a pack without a critic."""
DIALLED_EPISODES = 4 * EPISODES
"""Episodes a rung of what is handed over where a difficulty is asked for, which few of them tell less well."""
AIM_REACH = 0.15
"""How far beyond the difficulties asked for the generator is told to aim: it does not hit what it is told."""
CERTIFIED, MALFORMED, UNREPAIRABLE, TOO_SHORT = 0, 1, 2, 3
REASONS = ("", "malformed", "unrepairable", "too_short")


@dataclass(frozen=True)
class GenerateConfig:
    """What to generate.

    Attributes:
        n: levels wanted.
        seed: everything random follows from it.
        size: (width, height) in tiles; None is the game's own.
        difficulty: what to aim at, in [0, 1]: one number for all levels, or (low, high) for a rising run.
        counts: exact numbers of some entities; the others are drawn from the pack's distribution.
        playtest: measure difficulty and fun.
        episodes: played on each rung of the skill ladder; None is :attr:`played`'s to say.
        diverse: no near-copies, and levels in an order that spreads them out, see :mod:`levelforge.spread`; else as they
            come.
        temperature: how far the noise reaches; None is the pack's own.
        threads: worker threads; they change the speed alone.
        node_limit: states the solver may expand on one level before it counts as not certifiable.
        max_candidates: candidates to try before giving up; None is :meth:`candidate_cap`.
        lock: a map whose locked tiles stay (``size`` is then its size, ``counts`` those of the lock).
    """

    n: int
    seed: int = 0
    size: tuple[int, int] | None = None
    difficulty: float | tuple[float, float] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    playtest: bool = True
    episodes: int | None = None
    diverse: bool = True
    temperature: float | None = None
    threads: int = 2
    node_limit: int = 200_000
    max_candidates: int | None = None
    lock: Lock | None = None

    @property
    def candidate_cap(self) -> int:
        """Candidates to try at most: ``max_candidates``, or 1000 and 20 more for each level wanted."""
        if self.lock is not None and self.max_candidates is None:
            return self.lock.candidates(self.wanted)
        return 1000 + 20 * self.n if self.max_candidates is None else self.max_candidates

    @property
    def played(self) -> int:
        """Episodes on a rung: ``episodes`` if given, else more of them where a difficulty is asked for."""
        if self.episodes is not None:
            return self.episodes
        return EPISODES if self.difficulty is None else DIALLED_EPISODES

    @property
    def wanted(self) -> int:
        """Certified levels to make before selection, without a critic."""
        return self.n * POOL if self.playtest and self.difficulty is not None else self.n

    @property
    def aims(self) -> tuple[float, float] | None:
        """Lowest and highest difficulty asked for."""
        if self.difficulty is None or isinstance(self.difficulty, tuple):
            return self.difficulty
        return self.difficulty, self.difficulty

    def batch_size(self, game: Game) -> int:
        """Candidates in a batch: fewer for larger levels, and nothing else decides it."""
        width, height = self.size or game.header.size
        return int(np.clip(4 * 1024 // (width * height), 1, 4)) * 16


@dataclass(frozen=True)
class Batch:
    """A batch of candidates after the last stage that does not look at other batches.

    Attributes:
        tiles: ``uint8[N, H, W]``, repaired where that was needed and possible.
        requested: ``int32[N, E]`` entity counts asked of the generator.
        raw_beatable: ``bool[N]`` well-formed and beatable as the generator made them.
        verdict: ``int8[N]`` ``CERTIFIED`` or the index of the reason in ``REASONS``.
        edits: ``int32[N]`` tiles changed by repair.
        solutions: ``int8[N, T]`` action codes; ``length`` ``int32[N]`` says how many count.
        seconds: time spent by stage.
    """

    tiles: NDArray[np.uint8]
    requested: NDArray[np.int32]
    raw_beatable: NDArray[np.bool_]
    verdict: NDArray[np.int8]
    edits: NDArray[np.int32]
    solutions: NDArray[np.int8]
    length: NDArray[np.int32]
    seconds: Mapping[str, float]


def certified_batches(pack: Pack, config: GenerateConfig) -> Generator[Batch, None, None]:
    """Endless batches in order, made ahead on ``config.threads`` threads."""
    with ThreadPoolExecutor(config.threads) as pool:
        ahead: deque[Future[Batch]] = deque()
        index = 0
        try:
            while True:
                while len(ahead) <= config.threads:
                    ahead.append(pool.submit(make_batch, pack, config, index))
                    index += 1
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def make_batch(pack: Pack, config: GenerateConfig, index: int) -> Batch:
    """Sample, decode, check, repair and certify batch number ``index``; depends on nothing else."""
    times = [time.perf_counter()]
    inputs = sample(pack, config, index)
    lock = config.lock
    if lock is None:
        tiles = pack.generator(inputs)
        requested = inputs["counts"].astype(np.int32)
        good = well_formed(tiles, requested, pack.game)
    else:
        tiles, requested = lock.drafts(pack, inputs, np.random.default_rng([config.seed, index, 1]))
        good = np.ones(len(tiles), bool)
    times.append(time.perf_counter())
    verdict = np.where(good, CERTIFIED, MALFORMED).astype(np.int8)
    frozen = None if lock is None else lock.locked
    fixed = repair_batch(tiles, pack.game, node_limit=config.node_limit, threads=1, frozen=frozen)
    raw = fixed.raw_beatable & (verdict == CERTIFIED)
    times.append(time.perf_counter())
    verdict[(verdict == CERTIFIED) & ~certify(fixed, pack.game)] = UNREPAIRABLE
    short = fixed.length < pack.game.min_solution(tiles.shape[2], tiles.shape[1])
    if lock is None or not lock.ends_locked:
        verdict[(verdict == CERTIFIED) & short] = TOO_SHORT
    times.append(time.perf_counter())
    spent = dict(zip(STAGES, np.diff(times).tolist(), strict=False))
    return Batch(fixed.tiles, requested, raw, verdict, fixed.edits, fixed.actions, fixed.length, spent)


def sample(pack: Pack, config: GenerateConfig, index: int) -> dict[str, NDArray[np.float32]]:
    """The generator's inputs for batch number ``index``."""
    rng = np.random.default_rng([config.seed, index])
    n = config.batch_size(pack.game)
    difficulty = None
    if config.aims is not None:
        low, high = max(0.0, config.aims[0] - AIM_REACH), min(1.0, config.aims[1] + AIM_REACH)
        difficulty = rng.uniform(low, high, n).astype(np.float32)
    return sample_inputs(
        pack.game,
        n,
        config.size,
        rng=rng,
        counts=config.counts,
        distribution=pack.info["count_distribution"],
        difficulty=difficulty,
        temperature=pack.generator.temperature if config.temperature is None else config.temperature,
        latent_channels=pack.generator.latent_channels,
    )


def well_formed(tiles: NDArray[np.uint8], requested: NDArray[np.int32], game: Game) -> NDArray[np.bool_]:
    """``bool[N]``: exactly the requested counts, and a solid border where the game wants one."""
    found = np.stack([(tiles == tile.id).sum(axis=(1, 2)) for tile in game.entities], axis=1)
    good: NDArray[np.bool_] = (found == requested).all(axis=1)
    if game.constraints.solid_border:
        solid = game.roles[tiles] == Role.SOLID
        good &= solid[:, [0, -1], :].all(axis=(1, 2)) & solid[:, :, [0, -1]].all(axis=(1, 2))
    return good


def certify(fixed: RepairBatch, game: Game) -> NDArray[np.bool_]:
    """``bool[N]``: replays each solution under the rules and says whether it wins."""
    compiled = compile_levels(fixed.tiles, game)
    longest = fixed.actions.shape[1]
    path, hp = np.zeros((longest + 1, 2), np.int32), np.zeros(longest + 1, np.int32)
    wins = np.zeros(len(fixed.tiles), bool)
    for i in np.flatnonzero(fixed.edits >= 0):
        wins[i] = replay_kernel(compiled, i, fixed.actions[i, : fixed.length[i]], path, hp)[0] == WON
    return wins
