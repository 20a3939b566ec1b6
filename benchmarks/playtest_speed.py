"""How fast levels are playtested: agent steps a second in ONNX Runtime, and seconds for a set of 24.

    python benchmarks/playtest_speed.py [--levels 24] [--threads 2] [--packs DIR] [--out playtest_speed.json]

First the pack's playtester plays ``levels`` levels of each game in full (four personas, the whole skill ladder, eight
episodes a rung): batched over levels, skills and personas, everything included, from the first observation to the
scores. Then a set of as many levels is made from 0.2 to 0.7 of difficulty, all playtested. The processor time beside
the clock tells whether something else kept the machine busy: with both cores to itself, steps per second are about
steps per processor second times the threads. What limits is the networks: beside the playtests stand the rows a
second that the panel's networks, in turn, compute alone, on one thread and on all at once; where the second is far less
than the first times the threads, the "cores" share one. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from levelforge.env import BatchEnv
from levelforge.game import bundled_games
from levelforge.generate import GenerateConfig, generate
from levelforge.pack import Pack, load_pack
from levelforge.playtest.measure import playtest

BAR_STEPS, BAR_SECONDS = 40_000, 30.0
ROWS, ALONE_SECONDS = 256, 3.0


def network_alone(pack: Pack, tiles: list[Any], threads: int) -> float:
    """Rows a second of the panel's networks in turn, the runner's, so many threads computing at once."""
    obs = BatchEnv(pack.game, tiles, ROWS, seed=0, shaping=False).reset()
    until = time.perf_counter() + ALONE_SECONDS

    def compute(_: int) -> int:
        passes = 0
        while time.perf_counter() < until:
            for network in pack.panel:
                network(obs)
                passes += 1
        return passes

    begin = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        passes = sum(pool.map(compute, range(threads)))
    return passes * ROWS / (time.perf_counter() - begin)


def measure(pack: Pack, levels: int, threads: int) -> dict[str, Any]:
    some = GenerateConfig(levels, seed=1, difficulty=(0.2, 0.7), playtest=False, threads=threads)
    made = generate(pack, some).levels
    playtest(made[:1], pack.game, pack, seed=0, threads=threads)  # compilation, opening of the models
    tiles = [level.tiles for level in made]
    alone = [round(network_alone(pack, tiles, n)) for n in (1, threads)]
    begin, cpu = time.perf_counter(), time.process_time()
    results = playtest(made, pack.game, pack, seed=0, threads=threads)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    steps = sum(round(play.ticks * play.played) for result in results for play in result.personas.values())
    begin = time.perf_counter()
    whole = generate(pack, GenerateConfig(levels, seed=2, difficulty=(0.2, 0.7), threads=threads))
    seconds = time.perf_counter() - begin
    return {
        "game": pack.game.name,
        "pack": pack.hash,
        "levels": levels,
        "steps": steps,
        "steps_per_second": round(steps / wall),
        "steps_per_processor_second": round(steps / cpu),
        "network_rows_per_second": {"one thread": alone[0], "all threads": alone[1]},
        "set_seconds": round(seconds, 2),
        "set_played": whole.played,
        "set_mean_absolute_error": round(sum(whole.difficulty_errors) / levels, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--levels", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--packs", type=Path, help="folder with one pack folder a game, instead of the bundled packs"
    )
    parser.add_argument("--out", type=Path, default=Path("playtest_speed.json"))
    args = parser.parse_args()
    print(f"bars: {BAR_STEPS} steps a second, {BAR_SECONDS:.0f} s a set of 24")
    print(
        f"{'game':<12} {'steps/s':>9} {'a cpu s':>9} {'rows/s, 1':>10} {'all':>7} "
        f"{'set s':>7} {'played':>7} {'mean error':>11}"
    )
    rows = []
    for game in bundled_games():
        row = measure(load_pack(args.packs / game if args.packs else game), args.levels, args.threads)
        alone = row["network_rows_per_second"]
        print(
            f"{row['game']:<12} {row['steps_per_second']:>9} {row['steps_per_processor_second']:>9} "
            f"{alone['one thread']:>10} {alone['all threads']:>7} "
            f"{row['set_seconds']:>7.1f} {row['set_played']:>7} {row['set_mean_absolute_error']:>11.3f}"
        )
        rows.append(row)
    report = {"threads": args.threads, "machine": platform.processor() or platform.machine(), "rows": rows}
    args.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
