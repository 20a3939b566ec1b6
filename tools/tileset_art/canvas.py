"""The drawing board: one palette, sprites from text, outlines, and the sheet that collects tiles.

Everything is deterministic: textures come from :func:`speck`, an integer hash, never from a
random generator. Alpha is 0 or 255 only, so that every renderer composites to the same pixels.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 16
COLUMNS = 16
Tile = NDArray[np.uint8]
"""``uint8[16, 16, 4]`` RGBA, indexed ``[y, x]``."""

# One palette for both games, so that they sit together on one page.
PALETTE = {
    "k": "1b1325",  # outline
    "K": "2a1f3d",
    "v": "43335b",
    "V": "65517e",
    "u": "8f7ea3",
    "U": "bfb2c8",
    "W": "f8f1e4",
    "n": "47292f",  # wood and earth
    "b": "754338",
    "o": "ac6c48",
    "t": "d9a262",
    "T": "eec98c",
    "a": "d88431",  # gold
    "y": "f5c84c",
    "Y": "fff1a6",
    "r": "a83248",  # red
    "R": "e4585a",
    "p": "f59a8c",
    "P": "f9d0a8",  # skin
    "g": "275550",  # green
    "G": "439254",
    "l": "83c354",
    "L": "cbe573",
    "c": "2c4f86",  # blue
    "C": "4689c4",
    "s": "8ecfe6",
    "S": "c4ecf2",
    "m": "6d3474",  # magenta
    "M": "b05aa8",
    "h": "e59ac6",
    "d": "7d6d73",  # worn stone
    "i": "b3a49e",
}


def rgba(color: str) -> NDArray[np.uint8]:
    """``uint8[4]`` of a palette letter or of six hexadecimal digits."""
    digits = PALETTE.get(color, color)
    return np.array([int(digits[i : i + 2], 16) for i in (0, 2, 4)] + [255], dtype=np.uint8)


def blank(color: str | None = None) -> Tile:
    """A transparent tile, or one filled with a colour."""
    tile = np.zeros((SIZE, SIZE, 4), dtype=np.uint8)
    if color is not None:
        tile[:] = rgba(color)
    return tile


def speck(x: int, y: int, salt: int) -> int:
    """A hash of a pixel in 0..255: the grain of all textures."""
    h = (x * 0x9E3779B1 ^ y * 0x85EBCA77 ^ salt * 0xC2B2AE3D) & 0xFFFFFFFF
    h = (h ^ (h >> 15)) * 0x2C1B3C6D & 0xFFFFFFFF
    return (h ^ (h >> 12)) >> 7 & 0xFF


def paint(color_at: Callable[[int, int], str | None]) -> Tile:
    """A tile from a function of (x, y); None leaves the pixel transparent."""
    tile = blank()
    for y in range(SIZE):
        for x in range(SIZE):
            color = color_at(x, y)
            if color is not None:
                tile[y, x] = rgba(color)
    return tile


def sprite(text: str, *, outline: str | None = "k", dy: int = 0, dx: int = 0) -> Tile:
    """A tile from rows of palette letters (``.`` is transparent), centred, standing on the bottom.

    Args:
        text: the rows; blank lines around them are ignored.
        outline: colour of the one-pixel outline drawn round the shape, or None.
        dy, dx: how far to move the shape from its place.
    """
    rows = [row.strip() for row in text.strip().splitlines()]
    width, height = max(map(len, rows)), len(rows)
    edge = 1 if outline else 0
    top, left = SIZE - edge - height + dy, (SIZE - width) // 2 + dx
    tile = blank()
    for y, row in enumerate(rows):
        for x, letter in enumerate(row):
            if letter != "." and 0 <= top + y < SIZE and 0 <= left + x < SIZE:
                tile[top + y, left + x] = rgba(letter)
    return outlined(tile, outline) if outline else tile


def outlined(tile: Tile, color: str = "k") -> Tile:
    """The tile with every transparent pixel beside an opaque one painted."""
    solid = np.pad(tile[..., 3] > 0, 1)
    near = solid[:-2, 1:-1] | solid[2:, 1:-1] | solid[1:-1, :-2] | solid[1:-1, 2:]
    out = tile.copy()
    out[near & (tile[..., 3] == 0)] = rgba(color)
    return out


def over(below: Tile, *above: Tile) -> Tile:
    """Tiles laid on one another, the last on top."""
    out = below.copy()
    for tile in above:
        mask = tile[..., 3] > 0
        out[mask] = tile[mask]
    return out


def shifted(tile: Tile, dx: int = 0, dy: int = 0) -> Tile:
    """The tile moved; what leaves the cell is lost."""
    out = np.zeros_like(tile)
    ys, xs = slice(max(0, dy), SIZE + min(0, dy)), slice(max(0, dx), SIZE + min(0, dx))
    ysrc, xsrc = slice(max(0, -dy), SIZE + min(0, -dy)), slice(max(0, -dx), SIZE + min(0, -dx))
    out[ys, xs] = tile[ysrc, xsrc]
    return out


def mirrored(tile: Tile) -> Tile:
    """The tile flipped left to right."""
    return np.ascontiguousarray(tile[:, ::-1])


def shadow(color: str, x0: int, x1: int, y: int = 14) -> Tile:
    """A flat two-row ellipse for a sprite to stand over (opaque: alpha stays binary)."""
    return paint(
        lambda x, row: color if (row == y and x0 <= x <= x1) or (row == y + 1 and x0 < x < x1) else None
    )


# --- neighbours ---------------------------------------------------------------------------------

DIRECTIONS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")  # bit i of a blob mask is DIRECTIONS[i]


def canonical(mask: int) -> int:
    """A blob mask with the corners dropped that lack one of their edges: 256 masks become 47."""
    for corner in (1, 3, 5, 7):
        if not (mask >> (corner - 1) & 1 and mask >> ((corner + 1) % 8) & 1):
            mask &= ~(1 << corner)
    return mask


def corner_mask(corners: int) -> int:
    """The blob mask of a corner Wang tile; bits of ``corners`` are NE, SE, SW, NW."""
    mask = 0
    for i, bit in enumerate((1, 3, 5, 7)):
        if corners >> i & 1:
            mask |= 1 << bit | 1 << (bit - 1) | 1 << ((bit + 1) % 8)
    return mask


class Sheet:
    """Collects tiles, each picture once, and writes ``tileset.png`` and ``tileset.json``."""

    def __init__(self, background: str) -> None:
        self.tiles: list[Tile] = []
        self.background = background
        self._seen: dict[bytes, int] = {}
        self.rules: dict[str, Any] = {}
        self.frames: dict[str, Any] = {}
        self.corner_wang: dict[str, list[int]] = {}

    def add(self, tile: Tile) -> int:
        """The index of this picture in the sheet."""
        key = tile.tobytes()
        if key not in self._seen:
            self._seen[key] = len(self.tiles)
            self.tiles.append(tile)
        return self._seen[key]

    def add_all(self, tiles: Iterable[Tile]) -> list[int]:
        """The indices of these pictures."""
        return [self.add(tile) for tile in tiles]

    def rule(
        self,
        name: str,
        table: Sequence[Sequence[Tile]],
        *,
        neighbours: Sequence[str] = (),
        match: Sequence[str] = (),
        outside: bool = False,
        stamps: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Say which pictures a game tile has: ``table[mask]`` lists the variants to choose from."""
        rule: dict[str, Any] = {"table": [self.add_all(variants) for variants in table]}
        if neighbours:
            rule |= {"neighbours": list(neighbours), "match": list(match or [name]), "outside": outside}
        if stamps:
            rule["stamps"] = list(stamps)
        self.rules[name] = rule

    def sprite_frames(self, name: str, ms: int, **moves: Sequence[Tile]) -> None:
        """Name the frames of a moving thing: one list of pictures a movement."""
        self.frames[name] = {move: {"tiles": self.add_all(tiles), "ms": ms} for move, tiles in moves.items()}

    def image(self) -> Image.Image:
        """The whole sheet, RGBA."""
        rows = -(-len(self.tiles) // COLUMNS)
        pixels = np.zeros((rows * SIZE, COLUMNS * SIZE, 4), dtype=np.uint8)
        for i, tile in enumerate(self.tiles):
            y, x = divmod(i, COLUMNS)
            pixels[y * SIZE : (y + 1) * SIZE, x * SIZE : (x + 1) * SIZE] = tile
        return Image.fromarray(pixels)

    def metadata(self) -> str:
        """The text of ``tileset.json``: one rule a line, so that a diff can be read."""
        head = {
            "format": 1,
            "image": "tileset.png",
            "tile_size": SIZE,
            "columns": COLUMNS,
            "count": len(self.tiles),
            "background": "#" + PALETTE.get(self.background, self.background),
            "licence": "CC0-1.0",
        }
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
        for key in ("rules", "frames", "corner_wang"):
            entries = [f"    {json.dumps(n)}: {json.dumps(v)}" for n, v in getattr(self, key).items()]
            name = "tiles" if key == "rules" else key
            lines.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(entries) + "\n  }")
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def write(self, folder: Path) -> None:
        """Write both files into a folder, each in one step."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / ".tileset.tmp"
        self.image().save(temporary, format="PNG", optimize=True)
        os.replace(temporary, folder / "tileset.png")
        temporary.write_text(self.metadata(), encoding="utf-8")
        os.replace(temporary, folder / "tileset.json")
