"""Reward: how much of what there is to collect a collector gets.

Collectibles taken / (collectibles there x runs), over the collector's runs, won or lost. A level without
collectibles has no such part: it neither gains nor loses fun by it.
"""

from __future__ import annotations

from collections.abc import Sequence


def reward(taken: Sequence[int], there: int) -> float | None:
    """Share of the collectibles taken.

    Args:
        taken: collectibles taken in each run, at least one run.
        there: collectibles of the level.

    Examples:
        >>> reward([2, 4], 4)
        0.75
        >>> reward([0], 0) is None
        True
    """
    return sum(taken) / (there * len(taken)) if there else None
