"""A platformer level drawn from left to right: a strip of ground with a pen at its end."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from tools.make_corpus.grid import Grid, Redo, blank, fill

HEIGHT = 16
HIGHEST, LOWEST = 5, 14  # rows where the top of the ground may lie


@dataclass
class Strip:
    """The level so far.

    ``x`` is the next column to draw, ``top`` the row of the ground's surface there (one stands in
    row ``top - 1``), ``hard`` in [0, 1] the difficulty wished for, ``stone`` what the ground is made of.
    """

    grid: Grid
    rng: Generator
    hard: float
    x: int = 0
    top: int = 12
    stone: str = "#"

    @classmethod
    def new(cls, rng: Generator, width: int, hard: float, top: int) -> Strip:
        """An empty strip; drawing may overshoot ``width`` and is then cut off as a failed draft."""
        return cls(blank(HEIGHT, width, "."), rng, hard, top=top)

    @property
    def left(self) -> int:
        """Columns not drawn yet."""
        return int(self.grid.shape[1]) - self.x

    def pick(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """True in that share of calls."""
        return bool(self.rng.random() < share)

    def ground(self, columns: int, thick: int = HEIGHT) -> None:
        """Draw level ground, down to the bottom of the map or only ``thick`` rows of it: an island."""
        if columns > self.left:
            raise Redo("ran out of columns")
        self.grid[self.top : self.top + thick, self.x : self.x + columns] = self.stone
        self.x += columns

    def gap(self, columns: int) -> None:
        """Draw nothing: a hole down to the bottom."""
        if columns > self.left:
            raise Redo("ran out of columns")
        self.x += columns

    def step(self, rows: int) -> None:
        """Raise the ground by ``rows`` (negative: lower it), within the limits."""
        self.top = min(LOWEST, max(HIGHEST, self.top - rows))

    def fill(self, row: int, column: int, symbol: str, rows: int = 1, columns: int = 1) -> None:
        """As :func:`tools.make_corpus.grid.fill`, on the level's grid."""
        fill(self.grid, row, column, symbol, rows, columns)

    def coins(self, row: int, column: int, count: int) -> None:
        """A row of coins."""
        self.fill(row, column, "o", 1, count)

    def arc(self, row: int, column: int, columns: int) -> None:
        """Coins along a jump over ``columns``, its ends at ``row``; none where that is above the map."""
        if row < 2:
            return
        for i in range(columns):
            rise = 2 if 0 < i < columns - 1 else 1
            self.fill(row - rise, column + i, "o")
