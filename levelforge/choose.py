"""Choosing levels from a pool by how near they come to what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def nearest_levels(
    measured: Sequence[float] | NDArray[np.floating],
    targets: Sequence[float],
    *,
    slack: float = 0.0,
    penalty: Sequence[float] | NDArray[np.floating] | None = None,
) -> list[int]:
    """Match targets with distinct pool members at the least total cost, max(0, distance - slack) + penalty.

    On a line some best matching keeps the order (crossing pairs never cost less uncrossed, since the cost is convex
    in the distance and a penalty follows its member), so dynamic programming over both sorted sequences is
    exact: ``cost[i, j]`` matches the first ``i`` targets among the first ``j`` members.

    Args:
        measured: what each pool member has, at least as many as targets.
        targets: what is wanted.
        slack: distance that costs nothing.
        penalty: what it costs to choose each member at all.

    Returns:
        For each target, the index of its pool member; ties go to the earlier member.

    Examples:
        >>> nearest_levels([0.9, 0.1, 0.5, 0.45], [0.5, 1.0])
        [2, 0]
        >>> nearest_levels([0.5, 0.52], [0.5], slack=0.05, penalty=[0.02, 0.01])
        [1]
    """
    pool = np.asarray(measured, float)
    order, wanted = np.argsort(pool, kind="stable"), np.argsort(targets, kind="stable")
    values = pool[order]
    extra = np.zeros(len(pool)) if penalty is None else np.asarray(penalty, float)[order]
    cost = np.full((len(targets) + 1, len(pool) + 1), np.inf)
    cost[0] = 0.0
    for i, t in enumerate(wanted, start=1):
        here = np.maximum(0.0, np.abs(values - targets[t]) - slack) + extra
        cost[i, 1:] = np.minimum.accumulate(cost[i - 1, :-1] + here)
    chosen = [0] * len(targets)
    j = len(pool)
    for i in range(len(targets), 0, -1):
        while j > 1 and cost[i, j - 1] <= cost[i, j]:
            j -= 1
        chosen[int(wanted[i - 1])] = int(order[j - 1])
        j -= 1
    return chosen
