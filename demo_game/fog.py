"""What the player of a dungeon sees and remembers."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray

from levelforge.demo_game.session import Session
from levelforge.game import Role

RADIUS = 9
DARK, DIM = 255.0, 150.0
COLOR = (13, 9, 20)


class Fog:
    """Darkness over a level, softly lifted.

    Args:
        session: what is played.

    Attributes:
        seen: ``bool[H, W]`` tiles seen so far; ``visible``: those in sight now.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        shape = session.level.tiles.shape
        self._solid = session.game.roles[session.level.tiles] == Role.SOLID
        self._doors = np.argwhere(session.game.roles[session.level.tiles] == Role.DOOR)
        self.seen = np.zeros(shape, bool)
        self.visible = np.zeros(shape, bool)
        self._veil = np.full(shape, DARK, np.float32)
        self.look()

    def look(self) -> None:
        """See anew, after a turn."""
        import tcod.constants
        import tcod.map

        clear = ~self._solid
        for y, x in self._doors.tolist():
            if self._session.there(y * clear.shape[1] + x):
                clear[y, x] = False
        place = min(max(self._session.y, 0), clear.shape[0] - 1), self._session.x
        self.visible = tcod.map.compute_fov(
            clear, place, RADIUS, light_walls=True, algorithm=tcod.constants.FOV_SYMMETRIC_SHADOWCAST
        )
        self.seen |= self.visible

    def update(self, dt: float) -> None:
        """Fade towards what is seen now."""
        goal = np.where(self.visible, 0.0, np.where(self.seen, DIM, DARK)).astype(np.float32)
        self._veil += (goal - self._veil) * np.float32(min(1.0, dt * 9))

    def draw(self, target: pygame.Surface, left: int, top: int, size: int) -> None:
        """Darken the view; (left, top) is the level's pixel at the target's corner."""
        y0, x0 = top // size - 1, left // size - 1
        rows, columns = target.get_height() // size + 4, target.get_width() // size + 4
        alpha: NDArray[np.float32] = np.full((rows, columns), DARK, np.float32)
        height, width = self._session.level.tiles.shape
        ys, xs = max(0, y0), max(0, x0)
        cut = self._veil[ys : max(0, min(height, y0 + rows)), xs : max(0, min(width, x0 + columns))]
        if cut.size:
            alpha[ys - y0 : ys - y0 + cut.shape[0], xs - x0 : xs - x0 + cut.shape[1]] = cut
        small = pygame.Surface((columns, rows), pygame.SRCALPHA)
        small.fill((*COLOR, 255))
        pixels = pygame.surfarray.pixels_alpha(small)
        pixels[:] = alpha.T.astype(np.uint8)
        del pixels  # it locks the surface
        veil = pygame.transform.smoothscale(small, (columns * size, rows * size))
        target.blit(veil, (x0 * size - left, y0 * size - top))
