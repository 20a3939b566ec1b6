"""The campaign's map: its levels along their difficulty, what was won and how well, and which to play."""

from __future__ import annotations

import math
from typing import Any

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.app import SIZE, Scene
from levelforge.demo_game.campaign import Entry
from levelforge.demo_game.run import Run
from levelforge.demo_game.scene_play import WaitScene
from levelforge.demo_game.session import Session
from levelforge.demo_game.supply import Made
from levelforge.demo_game.view import View
from levelforge.errors import LevelForgeError

CHART = pygame.Rect(64, 84, 552, 190)
SHEET = pygame.Rect(24, 306, 592, 150)
PICTURE = (176, 126)
SHOWN = 16
"""Levels on the chart at once."""


class CampaignScene(Scene):
    """Choose a level with the arrows or the mouse.

    Attributes:
        run: the campaign's run; ``at`` is the level chosen.
    """

    def __init__(self, app: Any, run: Run) -> None:
        assert run.campaign is not None
        self.app, self.run, self.campaign = app, run, run.campaign
        self.at = run.index
        self._pictures: dict[int, pygame.Surface] = {}
        self._ask()

    def _ask(self) -> None:
        """Have the first level that is not there made while the map is looked at."""
        self.run.index, self.run.counted = self.campaign.next, False
        if self.run.given() is None:
            self.app.supply.ask(self.run.ticket())

    # --- keys and mouse ------------------------------------------------------------------------

    def press(self, word: str) -> None:
        """Choose, play, leave."""
        if word in ("left", "down", "right", "up"):
            step = 1 if word in ("right", "up") else -1
            self.at = min(max(self.at + step, 0), len(self.campaign.entries) - 1)
            self.app.sounds.play("choose")
        elif word in ("ok", "jump", "next"):
            self._play()
        elif word == "back":
            self.app.pop()

    def handle(self, event: pygame.event.Event) -> bool:
        """The mouse chooses; a second click plays."""
        if event.type != pygame.MOUSEBUTTONDOWN or event.button != 1:
            return False
        x, y = self.app.to_canvas(event.pos)
        for i in self._window():
            px, py = self._place(i)
            if math.hypot(px - x, py - y) < 16:
                if i == self.at:
                    self._play()
                self.at = i
        return True

    def _play(self) -> None:
        if not self.campaign.open(self.at):
            self.app.note(f"Win level {self.campaign.next + 1} first")
            return
        self.app.sounds.play("confirm")
        self.run.index, self.run.counted, self.run.measured = self.at, False, None
        self.app.push(WaitScene(self.run))

    def returned(self) -> None:
        """Back from a level: stand at the one that is next."""
        self.at = self.campaign.next
        self._ask()

    # --- drawing -------------------------------------------------------------------------------

    def _window(self) -> range:
        count = len(self.campaign.entries)
        first = max(0, min(self.at - SHOWN // 2, count - SHOWN))
        return range(first, min(count, first + SHOWN))

    def _place(self, i: int) -> tuple[int, int]:
        shown = self._window()
        entry = self.campaign.entries[i]
        hard = _hardness(entry)
        x = CHART.x + round(CHART.width * (i - shown.start + 0.5) / len(shown))
        return x, CHART.bottom - round(CHART.height * (0.5 if hard is None else hard))

    def draw(self, target: pygame.Surface) -> None:
        """The chart, and what is known of the level chosen."""
        target.fill(ui.NIGHT)
        won = sum(entry.won for entry in self.campaign.entries)
        stars = sum(stars_of(entry) for entry in self.campaign.entries)
        ui.write(target, self.campaign.title, 24, 14, 38, ui.GOLD)
        told = "all won!" if self.campaign.done else f"{won} of {len(self.campaign.entries)} won"
        right = ui.write(target, told, SIZE[0] - 24, 18, 24, ui.INK, align=1.0)
        ui.write(target, f"{stars}", right - 26, 42, 20, ui.GOLD, align=1.0)
        star(target, right - 12, 49, 8, ui.GOLD)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            y = CHART.bottom - round(CHART.height * share)
            pygame.draw.line(target, (44, 34, 60), (CHART.x, y), (CHART.right, y))
            ui.write(target, f"{share:.0%}", CHART.x - 10, y - 6, 16, ui.FAINT, align=1.0)
        ui.write(target, "difficulty", 24, CHART.y - 24, 16, ui.FAINT)
        places = [self._place(i) for i in self._window()]
        if len(places) > 1:
            pygame.draw.lines(target, (86, 70, 112), False, places, 3)
        for i, place in zip(self._window(), places, strict=True):
            self._draw_node(target, i, place)
        self._draw_sheet(target)

    def _draw_node(self, target: pygame.Surface, i: int, place: tuple[int, int]) -> None:
        entry = self.campaign.entries[i]
        if i == self.at:
            beat = 2 * math.sin(self.app.seconds * 5)
            pygame.draw.circle(target, ui.INK, place, 17 + beat, 2)
        if entry.won:
            pygame.draw.circle(target, ui.GOLD, place, 12)
            color = ui.NIGHT
        elif self.campaign.open(i):
            pygame.draw.circle(target, ui.PANEL, place, 12)
            pygame.draw.circle(target, ui.GOLD, place, 12, 2)
            color = ui.INK
        else:
            pygame.draw.circle(target, ui.PANEL, place, 12)
            pygame.draw.circle(target, (86, 70, 112), place, 12, 1)
            color = ui.FAINT
        ui.write(target, str(i + 1), place[0], place[1] - 6, 18, color, align=0.5)
        for k in range(stars_of(entry)):
            star(target, place[0] - 9 + 9 * k, place[1] + 20, 4, ui.GOLD)

    def _draw_sheet(self, target: pygame.Surface) -> None:
        ui.panel(target, SHEET)
        entry, x = self.campaign.entries[self.at], SHEET.x + 18
        ui.write(target, f"Level {self.at + 1}", x, SHEET.y + 14, 28, ui.INK)
        asked = "" if entry.asked is None else f"asked for {entry.asked:.0%}"
        level = entry.made.level if entry.made else None
        measured = (
            "not made yet"
            if level is None
            else "not measured"
            if level.difficulty is None
            else f"measured {level.difficulty:.0%}"
        )
        ui.write(target, "Difficulty", x, SHEET.y + 48, 20, ui.FAINT)
        ui.write(target, ", ".join(filter(None, (asked, measured))), x + 90, SHEET.y + 48, 20, ui.INK)
        ui.write(target, "You", x, SHEET.y + 72, 20, ui.FAINT)
        ui.write(target, self._story(entry), x + 90, SHEET.y + 72, 20, ui.INK)
        for k in range(3):
            color = ui.GOLD if k < stars_of(entry) else (74, 58, 92)
            star(target, x + 100 + 22 * k, SHEET.y + 104, 9, color)
        keys = "arrows choose   Return plays   Esc back"
        ui.write(target, keys, x, SHEET.bottom - 20, 16, ui.FAINT)
        if entry.made is not None:
            picture = self._picture(entry.made, self.at)
            place = picture.get_rect(midright=(SHEET.right - 12, SHEET.centery))
            target.blit(picture, place)
            pygame.draw.rect(target, ui.FAINT, place.inflate(2, 2), 1)

    def _story(self, entry: Entry) -> str:
        if entry.won and entry.best is not None:
            level = entry.made.level if entry.made else None
            possible = f", {len(level.solution)} at best" if level and level.solution else ""
            return f"won in {entry.best}{possible}"
        if entry.won:
            return "won"
        return "not won yet" if self.campaign.open(self.at) else f"win level {self.campaign.next + 1} first"

    def _picture(self, made: Made, i: int) -> pygame.Surface:
        if i not in self._pictures:
            level = made.level
            art = self.app.art(self.run.game)
            size = min(level.width * art.size, 1024), min(level.height * art.size, 512)
            try:
                view = View(Session(level), art, size, zoom=1, safe=self.app.safe)
            except LevelForgeError:
                return pygame.Surface((1, 1))
            view.fog_shown = False
            view.update(0, 1)
            whole = pygame.Surface(size)
            view.draw(whole, (0, 0), 1.0, 0.0)
            factor = min(PICTURE[0] / size[0], PICTURE[1] / size[1])
            small = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
            self._pictures[i] = pygame.transform.smoothscale(whole, small)
        return self._pictures[i]


def stars_of(entry: Entry) -> int:
    """Three for a win as short as the certificate, two for half as much again, else one; none without a win."""
    if not entry.won:
        return 0
    level = entry.made.level if entry.made else None
    if entry.best is None or level is None or not level.solution:
        return 1
    return 3 if entry.best <= len(level.solution) else 2 if entry.best <= 1.5 * len(level.solution) else 1


def star(target: pygame.Surface, x: int, y: int, size: int, color: ui.Color) -> None:
    """A five-pointed star around (x, y)."""
    points = []
    for k in range(10):
        far = size if k % 2 == 0 else size * 0.45
        angle = math.pi * (k / 5 - 0.5)
        points.append((x + far * math.cos(angle), y + far * math.sin(angle)))
    pygame.draw.polygon(target, color, points)


def _hardness(entry: Entry) -> float | None:
    level = entry.made.level if entry.made else None
    return level.difficulty if level is not None and level.difficulty is not None else entry.asked
