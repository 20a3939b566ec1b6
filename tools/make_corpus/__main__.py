"""Draft, certify and write the corpora: ``python -m tools.make_corpus [game ...] [--out FOLDER] [--seed S]``.

Every draft is checked for form, proven beatable by the solver and compared with all levels before
it, mirror images included; what fails is drawn again with the next random numbers, so that the
same seed always gives the same corpus. Another seed gives other levels of the same families; they are
kept apart from the bundled ones as well, so that a network trained on those has seen none of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from levelforge.corpus import load_corpus
from levelforge.game import SYMMETRIES, Game, Role, Tiles, load_game
from levelforge.level import Level, faults, format_text, parse_text
from levelforge.novelty import novelty
from levelforge.solver import Solution, solve, solve_batch
from tools.make_corpus import dungeon, dungeon_terrain, platformer
from tools.make_corpus.grid import Grid, Redo, rows

SEED = 20
PER_FAMILY = 20
NODES = 500_000
HELD_OUT = (2, 7, 12, 18)  # a fifth of every family, spread over its difficulties
# Least share of differing tiles between two levels; the tests ask for 0.08. Generated levels lie about as far from the
# corpus as its levels do from each other, and a platformer has more sky that all of them share: hence the wider berth.
APART = {"dungeon": 0.10, "platformer": 0.16}


def certify(level: Level, hard: bool) -> int:
    """Length of the shortest solution, or -1: it must also win with less than full health."""
    rules = replace(level.game.rules, hit_points=2 if hard else 1)
    frail = level.with_(game=replace(level.game, rules=rules))
    if not isinstance(solve(frail, node_limit=NODES), Solution):
        return -1
    found = solve(level, node_limit=NODES)
    return len(found.actions) if isinstance(found, Solution) else -1


def worth(level: Level) -> bool:
    """Whether everything worth having can be had: each collectible and heal, alone, in place of the goal."""
    game, roles = level.game, level.game.roles[level.tiles]
    goal = game.of_role(Role.GOAL)[0].id
    tiles = []
    for y, x in np.argwhere((roles == Role.COLLECTIBLE) | (roles == Role.HEAL)):
        tried = level.tiles.copy()
        tried[roles == Role.GOAL] = game.empty.id
        tried[y, x] = goal
        tiles.append(tried)
    if not tiles:
        return True
    return bool((solve_batch(np.stack(tiles), game, node_limit=NODES, threads=1).verdict == 1).all())


def nearest(tiles: Tiles, others: list[Tiles]) -> float:
    """Novelty among other levels: the smallest share of differing tiles, mirror images included."""
    return float(novelty([tiles], others, SYMMETRIES)[0]) if others else 1.0


def make(
    game: Game,
    families: list[str],
    draft: Callable[..., Grid],
    out: Path,
    *,
    seed: int = SEED,
    beside: list[Tiles] | None = None,
) -> None:
    """Draft all families of one game and write them; ``beside`` are levels they must differ from too."""
    kept: list[Tiles] = list(beside or [])
    written: set[Path] = set()
    for index, family in enumerate(families):
        for number in range(PER_FAMILY):
            rng = np.random.default_rng([seed, index, number])
            for _ in range(400):
                try:
                    grid = draft(rng, family, number, PER_FAMILY)
                except Redo:
                    continue
                level = Level(game, parse_text(rows(grid), game), id=f"{family}-{number:02}")
                if faults(level) or nearest(level.tiles, kept) < APART[game.name]:
                    continue
                length = certify(level, hard=number >= 0.6 * PER_FAMILY)
                if length >= game.constraints.min_solution and worth(level):
                    break
            else:
                raise SystemExit(f"{family} {number}: no draft passed")
            kept.append(level.tiles)
            part = "heldout" if number in HELD_OUT else "train"
            path = out / part / f"{level.id}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(format_text(level.tiles, game), encoding="utf-8")
            written.add(path)
            print(f"{level.id}: solution {length}, {level.counts()}")
    for part in ("train", "heldout"):
        for stale in set((out / part).glob("*.txt")) - written:
            stale.unlink()


def main() -> None:
    """Make the corpora named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("games", nargs="*", default=["dungeon", "platformer"])
    parser.add_argument("--out", type=Path, help="folder for <game>/train and <game>/heldout")
    parser.add_argument("--seed", type=int, default=SEED, help="another one gives other levels (with --out)")
    args = parser.parse_args()
    if args.seed != SEED and args.out is None:
        parser.error(f"--seed {args.seed} would replace the bundled corpora; say where to with --out")
    for name in args.games:
        game = load_game(name)
        assert game.folder is not None
        bundled = game.folder / "corpus"
        out = args.out / name if args.out else bundled
        beside = [] if args.seed == SEED else [level.tiles for level in load_corpus(bundled, game)]
        if name == "dungeon":
            make(game, list(dungeon_terrain.FAMILIES), dungeon.draft, out, seed=args.seed, beside=beside)
        else:
            make(game, list(platformer.FAMILIES), platformer.draft, out, seed=args.seed, beside=beside)


if __name__ == "__main__":
    main()
