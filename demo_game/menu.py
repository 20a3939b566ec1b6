"""Menus: lines to choose from, on the bare screen or on a sheet over what was there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.app import SIZE, Scene


@dataclass
class Row:
    """One line of a menu.

    Attributes:
        text: what it says; called anew for each frame.
        choose: what return does.
        turn: what left (-1) and right (+1) do.
        typed: takes typed characters ("\\b" to delete).
    """

    text: Callable[[], str]
    choose: Callable[[], None] | None = None
    turn: Callable[[int], None] | None = None
    typed: Callable[[str], None] | None = None


class Menu(Scene):
    """Lines to choose from with the arrows, return and the mouse."""

    covers = False
    size, line = 24, 30

    def __init__(self, rows: Sequence[Row], place: tuple[int, int], width: int = 300) -> None:
        self.rows, self.place, self.width = list(rows), place, width
        self.at = 0
        self._pointer: tuple[int, int] | None = None

    def press(self, word: str) -> None:
        """Move, choose, leave."""
        if word in ("up", "down"):
            self.at = (self.at + (1 if word == "down" else -1)) % len(self.rows)
            self.app.sounds.play("choose")
        elif word in ("left", "right") and (turn := self.rows[self.at].turn):
            turn(1 if word == "right" else -1)
            self.app.sounds.play("choose")
        elif word in ("ok", "jump"):
            self._choose()
        elif word == "back":
            self.back()

    def back(self) -> None:
        """What escape does."""
        self.app.pop()

    def leave(self) -> None:
        """Let go of what the lines hold, the level behind the menu among it."""
        self.rows.clear()

    def close(self) -> None:
        """Take the menu away."""
        self.app.pop()

    def home(self) -> None:
        """To the title."""
        self.app.home()

    def to_map(self) -> None:
        """To the campaign's map."""
        self.app.back_to_map()

    def _choose(self) -> None:
        row = self.rows[self.at]
        self.app.sounds.play("confirm")
        if row.choose:
            row.choose()
        elif row.turn:
            row.turn(1)

    def handle(self, event: pygame.event.Event) -> bool:
        """The mouse, and typed characters."""
        if event.type == pygame.MOUSEMOTION:
            # a pointer that lies where the page opens has not chosen anything yet
            before, self._pointer = self._pointer, event.pos
            found = self._row_at(self.app.to_canvas(event.pos)) if before not in (None, event.pos) else None
            if found is not None:
                self.at = found
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            found = self._row_at(self.app.to_canvas(event.pos))
            if found is not None:
                self.at = found
                self._choose()
        elif event.type == pygame.KEYDOWN and (typed := self.rows[self.at].typed):
            if event.key == pygame.K_BACKSPACE:
                typed("\b")
                return True
            if event.unicode and event.unicode.isprintable() and not event.mod & pygame.KMOD_CTRL:
                typed(event.unicode)
                return True
        return False

    def _row_at(self, place: tuple[int, int]) -> int | None:
        x, y = place[0] - self.place[0], place[1] - self.place[1]
        row = y // self.line
        return row if 0 <= x < self.width and 0 <= row < len(self.rows) and y >= 0 else None

    def draw_rows(self, target: pygame.Surface) -> None:
        """The lines, the chosen one marked."""
        for i, row in enumerate(self.rows):
            y = self.place[1] + i * self.line
            chosen = i == self.at
            if chosen:
                bar = pygame.Surface((self.width, self.line - 2), pygame.SRCALPHA)
                bar.fill((*ui.GOLD, 40))
                target.blit(bar, (self.place[0], y - 2))
                pygame.draw.polygon(
                    target, ui.GOLD,
                    [(self.place[0] + 6, y + 3), (self.place[0] + 6, y + 15), (self.place[0] + 13, y + 9)],
                )  # fmt: skip
            color = ui.INK if chosen else (205, 194, 215)
            name, _, value = row.text().partition("\t")
            ui.write(target, name, self.place[0] + 22, y, self.size, color)
            if value:
                arrows = f"< {value} >" if row.turn and chosen else value
                ui.write(target, arrows, self.place[0] + self.width - 10, y, self.size, ui.GOLD, align=1.0)


class Page(Menu):
    """A menu on a sheet with a heading, over what was there."""

    def __init__(self, title: str, rows: Sequence[Row], width: int = 340) -> None:
        height = 74 + len(rows) * self.line
        self.sheet = pygame.Rect((SIZE[0] - width) // 2, (SIZE[1] - height) // 2, width, height)
        super().__init__(rows, (self.sheet.x + 16, self.sheet.y + 60), width - 32)
        self.title = title

    def draw(self, target: pygame.Surface) -> None:
        """The sheet."""
        ui.shade(target, 120)
        ui.panel(target, self.sheet)
        ui.write(target, self.title, self.sheet.centerx, self.sheet.y + 16, 34, ui.GOLD, align=0.5)
        self.draw_rows(target)


class Prompt(Page):
    """Asks for a choice and a line of text.

    Args:
        title: the heading.
        field: what the text is.
        text: to begin with.
        choices: to turn through, may be empty.
        done: called with text and choice.
    """

    def __init__(
        self, title: str, field: str, text: str, choices: Sequence[str], done: Callable[[str, str], None]
    ) -> None:
        self.text, self._choices, self._chosen, self._done = text, list(choices), 0, done
        rows = [Row(lambda: f"{field}\t{self._shown()}", self._finish, typed=self._type)]
        if self._choices:
            rows.append(Row(lambda: f"Format\t{self._choices[self._chosen]}", self._finish, self._turn))
        rows += [Row(lambda: "Go", self._finish), Row(lambda: "Cancel", self.close)]
        super().__init__(title, rows, width=520)

    def _shown(self) -> str:
        return ("..." + self.text[-34:] if len(self.text) > 36 else self.text) + "_"

    def _type(self, char: str) -> None:
        self.text = self.text[:-1] if char == "\b" else self.text + char

    def _turn(self, way: int) -> None:
        self._chosen = (self._chosen + way) % len(self._choices)

    def _finish(self) -> None:
        self.app.pop()
        self._done(self.text, self._choices[self._chosen] if self._choices else "")
