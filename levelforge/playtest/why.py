"""Why a level is hard: one sentence from the causes and places of the losses.

Losses of one cause within :data:`RADIUS` tiles of each other form a group; the largest group is named, with the share
of all losses that it holds. Rows and columns are counted from 1, as in all messages.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from levelforge.game import Game, Role, Tiles
from levelforge.playtest.result import CAUSES, PersonaPlay
from levelforge.rules.state import compile_levels

RADIUS = 3
SPREAD = 0.3
"""A largest group with less than this share of the losses does not explain them: they are spread out."""
WORDS = (
    (0.25, "a quarter"),
    (1 / 3, "a third"),
    (0.5, "half"),
    (2 / 3, "two thirds"),
    (0.75, "three quarters"),
    (0.95, "nearly all"),
)
NEAR_WORD = 0.05
HAZARD, PATROL, FALL, TIME = 1, 2, 3, len(CAUSES)


def why(play: PersonaPlay, tiles: Tiles, game: Game) -> str:
    """Say in one sentence where and by what the episodes of a persona were lost.

    Args:
        play: the episodes.
        tiles: ``uint8[H, W]`` of the level.
        game: the level's game.
    """
    losses = all_losses(play)
    if not len(losses):
        return f"Not hard: none of {_runs(play)} was lost."
    cause, members = largest_group(losses)
    y, x = (int(np.median(members[:, axis])) for axis in (0, 1))
    near = f"near column {x + 1}" if game.movement == "platformer" else f"near row {y + 1}, column {x + 1}"
    if len(losses) == 1:
        return f"The only loss in {_runs(play)} {_one(cause, tiles, game, y, x)} {near}."
    share = len(members) / len(losses)
    of = f"of the {len(losses)} losses (in {_runs(play)})"
    if share >= SPREAD:
        return f"{_capital(share_words(share))} {of} {_many(cause, tiles, game, y, x)} {near}."
    same = float((losses[:, 2] == cause).mean())
    return f"The losses are spread out: {share_words(same)} {of} {_many(cause, tiles, game, y, x)}, most often {near}."


def all_losses(play: PersonaPlay) -> NDArray[np.int32]:
    """``int32[L, 3]`` (y, x, cause) of every episode that was not won; :data:`TIME` where time ran out."""
    timeouts = np.hstack([play.stuck, np.full((len(play.stuck), 1), TIME, np.int32)])
    return np.concatenate([play.deaths, timeouts])


def largest_group(losses: NDArray[np.int32]) -> tuple[int, NDArray[np.int32]]:
    """The largest set of losses of one cause around one of them (the first in row-major order of equals).

    Args:
        losses: ``int32[L, 3]`` (y, x, cause), at least one.

    Returns:
        The cause, and ``int32[M, 3]`` the group's losses.
    """
    ordered = losses[np.lexsort((losses[:, 2], losses[:, 1], losses[:, 0]))]
    apart = np.maximum(
        abs(ordered[:, None, 0] - ordered[None, :, 0]), abs(ordered[:, None, 1] - ordered[None, :, 1])
    )
    together = (apart <= RADIUS) & (ordered[:, None, 2] == ordered[None, :, 2])
    centre = int(together.sum(axis=1).argmax())
    return int(ordered[centre, 2]), ordered[together[centre]]


def share_words(share: float) -> str:
    """A share in words.

    Examples:
        >>> [share_words(share) for share in (0.24, 0.41, 0.67, 1.0)]
        ['a quarter', '41%', 'two thirds', 'all']
    """
    if share == 1:
        return "all"
    value, word = min(WORDS, key=lambda pair: abs(pair[0] - share))
    return word if abs(value - share) <= NEAR_WORD else f"{share:.0%}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _runs(play: PersonaPlay) -> str:
    return "1 run" if play.played == 1 else f"{play.played} runs"


def _many(cause: int, tiles: Tiles, game: Game, y: int, x: int) -> str:
    if cause == HAZARD:
        return f"happen at the {_nearest_hazard(tiles, game, y, x)}"
    if cause == PATROL:
        return f"happen where the {_nearest_patrol(tiles, game, y, x)} walks"
    return f"are falls {_into(tiles, game, x)}" if cause == FALL else "are players who ran out of time"


def _one(cause: int, tiles: Tiles, game: Game, y: int, x: int) -> str:
    if cause == HAZARD:
        return f"happens at the {_nearest_hazard(tiles, game, y, x)}"
    if cause == PATROL:
        return f"happens where the {_nearest_patrol(tiles, game, y, x)} walks"
    return f"is a fall {_into(tiles, game, x)}" if cause == FALL else "is a player who ran out of time"


def _into(tiles: Tiles, game: Game, x: int) -> str:
    """What one falls into in a column: the gap in the lowest row around it."""
    open_ = ~np.isin(game.roles[tiles[-1]], (Role.SOLID, Role.DOOR, Role.ONE_WAY))
    if not open_[x]:
        return "out of the map"
    first = last = x
    while first > 0 and open_[first - 1]:
        first -= 1
    while last + 1 < len(open_) and open_[last + 1]:
        last += 1
    return f"into the gap of {last - first + 1} tile{'s' if last > first else ''}"


def _nearest_hazard(tiles: Tiles, game: Game, y: int, x: int) -> str:
    """Name of the hazard tile nearest to a cell."""
    places = np.argwhere(game.roles[tiles] == Role.HAZARD)
    nearest = places[np.abs(places - (y, x)).max(axis=1).argmin()]
    return game.tiles[int(tiles[tuple(nearest)])].name


def _nearest_patrol(tiles: Tiles, game: Game, y: int, x: int) -> str:
    """Name of the tile of the patrol whose beat comes nearest to a cell."""
    batch = compile_levels(tiles[None], game)
    beats = batch.patrol[0, : batch.n_patrol[0]]
    apart = np.maximum(abs(beats // batch.width - y), abs(beats % batch.width - x)).min(axis=1)
    homes = np.flatnonzero(np.isin(game.roles[tiles], (Role.ENEMY_H, Role.ENEMY_V)))
    return game.tiles[int(tiles.flat[homes[apart.argmin()]])].name
