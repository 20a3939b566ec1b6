"""Pieces of platformer: each draws a few columns at the pen and leaves it on solid ground.

Jumps stay well inside the default profile (four rows up, five columns wide), so that a level does not hang on one
perfect jump. A :class:`Piece` names the rows of ground it fits: what stands tall needs low ground.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.make_corpus.overhead import boulder
from tools.make_corpus.strip import HEIGHT, HIGHEST, LOWEST, Strip
from tools.make_corpus.ways import PLANK, planks


@dataclass(frozen=True)
class Piece:
    """What to draw, and the highest and lowest rows of ground that leave room for it."""

    draw: Callable[[Strip], None]
    highest: int = HIGHEST
    lowest: int = LOWEST

    def fits(self, top: int) -> bool:
        """Whether there is room for it where the ground's surface lies in row ``top``."""
        return self.highest <= top <= self.lowest


def plateau(s: Strip) -> None:
    """Level ground, often with coins to jump for."""
    wide = s.pick(4, 8)
    if s.chance(0.5):
        s.coins(s.top - s.pick(2, 3), s.x + 1, min(3, wide - 2))
    s.ground(wide)


def hole(s: Strip) -> None:
    """A gap, wider where it is harder, sometimes with an arc of coins or a higher far side."""
    columns = min(4, 2 + round(1.8 * s.hard * s.rng.random() + 0.5 * s.rng.random()))
    if columns >= 3 and s.chance(0.5):
        s.arc(s.top - 1, s.x, columns)
    s.gap(columns)
    if s.chance(0.5):
        s.step(s.pick(-3, 2 if columns <= 3 else 1))
    s.ground(4)


def spike_pit(s: Strip) -> None:
    """A shallow trench of spikes, one or two of them."""
    for _ in range(2 if s.chance(s.hard) else 1):
        columns = s.pick(2, 2 + round(1.6 * s.hard))
        s.grid[s.top + 1 :, s.x : s.x + columns] = s.stone
        s.fill(min(s.top, LOWEST), s.x, "^", 1, columns)
        if columns >= 3 and s.chance(0.4):
            s.arc(s.top - 1, s.x, columns)
        s.x += columns
        s.ground(4)


def islands(s: Strip) -> None:
    """Thick islands over an abyss, one jump from each other."""
    for _ in range(s.pick(1, 3)):
        s.gap(s.pick(2, 2 + round(1.2 * s.hard)))
        s.step(s.pick(-3, 2))
        wide = s.pick(4, 7)
        if s.chance(0.4):
            s.coins(s.top - 2, s.x + 1, wide - 3)
        s.ground(wide, thick=s.pick(2, 4) if s.chance(0.7) else HEIGHT)
    s.gap(s.pick(2, 3))
    s.step(s.pick(-2, 2))
    s.ground(4)


def bridge(s: Strip) -> None:
    """A long bridge of planks over an abyss, with a gap to jump where it is harder."""
    for i in range(s.pick(1, 3)):
        if i:
            s.gap(s.pick(1, 1 + round(1.3 * s.hard)))
        wide = s.pick(4, 6)
        s.fill(s.top, s.x, "=", 1, wide)
        if s.chance(0.4):
            s.coins(s.top - s.pick(2, 3), s.x + 1, 3)
        s.gap(wide)
    s.ground(4)


def viaduct(s: Strip) -> None:
    """A bridge over a valley: whoever falls climbs out by the ladder at its end."""
    crown, wide = s.top, s.pick(8, 13)
    x = s.x
    s.top = s.pick(max(crown + 5, 11), LOWEST)
    s.ground(wide)
    s.fill(crown, x + 2, "=", 1, wide - 3)
    s.fill(crown, s.x - 1, "H", s.top - crown)
    s.coins(s.top - 1, x + 3, s.pick(2, 4))
    if s.hard > 0.5:
        s.fill(s.top - 1, x + wide - 4, "^", 1, 2)
    s.top = crown
    s.ground(4)


def tunnel(s: Strip) -> None:
    """A mass of rock overhead with a passage under it; planks lead onto it where its top is in reach."""
    wide = s.pick(8, 13)
    under = s.top - s.pick(5, 6)
    crown = s.pick(0, max(0, under - 3))
    x = s.x + 5
    if crown >= HIGHEST:
        planks(s.grid, s.top, crown, s.x)
        s.coins(crown - 1, x + 2, s.pick(3, 4))
    boulder(s.grid, crown, x - 1, under - crown + 1, wide, "B" if s.chance(0.25) else "#")
    s.ground(wide + 6)


def tiers(s: Strip) -> None:
    """One-way platforms above each other over level ground, coins on top."""
    wide = s.pick(4, 6)
    low, high = s.top - 3, s.top - 6
    shift = s.pick(3, 5)
    s.fill(low, s.x + 1, "=", 1, wide)
    s.fill(high, s.x + 1 + shift, "=", 1, wide)
    s.coins(high - 1, s.x + 2 + shift, wide - 2)
    if s.chance(0.35):
        s.fill(low, s.x + 1 + 2 * shift, "=", 1, wide)
        s.ground(shift)
    s.ground(wide + shift + 2)


def brick_row(s: Strip) -> None:
    """A floating block of bricks with coins on it; where there is room a second, higher one."""
    wide = s.pick(3, 6)
    row = s.top - 4
    s.fill(row - 1, s.x + 2, "B", 2, wide)
    s.fill(row + 1, s.x + 2 + wide, "=", 1, PLANK)
    if row >= 6:
        s.fill(row - 4, s.x + 4 + wide, "B", 2, 4)
        s.coins(row - 5, s.x + 4 + wide, 3)
        s.ground(5)
    else:
        s.coins(row - 2, s.x + 3, wide - 2)
    s.ground(wide + 5)


def lookout(s: Strip) -> None:
    """A ladder up to a high one-way ledge with a prize, over ground one can simply walk."""
    wide, height = s.pick(4, 6), s.pick(5, 6)
    right = s.chance(0.5)
    row = s.top - height
    column = s.x + (1 + wide if right else 1)
    s.fill(row, s.x + (1 if right else 2), "=", 1, wide)
    s.fill(row, column, "H", height)
    s.coins(row - 1, s.x + (2 if right else 3), wide - 2)
    s.ground(wide + 4)


def twin_stairs(s: Strip) -> None:
    """Brick stairs up, a gap, the same stairs down."""
    steps, gap = s.pick(2, 4), s.pick(2, 3)
    for i in range(1, steps + 1):
        s.fill(s.top - i, s.x, "B", i)
        s.ground(1)
    s.fill(s.top - steps, s.x, "B", steps)
    s.ground(1)
    if s.chance(0.6):
        s.arc(s.top - steps - 1, s.x, gap)
    if s.hard > 0.4:
        s.gap(gap)
    else:
        s.ground(gap)
    s.fill(s.top - steps, s.x, "B", steps)
    s.ground(1)
    for i in range(steps, 0, -1):
        s.fill(s.top - i, s.x, "B", i)
        s.ground(1)
    s.ground(3)


def towers(s: Strip) -> None:
    """Brick towers to hop along, with spikes or plain ground between."""
    count, spiky = s.pick(2, 4), s.chance(0.2 + 0.6 * s.hard)
    heights = [s.pick(2, 3), s.pick(4, 5), s.pick(6, 7), s.pick(3, 5)][:count]
    for i, height in enumerate(heights):
        s.fill(s.top - height, s.x, "B", height, 3)
        if i == count - 2:
            s.coins(s.top - height - 1, s.x, 3)
        s.ground(3)
        if i < count - 1:
            if spiky:
                s.fill(s.top - 1, s.x, "^", 1, 2)
            s.ground(2)
    s.ground(4)


def battlements(s: Strip, row: int, columns: int) -> None:
    """Every other brick along the top of a wall, the ends included."""
    for i in range(0, columns, 2):
        s.fill(row, s.x + i, "B")


def gatehouse(s: Strip) -> None:
    """A bridge of bricks with battlements between two ladders; the way leads on under it."""
    wide, height = s.pick(3, 4) * 2 + 1, 7
    s.ground(2)
    for end in (-1, wide):
        s.fill(s.top - height, s.x + end, "H", height)
    s.fill(s.top - height, s.x, "B", 3, wide)
    battlements(s, s.top - height - 1, wide)
    if s.chance(0.6):
        s.coins(s.top - 2, s.x + wide // 2 - 1, 3)
    s.ground(wide + 4)


def keep(s: Strip) -> None:
    """A brick wall with a ladder up to its battlements, a store room open at the back."""
    wide = s.pick(3, 4) * 2 + 1
    height = s.pick(5, 7)
    s.ground(2)
    s.fill(s.top - height, s.x - 1, "H", height)
    s.fill(s.top - height, s.x, "B", height, wide)
    s.fill(s.top - 3, s.x + 2, ".", 3, wide - 2)
    s.coins(s.top - 1, s.x + 2, wide - 4)
    s.fill(s.top - height - 1, s.x + wide - 1, "B")
    s.ground(wide + 4)


def storeys(s: Strip) -> None:
    """A house of brick floors, two above the ground, with ladders at alternate ends and a wall at the back."""
    wide, high = s.pick(8, 12), 5
    s.ground(2)
    first, second = s.top - high, s.top - 2 * high + 1
    s.fill(first, s.x, "B", 1, wide)
    s.fill(first, s.x + 1, "H", high)
    s.fill(second, s.x + 2, "B", 1, wide - 2)
    s.fill(second, s.x + wide - 3, "H", high - 1)
    s.fill(second, s.x + wide - 1, "B", high, 1)
    s.coins(second - 1, s.x + 3, 3)
    s.coins(first - 1, s.x + 4, 3)
    s.ground(wide + 3)


def wall(s: Strip) -> None:
    """A massive brick wall, as high as the map allows, with a gateway through it."""
    wide = s.pick(5, 9)
    crown = s.pick(1, max(1, s.top - 8))
    s.ground(2)
    s.fill(crown, s.x, "B", s.top - 4 - crown, wide)
    s.ground(wide + 3)


def shaft(s: Strip) -> None:
    """A sunken pit between two banks: down onto its floor and up the far side by planks."""
    crown, wide = s.top, s.pick(7, 10)
    s.top = min(LOWEST, crown + s.pick(4, 6))
    x = s.x
    s.ground(wide)
    planks(s.grid, s.top, crown, s.x - PLANK)
    s.coins(s.top - 1, x + 1, 3)
    s.top = crown
    s.ground(4)


def mine(s: Strip) -> None:
    """A shaft in the rock with chambers to either side, one above the other; a ladder leads out again."""
    wide, high = s.pick(9, 12), 3
    x = s.x
    s.ground(wide + 2)
    roof, floor = s.top + s.pick(2, 3), s.top
    while roof + high < HEIGHT:
        floor = roof + high
        s.fill(roof, x + 1, ".", high, wide)
        s.coins(floor - 1, x + 2, 3)
        roof += high + 2
    shaft = x + wide // 2
    s.fill(s.top, shaft, ".", floor - s.top, 2)
    s.fill(s.top, shaft + 2, "H", floor - s.top)
    if s.hard > 0.4:
        s.fill(floor - 1, x + wide - 2, "^", 1, 2)
    s.ground(2)


PLATEAU, HOLE, SPIKE_PIT = Piece(plateau), Piece(hole), Piece(spike_pit)
ISLANDS, BRIDGE = Piece(islands), Piece(bridge)
VIADUCT, SHAFT = Piece(viaduct, lowest=9), Piece(shaft, lowest=9)
TUNNEL, TIERS, BRICK_ROW, LOOKOUT = Piece(tunnel, 9), Piece(tiers, 8), Piece(brick_row, 8), Piece(lookout, 8)
TWIN_STAIRS, TOWERS, GATEHOUSE, KEEP = (
    Piece(twin_stairs, 8),
    Piece(towers, 9),
    Piece(gatehouse, 10),
    Piece(keep, 9),
)
STOREYS, WALL, MINE = Piece(storeys, 12), Piece(wall, 9), Piece(mine, lowest=9)
