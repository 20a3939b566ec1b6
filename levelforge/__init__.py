"""LevelForge: makes certified, playable levels from a designer's tile maps.

The public API, in the order of the work (arrays are ``grid[y, x]``, row 0 on top):

==================  =========================================================================
name                what it is
==================  =========================================================================
:class:`Game`       a tile vocabulary, rules, limits and defaults
:class:`Role`       what a tile does under the rules
:func:`load_game`   a bundled game by name, or any ``game.toml``
:class:`Level`      ``uint8[H, W]`` tile ids and what is known about them
:func:`read_level`  a level from a file of any readable format
:func:`write_level` a level to a file of any writable format
:func:`solve`       a shortest winning solution, or a proof that there is none
:func:`repair`      the fewest edits that make a level well-formed and beatable
:func:`replay`      what happens when given actions are played
:func:`load_pack`   a trained pack: generator and playtester as ONNX models
:func:`generate`    the pipeline: sample, repair, certify, playtest, select
:func:`playtest`    how hard a level is for the trained playtester, how much fun, and why
:func:`render`      a level as a picture
==================  =========================================================================

Examples:
    >>> import levelforge
    >>> game = levelforge.load_game("dungeon")
    >>> game.width, game.height
    (32, 24)

Names are resolved on first use, so that ``import levelforge`` loads neither numba nor ONNX Runtime.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from levelforge.errors import LevelForgeError as LevelForgeError
    from levelforge.exporters import read_level as read_level
    from levelforge.exporters import write_level as write_level
    from levelforge.game import Game as Game
    from levelforge.game import Role as Role
    from levelforge.game import load_game as load_game
    from levelforge.generate import generate as generate
    from levelforge.level import Level as Level
    from levelforge.pack import load_pack as load_pack
    from levelforge.playtest import playtest as playtest
    from levelforge.render import render as render
    from levelforge.repair import repair as repair
    from levelforge.rules import replay as replay
    from levelforge.solver import solve as solve

__version__ = "0.1.0"

_HOME = {
    "Game": "levelforge.game",
    "Level": "levelforge.level",
    "LevelForgeError": "levelforge.errors",
    "Role": "levelforge.game",
    "generate": "levelforge.generate",
    "load_game": "levelforge.game",
    "load_pack": "levelforge.pack",
    "playtest": "levelforge.playtest",
    "read_level": "levelforge.exporters",
    "render": "levelforge.render",
    "repair": "levelforge.repair",
    "replay": "levelforge.rules",
    "solve": "levelforge.solver",
    "write_level": "levelforge.exporters",
}

__all__ = [
    "Game",
    "Level",
    "LevelForgeError",
    "Role",
    "__version__",
    "generate",
    "load_game",
    "load_pack",
    "playtest",
    "read_level",
    "render",
    "repair",
    "replay",
    "solve",
    "write_level",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'levelforge' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


class _Package(ModuleType):
    """Keeps ``levelforge.generate`` the function when the sub-module of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return __all__


if "gymnasium" in sys.modules:
    # Gymnasium's convention: after ``import gymnasium, levelforge`` its environments are registered. Where
    # Gymnasium is imported later, ``levelforge.env.register()`` does the same.
    importlib.import_module("levelforge.env.registration").register()
