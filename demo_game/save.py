"""Progress and settings on disk: one JSON file, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

FORMAT = 1
NAME = "demo.json"
STALE = 3600.0
"""Seconds after which a draft is nobody's."""


def save_folder() -> Path:
    """Where progress is kept: ``$LEVELFORGE_HOME``, else the platform's folder for such data."""
    if own := os.environ.get("LEVELFORGE_HOME"):
        return Path(own)
    if data := os.environ.get("XDG_DATA_HOME") or os.environ.get("APPDATA"):
        return Path(data) / "levelforge"
    return Path(os.path.expanduser("~")) / ".local" / "share" / "levelforge"  # noqa: PTH111 (Path.home raises without one)


class Save:
    """What is remembered between two starts.

    Attributes:
        data: by name: ``settings``; by game: ``endless``, ``campaign``, ``players``; by path: ``folders``.
        writes: counts up whenever there is something new to save.
        note: what the player should know about reading or writing, or nothing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or save_folder()) / NAME
        self.data: dict[str, Any] = {}
        self.note = ""
        self.writes = 0
        self._writable = True
        self._sweep()
        self._read()

    def _read(self) -> None:
        try:
            text = self.path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return
        except (OSError, UnicodeDecodeError):
            text = ""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("format"), int):
            self._set_aside()
            return
        if found["format"] > FORMAT:
            self._writable = False
            self.note = "Your progress is from a newer version: it is left alone, and nothing is saved"
            return
        self.data = {key: value for key, value in found.items() if isinstance(value, dict)}

    def _sweep(self) -> None:
        """Remove the drafts of programs that were killed while they wrote; young ones may be another program's."""
        with contextlib.suppress(OSError):
            for draft in self.path.parent.glob(f".{NAME}.*.tmp"):
                if time.time() - draft.stat().st_mtime > STALE:
                    draft.unlink()

    def _set_aside(self) -> None:
        for number in range(1, 100):
            aside = self.path.with_name(f"{NAME}.damaged-{number}")
            if not aside.exists():
                try:
                    os.replace(self.path, aside)
                    self.note = f"Your progress could not be read; it was set aside as {aside.name}"
                except OSError:
                    self._writable = False
                    self.note = "Your progress can neither be read nor set aside; nothing is saved"
                return

    def section(self, *names: str) -> dict[str, Any]:
        """A part of the data, made if it is missing; a part of another shape is replaced."""
        place = self.data
        for name in names:
            if not isinstance(place.get(name), dict):
                place[name] = {}
            place = place[name]
        return place

    def write(self) -> bool:
        """Save now; False (and a note) where that cannot be."""
        self.writes += 1
        if not self._writable:
            return False
        draft = self.path.with_name(f".{NAME}.{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps({"format": FORMAT, **self.data}, indent=1) + "\n", encoding="utf-8")
            os.replace(draft, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            self._writable = False
            self.note = f"Progress cannot be saved ({error.strerror}); you can play all the same"
            return False
        return True
