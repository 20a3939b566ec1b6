"""What a corpus must be to learn from, and what is worth saying about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from levelforge.corpus import Corpus
from levelforge.errors import LevelForgeError
from levelforge.level import Level, faults
from levelforge.solver import Unbeatable, solve

FEW = 8
"""Fewer levels than this make a generator that repeats them."""
NODE_LIMIT = 200_000
"""States the solver may expand on one level; one that it cannot decide on counts as good."""
NAMED = 3
"""Levels named in a message; of the others only the number is given."""


def check_corpus(corpus: Corpus, where: str) -> list[str]:
    """Refuse a corpus that nothing can be learned from.

    Args:
        corpus: the levels.
        where: the folder, for messages.

    Returns:
        What to tell about a corpus that can be used: too few levels, levels nobody can win.

    Raises:
        LevelForgeError: a level with a fault, or no level to train on that can be won (which, and why).
    """
    for level in corpus:
        for fault in faults(level, limits=False):
            raise LevelForgeError(f"{where}: level {level.id!r} has {fault}; mend it or take it out")
    lost = [(level, found.reason) for level in corpus.train for found in [_solved(level)] if found]
    count = len(corpus.train)
    notes = []
    if len(lost) == count:
        raise LevelForgeError(
            f"{where}: {'the only level cannot' if count == 1 else f'none of the {count} levels can'} be beaten: "
            f"{_named(lost)}; mend what is there (levelforge repair {where}) or give others"
        )
    if lost:
        notes.append(f"{len(lost)} of {count} levels cannot be beaten and teach nothing: {_named(lost)}")
    if count < FEW:
        levels = "one level" if count == 1 else f"{count} levels"
        notes.append(
            f"{levels} to learn from: the generator will hardly make anything but variations; give {FEW} or more"
        )
    return notes


def level_digests(corpus: Corpus) -> dict[str, str]:
    """For each level's name its size and a digest of its tiles, to tell later which one changed."""
    import hashlib

    return {
        str(
            level.id
        ): f"{level.width}x{level.height} {hashlib.sha256(level.tiles.tobytes()).hexdigest()[:12]}"
        for level in corpus
    }


def what_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Which levels differ between two results of :func:`level_digests`, in words; empty if none does."""
    parts = [
        ("gone", [name for name in old if name not in new]),
        ("new", [name for name in new if name not in old]),
        ("changed", [name for name in old if name in new and old[name] != new[name]]),
    ]
    return "; ".join(f"{word}: {_some(names)}" for word, names in parts if names)


def _solved(level: Level) -> Unbeatable | None:
    found = solve(level, node_limit=NODE_LIMIT)
    return found if isinstance(found, Unbeatable) else None


def _named(lost: Sequence[tuple[Level, str]]) -> str:
    told = "; ".join(f"{level.id!r} ({reason})" for level, reason in lost[:NAMED])
    return told + (f"; and {len(lost) - NAMED} more" if len(lost) > NAMED else "")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
