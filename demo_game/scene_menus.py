"""Pages over the game: lists to choose from, pause, results, help, options, keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.app import SIZE, Scene
from levelforge.demo_game.controls import DEFAULT_KEYS

CHART = 66
"""Height of the chart of what was asked so far."""

if TYPE_CHECKING:
    from levelforge.demo_game.run import Run
    from levelforge.demo_game.scene_play import PlayScene


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


class PauseScene(Page):
    """Pause, with what can be done."""

    def __init__(self, play: PlayScene) -> None:
        self._play = play
        rows = [
            Row(lambda: "Go on", self.close),
            Row(lambda: "Start again", self._restart),
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

    def _restart(self) -> None:
        self.app.pop()
        self._play.restart()

    def _next(self) -> None:
        self.app.pop()
        self._play.go_on()

    def _make(self) -> None:
        self.app.pop()
        self._play.press("make")


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


class ResultsScene(Page):
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

    def _next(self) -> None:
        self.app.pop()
        self._play.go_on()

    def _again(self) -> None:
        self.app.pop()
        self._play.restart()

    def _make(self) -> None:
        self.app.pop()
        self._play.press("make")


HELP: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Play", (
        ("up", "move, climb"), ("jump", "jump (held: higher); dungeon: wait"), ("restart", "the level again"),
        ("next", "next level"), ("undo", "take a turn back (dungeon)"), ("pause", "pause"), ("zoom", "near or far"),
    )),
    ("Workbench", (
        ("make", "open it; there: export"), ("generate", "a new level around locked tiles"),
        ("lock", "lock tiles with the mouse"), ("undo", "take a stroke back"), ("ok", "play it"),
    )),
    ("Watch", (
        ("watch", "the DQN playtester plays"), ("certificate", "the certificate plays"),
        ("overlay", "solution, visits, losses ..."), ("skill", "the playtester's skill"),
        ("persona", "what the playtester wants"), ("slower faster", "speed"), ("step", "a single step"),
        ("wait", "pause, go on"),
    )),
    ("Everywhere", (
        ("mute", "sound on or off"), ("fullscreen", "full screen"), ("picture", "save a picture"), ("help", "this page"),
        ("back", "back"),
    )),
)  # fmt: skip


class HelpScene(Scene):
    """All keys."""

    def press(self, word: str) -> None:
        """Any key leaves."""
        if word:
            self.app.pop()

    def handle(self, event: pygame.event.Event) -> bool:
        """So does a click."""
        if event.type in (pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN):
            self.app.pop()
            return True
        return False

    def draw(self, target: pygame.Surface) -> None:
        """Two columns of keys and meanings."""
        target.fill(ui.NIGHT)
        ui.write(target, "Keys", 30, 14, 38, ui.GOLD)
        for column in (0, 1):
            x, y = 30 + 305 * column, 62
            for title, rows in HELP[2 * column : 2 * column + 2]:
                ui.write(target, title, x, y, 24, ui.BLUE)
                for words, meaning in rows:
                    y += 23
                    names = [self.app.controls.name(w).split(" / ")[0] for w in words.split()]
                    keys = "arrows" if words == "up" else " ".join(names)
                    ui.write(target, keys, x + 66, y, 19, ui.GOLD, align=1.0)
                    ui.write(target, meaning, x + 78, y, 19, ui.INK)
                y += 38
        note = "A gamepad works, too. Keys can be changed under Options. Drop a map on the title to play it."
        ui.write(target, note, SIZE[0] // 2, SIZE[1] - 24, 17, ui.FAINT, align=0.5)


class OptionsScene(Page):
    """Sound, picture, keys."""

    def __init__(self) -> None:
        rows = [
            Row(lambda: f"Volume\t{self.app.sounds.volume:.0%}", turn=self._volume),
            Row(lambda: f"Sound\t{'off' if self.app.sounds.muted else 'on'}", turn=lambda _way: self._mute()),
            Row(
                lambda: f"Full screen\t{'on' if self.app.fullscreen else 'off'}",
                turn=lambda _way: self._full(),
            ),
            Row(
                lambda: f"Safe colours, outlined dangers\t{'on' if self.app.safe else 'off'}",
                turn=lambda _way: self._safe(),
            ),
            Row(lambda: "Keys ...", lambda: self.app.push(KeysScene())),
            Row(lambda: "Back", self.back),
        ]
        super().__init__("Options", rows, width=440)

    def back(self) -> None:
        """Save what was chosen."""
        self.app.remember()
        self.app.pop()

    def _volume(self, way: int) -> None:
        self.app.sounds.volume = min(1.0, max(0.0, round(self.app.sounds.volume + way * 0.1, 1)))

    def _mute(self) -> None:
        self.app.sounds.muted = not self.app.sounds.muted

    def _full(self) -> None:
        self.app.toggle_fullscreen()

    def _safe(self) -> None:
        self.app.safe = not self.app.safe
        for scene in self.app.scenes:
            stage = getattr(scene, "stage", None)
            if stage is not None:
                stage.view.safe = self.app.safe


class KeysScene(Scene):
    """Every word and its key; return, then the new key."""

    PAGE = 19

    def __init__(self) -> None:
        self._words = list(DEFAULT_KEYS)
        self._at, self._waiting = 0, False

    def handle(self, event: pygame.event.Event) -> bool:
        """Take the next key as the chosen word's."""
        if self._waiting and event.type == pygame.KEYDOWN:
            self._waiting = False
            if event.key != pygame.K_ESCAPE:
                controls, word = self.app.controls, self._words[self._at]
                for other, codes in controls.keys.items():
                    if other != word and event.key in codes:
                        controls.keys[other] = tuple(c for c in codes if c != event.key)
                controls.keys[word] = (event.key,)
                self.app.remember()
            return True
        if event.type == pygame.KEYDOWN and event.key == pygame.K_DELETE:
            self.app.controls.keys = dict(DEFAULT_KEYS)
            self.app.remember()
            return True
        return False

    def press(self, word: str) -> None:
        """Choose a line."""
        if word in ("up", "down"):
            self._at = (self._at + (1 if word == "down" else -1)) % len(self._words)
        elif word == "ok":
            self._waiting = True
        elif word == "back":
            self.app.pop()

    def draw(self, target: pygame.Surface) -> None:
        """The list."""
        target.fill(ui.NIGHT)
        ui.write(target, "Keys", 30, 14, 34, ui.GOLD)
        ui.write(
            target,
            "Return: change   Delete: all as they were   Escape: back",
            610,
            22,
            18,
            ui.FAINT,
            align=1.0,
        )
        first = max(0, min(self._at - self.PAGE // 2, len(self._words) - self.PAGE))
        for row, word in enumerate(self._words[first : first + self.PAGE]):
            y, chosen = 56 + row * 22, first + row == self._at
            name = "press a key ..." if chosen and self._waiting else self.app.controls.name(word)
            ui.write(target, word, 60, y, 20, ui.INK if chosen else ui.FAINT)
            ui.write(target, name, 260, y, 20, ui.GOLD if chosen else ui.INK)


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
