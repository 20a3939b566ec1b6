"""Layer data of Tiled maps: plain numbers or base64 of little-endian uint32, packed or not."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError, MissingExtraError, did_you_mean

Gids = NDArray[np.uint32]
"""``uint32[H, W]`` global tile ids, 0 where a cell is empty; the top four bits are flips."""

ENCODINGS = ("csv", "base64-zlib", "base64-zstd")
FLIPS = 0xF0000000
"""Flipped horizontally, vertically, diagonally, turned (hexagonal maps)."""

MAX_CELLS = 2**24
"""The most cells that all tile layers of a map may have together: 64 MiB once unpacked, or 64 layers of the largest
size. A layer that packs well takes next to no room in its file, so the size of the file bounds nothing."""

_PLAIN = ("", "zlib", "gzip", "zstd")


def pack(gids: Gids, compression: str) -> str:
    """Base64 of packed gids; ``compression`` is ``"zlib"`` or ``"zstd"``.

    Raises:
        MissingExtraError: zstd without its library.
    """
    raw = np.ascontiguousarray(gids, dtype="<u4").tobytes()
    if compression == "zstd":
        raw = _zstd().ZstdCompressor(level=6, write_checksum=False).compress(raw)
    else:
        raw = zlib.compress(raw, 6)
    return base64.b64encode(raw).decode()


def unpack(text: str, compression: str, height: int, width: int, place: str) -> Gids:
    """The gids of a base64 layer; never makes more bytes than the layer's size needs, plus one.

    Raises:
        LevelForgeError: not base64, an unknown or damaged compression, another number of tiles.
    """
    if compression not in _PLAIN:
        raise LevelForgeError(
            f"{place}: unknown compression {compression[:40]!r}{did_you_mean(compression, _PLAIN[1:])}"
        )
    need = 4 * height * width
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise LevelForgeError(f"{place}: data is not base64") from None
    try:
        if compression in ("zlib", "gzip"):
            raw = zlib.decompressobj(wbits=47).decompress(
                raw, need + 1
            )  # 47: zlib or gzip, as the header says
        elif compression == "zstd":
            raw = _unpack_zstd(raw, need + 1)
    except (zlib.error, ValueError) as error:
        if isinstance(error, LevelForgeError):
            raise
        raise LevelForgeError(f"{place}: data is not valid {compression}") from None
    if len(raw) != need:
        raise LevelForgeError(
            f"{place}: data does not hold the {height * width} tiles of a {width}x{height} layer"
        )
    return np.frombuffer(raw, dtype="<u4").reshape(height, width).astype(np.uint32)


def from_numbers(numbers: Any, height: int, width: int, place: str) -> Gids:
    """The gids of a plain list of numbers.

    Raises:
        LevelForgeError: anything but ``height * width`` whole numbers of 32 bits.
    """
    if not isinstance(numbers, list) or len(numbers) != height * width:
        count = len(numbers) if isinstance(numbers, list) else "no"
        raise LevelForgeError(
            f"{place}: data has {count} tiles where a {width}x{height} layer has {height * width}"
        )
    if {*map(type, numbers)} != {int} or min(numbers) < 0 or max(numbers) > 0xFFFFFFFF:
        raise LevelForgeError(f"{place}: tile numbers must be whole numbers from 0 to 4294967295")
    return np.array(numbers, dtype=np.uint32).reshape(height, width)


def from_csv(text: str, height: int, width: int, place: str) -> Gids:
    """The gids of a csv layer.

    Raises:
        LevelForgeError: as for :func:`from_numbers`.
    """
    count = text.count(",") + 1
    if count != height * width:  # before millions of words are made of it
        raise LevelForgeError(
            f"{place}: data has {count} tiles where a {width}x{height} layer has {height * width}"
        )
    words = text.replace("\n", "").replace("\r", "").split(",")
    try:
        numbers = [int(word) for word in words]
    except ValueError:
        raise LevelForgeError(f"{place}: csv data must be whole numbers between commas") from None
    return from_numbers(numbers, height, width, place)


def _unpack_zstd(raw: bytes, most: int) -> bytes:
    library = _zstd()
    try:
        with library.ZstdDecompressor(max_window_size=2**27).stream_reader(raw) as reader:
            out = bytearray()
            while len(out) < most and (chunk := reader.read(most - len(out))):
                out += chunk
    except library.ZstdError:
        raise ValueError("not zstd") from None
    return bytes(out)


def _zstd() -> Any:
    try:
        import zstandard
    except ImportError:
        raise MissingExtraError("zstd layer data", "zstd") from None
    return zstandard
