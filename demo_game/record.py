"""A short clip of the window as a GIF."""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path

import pygame
from PIL import Image

from levelforge.errors import LevelForgeError

INTERVAL = 0.1
MOST = 200
"""Pictures kept: 20 seconds."""
SAMPLED, COLORS = 8, 128
"""Pictures that the colours are taken from, and how many colours."""


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
        self._pictures: list[bytes] = []  # RGB, packed
        self._size = (1, 1)
        self._wait = 0.0

    def frame(self, surface: pygame.Surface, dt: float) -> None:
        """Keep the picture, if one is due."""
        self._wait -= dt
        if self._wait > 0 or len(self._pictures) >= MOST:
            return
        self._wait = INTERVAL
        self._size = surface.get_size()
        self._pictures.append(zlib.compress(pygame.image.tobytes(surface, "RGB"), 1))

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
            first, *others = self._in_few_colors()
            first.save(
                draft, "GIF", save_all=True, append_images=others, duration=round(INTERVAL * 1000), loop=0,
                optimize=True,
            )  # fmt: skip
            os.replace(draft, self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise LevelForgeError(f"{self.path}: cannot be written ({error.strerror})") from None

    def _in_few_colors(self) -> list[Image.Image]:
        """All pictures in the same colours: what does not change from one to the next then takes no space."""
        few = self._pictures[:: -(-len(self._pictures) // SAMPLED)]
        sheet = Image.new("RGB", (self._size[0], self._size[1] * len(few)))
        for place, packed in enumerate(few):
            sheet.paste(self._picture(packed), (0, place * self._size[1]))
        # the octree keeps the few bright pixels of sprites apart, which median cut drops for one more shade of the sky
        palette = sheet.quantize(COLORS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        return [
            self._picture(packed).quantize(palette=palette, dither=Image.Dither.NONE)
            for packed in self._pictures
        ]

    def _picture(self, packed: bytes) -> Image.Image:
        return Image.frombytes("RGB", self._size, zlib.decompress(packed))
