"""Level files as the commands take and write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.level import Level, faults

INDEX = "index.json"


@dataclass(frozen=True)
class LevelFile:
    """A level and the file it was read from; ``format`` is that file's, ``id`` unique among what was read."""

    path: Path
    level: Level
    format: str
    id: str


def read_files(
    paths: Sequence[Path],
    game: str | None,
    *,
    every_format: bool = False,
    playable: bool = True,
    one_game: bool = False,
) -> list[LevelFile]:
    """Read the levels of files and folders, at least one.

    Args:
        paths: files and folders.
        game: a game's name or ``game.toml``, for files that do not say theirs.
        every_format: take every file; by default a folder's level is taken once, whatever formats it is
            there in.
        playable: refuse a level without exactly one start and a goal.
        one_game: refuse levels of different games.

    Raises:
        LevelForgeError: one line with the file and the mend.
    """
    from levelforge.exporters import detect, find_files, read_levels
    from levelforge.game import load_game

    named = load_game(game) if game is not None else None
    files = find_files(paths)
    if not every_format:
        files = _one_format_each(files)
    found: list[LevelFile] = []
    for path in files:
        levels = read_levels([path], named)
        word = detect(path).name
        found += [
            LevelFile(path, level, word, path.stem if len(levels) == 1 else f"{path.stem}-{level.id}")
            for _, level in levels
        ]
    if not found:
        raise LevelForgeError(f"{paths[0]}: holds no level")
    for item in found:
        for fault in faults(item.level, limits=False) if playable else ():
            raise LevelForgeError(f"{item.path}: {fault}; mend it, or let 'levelforge repair' do it")
        if one_game and item.level.game.digest != found[0].level.game.digest:
            raise LevelForgeError(
                f"{item.path}: is of game {item.level.game.name!r}, but {found[0].path} of "
                f"{found[0].level.game.name!r}; take one game at a time"
            )
    return found


def _one_format_each(files: Sequence[Path]) -> list[Path]:
    """Of files in one folder that differ in their suffix alone, the one that carries most."""
    preference = [".json", ".tmj", ".tmx"]
    best: dict[Path, Path] = {}
    for path in files:
        rank = preference.index(path.suffix) if path.suffix in preference else len(preference)
        key = path.with_suffix("")
        held = best.get(key)
        if held is None or rank < (
            preference.index(held.suffix) if held.suffix in preference else len(preference)
        ):
            best[key] = path
    return list(best.values())


def write_file(level: Level, folder: Path, word: str) -> list[Path]:
    """Write one level in one format; returns the files."""
    from levelforge.exporters import write_level

    return write_level(level, word, folder)


def check_formats(words: Sequence[str]) -> list[str]:
    """Names of formats that can be written.

    Raises:
        LevelForgeError: an unknown format, or one that cannot be written.
    """
    from levelforge.exporters import get_format

    for word in words:
        if get_format(word).write is None:
            raise LevelForgeError(f"format {word!r} can be read, but not written")
    return list(words)


def known_formats() -> list[dict[str, Any]]:
    """Every format: ``name``, ``title``, ``suffixes``, ``read``, ``write`` and its ``options``."""
    from levelforge.exporters import formats

    return [
        {
            "name": each.name,
            "title": each.title,
            "suffixes": list(each.extensions),
            "read": each.read is not None,
            "write": each.write is not None,
            "options": {name: list(values) for name, values in each.options.items()},
        }
        for each in formats()
    ]
