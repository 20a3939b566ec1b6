"""What makes a hit felt: particles, words that rise, shaking, flashes."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import pygame

from levelforge.demo_game import ui
from levelforge.demo_game.session import Event

BURSTS: dict[str, tuple[int, tuple[ui.Color, ...], float]] = {
    "key": (14, ((255, 236, 150), (245, 200, 76)), 60),
    "treasure": (12, ((255, 236, 150), (142, 207, 230)), 60),
    "heal": (14, ((255, 150, 170), (255, 220, 230)), 45),
    "door": (16, ((150, 96, 60), (110, 70, 50)), 70),
    "hurt": (18, ((228, 88, 90), (255, 170, 120)), 90),
    "land": (5, ((225, 215, 200),), 30),
    "jump": (5, ((225, 215, 200),), 30),
    "won": (90, ((245, 200, 76), (120, 200, 120), (142, 207, 230), (228, 88, 90)), 150),
}
WORDS = {"key": "key", "heal": "+1", "hurt": "-1", "treasure": "", "door": "open"}
MOST = 400


@dataclass
class Particle:
    """A speck; pixels, pixels a second, seconds."""

    x: float
    y: float
    vx: float
    vy: float
    life: float
    color: ui.Color
    size: int


class Effects:
    """All that is short-lived on one level."""

    def __init__(self) -> None:
        self._dice = random.Random(7)
        self._particles: list[Particle] = []
        self._words: list[tuple[str, float, float, float]] = []
        self.shake = self.flash = self.blink = 0.0
        self.flash_color: ui.Color = ui.RED

    def react(self, event: Event, size: int) -> None:
        """Start what belongs to an event; ``size`` is a tile's."""
        x, y = (event.x + 0.5) * size, (event.y + 0.5) * size
        if event.kind in BURSTS:
            count, colors, speed = BURSTS[event.kind]
            floor = event.kind in ("land", "jump")
            for _ in range(min(count, MOST - len(self._particles))):
                angle = self._dice.uniform(0, math.tau)
                fast = speed * self._dice.uniform(0.3, 1.0)
                up = -abs(math.sin(angle)) * fast * (0.5 if floor else 1.2)
                self._particles.append(
                    Particle(
                        x, y + (size * 0.45 if floor else 0), math.cos(angle) * fast, up,
                        self._dice.uniform(0.3, 1.1 if event.kind == "won" else 0.7),
                        self._dice.choice(colors), self._dice.choice((1, 2, 2)),
                    )
                )  # fmt: skip
        if WORDS.get(event.kind):
            self._words.append((WORDS[event.kind], x, y - size * 0.6, 0.8))
        if event.kind == "hurt":
            self.shake, self.flash, self.blink, self.flash_color = 0.3, 0.3, 0.7, ui.RED
        elif event.kind == "won":
            self.flash, self.flash_color = 0.35, ui.GOLD
        elif event.kind == "bump":
            self.shake = max(self.shake, 0.05)

    def update(self, dt: float) -> None:
        """Let time pass."""
        for p in self._particles:
            p.life -= dt
            p.x += p.vx * dt
            p.y += p.vy * dt
            p.vy += 260 * dt
        self._particles = [p for p in self._particles if p.life > 0]
        self._words = [(w, x, y - 22 * dt, left - dt) for w, x, y, left in self._words if left > dt]
        self.shake, self.flash, self.blink = (max(0.0, v - dt) for v in (self.shake, self.flash, self.blink))

    def calm(self) -> None:
        """No flashes and no shaking: for pictures behind something else."""
        self.flash = self.shake = 0.0

    def offset(self) -> tuple[int, int]:
        """How far the picture is shaken now, in pixels."""
        if not self.shake:
            return 0, 0
        far = 3 * min(1.0, self.shake / 0.2)
        return round(self._dice.uniform(-far, far)), round(self._dice.uniform(-far, far))

    def draw(self, target: pygame.Surface, left: int, top: int) -> None:
        """Draw over the level; (left, top) is the level's pixel at the target's corner."""
        for p in self._particles:
            target.fill(p.color, (int(p.x) - left, int(p.y) - top, p.size, p.size))
        for text, x, y, _ in self._words:
            ui.write(target, text, int(x) - left, int(y) - top, 14, ui.INK, align=0.5, shadow=True)

    def draw_flash(self, target: pygame.Surface) -> None:
        """Tint the whole view."""
        if self.flash > 0:
            veil = pygame.Surface(target.get_size())
            veil.fill(self.flash_color)
            veil.set_alpha(int(130 * min(1.0, self.flash / 0.3)))
            target.blit(veil, (0, 0))
