"""The workbench: paint tiles, see at once whether the level can be won, generate around what is locked, export."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.app import SIZE, Scene
from levelforge.demo_game.menu import Prompt
from levelforge.demo_game.run import Run
from levelforge.demo_game.session import Session, path_of
from levelforge.demo_game.supply import Made, made_from
from levelforge.demo_game.view import View
from levelforge.errors import LevelForgeError
from levelforge.game import Role, Tiles
from levelforge.level import Level, faults

PALETTE = 56
VIEW = (SIZE[0], SIZE[1] - PALETTE - 24)
QUIET = 0.25
"""Seconds without a stroke until the level is checked."""
UNDO = 100
SKY = (120, 188, 230)


class MakeScene(Scene):
    """One level on the bench.

    Attributes:
        tiles: ``uint8[H, W]`` as painted.
        locked: ``bool[H, W]`` tiles that a new level keeps.
        verdict: what the last check came to.
    """

    def __init__(self, app: Any, made: Made, run: Run) -> None:
        self.app, self.run = app, run
        self.game = made.level.game
        self.tiles: Tiles = made.level.tiles.copy()
        self.locked = np.zeros(self.tiles.shape, bool)
        self._past: list[Tiles] = []
        self._brush = self.game.solid.id
        self._locking = self._shown = False
        self._stroke: tuple[bool, int] | None = None  # locking, tile id or 0/1
        self._wait, self._check, self._making = QUIET, None, None  # type: tuple[float, int | None, int | None]
        self._difficulty = made.asked
        self.verdict: dict[str, Any] = {}
        self._focus = [self.tiles.shape[0] / 2, self.tiles.shape[1] / 2]
        self._rebuild()

    def _rebuild(self) -> None:
        level = Level(self.game, self.tiles.copy(), id=f"{self.game.name}-bench")
        self.view = View(Session(level), self.app.art(self.run.game), VIEW, zoom=1, safe=self.app.safe)
        self.view.fog_shown = False
        self.view.update(0, 1, (self._focus[0], self._focus[1]))
        if self._shown and self.verdict.get("solution"):
            self.view.path = path_of(level, tuple(self.verdict["solution"]))

    # --- keys and mouse ------------------------------------------------------------------------

    def press(self, word: str) -> None:
        """Commands."""
        if word == "back":
            self.app.pop()
        elif word in ("ok", "next", "pause"):
            self._play()
        elif word in ("generate", "restart"):
            self._generate()
        elif word == "lock":
            self._locking = not self._locking
        elif word == "overlay":
            self._shown = not self._shown
            self._rebuild()
        elif word == "undo" and self._past:
            self._change(self._past.pop())
        elif word == "make":
            self._ask_export()
        elif word in ("up", "down", "left", "right"):
            y, x = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}[word]
            self._focus[0] = min(max(self._focus[0] + 4 * y, 0), self.tiles.shape[0])
            self._focus[1] = min(max(self._focus[1] + 4 * x, 0), self.tiles.shape[1])

    def handle(self, event: pygame.event.Event) -> bool:
        """Painting."""
        if event.type == pygame.MOUSEBUTTONDOWN and event.button in (1, 3):
            place = self.app.to_canvas(event.pos)
            if place[1] >= SIZE[1] - PALETTE:
                self._pick(place)
                return True
            cell = self._cell(place)
            if cell is not None:
                if self._locking:
                    self._stroke = True, int(event.button == 1)
                else:
                    self._stroke = False, self._brush if event.button == 1 else self.game.empty.id
                    self._past = [*self._past[-UNDO:], self.tiles.copy()]
                self._paint(cell)
            return True
        if event.type == pygame.MOUSEMOTION and self._stroke is not None:
            cell = self._cell(self.app.to_canvas(event.pos))
            if cell is not None:
                self._paint(cell)
            return True
        if event.type == pygame.MOUSEBUTTONUP:
            self._stroke = None
        elif event.type == pygame.MOUSEWHEEL:
            self._brush = (self._brush - event.y) % len(self.game.tiles)
        elif event.type == pygame.KEYDOWN and event.unicode in tuple("123456789"):
            number = int(event.unicode) - 1
            if number < len(self.game.tiles):
                self._brush, self._locking = number, False
            return True
        return False

    def _cell(self, place: tuple[int, int]) -> tuple[int, int] | None:
        if not 24 <= place[1] < 24 + VIEW[1]:
            return None
        return self.view.cell_at((place[0], place[1] - 24))

    def _pick(self, place: tuple[int, int]) -> None:
        number = (place[0] - 8) // 40
        if 0 <= number < len(self.game.tiles):
            self._brush, self._locking = number, False
            self.app.sounds.play("choose")

    def _paint(self, cell: tuple[int, int]) -> None:
        assert self._stroke is not None
        locking, value = self._stroke
        if locking:
            self.locked[cell] = bool(value)
            return
        if self.tiles[cell] == value:
            return
        tiles = self.tiles.copy()
        if self.game.tiles[value].role is Role.START:  # there is one start: it moves
            tiles[self.game.roles[tiles] == Role.START] = self.game.empty.id
        tiles[cell] = value
        self._change(tiles)

    def _change(self, tiles: Tiles) -> None:
        before = self.tiles
        self.tiles = tiles
        try:
            self.verdict = {}
            self._rebuild()
        except LevelForgeError as error:  # more items than the rules keep track of
            self.tiles = before
            self._rebuild()
            self.app.note(str(error))
        self._wait, self._check = QUIET, None

    def _play(self) -> None:
        from levelforge.demo_game.scene_play import WaitScene

        if (self.game.roles[self.tiles] == Role.START).sum() != 1:
            self.app.note("Paint a start first")
            return
        solution = self.verdict.get("solution")
        level = Level(
            self.game,
            self.tiles.copy(),
            id="bench",
            solution=tuple(solution) if solution else None,
            difficulty=self.verdict.get("difficulty"),
        )
        maps: dict[str, Any] = {k: self.verdict[k] for k in ("visits", "near", "deaths") if k in self.verdict}
        made = Made(level, None, "workbench", "", maps or None)
        self.app.push(WaitScene(Run(self.run.game, "single", 0, made=made)))

    # --- worker --------------------------------------------------------------------------------

    def _generate(self) -> None:
        if self._making is not None:
            return
        job = {"game": self.run.game, "seed": secrets.randbelow(1_000_000), "difficulty": self._difficulty}
        if self.locked.any():
            self._making = self.app.supply.submit("regenerate", tiles=self.tiles, locked=self.locked, **job)
        else:
            self._making = self.app.supply.submit("level", **job)

    def update(self, dt: float) -> None:
        """Ask for checks and take answers in."""
        self.view.update(dt, 1.0, (self._focus[0], self._focus[1]))
        if self._wait > 0:
            self._wait -= dt
            if self._wait <= 0:
                self._check = self.app.supply.submit("check", game=self.run.game, tiles=self.tiles)
        if self._check is not None and (answer := self.app.supply.answer(self._check)) is not None:
            self._check, self.verdict = None, dict(answer)
            if self._shown:
                self._rebuild()
        if self._making is not None and (answer := self.app.supply.answer(self._making)) is not None:
            self._making = None
            if "error" in answer:
                self.app.note(str(answer["error"]))
                return
            made = made_from(answer, self.game, None)
            if made.note:
                self.app.note_once(made.note)
            self._past = [*self._past[-UNDO:], self.tiles]
            if made.level.tiles.shape != self.tiles.shape:
                self.locked = np.zeros(made.level.tiles.shape, bool)
                self._past = []
            self._change(made.level.tiles.copy())

    # --- export --------------------------------------------------------------------------------

    def _ask_export(self) -> None:
        from levelforge.exporters import formats

        names = [fmt.name for fmt in formats() if fmt.write]
        self.app.push(Prompt("Export", "Folder", str(Path("out") / "demo"), names, self._export))

    def _export(self, folder: str, name: str) -> None:
        from levelforge.exporters import write_level

        level = Level(self.game, self.tiles.copy(), id=f"{self.game.name}-bench")
        lacking = faults(level, limits=False)
        if self.verdict.get("solution"):
            level = level.with_(
                solution=tuple(self.verdict["solution"]), difficulty=self.verdict.get("difficulty")
            )
        try:
            files = write_level(level, name, folder or ".")
        except (LevelForgeError, OSError) as error:
            self.app.note(str(error))
            return
        self.app.note(f"Written: {files[0]}" + (f" ({'; '.join(lacking)})" if lacking else ""))

    # --- drawing -------------------------------------------------------------------------------

    def draw(self, target: pygame.Surface) -> None:
        """Level, verdict, palette."""
        self.view.draw(target, (0, 24), 1.0, self.app.seconds)
        target.set_clip((0, 24, *VIEW))
        for y, x in np.argwhere(self.locked):
            rect = self.view.rect_of(int(y), int(x)).move(0, 24)
            pygame.draw.rect(target, ui.NIGHT, rect, 2)
            pygame.draw.rect(target, ui.BLUE, rect.inflate(-2, -2), 1)
            pygame.draw.rect(target, ui.NIGHT, (rect.x + 4, rect.y + 3, 8, 10))
            pygame.draw.rect(target, ui.BLUE, (rect.x + 5, rect.y + 7, 6, 5))
            pygame.draw.rect(target, ui.BLUE, (rect.x + 6, rect.y + 4, 4, 4), 1)
        cell = self._cell(self.app.to_canvas(pygame.mouse.get_pos()))
        if cell is not None:
            pygame.draw.rect(target, ui.GOLD, self.view.rect_of(*cell).move(0, 24), 1)
        target.set_clip(None)
        target.fill(ui.NIGHT, (0, 0, SIZE[0], 24))
        text, color = self._verdict_text()
        pygame.draw.circle(target, color, (14, 12), 5)
        ui.write(target, text, 26, 5, 18, ui.INK)
        state = "making a level ..." if self._making is not None else "LOCK" if self._locking else ""
        ui.write(target, state, SIZE[0] - 8, 5, 18, ui.GOLD, align=1.0)
        self._draw_palette(target)

    def _verdict_text(self) -> tuple[str, ui.Color]:
        colors = ui.SAFE if self.app.safe else ui.PLAIN
        if self._wait > 0 or self._check is not None:
            return "checking ...", ui.FAINT
        verdict = self.verdict.get("verdict", "")
        if verdict == "beatable":
            hard = self.verdict.get("difficulty")
            tail = "" if hard is None else f", difficulty {hard:.0%}"
            return f"can be won in {len(self.verdict['solution'])} steps{tail}", colors["good"]
        if verdict == "unbeatable":
            return f"cannot be won: {self.verdict['why']}"[:80], colors["bad"]
        return str(self.verdict.get("why") or self.verdict.get("error") or "not checked")[:80], ui.GOLD

    def _draw_palette(self, target: pygame.Surface) -> None:
        top = SIZE[1] - PALETTE
        target.fill(ui.PANEL, (0, top, SIZE[0], PALETTE))
        for i, tile in enumerate(self.game.tiles):
            x = 8 + 40 * i
            if i == self._brush and not self._locking:
                pygame.draw.rect(target, ui.GOLD, (x - 3, top + 2, 38, 37), 2, border_radius=4)
            sky = tile.role is Role.EMPTY and self.app.art(self.run.game).open_air
            pygame.draw.rect(target, SKY if sky else ui.NIGHT, (x, top + 4, 32, 32))
            icon = self.app.art(self.run.game).icon(tile.name)
            target.blit(pygame.transform.scale_by(icon, 2), (x, top + 4))
        names = ("generate", "lock", "overlay", "undo", "make", "ok", "back")
        words = ("new", "lock", "solution", "undo", "export", "play", "back")
        shown = [f"{self.app.controls.cap(name)} {word}" for name, word in zip(names, words, strict=True)]
        keys = "   ".join(["left paints, right clears", "arrows scroll", *shown])
        ui.write(target, keys, 10, SIZE[1] - 16, 16, ui.FAINT)
