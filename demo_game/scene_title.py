"""The title: what to play, and a level that plays itself behind it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.app import SIZE, Scene
from levelforge.demo_game.campaign import Campaign
from levelforge.demo_game.maps import open_map, with_start
from levelforge.demo_game.menu import Menu, Row
from levelforge.demo_game.pilot import CertificatePilot
from levelforge.demo_game.run import Run, restored, welcome
from levelforge.demo_game.scene_campaign import CampaignScene
from levelforge.demo_game.scene_options import HelpScene, OptionsScene
from levelforge.demo_game.scene_play import WaitScene
from levelforge.demo_game.session import Session
from levelforge.demo_game.stage import Stage
from levelforge.demo_game.staircase import Staircase
from levelforge.demo_game.supply import Made, Ticket
from levelforge.demo_game.view import View
from levelforge.demo_game.worker_jobs import corpus_files, read_corpus
from levelforge.errors import LevelForgeError

MODES = ("endless", "campaign")
ATTRACT_AFTER = 30.0
"""Seconds without a key until the menu makes way for the level behind it."""


class TitleScene(Menu):
    """The first screen."""

    covers = True

    def __init__(self, app: Any, game: str | None = None) -> None:
        names: list[str] = app.game_names()
        self.app = app
        self._games = names
        self._game = names.index(game) if game in names else 0
        self._mode, self._difficulty, self._seed = 0, -1, ""
        self._fresh = False
        self._runs: dict[tuple[int, str, int], Run | None] = {}
        rows = [
            Row(lambda: "Play", self._play),
            Row(lambda: f"Game\t{self.app.game(self.game).title}", turn=self._turn_game),
            Row(self._mode_text, turn=self._turn_mode),
            Row(self._difficulty_text, turn=self._turn_difficulty),
            Row(
                lambda: f"Seed\t{self._seed or 'random'}",
                turn=lambda _way: self._type("\0"),
                typed=self._type,
            ),
            Row(lambda: "Open a map ...", lambda: self.app.push(BrowseScene(Path.cwd()))),
            Row(lambda: "Workbench", self._make),
            Row(lambda: "Options", lambda: self.app.push(OptionsScene())),
            Row(lambda: "Help", lambda: self.app.push(HelpScene())),
            Row(lambda: "Quit", self.back),
        ]
        super().__init__(rows, (48, 150), 330)
        self.idle = 0.0
        self.stage: Stage | None = None
        self._shown_seed = 0
        self._over = 0.0
        self._first()

    def _first(self) -> None:
        """A level of the designer's stands there until one is made."""
        self.stage, self._standing = None, True
        try:
            game = self.app.game(self.game)
            path = corpus_files(game)[0]
            self._show(Made(with_start(read_corpus(game, path), path)[0]))
        except LevelForgeError:
            return
        self._standing = True

    @property
    def game(self) -> str:
        """The game chosen."""
        return self._games[self._game]

    @property
    def attract(self) -> bool:
        """Whether the menu has made way."""
        return self.idle > ATTRACT_AFTER

    # --- menu ----------------------------------------------------------------------------------

    def _turn_game(self, way: int) -> None:
        self._game = (self._game + way) % len(self._games)
        self._first()

    def _turn_mode(self, way: int) -> None:
        states = [
            (m, fresh) for m in range(len(MODES)) for fresh in ((False, True) if self._saved(m) else (True,))
        ]
        now = (self._mode, self._fresh or not self._saved(self._mode))
        place = states.index(now) if now in states else 0
        self._mode, self._fresh = states[(place + way) % len(states)]

    def _turn_difficulty(self, way: int) -> None:
        self._difficulty = (self._difficulty + 1 + way) % 11 - 1

    def _type(self, char: str) -> None:
        if char == "\b":
            self._seed = self._seed[:-1]
        elif char == "\0":
            self._seed = str(secrets.randbelow(1_000_000))
        elif char.isdecimal() and char.isascii():
            self._seed = (self._seed + char)[-9:]

    def _saved(self, mode: int) -> Run | None:
        key = mode, self.game, self.app.save.writes
        if key not in self._runs:
            self._runs = {k: v for k, v in self._runs.items() if k[2] == key[2]}
            self._runs[key] = restored(self.app.save, MODES[mode], self.app.game(self.game), self.game)
        return self._runs[key]

    def _mode_text(self) -> str:
        saved = self._saved(self._mode)
        if saved is not None and not self._fresh:
            done = saved.campaign is not None and saved.campaign.done
            return f"Mode\t{MODES[self._mode]}, {'won' if done else f'on from level {saved.index + 1}'}"
        return f"Mode\t{MODES[self._mode]}" + (", anew" if saved is not None else "")

    def _difficulty_text(self) -> str:
        if MODES[self._mode] == "campaign":
            return "Difficulty\trising"
        return f"Difficulty\t{'fits itself to you' if self._difficulty < 0 else f'{self._difficulty / 10 + 0.05:.0%}'}"

    def _play(self) -> None:
        saved = self._saved(self._mode)
        if saved is not None and not self._fresh and not self._seed:
            self._runs.clear()  # it is played on, not shown
            self.app.push(WaitScene(saved) if saved.campaign is None else CampaignScene(self.app, saved))
            return
        seed = int(self._seed) if self._seed else secrets.randbelow(1_000_000)
        if MODES[self._mode] == "campaign":
            campaign = Campaign.planned(self.game, self.app.game(self.game).title, seed)
            campaign.store(self.app.save)
            self.app.push(CampaignScene(self.app, Run(self.game, "campaign", seed, campaign=campaign)))
            return
        adaptive = self._difficulty < 0
        stair = (
            welcome(self.app.save, self.game)
            if adaptive
            else Staircase(round(self._difficulty / 10 + 0.05, 2))
        )
        self.app.push(WaitScene(Run(self.game, "endless", seed, stair, adaptive)))

    def _make(self) -> None:
        from levelforge.demo_game.scene_make import MakeScene

        made = Made(self.stage.session.level) if self.stage else None
        if made is None:
            self.app.note("One moment: a level is on its way")
        else:
            self.app.push(MakeScene(self.app, made, Run(self.game, "single", 0)))

    def handle(self, event: pygame.event.Event) -> bool:
        """Any sign of life ends the attract mode; a dropped file is opened."""
        signs = (
            pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN, pygame.JOYBUTTONDOWN, pygame.JOYHATMOTION, pygame.MOUSEMOTION,
        )  # fmt: skip
        if event.type in signs:
            was, self.idle = self.attract, 0.0
            if was and event.type != pygame.MOUSEMOTION:
                return True
        if event.type == pygame.DROPFILE:
            start_map(self.app, Path(event.file))
            return True
        return super().handle(event)

    def back(self) -> None:
        """Leave the program."""
        self.app.running = False

    # --- the level behind it -------------------------------------------------------------------

    def _ask(self) -> None:
        self._shown_seed += 1
        self.app.supply.ask(self._ticket())

    def _ticket(self) -> Ticket:
        return Ticket(self.game, self._shown_seed, 0.5)

    def update(self, dt: float) -> None:
        """Play on behind the menu."""
        self.idle += dt
        if self.stage is None or self._standing:
            self.app.supply.ask(self._ticket())  # not before: a level to play goes first
            made = self.app.supply.get(self._ticket())
            if isinstance(made, Made):
                self._show(made)
                self._ask()  # the next one, while this is shown
        if self.stage is None:
            return
        pilot = self.stage.pilot
        self.stage.update(dt, pilot.choose if pilot else lambda: None)
        self.stage.view.effects.calm()
        if self.stage.over:
            self._over += dt
            if self._over > 1.5:
                self._over = 0.0
                made = self.app.supply.get(self._ticket())
                if isinstance(made, Made):
                    self._show(made)
                    self._ask()
                else:
                    self.stage.restart()

    def _show(self, made: Made) -> None:
        session = Session(made.level)
        view = View(session, self.app.art(self.game), SIZE, zoom=2, safe=self.app.safe)
        view.fog_shown = False
        self.stage = Stage(session, view)
        self.stage.pilot = CertificatePilot(session, made.level.solution or ())
        self._standing = False

    def draw(self, target: pygame.Surface) -> None:
        """The level, dimmed, with the menu before it."""
        if self.stage is None:
            target.fill(ui.NIGHT)
        else:
            self.stage.view.draw(target, (0, 0), self.stage.alpha, self.stage.seconds)
        if self.attract:
            if int(self.app.seconds * 1.5) % 2:
                ui.write(
                    target, "press any key", SIZE[0] // 2, SIZE[1] - 40, 26, ui.INK, align=0.5, shadow=True
                )
            _logo(target, 20, 14, 34)
            return
        veil = pygame.Surface((400, SIZE[1]))
        veil.fill(ui.NIGHT)
        veil.set_alpha(222)
        target.blit(veil, (20, 0))
        _logo(target, 48, 40, 68)
        ui.write(target, "levels made while you play, every one proven beatable", 50, 102, 18, ui.FAINT)
        self.draw_rows(target)
        ui.write(target, "arrows and return, or the mouse; F1 all keys", 50, SIZE[1] - 24, 16, ui.FAINT)


class BrowseScene(Scene):
    """Folders and maps to open."""

    PAGE = 18

    def __init__(self, folder: Path) -> None:
        self._enter(folder)

    def _enter(self, folder: Path) -> None:
        from levelforge.exporters import readable_extensions

        self.folder, self._at = folder, 0
        known = set(readable_extensions())
        try:
            inside = sorted(folder.iterdir(), key=lambda p: (not p.is_dir(), p.name.lower()))
        except OSError:
            inside = []
        self._entries = [folder.parent] + [
            p for p in inside if not p.name.startswith(".") and (p.is_dir() or p.suffix.lower() in known)
        ]

    def press(self, word: str) -> None:
        """Choose, enter, leave."""
        if word in ("up", "down"):
            self._at = (self._at + (1 if word == "down" else -1)) % len(self._entries)
        elif word in ("left", "right"):
            self._at = max(
                0, min(len(self._entries) - 1, self._at + (self.PAGE if word == "right" else -self.PAGE))
            )
        elif word in ("ok", "jump"):
            chosen = self._entries[self._at]
            if self._at == 0 or chosen.is_dir():
                self._enter(chosen)
            else:
                start_map(self.app, chosen)
        elif word == "back":
            self.app.pop()

    def handle(self, event: pygame.event.Event) -> bool:
        """The mouse chooses, too."""
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            row = (self.app.to_canvas(event.pos)[1] - 62) // 21 + self._first()
            if 0 <= row < len(self._entries):
                self._at = row
                self.press("ok")
            return True
        if event.type == pygame.DROPFILE:
            start_map(self.app, Path(event.file))
            return True
        return False

    def _first(self) -> int:
        return max(0, min(self._at - self.PAGE // 2, len(self._entries) - self.PAGE))

    def draw(self, target: pygame.Surface) -> None:
        """The list."""
        target.fill(ui.NIGHT)
        ui.write(target, "Open a map", 30, 12, 34, ui.GOLD)
        ui.write(target, str(self.folder)[-70:], 30, 40, 18, ui.FAINT)
        first = self._first()
        for row, path in enumerate(self._entries[first : first + self.PAGE]):
            chosen = first + row == self._at
            text = ".." if first + row == 0 else path.name + (os.sep if path.is_dir() else "")
            ui.write(target, text[:70], 50, 64 + row * 21, 20, ui.GOLD if chosen else ui.INK)
        note = "Return opens; a file can also be dropped on the window. Any format that levelforge reads."
        ui.write(target, note, 30, SIZE[1] - 22, 16, ui.FAINT)


def start_map(app: Any, path: Path) -> None:
    """Play a map, or say why not."""
    try:
        run = open_map(app, path)
    except LevelForgeError as error:
        app.note(str(error))
        return
    app.push(WaitScene(run))


def _logo(target: pygame.Surface, x: int, y: int, size: int) -> None:
    right = ui.write(target, "Level", x, y, size, ui.INK, shadow=True)
    ui.write(target, "Forge", right, y, size, ui.GOLD, shadow=True)
