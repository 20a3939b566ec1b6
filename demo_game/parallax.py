"""The background of a side view: sky, clouds, mountains and hills that move at their own paces."""

from __future__ import annotations

import math
import random

import pygame

PERIOD = 512
TOP, BOTTOM = (94, 170, 222), (212, 240, 246)
LAYERS = (
    # share of the camera's way; colour, height of the ridge above the ground line, (waves, height) each, seed
    (0.15, ((150, 196, 222), 92, ((2, 26), (5, 12), (11, 5)), 1)),
    (0.30, ((118, 178, 190), 58, ((3, 16), (7, 9), (17, 3)), 2)),
    (0.50, ((96, 164, 136), 28, ((2, 12), (6, 7), (13, 4)), 3)),
)


class Parallax:
    """Layers drawn once and repeated sideways.

    Args:
        height: pixels of the view.
    """

    def __init__(self, height: int) -> None:
        self._sky = pygame.Surface((1, height))
        for y in range(height):
            share = y / max(1, height - 1)
            color = [round(a + (b - a) * share) for a, b in zip(TOP, BOTTOM, strict=True)]
            self._sky.set_at((0, y), tuple(color))
        self._wide: pygame.Surface | None = None
        self._height = height
        self._clouds = self._draw_clouds()
        self._ridges = [(share, self._ridge(*layer)) for share, layer in LAYERS]

    def draw(self, target: pygame.Surface, left: float, top: float, seconds: float) -> None:
        """Fill the view; (left, top) is the level's pixel at the target's corner."""
        if self._wide is None or self._wide.get_width() != target.get_width():
            self._wide = pygame.transform.scale(self._sky, target.get_size())
        target.blit(self._wide, (0, 0))
        self._repeat(target, self._clouds, left * 0.08 + seconds * 4, 0)
        for share, picture in self._ridges:
            self._repeat(target, picture, left * share, round(-top * share * 0.25))

    @staticmethod
    def _repeat(target: pygame.Surface, picture: pygame.Surface, shift: float, y: int) -> None:
        x = -(round(shift) % PERIOD)
        while x < target.get_width():
            target.blit(picture, (x, y))
            x += PERIOD

    def _ridge(
        self, color: tuple[int, int, int], height: int, waves: tuple[tuple[int, int], ...], seed: int
    ) -> pygame.Surface:
        dice = random.Random(seed)
        phases = [dice.uniform(0, math.tau) for _ in waves]
        surface = pygame.Surface((PERIOD, self._height + 64), pygame.SRCALPHA)
        edge = tuple(min(255, c + 18) for c in color)
        for x in range(PERIOD):
            rise = sum(
                size * math.sin(math.tau * n * x / PERIOD + phase)
                for (n, size), phase in zip(waves, phases, strict=True)
            )
            y = round(self._height * 0.86 - height - rise)
            surface.fill(color, (x, y, 1, self._height + 64 - y))
            surface.fill(edge, (x, y, 1, 2))
        return surface

    def _draw_clouds(self) -> pygame.Surface:
        dice = random.Random(5)
        surface = pygame.Surface((PERIOD, self._height), pygame.SRCALPHA)
        for _ in range(9):
            x, y = dice.randrange(PERIOD), dice.randrange(10, max(11, self._height // 2))
            puffs = [
                (dice.randrange(-22, 23), dice.randrange(-3, 4), dice.randrange(6, 13)) for _ in range(6)
            ]
            for dx, dy, r in puffs:
                for shift in (-PERIOD, 0, PERIOD):
                    pygame.draw.circle(surface, (236, 248, 252, 225), (x + dx + shift, y + dy), r)
            for shift in (-PERIOD, 0, PERIOD):  # flat undersides
                pygame.draw.rect(surface, (0, 0, 0, 0), (x - 40 + shift, y + 5, 80, 14))
        return surface
