"""Tiled maps: ``tmj``, ``tmx``, and ``tiled``, which writes both; several of them as a ``.world``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from levelforge.exporters.base import Format, Options
from levelforge.exporters.tiled_data import ENCODINGS
from levelforge.exporters.tiled_read import claims, read_map
from levelforge.exporters.tiled_world import world_maps, write_world
from levelforge.exporters.tiled_write import write_flavours
from levelforge.game import Game
from levelforge.level import Level

OPTIONS = {"encoding": ENCODINGS, "tileset": ("embedded", "external")}
TESTED = "Debian's Tiled 1.8, pytiled-parser 2.2, Excalibur 0.32; TMJ: Phaser 4.2; TMX: pytmx 3.32"
LIMITS = (
    "orthogonal and finite; up to 512 tiles a side, 32 MiB a file, 16777216 cells in all layers, 32 nested groups, "
    "gids up to 1048576"
)
FLAVOURS = {"tmj": ("tmj",), "tmx": ("tmx",), "tiled": ("tmj", "tmx")}


def read(path: Path, game: Game | None) -> list[Level]:
    """Read a map, or the maps of a ``.world``."""
    if path.suffix.lower() != ".world":
        return [read_map(path, game)]
    return [read_map(file, game) for file in world_maps(path)]


def _write(name: str, level: Level, folder: Path, stem: str, options: Options) -> list[Path]:
    return write_flavours(level, folder, stem, options, FLAVOURS[name])


def _write_set(name: str, levels: Sequence[Level], folder: Path, stem: str, options: Options) -> list[Path]:
    return write_world(levels, folder, stem, options, FLAVOURS[name])


def _format(name: str, title: str, extensions: tuple[str, ...]) -> Format:
    return Format(
        name=name,
        title=title,
        extensions=extensions,
        read=read,
        write=partial(_write, name),
        write_set=partial(_write_set, name),
        options=OPTIONS,
        claims=claims,
        tested=TESTED,
        limits=LIMITS,
    )


FORMAT_TMJ = _format("tmj", "Tiled map, JSON", (".tmj", ".json"))
FORMAT_TMX = _format("tmx", "Tiled map, XML", (".tmx",))
FORMAT_TILED = _format("tiled", "Tiled map, both as TMJ and as TMX", (".tmj", ".tmx", ".world"))
