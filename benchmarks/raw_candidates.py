"""What the generator itself makes, before repair and selection: repeats, novelty, copies, beatable ones.

    python benchmarks/raw_candidates.py [-n 10000] [--seed 7] [--packs DIR] [--out raw_candidates.json]

Candidates are drawn as ``levelforge generate`` draws them. Novelty is the share of tiles that differ from the nearest
corpus level over the game's symmetries (longer corpus levels count at every offset). A copy differs in under 2 %.
Shares of terrain are compared with the corpus', in doublings off on average. Prints tables, writes JSON; exit status 1
if a bar is missed: repeats under 1 %, median novelty of 0.15 or more, no copies, 0.95 of the candidates beatable.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from levelforge.batches import GenerateConfig, sample, well_formed
from levelforge.corpus import load_corpus
from levelforge.game import bundled_games
from levelforge.level import Level
from levelforge.novelty import with_novelty
from levelforge.pack import Pack, load_pack
from levelforge.playtest.difficulty import wilson
from levelforge.solver import solve_batch
from levelforge.terrain import imbalance, shares

BARS = {"repeats": 0.01, "novelty": 0.15, "copies": 0, "beatable": 0.95}
COPY = 0.02


def measure(pack: Pack, n: int, seed: int) -> dict[str, Any]:
    """The figures of one game."""
    game, config = pack.game, GenerateConfig(n=n, seed=seed, playtest=False)
    parts, formed = [], []
    for index in range(-(-n // config.batch_size(game))):
        inputs = sample(pack, config, index)
        parts.append(pack.generator(inputs))
        formed.append(well_formed(parts[-1], inputs["counts"].astype(np.int32), game))
        print(f"\r{game.name}: {min(n, sum(map(len, parts)))} candidates", end="", file=sys.stderr)
    print(file=sys.stderr)
    tiles, good = np.concatenate(parts)[:n], np.concatenate(formed)[:n]
    beatable = good & (solve_batch(tiles, game, node_limit=config.node_limit, threads=2).verdict == 1)
    novelty = np.array(
        [level.novelty for level in with_novelty([Level(game, t) for t in tiles], game)], float
    )
    assert game.folder is not None
    corpus = load_corpus(game.folder / "corpus", game).train
    made, wanted = shares(game, tiles), np.mean([shares(game, x.tiles[None]) for x in corpus], axis=0)
    low, high = wilson(float(beatable.mean()), n)
    found = {
        "game": game.name,
        "candidates": n,
        "repeats": round(1 - len(np.unique(tiles.reshape(n, -1), axis=0)) / n, 5),
        "novelty": round(float(np.median(novelty)), 4),
        "novelty_least": round(float(novelty.min()), 4),
        "copies": int((novelty < COPY).sum()),
        "imbalance": round(imbalance(made, wanted), 4),
        "terrain": {
            tile.name: {"made": round(float(m), 5), "corpus": round(float(w), 5)}
            for tile, m, w in zip(game.terrain, made, wanted, strict=True)
        },
        "beatable": round(float(beatable.mean()), 4),
        "beatable_ci": [round(low, 4), round(high, 4)],
        "pack": pack.hash,
    }
    found["missed"] = [
        name
        for name, missed in (
            ("repeats", found["repeats"] >= BARS["repeats"]),
            ("novelty", found["novelty"] < BARS["novelty"]),
            ("copies", found["copies"] > BARS["copies"]),
            ("beatable", found["beatable"] < BARS["beatable"]),
        )
        if missed
    ]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--packs", type=Path, help="folder with one pack folder a game")
    parser.add_argument("--out", type=Path, default=Path("raw_candidates.json"))
    args = parser.parse_args()
    packs = [load_pack(args.packs / name if args.packs else name) for name in bundled_games()]
    results = [measure(pack, args.n, args.seed) for pack in packs]
    print(f"{'game':<12}{'repeats':>9}{'novelty':>9}{'least':>8}{'copies':>8}{'beatable':>10}")
    for r in results:
        low, high = r["beatable_ci"]
        missed = f"   missed: {', '.join(r['missed'])}" if r["missed"] else ""
        print(
            f"{r['game']:<12}{r['repeats']:>9.4f}{r['novelty']:>9.3f}{r['novelty_least']:>8.3f}{r['copies']:>8}"
            f"{r['beatable']:>10.3f} [{low:.3f}, {high:.3f}]{missed}"
        )
    for r in results:
        told = (f"{name} {x['made']:.2%} (corpus {x['corpus']:.2%})" for name, x in r["terrain"].items())
        print(f"{r['game']}: off by {r['imbalance']:.2f} doublings: {', '.join(told)}")
    args.out.write_text(json.dumps({"bars": BARS, "games": results}, indent=1) + "\n", encoding="utf-8")
    return int(any(r["missed"] for r in results))


if __name__ == "__main__":
    sys.exit(main())
