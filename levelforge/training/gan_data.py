"""Windows of the corpus for the GAN: one size, well-formed, beatable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levelforge.corpus import cut_window
from levelforge.decode import condition
from levelforge.errors import LevelForgeError
from levelforge.game import Game, Tiles
from levelforge.level import Level, faults
from levelforge.solver import solve_batch


@dataclass(frozen=True)
class Windows:
    """What the GAN learns from.

    Attributes:
        tiles: ``uint8[N, H, W]``.
        counts: ``int64[N, E]`` entities of each.
        condition: ``f32[N, 1+E]`` (difficulty unknown).
        weight: ``f64[N]`` chance of being drawn; the windows of one level share its chance.
    """

    tiles: NDArray[np.uint8]
    counts: NDArray[np.int64]
    condition: NDArray[np.float32]
    weight: NDArray[np.float64]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in tiles."""
        return int(self.tiles.shape[2]), int(self.tiles.shape[1])

    def distribution(self, game: Game) -> dict[str, list[float]]:
        """For each entity, the share of windows with 0, 1, 2 … of it (``count_distribution`` of a pack)."""
        return {
            tile.name: (
                np.bincount(self.counts[:, e], self.weight, game.count_ranges[tile.name][1] + 1)
            ).tolist()
            for e, tile in enumerate(game.entities)
        }


def cut_windows(game: Game, levels: Sequence[Tiles], stride: int = 8) -> Windows:
    """Cut the windows of ``[training] window`` (by default the game's size) out of a corpus.

    Each is mended into a level of its own (:func:`levelforge.corpus.cut_window`); what the solver cannot
    beat is left out.

    Args:
        game: the game.
        levels: ``uint8[H, W]`` each, any sizes.
        stride: tiles between windows.

    Raises:
        LevelForgeError: no window is left.
    """
    width, height = game.training.window or game.header.size
    cut, origin = [], []
    for number, tiles in enumerate(levels):
        rows = _offsets(tiles.shape[0], height, stride)
        columns = _offsets(tiles.shape[1], width, stride)
        for y in rows:
            for x in columns:
                window = cut_window(tiles, game, y, x, (width, height))
                if not faults(Level(game, window), limits=(width, height) == game.header.size):
                    cut.append(window)
                    origin.append(number)
    if cut:
        stack = np.stack(cut)
        beatable = solve_batch(stack, game, threads=1).verdict == 1
        stack, origin = stack[beatable], [o for o, good in zip(origin, beatable, strict=True) if good]
    if not origin:
        raise LevelForgeError(
            f"none of the {len(levels)} levels of {game.name} gives a beatable window of {width}x{height}; "
            "add levels of at least that size or set [training] window"
        )
    counts = np.stack([(stack == t.id).sum((1, 2)) for t in game.entities], axis=1)
    share = np.bincount(origin, minlength=len(levels))
    weight = 1.0 / share[origin]
    return Windows(stack, counts, condition(game, counts, (width, height)), weight / weight.sum())


def _offsets(length: int, window: int, stride: int) -> list[int]:
    """Where windows start along one axis; the last one ends with the level."""
    if length < window:
        return []
    return sorted({*range(0, length - window + 1, stride), length - window})
