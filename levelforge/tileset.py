"""Tilesets: which picture of a sheet stands in which cell of a level.

A tileset is a folder ``tileset/`` beside a ``game.toml`` with a sheet (``tileset.png``) and its
metadata (``tileset.json``). One sheet index a cell says everything about the terrain's picture, so an
exporter that writes index + 1 as a global tile id shows exactly what our own renderer shows.

``tileset.json``::

    {"format": 1, "image": "tileset.png", "tile_size": 16, "columns": 16, "count": 240,
     "background": "#1b1527",
     "tiles": {"floor": {"table": [[0, 0, 1]]},
               "wall": {"neighbours": ["N", "E", "S", "W"], "match": ["wall"], "outside": true,
                        "table": [[4], [5], …]}},
     "frames": {"bat": {"move": {"tiles": [90, 91], "ms": 110}}},
     "corner_wang": {"wall": [0, 17, …]}}

``tiles`` has one rule for each tile of the game. Bit i of a cell's mask is set when its i-th listed
neighbour is one of ``match`` (beyond the map: ``outside``); ``table[mask]`` lists the variants, of
which a hash of the cell's place picks one (a repeated index is chosen more often). Optional ``stamps``
are larger pictures set at random places where every cell has mask 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.game import Game, Tiles

Cells = NDArray[np.int32]
"""``int32[H, W]`` indices into a sheet, -1 where there is none."""

STEPS = {
    "N": (-1, 0),
    "NE": (-1, 1),
    "E": (0, 1),
    "SE": (1, 1),
    "S": (1, 0),
    "SW": (1, -1),
    "W": (0, -1),
    "NW": (-1, -1),
}
"""(dy, dx) of each neighbour, clockwise from the top, as Tiled numbers the corners and edges of a Wang tile."""

CORNERS = ("NE", "SE", "SW", "NW")
"""Bit i of an index into a ``corner_wang`` table stands for this corner."""


@dataclass(frozen=True)
class Stamp:
    """A picture of several cells, placed at most once in each block of the map.

    Attributes:
        cells: ``int32[h, w]`` sheet indices, -1 for a hole.
        block: (height, width) of the blocks that the map is divided into.
        chance: share of the blocks that try to place it.
    """

    cells: Cells
    block: tuple[int, int]
    chance: float


@dataclass(frozen=True)
class TileRule:
    """How one tile of a game chooses its picture.

    Attributes:
        neighbours: names of the neighbours that count, see :data:`STEPS`; bit i of the mask is the i-th.
        match: names of the tiles that set a neighbour's bit.
        outside: whether a neighbour beyond the map sets its bit.
        variants: all lists of ``table`` joined; ``first[mask]`` and ``length[mask]`` find one.
        stamps: larger pictures for where the mask is 0.
    """

    neighbours: tuple[str, ...]
    match: tuple[str, ...]
    outside: bool
    variants: Cells
    first: NDArray[np.int64]
    length: NDArray[np.int64]
    stamps: tuple[Stamp, ...] = ()


@dataclass(frozen=True)
class Frames:
    """An animation: sheet indices, shown for ``ms`` milliseconds each."""

    tiles: tuple[int, ...]
    ms: int


@dataclass(frozen=True)
class Tileset:
    """A sheet of pictures and the rules that choose among them; get one with :func:`load_tileset`.

    Attributes:
        tile_size: pixels along a tile's side.
        columns, count: the sheet's shape; index i lies at row i // columns, column i % columns.
        rules: one for each tile of the game, by name.
        frames: animations by name (``player``, ``bat``) and movement (``idle``, ``walk``, ``move``).
        corner_wang: for a terrain, the 16 sheet indices of its corner Wang set (see :data:`CORNERS`).
        background: colour behind everything, ``#rrggbb``.
        image: the sheet's file, or None for the plain tileset of a game that has no folder.
        origin: the name used in messages.

    Examples:
        >>> from levelforge.game import load_game
        >>> from levelforge.level import parse_text
        >>> game = load_game("dungeon")
        >>> terrain, entities = load_tileset(game).cells(parse_text("####\\n#@>#\\n####", game), game)
        >>> entities[1] >= 0
        array([False,  True,  True, False])
    """

    tile_size: int
    columns: int
    count: int
    rules: Mapping[str, TileRule]
    frames: Mapping[str, Mapping[str, Frames]] = field(default_factory=dict)
    corner_wang: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    background: str = "#1b1325"
    image: Path | None = None
    origin: str = "tileset"

    @property
    def rows(self) -> int:
        """Rows of tiles in the sheet."""
        return -(-self.count // self.columns)

    def cells(self, tiles: Tiles, game: Game) -> tuple[Cells, Cells]:
        """Choose the picture of every cell.

        Args:
            tiles: ``uint8[H, W]`` tile ids.
            game: the vocabulary of ``tiles``.

        Returns:
            ``(terrain, entities)``, both ``int32[H, W]``: the terrain has an index in every cell (under an
            entity, the empty tile's); entities, the tiles that the game counts, are -1 where there is none.

        Raises:
            LevelForgeError: the tileset has no rule for a tile of the game.
        """
        height, width = tiles.shape
        terrain = np.zeros((height, width), dtype=np.int32)
        entities = np.full((height, width), -1, dtype=np.int32)
        counted = np.zeros(len(game.tiles), dtype=bool)
        counted[[t.id for t in game.entities]] = True
        is_entity = counted[tiles]
        present = np.bincount(tiles.ravel(), minlength=len(game.tiles))
        padded: dict[tuple[tuple[str, ...], bool], NDArray[np.bool_]] = {}
        for tile in game.tiles:
            here = tiles == tile.id
            if tile.id == game.empty.id:
                here |= is_entity
            elif not present[tile.id]:
                continue
            rule = self._rule(tile.name, game)
            mask = self._mask(rule, tiles, game, padded)
            chosen = _pick(rule, mask)
            for stamp in rule.stamps:
                _place(stamp, chosen, here & (mask == 0))
            np.copyto(entities if counted[tile.id] else terrain, chosen, where=here)
        return terrain, entities

    def icon(self, name: str) -> int:
        """The sheet index that stands for a tile by itself, as in a palette or a list.

        Raises:
            LevelForgeError: no such tile.
        """
        if name not in self.rules:
            raise LevelForgeError(f"{self.origin}: no tile {name!r}{did_you_mean(name, self.rules)}")
        return int(self.rules[name].variants[self.rules[name].first[0]])

    def _rule(self, name: str, game: Game) -> TileRule:
        if name not in self.rules:
            raise LevelForgeError(
                f"{self.origin}: [tiles] has no entry for {name!r} of game {game.name!r}{did_you_mean(name, self.rules)}"
            )
        return self.rules[name]

    def _mask(
        self,
        rule: TileRule,
        tiles: Tiles,
        game: Game,
        padded: dict[tuple[tuple[str, ...], bool], NDArray[np.bool_]],
    ) -> NDArray[np.int64]:
        """``int64[H, W]``: which neighbours of each cell match, as bits."""
        height, width = tiles.shape
        mask = np.zeros((height, width), dtype=np.int64)
        if not rule.neighbours:
            return mask
        key = rule.match, rule.outside
        if key not in padded:
            for name in rule.match:
                self._rule(name, game)
            matches = np.array([t.name in rule.match for t in game.tiles])
            padded[key] = np.pad(matches[tiles], 1, constant_values=rule.outside)
        for bit, name in enumerate(rule.neighbours):
            dy, dx = STEPS[name]
            mask |= padded[key][1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width].astype(np.int64) << bit
        return mask


def _hash(y: NDArray[np.int64], x: NDArray[np.int64], salt: int = 0) -> NDArray[np.int64]:
    """A 31-bit hash of places; integer arithmetic modulo 2**32, the same everywhere."""
    word = 0xFFFFFFFF
    h = (x * 0x9E3779B1 ^ y * 0x85EBCA77 ^ (salt * 0xC2B2AE3D & word)) & word
    h = (h ^ h >> 15) * 0x2C1B3C6D & word
    h = (h ^ h >> 12) * 0x297A2D39 & word
    return (h ^ h >> 15) >> 1


@lru_cache(maxsize=16)
def _grain(height: int, width: int) -> NDArray[np.int64]:
    """``int64[H, W]``: a hash of each place, the same for every map that has the place."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    return _hash(y, x)


def _pick(rule: TileRule, mask: NDArray[np.int64]) -> Cells:
    """``int32[H, W]``: the variant of each cell."""
    if len(rule.variants) == 1:
        return np.full(mask.shape, rule.variants[0], dtype=np.int32)
    chosen: Cells = rule.variants[rule.first[mask] + _grain(*mask.shape) % rule.length[mask]]
    return chosen


@lru_cache(maxsize=64)
def _sites(
    height: int, width: int, block: tuple[int, int], chance: float, shape: tuple[int, int], salt: int
) -> list[tuple[int, int]]:
    """Top left cells (y, x) where a stamp of this shape may go on a map of this size."""
    rows, columns = np.mgrid[0 : -(-height // block[0]), 0 : -(-width // block[1])].astype(np.int64)
    y = rows * block[0] + _hash(rows, columns, salt) % max(1, block[0] - shape[0] + 1)
    x = columns * block[1] + _hash(rows, columns, salt + 1) % max(1, block[1] - shape[1] + 1)
    wanted = _hash(rows, columns, salt + 2) % 1000 < chance * 1000
    fits = wanted & (y + shape[0] <= height) & (x + shape[1] <= width)
    return [(int(a), int(b)) for a, b in zip(y[fits], x[fits], strict=True)]


def _place(stamp: Stamp, chosen: Cells, free: NDArray[np.bool_]) -> None:
    """Write a stamp into ``chosen`` at its sites, where every cell that it covers is free."""
    height, width = stamp.cells.shape
    salt = int(stamp.cells.max())
    for y, x in _sites(*chosen.shape, stamp.block, stamp.chance, (height, width), salt):
        window = slice(y, y + height), slice(x, x + width)
        covered = stamp.cells >= 0
        if free[window][covered].all():
            chosen[window][covered] = stamp.cells[covered]
            free[window] &= ~covered


# --- reading -----------------------------------------------------------------------------------


def load_tileset(game: Game) -> Tileset:
    """The tileset of a game, or a plain one (a coloured tile with its symbol) if it has no folder.

    Raises:
        LevelForgeError: a fault in ``tileset.json``; one line with the file, the key and the mend.
    """
    folder = game.folder / "tileset" if game.folder else None
    if folder is None or not folder.is_dir():
        return plain_tileset(game)
    path = folder / "tileset.json"
    from levelforge.tileset_file import read_tileset  # it needs the classes above

    try:
        return read_tileset(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise LevelForgeError(f"{path}: no such file; a tileset folder needs one") from None


def plain_tileset(game: Game) -> Tileset:
    """One picture a tile, in the order of the game's vocabulary; the renderer draws the sheet."""
    rules = {
        t.name: TileRule(
            (), (), False, np.array([t.id], np.int32), np.zeros(1, np.int64), np.ones(1, np.int64)
        )
        for t in game.tiles
    }
    return Tileset(16, 8, len(game.tiles), rules, origin=f"plain tileset of {game.name}")
