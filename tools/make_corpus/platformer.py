"""Drafts the platformer corpus: five families, each with its own choice of pieces."""

from __future__ import annotations

from itertools import takewhile

import numpy as np
from numpy.random import Generator

from tools.make_corpus import pieces
from tools.make_corpus.grid import Cell, Grid, Redo
from tools.make_corpus.pieces import Piece
from tools.make_corpus.strip import HEIGHT, Strip

WIDTH = 64

FAMILIES: dict[str, tuple[Piece, ...]] = {
    "hills": (
        pieces.hill,
        pieces.hole,
        pieces.hill,
        pieces.twin_stairs,
        pieces.spike_pit,
        pieces.tiers,
        pieces.brick_row,
        pieces.rise,
    ),
    "bridges": (
        pieces.chasm,
        pieces.chasm,
        pieces.hole,
        pieces.tiers,
        pieces.rise,
        pieces.stepping_bricks,
        pieces.hill,
    ),
    "cliffs": (pieces.cliff, pieces.cliff, pieces.lookout, pieces.hole, pieces.spike_pit, pieces.hill),
    "caverns": (
        pieces.cellar,
        pieces.rise,
        pieces.hole,
        pieces.spike_pit,
        pieces.hill,
        pieces.brick_row,
        pieces.tiers,
    ),
    "ruins": (
        pieces.towers,
        pieces.gatehouse,
        pieces.rise,
        pieces.keep,
        pieces.brick_hall,
        pieces.twin_stairs,
        pieces.brick_row,
        pieces.spike_pit,
        pieces.hole,
    ),
}


def draft(rng: Generator, family: str, number: int, total: int) -> Grid:
    """One try at level ``number`` of ``total`` of a family; later numbers are harder.

    Raises:
        Redo: the try did not come out well.
    """
    hard = number / max(total - 1, 1)
    width = 2 * WIDTH if number % 5 == 3 else WIDTH
    menu = list(FAMILIES[family])
    if width > WIDTH:  # a long level is a journey: pieces of its neighbour family too
        names = list(FAMILIES)
        menu += FAMILIES[names[(names.index(family) + 1) % len(names)]]
    s = Strip.new(rng, width, hard, top=int(rng.integers(11, 14)))
    s.ground(5)
    last: list[Piece] = []
    while s.left > 9:
        fresh = [p for p in menu if p not in last]
        piece = fresh[int(rng.integers(len(fresh)))]
        last = [*last, piece][-2:]
        s.ground(s.pick(1, 3))
        piece(s)
    if s.left < 6:
        raise Redo("no room for the flag")
    s.ground(s.left)
    if s.top < 9:
        raise Redo("ends too high")
    if family == "caverns":
        ceiling(s)
    grid = s.grid
    put_start_and_flag(grid)
    walkers(rng, grid, round(hard * (7 if width == WIDTH else 12) * rng.uniform(0.6, 1.0)))
    hearts(rng, grid, int(rng.random() < 0.35 + 0.4 * hard) + int(rng.random() < 0.3 * hard))
    most = 16 * width // WIDTH
    if not 2 <= (grid == "o").sum() <= most:
        raise Redo("coins out of range")
    return grid


def ceiling(s: Strip) -> None:
    """Rock overhead in level stretches, high enough over whatever stands below, with a skylight."""
    grid, rng = s.grid, s.rng
    height, width = grid.shape
    filled = grid != "."
    top = np.where(filled.any(0), filled.argmax(0), height - 3)
    x = 0
    depth = int(rng.integers(3, 6))
    sky = int(rng.integers(width // 4, 3 * width // 4))
    while x < width:
        wide = min(int(rng.integers(6, 13)), width - x)
        if width - x - wide < 4:
            wide = width - x
        highest = int(top[max(0, x - 2) : x + wide + 2].min())
        if highest < 4:
            raise Redo("no room for a ceiling")
        depth = max(1, min(6, highest - int(rng.integers(4, 6)), depth + int(rng.integers(1, 4))))
        if not x <= sky < x + wide:
            grid[:depth, x : x + wide] = "#"
        x += wide


def standing(grid: Grid) -> list[Cell]:
    """Open cells one can stand in."""
    height, width = grid.shape
    return [
        (y, x)
        for y in range(1, height - 1)
        for x in range(width)
        if grid[y, x] == "." and grid[y + 1, x] in ("#", "B", "=")
    ]


def put_start_and_flag(grid: Grid) -> None:
    """Start on the first ground, the flag on the last."""
    height, width = grid.shape
    for x, symbol in ((2, "@"), (width - 3, ">")):
        column = grid[:, x]
        y = height - 1
        while column[y] in ("#", "B"):
            y -= 1
        if column[y] != "." or y == height - 1:
            raise Redo("no ground for start or flag")
        grid[y, x] = symbol


def walkers(rng: Generator, grid: Grid, count: int) -> None:
    """Walkers in the middle of stretches of four or more, apart from each other and the start."""
    spots = set(standing(grid))
    stretches: list[list[Cell]] = []
    for y, x in sorted(spots):
        if (y, x - 1) not in spots:
            stretches.append([])
            stretches[-1] += takewhile(spots.__contains__, ((y, u) for u in range(x, grid.shape[1])))
    good = [s for s in stretches if len(s) >= 4 and 9 < s[len(s) // 2][1] < grid.shape[1] - 6]
    for i in rng.permutation(len(good))[:count]:
        stretch = good[i]
        grid[stretch[len(stretch) // 2]] = "w"


def hearts(rng: Generator, grid: Grid, count: int) -> None:
    """Hearts up high or past the middle, on a ledge of their own."""
    width = grid.shape[1]
    spots = [
        (y, x)
        for y, x in standing(grid)
        if x > width // 3
        and (grid[y + 1, x] in ("=", "B") or y < HEIGHT - 6)
        and x < width - 5
        and not np.isin(grid[y, max(0, x - 3) : x + 4], ["w", "o"]).any()
    ]
    placed: list[Cell] = []
    for i in rng.permutation(len(spots)):
        if len(placed) < count and all(abs(spots[i][1] - x) > width // 6 for _, x in placed):
            placed.append(spots[i])
    for spot in placed:
        grid[spot] = "+"
