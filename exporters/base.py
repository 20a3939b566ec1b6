"""What a level format is, and the few things that all formats share: bounded reading, whole-or-nothing writing."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from levelforge.errors import LevelForgeError
from levelforge.game import Game
from levelforge.level import Level

MAX_FILE_BYTES = 32 * 2**20
"""A larger file is refused before it is read: a level of the largest size takes a quarter of it."""

MAX_SIDE = 512
"""The most tiles along one side of a level."""

Options = Mapping[str, str]
Reader = Callable[[Path, Game | None], list[Level]]
Writer = Callable[[Level, Path, str, Options], list[Path]]
SetWriter = Callable[[Sequence[Level], Path, str, Options], list[Path]]


@dataclass(frozen=True)
class Format:
    """One level format: a reader, a writer or both. A format's module ends by building one of these.

    Attributes:
        name: what users write after ``--format``.
        title: one line for lists.
        extensions: lower case with the dot; the first is the one written.
        read: ``read(path, game)`` gives the levels of a file (most formats: one). ``game`` None means
            that the file must say or show which game it is for (:func:`levelforge.exporters.games.find_game`).
        write: ``write(level, folder, stem, options)`` writes ``folder/stem.*`` and returns the level's own
            files, the main one first; files shared by a folder, such as a tileset's picture, are not listed.
        write_set: ``write_set(levels, folder, stem, options)`` for formats that hold several levels; writes
            them and whatever joins them, and returns all of it.
        options: the values that each option may have; the first is the default.
        claims: whether the content of a file is of this format; asked where extensions are shared, and
            for the files of a folder.
        tested: programs that read (or wrote) its files in tests, with their versions.
        limits: what it cannot hold or refuses.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    read: Reader | None = None
    write: Writer | None = None
    write_set: SetWriter | None = None
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claims: Callable[[bytes], bool] | None = None
    tested: str = ""
    limits: str = ""


def read_bytes(path: Path) -> bytes:
    """A file's content.

    Raises:
        LevelForgeError: missing, unreadable or larger than :data:`MAX_FILE_BYTES`.
    """
    try:
        if not path.is_file():
            raise LevelForgeError(f"{path}: {'not a plain file' if path.exists() else 'no such file'}")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            most = MAX_FILE_BYTES // 2**20
            raise LevelForgeError(f"{path}: larger than {most} MiB, the most a level file may have")
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise LevelForgeError(f"{path}: cannot be read: {error.strerror}") from None


def read_text(path: Path) -> str:
    """A file's content as UTF-8 text, without a byte order mark.

    Raises:
        LevelForgeError: as for :func:`read_bytes`, or not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LevelForgeError(f"{path}: not UTF-8 text (byte {error.start})") from None


def check_side(width: object, height: object, origin: object) -> tuple[int, int]:
    """A map's declared size, as whole numbers from 1 to :data:`MAX_SIDE`.

    Raises:
        LevelForgeError: anything else.
    """
    for name, value in (("width", width), ("height", height)):
        if type(value) is not int or not 1 <= value <= MAX_SIDE:
            raise LevelForgeError(
                f"{origin}: {name} must be a whole number from 1 to {MAX_SIDE}, not {str(value)[:40]}"
            )
    assert isinstance(width, int)
    assert isinstance(height, int)
    return width, height


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files whole or not at all: under temporary names first, then renamed.

    Args:
        folder: an existing folder.
        files: content by file name; names have no folder in them.

    Raises:
        LevelForgeError: the folder is missing, full or not writable; nothing half-written stays.
    """
    mark = f".{os.getpid()}-{threading.get_ident()}.tmp"
    drafts = {folder / name: folder / f".{name}{mark}" for name in files}
    try:
        for draft, data in zip(drafts.values(), files.values(), strict=True):
            draft.write_bytes(data)
        for path, draft in drafts.items():
            draft.replace(path)
    except BaseException as error:
        for draft in drafts.values():
            with contextlib.suppress(OSError):
                draft.unlink()
        if not isinstance(error, OSError):
            raise
        names = " and ".join(files)
        reason = f"{names} cannot be written ({error.strerror})"
        raise LevelForgeError(f"{folder}: {reason}; choose another folder") from None
    return list(drafts)


_SHARED: dict[Path, tuple[int, int, int]] = {}
"""For each shared file last written or compared: its inode, its time and the hash of its content."""


def write_shared(folder: Path, name: str, data: bytes) -> None:
    """Write a file that all levels of a folder use; left alone where it already has this content.

    Raises:
        LevelForgeError: as for :func:`write_files`.
    """
    path = (folder / name).absolute()
    with contextlib.suppress(OSError):
        found = path.stat()
        seen = found.st_ino, found.st_mtime_ns, hash(data)
        if _SHARED.get(path) == seen:
            return
        if found.st_size == len(data) and path.read_bytes() == data:
            if len(_SHARED) >= 256:
                _SHARED.clear()
            _SHARED[path] = seen
            return
    write_files(folder, {name: data})
