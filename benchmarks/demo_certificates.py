"""Generated levels are won in the demo by their certificates, through the keys a player would press, without a window.

    python benchmarks/demo_certificates.py [--game dungeon] [--levels 200] [--seed 1] [--pack FOLDER] [--json FILE]

Each action of a certificate becomes key events; what is held when a tick is due is what is played, as in the window.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--game", default="dungeon")
    parser.add_argument("--levels", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()

    import demo_driver

    from levelforge.demo_game import app as app_module
    from levelforge.demo_game.app import App, Options
    from levelforge.demo_game.run import Run
    from levelforge.demo_game.save import Save
    from levelforge.demo_game.scene_play import PlayScene, WaitScene
    from levelforge.demo_game.scene_title import TitleScene
    from levelforge.demo_game.supply import Made
    from levelforge.game import load_game
    from levelforge.generate import GenerateConfig, generate
    from levelforge.pack import pack_for

    game = load_game(asked.game)
    pack = pack_for(game, asked.pack)
    made = generate(pack, GenerateConfig(n=asked.levels, seed=asked.seed, playtest=False)).levels

    class Silent(demo_driver.InlineWorker):
        """A worker that is never asked: the levels are given."""

        def submit(self, kind: str, **job: object) -> int:
            del kind, job
            return 0

    app_module.Worker = Silent  # type: ignore[misc,assignment] # no process is needed
    app = App(Options(), Save(Path(tempfile.mkdtemp())))
    app.push(TitleScene(app, asked.game))
    won, steps, lost, began = 0, 0, [], time.perf_counter()
    for level in made:
        app.push(WaitScene(Run(asked.game, "single", 0, made=Made(level))))
        app.frame(demo_driver.STEP, [])
        scene = app.scenes[-1]
        assert isinstance(scene, PlayScene), level.id
        demo_driver.play(app, level.solution)
        won, steps = won + scene.stage.session.won, steps + scene.stage.session.ticks
        if not scene.stage.session.won:
            lost.append(level.id)
        app.home()
    spent = time.perf_counter() - began
    app.close()
    facts = {
        "game": asked.game, "pack": pack.hash[:12], "levels": len(made), "won": won, "steps": steps, "lost": lost,
        "seconds": round(spent, 1),
    }  # fmt: skip
    for name, value in facts.items():
        print(f"{name:<8} {value}")
    if asked.json:
        asked.json.write_text(json.dumps(facts, indent=2) + "\n")
    return 0 if won == len(made) else 1


if __name__ == "__main__":
    sys.exit(main())
