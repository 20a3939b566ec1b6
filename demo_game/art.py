"""A game's tileset as pictures: terrain in cached blocks, single tiles, animations."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pygame
from numpy.typing import NDArray

from levelforge.game import Game, Role, Tiles
from levelforge.render import sheet_tiles
from levelforge.tileset import Cells, load_tileset

BLOCK = 16
"""Tiles along a side of a cached piece of terrain; whole levels may be too large for one surface."""
BLOCKS_KEPT = 48


class Art:
    """The pictures of one game.

    Args:
        game: the game.

    Attributes:
        size: pixels along a tile's side.
        open_air: whether empty tiles are seen through (side view: the background moves behind them).
    """

    def __init__(self, game: Game) -> None:
        self.game = game
        self.tileset = load_tileset(game)
        self.size = self.tileset.tile_size
        self.open_air = game.movement == "platformer"
        self._sheet = sheet_tiles(self.tileset, game)
        self._background = tuple(int(self.tileset.background[i : i + 2], 16) for i in (1, 3, 5))
        self._pictures: dict[tuple[int, bool, bool], pygame.Surface] = {}

    def picture(self, index: int, *, flip: bool = False, white: bool = False) -> pygame.Surface:
        """A tile of the sheet; ``white`` gives its silhouette, for flashes."""
        key = index, flip, white
        if key not in self._pictures:
            pixels = self._sheet[index].copy()
            if self.open_air:  # what shows the sky's own colour lets the background through
                sky = (pixels[..., :3] == np.array(self._background, np.uint8)).all(axis=-1)
                pixels[sky] = 0
            if white:
                pixels[..., :3] = 255
            made = pygame.image.frombytes(pixels.tobytes(), (self.size, self.size), "RGBA")
            self._pictures[key] = pygame.transform.flip(made, flip, False) if flip else made
        return self._pictures[key]

    def icon(self, name: str) -> pygame.Surface:
        """The picture that stands for a tile by itself."""
        return self.picture(self.tileset.icon(name))

    def frame(self, name: str, way: str, seconds: float) -> int:
        """The sheet index of an animation at a time; a tile's icon where the tileset has none."""
        ways = self.tileset.frames.get(name)
        if not ways:
            return self.tileset.icon(name) if name in self.tileset.rules else -1
        frames = ways.get(way) or ways.get("idle") or next(iter(ways.values()))
        return frames.tiles[int(seconds * 1000 / frames.ms) % len(frames.tiles)]

    def role_icon(self, role: Role) -> pygame.Surface | None:
        """The picture of the first tile of a role, if the game has one."""
        found = self.game.of_role(role)
        return self.icon(found[0].name) if found else None


class Terrain:
    """The terrain of one level in blocks that are drawn when first seen.

    Args:
        art: the pictures.
        tiles: ``uint8[H, W]``; entities are ignored.
    """

    def __init__(self, art: Art, tiles: Tiles) -> None:
        self._art = art
        self._blocks: OrderedDict[tuple[int, int], pygame.Surface] = OrderedDict()
        self.cells, self.entities = art.tileset.cells(tiles, art.game)
        self._bare = self._air(tiles)

    def draw(self, target: pygame.Surface, left: int, top: int) -> None:
        """Blit what is in view; (left, top) is the level's pixel at the target's corner."""
        step = BLOCK * self._art.size
        rows, columns = (-(-n // BLOCK) for n in self.cells.shape)
        for by in range(max(0, top // step), min(rows, (top + target.get_height()) // step + 1)):
            for bx in range(max(0, left // step), min(columns, (left + target.get_width()) // step + 1)):
                target.blit(self._block(by, bx), (bx * step - left, by * step - top))

    def _block(self, by: int, bx: int) -> pygame.Surface:
        if (by, bx) in self._blocks:
            self._blocks.move_to_end((by, bx))
            return self._blocks[by, bx]
        art, size = self._art, self._art.size
        cut: Cells = self.cells[by * BLOCK : (by + 1) * BLOCK, bx * BLOCK : (bx + 1) * BLOCK]
        bare = self._bare[by * BLOCK : (by + 1) * BLOCK, bx * BLOCK : (bx + 1) * BLOCK]
        flags = pygame.SRCALPHA if art.open_air else 0
        surface = pygame.Surface((cut.shape[1] * size, cut.shape[0] * size), flags)
        for y, x in zip(*np.nonzero(~bare), strict=True):
            surface.blit(art.picture(int(cut[y, x])), (x * size, y * size))
        self._blocks[by, bx] = surface
        while len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return surface

    def _air(self, tiles: Tiles) -> NDArray[np.bool_]:
        """``bool[H, W]``: cells that are nothing but sky."""
        if not self._art.open_air:
            return np.zeros(tiles.shape, bool)
        game: Any = self._art.game
        empty = (game.roles[tiles] == Role.EMPTY) | np.isin(tiles, [t.id for t in game.entities])
        rule = self._art.tileset.rules[game.empty.name]
        matched = np.isin(tiles, [t.id for t in game.tiles if t.name in rule.match])
        below = np.zeros(tiles.shape, bool)
        below[:-1] = matched[1:]
        air: NDArray[np.bool_] = empty & ~below if "S" in rule.neighbours else empty
        return air
