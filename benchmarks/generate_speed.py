"""How many certified levels a second each game's generator gives, from sampling to certificate.

    python benchmarks/generate_speed.py [-n 1000] [--threads 2] [--packs DIR] [--out generate_speed.json]

After a warm-up (compilation, opening of the models) it makes ``n`` levels three times with three seeds and
reports the fastest and the median run, with each stage's share of the wall clock. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from pathlib import Path
from typing import Any

from levelforge.game import bundled_games
from levelforge.generate import GenerateConfig, generate
from levelforge.pack import Pack, load_pack

STAGES = ("sample", "repair", "certify")
RUNS = 3


def measure(pack: Pack, n: int, threads: int) -> dict[str, Any]:
    generate(pack, GenerateConfig(64, seed=99, playtest=False, threads=threads))
    runs = []
    for seed in range(RUNS):
        made = generate(pack, GenerateConfig(n, seed=seed, playtest=False, threads=threads))
        wall = sum(made.seconds[stage] for stage in STAGES)
        runs.append((n / wall, made))
    runs.sort(key=lambda run: run[0])
    rates = [run[0] for run in runs]
    best = runs[-1][1]
    return {
        "game": pack.game.name,
        "pack": pack.hash,
        "levels": n,
        "candidates": best.candidates,
        "levels_per_second": round(max(rates), 1),
        "levels_per_second_median": round(statistics.median(rates), 1),
        "milliseconds_per_level": {stage: round(1000 * best.seconds[stage] / n, 3) for stage in STAGES},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--packs", type=Path, help="folder with one pack folder a game, instead of the bundled packs"
    )
    parser.add_argument("--out", type=Path, default=Path("generate_speed.json"))
    args = parser.parse_args()
    rows = [
        measure(load_pack(args.packs / game if args.packs else game), args.n, args.threads)
        for game in bundled_games()
    ]
    print(f"{'game':<12} {'levels/s':>9} {'median':>9} {'candidates':>11}   ms a level: {'  '.join(STAGES)}")
    for row in rows:
        parts = "  ".join(f"{row['milliseconds_per_level'][s]:>6.3f}" for s in STAGES)
        print(
            f"{row['game']:<12} {row['levels_per_second']:>9.0f} {row['levels_per_second_median']:>9.0f} "
            f"{row['candidates']:>11}   {parts}"
        )
    report = {"threads": args.threads, "machine": platform.processor() or platform.machine(), "rows": rows}
    args.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
