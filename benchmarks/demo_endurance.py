"""Random keys, mouse and window events at full speed: nothing may break, and memory may not grow.

    python benchmarks/demo_endurance.py [--game dungeon] [--minutes 30] [--seed 1] [--pack FOLDER] [--json FILE]

Memory is the window process's resident set; growth is counted from a fifth of the time on, when all caches are full.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path

os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1")


def resident_mb() -> float:
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
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
    began, settled, memory = time.monotonic(), 0.0, []
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
            memory.append(resident_mb())
            if not settled and spent > asked.minutes * 12:
                settled = memory[-1]
    app.close()
    facts = {
        "game": asked.game,
        "minutes": round(asked.minutes, 2),
        "frames": frames,
        "left_by_itself": restarts,
        "memory_mb": round(memory[-1], 1) if memory else None,
        "growth_mb": round(memory[-1] - settled, 1) if memory and settled else None,
        "scenes_seen": scenes,
    }
    for name, value in facts.items():
        print(f"{name:<15} {value}")
    if asked.json:
        asked.json.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
