"""Which area of a map is made anew: the masks of ``generate --lock MAP --mask ...``.

A mask is a rectangle ``X,Y,WxH`` (column and row of its top left tile, from 0, then its size), or a file:

* text: a row of ``0`` and ``1`` for each row of the map, ``1`` where it is made anew;
* PNG: a pixel a tile, made anew where it is bright and opaque (at least half of each).
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError

_RECTANGLE = re.compile(r"(-?\d{1,6}),(-?\d{1,6}),(\d{1,6})[xX](\d{1,6})")
MAX_MASK_BYTES = 2**20
PNG = b"\x89PNG\r\n\x1a\n"


def read_masks(masks: Sequence[str], width: int, height: int) -> NDArray[np.bool_]:
    """``bool[H, W]``: what any of the masks opens.

    Args:
        masks: rectangles and files.
        width, height: of the map.

    Raises:
        LevelForgeError: what is neither, a mask that reaches outside the map or is of another size, or
            masks that open nothing.
    """
    opened = np.zeros((height, width), bool)
    for word in masks:
        found = _RECTANGLE.fullmatch(word.replace(" ", ""))
        if found:
            x, y, wide, high = map(int, found.groups())
            if not (0 <= x < x + wide <= width and 0 <= y < y + high <= height):
                what = (
                    "is empty"
                    if not (wide and high)
                    else f"reaches outside the map of {width}x{height} tiles"
                )
                raise LevelForgeError(
                    f"mask {word} {what}; columns go from 0 to {width - 1}, rows from 0 to {height - 1}"
                )
            opened[y : y + high, x : x + wide] = True
        elif Path(word).exists():
            opened |= _read_file(Path(word), width, height)
        else:
            raise LevelForgeError(
                f"mask {word[:80]!r} is neither a rectangle X,Y,WxH (such as 4,2,10x8) nor a file that exists"
            )
    if not opened.any():
        raise LevelForgeError("the mask opens nothing; mark what is to be made anew with 1 or white")
    return opened


def _read_file(path: Path, width: int, height: int) -> NDArray[np.bool_]:
    if not path.is_file():
        raise LevelForgeError(f"{path}: is no mask file")
    if path.stat().st_size > MAX_MASK_BYTES:
        raise LevelForgeError(f"{path}: larger than 1 MiB, the most a mask may have")
    data = path.read_bytes()
    opened = _picture(data, path) if data.startswith(PNG) else _text(data, path)
    if opened.shape != (height, width):
        has, wants = f"{opened.shape[1]}x{opened.shape[0]}", f"{width}x{height}"
        raise LevelForgeError(
            f"{path}: a mask of {has} for a map of {wants}; make it the map's size, one a tile"
        )
    return opened


def _text(data: bytes, path: Path) -> NDArray[np.bool_]:
    rows = data.decode("latin-1").split()
    if not rows or set("".join(rows)) - {"0", "1"}:
        raise LevelForgeError(
            f"{path}: a mask is a PNG or rows of 0 and 1, and this is neither; 1 marks what is made anew"
        )
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise LevelForgeError(
                f"{path}: row {number} has {len(row)} digits where row 1 has {len(rows[0])}; make all equally long"
            )
    return np.array([[digit == "1" for digit in row] for row in rows], bool)


def _picture(data: bytes, path: Path) -> NDArray[np.bool_]:
    from PIL import Image

    # the size stands in the first chunk, and is looked at before a pixel is unpacked
    size = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if max(size) > 512:
        raise LevelForgeError(f"{path}: {size[0]}x{size[1]} pixels; a mask has one a tile")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            pixels = np.asarray(picture.convert("LA"))
    except (OSError, ValueError, SyntaxError):
        raise LevelForgeError(f"{path}: is a damaged PNG") from None
    return np.asarray((pixels >= 128).all(axis=2), bool)
