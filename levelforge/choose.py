"""Choosing levels from a pool by how near they come to what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def nearest_levels(measured: Sequence[float], targets: Sequence[float]) -> list[int]:
    """Match targets with distinct pool members at the least total distance.

    On a line some best matching keeps the order (crossing pairs never cost less uncrossed), so dynamic
    programming over both sorted sequences is exact: ``cost[i, j]`` matches the first ``i`` targets
    among the first ``j`` members.

    Args:
        measured: what each pool member has, at least as many as targets.
        targets: what is wanted.

    Returns:
        For each target, the index of its pool member; ties go to the earlier member.

    Examples:
        >>> nearest_levels([0.9, 0.1, 0.5, 0.45], [0.5, 1.0])
        [2, 0]
    """
    pool = np.asarray(measured, float)
    order, wanted = np.argsort(pool, kind="stable"), np.argsort(targets, kind="stable")
    values = pool[order]
    cost = np.full((len(targets) + 1, len(pool) + 1), np.inf)
    cost[0] = 0.0
    for i, t in enumerate(wanted, start=1):
        cost[i, 1:] = np.minimum.accumulate(cost[i - 1, :-1] + np.abs(values - targets[t]))
    chosen = [0] * len(targets)
    j = len(pool)
    for i in range(len(targets), 0, -1):
        while j > 1 and cost[i, j - 1] <= cost[i, j]:
            j -= 1
        chosen[int(wanted[i - 1])] = int(order[j - 1])
        j -= 1
    return chosen
