"""Drives the demo without a window: keys in, frames out, and a worker that works in between frames."""

import importlib

import pygame

from levelforge.demo_game import app as app_module
from levelforge.demo_game import worker_jobs
from levelforge.demo_game.app import App, Options
from levelforge.demo_game.save import Save
from levelforge.errors import LevelForgeError

STEP = 1 / 60
KEYS = {
    "up": pygame.K_UP, "down": pygame.K_DOWN, "left": pygame.K_LEFT, "right": pygame.K_RIGHT,
    "jump": pygame.K_SPACE, "wait": pygame.K_PERIOD,
}  # fmt: skip


class InlineWorker:
    """The worker's jobs, done in this process, one a poll."""

    deaths, busy, pid = 0, False, None

    def __init__(self, note=lambda text: None):
        self._jobs = []
        self._number = 0

    def start(self):
        pass

    def submit(self, kind, **job):
        self._number += 1
        self._jobs.append((self._number, {"kind": kind, **job}))
        return self._number

    def poll(self):
        if not self._jobs:
            return []
        number, job = self._jobs.pop(0)
        try:
            return [(number, worker_jobs.JOBS[job["kind"]](job))]
        except LevelForgeError as error:
            return [(number, {"error": str(error)})]

    def close(self):
        self._jobs.clear()


def make_app(monkeypatch, folder, *, inline=True, **options):
    """An app without a window. How hard its levels are is seldom the matter, so they are chosen from few candidates and
    measured by one episode a rung.
    """
    monkeypatch.setattr(worker_jobs, "EPISODES", 1)
    monkeypatch.setattr(importlib.import_module("levelforge.generate"), "JUDGED", 1)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    if inline:
        monkeypatch.setattr(app_module, "Worker", InlineWorker)
    return App(Options(**options), Save(folder))


def key(code, kind=pygame.KEYDOWN, text=""):
    return pygame.event.Event(kind, key=code, unicode=text, mod=0)


def press(app, code, text=""):
    app.frame(STEP, [key(code, text=text)])
    app.frame(STEP, [key(code, pygame.KEYUP)])


def frames(app, seconds):
    for _ in range(round(seconds / STEP)):
        app.frame(STEP, [])


def play(app, actions):
    """Play action codes on the top scene by holding the keys of each until its tick is over."""
    stage = app.scenes[-1].stage
    names = [action.name for action in stage.session.game.actions]
    for action in actions:
        words = [word for word in names[action].split("+") if word != "idle"]
        before = stage.session.ticks
        if not before and not words:
            words = ["wait"]  # a side view's clock starts with the first key
        events = [key(KEYS[word]) for word in words]
        for _ in range(100):
            app.frame(stage.period, events)
            events = []
            if stage.session.ticks > before:
                break
        assert stage.session.ticks == before + 1
        for word in words:  # no time passes: a key that is up is up before the next tick
            app.controls.feed(key(KEYS[word], pygame.KEYUP))
