"""The dungeon's sheet: stone walls with a top and a front face, flagstones, and what lies on them."""

from __future__ import annotations

from functools import partial

from tileset_art import dungeon_sprites as art
from tileset_art.canvas import (
    DIRECTIONS,
    SIZE,
    Sheet,
    Tile,
    blank,
    canonical,
    corner_mask,
    over,
    paint,
    rgba,
    speck,
    sprite,
)

FACE = 6  # first row of a wall's front face
VOID, DEEP, TOP, TOP_LIGHT, RIM, LIP = "1b1527", "281f3a", "352a4b", "40335a", "6c5a85", "a795b4"
BRICK, BRICK_LIGHT, MORTAR, FOOT = "6a5581", "7d6895", "463760", "2b2040"
FLOOR, FLOOR_LIGHT, FLOOR_DARK, GROUT = "9a8a84", "a4948b", "91817f", "83747a"
SHADE = {FLOOR: "6f6170", FLOOR_LIGHT: "746674", FLOOR_DARK: "6a5c6c", GROUT: "5f5268"}
FLOOR_SHADOW = GROUT


def _distance(x: int, y: int, mask: int) -> float:
    """Pixels from (x, y) to the nearest place that is not wall top, looking at the 8 neighbours.

    A neighbour that is wall but has no wall below shows its face from row FACE down: for the
    diagonals below, the open place is that face.
    """
    boxes = {
        "N": (0, 15, -16, -1),
        "NE": (16, 31, -16, -1),
        "E": (16, 31, 0, 15),
        "SE": (16, 31, FACE, 31),
        "S": (0, 15, FACE, 31),
        "SW": (-16, -1, FACE, 31),
        "W": (-16, -1, 0, 15),
        "NW": (-16, -1, -16, -1),
    }
    best = 99.0
    for i, direction in enumerate(DIRECTIONS):
        if mask >> i & 1:
            continue
        needs = [i - 1, (i + 1) % 8] if i % 2 else []
        if not all(mask >> n & 1 for n in needs):
            continue  # dropped by canonical(): an edge beside it is open and nearer
        x0, x1, y0, y1 = boxes[direction]
        dx, dy = max(x0 - x, 0, x - x1), max(y0 - y, 0, y - y1)
        best = min(best, (dx * dx + dy * dy) ** 0.5)
    return best


def _brick(x: int, y: int, variant: int) -> str:
    """The front face: two and a half courses of bricks over a dark foot."""
    row = y - FACE
    if row >= 9:
        return FOOT
    course, line = divmod(row, 4)
    joint = 3 if course % 2 == 0 else 7
    if line == 3 or (x - joint) % 8 == 0:
        return MORTAR
    stone = (x - joint) // 8 % 2 + course * 2
    tone = speck(stone, course, 40 + variant)
    if line == 0:
        return "8f7aa6" if tone > 90 else BRICK_LIGHT
    if tone > 190:
        return BRICK_LIGHT
    return BRICK if tone > 60 else "5e4a75"


def wall(mask: int, variant: int = 0) -> Tile:
    """One wall cell; ``mask`` has a bit for each neighbour that is wall too."""
    face = not mask >> 4 & 1
    west, east = mask >> 6 & 1, mask >> 2 & 1

    def color(x: int, y: int) -> str:
        if face and y >= FACE:
            if (x == 0 and not west) or (x == 15 and not east):
                return FOOT if y >= 15 else MORTAR
            return _brick(x, y, variant)
        away = _distance(x, y, mask)
        if away <= 1:
            return LIP if face and y == FACE - 1 else RIM if not (face and y >= FACE - 1) else LIP
        if away < 2.3:
            return TOP_LIGHT
        if away < 5.2:
            return TOP_LIGHT if speck(x, y, 5) > 244 else TOP
        return DEEP if away < 6.5 else VOID

    return paint(color)


def _walls(mask: int) -> list[Tile]:
    """The variants of a wall cell; the hash of a cell chooses, so repeats are weights."""
    if mask == 255:
        plain = wall(255)
        flecked = paint(
            lambda x, y: "241c34" if 4 < x < 11 and 4 < y < 11 and speck(x, y, 71) > 225 else VOID
        )
        return [plain] * 5 + [flecked]
    if mask >> 4 & 1:
        return [wall(mask)]
    first, second = wall(mask, 0), wall(mask, 1)
    moss = over(first, sprite(art.MOSS, outline=None))
    if mask & 0b01000100 != 0b01000100:  # a corner of the wall: nothing hangs there
        return [first] * 3 + [second] * 3
    hung = [over(first, art.at(art.TORCH, 4)), over(second, art.at(art.BANNER, 5))]
    crack = over(second, sprite(art.CRACK, outline=None, dy=-2))
    return [first] * 9 + [second] * 9 + [moss] * 2 + [crack] + hung


def _slabs(x: int, y: int, cuts: tuple[tuple[int, int, int, int], ...], salt: int) -> str:
    """Flagstones: rectangles (x0, y0, x1, y1) with grout below and to the right of each."""
    for i, (x0, y0, x1, y1) in enumerate(cuts):
        if x0 <= x <= x1 and y0 <= y <= y1:
            if x == x1 or y == y1:
                return GROUT
            if (y == y0 or x == x0) and speck(x, y, salt) > 60:
                return FLOOR_LIGHT
            if speck(x, y, salt + 1) > 246:
                return FLOOR_DARK
            return (FLOOR, FLOOR_DARK, FLOOR)[speck(i, i, salt) % 3] if i else FLOOR
    return FLOOR


LAYOUTS: tuple[tuple[tuple[int, int, int, int], ...], ...] = (
    ((0, 0, 15, 15),),
    ((0, 0, 15, 7), (0, 8, 15, 15)),
    ((0, 0, 7, 15), (8, 0, 15, 15)),
    ((0, 0, 7, 7), (8, 0, 15, 7), (0, 8, 15, 15)),
    ((0, 0, 15, 7), (0, 8, 7, 15), (8, 8, 15, 15)),
)


def _floor(layout: int, shade: int, extra: str | None = None) -> Tile:
    """A floor cell; ``shade`` has bits for walls to the N, W and NW, which cast a shadow on it."""
    north, west, corner = shade & 1, shade >> 1 & 1, shade >> 2 & 1

    def shaded(x: int, y: int) -> bool:
        # The wall's outline moved 3 right and 4 down, as light from the upper left throws it.
        if north and y < 4 and (west or corner or x >= min(3, y)):
            return True
        if west and x < 3 and (north or corner or y >= min(4, x + 1)):
            return True
        return bool(corner and x < 3 and y < 4)

    tile = paint(lambda x, y: _slabs(x, y, LAYOUTS[layout], 11 + layout))
    if extra:
        tile = over(tile, sprite(extra, outline=None, dy=-3))
    dark = {tuple(rgba(a)): rgba(b) for a, b in SHADE.items()}
    for y in range(SIZE):
        for x in range(SIZE):
            if shaded(x, y):
                tile[y, x] = dark.get(tuple(tile[y, x]), tile[y, x])
    return tile


def _floors(shade: int) -> list[Tile]:
    plain = [_floor(i, shade) for i in range(len(LAYOUTS))]
    worn = [_floor(0, shade, extra) for extra in (art.FLOOR_CRACK, art.PEBBLES)]
    return plain[:1] * 24 + plain[1:] * 5 + worn


def _mosaic() -> list[list[Tile]]:
    """A worn 2 x 2 medallion set into the floor where there is room."""
    cells = [[blank(), blank()], [blank(), blank()]]
    for gy in range(32):
        for gx in range(32):
            radius = ((gx - 15.5) ** 2 + (gy - 15.5) ** 2) ** 0.5
            diamond = abs(gx - 15.5) + abs(gy - 15.5)
            color = _slabs(gx % 16, gy % 16, LAYOUTS[0], 11)
            if 11 <= radius < 13:
                color = "7f7481"
            elif 13 <= radius < 14:
                color = FLOOR_LIGHT
            elif diamond < 8.5:
                color = "8a7a84" if diamond > 6.5 else "a3907f" if diamond > 3 else "8a7a84"
            if speck(gx, gy, 90) > 238:
                color = FLOOR
            cells[gy // 16][gx // 16][gy % 16, gx % 16] = rgba(color)
    return cells


def draw() -> Sheet:
    """The whole sheet."""
    sheet = Sheet(VOID)
    mosaic = [sheet.add_all(row) for row in _mosaic()]
    sheet.rule(
        "floor",
        [_floors(shade) for shade in range(8)],
        neighbours=("N", "W", "NW"),
        match=("wall",),
        outside=True,
        stamps=[{"cells": mosaic, "block": [7, 6], "chance": 0.5}],
    )
    pictures = {mask: _walls(mask) for mask in sorted({canonical(m) for m in range(256)})}
    sheet.rule("wall", [pictures[canonical(m)] for m in range(256)], neighbours=DIRECTIONS, outside=True)
    floor = sheet.rules["floor"]["table"][0][0]
    sheet.corner_wang["wall"] = [floor] + [sheet.add(pictures[corner_mask(c)][0]) for c in range(1, 16)]

    cast = partial(art.cast, shade=FLOOR_SHADOW)
    sheet.rule("start", [[sprite(art.STAIRS_UP, outline=None)]])
    sheet.rule("exit", [[sprite(art.STAIRS_DOWN, outline=None)]])
    sheet.rule("key", [[cast(art.KEY)]])
    across, along = sprite(art.DOOR, outline=None), sprite(art.DOOR_SIDE, outline=None)
    # Bits: wall to the west, wall to the east. Walls on neither side: the passage runs east-west.
    sheet.rule("door", [[along], [across], [across], [across]], neighbours=("W", "E"), match=("wall",))
    sheet.rule("treasure", [[cast(art.CHEST), cast(art.GOLD), cast(art.GEM)]])
    sheet.rule("potion", [[cast(art.POTION)]])
    sheet.rule("spikes", [[sprite(art.SPIKES, outline=None)]])
    bats, ghosts = art.bats(FLOOR_SHADOW), art.ghosts(FLOOR_SHADOW)
    sheet.rule("bat", [[bats[0]]])
    sheet.rule("ghost", [[ghosts[0]]])
    sheet.sprite_frames("bat", 110, move=bats)
    sheet.sprite_frames("ghost", 180, move=ghosts)
    idle, walk = art.player(FLOOR_SHADOW)
    sheet.sprite_frames("player", 160, idle=idle, walk=walk)
    return sheet
