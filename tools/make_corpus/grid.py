"""What both drafting scripts share: grids of symbols, distances, connected parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.str_]  # one symbol a cell, [y, x], row 0 on top
Mask = NDArray[np.bool_]
Cell = tuple[int, int]  # y, x
ORTHOGONAL: tuple[Cell, ...] = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Redo(Exception):  # noqa: N818 - no fault, a wish for another draw
    """This draft did not come out well; draw another with the next random numbers."""


def blank(height: int, width: int, symbol: str) -> Grid:
    """A grid of one symbol."""
    return np.full((height, width), symbol, dtype="<U1")


def fill(grid: Grid, row: int, column: int, symbol: str, rows: int = 1, columns: int = 1) -> None:
    """A block of one symbol with its top left corner at a place.

    Raises:
        Redo: it would begin above the map or reach beyond its last column.
    """
    if row < 0:
        raise Redo("too high")
    if column + columns > grid.shape[1]:
        raise Redo("ran out of columns")
    grid[row : row + rows, column : column + columns] = symbol


def rows(grid: Grid) -> str:
    """The grid as text, one row a line."""
    return "".join("".join(row) + "\n" for row in grid)


def cells(mask: Mask) -> list[Cell]:
    """The true cells in row-major order."""
    return [(int(y), int(x)) for y, x in np.argwhere(mask)]


def distances(free: Mask, start: Cell | Iterable[Cell]) -> NDArray[np.int32]:
    """Steps from ``start`` through free cells, -1 where there is no way."""
    sources = [start] if isinstance(start, tuple) else list(start)
    far = np.full(free.shape, -1, np.int32)
    queue: deque[Cell] = deque()
    for cell in sources:
        far[cell] = 0
        queue.append(cell)
    height, width = free.shape
    while queue:
        y, x = queue.popleft()
        for dy, dx in ORTHOGONAL:
            ny, nx = y + dy, x + dx
            if 0 <= ny < height and 0 <= nx < width and free[ny, nx] and far[ny, nx] < 0:
                far[ny, nx] = far[y, x] + 1
                queue.append((ny, nx))
    return far


def parts(free: Mask) -> list[Mask]:
    """The connected parts of the free cells, largest first."""
    left = free.copy()
    found: list[Mask] = []
    while left.any():
        part = distances(left, cells(left)[0]) >= 0
        found.append(part)
        left &= ~part
    return sorted(found, key=lambda part: -int(part.sum()))


def neighbours(mask: Mask, diagonal: bool) -> NDArray[np.int32]:
    """How many of the 4 or 8 neighbours are true; outside counts as false."""
    wide = np.pad(mask.astype(np.int32), 1)
    total = np.zeros(mask.shape, np.int32)
    height, width = mask.shape
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if (dy or dx) and (diagonal or not (dy and dx)):
                total += wide[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
    return total
