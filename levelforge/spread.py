"""Spreading a set out: no near-copies, and an order in which any first few levels differ as much as they can.

A *quality-diversity archive* (MAP-Elites: Mouret and Clune 2015, "Illuminating search spaces by mapping elites") lays a
grid over difficulty x style. Style is openness, the share of tiles that are not solid. The best level of each
cell by some quality (the critic's fun, or novelty) is its elite and comes before the cell's other levels. Among the
elites, as among the levels of each later rank, the next is always the one farthest from all those taken before
(Gonzalez 1985, "Clustering to minimize the maximum intercluster distance"): each prefix of that order covers the
pool at most twice as coarsely as the best set of that size would. Distance is that in the grid plus the share of tiles
that differ.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.game import Game, Role, Tiles
from levelforge.novelty import mirror_images

BINS = 8
"""Cells of the archive along each axis."""
EDGE = 0.02
"""Share of the levels at either end of an axis that fall into its outermost cells: oddities do not stretch the grid."""
NEAR_COPY = 0.02
"""Share of tiles in which two levels of a set differ at least, over the game's symmetries. (The two nearest of 400
levels of the bundled packs differ in some 7 %.)"""


def openness(tiles: NDArray[np.uint8], game: Game) -> NDArray[np.float64]:
    """``float64[N]``: share of the tiles of ``uint8[N, H, W]`` that are not solid."""
    found: NDArray[np.float64] = (game.roles[tiles] != Role.SOLID).mean(axis=(1, 2))
    return found


def archive_cells(axes: NDArray[np.floating], bins: int = BINS) -> NDArray[np.int64]:
    """The archive's cell of each level.

    Args:
        axes: ``float[N, 2]`` difficulty and style.
        bins: cells along each axis.

    Returns:
        ``int64[N]`` from 0 to ``bins**2 - 1``.
    """
    place = np.minimum((unit_axes(axes) * bins).astype(np.int64), bins - 1)
    cells: NDArray[np.int64] = place[:, 0] * bins + place[:, 1]
    return cells


def archive_ranks(axes: NDArray[np.floating], quality: NDArray[np.floating]) -> NDArray[np.int64]:
    """``int64[N]``: each level's place in its cell of the archive by quality (``float[N]``); elites have 0."""
    ranks = np.zeros(len(axes), np.int64)
    members: dict[int, int] = {}
    cells = archive_cells(axes).tolist()
    for i in np.argsort(-quality, kind="stable").tolist():
        ranks[i] = members.get(cells[i], 0)
        members[cells[i]] = int(ranks[i]) + 1
    return ranks


def unit_axes(axes: NDArray[np.floating]) -> NDArray[np.float64]:
    """``float[N, 2]`` stretched to [0, 1] along each axis, the outermost :data:`EDGE` clipped."""
    low, high = np.quantile(axes, [EDGE, 1 - EDGE], axis=0)
    stretched: NDArray[np.float64] = np.clip((axes - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    return stretched


def spread_order(
    tiles: NDArray[np.uint8], axes: NDArray[np.floating], quality: NDArray[np.floating]
) -> list[int]:
    """The order of the module's docstring.

    Args:
        tiles: ``uint8[N, H, W]``.
        axes: ``float[N, 2]`` difficulty (or what stands for it) and style.
        quality: ``float[N]``, more is better.

    Returns:
        The indices 0 to N - 1, each once. The first is the best of all.
    """
    if not len(tiles):
        return []
    places, flat = unit_axes(axes), tiles.reshape(len(tiles), -1)
    ranks = archive_ranks(axes, quality)
    best_first = np.argsort(-quality, kind="stable")
    gap = np.full(len(tiles), np.inf)
    order: list[int] = []
    for rank in range(int(ranks.max()) + 1):
        left = [int(i) for i in best_first if ranks[i] == rank]
        while left:
            i = left.pop(int(np.argmax(gap[left])))
            order.append(i)
            apart = np.abs(places - places[i]).mean(axis=1) + (flat != flat[i]).mean(axis=1)
            gap = np.minimum(gap, apart)
    return order


class Distinct:
    """Remembers levels of one size and says of each new one whether it is nearly one of them.

    Args:
        game: whose symmetries count: a mirror image of a level is a copy of it.
        bound: share of the tiles that must differ.
    """

    def __init__(self, game: Game, bound: float = NEAR_COPY) -> None:
        self._symmetries, self._bound = game.training.symmetries, bound
        self._known = np.zeros((64, 0), np.uint8)
        self._count = 0
        self._shuffled = np.zeros(0, np.int64)

    def add(self, tiles: Tiles) -> bool:
        """Remember ``uint8[H, W]`` tiles, unless they are a near-copy; whether they were remembered."""
        if not self._count:
            self._known = np.zeros((len(self._known), tiles.size), np.uint8)
            # Levels of a game share their edges: in a mixed order, what differs is met sooner.
            self._shuffled = np.random.default_rng(0).permutation(tiles.size)
        least = int(np.ceil(self._bound * tiles.size))
        for image in mirror_images(tiles, self._symmetries):
            if _near_any(image.ravel()[self._shuffled], self._known, self._count, least):
                return False
        if self._count == len(self._known):
            self._known = np.concatenate([self._known, np.zeros_like(self._known)])
        self._known[self._count] = tiles.ravel()[self._shuffled]
        self._count += 1
        return True


@njit(cache=True, nogil=True)
def _near_any(level, known, count, least) -> bool:  # type: ignore[no-untyped-def]
    """Whether ``uint8[A]`` differs from any of the first ``count`` of ``uint8[M, A]`` in less than ``least`` tiles."""
    area = level.shape[0]
    for m in range(count):
        differ = 0
        for first in range(0, area, 64):
            for a in range(first, min(first + 64, area)):
                differ += level[a] != known[m, a]
            if differ >= least:
                break
        if differ < least:
            return True
    return False
