"""Level files as the commands take and write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.level import Level, faults

INDEX = "index.json"

Options = Mapping[str, str]
"""Options of formats by name, such as ``{"encoding": "base64-zlib"}``."""


@dataclass(frozen=True)
class LevelFile:
    """A level and the file it was read from.

    ``format`` is the file's; ``id`` is unique among what was read; ``several`` says that the file holds more levels.
    """

    path: Path
    level: Level
    format: str
    id: str
    several: bool = False

    @property
    def entry(self) -> dict[str, Any]:
        """How JSON documents name the level: ``file``, and ``id`` where the file holds several."""
        return {"file": str(self.path)} | ({"id": self.level.id} if self.several else {})


def label(entry: Mapping[str, Any]) -> str:
    """How lines of text name the level of an entry that began as :attr:`LevelFile.entry`."""
    return f"{entry['file']}: {entry['id']}" if "id" in entry else str(entry["file"])


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
        word, several = detect(path).name, len(levels) > 1
        found += [
            LevelFile(path, level, word, _name(level, number) if several else path.stem, several)
            for number, (_, level) in enumerate(levels, 1)
        ]
    names = Counter(item.id for item in found)
    found = [
        replace(item, id=f"{item.path.stem}-{item.id}") if item.several and names[item.id] > 1 else item
        for item in found
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


def _name(level: Level, number: int) -> str:
    """The name of a level among those of its file: its own, where that can name a file."""
    from levelforge.exporters.registry import check_stem

    try:
        return check_stem(level.id)
    except LevelForgeError:
        return str(number)


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


def write_file(level: Level, folder: Path, word: str, options: Options | None = None) -> list[Path]:
    """Write one level in one format, with those of the options that it has; returns the files."""
    from levelforge.exporters import options_of, write_level

    return write_level(level, word, folder, **options_of(word, options or {}))


def write_files(
    levels: Sequence[Level],
    folder: Path,
    words: Sequence[str],
    options: Options,
    stem: str,
    tell: Callable[[int], None] | None = None,
) -> list[list[str]]:
    """Write several levels in several formats.

    Where a format joins levels (a world of Tiled maps, a project), more than one level goes there as a set.

    Args:
        levels: each with an id of its own.
        folder: an existing folder.
        words: names of formats.
        options: of the formats, by name.
        stem: names the files that hold or join several levels.
        tell: told after each level how many are done.

    Returns:
        For each level the names of its own files, in the order of ``words``; where the set's file is all
        that a format writes, that one.
    """
    from levelforge.exporters import get_format, options_of, write_levels

    sets = [word for word in words if len(levels) > 1 and get_format(word).write_set is not None]
    single = [word for word in words if word not in sets]
    found: list[dict[str, list[str]]] = []
    for number, level in enumerate(levels, start=1):
        found.append({word: [p.name for p in write_file(level, folder, word, options)] for word in single})
        if tell is not None:
            tell(number)
    for word in sets:
        names = [p.name for p in write_levels(levels, word, folder, stem, **options_of(word, options))]
        shared = [name for name in names if Path(name).stem == stem]
        for level, entry in zip(levels, found, strict=True):
            entry[word] = [name for name in names if Path(name).stem == level.id] or shared
    return [[name for word in words for name in entry[word]] for entry in found]


def check_formats(words: Sequence[str], options: Options | None = None) -> list[str]:
    """Names of formats that can be written, checked together with options for them.

    Raises:
        LevelForgeError: an unknown format, one that cannot be written, an option that none of them has or
            a value that it cannot have.
    """
    from levelforge.exporters import get_format, options_of

    for word in words:
        if get_format(word).write is None:
            raise LevelForgeError(f"format {word!r} can be read, but not written")
    known = [name for word in words for name in get_format(word).options]
    for name in options or {}:
        if name not in known:
            hint = did_you_mean(name, dict.fromkeys(known))
            raise LevelForgeError(f"none of the formats ({', '.join(words)}) has an option {name!r}{hint}")
    for word in words:
        options_of(word, options or {})
    return list(words)


def known_formats() -> list[dict[str, Any]]:
    """Every format, field by field as ``formats --json`` prints it."""
    from levelforge.exporters import formats

    return [
        {
            "name": each.name,
            "title": each.title,
            "suffixes": list(each.extensions),
            "read": each.read is not None,
            "write": each.write is not None,
            "set": each.write_set is not None,
            "options": {name: list(values) for name, values in each.options.items()},
            "tested": each.tested,
            "limits": each.limits,
        }
        for each in formats()
    ]
