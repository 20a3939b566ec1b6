"""Pages over a level: pause, and the results between two levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.menu import Page, Row
from levelforge.demo_game.scene_options import HelpScene, OptionsScene

if TYPE_CHECKING:
    from levelforge.demo_game.run import Run
    from levelforge.demo_game.scene_play import PlayScene

CHART = 66
"""Height of the chart of what was asked so far."""


class LevelPage(Page):
    """A page over a level; leaving it does something with the level."""

    _play: PlayScene

    def _next(self) -> None:
        self.app.pop()
        self._play.go_on()

    def _again(self) -> None:
        self.app.pop()
        self._play.restart()

    def _make(self) -> None:
        self.app.pop()
        self._play.press("make")


class PauseScene(LevelPage):
    """Pause, with what can be done."""

    def __init__(self, play: PlayScene) -> None:
        self._play = play
        rows = [
            Row(lambda: "Go on", self.close),
            Row(lambda: "Start again", self._again),
            Row(lambda: "Next level", self._next),
            Row(lambda: "Open in the workbench", self._make),
            Row(lambda: "Options", lambda: self.app.push(OptionsScene())),
            Row(lambda: "Help", lambda: self.app.push(HelpScene())),
            Row(lambda: "To the title", self.home),
        ]
        if not play.may_go_on or play.run.made is not None:
            del rows[2]
        if play.run.campaign is not None:
            rows.insert(-1, Row(lambda: "To the campaign", self.to_map))
        super().__init__("Pause", rows)

    def press(self, word: str) -> None:
        """The pause key goes on, too."""
        super().press("back" if word == "pause" else word)


def draw_history(target: pygame.Surface, place: pygame.Rect, run: Run, safe: bool) -> None:
    """The difficulties asked so far, won (full) or lost (open), and the next one."""
    colors = ui.SAFE if safe else ui.PLAIN
    for share in (0.0, 0.5, 1.0):
        y = place.bottom - round(place.height * share)
        pygame.draw.line(target, (74, 58, 92), (place.x, y), (place.right, y))
        ui.write(target, f"{share:.0%}", place.x - 6, y - 5, 14, ui.FAINT, align=1.0)
    asked = [*(difficulty for difficulty, _ in run.history), run.stair.difficulty]
    gap = min(24.0, place.width / len(asked))
    points = [
        (place.x + round(gap * (i + 0.5)), place.bottom - round(place.height * difficulty))
        for i, difficulty in enumerate(asked)
    ]
    pygame.draw.lines(target, ui.FAINT, False, points)
    for point, (_, won) in zip(points, run.history, strict=False):
        pygame.draw.circle(target, colors["good"] if won else ui.PANEL, point, 4)
        pygame.draw.circle(target, colors["good" if won else "bad"], point, 4, 2)
    pygame.draw.circle(target, ui.GOLD, points[-1], 5, 2)


class ResultsScene(LevelPage):
    """Between two levels: what was asked, what the playtester measured, how the player did."""

    def __init__(self, play: PlayScene) -> None:
        self._play, run, session = play, play.run, play.stage.session
        won = session.won
        forward = Row(lambda: "Next level", self._next)
        again = Row(lambda: "Try again", self._again)
        rows = [forward, again] if won else [again, forward]
        if run.made is not None or not play.may_go_on:
            rows = [again]
        rows.append(Row(lambda: "Open in the workbench", self._make))
        if run.campaign is not None:
            rows.append(Row(lambda: "To the campaign", self.to_map))
        rows.append(Row(lambda: "To the title", self.home))
        title = "Well played!" if won else "Time is up" if session.out_of_time else "You lost"
        super().__init__(title, rows, width=420)
        self._lines = self._facts()
        grow = 22 * len(self._lines) + (CHART if run.mode == "endless" and run.history else 0)
        self.sheet = self.sheet.inflate(0, grow)
        self.place = self.place[0], self.place[1] + grow // 2

    def _facts(self) -> list[tuple[str, str]]:
        play, run, level = self._play, self._play.run, self._play.made.level
        session = play.stage.session
        steps = "turns" if session.game.movement == "topdown" else "ticks"
        best = f" (best possible {len(level.solution)})" if level.solution and session.won else ""
        lines = [
            (
                f"{session.ticks} {steps}{best}",
                f"{session.collected} of {session.treasures} collected" if session.treasures else " ",
            )
        ]
        asked = "" if play.made.asked is None else f"asked for {play.made.asked:.0%}"
        measured = "not measured" if level.difficulty is None else f"measured {level.difficulty:.0%}"
        lines.append(("Difficulty", ", ".join(filter(None, (asked, measured)))))
        if run.mode == "endless" and run.stair.played:
            lines.append(
                ("Won so far", f"{run.stair.won} of {run.stair.played}, target {run.stair.target:.0%}")
            )
            lines.append(
                (
                    "Next level",
                    f"difficulty {run.stair.difficulty:.0%}" + ("" if run.adaptive else " (fixed)"),
                )
            )
        elif run.mode == "campaign":
            lines.append(("Campaign", f"level {run.index + 1} of {run.length}"))
        why = str(level.extra.get("why", ""))
        if why and not session.won:
            lines += [(line, "") for line in ui.wrap(why, 18, 380)[:2]]
        return lines

    def draw(self, target: pygame.Surface) -> None:
        """The sheet, with facts above the choices."""
        super().draw(target)
        for i, (name, value) in enumerate(self._lines):
            y = self.sheet.y + 56 + 22 * i
            ui.write(target, name, self.sheet.x + 22, y, 20, ui.FAINT if value else ui.INK)
            ui.write(target, value, self.sheet.right - 22, y, 20, ui.INK, align=1.0)
        run = self._play.run
        if run.mode == "endless" and run.history:
            top = self.sheet.y + 60 + 22 * len(self._lines)
            draw_history(
                target,
                pygame.Rect(self.sheet.x + 58, top, self.sheet.width - 80, CHART - 18),
                run,
                self.app.safe,
            )

    def press(self, word: str) -> None:
        """The keys of the game work here, too."""
        if word == "next" and any(row.text() == "Next level" for row in self.rows):
            self._next()
        elif word == "restart":
            self._again()
        elif word in ("watch", "certificate", "overlay", "undo"):
            self.app.pop()
            self._play.press(word)
        else:
            super().press(word)

    def back(self) -> None:
        """Escape leads back: the level is over."""
        self.app.back_to_map()
