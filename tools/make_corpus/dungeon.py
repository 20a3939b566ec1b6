"""Drafts the dungeon corpus: five families of floor plan, furnished at a spread of difficulties."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from tools.make_corpus.dungeon_terrain import FAMILIES
from tools.make_corpus.dungeon_things import Wish, furnish
from tools.make_corpus.grid import Grid

HEIGHT, WIDTH = 24, 32


def wish(rng: Generator, family: str, hard: float) -> Wish:
    """Numbers for one level; ``hard`` in [0, 1] is how many dangers it should have."""
    dangers = round(8 * hard)
    bats = int(rng.binomial(dangers, 0.5))
    if family == "maze":
        dangers = min(dangers, 6)
        bats = min(bats, 4)
    door_odds = {"quest": [0.0, 0.3, 0.4, 0.3], "rooms": [0.25, 0.45, 0.3, 0.0]}
    doors = int(rng.choice(4, p=door_odds.get(family, [1.0, 0, 0, 0])))
    return Wish(
        doors=doors,
        treasure=int(rng.integers(3, 10)),
        spikes=round(11 * float(np.clip(hard + rng.uniform(-0.3, 0.3), 0, 1))),
        bats=min(bats, 6),
        ghosts=min(dangers - bats, 6),
        potions=int(rng.random() < 0.25 + 0.5 * hard) + int(rng.random() < 0.3 * hard),
        mirrored=family == "hall",
    )


def draft(rng: Generator, family: str, number: int, total: int) -> Grid:
    """One try at level ``number`` of ``total`` of a family; later numbers are harder.

    Raises:
        Redo: the try did not come out well.
    """
    width = 48 if family in ("rooms", "cave", "maze") and number in (8, 18) else WIDTH
    floor = FAMILIES[family](rng, HEIGHT, width)
    hard = number / max(total - 1, 1)
    return furnish(rng, floor, wish(rng, family, hard))
