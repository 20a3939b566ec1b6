"""How far apart the levels of a set are: spread out (the default) against as they come.

    python benchmarks/diverse_sets.py [-n 24] [--sets 5] [--packs DIR] [--out diverse_sets.json]

For each game, ``sets`` sets of ``n`` levels are made both ways from the same seeds, not playtested. Reported, as means
over the sets with 95 % intervals: the mean and the least pairwise distance (share of tiles that differ); how many of the
cells of a quality-diversity archive a set covers (8 x 8 over solution length x openness, its edges those of all the
levels of the game's runs; a set of 24 covers at most 24); and the archive's QD score (the sum of its elites' novelty). The
archive is ``ribs.archives.GridArchive`` where ribs is installed (pip install ribs), and counted by hand elsewhere:
``generate`` itself does not use ribs, which brings pandas, scikit-learn and scipy. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelforge.game import bundled_games
from levelforge.generate import GenerateConfig, generate
from levelforge.level import Level
from levelforge.pack import Pack, load_pack
from levelforge.spread import BINS, openness

Floats = NDArray[np.float64]


def pairwise(levels: tuple[Level, ...]) -> Floats:
    """Share of tiles that differ, for each pair."""
    flat = np.stack([level.tiles.ravel() for level in levels])
    apart: Floats = (flat[:, None] != flat[None]).mean(axis=2)[np.triu_indices(len(flat), 1)]
    return apart


def axes(levels: tuple[Level, ...]) -> Floats:
    """``float64[N, 2]`` solution length and openness."""
    length = np.array([len(level.solution or ()) for level in levels], float)
    return np.stack([length, openness(np.stack([x.tiles for x in levels]), levels[0].game)], axis=1)


def archive(places: Floats, quality: Floats, ranges: list[tuple[float, float]]) -> tuple[int, float]:
    """Cells covered, and the sum of their elites' quality."""
    if importlib.util.find_spec("ribs") is not None:
        from ribs.archives import GridArchive

        grid = GridArchive(solution_dim=1, dims=[BINS, BINS], ranges=ranges, qd_score_offset=0.0)
        grid.add(np.zeros((len(places), 1)), quality, places)
        return int(grid.stats.num_elites), float(grid.stats.qd_score)
    low, high = np.array(ranges).T
    cells = np.clip((places - low) / (high - low) * BINS, 0, BINS - 1).astype(int) @ (BINS, 1)
    best = [quality[cells == cell].max() for cell in np.unique(cells)]
    return len(best), float(sum(best))


def interval(values: list[float]) -> tuple[float, float]:
    """Mean, and half of its 95 % interval."""
    return float(np.mean(values)), 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5


def measure(pack: Pack, n: int, sets: int) -> dict[str, Any]:
    made: dict[bool, list[tuple[Level, ...]]] = {True: [], False: []}
    seconds = dict.fromkeys(made, 0.0)
    for seed in range(sets):
        for diverse, found in made.items():
            begin = time.perf_counter()
            config = replace(GenerateConfig(n, seed=seed, playtest=False), diverse=diverse)
            found.append(generate(pack, config).levels)
            seconds[diverse] += time.perf_counter() - begin
    everything = np.concatenate([axes(levels) for found in made.values() for levels in found])
    ranges = list(zip(everything.min(axis=0), everything.max(axis=0) + 1e-9, strict=True))
    row: dict[str, Any] = {"game": pack.game.name, "pack": pack.hash, "levels": n, "sets": sets}
    for diverse, found in made.items():
        columns: dict[str, list[float]] = {}
        for levels in found:
            apart, novelty = pairwise(levels), np.array([level.novelty or 0.0 for level in levels])
            covered, score = archive(axes(levels), novelty, ranges)
            figures = {"distance": apart.mean(), "least": apart.min(), "cells": covered, "qd_score": score}
            for name, value in {**figures, "novelty": novelty.mean()}.items():
                columns.setdefault(name, []).append(float(value))
        figures = {name: [round(x, 4) for x in interval(values)] for name, values in columns.items()}
        row["spread" if diverse else "as they come"] = figures | {
            "seconds": round(seconds[diverse] / sets, 2)
        }
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=24)
    parser.add_argument("--sets", type=int, default=5)
    parser.add_argument(
        "--packs", type=Path, help="folder with one pack folder a game, instead of the bundled packs"
    )
    parser.add_argument("--out", type=Path, default=Path("diverse_sets.json"))
    args = parser.parse_args()
    rows = []
    print(
        f"{'game':<12} {'set':<13} {'mean distance':>15} {'least':>7} {'cells':>13} {'QD':>6} {'novelty':>8} {'s':>6}"
    )
    for game in bundled_games():
        row = measure(load_pack(args.packs / game if args.packs else game), args.n, args.sets)
        rows.append(row)
        for way in ("as they come", "spread"):
            f = row[way]
            print(
                f"{game:<12} {way:<13} {f['distance'][0]:>7.3f} ± {f['distance'][1]:.3f} {f['least'][0]:>7.3f} "
                f"{f['cells'][0]:>6.1f} ± {f['cells'][1]:<4.1f} {f['qd_score'][0]:>6.2f} {f['novelty'][0]:>8.3f} "
                f"{f['seconds']:>6.2f}"
            )
    args.out.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
