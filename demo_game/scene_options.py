"""Help, options and keys."""

from __future__ import annotations

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.app import SIZE, Scene
from levelforge.demo_game.controls import DEFAULT_KEYS
from levelforge.demo_game.menu import Page, Row

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
