"""Novelty: how far a level is from everything the networks were shown.

Novelty is the smallest normalised Hamming distance (share of tiles that differ) to any level of the
game's corpus, over the game's symmetries. Where sizes differ, every window of the level is
compared with every window of the corpus level, both of the largest size that fits into both and sliding
by :data:`SLIDE` tiles, so a copied corner is found as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.game import Game, Tiles
from levelforge.level import Level

SLIDE = 4
"""Tiles between neighbouring windows; the last one lies flush with the far edge."""

Cell = TypeVar("Cell", bound=np.generic)


def with_novelty(levels: Sequence[Level], game: Game) -> list[Level]:
    """The levels with their novelty to the game's corpus; unchanged where the game has none."""
    corpus = corpus_tiles(game)
    if not corpus or not levels:
        return list(levels)
    found = novelty([level.tiles for level in levels], corpus, game.training.symmetries)
    return [level.with_(novelty=float(value)) for level, value in zip(levels, found, strict=True)]


def corpus_tiles(game: Game) -> list[Tiles]:
    """Every corpus level of a game, those held out of training too; empty where there is none."""
    if game.folder is None or not (game.folder / "corpus").is_dir():
        return []
    from levelforge.corpus import load_corpus

    return [level.tiles for level in load_corpus(game.folder / "corpus", game)]


def novelty(
    levels: Sequence[Tiles], corpus: Sequence[Tiles], symmetries: Sequence[str] = ()
) -> NDArray[np.float64]:
    """Novelty of each level.

    Args:
        levels: ``uint8[H, W]`` each, of any sizes.
        corpus: ``uint8[H, W]`` each, at least one.
        symmetries: ``flip_x``, ``flip_y``: mirror images that count as the same level.

    Returns:
        ``float64[N]`` in [0, 1].

    Examples:
        >>> a = np.zeros((4, 4), np.uint8)
        >>> b = a.copy()
        >>> b[0, 0] = 1
        >>> novelty([b], [a]).tolist()
        [0.0625]
    """
    best = np.ones(len(levels))
    shapes = {tiles.shape for tiles in corpus}
    for shape in sorted({tiles.shape for tiles in levels}):
        members = [i for i, tiles in enumerate(levels) if tiles.shape == shape]
        for other in sorted(shapes):
            height, width = min(shape[0], other[0]), min(shape[1], other[1])
            mirrored = [
                m for tiles in corpus if tiles.shape == other for m in mirror_images(tiles, symmetries)
            ]
            known = np.concatenate([windows(m, height, width) for m in mirrored])
            cut = [windows(levels[i], height, width) for i in members]
            nearest = nearest_distance(np.concatenate(cut), known).reshape(len(members), -1).min(axis=1)
            best[members] = np.minimum(best[members], nearest / (height * width))
    return best


def mirror_images(cells: NDArray[Cell], symmetries: Sequence[str]) -> list[NDArray[Cell]]:
    """A level (or any map of its cells) and its images under all combinations of the symmetries; itself first."""
    images = [cells]
    if "flip_x" in symmetries:
        images += [m[:, ::-1] for m in images]
    if "flip_y" in symmetries:
        images += [m[::-1] for m in images]
    return images


def windows(tiles: Tiles, height: int, width: int) -> NDArray[np.uint8]:
    """``uint8[M, height*width]``: all windows of a level that slide by :data:`SLIDE`."""
    rows, columns = (
        sorted({*range(0, size - part + 1, SLIDE), size - part})
        for size, part in ((tiles.shape[0], height), (tiles.shape[1], width))
    )
    return np.stack([tiles[y : y + height, x : x + width].ravel() for y in rows for x in columns])


@njit(cache=True, nogil=True)
def nearest_distance(levels: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.int64]:
    """``int64[N]``: tiles that differ from the nearest of ``uint8[M, A]`` for each of ``uint8[N, A]``."""
    area = levels.shape[1]
    nearest = np.full(levels.shape[0], area, np.int64)
    for i in range(levels.shape[0]):
        for m in range(known.shape[0]):
            differ = 0
            for first in range(0, area, 64):
                for a in range(first, min(first + 64, area)):
                    differ += levels[i, a] != known[m, a]
                if differ >= nearest[i]:
                    break
            nearest[i] = min(nearest[i], differ)
    return nearest
