"""Pieces of platformer: each draws a few columns at the pen and leaves it on solid ground.

Jumps are kept inside the default profile: four rows up, gaps of five columns at most.
"""

from __future__ import annotations

from collections.abc import Callable

from tools.make_corpus.strip import Strip

Piece = Callable[[Strip], None]


def hole(s: Strip) -> None:
    """A gap, wider where it is harder, sometimes with an arc of coins or a higher far side."""
    columns = min(5, 2 + round(2.6 * s.hard * s.rng.random() + 0.6 * s.rng.random()))
    if columns >= 3 and s.chance(0.6):
        s.arc(s.top - 1, s.x, columns)
    s.gap(columns)
    if s.chance(0.5):
        s.step(s.pick(-2, 2 if columns <= 3 else 1))
    s.ground(4)


def hill(s: Strip) -> None:
    """Steps up, a plateau, steps down."""
    steps, rise, tread = s.pick(1, 2), s.pick(1, 2), s.pick(2, 3)
    before = s.top
    for _ in range(steps):
        s.step(rise)
        s.ground(tread)
    top, crown = s.x, s.pick(4, 7)
    if s.chance(0.4):
        s.coins(s.top - 2, top + 1, min(3, crown - 2))
    s.ground(crown)
    while s.top < before:
        s.step(-rise)
        s.ground(tread)


def rise(s: Strip) -> None:
    """A step to higher or lower ground that stays."""
    s.step(s.pick(2, 3) if s.top >= 11 else -s.pick(1, 3))
    s.ground(s.pick(5, 8))


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


def spike_pit(s: Strip) -> None:
    """A shallow trench of spikes, one or two of them."""
    for _ in range(2 if s.chance(s.hard) else 1):
        columns = s.pick(2, 2 + round(2 * s.hard))
        s.fill(s.top, s.x, "^", 1, columns)
        s.grid[s.top + 1 :, s.x : s.x + columns] = "#"
        if columns >= 3 and s.chance(0.5):
            s.arc(s.top - 1, s.x, columns)
        s.x += columns
        s.ground(4)


def chasm(s: Strip) -> None:
    """A wide gap crossed on one-way platforms."""
    count = s.pick(2, 3 if s.hard < 0.5 else 4)
    level = s.top
    for i in range(count):
        s.gap(s.pick(2, 2 + round(1.4 * s.hard)))
        wide = s.pick(3, 5 - round(s.hard))
        level = min(13, max(7, level - s.pick(-2, 2)))
        s.fill(level, s.x, "=", 1, wide)
        if s.chance(0.5):
            s.coins(level - 1 - (i % 2), s.x + (wide - 2) // 2, 2)
        s.gap(wide)
    s.gap(s.pick(2, 3))
    s.top = min(13, max(9, level + s.pick(-1, 1)))
    s.ground(4)


def tiers(s: Strip) -> None:
    """One-way platforms above each other over level ground, coins on top."""
    wide = s.pick(4, 6)
    low, high = s.top - 3, s.top - 6
    shift = s.pick(3, 5)
    s.fill(low, s.x + 1, "=", 1, wide)
    if high >= 3:
        s.fill(high, s.x + 1 + shift, "=", 1, wide)
        s.coins(high - 1, s.x + 2 + shift, wide - 2)
    else:
        s.coins(low - 1, s.x + 2, wide - 2)
    if s.chance(0.35) and high >= 3:
        s.fill(low, s.x + 1 + 2 * shift, "=", 1, wide)
        s.ground(shift)
    s.ground(wide + shift + 2)


def brick_row(s: Strip) -> None:
    """A floating row of bricks with coins on it; sometimes a second, higher row."""
    wide = s.pick(3, 6)
    row = s.top - 4
    s.fill(row, s.x + 2, "B", 1, wide)
    if s.chance(0.5) and row >= 6:
        s.fill(row - 3, s.x + 4 + wide, "B", 1, 3)
        s.coins(row - 4, s.x + 4 + wide, 3)
        s.ground(5)
    else:
        s.coins(row - 1, s.x + 3, wide - 2)
    s.ground(wide + 4)


def cliff(s: Strip) -> None:
    """A wall too high to jump, a ladder up it, high ground, and a way down."""
    if s.top < 12:
        s.step(-(12 - s.top))
        s.ground(4)
    foot, lift = s.top, s.pick(5, 6)
    s.ground(2)
    ladder = s.x
    s.ground(1)
    s.step(lift)
    s.fill(s.top, ladder, "H", foot - s.top)
    crown = s.pick(7, 10)
    begin = s.x
    s.ground(crown)
    if s.chance(0.6):  # a hollow at the foot of the far side
        deep = s.pick(3, crown - 3)
        s.fill(foot - 2, s.x - deep, ".", 2, deep)
        s.coins(foot - 1, s.x - deep, min(4, deep - 1))
        s.top = foot
        s.ground(6)
    else:
        s.coins(s.top - 2, begin + 2, 3)
        while s.top < foot:
            s.step(-min(2, foot - s.top))
            s.ground(3)


def lookout(s: Strip) -> None:
    """A ladder up to a high one-way ledge with a prize, over ground one can simply walk."""
    wide, height = s.pick(4, 6), s.pick(5, 6)
    right = s.chance(0.5)
    row = s.top - height
    ladder = s.x + (1 + wide if right else 1)
    s.fill(row, s.x + (1 if right else 2), "=", 1, wide)
    s.fill(row, ladder, "H", height)
    s.coins(row - 1, s.x + (2 if right else 3), wide - 2)
    s.ground(wide + 4)


def cellar(s: Strip) -> None:
    """A hole in the ground into a chamber with coins; a ladder leads out again."""
    if s.top > 11:
        s.step(s.top - 11)
        s.ground(4)
    wide = s.pick(5, 7)
    top, x = s.top, s.x
    s.ground(wide + 4)
    s.fill(top + 2, x + 1, ".", 2, wide + 1)
    s.fill(top, x + wide, ".", 2, 1)
    s.fill(top, x + wide + 1, "H", 4)
    s.coins(top + 3, x + 2, wide - 2)
    s.fill(top + 2, x + wide + 2, "#", 2)


def towers(s: Strip) -> None:
    """Brick towers to hop along, with spikes or plain ground between."""
    count, spiky = s.pick(2, 3), s.chance(0.2 + 0.6 * s.hard)
    heights = [2, s.pick(3, 4), s.pick(2, 4)][:count]
    for i, height in enumerate(heights):
        s.fill(s.top - height, s.x, "B", height, 2)
        if i == 1:
            s.coins(s.top - height - 1, s.x, 2)
        s.ground(2)
        if i < count - 1:
            between = 3
            if spiky:
                s.fill(s.top - 1, s.x, "^", 1, between)
            s.ground(between)
    s.ground(4)


def battlements(s: Strip, row: int, columns: int) -> None:
    """Every other brick along the top of a wall, the ends included."""
    for i in range(0, columns, 2):
        s.fill(row, s.x + i, "B")


def gatehouse(s: Strip) -> None:
    """A bridge of bricks with battlements between two ladders; the way leads on under it."""
    wide, height = s.pick(3, 4) * 2 + 1, 6
    s.ground(2)
    for end in (-1, wide):
        s.fill(s.top - height, s.x + end, "H", height)
    s.fill(s.top - height, s.x, "B", 2, wide)
    battlements(s, s.top - height - 1, wide)
    if s.chance(0.6):
        s.coins(s.top - 2, s.x + wide // 2 - 1, 3)
    s.ground(wide + 4)


def keep(s: Strip) -> None:
    """A brick wall with a ladder up to its battlements, a store room open at the back."""
    wide = s.pick(3, 4) * 2 + 1
    height = s.pick(5, 6)
    s.ground(2)
    s.fill(s.top - height, s.x - 1, "H", height)
    s.fill(s.top - height, s.x, "B", height, wide)
    s.fill(s.top - 3, s.x + 2, ".", 3, wide - 2)
    s.coins(s.top - 1, s.x + 2, wide - 4)
    s.fill(s.top - height - 1, s.x + wide - 1, "B")
    s.ground(wide + 4)


def brick_hall(s: Strip) -> None:
    """A brick upper floor reached by a ladder, coins along it."""
    wide = s.pick(7, 10)
    row = s.top - 5
    s.ground(1)
    right = s.chance(0.5)
    s.fill(row, s.x + (0 if right else 1), "B", 1, wide)
    s.fill(row, s.x + (wide if right else 0), "H", 5)
    far = s.x if right else s.x + wide
    s.fill(row - 1, far, "B", 1, 1)
    s.fill(row - 2, far, "B", 1, 1)
    s.coins(row - 1, far + (2 if right else -5), 4)
    s.ground(wide + 3)


def stepping_bricks(s: Strip) -> None:
    """Brick blocks that climb over a pit."""
    level = s.top
    count = s.pick(2, 3)
    for i in range(count):
        s.gap(2 + (s.hard > 0.6))
        level = min(13, max(7, level - s.pick(1, 2) if i < 2 else level + 2))
        s.fill(level, s.x, "B", 1, 3)
        if s.chance(0.5):
            s.coins(level - 2, s.x, 3)
        s.gap(3)
    s.gap(2)
    s.top = min(13, max(9, level + 1))
    s.ground(4)
