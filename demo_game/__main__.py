"""Play generated levels: ``python -m levelforge.demo_game [GAME] [--seed S]``; arrow keys, R again, N next, Esc."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

from levelforge.errors import LevelForgeError, MissingExtraError
from levelforge.level import Level

SCALE = 2
TICK = {"topdown": 110, "platformer": 90}
"""Milliseconds between turns while a key is held, or between ticks."""


def levels(game: str, seed: int) -> Iterator[Level]:
    """Certified levels without end."""
    from levelforge.generate import GenerateConfig, generate
    from levelforge.pack import load_pack

    pack = load_pack(game)
    while True:
        yield from generate(pack, GenerateConfig(n=4, seed=seed, playtest=False)).levels
        seed += 1


def main() -> int:
    """Open the window and play."""
    parser = argparse.ArgumentParser(prog="levelforge.demo_game", description="Play generated levels.")
    parser.add_argument("game", nargs="?", default="dungeon")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=0, help="leave after so many frames (for tests)")
    asked = parser.parse_args()
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        from levelforge.demo_game.window import Window
    except ImportError:
        raise MissingExtraError("the demo", "demo") from None
    Window(levels(asked.game, asked.seed), SCALE, TICK).run(asked.frames)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LevelForgeError as error:
        sys.exit(f"error: {error}")
