"""How much of each terrain levels have, and how far that is from what a corpus has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from levelforge.game import Game

LEAST_SHARE = 1e-4
"""Shares below are as good as none."""


def shares(
    game: Game, tiles: NDArray[np.uint8], weight: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """``f64[terrain]``: the share of each terrain in levels ``uint8[N, H, W]`` that weigh ``weight`` (by default alike)."""
    ground = game.ground[tiles]
    each = np.stack([(ground == kind).mean((1, 2)) for kind in range(len(game.terrain))], axis=1)
    return np.average(each, axis=0, weights=weight)


def imbalance(made: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """Mean over the terrains that are wanted of ``abs(log2(made / wanted))``: 1 where shares are off by a factor of 2.

    Args:
        made, wanted: ``f64[terrain]`` shares, see :func:`shares`; shares below :data:`LEAST_SHARE` count as that.
    """
    there = wanted >= LEAST_SHARE
    return float(np.abs(np.log2(made[there].clip(min=LEAST_SHARE) / wanted[there])).mean())
