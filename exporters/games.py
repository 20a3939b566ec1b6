"""Which game a file is for: what it says, else the ``game.toml`` above it, else what its tiles show."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from levelforge.errors import LevelForgeError
from levelforge.game import Game, bundled_games, games_folder, read_game

LEVELS_UP = 4
"""How many folders above a level a ``game.toml`` is looked for (``<game>/corpus/train/level.txt``)."""


def find_game(path: Path, named: str | None, given: Game | None) -> Game | None:
    """The game of a file.

    Args:
        path: the file.
        named: the game's name as the file has it, if it does.
        given: the game that the caller asked for, if any.

    Returns:
        The game; None if the file names none, none is given and no ``game.toml`` lies above the file.

    Raises:
        LevelForgeError: the file is for another game than the given one, or for one that is not at hand.
    """
    if given is not None:
        if named is not None and named != given.name:
            raise LevelForgeError(f"{path}: a level of game {named!r}, not of {given.name!r}")
        return given
    above = _game_above(path)
    if above is not None and named in (None, above.name):
        return above
    if named is None:
        return None
    if named in bundled_games():
        return _bundled(named)
    known = ", ".join(bundled_games())
    raise LevelForgeError(
        f"{path}: a level of game {named[:80]!r}, which is not at hand ({known} are); name its game.toml"
    )


def guess_game(path: Path, words: Collection[str], what: str) -> Game:
    """The one bundled game that knows all these symbols or tile names.

    Args:
        path: the file, for messages and for a ``game.toml`` above it.
        words: what the file's cells hold.
        what: ``"symbol"`` or ``"name"``.

    Raises:
        LevelForgeError: none fits, or more than one.
    """
    games = [_bundled(name) for name in bundled_games()]
    fit = [game for game in games if set(words) <= {getattr(tile, what) for tile in game.tiles}]
    if len(fit) == 1:
        return fit[0]
    names = " and ".join(game.name for game in fit) if fit else "none of " + ", ".join(g.name for g in games)
    raise LevelForgeError(
        f"{path}: does not say which game it is for, and {names} fit its tiles; name the game"
    )


def _game_above(path: Path) -> Game | None:
    for folder in list(path.absolute().parents)[:LEVELS_UP]:
        file = folder / "game.toml"
        if file.is_file():
            return _read(file, file.stat().st_mtime_ns)
    return None


def _bundled(name: str) -> Game:
    file = games_folder() / name / "game.toml"
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _read(path: Path, _changed: int) -> Game:
    return read_game(path)
