"""From a pack to certified levels: make candidates, then choose, play and hand over.

The result depends neither on threads nor, unless a difficulty is asked for, on how many levels are asked for: the
first 24 of 1000 levels are the 24 levels that ``n=24`` gives. For that, the certified candidates of the first
:data:`SPREAD_BATCHES` batches are put in an order in which any first few are spread out (:mod:`levelforge.spread`); where
more are wanted, the rest follow as they come. Where a difficulty is asked for, :mod:`levelforge.dial` chooses.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from levelforge.batches import (
    CERTIFIED,
    REASONS,
    STAGES,
    Batch,
    GenerateConfig,
    certified_batches,
    make_batch,
)
from levelforge.choose import nearest_levels
from levelforge.decode import sample_counts
from levelforge.dial import ELITE, MISS, SLACK, dial
from levelforge.errors import LevelForgeError
from levelforge.game import Game
from levelforge.level import Level
from levelforge.models import SCORES
from levelforge.novelty import with_novelty
from levelforge.pack import Pack, load_pack
from levelforge.spread import Distinct, archive_ranks, openness, spread_order

if TYPE_CHECKING:
    from levelforge.playtest.measure import PlaytestResult

__all__ = [
    "CERTIFIED",
    "Batch",
    "GenerateConfig",
    "Generated",
    "Progress",
    "certified_batches",
    "check_config",
    "generate",
    "make_batch",
]

Progress = Callable[[str, int, int], None]
"""Called as ``progress(stage, done, total)`` from the calling thread."""

Play = Callable[[list[Level], int | list[int], bool], list["PlaytestResult"]]
"""Plays levels until each was played so many times on a rung; by the runner alone, if true."""

SPREAD_BATCHES = 3
"""Batches whose certified candidates are put in order, so that few levels are chosen from many."""
JUDGED = 4
"""Batches of candidates that a critic judges at least where a difficulty is asked for; see :func:`_judged`."""
DUPLICATE, NEAR_COPY, NOT_NEEDED = "duplicate", "near_copy", "not_needed"


@dataclass(frozen=True)
class Generated:
    """What came of a :class:`GenerateConfig`.

    Attributes:
        levels: certified, well-formed and distinct levels, each with its solution.
        requested_counts: ``int32[n, E]`` entity counts that were asked for, in the order of ``game.entities``.
        requested_difficulty: the difficulty aimed at by each level, if one was asked for.
        measured: one playtest a level, or None.
        predicted_difficulty: what the critic expected of each level; where a difficulty was asked of a pack with one.
        notes: what whoever asked should know: what could not be given, what was done instead.
        played: candidates that were playtested.
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
    predicted_difficulty: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()
    played: int = 0

    @property
    def difficulty_errors(self) -> tuple[float, ...]:
        """How far each measured difficulty is from the one asked for; empty where none was asked for or measured."""
        if self.requested_difficulty is None or self.measured is None:
            return ()
        pairs = zip(self.measured, self.requested_difficulty, strict=True)
        return tuple(abs(result.difficulty - asked) for result, asked in pairs)


@dataclass
class _Pool:
    """Certified candidates, and what happened to the others."""

    levels: list[Level] = field(default_factory=list)
    requested: list[NDArray[np.int32]] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    candidates: int = 0
    raw: int = 0
    first: int = 0  # certified ones of the batches that are used whole

    @property
    def tiles(self) -> NDArray[np.uint8]:
        """``uint8[N, H, W]`` of the certified."""
        return np.stack([level.tiles for level in self.levels])


@dataclass
class _Choice:
    """What was chosen of a pool: indices in the order in which they are handed over, and what is known of them."""

    order: list[int]
    targets: tuple[float, ...] | None = None
    played: dict[int, PlaytestResult] = field(default_factory=dict)
    predicted: NDArray[np.float64] | None = None
    notes: list[str] = field(default_factory=list)


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
    started = time.perf_counter()
    pool = _collect(pack, config, tell)
    _scale(pool.seconds, time.perf_counter() - started)

    started = time.perf_counter()
    asked = config.difficulty is not None
    play = _player(pack, config, tell) if config.playtest else None
    choice = _dialled(pack, config, pool, play) if asked else _spread_out(pack, config, pool)
    if play is not None:
        # of those that were chosen for a difficulty, the runner's episodes are known already and cost nothing
        results = play([pool.levels[i] for i in choice.order], config.played, False)
        choice.played |= dict(zip(choice.order, results, strict=True))
    levels = with_novelty([pool.levels[i] for i in choice.order], pack.game)
    measured = tuple(choice.played[i] for i in choice.order) if config.playtest else None
    if measured is not None:
        levels = [result.attach(level) for level, result in zip(levels, measured, strict=True)]
    pool.seconds["playtest"] = time.perf_counter() - started
    if len(choice.order) < len(pool.levels):
        pool.rejected[NOT_NEEDED] = len(pool.levels) - len(choice.order)
    named = tuple(x.with_(id=f"{pack.game.name}-{config.seed}-{i:04d}") for i, x in enumerate(levels))
    predicted = choice.predicted
    return Generated(
        named,
        np.array([pool.requested[i] for i in choice.order], np.int32).reshape(len(choice.order), -1),
        choice.targets,
        measured,
        pool.candidates,
        pool.raw / pool.candidates if pool.candidates else 0.0,
        dict(sorted(pool.rejected.items())),
        pool.seconds,
        None if predicted is None else tuple(float(predicted[i]) for i in choice.order),
        tuple(choice.notes),
        len(choice.played),
    )


# --- the pool ----------------------------------------------------------------------------------


def _collect(pack: Pack, config: GenerateConfig, tell: Progress) -> _Pool:
    """Make candidates until there are enough certified ones that are no copies of each other."""
    wanted, whole = _wanted(pack, config)
    pool, seen = _Pool(), set[bytes]()
    # around locked tiles, all levels are alike
    distinct = Distinct(pack.game) if config.diverse and config.lock is None else None
    # closed here and not where it is thrown away, for there Python swallows a Ctrl-C while threads end
    with contextlib.closing(certified_batches(pack, config)) as batches:
        for index, batch in enumerate(batches):
            for stage, spent in batch.seconds.items():
                pool.seconds[stage] += spent
            for i in range(len(batch.tiles)):
                if index >= whole and len(pool.levels) == wanted:
                    break
                pool.candidates += 1
                pool.raw += bool(batch.raw_beatable[i])
                reason = REASONS[batch.verdict[i]]
                key = batch.tiles[i].tobytes()
                if not reason and key in seen:
                    reason = DUPLICATE
                elif not reason and distinct is not None and not distinct.add(batch.tiles[i]):
                    reason = NEAR_COPY
                if reason:
                    pool.rejected[reason] += 1
                    continue
                seen.add(key)
                pool.levels.append(_level(pack, config, batch, i))
                pool.requested.append(batch.requested[i])
            if index < whole:
                pool.first = len(pool.levels)
            tell("certify", min(len(pool.levels), wanted), wanted)
            if index + 1 >= whole and len(pool.levels) >= wanted:
                break
            if pool.candidates >= config.candidate_cap:
                if len(pool.levels) < config.n:
                    raise LevelForgeError(_gave_up(pack.game, config, len(pool.levels), pool))
                break
    return pool


def _wanted(pack: Pack, config: GenerateConfig) -> tuple[int, int]:
    """How many certified levels to make, and how many batches to use whole."""
    if config.lock is not None:
        return config.wanted, 0
    if config.difficulty is None:
        return config.n, SPREAD_BATCHES if config.diverse else 0
    if pack.critic is None:
        return config.wanted, 0
    return _judged(config, config.batch_size(pack.game)), 0


def _judged(config: GenerateConfig, batch: int) -> int:
    """Candidates for the critic: twelve for each level wanted, fewer where levels are large, and never very few."""
    return max(JUDGED * batch, config.n * 3 * batch // 16)


# --- choosing ----------------------------------------------------------------------------------


def _spread_out(pack: Pack, config: GenerateConfig, pool: _Pool) -> _Choice:
    """``n`` levels: the first in the order that spreads, then the others as they came."""
    if not pool.first:
        return _Choice(list(range(config.n)))
    axes, quality, _ = _archive(pack, pool, pool.first)
    order = spread_order(pool.tiles[: pool.first], axes, quality)
    return _Choice([*order, *range(pool.first, len(pool.levels))][: config.n])


def _dialled(pack: Pack, config: GenerateConfig, pool: _Pool, play: Play | None) -> _Choice:
    """Levels of the difficulties asked for, as near as the pool has them."""
    targets, everything = difficulty_targets(config), list(range(len(pool.levels)))
    choice = _Choice(everything[: config.n], targets)
    known: tuple[float, float] | None = None
    if pack.critic is None:
        if play is not None:
            results = play(pool.levels, max(1, config.played // 2), True)
            choice.played = dict(zip(everything, results, strict=True))
            found = [result.difficulty for result in results]
            choice.order, known = nearest_levels(found, targets), (min(found), max(found))
            choice.notes.append(f"this pack has no critic: played every one of {len(found)} candidates")
        else:
            choice.notes.append(
                "this pack has no critic, and nothing was played: how hard these are is not known"
            )
    else:
        axes, quality, scores = _archive(pack, pool, len(pool.levels))
        choice.predicted = np.round(scores[:, 1].astype(float), 4)
        ranks = archive_ranks(axes, quality)
        if play is not None:
            error = pack.critic.difficulty_error
            chosen = dial(
                choice.predicted,
                ranks,
                error,
                targets,
                lambda few, often: play([pool.levels[i] for i in few], often, True),
                config.played,
            )
            choice.order, choice.played = chosen.order, chosen.played
            known = chosen.easiest, chosen.hardest
        else:
            choice.order = nearest_levels(
                choice.predicted, targets, slack=SLACK, penalty=ELITE * np.minimum(ranks, 5)
            )
            known = float(choice.predicted.min()), float(choice.predicted.max())
            choice.notes.append("nothing was played: the critic alone says how hard these are")
    choice.notes += _limits(pack.game, config, targets, known)
    return choice


def _archive(
    pack: Pack, pool: _Pool, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """Where the first ``count`` levels of a pool lie.

    Returns:
        ``float64[N, 2]`` difficulty (or the solution's length) and openness, ``float64[N]`` quality (fun, or
        novelty), and the critic's ``float32[N, 7]`` scores (none without a critic).
    """
    tiles, game = pool.tiles[:count], pack.game
    style = openness(tiles, game)
    if pack.critic is None:
        length = np.array([len(level.solution or ()) for level in pool.levels[:count]], float)
        novelty = [level.novelty or 0.0 for level in with_novelty(pool.levels[:count], game)]
        return np.stack([length, style], axis=1), np.array(novelty), np.zeros((count, 0), np.float32)
    scores = pack.critic(tiles)
    weights = np.array([game.measures.weights[name] for name in SCORES[2:]])
    fun = scores[:, 2:].astype(float) @ (weights / weights.sum())
    return np.stack([scores[:, 1].astype(float), style], axis=1), fun, scores


def _limits(
    game: Game, config: GenerateConfig, targets: tuple[float, ...], known: tuple[float, float] | None
) -> list[str]:
    """What cannot be given: beyond the range that the game declares, or beyond all that there was to choose from."""
    notes = []
    low, high = game.measures.difficulty_range
    beyond = sum(not low <= target <= high for target in targets)
    if beyond:
        notes.append(
            f"{game.name} declares difficulties from {low:.2f} to {high:.2f}; {_of(beyond, targets)} asked for outside "
            "of it: given the nearest there is"
        )
    if known is None:
        return notes
    fixed = ", ".join(f"{name}={count}" for name, count in config.counts.items())
    given = f" with {fixed}" if fixed else ""
    for word, far, missed in (
        ("hardest", known[1], sum(target > known[1] + MISS for target in targets)),
        ("easiest", known[0], sum(target < known[0] - MISS for target in targets)),
    ):
        if missed:
            notes.append(
                f"the {word} of the candidates{given} is about {far:.2f}; {_of(missed, targets)} asked to be "
                f"{'harder' if word == 'hardest' else 'easier'}: given the nearest there is"
            )
    return notes


def _of(count: int, targets: tuple[float, ...]) -> str:
    return f"{count} of {len(targets)} levels {'was' if count == 1 else 'were'}"


def _player(pack: Pack, config: GenerateConfig, tell: Progress) -> Play:
    """Plays levels with the pack's playtesters: the runner on the whole skill ladder, the others on its start."""
    from levelforge.playtest.measure import Playtests

    tests = Playtests(pack.game, pack, seed=config.seed, threads=config.threads)
    return lambda levels, episodes, first_only: tests.play(
        levels, episodes, lambda done, total: tell("playtest", done, total), first_only=first_only
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
    if config.played < 1:
        raise LevelForgeError(f"{config.played} episodes cannot be played; ask for at least 1")
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


def _gave_up(game: Game, config: GenerateConfig, kept: int, pool: _Pool) -> str:
    reasons = ", ".join(
        f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(pool.rejected.items())
    )
    if config.lock is not None:
        return config.lock.nothing_fits(kept, config.n, pool.candidates, reasons)
    return (
        f"{game.name}: only {kept} of {config.n} levels after {pool.candidates} candidates (rejected: {reasons}); "
        "ask for fewer, for other counts or for another size"
    )


def _scale(seconds: dict[str, float], wall: float) -> None:
    """Turn seconds summed over threads into shares of the wall clock, in place."""
    total = sum(seconds.values())
    for stage in seconds:
        seconds[stage] *= wall / total if total else 0.0
