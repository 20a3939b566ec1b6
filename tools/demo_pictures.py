"""The pictures of the demo in docs/images, and the README's clip: drives the demo by keys and keeps what it shows.

    xvfb-run -a -s -noreset python tools/demo_pictures.py [--seed 7] [--only dungeon] [--out docs/images]

Under Xvfb (or any display) the pictures are read from the window itself. Levels come from the bundled packs: run it again
when those change, and look at what it drew.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.update(SDL_AUDIODRIVER="dummy", PYGAME_HIDE_SUPPORT_PROMPT="1")
sys.path.insert(0, str(ROOT / "tests"))
CLIP_MOST = 1_500_000
LEVELS = 4
"""Levels won before the page of results is drawn."""
SEEDS, NEAR = 20, 0.1
"""Seeds tried for a level worth looking at, and how far from somewhat more than what is asked first it may be."""


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=("dungeon", "platformer", "clip"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    if "DISPLAY" not in os.environ:
        os.environ["SDL_VIDEODRIVER"] = "dummy"
    for name in ("dungeon", "platformer"):
        if asked.only in (None, name):
            draw_screens(name, asked.seed, asked.out)
    if asked.only in (None, "clip"):
        draw_clip(asked.seed, asked.out / "demo.gif")


def draw_screens(name: str, seed: int, out: Path) -> None:
    """Title, play, watch, make, results and campaign of one game."""
    import pygame
    from demo_driver import frames, play, press

    app = open_app()

    def keep(screen: str) -> None:
        app.notes.clear()
        app.draw()
        factor = app.window.get_width() // app.canvas.get_width()
        picture = pygame.transform.scale(app.window, app.canvas.get_size()) if factor > 1 else app.window
        pygame.image.save(picture, out / f"demo-{name}-{screen}.png")

    from levelforge.demo_game.scene_title import TitleScene

    title = TitleScene(app, name)
    app.push(title)
    frames(app, 3)
    keep("title")
    for digit in str(good_seed(name, seed)):
        menu(app, 4, getattr(pygame, f"K_{digit}"), 1, digit)
    press(app, pygame.K_RETURN)
    frames(app, 0.5)
    scene = app.scenes[-1]
    solution = scene.made.level.solution
    play(app, solution[: len(solution) // 2])
    frames(app, 0.06)
    keep("play")
    press(app, pygame.K_v)
    press(app, pygame.K_h)
    frames(app, 2.5)
    keep("solution")
    while scene.stage.view.overlay is not None or scene.stage.view.path or scene.stage.view.marks:
        press(app, pygame.K_h)
    press(app, pygame.K_w)
    press(app, pygame.K_r)
    frames(app, 1.8)
    keep("dqn")
    press(app, pygame.K_w)
    press(app, pygame.K_r)
    for place in range(LEVELS):
        frames(app, 0.5)
        play(app, app.scenes[-1].made.level.solution)
        frames(app, 2)
        if place + 1 < LEVELS:
            press(app, pygame.K_n)
    keep("results")
    press(app, pygame.K_r)
    press(app, pygame.K_e)
    bench = app.scenes[-1]
    height = bench.tiles.shape[0]
    rows = slice(height // 4, height // 2) if app.game(name).movement == "topdown" else slice(-6, None)
    bench.locked[rows, 3:13] = True
    for _ in range(4):
        press(app, pygame.K_LEFT)  # to where that is seen
    frames(app, 1)
    keep("make")
    app.home()
    menu(app, 4, pygame.K_BACKSPACE, 9)
    menu(app, 2, pygame.K_RIGHT, 2)  # past "endless, anew"
    press(app, pygame.K_RETURN)
    press(app, pygame.K_RETURN)
    for _ in range(3):
        frames(app, 0.5)
        play(app, app.scenes[-1].made.level.solution)
        frames(app, 2)
        press(app, pygame.K_n)
    frames(app, 0.5)
    app.back_to_map()
    press(app, pygame.K_LEFT)
    keep("campaign")
    app.close()


def good_seed(name: str, seed: int) -> int:
    """The first seed from ``seed`` on whose first level is neither too easy nor too hard to be looked at."""
    from levelforge.demo_game.staircase import Staircase
    from levelforge.demo_game.worker_jobs import check, make_level

    asked, offs = Staircase().difficulty, {}
    for number in range(seed, seed + SEEDS):
        made = make_level({"game": name, "pack": None, "seed": number, "difficulty": asked, "quick": True})
        found = check({"game": name, "pack": None, "tiles": made["tiles"]})
        offs[number] = abs(found.get("difficulty", 1.0) - asked - 0.1)
        if offs[number] <= NEAR:
            break
    return min(offs, key=offs.__getitem__)


def menu(app: object, row: int, code: int, times: int, text: str = "") -> None:
    """Press a key on a row of the title's menu, from the first row, and come back to that."""
    import pygame
    from demo_driver import press

    for _ in range(row):
        press(app, pygame.K_DOWN)
    for _ in range(times):
        press(app, code, text)
    for _ in range(row):
        press(app, pygame.K_UP)


def draw_clip(seed: int, path: Path) -> None:
    """Both games in one clip: the dungeon played, then the platformer watched; shorter where it would be too large."""
    for turns in (14, 10, 6):
        record_clip(seed, path, turns)
        size = path.stat().st_size
        if size <= CLIP_MOST:
            break
    sys.stdout.write(f"{path}: {size} bytes\n")
    if size > CLIP_MOST:
        raise SystemExit(f"the clip is larger than {CLIP_MOST} bytes: shorten it")


def record_clip(seed: int, path: Path, turns: int) -> None:
    """So many turns by hand in each game, and as long again by the playtester."""
    import pygame
    from demo_driver import frames, play, press

    from levelforge.demo_game.record import Recorder
    from levelforge.demo_game.run import Run
    from levelforge.demo_game.scene_play import WaitScene
    from levelforge.demo_game.scene_title import TitleScene
    from levelforge.demo_game.staircase import Staircase

    app = open_app()
    app.push(TitleScene(app, "dungeon"))
    recorder = Recorder(path)
    for name in ("dungeon", "platformer"):
        app.game(name)
        app.push(WaitScene(Run(name, "endless", seed, Staircase(0.4))))
        frames(app, 0.6)
        app.recorder = recorder
        solution = app.scenes[-1].made.level.solution
        play(app, solution[:turns])
        press(app, pygame.K_w)
        frames(app, 0.12 * turns)
        app.recorder = None
        app.home()
    recorder.write()
    app.close()


def open_app() -> object:
    """The demo with a worker that works between frames, so that nothing depends on the machine's speed."""
    from demo_driver import InlineWorker

    from levelforge.demo_game import app as app_module
    from levelforge.demo_game.app import App, Options
    from levelforge.demo_game.save import Save

    app_module.Worker = InlineWorker
    return App(Options(), Save(Path(tempfile.mkdtemp())))


if __name__ == "__main__":
    main()
