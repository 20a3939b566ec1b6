"""The platformer's sheet: grass over earth, stone bricks, planks, ladders, and a sky with clouds."""

from __future__ import annotations

from tileset_art import platformer_sprites as art
from tileset_art.canvas import (
    DIRECTIONS,
    SIZE,
    Sheet,
    Tile,
    blank,
    canonical,
    corner_mask,
    mirrored,
    over,
    paint,
    rgba,
    speck,
    sprite,
)

SKY, CLOUD, CLOUD_LIGHT = "9fdbec", "c3edf4", "dff7f7"
EDGE = "3a2230"
EARTH, EARTH_LIGHT, EARTH_DARK, DEEP, DEEP_DARK = "a3653f", "b97a4c", "8a5138", "7a4634", "683a30"
GRASS, GRASS_LIGHT, GRASS_DARK, GRASS_EDGE = "6fbf4e", "b5e268", "3f8f4c", "27564a"
STONE, STONE_LIGHT, STONE_DARK, STONE_EDGE = "8d90ab", "b4bacb", "6c6a8c", "38304f"


def _distance(x: int, y: int, mask: int) -> float:
    """Pixels from (x, y) to the nearest neighbour cell that is open."""
    best = 99.0
    for i, (cx, cy) in enumerate(((0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1))):
        if mask >> i & 1 or (i % 2 and not (mask >> (i - 1) & 1 and mask >> ((i + 1) % 8) & 1)):
            continue
        dx = max(cx * SIZE - x, 0, x - cx * SIZE - 15)
        dy = max(cy * SIZE - y, 0, y - cy * SIZE - 15)
        best = min(best, (dx * dx + dy * dy) ** 0.5)
    return best


FRINGE = (6, 6, 7, 7, 6, 5, 5, 6, 7, 8, 7, 6, 5, 5, 6, 7)  # how far the grass hangs down, by column


def earth(mask: int, variant: int = 0) -> Tile:
    """One ground cell; ``mask`` has a bit for each neighbour that is solid too."""
    open_n, open_e, open_s, open_w = (not mask >> i & 1 for i in (0, 2, 4, 6))

    def soil(x: int, y: int) -> str:
        away = _distance(x, y, mask)
        grain = speck(x, y, 3 + variant)
        if away > 9.5:
            return DEEP_DARK if grain > 243 else DEEP
        if away > 8.5:
            return DEEP if (x + y) % 2 else EARTH_DARK
        if away < 3 and (open_w or open_e) and not open_n:
            return EARTH_LIGHT if grain > 150 and open_w and x < 3 else EARTH
        return EARTH_LIGHT if grain > 247 else EARTH_DARK if grain < 14 else EARTH

    def color(x: int, y: int) -> str:
        corner_n = (x == 0 and open_w) or (x == 15 and open_e)
        if open_n:
            if (x == 0 and open_w and y == 0) or (x == 15 and open_e and y == 0):
                return SKY
            if y == 0:
                return GRASS_EDGE
            depth = FRINGE[(x + variant * 5) % SIZE] - 1
            if y <= depth:
                if corner_n:
                    return GRASS_EDGE
                return GRASS_LIGHT if y == 1 else GRASS if y < depth - 1 else GRASS_DARK
            if y == depth + 1:
                return GRASS_EDGE if corner_n else EARTH_DARK
        if (x == 0 and open_w) or (x == 15 and open_e):
            if open_s and y == 15:
                return SKY
            return EDGE
        if y == 15 and open_s:
            return EDGE
        if y == 14 and open_s:
            return EARTH_DARK
        for bit, (cx, cy) in ((1, (15, 0)), (3, (15, 15)), (5, (0, 15)), (7, (0, 0))):
            edges = mask >> (bit - 1) & 1 and mask >> ((bit + 1) % 8) & 1
            if edges and not mask >> bit & 1 and abs(x - cx) + abs(y - cy) == 0:
                return EDGE
        return soil(x, y)

    return paint(color)


def _grounds(mask: int) -> list[Tile]:
    """The variants of a ground cell."""
    first, second = earth(mask, 0), earth(mask, 1)
    if mask == 255:
        odd = [over(first, sprite(text, outline=None, dy=-4)) for text in (art.STONES, art.BONE, art.ROOTS)]
        return [first] * 32 + [second] * 32 + [odd[0]] * 4 + odd[1:]
    if mask & 0b01010101 == 0b01010101:
        return [first]
    if not mask & 1 and mask & 0b01000100 == 0b01000100:
        pebble = over(second, sprite(art.STONES, outline=None, dy=-1))
        return [first] * 3 + [second] * 3 + ([pebble] if mask >> 4 & 1 else [])
    return [first, second]


def brick(mask: int, variant: int = 0) -> Tile:
    """One brick cell; bits of ``mask``: brick to the N, E, S, W."""
    open_n, open_e, open_s, open_w = (not mask >> i & 1 for i in range(4))

    def color(x: int, y: int) -> str:
        if (open_n and y == 0) or (open_s and y == 15) or (open_w and x == 0) or (open_e and x == 15):
            corner = (x in {0, 15}) and (y in {0, 15})
            rounded = ((x == 0 and open_w) or (x == 15 and open_e)) and (
                (y == 0 and open_n) or (y == 15 and open_s)
            )
            return SKY if corner and rounded else STONE_EDGE
        course, line = divmod(y, 8)
        joint = 7 if course == 0 else 15
        across = (x - joint - 1) % 16
        if line == 7 or x == joint:
            return STONE_EDGE if variant == 2 else "57527a"
        if line == 0 or (open_n and y == 1):
            return STONE_LIGHT
        if line == 6 or across == 14:
            return STONE_DARK
        if across == 0:
            return STONE_LIGHT
        return STONE_DARK if speck(x, y, 20 + variant) > (238 if variant else 252) else STONE

    return paint(color)


def _bricks(mask: int) -> list[Tile]:
    return [brick(mask)] * 3 + [brick(mask, 1)]


def planks(west: bool, east: bool) -> Tile:
    """A one-way platform over sky; whether it goes on to the west and to the east."""

    def color(x: int, y: int) -> str:
        post = (x in {2, 3} and not west) or (x in {12, 13} and not east)
        end = (x == 0 and not west) or (x == 15 and not east)
        if y < 6:
            if end and y in {0, 5}:
                return SKY
            if y in {0, 5} or end:
                return EDGE
            if y == 1:
                return "eec98c"
            if x in {7, 15}:
                return "8a5138"
            return "d9a262" if y < 4 else "ac6c48"
        if y == 6:
            return "754338" if 2 <= x <= 13 or (x < 2 and west) or (x > 13 and east) else SKY
        if post and y < 10:
            return "ac6c48" if y < 9 else EDGE
        brace = (not west and x == 16 - y + 4 - 7) or (not east and 15 - x == 16 - y + 4 - 7)
        return "754338" if brace and y < 9 else SKY

    return paint(color)


def ladder(top: bool) -> Tile:
    """A ladder over sky; its top sticks out a little."""

    def color(x: int, y: int) -> str:
        if x in {2, 5, 10, 13} and not (x in {5, 10} and y % 4 in {1, 2}):
            return EDGE
        if x in {3, 4, 11, 12}:
            if top and y == 0:
                return EDGE
            return "eec98c" if x in {3, 11} else "ac6c48"
        if 5 <= x <= 10:
            return (
                {0: EDGE, 1: "eec98c", 2: "ac6c48", 3: EDGE}[y % 4] if y % 4 in {1, 2} or y % 4 == 3 else SKY
            )
        return SKY

    return paint(color)


def _on_sky(text: str, outline: str | None = None) -> Tile:
    return over(blank(SKY), sprite(text, outline=outline))


def _cloud(width: int, height: int, puffs: tuple[tuple[int, int, int], ...]) -> list[list[Tile]]:
    """A cloud of width x height cells: discs (x, y, radius) cut off flat, lit from above."""
    cells = [[blank(SKY) for _ in range(width)] for _ in range(height)]
    floor = height * SIZE - 3
    for y in range(floor):
        for x in range(1, width * SIZE - 1):
            inside = any((x - cx) ** 2 + (y - cy) ** 2 < r * r for cx, cy, r in puffs)
            lit = any(
                (x - cx) ** 2 + (y - cy) ** 2 < (r - 1) ** 2
                for cx, cy, r in ((a, b - 3, c) for a, b, c in puffs)
            )
            if inside and not (y >= floor - 2 and (x // 5 + y) % 3 == 0):
                color = CLOUD_LIGHT if lit and y < floor - 4 else CLOUD
                cells[y // SIZE][x // SIZE][y % SIZE, x % SIZE] = rgba(color)
    return cells


WIDE = 4, 2, ((10, 24, 7), (20, 17, 10), (33, 13, 11), (45, 19, 9), (54, 25, 7), (30, 24, 16))
SMALL = 3, 1, ((9, 10, 5), (17, 8, 7), (27, 7, 6), (36, 10, 6))


def draw() -> Sheet:
    """The whole sheet."""
    sheet = Sheet(SKY)
    stamps = []
    for cloud, block, chance in ((WIDE, [6, 13], 0.5), (SMALL, [5, 11], 0.45)):
        cells = [sheet.add_all(row) for row in _cloud(*cloud)]
        stamps.append({"cells": cells, "block": block, "chance": chance})
    meadow = [
        _on_sky(text) for text in (art.TUFT, art.TUFT_LOW, art.FLOWER, art.FLOWERS, art.BUSH, art.MUSHROOM)
    ]
    meadow = [blank(SKY)] * 6 + [meadow[0]] * 2 + [meadow[1]] * 3 + meadow[2:] + [mirrored(meadow[0])]
    sheet.rule("sky", [[blank(SKY)], meadow], neighbours=("S",), match=("ground",), stamps=stamps)
    pictures = {mask: _grounds(mask) for mask in sorted({canonical(m) for m in range(256)})}
    sheet.rule(
        "ground",
        [pictures[canonical(m)] for m in range(256)],
        neighbours=DIRECTIONS,
        match=("ground", "brick"),
        outside=True,
    )
    sky = sheet.rules["sky"]["table"][0][0]
    sheet.corner_wang["ground"] = [sky] + [sheet.add(pictures[corner_mask(c)][0]) for c in range(1, 16)]
    sheet.rule("brick", [_bricks(mask) for mask in range(16)], neighbours=("N", "E", "S", "W"))
    sheet.rule(
        "platform",
        [[planks(bool(mask & 1), bool(mask & 2))] for mask in range(4)],
        neighbours=("W", "E"),
        match=("platform", "ground", "brick"),
        outside=True,
    )
    sheet.rule("ladder", [[ladder(True)], [ladder(False)]], neighbours=("N",))
    standing, ball = art.spikes(), _on_sky(art.BALL, "k")
    up, down = over(blank(SKY), standing), over(blank(SKY), standing[::-1])
    # Bits: solid below, solid above. Spikes stand if they can, hang if they must, float otherwise.
    sheet.rule("spikes", [[ball], [up], [down], [up]], neighbours=("S", "N"), match=("ground", "brick"))
    sheet.rule("start", [[sprite(art.SIGN)]])
    flags, coins, walkers, hearts = art.flags(), art.coins(), art.walkers(), art.hearts()
    sheet.rule("flag", [[flags[0]]])
    sheet.rule("coin", [[coins[0]]])
    sheet.rule("heart", [[hearts[0]]])
    sheet.rule("walker", [[walkers[0]]])
    sheet.sprite_frames("flag", 160, move=flags)
    sheet.sprite_frames("coin", 130, move=coins)
    sheet.sprite_frames("heart", 350, move=hearts)
    sheet.sprite_frames("walker", 150, move=walkers)
    sheet.sprite_frames("player", 110, **art.player())
    return sheet
