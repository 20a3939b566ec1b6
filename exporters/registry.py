"""The formats at hand: the bundled ones and those of installed packages, loaded on first use.

A package adds a format with an entry point in the group ``levelforge.formats`` whose name is the
format's and whose value is a :class:`~levelforge.exporters.base.Format`::

    [project.entry-points."levelforge.formats"]
    csv = "my_package.csv_levels:FORMAT"
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.exporters.base import Format, read_bytes
from levelforge.game import Game
from levelforge.level import Level

GROUP = "levelforge.formats"
BUNDLED = {
    "json": "levelforge.exporters.json_format:FORMAT_JSON",
    "text": "levelforge.exporters.text_format:FORMAT_TEXT",
    "png": "levelforge.exporters.png_format:FORMAT_PNG",
    "tmj": "levelforge.exporters.tiled_format:FORMAT_TMJ",
    "tmx": "levelforge.exporters.tiled_format:FORMAT_TMX",
    "tiled": "levelforge.exporters.tiled_format:FORMAT_TILED",
    "ldtk": "levelforge.exporters.ldtk_format:FORMAT_LDTK",
    "godot": "levelforge.exporters.godot_format:FORMAT_GODOT",
}


@lru_cache(maxsize=1)
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in BUNDLED}


def format_names() -> list[str]:
    """Names of all formats, the bundled ones first; nothing is loaded."""
    return [*BUNDLED, *sorted(_plugins())]


@lru_cache(maxsize=64)
def get_format(name: str) -> Format:
    """A format by name.

    Raises:
        LevelForgeError: unknown name (with the nearest), or a plugin that does not load.
    """
    if name in BUNDLED:
        module, _, attribute = BUNDLED[name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
    elif name in _plugins():
        try:
            found = _plugins()[name].load()
        except Exception as error:  # noqa: BLE001 (another package's code: whatever it raises, say which one it was)
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise LevelForgeError(
                f"format {name!r} of an installed package does not load ({reason})"
            ) from None
    else:
        raise LevelForgeError(f"unknown format {name!r}{did_you_mean(name, format_names())}")
    if not isinstance(found, Format) or found.name != name:
        raise LevelForgeError(f"format {name!r} of an installed package is no levelforge Format of that name")
    return found


def formats() -> list[Format]:
    """All formats that load, the bundled ones first."""
    return list(_loadable())


def _loadable() -> Iterator[Format]:
    for name in format_names():
        try:
            yield get_format(name)
        except LevelForgeError:
            if name in BUNDLED:
                raise  # a broken plugin must not stop the other formats; asking for it by name tells why


def readable_extensions() -> list[str]:
    """Extensions that some format reads."""
    return sorted({extension for fmt in _loadable() if fmt.read for extension in fmt.extensions})


# --- reading ------------------------------------------------------------------------------------


def detect(path: Path) -> Format:
    """The format of a file, by its extension and, where that is shared, by its content.

    Raises:
        LevelForgeError: no format reads such files.
    """
    candidates = _candidates(path)
    if not candidates:
        raise LevelForgeError(
            f"{path}: no format reads this kind of file (readable: {', '.join(readable_extensions())})"
        )
    if len({fmt.read for fmt in candidates}) == 1:
        return candidates[0]
    data = read_bytes(path)
    for fmt in candidates:
        if fmt.claims is None or fmt.claims(data):
            return fmt
    names = ", ".join(fmt.name for fmt in candidates)
    raise LevelForgeError(f"{path}: is none of the formats with this extension ({names})")


def _candidates(path: Path) -> list[Format]:
    extension = path.suffix.lower()
    return [fmt for fmt in _loadable() if fmt.read and extension in fmt.extensions]


def read_level(path: str | Path, game: Game | None = None) -> Level:
    """Read one level from a file of any readable format.

    Args:
        path: the file.
        game: its game; needed only if the file does not say or show it.

    Returns:
        The level; unknown facts are None, ``id`` is the file's name if it has none of its own.

    Raises:
        LevelForgeError: one line with the file, the place and the mend.

    Examples:
        >>> import tempfile, levelforge
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "tiny.txt"
        ...     _ = path.write_text("####\\n#@>#\\n####\\n")
        ...     levelforge.read_level(path, levelforge.load_game("dungeon")).size
        (4, 3)
    """
    levels = _read(Path(path), game)
    if len(levels) != 1:
        raise LevelForgeError(f"{path}: holds {len(levels)} levels where one is needed; use read_levels")
    return levels[0]


def read_levels(paths: Iterable[str | Path], game: Game | None = None) -> list[tuple[Path, Level]]:
    """Read all levels of files and folders, each with the file it came from.

    Raises:
        LevelForgeError: as for :func:`read_level` and :func:`find_files`.
    """
    return [(path, level) for path in find_files(paths) for level in _read(path, game)]


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """The level files among files and folders, in order; a folder's own are sorted by path.

    A file that is named is always taken. Within folders (and the folders below them) hidden files are
    passed over, and so are files that only share an extension with levels (a ``pack.json``, a ``README.txt``).

    Raises:
        LevelForgeError: no such path, or a folder without a readable level.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise LevelForgeError(f"{path}: no such file or folder")
        if not path.is_dir():
            found.append(path)
            continue
        files = [
            Path(base) / name
            for base, folders, names in os.walk(path)
            if not _hidden(folders)
            for name in names
        ]
        inside = [file for file in sorted(files) if not file.name.startswith(".") and _is_level(file)]
        if not inside:
            known = ", ".join(readable_extensions())
            raise LevelForgeError(f"{path}: holds no level in a readable format ({known})")
        found += inside
    return found


def _hidden(folders: list[str]) -> bool:
    """Take hidden folders out of a walk; always False."""
    folders[:] = [name for name in folders if not name.startswith(".")]
    return False


def _is_level(path: Path) -> bool:
    claimants = [fmt.claims for fmt in _candidates(path)]
    if not claimants:
        return False
    if None in claimants:
        return True
    data = read_bytes(path)
    return any(claims(data) for claims in claimants if claims is not None)


def _read(path: Path, game: Game | None) -> list[Level]:
    if path.is_dir():
        raise LevelForgeError(f"{path}: a folder where a level file is needed")
    fmt = detect(path)
    assert fmt.read is not None
    return fmt.read(path, game)


# --- writing ------------------------------------------------------------------------------------


def write_level(
    level: Level,
    format: str = "json",  # noqa: A002 (the word that users know)
    folder: str | Path = ".",
    stem: str | None = None,
    **options: str,
) -> list[Path]:
    """Write one level; files appear whole or not at all.

    Args:
        level: what to write.
        format: a format's name, such as ``"json"``, ``"tiled"``, ``"png"`` or ``"text"``.
        folder: where; made if it does not exist.
        stem: the files' name without extension; the level's id if None.
        **options: as :attr:`Format.options` lists them, such as ``encoding="base64-zlib"``.

    Returns:
        The level's own files, the main one first.

    Raises:
        LevelForgeError: unknown format or option, a folder that cannot be written.
    """
    fmt = get_format(format)
    if fmt.write is None:
        raise LevelForgeError(f"format {format!r} is read only")
    place, chosen = _prepare(fmt, folder, options)
    return fmt.write(level, place, check_stem(level.id if stem is None else stem), chosen)


def write_levels(
    levels: Sequence[Level],
    format: str,  # noqa: A002 (the word that users know)
    folder: str | Path,
    stem: str = "levels",
    **options: str,
) -> list[Path]:
    """Write several levels: into one file where the format holds several, else a file a level, named by its id.

    Raises:
        LevelForgeError: as for :func:`write_level`.
    """
    fmt = get_format(format)
    if fmt.write_set is None:
        return [path for level in levels for path in write_level(level, format, folder, **options)]
    place, chosen = _prepare(fmt, folder, options)
    return fmt.write_set(levels, place, check_stem(stem), chosen)


def check_stem(stem: str) -> str:
    """A file name without its extension, which stays in its folder on every system.

    Raises:
        LevelForgeError: folders, drives or control characters in it, hidden or too long.
    """
    if (
        not stem
        or len(stem.encode(errors="replace")) > 200
        or stem[0] in ". "
        or re.search(r'[\x00-\x1f\x7f/\\:*?"<>|]', stem)
    ):
        raise LevelForgeError(
            f"{stem[:40]!r} cannot name a file: use up to 200 letters, digits, '-', '_' and '.', not starting with '.'"
        )
    return stem


def options_of(name: str, options: Mapping[str, str]) -> dict[str, str]:
    """Those of the options that a format has.

    Raises:
        LevelForgeError: unknown format, or a value that its option cannot have.
    """
    fmt = get_format(name)
    mine = {option: value for option, value in options.items() if option in fmt.options}
    _check_options(fmt, mine)
    return mine


def _check_options(fmt: Format, options: Mapping[str, str]) -> None:
    for name, value in options.items():
        if name not in fmt.options:
            raise LevelForgeError(
                f"format {fmt.name!r} has no option {name!r}{did_you_mean(name, fmt.options)}"
            )
        if value not in fmt.options[name]:
            raise LevelForgeError(
                f"format {fmt.name!r}: {name} cannot be {value!r}{did_you_mean(value, fmt.options[name])}"
            )


def _prepare(fmt: Format, folder: str | Path, options: dict[str, str]) -> tuple[Path, dict[str, str]]:
    _check_options(fmt, options)
    place = Path(folder)
    try:
        if not place.is_dir():
            place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LevelForgeError(f"{place}: cannot be made: {error.strerror}") from None
    return place, {name: options.get(name, values[0]) for name, values in fmt.options.items()}
