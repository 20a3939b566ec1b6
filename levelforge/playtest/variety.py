"""Variety: how much the surroundings change along the solution, neither too little nor too much.

A window of :data:`WINDOW` x :data:`WINDOW` tiles (less where the level is smaller) follows the solution; a new
one begins whenever the player has come :data:`STRIDE` tiles away from the middle of the last. Each window is
the histogram of its 3x3 tile patterns. D = mean over successive windows of the Kullback-Leibler divergence
KL(new || old) = sum p ln(p / q), in nats, with p = (count + e) / (n + e K) over the K patterns that
either window has (Lucas and Volz 2019, "Tile Pattern KL-Divergence for Analysing and Evolving Game Levels").
The score is 1 inside a band and falls with the squared distance outside, 1 - (D - edge)^2, not below 0: Koster's
"fun is moderated novelty" as Shu, Liu and Yannakakis (2021, "Experience-Driven PCG via Reinforcement Learning")
put it, with their band 0.26 to 0.94 as default.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from levelforge.game import Tiles

PATTERN = 3
"""Tiles along a pattern's side."""
WINDOW, STRIDE = 12, 6
SMOOTHING = 0.1
"""Added to each pattern's count, so that a new pattern costs something finite; with 0.1 the corpora of both bundled games
lie in the published band (5th to 95th percentile 0.41 to 0.90 and 0.31 to 0.70)."""


def variety(divergence: float, band: tuple[float, float]) -> float:
    """Score of a mean divergence in nats.

    Examples:
        >>> [round(variety(d, (0.25, 1.0)), 4) for d in (0.0, 0.5, 1.5, 9.0)]
        [0.9375, 1.0, 0.75, 0.0]
    """
    low, high = band
    off = max(low - divergence, divergence - high, 0.0)
    return max(0.0, 1.0 - off * off)


def path_divergence(tiles: Tiles, path: NDArray[np.int32]) -> float:
    """Mean divergence between successive windows along a path; 0 where there is only one window.

    Args:
        tiles: ``uint8[H, W]``.
        path: ``int32[T, 2]`` cells (y, x).
    """
    if min(tiles.shape) < PATTERN:
        return 0.0
    patterns = pattern_ids(tiles)
    cut = [_window(patterns, tiles.shape, y, x) for y, x in stations(path)]
    steps = [divergence(new, old) for old, new in pairwise(cut)]
    return float(np.mean(steps)) if steps else 0.0


def divergence(new: NDArray[np.int64], old: NDArray[np.int64]) -> float:
    """KL(new || old) in nats of the smoothed histograms of two sets of pattern numbers (``int[n]`` each)."""
    known, place = np.unique(np.concatenate([new, old]), return_inverse=True)
    p = np.bincount(place[: len(new)], minlength=len(known)) + SMOOTHING
    q = np.bincount(place[len(new) :], minlength=len(known)) + SMOOTHING
    p, q = p / p.sum(), q / q.sum()
    return max(0.0, float((p * np.log(p / q)).sum()))


def stations(path: NDArray[np.int32]) -> list[tuple[int, int]]:
    """The cells of a path in the middle of a window: its first, and each that is a stride from the last taken."""
    taken = [(int(path[0, 0]), int(path[0, 1]))]
    for y, x in path.tolist():
        if max(abs(y - taken[-1][0]), abs(x - taken[-1][1])) >= STRIDE:
            taken.append((y, x))
    return taken


def pattern_ids(tiles: Tiles) -> NDArray[np.int64]:
    """``int64[H - 2, W - 2]``: a number for the 3x3 pattern at each place, equal for equal patterns."""
    cut = np.lib.stride_tricks.sliding_window_view(tiles, (PATTERN, PATTERN))
    flat = np.ascontiguousarray(cut.reshape(-1, PATTERN * PATTERN))
    _, numbers = np.unique(flat, axis=0, return_inverse=True)
    return numbers.reshape(cut.shape[:2]).astype(np.int64)


def _window(patterns: NDArray[np.int64], shape: tuple[int, ...], y: int, x: int) -> NDArray[np.int64]:
    """The pattern numbers in the window around a cell, moved inside the level."""
    rows, columns = (min(WINDOW, size) for size in shape)
    top = min(max(y - rows // 2, 0), shape[0] - rows)
    left = min(max(x - columns // 2, 0), shape[1] - columns)
    return patterns[top : top + rows - PATTERN + 1, left : left + columns - PATTERN + 1].ravel()
