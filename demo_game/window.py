"""The demo's window: pictures of a session, keys to actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pygame

from levelforge.demo_game.session import Session
from levelforge.level import Level
from levelforge.render import render

BAR = 24
VIEW = (1280, 800)


class Window:
    """Shows levels one after the other.

    Args:
        levels: what to play.
        scale: screen pixels a picture's pixel.
        tick: milliseconds between turns or ticks, by movement.
    """

    def __init__(self, levels: Iterator[Level], scale: int, tick: Mapping[str, int]) -> None:
        self.levels, self.scale, self.tick = levels, scale, tick
        self.session = Session(next(levels))
        pygame.init()
        self.font = pygame.font.Font(None, 22)
        self._open()

    def run(self, frames: int = 0) -> None:
        """Play until the window is closed (or for so many frames)."""
        clock, shown, waited = pygame.time.Clock(), 0, 0
        self._draw()
        try:
            while not frames or shown < frames:
                for event in pygame.event.get():
                    if event.type == pygame.QUIT:
                        return
                    if event.type == pygame.KEYDOWN and not self._command(event.key):
                        return
                waited += clock.tick(60)
                if waited >= self.tick[self.session.game.movement]:
                    action = self._action(pygame.key.get_pressed())
                    if action is not None:
                        self.session.act(action)
                        waited = 0
                        self._draw()
                shown += 1
        finally:
            pygame.quit()

    def _open(self) -> None:
        size = self._picture().get_size()
        width, height = min(size[0], VIEW[0]), min(size[1], VIEW[1])
        self.screen = pygame.display.set_mode((width, height + BAR))
        pygame.display.set_caption(f"LevelForge: {self.session.game.title}")

    def _command(self, key: int) -> bool:
        """Keys that are no actions; False to leave."""
        if key == pygame.K_ESCAPE:
            return False
        if key == pygame.K_r:
            self.session.restart()
        elif key in (pygame.K_n, pygame.K_RETURN):
            self.session = Session(next(self.levels))
            self._open()
        self._draw()
        return True

    def _action(self, pressed: Mapping[int, bool] | pygame.key.ScancodeWrapper) -> int | None:
        """The action of the keys held, or None to let a turn-based game wait."""
        names = {action.name: code for code, action in enumerate(self.session.game.actions)}
        held: Callable[..., bool] = lambda *keys: any(pressed[k] for k in keys)  # noqa: E731
        side = "left" if held(pygame.K_LEFT) else "right" if held(pygame.K_RIGHT) else ""
        if self.session.game.movement == "platformer":
            jump = "jump" if held(pygame.K_UP, pygame.K_SPACE) else ""
            return names["+".join(filter(None, (jump, side))) or "idle"]
        word = "up" if held(pygame.K_UP) else "down" if held(pygame.K_DOWN) else side
        return names[word] if word else names["wait"] if held(pygame.K_SPACE) else None

    def _picture(self) -> pygame.Surface:
        image = render(self.session.picture(), self.session.game, scale=self.scale)
        return pygame.image.frombytes(image.tobytes(), image.size, "RGB")

    def _draw(self) -> None:
        s, picture = self.session, self._picture()
        width, height = self.screen.get_width(), self.screen.get_height() - BAR
        # the camera keeps the player in the middle, as far as the level goes
        cell = picture.get_height() // s.level.height
        left = min(max(0, s.x * cell - width // 2), picture.get_width() - width)
        top = min(max(0, s.y * cell - height // 2), picture.get_height() - height)
        self.screen.fill((24, 20, 37))
        self.screen.blit(picture, (0, 0), (left, top, width, height))
        state = "" if s.outcome == 0 else "  won! N: next" if s.won else "  lost. R: again"
        text = f"hit points {s.hp}  keys {s.keys}  collected {s.collected}  turn {s.ticks}{state}"
        self.screen.blit(self.font.render(text, True, (240, 236, 216)), (8, height + 4))
        pygame.display.flip()
