"""PNG: a picture of the level, drawn with the game's tileset. Not read back."""

from __future__ import annotations

import io
from pathlib import Path

from levelforge.exporters.base import Format, Options, check_side, write_files
from levelforge.level import Level


def write(level: Level, folder: Path, stem: str, options: Options) -> list[Path]:
    """Write ``stem.png``."""
    from levelforge.render import render

    check_side(level.width, level.height, f"level {level.id!r}")
    buffer = io.BytesIO()
    render(level, scale=int(options.get("scale", "1"))).save(buffer, "PNG")
    return write_files(folder, {f"{stem}.png": buffer.getvalue()})


FORMAT_PNG = Format(
    name="png",
    title="picture, drawn with the game's tileset",
    extensions=(".png",),
    write=write,
    options={"scale": ("1", "2", "3", "4")},
    tested="compared with Debian's Tiled 1.8, pixel by pixel",
    limits="a picture: not read back",
)
