"""Patchwork levels for the playtester: a piece of one authored level in another, proven beatable.

What a designer puts together in new ways is familiar in its parts and new as a whole: a ladder in front of a wall that
had none. Pasting pieces of training samples is CutMix (Yun et al. 2019, https://arxiv.org/abs/1905.04899); here the solver
says which of the outcomes are levels. The generator never sees them.
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
"""Pieces tried for each level wanted, at most."""


def patchwork(levels: Sequence[Tiles], n: int, game: Game, seed: int) -> list[Tiles]:
    """Make levels out of pieces of others.

    A piece has a quarter to three quarters of the level's width, and as much of its height or, in half of the cases, all of
    it. It comes from anywhere along the other level and keeps its rows. Start and goal stay where they are.

    Args:
        levels: ``uint8[H, W]`` authored levels, of any sizes; pieces go between levels of the same size.
        n: levels wanted.
        game: their game.
        seed: of the pieces.

    Returns:
        At most ``n`` different ``uint8[H, W]`` levels that can be beaten and are long enough; fewer where
        few pieces fit.
    """
    rng = np.random.default_rng([seed, 11])
    found: dict[bytes, Tiles] = {}
    groups: dict[tuple[int, ...], list[Tiles]] = {}
    for tiles in levels:
        groups.setdefault(tiles.shape, []).append(tiles)
    kinds = [np.stack(group) for group in groups.values() if len(group) > 1]
    if not kinds:
        return []
    share = np.array([len(group) for group in kinds]) / sum(len(group) for group in kinds)
    for _ in range(-(-n * DRAWS // TRIES)):
        group = kinds[rng.choice(len(kinds), p=share)]
        tried = np.stack([_pasted(group, game, rng) for _ in range(TRIES)])
        solved = solve_batch(tried, game, node_limit=NODE_LIMIT, threads=1)
        least = game.min_solution(tried.shape[2], tried.shape[1])
        for tiles in tried[(solved.verdict == 1) & (solved.length >= least)]:
            found.setdefault(tiles.tobytes(), tiles)
        if len(found) >= n:
            break
    known = {tiles.tobytes() for tiles in levels}
    return [tiles for key, tiles in found.items() if key not in known][:n]


def _pasted(group: Tiles, game: Game, rng: np.random.Generator) -> Tiles:
    """One of ``uint8[K, H, W]`` levels with a piece of another in it."""
    into, source = (group[k] for k in rng.choice(len(group), 2, replace=False))
    rim = int(game.constraints.solid_border)
    height, width = (side - 2 * rim for side in into.shape)
    columns = int(rng.integers(width // 4, 3 * width // 4 + 1))
    rows = int(rng.integers(height // 4, 3 * height // 4 + 1)) if rng.random() < 0.5 else height
    y = rim + int(rng.integers(height - rows + 1))
    to, start = (rim + int(rng.integers(width - columns + 1)) for _ in range(2))
    piece = source[y : y + rows, start : start + columns].copy()
    ends = (Role.START, Role.GOAL)
    piece[np.isin(game.roles[piece], ends)] = game.of_role(Role.EMPTY)[0].id
    level: Tiles = into.copy()
    hole = level[y : y + rows, to : to + columns]
    hole[...] = np.where(np.isin(game.roles[hole], ends), hole, piece)
    return level
