"""From a pack to certified levels: sample, decode, check, repair, certify, playtest, select.

Each stage is a pure function of its batch, the configuration and the seed, so the result depends
neither on threads nor on how many levels are asked for: the first 24 of 1000 levels are the 24
levels that ``n=24`` gives (unless a difficulty is asked for, which selects from a pool).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from levelforge.choose import nearest_levels
from levelforge.decode import sample_counts, sample_inputs
from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role
from levelforge.level import Level
from levelforge.novelty import with_novelty
from levelforge.pack import Pack, load_pack
from levelforge.repair import RepairBatch, repair_batch
from levelforge.rules.replay import replay_kernel
from levelforge.rules.state import WON, compile_levels

if TYPE_CHECKING:
    from levelforge.lock import Lock
    from levelforge.playtest.measure import PlaytestResult

Progress = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)`` from the calling thread."""

STAGES = ("sample", "repair", "certify", "playtest", "export")
POOL = 4
"""Levels playtested for each level kept, when a difficulty is asked for."""
CERTIFIED, MALFORMED, UNREPAIRABLE, TOO_SHORT = 0, 1, 2, 3
REASONS = ("", "malformed", "unrepairable", "too_short")
DUPLICATE = "duplicate"


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
    def wanted(self) -> int:
        """Certified levels to make before selection."""
        return self.n * POOL if self.playtest and self.difficulty is not None else self.n

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


@dataclass(frozen=True)
class Generated:
    """What came of a :class:`GenerateConfig`.

    Attributes:
        levels: certified, well-formed and distinct levels, each with its solution.
        requested_counts: ``int32[n, E]`` entity counts that were asked for, in the order of ``game.entities``.
        requested_difficulty: the difficulty aimed at by each level, if one was asked for.
        measured: one playtest a level, or None.
        candidates: how many were tried; all were kept or counted in ``rejected``.
        raw_beatable: share of the candidates that were well-formed and beatable before repair.
        rejected: why candidates were not kept.
        seconds: wall-clock seconds by stage (work of parallel threads counts by its share).
    """

    levels: tuple[Level, ...]
    requested_counts: NDArray[np.int32]
    requested_difficulty: tuple[float, ...] | None
    measured: tuple[PlaytestResult, ...] | None
    candidates: int
    raw_beatable: float
    rejected: Mapping[str, int]
    seconds: Mapping[str, float]


def generate(pack: Pack | str | Path, config: GenerateConfig, progress: Progress | None = None) -> Generated:
    """Make levels.

    Args:
        pack: a trained pack, or what :func:`levelforge.load_pack` takes.
        config: what to make.
        progress: told how far each stage is.

    Raises:
        LevelForgeError: sizes, counts or difficulties the game does not allow, or the candidate cap
            was reached first.

    Examples:
        >>> from levelforge.generate import GenerateConfig, generate
        >>> made = generate("dungeon", GenerateConfig(n=3, seed=7, playtest=False))  # doctest: +SKIP
        >>> [len(level.solution) for level in made.levels]  # doctest: +SKIP
        [41, 57, 38]
    """
    if not isinstance(pack, Pack):
        pack = load_pack(pack)
    check_config(pack.game, config)
    tell = progress or (lambda _stage, _done, _total: None)
    seconds = dict.fromkeys(STAGES, 0.0)
    seen: set[bytes] = set()
    kept: list[Level] = []
    requested: list[NDArray[np.int32]] = []
    rejected: Counter[str] = Counter()
    candidates = raw = 0
    started = time.perf_counter()
    for batch in certified_batches(pack, config):
        for stage, spent in batch.seconds.items():
            seconds[stage] += spent
        for i in range(len(batch.tiles)):
            if len(kept) == config.wanted:
                break
            candidates += 1
            raw += bool(batch.raw_beatable[i])
            reason = REASONS[batch.verdict[i]]
            key = batch.tiles[i].tobytes()
            if not reason and key in seen:
                reason = DUPLICATE
            if reason:
                rejected[reason] += 1
                continue
            seen.add(key)
            kept.append(_level(pack, config, batch, i))
            requested.append(batch.requested[i])
        tell("certify", len(kept), config.wanted)
        if len(kept) == config.wanted:
            break
        if candidates >= config.candidate_cap:
            raise LevelForgeError(_gave_up(pack.game, config, len(kept), candidates, rejected))
    _scale(seconds, time.perf_counter() - started)

    started = time.perf_counter()
    measured, targets, order = None, None, list(range(len(kept)))
    if config.playtest:
        everything = measure(kept, pack, config, tell)
        if config.difficulty is not None:
            targets = difficulty_targets(config)
            order = nearest_levels([m.difficulty for m in everything], targets)
        measured = tuple(everything[i] for i in order)
    elif config.difficulty is not None:
        targets = difficulty_targets(config)
    levels = with_novelty([kept[i] for i in order], pack.game)
    if measured is not None:
        levels = [m.attach(level) for level, m in zip(levels, measured, strict=True)]
    seconds["playtest"] = time.perf_counter() - started
    named = tuple(x.with_(id=f"{pack.game.name}-{config.seed}-{i:04d}") for i, x in enumerate(levels))
    return Generated(
        named,
        np.array([requested[i] for i in order], np.int32).reshape(len(order), -1),
        targets,
        measured,
        candidates,
        raw / candidates if candidates else 0.0,
        dict(sorted(rejected.items())),
        seconds,
    )


def certified_batches(pack: Pack, config: GenerateConfig) -> Iterator[Batch]:
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
    aim = config.difficulty
    difficulty = rng.uniform(aim[0], aim[1], n).astype(np.float32) if isinstance(aim, tuple) else aim
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


def measure(levels: list[Level], pack: Pack, config: GenerateConfig, tell: Progress) -> list[PlaytestResult]:
    """Playtest levels with the pack's playtester: the runner on the whole skill ladder, the others on its start."""
    from levelforge.playtest.measure import playtest

    return playtest(
        levels,
        pack.game,
        pack,
        seed=config.seed,
        threads=config.threads,
        progress=lambda done, total: tell("playtest", done, total),
    )


def difficulty_targets(config: GenerateConfig) -> tuple[float, ...]:
    """What each of the ``n`` levels aims at: one number, or evenly spaced and rising."""
    low, high = (
        config.difficulty if isinstance(config.difficulty, tuple) else (config.difficulty, config.difficulty)
    )
    return tuple(round(float(t), 4) for t in np.linspace(low or 0.0, high or 0.0, config.n))


def check_config(game: Game, config: GenerateConfig) -> None:
    """Refuse what the game cannot give.

    Raises:
        LevelForgeError: names what is allowed.
    """
    size = config.size or game.header.size
    game.check_size(*size)
    if config.n < 1:
        raise LevelForgeError(f"{config.n} levels cannot be made; ask for at least 1")
    if config.seed < 0:
        raise LevelForgeError(f"seed {config.seed} is negative; use 0 or more")
    sample_counts(game, 1, size, rng=np.random.default_rng(0), counts=config.counts)
    wanted = config.difficulty
    ends = wanted if isinstance(wanted, tuple) else (wanted,) if wanted is not None else ()
    if any(not 0.0 <= end <= 1.0 for end in ends):
        raise LevelForgeError(
            f"difficulty {':'.join(f'{e:g}' for e in ends)} is outside 0 (easy) to 1 (hard)"
        )
    if len(ends) == 2 and ends[0] > ends[1]:
        raise LevelForgeError(f"difficulty {ends[0]:g}:{ends[1]:g} must rise, low before high")


def _level(pack: Pack, config: GenerateConfig, batch: Batch, i: int) -> Level:
    return Level(
        pack.game,
        batch.tiles[i],
        seed=config.seed,
        pack=pack.hash,
        solution=tuple(batch.solutions[i, : batch.length[i]].tolist()),
        edits=int(batch.edits[i]),
        extra=config.lock.extra() if config.lock else {},
    )


def _gave_up(
    game: Game, config: GenerateConfig, kept: int, candidates: int, rejected: Mapping[str, int]
) -> str:
    reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(rejected.items()))
    if config.lock is not None:
        return config.lock.nothing_fits(kept, config.wanted, candidates, reasons)
    return (
        f"{game.name}: only {kept} of {config.wanted} levels after {candidates} candidates (rejected: {reasons}); "
        "ask for fewer, for other counts or for another size"
    )


def _scale(seconds: dict[str, float], wall: float) -> None:
    """Turn seconds summed over threads into shares of the wall clock, in place."""
    total = sum(seconds.values())
    for stage in seconds:
        seconds[stage] *= wall / total if total else 0.0
