"""Where several levels lie in one world."""

from __future__ import annotations

import math
from collections.abc import Sequence

from levelforge.errors import LevelForgeError
from levelforge.level import Level

GAP = 2
"""Free tiles between neighbours."""


def positions(levels: Sequence[Level]) -> list[tuple[int, int]]:
    """The top left corner of each level, (x, y) in tiles: rows of about as many levels as there are rows.

    Raises:
        LevelForgeError: no level, levels of different games, or two of one name.
    """
    if not levels:
        raise LevelForgeError("a world needs at least one level")
    seen: set[str] = set()
    for level in levels:
        if level.game.digest != levels[0].game.digest:
            raise LevelForgeError(
                f"level {level.id!r}: of game {level.game.name!r}, but {levels[0].id!r} of "
                f"{levels[0].game.name!r}; one world holds one game"
            )
        if level.id in seen:
            raise LevelForgeError(f"two levels are named {level.id!r}; give each its own name")
        seen.add(level.id)
    columns = math.ceil(math.sqrt(len(levels)))
    found, y = [], 0
    for first in range(0, len(levels), columns):
        row = levels[first : first + columns]
        x = 0
        for level in row:
            found.append((x, y))
            x += level.width + GAP
        y += max(level.height for level in row) + GAP
    return found
