"""Levels: a grid of tile ids with its metadata, the text codec, and well-formedness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role, Tiles


@dataclass(frozen=True, eq=False)
class Level:
    """One level of a game.

    Attributes:
        game: the game whose vocabulary ``tiles`` uses.
        tiles: ``uint8[H, W]`` tile ids, indexed ``[y, x]``, row 0 on top.
        id: a short name, unique in a set.
        seed: the seed of the command that made it, if generated.
        pack: hash of the pack that made it, if generated.
        solution: the certificate, integer action codes (see :attr:`Game.actions`), or None.
        edits: tiles changed by repair.
        novelty: smallest normalised Hamming distance to a corpus level.
        difficulty, difficulty_ci, fun, fun_parts: from a playtest, each in [0, 1].
        extra: facts of foreign tools that a round trip keeps.

    Examples:
        >>> from levelforge.game import load_game
        >>> from levelforge.level import Level, parse_text
        >>> game = load_game("dungeon")
        >>> Level(game, parse_text("####\\n#@>#\\n####", game)).size
        (4, 3)
    """

    game: Game
    tiles: Tiles
    id: str = "level"
    seed: int | None = None
    pack: str | None = None
    solution: tuple[int, ...] | None = None
    edits: int | None = None
    novelty: float | None = None
    difficulty: float | None = None
    difficulty_ci: tuple[float, float] | None = None
    fun: float | None = None
    fun_parts: Mapping[str, float] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.tiles.ndim != 2 or self.tiles.dtype != np.uint8:
            raise LevelForgeError(
                f"tiles must be uint8[H, W], not {self.tiles.dtype}{list(self.tiles.shape)}"
            )
        if self.tiles.size and int(self.tiles.max()) >= len(self.game.tiles):
            raise LevelForgeError(
                f"tile id {int(self.tiles.max())} is outside the vocabulary of {self.game.name}"
            )

    @property
    def height(self) -> int:
        """Height in tiles."""
        return int(self.tiles.shape[0])

    @property
    def width(self) -> int:
        """Width in tiles."""
        return int(self.tiles.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in tiles."""
        return self.width, self.height

    def with_(self, **changes: Any) -> Level:
        """A copy with some attributes replaced."""
        return replace(self, **changes)

    def unmeasured(self) -> Level:
        """A copy without what was measured, which is not true of it any more once its tiles change."""
        extra = {name: value for name, value in self.extra.items() if name != "why"}
        return self.with_(
            difficulty=None, difficulty_ci=None, fun=None, fun_parts=None, novelty=None, extra=extra
        )

    def counts(self) -> dict[str, int]:
        """How many of each counted tile the level has."""
        found = np.bincount(self.tiles.ravel(), minlength=len(self.game.tiles))
        return {t.name: int(found[t.id]) for t in self.game.entities}

    def same_as(self, other: Level) -> bool:
        """Whether both have the same tiles of the same game."""
        return self.game.digest == other.game.digest and np.array_equal(self.tiles, other.tiles)


def parse_text(text: str, game: Game, origin: str = "text") -> Tiles:
    """Read rows of symbols.

    Args:
        text: one row a line; empty lines at the end are ignored.
        game: the vocabulary.
        origin: the name used in messages.

    Returns:
        ``uint8[H, W]`` tile ids.

    Raises:
        LevelForgeError: unknown symbol (with row and column, from 1) or ragged rows.
    """
    rows = [line.rstrip("\r") for line in text.rstrip().split("\n")]
    if not rows or not rows[0]:
        raise LevelForgeError(f"{origin}: holds no rows of tiles")
    ids = {t.symbol: t.id for t in game.tiles}
    width = len(rows[0])
    tiles = np.zeros((len(rows), width), dtype=np.uint8)
    for y, row in enumerate(rows):
        if len(row) != width:
            raise LevelForgeError(
                f"{origin}: row {y + 1} has {len(row)} symbols where row 1 has {width}; make all rows equally long"
            )
        for x, symbol in enumerate(row):
            if symbol not in ids:
                raise LevelForgeError(
                    f"{origin}: unknown symbol {symbol!r} at row {y + 1}, column {x + 1} "
                    f"({game.name} knows {' '.join(ids)})"
                )
            tiles[y, x] = ids[symbol]
    return tiles


def format_text(tiles: Tiles, game: Game) -> str:
    """Write ``uint8[H, W]`` tile ids as rows of symbols, each ended by a newline."""
    symbols = [t.symbol for t in game.tiles]
    return "".join("".join(symbols[i] for i in row) + "\n" for row in tiles)


def encode_solution(solution: Sequence[int], game: Game) -> str:
    """Write action codes as one character each (``Action.code``)."""
    return "".join(game.actions[a].code for a in solution)


def decode_solution(text: str, game: Game, origin: str = "solution") -> tuple[int, ...]:
    """Read what :func:`encode_solution` wrote.

    Raises:
        LevelForgeError: a character that is no action of this game.
    """
    codes = {a.code: i for i, a in enumerate(game.actions)}
    for place, char in enumerate(text):
        if char not in codes:
            raise LevelForgeError(
                f"{origin}: {char!r} at position {place + 1} is no action (known: {' '.join(codes)})"
            )
    return tuple(codes[char] for char in text)


def faults(level: Level, *, limits: bool = True) -> list[str]:
    """What keeps a level from being well-formed, one phrase each; empty if nothing does.

    Args:
        level: the level to look at.
        limits: also check sizes, count ranges and the border; False asks only what the rules need
            (one start, a goal), as for a foreign map.
    """
    game, found = level.game, []
    roles = game.roles[level.tiles]
    starts, goals = int((roles == Role.START).sum()), int((roles == Role.GOAL).sum())
    if starts != 1:
        found.append("no start" if not starts else f"{starts} starts where one is needed")
    if not goals:
        found.append("no goal")
    if not limits:
        return found
    try:
        game.check_size(level.width, level.height)
    except LevelForgeError as error:
        found.append(str(error))
    ranges = game.counts(level.width, level.height)
    for name, count in level.counts().items():
        low, high = ranges[name]
        if not low <= count <= high and game.tile(name).role is not Role.START:
            found.append(f"{count} of {name} where {low} to {high} are allowed")
    if game.constraints.solid_border:
        edge = np.concatenate([roles[0], roles[-1], roles[:, 0], roles[:, -1]])
        if (edge != Role.SOLID).any():
            found.append("the border is not solid")
    return found
