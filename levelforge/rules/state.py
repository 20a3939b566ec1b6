"""Levels compiled into flat arrays that the movement kernels read, and the patrols' beats."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role

EMPTY, SOLID, START, GOAL = int(Role.EMPTY), int(Role.SOLID), int(Role.START), int(Role.GOAL)
KEY, DOOR, HEAL, HAZARD = int(Role.KEY), int(Role.DOOR), int(Role.HEAL), int(Role.HAZARD)
ENEMY_H, ENEMY_V = int(Role.ENEMY_H), int(Role.ENEMY_V)
ONE_WAY, LADDER = int(Role.ONE_WAY), int(Role.LADDER)

RUNNING, WON, LOST = 0, 1, 2
"""Outcomes of a step."""

# Layout of ``LevelBatch.params``.
P_PLATFORMER, P_MAX_HP, P_HAZARD_KILLS, P_ENEMY_KILLS, P_FALL_KILLS, P_CYCLE, P_FALL_INDEX, P_PROFILE_LEN = (
    range(8)
)
P_PROFILE = 8

MAX_ITEMS = 36
"""Keys, doors and heals a level may hold: a state of the search packs them, the cell, the jump and
the patrol phase into one 64-bit word."""

TRAIL = 16
"""Length of the scratch array in which a step notes the cells it entered."""


class LevelBatch(NamedTuple):
    """N levels of one size and game, ready for the kernels. Cells are flat: ``y * width + x``.

    Attributes:
        params: ``int32[8 + J]`` the game's rules (see the ``P_*`` indices).
        role: ``uint8[N, H*W]`` role of each cell as the level begins.
        item: ``int16[N, H*W]`` index of the key, door or heal on a cell, -1 for none; keys come
            first, then doors, then heals, each in row-major order.
        patrol: ``int32[N, E, C]`` cell of each patrol when ``t % C`` is the last index.
        n_patrol: ``int32[N]`` patrols in use.
        start: ``int32[N]`` cell of the start (0 where a level has none).
        n_keydoor: ``int32[N]`` number of keys and doors.
        height, width: size in tiles.
        time_limit: turns or ticks.
    """

    params: NDArray[np.int32]
    role: NDArray[np.uint8]
    item: NDArray[np.int16]
    patrol: NDArray[np.int32]
    n_patrol: NDArray[np.int32]
    start: NDArray[np.int32]
    n_keydoor: NDArray[np.int32]
    height: int
    width: int
    time_limit: int


def rule_params(game: Game) -> NDArray[np.int32]:
    """The game's rules as ``int32[8 + len(jump_profile)]``."""
    rules = game.rules
    profile = rules.jump_profile
    fall = next((i for i, rise in enumerate(profile) if rise < 0), 0)
    head = [
        game.movement == "platformer",
        rules.hit_points,
        rules.hazard == "kill",
        rules.enemy == "kill",
        rules.fall_out == "kill",
        rules.patrol_cycle,
        fall,
        len(profile),
    ]
    return np.array([*map(int, head), *profile], dtype=np.int32)


def compile_levels(tiles: NDArray[np.uint8], game: Game) -> LevelBatch:
    """Prepare levels for the kernels.

    Args:
        tiles: ``uint8[N, H, W]`` tile ids.
        game: the game that declares them.

    Raises:
        LevelForgeError: a level holds more keys, doors and heals than :data:`MAX_ITEMS`.
    """
    count, height, width = tiles.shape
    role = np.ascontiguousarray(game.roles[tiles].reshape(count, height * width))
    items = ((role == KEY) | (role == DOOR) | (role == HEAL)).sum(axis=1)
    if count and items.max() > MAX_ITEMS:
        raise LevelForgeError(
            f"level {int(items.argmax())} holds {int(items.max())} keys, doors and heals; at most {MAX_ITEMS} are supported"
        )
    patrols = ((role == ENEMY_H) | (role == ENEMY_V)).sum(axis=1)
    most = max(1, int(patrols.max())) if count else 1
    params = rule_params(game)
    item = np.empty((count, height * width), np.int16)
    patrol = np.zeros((count, most, game.rules.patrol_cycle), np.int32)
    start = np.zeros(count, np.int32)
    n_keydoor = np.zeros(count, np.int32)
    _compile(params, height, width, role, item, patrol, start, n_keydoor)
    return LevelBatch(
        params, role, item, patrol, patrols.astype(np.int32), start, n_keydoor,
        height, width, game.time_limit(width, height),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _compile(params, height, width, role, item, patrol, start, n_keydoor):
    for i in range(role.shape[0]):
        index = 0
        for kind in (KEY, DOOR, HEAL):
            if kind == HEAL:
                n_keydoor[i] = index
            for cell in range(height * width):
                if kind == KEY:
                    item[i, cell] = -1
                if role[i, cell] == kind:
                    item[i, cell] = index
                    index += 1
        enemy = 0
        for cell in range(height * width):
            if role[i, cell] == START:
                start[i] = cell
            elif role[i, cell] == ENEMY_H or role[i, cell] == ENEMY_V:
                _beat(params, height, width, role[i], cell, patrol[i, enemy])
                enemy += 1


@njit(cache=True, nogil=True)
def _grounded(height, width, role, cell):
    """Whether something below the cell carries a walker."""
    below = cell + width
    if below >= height * width:
        return False
    return role[below] == SOLID or role[below] == ONE_WAY or role[below] == LADDER


@njit(cache=True, nogil=True)
def _beat(params, height, width, role, home, out):
    """Fill ``out[phase]`` with the cells of one patrol's beat.

    A beat is a stretch of the run of free floor through the patrol's home, as long as its period
    (there, turn, back, turn: twice its length) still divides the game's ``patrol_cycle``. So all
    patrols of a level share one short cycle, and a state needs only the time modulo that cycle.
    """
    cycle = params[P_CYCLE]
    horizontal = role[home] == ENEMY_H
    walks = horizontal and params[P_PLATFORMER] == 1
    step = 1 if horizontal else width
    place = home % width if horizontal else home // width
    size = width if horizontal else height
    low = place
    high = place
    if not walks or _grounded(height, width, role, home):
        while low > 0 and _free(height, width, role, home + (low - 1 - place) * step, walks):
            low -= 1
        while high < size - 1 and _free(height, width, role, home + (high + 1 - place) * step, walks):
            high += 1
    length = 1
    for candidate in range(1, high - low + 2):
        if (cycle // 2) % candidate == 0:
            length = candidate
    first = min(max(place - length // 2, low), high - length + 1)
    for phase in range(cycle):
        u = (place - first + phase) % (2 * length)
        offset = u if u < length else 2 * length - 1 - u
        out[phase] = home + (first + offset - place) * step


@njit(cache=True, nogil=True)
def _free(height, width, role, cell, walks):
    kind = role[cell]
    if kind != EMPTY and kind != START and kind != ENEMY_H and kind != ENEMY_V:
        return False
    return not walks or _grounded(height, width, role, cell)
