"""Tiled maps: ``tmj``, ``tmx``, and ``tiled``, which writes both."""

from levelforge.exporters.base import Format
from levelforge.exporters.tiled_data import ENCODINGS
from levelforge.exporters.tiled_read import claims, read
from levelforge.exporters.tiled_write import write_both, write_tmj, write_tmx

OPTIONS = {"encoding": ENCODINGS, "tileset": ("embedded", "external")}

FORMAT_TMJ = Format(
    name="tmj",
    title="Tiled map, JSON",
    extensions=(".tmj", ".json"),
    read=read,
    write=write_tmj,
    options=OPTIONS,
    claims=claims,
)
FORMAT_TMX = Format(
    name="tmx",
    title="Tiled map, XML",
    extensions=(".tmx",),
    read=read,
    write=write_tmx,
    options=OPTIONS,
    claims=claims,
)
FORMAT_TILED = Format(
    name="tiled",
    title="Tiled map, both as TMJ and as TMX",
    extensions=(".tmj", ".tmx"),
    read=read,
    write=write_both,
    options=OPTIONS,
    claims=claims,
)
