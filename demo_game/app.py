"""The window: one frame after the other, scenes on a stack, whole-number scaling, notes to the player."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.art import Art
from levelforge.demo_game.controls import Controls
from levelforge.demo_game.record import Recorder
from levelforge.demo_game.save import Save
from levelforge.demo_game.sound import Sounds
from levelforge.demo_game.supply import Supply
from levelforge.demo_game.worker import Worker
from levelforge.errors import LevelForgeError
from levelforge.game import Game, bundled_games, load_game

SIZE = (640, 480)
FPS = 60
LONGEST = 0.1
"""Seconds a frame counts as at most, so that a machine that slept does not play a minute at once."""
NOTE_SECONDS = 4.5
UNSEEN = ("offscreen", "dummy")
"""Video drivers that show nothing."""


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        game: name or ``game.toml``, or None for the title screen.
        level: a map to play, or a folder of maps as a campaign.
        seed: of the first level; None is a new one.
        difficulty: asked of the first level; None where the staircase begins.
        adaptive: whether difficulty follows the player; None as the mode has it.
        pack: a pack folder instead of the game's own.
        record: a GIF to write.
        frames: leave after so many frames; 0 never.
    """

    game: str | None = None
    level: Path | None = None
    seed: int | None = None
    difficulty: float | None = None
    adaptive: bool | None = None
    pack: Path | None = None
    record: Path | None = None
    frames: int = 0


class Scene:
    """One screen; those above it on the stack cover it."""

    app: App
    covers = True

    def press(self, word: str) -> None:
        """A key or button was pressed, as :class:`Controls` calls it."""

    def handle(self, event: pygame.event.Event) -> bool:  # noqa: ARG002 (scenes that keep events look at it)
        """Any other event, before words are made of it; True to keep it."""
        return False

    def update(self, dt: float) -> None:
        """Let time pass."""

    def draw(self, target: pygame.Surface) -> None:
        """Draw all of it."""

    def interrupted(self) -> None:
        """The gamepad is gone."""

    def leave(self) -> None:
        """The scene is taken off the stack."""


class App:
    """The program.

    Args:
        options: what the command line says.
        save: where progress is kept.

    Raises:
        LevelForgeError: there is no display.
    """

    def __init__(self, options: Options | None = None, save: Save | None = None) -> None:
        self.options = options or Options()
        self.save = save or Save()
        self.notes: list[tuple[str, float]] = []
        self._told: set[str] = set()
        self.games: dict[str, Game] = {}
        self._art: dict[str, Art] = {}
        self.worker = Worker(self.note)
        self.thinker = Worker(self.note)
        self.worker.start()  # it loads while the window opens
        pack = str(self.options.pack) if self.options.pack else None
        self.supply = Supply(self.worker, self.games, pack)
        self.thoughts = Supply(self.thinker, self.games, pack)
        self.recorder = Recorder(self.options.record) if self.options.record else None
        settings = self.save.section("settings")
        self.safe = bool(settings.get("safe_colors", False))
        self.controls = Controls(settings.get("keys") if isinstance(settings.get("keys"), dict) else None)
        try:
            self._open(settings)
        except BaseException:
            self.worker.close()
            raise
        self.canvas = pygame.Surface(SIZE)
        self.scenes: list[Scene] = []
        self.running = True
        self.seconds = 0.0
        if self.save.note:
            self.note(self.save.note)

    def _open(self, settings: dict[str, Any]) -> None:
        pygame.display.init()
        unseen = pygame.display.get_driver() in UNSEEN
        if unseen and not any(os.environ.get(name) for name in ("SDL_VIDEODRIVER", "SDL_VIDEO_DRIVER")):
            # SDL falls back to these by itself: the game would be played where no one sees it
            raise LevelForgeError(
                "there is no display to open a window on; set SDL_VIDEODRIVER=dummy to run without one"
            )
        pygame.font.init()
        with contextlib.suppress(pygame.error):
            pygame.joystick.init()
        volume = settings.get("volume", 0.6)
        self.sounds = Sounds(
            float(volume) if isinstance(volume, (int, float)) and 0 <= volume <= 1 else 0.6,
            muted=bool(settings.get("muted", False)),
        )
        self.fullscreen = bool(settings.get("fullscreen", False))
        self._set_mode()
        pygame.display.set_caption("LevelForge")

    def _set_mode(self) -> None:
        try:
            if self.fullscreen:
                self.window = pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
            else:
                sizes = pygame.display.get_desktop_sizes() or [SIZE]
                factor = max(1, min((sizes[0][0] - 40) // SIZE[0], (sizes[0][1] - 80) // SIZE[1], 3))
                self.window = pygame.display.set_mode((SIZE[0] * factor, SIZE[1] * factor), pygame.RESIZABLE)
        except pygame.error as error:
            raise LevelForgeError(
                f"no window can be opened ({error}); set SDL_VIDEODRIVER=dummy to run without one"
            ) from None

    # --- what scenes use -----------------------------------------------------------------------

    def game(self, name: str) -> Game:
        """A game by name or path, loaded once."""
        if name not in self.games:
            self.games[name] = load_game(name)
        return self.games[name]

    def art(self, name: str) -> Art:
        """Its pictures, loaded once."""
        if name not in self._art:
            self._art[name] = Art(self.game(name))
        return self._art[name]

    def game_names(self) -> list[str]:
        """The games to choose from: the bundled ones, and that of the command line."""
        names = bundled_games()
        extra = self.options.game
        return names if extra is None or extra in names else [*names, extra]

    def push(self, scene: Scene) -> None:
        """Put a scene on top."""
        scene.app = self
        self.controls.clear()
        self.scenes.append(scene)

    def pop(self) -> None:
        """Take the top scene away; the program ends with the last."""
        self.scenes.pop().leave()
        self.controls.clear()
        self.running = self.running and bool(self.scenes)

    def replace(self, scene: Scene) -> None:
        """Put a scene in the top one's place."""
        self.scenes.pop().leave()
        self.push(scene)

    def home(self) -> None:
        """Back to the first scene."""
        while len(self.scenes) > 1:
            self.scenes.pop().leave()
        self.controls.clear()

    def back_to_map(self) -> None:
        """Back to the campaign's map where there is one below, else home."""
        while len(self.scenes) > 1 and not hasattr(self.scenes[-1], "returned"):
            self.scenes.pop().leave()
        self.controls.clear()
        top = self.scenes[-1]
        if hasattr(top, "returned"):
            top.returned()

    def note(self, text: str) -> None:
        """Tell the player something."""
        self.notes = [n for n in self.notes if n[0] != text][-2:]
        self.notes.append((text, NOTE_SECONDS))

    def note_once(self, text: str) -> None:
        """Tell the player something that need not be said twice."""
        if text not in self._told:
            self._told.add(text)
            self.note(text)

    def remember(self) -> None:
        """Save the settings."""
        self.save.section("settings").update(
            volume=round(self.sounds.volume, 2),
            muted=self.sounds.muted,
            safe_colors=self.safe,
            fullscreen=self.fullscreen,
            keys=self.controls.saved(),
        )
        before = self.save.note
        self.save.write()
        if self.save.note != before:
            self.note(self.save.note)

    def toggle_fullscreen(self) -> None:
        """From window to full screen, or back."""
        self.fullscreen = not self.fullscreen
        self._set_mode()

    def to_canvas(self, place: tuple[int, int]) -> tuple[int, int]:
        """A place in the window as one in the picture."""
        factor, left, top = self._fit()
        return int((place[0] - left) // factor), int((place[1] - top) // factor)

    # --- frames --------------------------------------------------------------------------------

    def frame(self, dt: float, events: list[pygame.event.Event]) -> None:
        """One frame: events, time, picture. The loop, the tests and the benchmarks all call this."""
        self.seconds += dt
        for event in events:
            self._event(event)
            if not self.running:
                return
        for supply in (self.supply, self.thoughts):
            supply.update()
        if self.scenes:
            self.scenes[-1].update(dt)
        self.notes = [(text, left - dt) for text, left in self.notes if left > dt]
        self.draw()
        if self.recorder is not None:
            self.recorder.frame(self.canvas, dt)

    def draw(self) -> None:
        """Draw the scenes and show them."""
        first = max((i for i, scene in enumerate(self.scenes) if scene.covers), default=0)
        for scene in self.scenes[first:]:
            scene.draw(self.canvas)
        y = SIZE[1] - 78
        for text, left in reversed(self.notes):
            for line in reversed(ui.wrap(text, 18, 560)):
                width = ui.label(line, 18).get_width() + 24
                sheet = pygame.Surface((width, 22))
                sheet.fill(ui.NIGHT)
                sheet.set_alpha(int(225 * min(1.0, left / 0.4)))
                self.canvas.blit(sheet, ((SIZE[0] - width) // 2, y))
                ui.write(self.canvas, line, SIZE[0] // 2, y + 4, 18, ui.GOLD, align=0.5)
                y -= 22
        factor, left_edge, top_edge = self._fit()
        if factor == 1:
            self.window.blit(self.canvas, (left_edge, top_edge))
        elif factor > 1:
            wide = pygame.transform.scale_by(self.canvas, factor)
            self.window.blit(wide, (left_edge, top_edge))
        else:
            size = max(1, int(SIZE[0] * factor)), max(1, int(SIZE[1] * factor))
            self.window.blit(pygame.transform.smoothscale(self.canvas, size), (left_edge, top_edge))
        pygame.display.flip()

    def splash(self) -> None:
        """Something to see while the rules are compiled, which takes long the first time."""
        self.canvas.fill(ui.NIGHT)
        ui.write(self.canvas, "LevelForge", SIZE[0] // 2, 200, 64, ui.INK, align=0.5)
        ui.write(
            self.canvas, "loading; the first time takes longer", SIZE[0] // 2, 260, 18, ui.FAINT, align=0.5
        )
        self.draw()

    def run(self) -> None:
        """Play until the window is closed."""
        clock, shown = pygame.time.Clock(), 0
        while self.running and (not self.options.frames or shown < self.options.frames):
            dt = min(clock.tick(FPS) / 1000, LONGEST)
            self.frame(dt, pygame.event.get())
            shown += 1

    def close(self) -> None:
        """Stop everything; write the clip, if one is being made."""
        for worker in (self.worker, self.thinker):
            worker.close()
        while self.scenes:
            self.scenes.pop().leave()
        try:
            if self.recorder is not None:
                self.recorder.write()
        finally:
            ui.forget()
            pygame.quit()

    def _event(self, event: pygame.event.Event) -> None:
        if event.type == pygame.QUIT:
            self.running = False
            return
        if event.type in (pygame.VIDEORESIZE, pygame.WINDOWSIZECHANGED):
            surface = pygame.display.get_surface()
            if surface is not None:
                self.window = surface
                self.window.fill(ui.NIGHT)
            return
        if not self.scenes or self.scenes[-1].handle(event):
            return
        pads = self.controls.pad
        for word in self.controls.feed(event):
            if self.running and self.scenes and not self._global(word):
                self.scenes[-1].press(word)
        if pads and not self.controls.pad:
            self.note("The gamepad was unplugged; the keyboard goes on")
            if self.scenes:
                self.scenes[-1].interrupted()
        elif self.controls.pad and self.controls.pad != pads:
            self.note(f"Gamepad: {self.controls.pad}")

    def _global(self, word: str) -> bool:
        if word == "mute":
            self.sounds.muted = not self.sounds.muted
            self.note(
                "Sound off"
                if self.sounds.muted
                else "Sound on"
                if self.sounds.available
                else "No sound device"
            )
            self.remember()
        elif word == "fullscreen":
            self.toggle_fullscreen()
            self.remember()
        elif word == "picture":
            self._save_picture()
        elif word == "help":
            from levelforge.demo_game.scene_options import HelpScene

            if not isinstance(self.scenes[-1], HelpScene):
                self.push(HelpScene())
        else:
            return False
        return True

    def _save_picture(self) -> None:
        """The canvas as ``levelforge-N.png`` in the current folder."""
        free = (
            Path(f"levelforge-{n}.png") for n in range(1, 1000) if not Path(f"levelforge-{n}.png").exists()
        )
        path = next(free, Path("levelforge.png"))
        try:
            pygame.image.save(self.canvas, path)
        except (pygame.error, OSError) as error:
            self.note(f"{path} cannot be written ({error})")
        else:
            self.note(f"Written: {path}")

    def _fit(self) -> tuple[float, int, int]:
        """Factor and corner at which the picture sits in the window; a whole factor, but for windows that are too small."""
        width, height = self.window.get_size()
        factor: float = min(width // SIZE[0], height // SIZE[1])
        if factor < 1:
            factor = max(min(width / SIZE[0], height / SIZE[1]), 0.01)
        return factor, int((width - SIZE[0] * factor) // 2), int((height - SIZE[1] * factor) // 2)
