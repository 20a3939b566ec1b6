"""A pool of levels, of one size or of many, that environments draw from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role
from levelforge.rules import LevelBatch, compile_levels
from levelforge.solver import distance_table

TABLE_BYTES = 1 << 30
"""Distance tables kept by a pool, at most; the one used longest ago makes room."""
UNREACHABLE_MARGIN = 16
"""A state without a way to the goal counts as so much farther than the farthest one with a way."""


class LevelPool:
    """Compiled levels, indexed in the order given.

    Args:
        game: the game that declares the tiles.
        levels: one ``uint8[N, H, W]`` array, or a sequence of ``uint8[H, W]`` and ``uint8[N, H, W]`` arrays
            of any sizes.
        weights: ``float[N]`` how often each level is drawn, relative to the others; None for equally.

    Raises:
        LevelForgeError: no levels, a level without exactly one start, or weights that do not fit.
    """

    def __init__(
        self,
        game: Game,
        levels: NDArray[np.uint8] | Sequence[NDArray[np.uint8]],
        weights: Sequence[float] | NDArray[np.float64] | None = None,
    ) -> None:
        groups: dict[tuple[int, int], list[NDArray[np.uint8]]] = {}
        self.where: list[tuple[tuple[int, int], int]] = []
        for part in [levels] if isinstance(levels, np.ndarray) else levels:
            for tiles in part if part.ndim == 3 else [part]:
                size = (int(tiles.shape[0]), int(tiles.shape[1]))
                group = groups.setdefault(size, [])
                self.where.append((size, len(group)))
                group.append(tiles)
        if not self.where:
            raise LevelForgeError("no levels to play on: give at least one")
        self.game = game
        self._tiles = {
            size: np.ascontiguousarray(np.stack(group), np.uint8) for size, group in groups.items()
        }
        self.batches = {size: compile_levels(stack, game) for size, stack in self._tiles.items()}
        for index, (size, k) in enumerate(self.where):
            starts = int((self.batches[size].role[k] == Role.START).sum())
            if starts != 1:
                raise LevelForgeError(f"level {index} of the pool has {starts} starts where one is needed")
        self._tables: OrderedDict[int, tuple[NDArray[np.int16], int]] = OrderedDict()
        self._table_bytes = 0
        self.set_weights(weights)

    def __len__(self) -> int:
        return len(self.where)

    def set_weights(self, weights: Sequence[float] | NDArray[np.float64] | None) -> None:
        """Change how often each level is drawn (see the class)."""
        share = np.ones(len(self)) if weights is None else np.asarray(weights, np.float64)
        if (
            share.shape != (len(self),)
            or not np.isfinite(share).all()
            or (share < 0).any()
            or share.sum() <= 0
        ):
            raise LevelForgeError(f"level weights must be {len(self)} numbers >= 0 with a sum above 0")
        self._cumulative = np.cumsum(share / share.sum())

    def pick(self, u: float) -> int:
        """The level that a uniform random number in [0, 1) falls on."""
        return min(int(np.searchsorted(self._cumulative, u, side="right")), len(self) - 1)

    def level(self, index: int) -> tuple[LevelBatch, int]:
        """The compiled batch a level is in, and its place there."""
        size, k = self.where[index]
        return self.batches[size], k

    def tiles(self, index: int) -> NDArray[np.uint8]:
        """``uint8[H, W]`` tiles of a level."""
        size, k = self.where[index]
        found: NDArray[np.uint8] = self._tiles[size][k]
        return found

    def distances(self, index: int) -> tuple[NDArray[np.int16], int]:
        """A level's distance table and the distance that stands for "cannot", computed when first asked for.

        Returns:
            ``int16[B, P, H*W]`` (see :func:`levelforge.solver.distance_table`) and an int.
        """
        if index in self._tables:
            self._tables.move_to_end(index)
            return self._tables[index]
        table = distance_table(*self.level(index))
        entry = table, int(table.max(initial=0)) + UNREACHABLE_MARGIN
        self._tables[index] = entry
        self._table_bytes += table.nbytes
        while self._table_bytes > TABLE_BYTES and len(self._tables) > 1:
            _, (old, _) = self._tables.popitem(last=False)
            self._table_bytes -= old.nbytes
        return entry

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """The largest height, width, number of patrols and number of goals of any level."""
        batches = self.batches.values()
        return (
            max(b.height for b in batches),
            max(b.width for b in batches),
            max(b.patrol.shape[1] for b in batches),
            max(int((b.role == Role.GOAL).sum(axis=1).max()) for b in batches),
        )
