"""What lies above the way of a platformer: islands in the sky, or the rock of a cavern."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tools.make_corpus.grid import Grid, fill
from tools.make_corpus.ways import PLANK, planks

CLEAR = 5  # rows free under whatever hangs above


def skyline(grid: Grid) -> NDArray[np.intp]:
    """For each column the topmost row that is not open; the height where all is."""
    filled = grid != "."
    return np.where(filled.any(0), filled.argmax(0), grid.shape[0])


def floors(grid: Grid) -> NDArray[np.intp]:
    """For each column the topmost row of solid ground; the height over an abyss."""
    solid = (grid == "#") | (grid == "B")
    return np.where(solid.any(0), solid.argmax(0), grid.shape[0])


def boulder(grid: Grid, row: int, column: int, rows: int, columns: int, stone: str) -> None:
    """A mass that hangs in the air: a block of brick, or ground that tapers towards its underside."""
    for i in range(rows):
        inset = int(stone == "#" and rows >= 3 and i == rows - 1)
        fill(grid, row + i, column + inset, stone, 1, columns - 2 * inset)


def sky_islands(rng: Generator, grid: Grid, share: float) -> None:
    """Islands of rock or brick over low ground, with planks up to them and coins on top."""
    height, width = grid.shape
    x = 8
    while x < width - 12:
        wide = int(rng.integers(5, 11))
        x += int(rng.integers(1, 4))
        end = x + PLANK + 1 + wide
        if end >= width - 4:
            return
        top, ground = skyline(grid), floors(grid)
        lowest = int(top[x - 1 : end + 1].min()) - CLEAR  # last row the island may fill, and one more
        foot = int(ground[x])
        level = bool((ground[x : x + PLANK] == foot).all() and (top[x : x + PLANK] == foot).all())
        if lowest < 5 or not level or foot >= height or rng.random() > share:
            x += 1
            continue
        thick = int(rng.integers(2, min(4, lowest - 2) + 1))
        crown = int(rng.integers(2, lowest - thick + 1))
        left = x + PLANK + 1
        boulder(grid, crown, left, thick, end - left, "B" if rng.random() < 0.2 else "#")
        planks(grid, foot, crown, x)
        coins = int(rng.integers(2, 4))
        grid[crown - 1, left + 1 : left + 1 + coins] = "o"
        x = end + 2


def cavern(rng: Generator, grid: Grid) -> None:
    """Fill what lies above the passage with rock, and hollow out galleries where it is thick."""
    height, width = grid.shape
    top = skyline(grid)
    top[top >= height] = height - 3  # over an abyss
    x, room = 0, int(rng.integers(5, 7))
    sky = int(rng.integers(width // 4, 3 * width // 4))
    highest = np.array([top[max(0, column - 2) : column + 3].min() for column in range(width)])
    deepest = np.maximum(highest - room, 0)
    depths = deepest.copy()
    while x < width:
        wide = min(int(rng.integers(7, 14)), width - x)
        if width - x - wide < 4:
            wide = width - x
        if x <= sky < x + wide:
            depths[x : x + wide] = 0
        x += wide
    depths = np.minimum(smooth(depths), deepest)
    for column, depth in enumerate(depths):
        grid[:depth, column] = "#"
    galleries(rng, grid, depths)


def smooth(depths: NDArray[np.intp]) -> NDArray[np.intp]:
    """Take away teeth and notches of a ceiling that are narrower than three columns."""

    def spread(line: NDArray[np.intp], deepest: bool) -> NDArray[np.intp]:
        near = np.lib.stride_tricks.sliding_window_view(np.pad(line, 1, mode="edge"), 3)
        found: NDArray[np.intp] = near.max(axis=1) if deepest else near.min(axis=1)
        return found

    return spread(spread(spread(spread(depths, False), True), True), False)


def galleries(rng: Generator, grid: Grid, depths: NDArray[np.intp]) -> None:
    """Upper storeys in thick rock, reached by a ladder at one end."""
    width = grid.shape[1]
    x = 6
    while x < width - 12:
        wide = 0
        while x + wide < width - 6 and wide < 18 and depths[x + wide] >= 7:
            wide += 1
        if wide < 8:
            x += 1
            continue
        least = int(depths[x : x + wide].min())
        high = 3 if least < 8 else 4
        floor = min(least - 2, 1 + high + int(rng.integers(0, 3)))
        column = x + (1 if rng.random() < 0.5 else wide - 2)
        ground = int(floors(grid[least:])[column]) + least
        below = grid[depths[column] : ground, column]
        if ground >= grid.shape[0] or not (below == ".").all():
            x += 1
            continue
        grid[floor - high : floor, x + 1 : x + wide - 1] = "."
        grid[floor:ground, column] = "H"
        begin = x + 3 if column < x + wide // 2 else x + 2
        grid[floor - 1, begin : begin + 3] = "o"
        x += wide + 2
