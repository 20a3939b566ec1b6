"""Random keys, mouse and window events at full speed: nothing may break, and memory may not grow.

    python benchmarks/demo_endurance.py [--game dungeon] [--minutes 30] [--seed 1] [--pack FOLDER] [--json FILE]

Memory is the resident set of the window's process and of the two workers, each and all together. Growth is the median of
the last fifth of the time less that of the second fifth, when all caches are full: a search of the worker's may take some
60 MB for a moment and gives them back, so no single moment decides. The highest ever is printed beside it. The exit
status is 1 where all together grew by 20 MB or more; an exception ends it with a traceback.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1")


BAR_MB = 20


def resident_mb(process: int | str = "self") -> float:
    try:
        text = Path(f"/proc/{process}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024
    except (OSError, IndexError):  # it is just being started again
        return 0.0


def growth(memory: list[tuple[float, float]]) -> float | None:
    """Of (share of the time, megabytes): the median of the last fifth less that of the second."""
    early = [size for share, size in memory if 0.2 <= share < 0.4]
    late = [size for share, size in memory if share >= 0.8]
    return round(median(late) - median(early), 1) if early and late else None


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--game", default="dungeon")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    folder = tempfile.mkdtemp()
    os.environ["LEVELFORGE_HOME"] = folder

    from levelforge.demo_game.app import App, Options
    from levelforge.demo_game.launch import open_scenes
    from levelforge.demo_game.monkey import random_events

    os.chdir(folder)
    app = App(Options(game=asked.game, pack=asked.pack, seed=1))
    open_scenes(app)
    dice, frames, restarts = random.Random(asked.seed), 0, 0
    began = time.monotonic()
    memory: dict[str, list[tuple[float, float]]] = {
        name: [] for name in ("window", "worker", "thinker", "all")
    }
    scenes: dict[str, int] = {}
    while (spent := time.monotonic() - began) < asked.minutes * 60:
        app.frame(dice.choice((0.004, 1 / 60, 1 / 60, 0.05)), random_events(dice, app.window.get_size()))
        frames += 1
        if not app.running or not app.scenes:
            restarts, app.running = restarts + 1, True
            while app.scenes:
                app.scenes.pop().leave()
            open_scenes(app)
        if frames % 500 == 0:
            name = type(app.scenes[-1]).__name__
            scenes[name] = scenes.get(name, 0) + 1
            share = spent / (asked.minutes * 60)
            now = [resident_mb(), *(resident_mb(each.pid or 0) for each in (app.worker, app.thinker))]
            for series, size in zip(memory.values(), [*now, sum(now)], strict=True):
                series.append((share, size))
    app.close()
    grown = {name: growth(series) for name, series in memory.items()}
    facts = {
        "game": asked.game,
        "minutes": round(asked.minutes, 2),
        "frames": frames,
        "left_by_itself": restarts,
        "memory_mb": {name: round(series[-1][1], 1) for name, series in memory.items() if series},
        "peak_mb": {
            name: round(max(size for _, size in series), 1) for name, series in memory.items() if series
        },
        "growth_mb": grown,
        "scenes_seen": scenes,
    }
    for name, value in facts.items():
        print(f"{name:<15} {value}")
    if asked.json:
        series = {name: [[round(x, 4) for x in point] for point in points] for name, points in memory.items()}
        asked.json.write_text(json.dumps(facts | {"series": series}, indent=2) + "\n")
    return 0 if grown["all"] is not None and grown["all"] < BAR_MB else 1


if __name__ == "__main__":
    sys.exit(main())
