"""The turn of the top-down movement (``movement = "topdown"``)."""

from __future__ import annotations

from numba import njit

from levelforge.rules.common import blocks, enter, patrol_damage
from levelforge.rules.state import DOOR, LOST, RUNNING, WON


@njit(cache=True, nogil=True, inline="always")
def topdown_step(
    params, height, width, role, item, patrol, n_patrol, y, x, hp, keys, taken, t, action, trail
):
    """One turn: up, down, left, right or wait, then the patrols.

    Args:
        t: turns taken before this one.
        trail: ``int32[TRAIL]`` scratch; receives the cell entered, if any.

    Returns:
        y, x, hp, keys, taken, outcome, number of cells in ``trail``.
    """
    before = y * width + x
    new_y = y + (action == 1) - (action == 0)
    new_x = x + (action == 3) - (action == 2)
    entered = 0
    if action < 4 and 0 <= new_y < height and 0 <= new_x < width:
        cell = new_y * width + new_x
        if role[cell] == DOOR and keys > 0 and blocks(role, item, taken, cell):
            taken |= 1 << item[cell]
            keys -= 1
        if not blocks(role, item, taken, cell):
            y, x = new_y, new_x
            trail[0] = cell
            entered = 1
            hp, keys, taken, won = enter(params, role, item, cell, hp, keys, taken)
            if won:
                return y, x, hp, keys, taken, WON, entered
            if hp <= 0:
                return y, x, hp, keys, taken, LOST, entered
    hp = patrol_damage(params, patrol, n_patrol, t, before, y * width + x, hp)
    return y, x, hp, keys, taken, LOST if hp <= 0 else RUNNING, entered
