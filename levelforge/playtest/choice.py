"""Choice: whether players who want different things win in different ways.

Mean over the pairs of personas of the mean Jaccard distance 1 - |A ∩ B| / |A ∪ B| (Jaccard 1912) between the sets
of tiles that a winning run of the one and a winning run of the other visit. Where fewer than two
personas win there is no choice: 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray


def choice(ways: Mapping[str, NDArray[np.bool_]]) -> float:
    """Choice between the ways of several personas.

    Args:
        ways: for each persona ``bool[R, H * W]``, the tiles visited by each of its winning runs (R may be 0).

    Examples:
        >>> straight, round_about = np.array([[True, True, False]]), np.array([[True, False, True]])
        >>> round(choice({"runner": straight, "collector": round_about}), 4)
        0.6667
    """
    won = [sets for sets in ways.values() if len(sets)]
    pairs = [float(jaccard_distances(a, b).mean()) for a, b in combinations(won, 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def jaccard_distances(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``float64[R, S]`` distances between the rows of ``bool[R, C]`` and ``bool[S, C]``; two empty sets are equal."""
    shared = a.astype(np.float64) @ b.T.astype(np.float64)
    either = a.sum(axis=1)[:, None] + b.sum(axis=1)[None, :] - shared
    apart: NDArray[np.float64] = 1.0 - np.divide(shared, either, out=np.ones_like(shared), where=either > 0)
    return apart
