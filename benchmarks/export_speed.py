"""How many levels a second each format writes, and reads back, on one core.

    python benchmarks/export_speed.py [-n 1000] [--out export_speed.json]

The levels are the bundled corpora of both games, over and over, each with a solution and scores.
"/CPU s" counts the
processor time of this process alone, which other work on the machine does not change. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from levelforge import exporters
from levelforge.game import bundled_games, load_game
from levelforge.level import Level

CASES: list[tuple[str, dict[str, str]]] = [
    ("tiled", {}),
    ("tmj", {}),
    ("tmx", {}),
    ("tiled", {"encoding": "base64-zlib", "tileset": "external"}),
    ("json", {}),
    ("text", {}),
]


def corpus(name: str, n: int) -> list[Level]:
    """``n`` levels of the default size."""
    game = load_game(name)
    assert game.folder is not None
    read = [level for _, level in exporters.read_levels([game.folder / "corpus"], game)]
    read = [level for level in read if level.size == game.header.size]
    facts: dict[str, Any] = {
        "seed": 7,
        "solution": tuple(i % 4 for i in range(90)),
        "difficulty": 0.375,
        "difficulty_ci": (0.25, 0.5),
        "fun": 0.5,
        "fun_parts": {"tension": 0.5, "variety": 0.25},
    }
    return [
        level.with_(id=f"{i:04}", **facts) for i, level in zip(range(n), itertools.cycle(read), strict=False)
    ]


def measure(levels: list[Level], fmt: str, options: dict[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        exporters.write_level(levels[0], fmt, folder, **options)  # loads the format, writes the tileset
        start, busy = time.perf_counter(), time.process_time()
        for level in levels:
            paths = exporters.write_level(level, fmt, folder, **options)
        wrote, busy = time.perf_counter() - start, time.process_time() - busy
        size = sum(path.stat().st_size for path in paths)
        some = sorted(Path(folder).glob(f"0*{paths[0].suffix}"))[:100]
        exporters.read_level(some[0])
        start = time.perf_counter()
        for path in some:
            exporters.read_level(path)
        read = (time.perf_counter() - start) / len(some)
    rate = {
        "write_per_s": round(len(levels) / wrote),
        "write_per_cpu_s": round(len(levels) / busy),
        "read_per_s": round(1 / read),
        "kib": round(size / 1024, 1),
    }
    return {"game": levels[0].game.name, "format": fmt, "options": " ".join(options.values())} | rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("export_speed.json"))
    args = parser.parse_args()
    rows = [measure(corpus(name, args.n), fmt, options) for name in bundled_games() for fmt, options in CASES]
    print(
        f"{'game':<11} {'format':<6} {'options':<21} {'written/s':>9} {'/CPU s':>7} {'read/s':>7} {'KiB':>7}"
    )
    for row in rows:
        words = row["game"], row["format"], row["options"]
        print("{:<11} {:<6} {:<21}".format(*words), end=" ")
        print(f"{row['write_per_s']:>9} {row['write_per_cpu_s']:>7} {row['read_per_s']:>7} {row['kib']:>7}")
    machine = {"machine": platform.processor() or platform.machine(), "python": platform.python_version()}
    args.out.write_text(json.dumps({**machine, "n": args.n, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
