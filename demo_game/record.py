"""A short clip of the window as a GIF."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pygame
from PIL import Image

from levelforge.errors import LevelForgeError

INTERVAL = 0.1
MOST = 200
"""Pictures kept: 20 seconds."""


class Recorder:
    """Keeps pictures of the window, and writes them when asked.

    Args:
        path: the GIF to write.

    Raises:
        LevelForgeError: the folder cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        if not os.access(path.parent if path.parent.exists() else path.parent.parent, os.W_OK):
            raise LevelForgeError(f"{path}: cannot be written; choose another place for --record")
        self.path = path
        self._pictures: list[Image.Image] = []
        self._wait = 0.0

    def frame(self, surface: pygame.Surface, dt: float) -> None:
        """Keep the picture, if one is due."""
        self._wait -= dt
        if self._wait > 0 or len(self._pictures) >= MOST:
            return
        self._wait = INTERVAL
        picture = Image.frombytes("RGB", surface.get_size(), pygame.image.tobytes(surface, "RGB"))
        self._pictures.append(picture.quantize(96, dither=Image.Dither.NONE))

    def write(self) -> None:
        """Write the clip, whole or not at all.

        Raises:
            LevelForgeError: it cannot be written.
        """
        if not self._pictures:
            return
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            first, *others = self._pictures
            first.save(
                draft, "GIF", save_all=True, append_images=others, duration=round(INTERVAL * 1000), loop=0
            )
            os.replace(draft, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise LevelForgeError(f"{self.path}: cannot be written ({error.strerror})") from None
