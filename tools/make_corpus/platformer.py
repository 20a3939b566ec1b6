"""Drafts the platformer corpus: five families, each with its own choice of pieces and its own heights."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.random import Generator

from tools.make_corpus import pieces
from tools.make_corpus.grid import Cell, Grid, Redo
from tools.make_corpus.overhead import cavern, sky_islands
from tools.make_corpus.pieces import Piece
from tools.make_corpus.strip import HEIGHT, HIGHEST, LOWEST, Strip
from tools.make_corpus.ways import travel

WIDTH = 64
FARTHEST = 7  # rows between one stretch of ground and the next
COINS = 16  # most a level of the usual size may have


@dataclass(frozen=True)
class Family:
    """What a family is drawn from.

    Attributes:
        menu: its pieces; named twice, drawn twice as often.
        highest: topmost row its ground may reach.
        brick: share of the levels, and of the stretches of some, whose ground is brick.
        islands: share of the places with room above that get an island in the sky.
        roofed: whether rock fills what lies above the passage.
        airy: whether the ground is rather islands than hills.
        restless: share of the pieces before which the ground goes to another height.
    """

    menu: tuple[Piece, ...]
    highest: int = HIGHEST
    brick: float = 0.0
    islands: float = 0.4
    roofed: bool = False
    airy: bool = False
    restless: float = 0.8


FAMILIES: dict[str, Family] = {
    "hills": Family(
        (
            pieces.PLATEAU,
            pieces.HOLE,
            pieces.TWIN_STAIRS,
            pieces.SPIKE_PIT,
            pieces.TIERS,
            pieces.BRICK_ROW,
            pieces.TUNNEL,
            pieces.TUNNEL,
        )
    ),
    "bridges": Family(
        (
            pieces.ISLANDS,
            pieces.ISLANDS,
            pieces.BRIDGE,
            pieces.BRIDGE,
            pieces.VIADUCT,
            pieces.TIERS,
            pieces.TUNNEL,
        ),
        islands=0.5,
        airy=True,
    ),
    "cliffs": Family(
        (
            pieces.PLATEAU,
            pieces.LOOKOUT,
            pieces.HOLE,
            pieces.SPIKE_PIT,
            pieces.SHAFT,
            pieces.VIADUCT,
            pieces.TUNNEL,
            pieces.MINE,
        ),
    ),
    "caverns": Family(
        (pieces.PLATEAU, pieces.HOLE, pieces.SPIKE_PIT, pieces.SHAFT, pieces.BRIDGE, pieces.PLATEAU),
        highest=7,
        islands=0.0,
        roofed=True,
    ),
    "ruins": Family(
        (
            pieces.TOWERS,
            pieces.GATEHOUSE,
            pieces.KEEP,
            pieces.STOREYS,
            pieces.WALL,
            pieces.TWIN_STAIRS,
            pieces.BRICK_ROW,
            pieces.SPIKE_PIT,
            pieces.HOLE,
            pieces.MINE,
        ),
        brick=0.6,
        islands=0.2,
    ),
}


def draft(rng: Generator, family: str, number: int, total: int) -> Grid:
    """One try at level ``number`` of ``total`` of a family; later numbers are harder.

    Raises:
        Redo: the try did not come out well.
    """
    hard = number / max(total - 1, 1)
    width = 2 * WIDTH if number % 5 == 3 else WIDTH
    kind = FAMILIES[family]
    menu = list(kind.menu)
    if width > WIDTH and not kind.roofed:  # a long level is a journey: pieces of its neighbour family too
        names = list(FAMILIES)
        menu += FAMILIES[names[(names.index(family) + 1) % len(names)]].menu
    s = Strip.new(rng, width, hard, top=int(rng.integers(8, LOWEST)))
    grid = s.grid
    patchy = s.chance(0.35)  # brick here and there; other levels are of one kind throughout
    s.stone = "B" if s.chance(kind.brick) else "#"
    s.ground(5)
    start = s.top - 1
    last: list[Piece] = []
    for _ in range(60):
        if s.left < 11:
            break
        x, top, before = s.x, s.top, grid.copy()
        try:
            if s.chance(kind.restless):
                if patchy:
                    s.stone = "B" if s.chance(kind.brick) else "#"
                s.ground(s.pick(1, 2))
                travel(s, elsewhere(s, kind.highest), airy=kind.airy)
            fresh = [p for p in menu if p not in last and p.fits(s.top)]
            piece = fresh[int(rng.integers(len(fresh)))]
            piece.draw(s)
            if s.left < 6:
                raise Redo("no room for the flag")
        except Redo:  # too wide for what is left: something else may fit
            s.x, s.top = x, top
            grid[:] = before
        else:
            last = [*last, piece][-2:]
            s.top = max(s.top, kind.highest)
    s.ground(s.left)
    for y, x, symbol in ((start, 2, "@"), (s.top - 1, width - 3, ">")):
        if grid[y, x] != "." or grid[y + 1, x] not in ("#", "B"):
            raise Redo("no ground for start or flag")
        grid[y, x] = symbol
    if kind.roofed:
        cavern(rng, grid)
    else:
        sky_islands(rng, grid, kind.islands)
    fewer_coins(rng, grid, COINS * width // WIDTH)
    walkers(rng, grid, round(hard * (7 if width == WIDTH else 12) * rng.uniform(0.6, 1.0)))
    hearts(rng, grid, int(rng.random() < 0.35 + 0.4 * hard) + int(rng.random() < 0.3 * hard))
    if (grid == "o").sum() < 2:
        raise Redo("hardly a coin")
    return grid


def elsewhere(s: Strip, highest: int) -> int:
    """A row for the ground, near enough for a short climb and far enough to be seen; any is as likely as another."""
    rows = [row for row in range(highest, LOWEST + 1) if 3 <= abs(row - s.top) <= FARTHEST]
    return rows[int(s.rng.integers(len(rows)))]


def fewer_coins(rng: Generator, grid: Grid, most: int) -> None:
    """Take away whole rows of coins until there are not too many."""
    groups: list[list[Cell]] = []
    for y, x in np.argwhere(grid == "o"):
        if groups and groups[-1][-1] == (y, x - 1):
            groups[-1].append((int(y), int(x)))
        else:
            groups.append([(int(y), int(x))])
    count = sum(map(len, groups))
    for i in rng.permutation(len(groups)):
        if count <= most:
            break
        for cell in groups[i]:
            grid[cell] = "."
        count -= len(groups[i])


def standing(grid: Grid) -> list[Cell]:
    """Open cells one can stand in."""
    height, width = grid.shape
    return [
        (y, x)
        for y in range(1, height - 1)
        for x in range(width)
        if grid[y, x] == "." and grid[y + 1, x] in ("#", "B", "=")
    ]


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
