"""The tick of the side-view movement (``movement = "platformer"``)."""

from __future__ import annotations

from numba import njit

from levelforge.rules.common import blocks, enter, patrol_damage
from levelforge.rules.state import (
    DOOR,
    LADDER,
    LOST,
    ONE_WAY,
    P_FALL_INDEX,
    P_FALL_KILLS,
    P_PROFILE,
    P_PROFILE_LEN,
    RUNNING,
    WON,
)


@njit(cache=True, nogil=True, inline="always")
def supported(height, width, role, item, taken, y, x):
    """Whether a body at (y, x) stands on something: solid, one-way, or the top of a ladder."""
    if y + 1 >= height:
        return False
    below = (y + 1) * width + x
    if blocks(role, item, taken, below) or role[below] == ONE_WAY:
        return True
    return role[below] == LADDER and role[y * width + x] != LADDER


@njit(cache=True, nogil=True, inline="always")
def platformer_step(
    params, height, width, role, item, patrol, n_patrol, start, y, x, jump, hp, keys, taken, t, action, trail
):
    """One tick: idle, left, right, jump, jump+left or jump+right, then the walkers.

    The vertical part comes first, row by row, then one column sideways. ``jump`` is 0 for a body
    that stands (or has just walked off an edge) and otherwise the index of the next entry of the
    jump profile. The top edge of the map is a ceiling. A body that ends its tick on a support stands
    (``jump`` 0), unless its next entry still rises; so does one that ends it on a ladder.

    Returns:
        y, x, jump, hp, keys, taken, outcome, number of cells in ``trail``.
    """
    before = y * width + x
    hold = action >= 3
    dx = (action % 3 == 2) - (action % 3 == 1)
    fall = params[P_FALL_INDEX]
    entered = 0

    if role[y * width + x] == LADDER:
        jump = 0
        if hold:
            rise = 1
        else:
            below = (y + 1) * width + x
            rise = (
                0 if y + 1 < height and (blocks(role, item, taken, below) or role[below] == ONE_WAY) else -1
            )
        climbing = True
    else:
        climbing = False
        on_ground = supported(height, width, role, item, taken, y, x)
        if jump == 0 and on_ground:
            rise = params[P_PROFILE] if hold else 0
            jump = 1 if hold else 0
        else:
            if jump == 0 or (not hold and params[P_PROFILE + min(jump, params[P_PROFILE_LEN] - 1)] > 0):
                jump = fall
            rise = params[P_PROFILE + min(jump, params[P_PROFILE_LEN] - 1)]
            jump = min(jump + 1, params[P_PROFILE_LEN] - 1)

    while rise > 0:
        rise -= 1
        if y == 0 or blocks(role, item, taken, (y - 1) * width + x):
            jump = 0 if climbing else fall
            break
        y -= 1
        cell = y * width + x
        trail[entered] = cell
        entered += 1
        hp, keys, taken, won = enter(params, role, item, cell, hp, keys, taken)
        if won or hp <= 0:
            return y, x, jump, hp, keys, taken, WON if won else LOST, entered
    while rise < 0:
        rise += 1
        if not climbing and supported(height, width, role, item, taken, y, x):
            jump = 0
            break
        y += 1
        if y >= height:
            break
        cell = y * width + x
        trail[entered] = cell
        entered += 1
        hp, keys, taken, won = enter(params, role, item, cell, hp, keys, taken)
        if won or hp <= 0:
            return y, x, jump, hp, keys, taken, WON if won else LOST, entered
    if y < height and dx != 0 and 0 <= x + dx < width:
        cell = y * width + x + dx
        if role[cell] == DOOR and keys > 0 and blocks(role, item, taken, cell):
            taken |= 1 << item[cell]
            keys -= 1
        if not blocks(role, item, taken, cell):
            x += dx
            trail[entered] = cell
            entered += 1
            hp, keys, taken, won = enter(params, role, item, cell, hp, keys, taken)
            if won or hp <= 0:
                return y, x, jump, hp, keys, taken, WON if won else LOST, entered
    if y >= height:
        hp = 0 if params[P_FALL_KILLS] else hp - 1
        if hp <= 0:
            return height - 1, x, 0, hp, keys, taken, LOST, entered
        y, x, jump = start // width, start % width, 0
        trail[entered] = start
        entered += 1
    elif role[y * width + x] == LADDER or (
        jump > 0 and params[P_PROFILE + jump] <= 0 and supported(height, width, role, item, taken, y, x)
    ):
        jump = 0
    hp = patrol_damage(params, patrol, n_patrol, t, before, y * width + x, hp)
    return y, x, jump, hp, keys, taken, LOST if hp <= 0 else RUNNING, entered
