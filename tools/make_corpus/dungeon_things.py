"""Furnishes a dungeon: start, exit, doors and keys, treasure, spikes, patrols and potions.

Each thing is placed for a reason that a player can see: doors gate the way or a vault, treasure lies
where the way does not lead, spikes narrow a passage, patrols cross the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tools.make_corpus.grid import ORTHOGONAL, Cell, Grid, Mask, Redo, blank, cells, distances, neighbours


@dataclass(frozen=True)
class Wish:
    """How much of everything one level should have (it may get a little less)."""

    doors: int = 0
    treasure: int = 5
    spikes: int = 4
    bats: int = 2
    ghosts: int = 2
    potions: int = 0
    mirrored: bool = False  # treasure and spikes in pairs, left and right


@dataclass
class Draft:
    """A level being made: ``grid`` of symbols over the bare ``floor``."""

    grid: Grid
    floor: Mask
    rng: Generator
    start: Cell = (0, 0)
    exit: Cell = (0, 0)
    mirrored: bool = False

    def twin(self, cell: Cell) -> Cell:
        """The same place on the other side."""
        return cell[0], self.grid.shape[1] - 1 - cell[1]

    @property
    def plain(self) -> Mask:
        """Floor with nothing on it."""
        return np.asarray(self.grid == ".")

    def put(self, cell: Cell, symbol: str) -> None:
        """Place one thing."""
        self.grid[cell] = symbol

    def near(self, cell: Cell, reach: int, symbols: str) -> bool:
        """Whether one of the symbols lies within ``reach`` rows and columns of the cell."""
        y, x = cell
        patch = self.grid[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        return bool(np.isin(patch, list(symbols)).any())


def furnish(rng: Generator, floor: Mask, wish: Wish) -> Grid:
    """Place everything on a bare floor plan.

    Raises:
        Redo: this floor plan has no good place for something essential.
    """
    grid = blank(floor.shape[0], floor.shape[1], "#")
    grid[floor] = "."
    draft = Draft(grid, floor, rng)
    ends(draft)
    doors(draft, wish.doors)
    route = path(draft)
    draft.mirrored = wish.mirrored
    hoard(draft, wish.treasure, route)
    patrols(draft, wish.bats, "b", route)
    patrols(draft, wish.ghosts, "g", route)
    spikes(draft, wish.spikes, route)
    potions(draft, wish.potions)
    return draft.grid


def nooks(floor: Mask) -> Mask:
    """Floor in a corner: a wall above or below and one to a side, but no wall opposite another."""
    wall = np.pad(~floor, 1, constant_values=True)
    up, down, left, right = wall[:-2, 1:-1], wall[2:, 1:-1], wall[1:-1, :-2], wall[1:-1, 2:]
    dead_end = (up & down & (left ^ right)) | (left & right & (up ^ down))
    return np.asarray(floor & (((up ^ down) & (left ^ right)) | dead_end))


def ends(draft: Draft) -> None:
    """Start and exit: two places with room around them, about as far apart as the level allows."""
    rng, floor = draft.rng, draft.floor
    roomy = floor & (neighbours(floor, True) == 8)
    for limit in (6, 5):
        if roomy.sum() < 8:
            roomy = floor & (neighbours(floor, True) >= limit)
    places = cells(roomy)
    first = places[int(rng.integers(len(places)))]
    far = distances(floor, first)
    draft.exit = max(places, key=lambda c: int(far[c]))
    far = distances(floor, draft.exit)
    longest = max(int(far[c]) for c in places)
    good = [c for c in places if far[c] >= 0.8 * longest]
    draft.start = good[int(rng.integers(len(good)))]
    if far[draft.start] < 22:
        raise Redo("start and exit too close")
    if rng.random() < 0.5:
        draft.start, draft.exit = draft.exit, draft.start
    draft.put(draft.start, "@")
    draft.put(draft.exit, ">")


def path(draft: Draft) -> list[Cell]:
    """The shortest way from start to exit over the bare floor."""
    far = distances(draft.floor, draft.exit)
    way = [draft.start]
    while way[-1] != draft.exit:
        y, x = way[-1]
        way.append(
            min(
                ((y + dy, x + dx) for dy, dx in ORTHOGONAL if far[y + dy, x + dx] >= 0),
                key=lambda c: int(far[c]),
            )
        )
    return way


def doors(draft: Draft, count: int) -> None:
    """Doors in doorways that cut something off, and for each a key on the open side."""
    rng, floor = draft.rng, draft.floor
    if not count:
        return
    total = int(floor.sum())
    chances: list[tuple[Cell, Mask, bool]] = []
    for y, x in cells(draft.plain):
        across = not floor[y - 1, x] and not floor[y + 1, x] and floor[y, x - 1] and floor[y, x + 1]
        along = not floor[y, x - 1] and not floor[y, x + 1] and floor[y - 1, x] and floor[y + 1, x]
        if not (across or along):
            continue
        without = floor.copy()
        without[y, x] = False
        here = distances(without, draft.start) >= 0
        behind = without & ~here
        if 8 <= behind.sum() <= 0.75 * total:
            chances.append(((y, x), behind, bool(behind[draft.exit])))
    placed: list[tuple[Cell, Mask, bool]] = []
    order = [chances[i] for i in rng.permutation(len(chances))]
    order.sort(key=lambda c: not c[2])  # first the doors that bar the way
    for cell, behind, gate in order:
        if len(placed) == count:
            break
        if not gate and behind.sum() > 80:
            continue
        if any(abs(cell[0] - c[0]) + abs(cell[1] - c[1]) < 5 for c, _, _ in placed):
            continue
        if any((behind ^ other).sum() < 12 for _, other, _ in placed):
            continue  # two doors one behind the other
        if sum(g for _, _, g in placed) >= 2 and gate:
            continue
        placed.append((cell, behind, gate))
    if len(placed) < count:
        raise Redo("no doorways for the doors")
    for cell, _, _ in placed:
        draft.put(cell, "D")
    # Gates are opened in the order met; with a vault about, every key lies in the open part, so
    # that no order of opening leaves the player stuck.
    gates = sorted((p for p in placed if p[2]), key=lambda p: -int(p[1].sum()))
    vaults = [p for p in placed if not p[2]]
    open_part = floor.copy()
    for cell, behind, _ in placed:
        open_part &= ~behind
        open_part[cell] = False
    zones = []
    for number in range(len(gates)):
        zone = floor.copy()
        for cell, behind, _ in gates[number:]:
            zone &= ~behind
            zone[cell] = False
        if number and not vaults:
            zone &= gates[number - 1][1]  # the next key lies behind the door just opened
        zones.append(zone if not vaults else open_part)
    zones += [open_part] * len(vaults)
    for zone in zones:
        place_key(draft, zone)
    for _, behind, _ in vaults:
        vault(draft, behind)


def place_key(draft: Draft, zone: Mask) -> None:
    """A key away from the start, away from other keys, rather in a corner."""
    far = distances(draft.floor, draft.start)
    nook = nooks(draft.floor)
    spots = [c for c in cells(zone & draft.plain & nook) if far[c] >= 6 and not draft.near(c, 3, "kD@>")]
    if not spots:
        raise Redo("no place for a key")
    score = {c: far[c] / 10 + 2 * draft.rng.random() for c in spots}
    draft.put(max(spots, key=score.__getitem__), "k")


def vault(draft: Draft, behind: Mask) -> None:
    """Two to four treasures together in the middle of what a vault door guards."""
    spots = cells(behind & draft.plain)
    middle = np.mean(spots, axis=0)
    spots.sort(key=lambda c: abs(c[0] - middle[0]) + abs(c[1] - middle[1]))
    y, x = spots[0]
    square = [(y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1)]
    for cell in square if all(draft.plain[c] for c in square) else spots[:2]:
        draft.put(cell, "$")


def hoard(draft: Draft, count: int, route: list[Cell]) -> None:
    """Treasure off the way: corners and dead ends first, now and then two or three together."""
    rng = draft.rng
    count -= int((draft.grid == "$").sum())
    off = distances(draft.floor, route)
    walls = 4 - neighbours(draft.floor, False)
    nook = nooks(draft.floor)
    while count > 0:
        spots = [c for c in cells(draft.plain & nook) if off[c] >= 2 and not draft.near(c, 3, "$k@>D")]
        if not spots:
            return
        score = {c: min(int(off[c]), 12) / 6 + 1.2 * walls[c] + 1.5 * rng.random() for c in spots}
        y, x = max(spots, key=score.__getitem__)
        draft.put((y, x), "$")
        count -= 1
        if draft.mirrored:
            if count > 0 and draft.plain[draft.twin((y, x))]:
                draft.put(draft.twin((y, x)), "$")
                count -= 1
            continue
        more = [(y, x + 1), (y, x - 1), (y + 1, x), (y - 1, x)]
        if count > 0 and rng.random() < 0.4:
            for cell in more:
                if draft.plain[cell] and walls[cell] == 1:
                    draft.put(cell, "$")
                    count -= 1
                    break


def run(plain: Mask, cell: Cell, axis: int) -> tuple[int, int]:
    """The stretch of plain floor through a cell, as (first, last) column (axis 1) or row (axis 0)."""
    line = plain[cell[0]] if axis else plain[:, cell[1]]
    first = last = cell[axis]
    while line[first - 1]:
        first -= 1
    while line[last + 1]:
        last += 1
    return first, last


def patrols(draft: Draft, count: int, symbol: str, route: list[Cell]) -> None:
    """Patrols at the middle of a stretch that crosses or runs along the way, apart from each other."""
    rng = draft.rng
    axis = 1 if symbol == "b" else 0
    near_way = distances(draft.floor, route)
    far = distances(draft.floor, draft.start)
    for _ in range(count):
        spots: dict[Cell, float] = {}
        for cell in cells(draft.plain):
            if far[cell] < 7 or near_way[cell] > 5 or draft.near(cell, 2, "kD>") or draft.near(cell, 4, "bg"):
                continue
            first, last = run(draft.plain, cell, axis)
            length = last - first + 1
            if not 3 <= length <= 14 or abs(2 * cell[axis] - first - last) > 1:
                continue
            spots[cell] = min(length, 8) / 4 - near_way[cell] / 4 + 2 * rng.random()
        if not spots:
            return
        draft.put(max(spots, key=spots.__getitem__), symbol)


PATCHES: tuple[tuple[Cell, ...], ...] = (
    ((0, 0), (0, 1)),
    ((0, 0), (0, 1), (0, 2)),
    ((0, 0), (1, 0)),
    ((0, 0), (1, 0), (2, 0)),
    ((0, 0), (0, 1), (1, 0), (1, 1)),
    ((0, 0), (0, 1), (0, 2), (0, 3)),
)


def spikes(draft: Draft, count: int, route: list[Cell]) -> None:
    """Patches of two to four spikes near the way; one can always go round them all."""
    rng = draft.rng
    near_way = distances(draft.floor, route)
    tries = 0
    while count >= 2 and tries < 200:
        tries += 1
        patch = PATCHES[int(rng.integers(len(PATCHES)))]
        if len(patch) > count:
            continue
        y, x = cells(draft.plain)[int(rng.integers(int(draft.plain.sum())))]
        spot = [(y + dy, x + dx) for dy, dx in patch]
        if any(
            v >= draft.grid.shape[0] or u >= draft.grid.shape[1] or not draft.plain[v, u] for v, u in spot
        ):
            continue
        if near_way[y, x] > 2 and tries < 150:
            continue
        twins = [draft.twin(c) for c in spot]
        room = 2 * len(patch) <= count and not set(twins) & set(spot)
        if draft.mirrored and room and all(draft.plain[c] for c in twins):
            spot += twins
        if any(draft.near(c, 1, "k$D!^") or draft.near(c, 3, "@>") or draft.near(c, 1, "bg") for c in spot):
            continue
        safe = draft.floor & (draft.grid != "^")
        for cell in spot:
            safe[cell] = False
        if (distances(safe, draft.start) >= 0).sum() < safe.sum():
            continue
        for cell in spot:
            draft.put(cell, "^")
        count -= len(spot)


def potions(draft: Draft, count: int) -> None:
    """Potions in corners, past the first third of the way."""
    far = distances(draft.floor, draft.start)
    for _ in range(count):
        spots = [
            c
            for c in cells(draft.plain & nooks(draft.floor))
            if far[c] > 12 and not draft.near(c, 3, "!k$D@>^")
        ]
        if not spots:
            return
        draft.put(spots[int(draft.rng.integers(len(spots)))], "!")
