"""Exploration: how much of what can be reached an explorer sees.

Mean over the explorer's runs of |tiles visited ∩ tiles that can be reached| / |tiles that can be reached|.
Coverage as a measure of exploration follows Liapis, Yannakakis and Togelius (2013, "Towards a Generic Method
of Evaluating Game Levels"). What can be reached is exact for the rules without patrols, hit points and the clock. In
a platformer the tiles one can only fly through do not count: those are left where one can stand or hold on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from levelforge.game import Game, Role, Tiles
from levelforge.relaxed import reachable_cells
from levelforge.rules.state import compile_levels


def reachable_tiles(tiles: Tiles, game: Game) -> NDArray[np.bool_]:
    """``bool[H, W]``: the tiles of a level that count as places to visit; the start is one in any case."""
    batch = compile_levels(tiles[None], game)
    found: NDArray[np.bool_] = reachable_cells(batch, 0).reshape(tiles.shape)
    found &= resting_places(tiles, game)
    found.flat[batch.start[0]] = True
    return found


def resting_places(tiles: Tiles, game: Game) -> NDArray[np.bool_]:
    """``bool[H, W]``: where one can stand or hold on if one gets there; in a top-down game that is everywhere."""
    roles = game.roles[tiles]
    if game.movement != "platformer":
        return np.ones(roles.shape, bool)
    below = np.full_like(roles, Role.EMPTY)
    below[:-1] = roles[1:]
    rest: NDArray[np.bool_] = (roles == Role.LADDER) | np.isin(
        below, (Role.SOLID, Role.DOOR, Role.ONE_WAY, Role.LADDER)
    )
    return rest


def exploration(visited: NDArray[np.bool_], reachable: NDArray[np.bool_]) -> float:
    """Share of the reachable tiles that one run visited.

    Args:
        visited, reachable: ``bool[H, W]``.

    Examples:
        >>> exploration(np.array([[True, False, True]]), np.array([[True, True, False]]))
        0.5
    """
    there = int(reachable.sum())
    return float((visited & reachable).sum() / there) if there else 0.0
