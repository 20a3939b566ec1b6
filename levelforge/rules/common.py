"""What both movements share: entering a cell, solid cells, patrol contacts."""

from __future__ import annotations

from numba import njit

from levelforge.rules.state import (
    DOOR,
    GOAL,
    HAZARD,
    HEAL,
    KEY,
    P_CYCLE,
    P_ENEMY_KILLS,
    P_HAZARD_KILLS,
    P_MAX_HP,
    SOLID,
)


@njit(cache=True, nogil=True, inline="always")
def is_taken(item, taken, cell):
    """Whether the key, door or heal on this cell has been used up."""
    return (taken >> item[cell]) & 1 == 1


@njit(cache=True, nogil=True, inline="always")
def blocks(role, item, taken, cell):
    """Whether a cell stops movement: solid, or a door that is still closed."""
    kind = role[cell]
    return kind == SOLID or (kind == DOOR and not is_taken(item, taken, cell))


@njit(cache=True, nogil=True, inline="always")
def enter(params, role, item, cell, hp, keys, taken):
    """Take what lies on a cell and suffer what stands there.

    Returns:
        hp, keys, taken, and whether the goal was reached.
    """
    kind = role[cell]
    if kind == KEY:
        if not is_taken(item, taken, cell):
            taken |= 1 << item[cell]
            keys += 1
    elif kind == HEAL:
        if hp < params[P_MAX_HP] and not is_taken(item, taken, cell):
            taken |= 1 << item[cell]
            hp += 1
    elif kind == HAZARD:
        hp = 0 if params[P_HAZARD_KILLS] else hp - 1
    return hp, keys, taken, kind == GOAL and hp > 0


@njit(cache=True, nogil=True, inline="always")
def patrol_damage(params, patrol, n_patrol, t, before, after, hp):
    """Hit points left after the patrols' move from time ``t`` to ``t + 1``.

    A patrol hits when it ends on the player's cell or the two swap cells.
    """
    cycle = params[P_CYCLE]
    now = t % cycle
    then = now + 1 if now + 1 < cycle else 0
    for e in range(n_patrol):
        new = patrol[e, then]
        if new == after or (new == before and patrol[e, now] == after and before != after):
            hp = 0 if params[P_ENEMY_KILLS] else hp - 1
    return hp
