"""Tension: how much of a winning run is spent close to a danger.

Share s = ticks within :data:`REACH` tiles of a danger / ticks, pooled over the winning runs. A danger is a hazard
or a patrol where it is at that tick; tiles are counted as a chess king walks, through walls too, since a wall
between a player and a bat is seldom long. The score is 1 inside a band [a, b] and falls linearly outside it:
s / a below, (1 - s) / (1 - b) above. Too little danger bores and too much wears out: the inverted U of arousal
theory (Berlyne 1971, "Aesthetics and Psychobiology"), as the tension curves of game design use it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.game import Game, Role, Tiles
from levelforge.playtest.observation import RIGHT, UP
from levelforge.rules.state import compile_levels

_HAZARD = int(Role.HAZARD)

REACH = 2
"""Tiles within which a danger is felt."""


def near_danger(view: NDArray[np.uint8], reach: int = REACH) -> NDArray[np.bool_]:
    """Which players have a danger within reach.

    Args:
        view: ``uint8[N, C, VH, VW]`` of the observation (:mod:`levelforge.playtest.observation`).
        reach: tiles, as a king walks.

    Returns:
        ``bool[N]``.
    """
    near: NDArray[np.bool_] = _near_danger(view, reach)
    return near


@njit(cache=True, nogil=True)
def _near_danger(view: Any, reach: int) -> Any:
    near = np.zeros(len(view), np.bool_)
    y, x = view.shape[2] // 2, view.shape[3] // 2
    for i in range(len(view)):
        for row in range(y - reach, y + reach + 1):
            for column in range(x - reach, x + reach + 1):
                code = view[i, 0, row, column]
                near[i] |= code == _HAZARD or RIGHT <= code <= UP
    return near


def tension(share: float, band: tuple[float, float]) -> float:
    """Score of a share of ticks near a danger.

    Args:
        share: in [0, 1].
        band: [a, b] with 0 <= a <= b <= 1.

    Examples:
        >>> [tension(share, (0.25, 0.5)) for share in (0.0, 0.125, 0.4, 0.75)]
        [0.0, 0.5, 1.0, 0.5]
    """
    low, high = band
    if share < low:
        return share / low
    if share > high:
        return (1 - share) / (1 - high)
    return 1.0


def danger_distance(tiles: Tiles, game: Game, path: NDArray[np.int32]) -> NDArray[np.float64]:
    """How far the nearest danger is at each tick of a run, in king's moves.

    Args:
        tiles: ``uint8[H, W]``.
        game: whose rules apply.
        path: ``int32[T + 1, 2]`` (y, x) at ticks 0 to T, as from :func:`levelforge.replay`.

    Returns:
        ``float64[T + 1]``; infinite where a level has no danger.
    """
    batch = compile_levels(tiles[None], game)
    hazards = np.argwhere(game.roles[tiles] == Role.HAZARD)
    nearest = np.full(len(path), np.inf)
    for y, x in hazards:
        nearest = np.minimum(nearest, np.maximum(abs(path[:, 0] - y), abs(path[:, 1] - x)))
    phase = np.arange(len(path)) % batch.patrol.shape[2]
    for beat in batch.patrol[0, : batch.n_patrol[0]]:
        y, x = np.divmod(beat[phase], batch.width)
        nearest = np.minimum(nearest, np.maximum(abs(path[:, 0] - y), abs(path[:, 1] - x)))
    return nearest
