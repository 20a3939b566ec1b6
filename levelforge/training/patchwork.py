"""Patchwork levels for the playtester: pieces of authored levels in another, proven beatable.

What a designer puts together in new ways is familiar in its parts and new as a whole: a ladder in front of a wall that
had none. Pieces are also raised, lowered, drawn out and pushed together, for unseen levels have higher walls and wider
gaps than those at hand. Pasting pieces of training samples is CutMix (Yun et al. 2019, https://arxiv.org/abs/1905.04899),
varying what a level is made of so that players learn what does not depend on it is domain randomisation (Tobin et al.
2017, https://arxiv.org/abs/1703.06907); here the solver says which of the outcomes are levels. The generator never sees
them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from levelforge.game import Game, Role, Tiles
from levelforge.solver import solve_batch

NODE_LIMIT = 100_000
TRIES = 64
"""Pieces pasted at a time."""
DRAWS = 8
"""Levels tried for each one wanted, at most."""
ENDS = (Role.START, Role.GOAL)
PIECES = 3
"""Pieces pasted into a level, at most."""
RISE = 4
"""Rows that a piece is moved up or down, at most."""
RARE = 0.25
"""Least share of a size among the levels made; see :func:`quotas`."""
STRETCH = 1.5
"""How far a piece is drawn out or pushed together sideways, at most."""


def patchwork(levels: Sequence[Tiles], n: int, game: Game, seed: int) -> list[Tiles]:
    """Make levels out of pieces of others.

    One to :data:`PIECES` pieces are pasted into a level. A piece takes a quarter to three quarters of its width, and
    as much of its height or, in half of the cases, all of it. It comes from anywhere along any of the levels,
    drawn out or pushed together sideways by up to :data:`STRETCH`, and keeps its rows or, in half of the cases, is moved
    by up to :data:`RISE` of them; what lies beyond the source's edge is as its outermost row. Start and goal stay where
    they are.

    How many levels of each size are made is for :func:`quotas` to say.

    Args:
        levels: ``uint8[H, W]`` authored levels, of any sizes; pieces go between all of them.
        n: levels wanted.
        game: their game.
        seed: of the pieces.

    Returns:
        At most ``n`` different ``uint8[H, W]`` levels that can be beaten and are long enough; fewer where
        few pieces fit, and none of a single level.
    """
    if len(levels) < 2:
        return []
    rng = np.random.default_rng([seed, 11])
    kinds: dict[tuple[int, int], list[Tiles]] = {}
    for tiles in levels:
        kinds.setdefault(_shape(tiles), []).append(tiles)
    made: list[Tiles] = []
    for shape, quota in quotas(levels, n).items():
        kind = kinds[shape]
        known = {tiles.tobytes() for tiles in kind}
        found: dict[bytes, Tiles] = {}
        for _ in range(-(-quota * DRAWS // TRIES)):
            tried = np.stack([_pasted(kind, levels, game, rng) for _ in range(TRIES)])
            solved = solve_batch(tried, game, node_limit=NODE_LIMIT, threads=1)
            least = game.min_solution(tried.shape[2], tried.shape[1])
            for tiles in tried[(solved.verdict == 1) & (solved.length >= least)]:
                found.setdefault(tiles.tobytes(), tiles)
            if len(found.keys() - known) >= quota:
                break
        made += [tiles for key, tiles in found.items() if key not in known][:quota]
    return made


def quotas(levels: Sequence[Tiles], n: int) -> dict[tuple[int, int], int]:
    """How many levels of which size to make for a player that is to know all sizes of ``levels``.

    Each size (height, width) as often as it is there, but none in less than :data:`RARE` of the levels (before shares are
    made to add up): a size of which a designer has drawn a single level is one that players will meet.

    Examples:
        >>> quotas([np.zeros((16, 64), np.uint8)] * 9 + [np.zeros((16, 128), np.uint8)], 46)
        {(16, 64): 36, (16, 128): 10}
    """
    sizes = [_shape(tiles) for tiles in levels]
    kinds = list(dict.fromkeys(sizes))
    share = np.cumsum([max(sizes.count(kind) / len(sizes), RARE) for kind in kinds])
    edges = np.round(n * share / share[-1]).astype(int).tolist()
    return {kind: high - low for kind, low, high in zip(kinds, [0, *edges], edges, strict=False)}


def _shape(tiles: Tiles) -> tuple[int, int]:
    height, width = tiles.shape
    return height, width


def _pasted(kind: Sequence[Tiles], sources: Sequence[Tiles], game: Game, rng: np.random.Generator) -> Tiles:
    """One of some levels of one size with pieces of others in it."""
    level: Tiles = kind[int(rng.integers(len(kind)))].copy()
    rim = int(game.constraints.solid_border)
    things = [tile.id for tile in game.entities]
    for _ in range(rng.integers(1, PIECES + 1)):
        source = sources[int(rng.integers(len(sources)))]
        # of what fits into both
        height, width = (
            min(one, other) - 2 * rim for one, other in zip(level.shape, source.shape, strict=True)
        )
        columns = int(rng.integers(width // 4, 3 * width // 4 + 1))
        rows = int(rng.integers(height // 4, 3 * height // 4 + 1)) if rng.random() < 0.5 else height
        y, x = (
            rim + int(rng.integers(side - 2 * rim - size + 1))
            for side, size in zip(level.shape, (rows, columns), strict=True)
        )
        taken = min(source.shape[1] - 2 * rim, max(1, round(columns * STRETCH ** rng.uniform(-1.0, 1.0))))
        start = rim + int(rng.integers(source.shape[1] - 2 * rim - taken + 1))
        across = start + np.arange(columns) * taken // columns
        rise = int(rng.integers(-RISE, RISE + 1)) if rng.random() < 0.5 else 0
        down = np.clip(np.arange(y, y + rows) + rise, rim, source.shape[0] - 1 - rim)
        piece = source[np.ix_(down, across)]
        again = (np.diff(across, prepend=-1) == 0)[None, :] | (np.diff(down, prepend=-1) == 0)[:, None]
        gone = np.isin(game.roles[piece], ENDS) | (
            again & np.isin(piece, things)
        )  # terrain alone is drawn out
        piece[gone] = game.empty.id
        hole = level[y : y + rows, x : x + columns]
        hole[...] = np.where(np.isin(game.roles[hole], ENDS), hole, piece)
    return level
