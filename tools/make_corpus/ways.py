"""Ways up and down: how the ground of a platformer gets from one height to another.

A jump rises four rows, so steps of three forgive a late start; higher walls have a ladder or a scaffold. Falling
costs nothing, so any drop will do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.make_corpus.grid import Grid, fill
from tools.make_corpus.strip import HEIGHT, Strip

Way = Callable[[Strip, int], None]

STEP = 3  # highest step of a way that is jumped
PLANK = 4  # columns of a plank that is a step, always the same: few motifs are learnt sooner than many
HOLLOW = 3  # rows of headroom in a hollow


def stairs(s: Strip, rows: int) -> None:
    """Steps of two or three rows, each a few columns deep; up or (negative ``rows``) down."""
    goal = s.top - rows
    while s.top != goal:
        rise = min(abs(goal - s.top), s.pick(2, STEP))
        s.step(rise if goal < s.top else -rise)
        s.ground(s.pick(3, 4))


def ladder(s: Strip, rows: int) -> None:
    """A wall with a ladder up its face."""
    s.ground(3)
    foot, column = s.top, s.x - 1
    s.step(rows)
    s.fill(s.top, column, "H", foot - s.top)
    s.ground(3)


def scaffold(s: Strip, rows: int) -> None:
    """A wall with one-way planks before it, one above the other."""
    s.ground(PLANK + 1)
    planks(s.grid, s.top, s.top - rows, s.x - PLANK)
    s.step(rows)
    s.ground(3)


def planks(grid: Grid, foot: int, crown: int, column: int) -> None:
    """One-way planks above each other, from a floor at row ``foot`` up to one at ``crown``."""
    for row in range(foot - STEP, crown, -STEP):
        fill(grid, row, column, "=", 1, PLANK)


def pillars(s: Strip, rows: int) -> None:
    """Brick pillars, each a step higher than the last, to hop up by."""
    foot = s.top
    for height in range(STEP, rows, STEP):
        s.fill(foot - height, s.x, "B", height, 2)
        s.ground(2 + s.pick(0, 1))
    s.step(rows)
    s.ground(3)


def drop(s: Strip, rows: int) -> None:
    """A sheer drop; where there is depth enough, sometimes a hollow with coins at the cliff's foot."""
    before = s.top
    s.step(rows)
    deep = 0
    # long levels are cut into windows, and a hollow cut in two has no way in
    if s.top - before >= HOLLOW + 2 and s.grid.shape[1] <= 4 * HEIGHT and s.chance(0.6):
        rock = np.isin(s.grid[before:, : s.x], ("#", "B")).all(0)[::-1]
        solid = min(9, len(rock) if rock.all() else int(rock.argmin()))
        deep = s.pick(3, solid - 2) if solid >= 5 else 0
    if deep:
        s.fill(s.top - HOLLOW, s.x - deep, ".", HOLLOW, deep)
        s.coins(s.top - 1, s.x - deep + 1, min(3, deep - 1))
    s.ground(4)


def hop(s: Strip, rows: int) -> None:
    """Islands over an abyss, each two or three rows higher or lower than the last."""
    goal = s.top - rows
    while abs(goal - s.top) > STEP:
        rise = s.pick(2, STEP)
        s.gap(2)
        s.step(rise if goal < s.top else -rise)
        s.ground(s.pick(4, 6), thick=s.pick(2, 3))
    s.gap(2)
    s.top = goal
    s.ground(4)


def travel(s: Strip, row: int, *, airy: bool = False) -> None:
    """Bring the ground to another row, by a way that fits; ``airy``: rather over an abyss."""
    rows = s.top - row
    if abs(rows) <= STEP:
        s.step(rows)
        s.ground(2)
        return
    if airy and s.chance(0.6):
        hop(s, rows)
        return
    if rows > 0:
        choice: tuple[Way, ...] = (stairs, stairs, stairs, stairs, ladder, pillars, scaffold)
    else:
        choice = (drop, drop, stairs)
    choice[int(s.rng.integers(len(choice)))](s, rows)
