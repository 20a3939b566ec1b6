"""What the playtester sees, written straight into preallocated arrays.

This module is the single source of the observation: the environments write it, the networks and the
ONNX playtester read it. One observation has four parts:

``view`` ``uint8[3, VH, VW]``
    The surroundings, centred on the player. Channel 0 is the cell code: the :class:`Role` value of
    a static cell (taken items, opened doors and enemies' homes are EMPTY), :data:`OUTSIDE` beyond
    the map, :data:`RIGHT`, :data:`LEFT`, :data:`DOWN`, :data:`UP` for a patrol by heading. A patrol that
    turns next tick still shows its old heading. Channel 1 is the number of visits to the cell, at
    most 255. A tick that enters no cell counts as a visit to the cell the player stays in. Channel 2 is the
    way, as one who looks at the whole map would judge it at a glance: 128 + (steps from the cell to the place to
    head for) - (the same from the player's cell), from 1 to 255; 0 where no way is seen. See :func:`find_way`.
``map`` ``uint8[9, 12, 16]``
    The whole level, binned: cell (y, x) belongs to bin (y * 12 // H, x * 16 // W); below 12 rows
    (16 columns) each bin shows the nearest row (column) instead. Planes of :data:`SHARE_PLANES` hold 255 *
    (cells that qualify) // (cells of the bin), at most 255; the others (player, goal, key, closed
    door: few, but decisive) hold 255 where any cell of the bin qualifies, so that they do not fade on
    large levels. The planes are named by the ``PLANE_`` constants.
``scalars`` ``float32[20]``
    See :func:`write_scalars`.
``persona`` ``float32[4]``
    Weights in the order of :data:`PERSONAS`; the environment copies them through.

The kernels keep one :class:`Canvas` per batch of environments up to date step by step, so that
writing an observation is little more than copying.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.game import Game, Role

VIEW_SIZE: dict[str, tuple[int, int]] = {"topdown": (11, 11), "platformer": (11, 17)}
"""(rows, columns) of the view for each movement."""
VIEW_CHANNELS = 3
MAP_ROWS, MAP_COLUMNS, MAP_PLANES = 12, 16, 9
N_SCALARS = 20
PERSONAS = ("runner", "explorer", "collector", "survivor")
"""Order of the persona weights and of the reward components."""

OUTSIDE, RIGHT, LEFT, DOWN, UP = 13, 14, 15, 16, 17
NO_WAY = 65535
N_CODES = 18
"""Number of different cell codes in channel 0 of the view."""

PLANE_SOLID, PLANE_VISITED, PLANE_PLAYER, PLANE_GOAL, PLANE_KEY = 0, 1, 2, 3, 4
PLANE_DOOR, PLANE_DANGER, PLANE_TREAT, PLANE_CLIMB = 5, 6, 7, 8
SHARE_PLANES = (PLANE_SOLID, PLANE_VISITED, PLANE_DANGER, PLANE_TREAT, PLANE_CLIMB)

_EMPTY, _SOLID, _GOAL, _KEY, _DOOR = (
    int(Role.EMPTY), int(Role.SOLID), int(Role.GOAL), int(Role.KEY), int(Role.DOOR),
)  # fmt: skip
_COLLECTIBLE, _HAZARD, _HEAL, _ONE_WAY, _LADDER = (
    int(Role.COLLECTIBLE), int(Role.HAZARD), int(Role.HEAL), int(Role.ONE_WAY), int(Role.LADDER),
)  # fmt: skip
_ENEMY_H, _ENEMY_V = int(Role.ENEMY_H), int(Role.ENEMY_V)


def view_codes(game: Game) -> list[int]:
    """The cell codes that views of a game's levels can have, in order."""
    roles = {tile.role for tile in game.tiles}
    sideways, upright = roles & {Role.ENEMY_H}, roles & {Role.ENEMY_V}
    headings = [RIGHT, LEFT] * len(sideways) + [DOWN, UP] * len(upright)
    return sorted({int(role) for role in {*roles, Role.EMPTY} - sideways - upright} | {OUTSIDE, *headings})


class Canvas(NamedTuple):
    """What is remembered between observations of ``n`` environments (sizes up to H x W).

    Fields:
        code: ``uint8[n, H, W]`` cell codes without patrols.
        visits: ``uint16[n, H, W]``.
        row_bin, column_bin: ``uint8[n, H, 2]``, ``uint8[n, W, 2]`` first and last bin of a row/column.
        area: ``int32[n, 12, 16]`` cells of each bin.
        tally: ``int32[n, 9, 12, 16]`` cells that qualify, by plane.
        map: ``uint8[n, 9, 12, 16]`` the planes as observed.
        patrol: ``int32[n, E]`` cell (y * width + x) of each patrol as drawn in the danger plane.
        player: ``int32[n, 2]`` (y, x) as drawn in the player plane.
        goal: ``int32[n, G, 2]`` (y, x) of the goals, in row-major order.
        n_goal: ``int32[n]``.
        way: ``uint16[n, H, W]`` steps to the place to head for, :data:`NO_WAY` where there is none.
    """

    code: NDArray[np.uint8]
    visits: NDArray[np.uint16]
    row_bin: NDArray[np.uint8]
    column_bin: NDArray[np.uint8]
    area: NDArray[np.int32]
    tally: NDArray[np.int32]
    map: NDArray[np.uint8]
    patrol: NDArray[np.int32]
    player: NDArray[np.int32]
    goal: NDArray[np.int32]
    n_goal: NDArray[np.int32]
    way: NDArray[np.uint16]


def make_canvas(n: int, height: int, width: int, patrols: int, goals: int) -> Canvas:
    """A canvas for ``n`` environments with levels of at most this size and so many patrols and goals."""
    bins = (MAP_ROWS, MAP_COLUMNS)
    return Canvas(
        np.zeros((n, height, width), np.uint8),
        np.zeros((n, height, width), np.uint16),
        np.zeros((n, height, 2), np.uint8),
        np.zeros((n, width, 2), np.uint8),
        np.zeros((n, *bins), np.int32),
        np.zeros((n, MAP_PLANES, *bins), np.int32),
        np.zeros((n, MAP_PLANES, *bins), np.uint8),
        np.zeros((n, max(patrols, 1)), np.int32),
        np.zeros((n, 2), np.int32),
        np.zeros((n, max(goals, 1), 2), np.int32),
        np.zeros(n, np.int32),
        np.full((n, height, width), NO_WAY, np.uint16),
    )


def make_observation(n: int, movement: str) -> dict[str, NDArray[Any]]:
    """Zeroed observation arrays for ``n`` environments (shapes and dtypes: module docstring)."""
    return {
        "view": np.zeros((n, VIEW_CHANNELS, *VIEW_SIZE[movement]), np.uint8),
        "map": np.zeros((n, MAP_PLANES, MAP_ROWS, MAP_COLUMNS), np.uint8),
        "scalars": np.zeros((n, N_SCALARS), np.float32),
        "persona": np.zeros((n, len(PERSONAS)), np.float32),
    }


@njit(cache=True, nogil=True)
def _first_bin(place: int, size: int, bins: int) -> int:
    """First bin whose nearest row is ``place``, for ``size`` < ``bins``."""
    # Bin b shows row (2 * b + 1) * size // (2 * bins); this is that, solved for b, rounded up.
    return -((size - 2 * bins * place) // (2 * size))


@njit(cache=True, nogil=True)
def _bins_of(place: int, size: int, bins: int) -> tuple[int, int]:
    """First and last bin that show row (or column) ``place`` of ``size``."""
    if size >= bins:
        return place * bins // size, place * bins // size
    return _first_bin(place, size, bins), _first_bin(place + 1, size, bins) - 1


@njit(cache=True, nogil=True)
def _bump(canvas: Canvas, i: int, plane: int, y: int, x: int, change: int) -> None:
    """Count one cell more (or less) in a plane and refresh the observed value of its bin(s)."""
    share = plane not in (PLANE_PLAYER, PLANE_GOAL, PLANE_KEY, PLANE_DOOR)
    for by in range(canvas.row_bin[i, y, 0], canvas.row_bin[i, y, 1] + 1):
        for bx in range(canvas.column_bin[i, x, 0], canvas.column_bin[i, x, 1] + 1):
            count = canvas.tally[i, plane, by, bx] + change
            canvas.tally[i, plane, by, bx] = count
            if share:
                canvas.map[i, plane, by, bx] = min(255, 255 * count // canvas.area[i, by, bx])
            else:
                canvas.map[i, plane, by, bx] = 255 if count > 0 else 0


@njit(cache=True, nogil=True, inline="always")
def _plane_of(code: int) -> int:
    """The map plane in which a cell code is counted; -1 for none."""
    if code == _SOLID:
        return PLANE_SOLID
    if code == _GOAL:
        return PLANE_GOAL
    if code == _KEY:
        return PLANE_KEY
    if code == _DOOR:
        return PLANE_DOOR
    if code == _HAZARD:
        return PLANE_DANGER
    if code in (_COLLECTIBLE, _HEAL):
        return PLANE_TREAT
    if code in (_ONE_WAY, _LADDER):
        return PLANE_CLIMB
    return -1


@njit(cache=True, nogil=True)
def begin(
    canvas: Canvas, i: int, height: int, width: int, role: Any, patrol: Any, n_patrol: int, y: int, x: int
) -> None:
    """Draw a fresh level for environment ``i``.

    ``height`` and ``width`` are the level's true size, ``role`` is ``uint8[>= height * width]``, ``patrol``
    ``int32[E, C]`` the cell of each patrol by phase, (``y``, ``x``) where the player starts.
    """
    canvas.tally[i] = 0
    canvas.map[i] = 0
    canvas.area[i] = 0
    for row in range(height):
        canvas.row_bin[i, row, 0], canvas.row_bin[i, row, 1] = _bins_of(row, height, MAP_ROWS)
    for column in range(width):
        first, last = _bins_of(column, width, MAP_COLUMNS)
        canvas.column_bin[i, column, 0], canvas.column_bin[i, column, 1] = first, last
    goals = 0
    for row in range(height):
        for column in range(width):
            code = int(role[row * width + column])
            if code in (_ENEMY_H, _ENEMY_V):
                code = _EMPTY
            canvas.code[i, row, column] = code
            canvas.visits[i, row, column] = 0
            if code == _GOAL:
                canvas.goal[i, goals, 0] = row
                canvas.goal[i, goals, 1] = column
                goals += 1
            plane = _plane_of(code)
            for by in range(canvas.row_bin[i, row, 0], canvas.row_bin[i, row, 1] + 1):
                for bx in range(canvas.column_bin[i, column, 0], canvas.column_bin[i, column, 1] + 1):
                    canvas.area[i, by, bx] += 1
                    if plane >= 0:
                        canvas.tally[i, plane, by, bx] += 1
    canvas.n_goal[i] = goals
    for plane in range(MAP_PLANES):
        share = plane not in (PLANE_GOAL, PLANE_KEY, PLANE_DOOR)
        for by in range(MAP_ROWS):
            for bx in range(MAP_COLUMNS):
                count = canvas.tally[i, plane, by, bx]
                if count > 0:
                    canvas.map[i, plane, by, bx] = 255 * count // canvas.area[i, by, bx] if share else 255
    for e in range(n_patrol):
        canvas.patrol[i, e] = patrol[e, 0]
        _bump(canvas, i, PLANE_DANGER, patrol[e, 0] // width, patrol[e, 0] % width, 1)
    canvas.player[i, 0], canvas.player[i, 1] = y, x
    _bump(canvas, i, PLANE_PLAYER, y, x, 1)
    visit(canvas, i, y, x)
    find_way(canvas, i, height, width, y, x, 0)


@njit(cache=True, nogil=True, inline="always")
def find_way(canvas: Canvas, i: int, height: int, width: int, y: int, x: int, keys: int) -> None:
    """Measure the way from every cell to where a player should head now; to be called when keys or doors change.

    A judgement at a glance, not the solver's: steps in four directions past whatever is not solid,
    blind to gravity, dangers and how many keys a way takes. Head for a goal; closed doors are open to one
    who holds a key. If no goal can be reached so, head for a key; if no key can either, for a goal as
    though all doors were open.
    """
    for attempt in range(3):
        if _spread(canvas, i, height, width, _KEY if attempt == 1 else _GOAL, keys > 0 or attempt == 2, y, x):
            return


@njit(cache=True, nogil=True, inline="always")
def _spread(
    canvas: Canvas, i: int, height: int, width: int, target: int, doors_open: bool, y: int, x: int
) -> bool:
    """Fill ``canvas.way`` with steps to the nearest cell of a code; whether (y, x) has any."""
    code, way = canvas.code[i], canvas.way[i]
    for row in range(height):
        for column in range(width):
            way[row, column] = 0 if code[row, column] == target else NO_WAY
    flood(code, way, height, width, doors_open)
    return bool(way[min(max(y, 0), height - 1), x] != NO_WAY)


@njit(cache=True, nogil=True, inline="always")
def flood(code: Any, way: Any, height: int, width: int, doors_open: bool) -> None:
    """Fill ``way``, 0 in some cells and :data:`NO_WAY` in all others, with steps to the nearest of those.

    Steps go in four directions past whatever is not solid; what cannot be reached stays :data:`NO_WAY`.
    """
    queue = np.empty(height * width, np.int32)
    head, tail = 0, 0
    for row in range(height):
        for column in range(width):
            if way[row, column] == 0:
                queue[tail] = row * width + column
                tail += 1
    while head < tail:
        row, column = queue[head] // width, queue[head] % width
        head += 1
        steps = way[row, column] + 1
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            r, c = row + dy, column + dx
            if r < 0 or r >= height or c < 0 or c >= width or way[r, c] != NO_WAY:
                continue
            if code[r, c] == _SOLID or (code[r, c] == _DOOR and not doors_open):
                continue
            way[r, c] = steps
            queue[tail] = r * width + c
            tail += 1


@njit(cache=True, nogil=True, inline="always")
def visit(canvas: Canvas, i: int, y: int, x: int) -> bool:
    """Count a visit to a cell inside the map; whether it is the first."""
    before = canvas.visits[i, y, x]
    if before < 65535:
        canvas.visits[i, y, x] = before + 1
    if before == 0:
        _bump(canvas, i, PLANE_VISITED, y, x, 1)
        return True
    return False


@njit(cache=True, nogil=True, inline="always")
def clear(canvas: Canvas, i: int, y: int, x: int) -> None:
    """Turn a cell to floor: its item was taken, or its door opened."""
    plane = _plane_of(int(canvas.code[i, y, x]))
    if plane >= 0:
        _bump(canvas, i, plane, y, x, -1)
    canvas.code[i, y, x] = _EMPTY


@njit(cache=True, nogil=True, inline="always")
def move(
    canvas: Canvas, i: int, height: int, width: int, patrol: Any, n_patrol: int, phase: int, y: int, x: int
) -> None:
    """Redraw the player and the patrols on the map where they are now.

    A player outside the map (above it, or fallen out) is on no bin.
    """
    old_y, old_x = canvas.player[i, 0], canvas.player[i, 1]
    if old_y != y or old_x != x:
        if 0 <= old_y < height:
            _bump(canvas, i, PLANE_PLAYER, old_y, old_x, -1)
        if 0 <= y < height:
            _bump(canvas, i, PLANE_PLAYER, y, x, 1)
        canvas.player[i, 0], canvas.player[i, 1] = y, x
    for e in range(n_patrol):
        old, new = canvas.patrol[i, e], patrol[e, phase]
        if old != new:
            canvas.patrol[i, e] = new
            _bump(canvas, i, PLANE_DANGER, old // width, old % width, -1)
            _bump(canvas, i, PLANE_DANGER, new // width, new % width, 1)


@njit(cache=True, nogil=True, inline="always")
def heading(patrol: Any, role: Any, e: int, phase: int, cycle: int) -> int:
    """Cell code of patrol ``e``: where it goes next tick, or the old heading if it turns next tick."""
    here, after, before = patrol[e, phase], patrol[e, (phase + 1) % cycle], patrol[e, (phase - 1) % cycle]
    step = after - here if after != here else here - before
    if step == 0:  # it never moves
        return DOWN if role[here] == _ENEMY_V else RIGHT
    if step == 1:
        return RIGHT
    if step == -1:
        return LEFT
    return DOWN if step > 0 else UP


@njit(cache=True, nogil=True, inline="always")
def write_view(
    out: Any, canvas: Canvas, i: int, height: int, width: int, role: Any,
    patrol: Any, n_patrol: int, phase: int, cycle: int, y: int, x: int,
) -> None:  # fmt: skip
    """Write ``view`` (``uint8[3, VH, VW]``) of environment ``i``."""
    rows, columns = out.shape[1], out.shape[2]
    top, left = y - rows // 2, x - columns // 2
    first, last = max(0, -left), min(columns, width - left)
    code, visits, way = canvas.code, canvas.visits, canvas.way
    # Above the map (or fallen out of it) the nearest cell stands for the player's.
    here = int(way[i, min(max(y, 0), height - 1), x])
    base = 128 - (0 if here == NO_WAY else here)
    for r in range(rows):
        row = top + r
        if row < 0 or row >= height:
            for c in range(columns):
                out[0, r, c] = OUTSIDE
                out[1, r, c] = 0
                out[2, r, c] = 0
            continue
        for c in range(first):
            out[0, r, c] = OUTSIDE
            out[1, r, c] = 0
            out[2, r, c] = 0
        for c in range(first, last):
            out[0, r, c] = code[i, row, left + c]
            out[1, r, c] = min(255, int(visits[i, row, left + c]))
            steps = int(way[i, row, left + c])
            out[2, r, c] = 0 if steps == NO_WAY else min(255, max(1, base + steps))
        for c in range(last, columns):
            out[0, r, c] = OUTSIDE
            out[1, r, c] = 0
            out[2, r, c] = 0
    for e in range(n_patrol):
        cell = patrol[e, phase]
        r, c = cell // width - top, cell % width - left
        if 0 <= r < rows and 0 <= c < columns:
            out[0, r, c] = heading(patrol, role, e, phase, cycle)


@njit(cache=True, nogil=True, inline="always")
def write_scalars(
    out: Any, canvas: Canvas, i: int, height: int, width: int, topdown: bool,
    y: int, x: int, jump: int, hp: int, max_hp: int, keys: int, doors: int, t: int, limit: int, moved: bool,
) -> None:  # fmt: skip
    """Write ``scalars`` (``float32[20]``) of environment ``i``.

    0 hit points left, share · 1 min(keys, 3) / 3 · 2 time left, share · 3..10 one-hot of min(jump, 7)
    · 11 standing (jump state 0 and something below that carries; always 1 in topdown) · 12 in a ladder
    cell · 13, 14 (dy, dx) to the nearest goal (by |dy| + |dx|, the first in row-major order) /
    max(height, width) · 15, 16 their signs · 17 min(closed doors, 3) / 3 · 18 the last action changed
    the position · 19 always 0, reserved.
    """
    for k in range(N_SCALARS):
        out[k] = 0.0
    out[0] = hp / max_hp
    out[1] = min(keys, 3) / 3.0
    out[2] = max(0.0, (limit - t) / limit)
    out[3 + min(jump, 7)] = 1.0
    own = canvas.code[i, y, x] if 0 <= y < height else _EMPTY
    below = canvas.code[i, y + 1, x] if 0 <= y + 1 < height else _EMPTY
    carried = below in (_SOLID, _DOOR, _ONE_WAY) or (below == _LADDER and own != _LADDER)
    out[11] = 1.0 if topdown or (jump == 0 and carried) else 0.0
    out[12] = 1.0 if own == _LADDER else 0.0
    best, dy, dx = 1 << 30, 0, 0
    for g in range(canvas.n_goal[i]):
        gy, gx = canvas.goal[i, g, 0] - y, canvas.goal[i, g, 1] - x
        if abs(gy) + abs(gx) < best:
            best, dy, dx = abs(gy) + abs(gx), gy, gx
    out[13] = dy / max(height, width)
    out[14] = dx / max(height, width)
    out[15] = np.sign(dy)
    out[16] = np.sign(dx)
    out[17] = min(doors, 3) / 3.0
    out[18] = 1.0 if moved else 0.0


@njit(cache=True, nogil=True, inline="always")
def write_map(out: Any, canvas: Canvas, i: int) -> None:
    """Write ``map`` (``uint8[9, 12, 16]``) of environment ``i``."""
    source = canvas.map
    for plane in range(MAP_PLANES):
        for by in range(MAP_ROWS):
            for bx in range(MAP_COLUMNS):
                out[plane, by, bx] = source[i, plane, by, bx]
