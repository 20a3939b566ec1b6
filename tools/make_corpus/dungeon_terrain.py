"""Walls and floors of the dungeon, one function a family; things are placed afterwards.

Each takes a generator and a size and gives ``bool[H, W]``, True where there is floor. All floor is
connected and the border is wall.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from tools.make_corpus.grid import Mask, Redo, cells, distances, neighbours, parts


def split(rng: Generator, total: int, pieces: int, least: int) -> list[int]:
    """Cut ``total`` into near-equal pieces, each at least ``least``."""
    sizes = [total // pieces] * pieces
    for i in rng.choice(pieces, total % pieces, replace=False):
        sizes[i] += 1
    for _ in range(pieces):
        a, b = rng.choice(pieces, 2, replace=False)
        if sizes[a] > least + 1:
            sizes[a] -= 1
            sizes[b] += 1
    return sizes


def links(rng: Generator, down: int, across: int, loops: float) -> list[tuple[int, int, int, int]]:
    """A random spanning tree of a grid of nodes, plus a share of the other neighbour pairs."""
    pairs = [(y, x, y, x + 1) for y in range(down) for x in range(across - 1)]
    pairs += [(y, x, y + 1, x) for y in range(down - 1) for x in range(across)]
    group = {(y, x): y * across + x for y in range(down) for x in range(across)}
    chosen, spare = [], []
    for i in rng.permutation(len(pairs)):
        pair = pairs[i]
        a, b = group[pair[:2]], group[pair[2:]]
        if a == b:
            spare.append(pair)
            continue
        chosen.append(pair)
        group = {node: a if g == b else g for node, g in group.items()}
    return chosen + spare[: round(loops * len(spare))]


def connected(floor: Mask) -> Mask:
    """Keep the floor if it is one part.

    Raises:
        Redo: it is not.
    """
    if len(parts(floor)) != 1:
        raise Redo("floor falls apart")
    return floor


def furnish(floor: Mask, top: int, left: int, high: int, wide: int, kind: int) -> None:
    """Give one room a shape: cut corners, or pillars placed evenly about its middle."""
    bottom, right = top + high - 1, left + wide - 1
    if kind == 1 and high >= 5 and wide >= 6:
        for y in (top, bottom):
            for x in (left, right):
                floor[y, x] = False
    elif kind == 2 and high >= 5 and wide >= 7:
        inset = 1 if high < 7 else 2
        for x in (left + 2, right - 2):
            for y in (top + inset, bottom - inset):
                floor[y, x] = False
    elif kind == 3 and high >= 6 and wide >= 6:
        y, x = top + (high - 2) // 2, left + (wide - 2) // 2
        floor[y : y + 2 + (high - 2) % 2, x : x + 2 + (wide - 2) % 2] = False
    elif kind == 4 and wide >= 8 and high >= 5:
        y = top + high // 2
        floor[y, left + 2 : right - 1] = False
        if high % 2 == 0:
            floor[y - 1, left + 2 : right - 1] = False


def rooms(rng: Generator, height: int, width: int) -> Mask:
    """Rooms on a loose grid, joined by straight or once-bent corridors, with loops."""
    floor = np.zeros((height, width), bool)
    across = int(rng.choice([3, 3, 4])) if width < 40 else int(rng.choice([4, 5]))
    down = int(rng.choice([2, 3, 3])) if across != 4 else int(rng.choice([2, 3]))
    wides, highs = split(rng, width - 2, across, 7), split(rng, height - 2, down, 6)
    tops, lefts = np.cumsum([1, *highs]), np.cumsum([1, *wides])
    passage = int(rng.choice([1, 2, 2]))
    boxes = {}
    for y in range(down):
        for x in range(across):
            high = int(rng.integers(max(4, highs[y] - 3), highs[y])) if y < down - 1 else highs[y]
            wide = int(rng.integers(max(4, wides[x] - 3), wides[x])) if x < across - 1 else wides[x]
            high, wide = min(high, highs[y] - (y < down - 1)), min(wide, wides[x] - (x < across - 1))
            if rng.random() < 0.5:
                high = max(4, high - int(rng.integers(0, 3)))
                wide = max(5, wide - int(rng.integers(0, 3)))
            top = int(tops[y] + rng.integers(0, highs[y] - (y < down - 1) - high + 1))
            left = int(lefts[x] + rng.integers(0, wides[x] - (x < across - 1) - wide + 1))
            boxes[y, x] = (top, left, high, wide)
            floor[top : top + high, left : left + wide] = True
    for y, x, v, u in links(rng, down, across, 0.45):
        join(rng, floor, boxes[y, x], boxes[v, u], passage, side=y == v)
    floor = tidy(floor)
    for box in boxes.values():
        furnish(floor, *box, kind=int(rng.choice([0, 0, 0, 1, 1, 2, 2, 3, 4])))
    if floor[1:-1, 1:-1].mean() > 0.68:
        raise Redo("rooms run together")
    return connected(floor)


def join(
    rng: Generator,
    floor: Mask,
    a: tuple[int, int, int, int],
    b: tuple[int, int, int, int],
    passage: int,
    side: bool,
) -> None:
    """Dig a corridor from room a to room b, which lies right of it (``side``) or below it."""
    if not side:
        flipped = floor.T
        join(rng, flipped, (a[1], a[0], a[3], a[2]), (b[1], b[0], b[3], b[2]), passage, True)
        return
    begin, end = a[1] + a[3], b[1]
    low, high = max(a[0], b[0]) + 1, min(a[0] + a[2], b[0] + b[2]) - passage - 1
    if low <= high:
        y = int(rng.integers(low, high + 1))
        floor[y : y + passage, begin:end] = True
        return
    y = a[0] + (a[2] - passage) // 2
    v = b[0] + (b[2] - passage) // 2
    if end - begin < passage:
        bend = begin - passage if begin - passage >= a[1] else begin
    else:
        bend = begin + (end - begin - passage) // 2
    floor[y : y + passage, begin : bend + passage] = True
    floor[v : v + passage, bend:end] = True
    floor[min(y, v) : max(y, v) + passage, bend : bend + passage] = True


def tidy(floor: Mask) -> Mask:
    """Take away wall slivers: single wall cells poking into floor, and wall only one diagonal thick."""
    floor = floor.copy()
    for _ in range(8):
        poking = ~floor & (neighbours(floor, False) == 3)
        poking[0] = poking[-1] = poking[:, 0] = poking[:, -1] = False
        if not poking.any():
            return floor
        floor |= poking
    return floor


def caves(rng: Generator, height: int, width: int) -> Mask:
    """Cellular automata smoothed until no nub of wall or floor is left."""
    floor = rng.random((height, width)) < rng.uniform(0.54, 0.58)
    border(floor)
    for turn in range(6):
        crowd = neighbours(floor, True)
        floor = np.where(crowd > 4, True, np.where(crowd < 4, False, floor)).astype(bool)
        if turn < 2:  # break up wide plains before they grow
            floor &= ~((neighbours(floor, True) == 8) & (rng.random(floor.shape) < 0.05))
        border(floor)
    for _ in range(12):
        before = floor.copy()
        floor &= ~(floor & (neighbours(floor, False) <= 1))
        walls = ~floor
        for part in parts(walls):
            if part.sum() < 4:
                floor |= part
        floor |= walls & (neighbours(walls, False) <= 1)
        border(floor)
        if (floor == before).all():
            break
    found = parts(floor)
    keep = found[0]
    for other in found[1:]:
        if other.sum() > 0.35 * keep.sum():
            raise Redo("two caves")
    keep = widen(keep)
    share = keep.sum() / ((height - 2) * (width - 2))
    if not 0.42 <= share <= 0.62:
        raise Redo("too tight or too open")
    ends = distances(keep, cells(keep)[0])
    last = np.unravel_index(int(ends.argmax()), ends.shape)
    if distances(keep, (int(last[0]), int(last[1]))).max() < 1.4 * width:
        raise Redo("one blob without a way through it")
    # the cave fills its frame
    spread_y, spread_x = np.flatnonzero(keep.any(1)), np.flatnonzero(keep.any(0))
    if spread_y[0] > 3 or spread_y[-1] < height - 4 or spread_x[0] > 3 or spread_x[-1] < width - 4:
        raise Redo("cave leaves a side empty")
    return connected(keep)


def widen(floor: Mask) -> Mask:
    """Open necks one tile wide, so that a cave can be walked with a patrol in it."""
    floor = floor.copy()
    height, width = floor.shape
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if not floor[y, x]:
                continue
            if not floor[y, x - 1] and not floor[y, x + 1]:
                floor[y, x + 1 if x + 1 < width - 1 else x - 1] = True
            if not floor[y - 1, x] and not floor[y + 1, x]:
                floor[y + 1 if y + 1 < height - 1 else y - 1, x] = True
    return tidy(floor)


def border(floor: Mask) -> None:
    """Make the border wall."""
    floor[0] = floor[-1] = False
    floor[:, 0] = floor[:, -1] = False


def mazes(rng: Generator, height: int, width: int) -> Mask:
    """A maze of corridors two or three wide and thin walls, with loops and a few small rooms."""
    across = int(rng.integers(8, 11)) * width // 32
    down = int(rng.integers(6, 8))
    wides, highs = split(rng, width - 1 - across, across, 2), split(rng, height - 1 - down, down, 2)
    floor = np.zeros((height, width), bool)
    lefts = np.cumsum([1, *[w + 1 for w in wides]])
    tops = np.cumsum([1, *[h + 1 for h in highs]])
    for y in range(down):
        for x in range(across):
            floor[tops[y] : tops[y] + highs[y], lefts[x] : lefts[x] + wides[x]] = True
    chosen = links(rng, down, across, float(rng.uniform(0.06, 0.16)))
    for y, x, v, u in chosen:
        if y == v:
            floor[tops[y] : tops[y] + highs[y], lefts[u] - 1] = True
        else:
            floor[tops[v] - 1, lefts[x] : lefts[x] + wides[x]] = True
    for _ in range(int(rng.integers(0, 3)) * width // 32):  # a room of two by two cells
        y, x = int(rng.integers(0, down - 1)), int(rng.integers(0, across - 1))
        floor[tops[y] : tops[y + 1] + highs[y + 1], lefts[x] : lefts[x + 1] + wides[x + 1]] = True
    walls = ~floor
    floor |= walls & (neighbours(walls, False) == 0)  # posts left standing alone
    return connected(floor)


def halls(rng: Generator, height: int, width: int) -> Mask:
    """One great hall, the same left and right and top and bottom, with pillars and bays."""
    if width > 40:
        raise Redo("halls are one screen")
    half_h, half_w = height // 2, width // 2
    quarter = np.zeros((half_h, half_w), bool)  # top left quarter, mirrored below
    top, left = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    quarter[top:, left:] = True
    outline(rng, quarter, top, left)
    bare = quarter.copy()
    pillars(rng, quarter, top, left)
    if quarter[half_h - 5 :, half_w - 6 :].all() and rng.random() < 0.7:  # a solid heart
        quarter[half_h - int(rng.integers(1, 3)) :, half_w - int(rng.integers(2, 4)) :] = False
    if not 0.08 <= (bare & ~quarter).sum() / bare.sum() <= 0.3:
        raise Redo("too bare or too full")
    floor = np.zeros((height, width), bool)
    floor[:half_h, :half_w] = quarter
    floor[height - half_h :, :half_w] = quarter[::-1]
    floor[:, width - half_w :] = floor[:, :half_w][:, ::-1]
    border(floor)
    for _ in range(int(rng.integers(1, 4))):  # bays dug into the outer wall, both sides alike
        y = int(rng.integers(2, height - 4))
        row = np.flatnonzero(floor[y])
        if row.size and row[0] >= 4:
            depth = int(rng.integers(2, row[0] - 1 + 1))
            floor[y : y + 2, row[0] - depth : row[0]] = True
            floor[y : y + 2, width - row[0] : width - row[0] + depth] = True
    return connected(floor)


def outline(rng: Generator, quarter: Mask, top: int, left: int) -> None:
    """The shape of a hall's corner: square, round, a cross or stepped."""
    shape = int(rng.integers(0, 4))
    if shape == 1:
        radius = int(rng.integers(4, 8))
        for y, x in cells(quarter):
            if (y - top) + (x - left) < radius:
                quarter[y, x] = False
    elif shape == 2:
        quarter[: top + int(rng.integers(3, 6)), : left + int(rng.integers(4, 8))] = False
    elif shape == 3:
        step = int(rng.integers(2, 4))
        quarter[: top + step, : left + 2 * step] = False
        quarter[: top + 2 * step, : left + step] = False


def pillars(rng: Generator, quarter: Mask, top: int, left: int) -> None:
    """One pattern of walls within a hall's top left quarter."""
    high, wide = quarter.shape
    y, x = top + int(rng.integers(2, 4)), left + int(rng.integers(2, 5))
    pattern = int(rng.integers(0, 7))
    if pattern == 0:  # square pillars in rows
        for v in range(y, high - 2, int(rng.integers(4, 6))):
            for u in range(x, wide - 2, int(rng.integers(4, 6))):
                quarter[v : v + 2, u : u + 2] = False
    elif pattern == 1:  # a chamber within, open in the middle of its sides
        quarter[y + 1, x + 1 : wide - int(rng.integers(2, 4))] = False
        quarter[y + 1 : high - int(rng.integers(1, 3)), x + 1] = False
        quarter[high - 1 :, wide - 2 :] = False
    elif pattern == 2:  # bars across
        gap = int(rng.integers(1, 4))
        for v in range(y, high - 1, int(rng.integers(3, 5))):
            quarter[v, x : wide - gap] = False
    elif pattern == 3:  # bars upright
        gap = int(rng.integers(1, 3))
        for u in range(x, wide - 1, int(rng.integers(3, 6))):
            quarter[y : high - gap, u] = False
    elif pattern == 4:  # a solid heart and four blocks
        quarter[high - int(rng.integers(2, 4)) :, wide - int(rng.integers(3, 6)) :] = False
        quarter[y : y + 2, x : x + 4] = False
    elif pattern == 5:  # corner pieces
        quarter[y, x : x + int(rng.integers(4, 7))] = False
        quarter[y : y + int(rng.integers(3, 6)), x] = False
        quarter[high - 1 :, wide - int(rng.integers(3, 6)) :] = False
    else:  # walls that jut out of the sides
        v = int(rng.integers(y + 1, high - 1))
        quarter[v : v + 2, : x + int(rng.integers(2, 5))] = False
        u = int(rng.integers(x + 3, wide - 1))
        quarter[: y + int(rng.integers(0, 2)), u : u + 2] = False


def buildings(rng: Generator, height: int, width: int) -> Mask:
    """A building cut again and again into rooms, thin walls, one doorway through most of them."""
    floor = np.zeros((height, width), bool)
    floor[1:-1, 1:-1] = True
    thick = int(rng.choice([1, 1, 2]))
    least_h, least_w = int(rng.integers(4, 6)), int(rng.integers(5, 8))
    openings: list[tuple[slice, slice]] = []
    leaves: list[tuple[int, int, int, int]] = []

    def cut(top: int, left: int, high: int, wide: int) -> None:
        can_y, can_x = high >= 2 * least_h + thick, wide >= 2 * least_w + thick
        small = high * wide < 90 and rng.random() < 0.35
        if not (can_y or can_x) or small:
            leaves.append((top, left, high, wide))
            return
        upright = can_x and (not can_y or rng.random() < wide / (wide + 1.6 * high))
        if upright:
            x = left + int(rng.integers(least_w, wide - least_w - thick + 1))
            floor[top : top + high, x : x + thick] = False
            cut(top, left, high, x - left)
            cut(top, x + thick, high, left + wide - x - thick)
            good = [
                y
                for y in range(top + 1, top + high - 1)
                if floor[y - 1 : y + 2, x - 1].all() and floor[y - 1 : y + 2, x + thick].all()
            ]
            if not good:
                raise Redo("no place for a doorway")
            y = int(rng.choice(good))
            openings.append((slice(y, y + 1), slice(x, x + thick)))
        else:
            y = top + int(rng.integers(least_h, high - least_h - thick + 1))
            floor[y : y + thick, left : left + wide] = False
            cut(top, left, y - top, wide)
            cut(y + thick, left, top + high - y - thick, wide)
            good = [
                x
                for x in range(left + 1, left + wide - 1)
                if floor[y - 1, x - 1 : x + 2].all() and floor[y + thick, x - 1 : x + 2].all()
            ]
            if not good:
                raise Redo("no place for a doorway")
            x = int(rng.choice(good))
            openings.append((slice(y, y + thick), slice(x, x + 1)))

    cut(1, 1, height - 2, width - 2)
    if not 5 <= len(leaves) <= 14:
        raise Redo("too few or too many rooms")
    for opening in openings:
        floor[opening] = True
    for _ in range(int(rng.integers(0, 3))):  # a wider way through some wall, for a loop
        y, x = int(rng.integers(2, height - 4)), int(rng.integers(2, width - 4))
        if (
            not floor[y : y + 2, x].any()
            and floor[y : y + 2, x - 1].all()
            and floor[y : y + 2, x + thick].all()
        ):
            floor[y : y + 2, x : x + thick] = True
    for box in leaves:
        if rng.random() < 0.5:
            trial = floor.copy()
            furnish(trial, *box, kind=int(rng.choice([1, 2, 2, 3, 4])))
            if len(parts(trial)) == 1 and int(trial.sum()) > 0:
                floor[:] = trial
    return connected(floor)


FAMILIES = {"rooms": rooms, "cave": caves, "maze": mazes, "hall": halls, "quest": buildings}
