"""Sounds made from numbers; silence where there is no sound device."""

from __future__ import annotations

import contextlib

import numpy as np
import pygame
from numpy.typing import NDArray

RATE = 22050
Wave = NDArray[np.float64]


def tone(
    start: float, end: float, seconds: float, *, shape: str = "square", decay: float = 5.0, duty: float = 0.5
) -> Wave:
    """A note that slides from one pitch (Hz) to another and dies away."""
    t = np.linspace(0.0, 1.0, int(RATE * seconds), endpoint=False)
    phase = np.cumsum(start + (end - start) * t) / RATE % 1.0
    if shape == "square":
        wave = np.where(phase < duty, 1.0, -1.0)
    elif shape == "triangle":
        wave = 4 * np.abs(phase - 0.5) - 1
    elif shape == "noise":
        held = np.floor(np.cumsum(start + (end - start) * t) / RATE * 16).astype(np.int64)
        wave = np.random.default_rng(7).uniform(-1, 1, int(held[-1]) + 1)[held]
    else:
        wave = np.sin(2 * np.pi * phase)
    attack = np.minimum(1.0, np.arange(len(t)) / (RATE * 0.004))
    return np.asarray(wave * np.exp(-decay * t) * attack, np.float64)


def notes(*pitches: float, seconds: float = 0.08, shape: str = "square", last: float = 1.0) -> Wave:
    """Short notes one after the other; the last may be longer."""
    lengths = [seconds] * (len(pitches) - 1) + [seconds * last]
    return np.concatenate(
        [tone(p, p, s, shape=shape, decay=3.5) for p, s in zip(pitches, lengths, strict=True)]
    )


def recipes() -> dict[str, Wave]:
    """Every sound, ``float64[T]`` in -1 to 1."""
    return {
        "move": 0.25 * tone(150, 90, 0.05, shape="noise", decay=7),
        "bump": 0.35 * tone(110, 70, 0.07, shape="triangle"),
        "jump": 0.35 * tone(260, 620, 0.14, duty=0.25),
        "land": 0.3 * tone(130, 60, 0.06, shape="noise", decay=7),
        "key": 0.4 * notes(784, 1175, 1568, seconds=0.06, last=2),
        "door": 0.5 * np.concatenate([tone(90, 160, 0.09, shape="noise"), tone(220, 330, 0.12, duty=0.25)]),
        "treasure": 0.35 * notes(988, 1319, seconds=0.06, last=3),
        "heal": 0.4 * notes(523, 659, 784, 1047, seconds=0.06, shape="triangle", last=2),
        "hurt": 0.55 * (tone(420, 90, 0.22) * 0.6 + tone(900, 200, 0.22, shape="noise") * 0.4),
        "won": 0.4 * notes(523, 659, 784, 1047, 784, 1047, seconds=0.1, last=4),
        "lost": 0.4 * notes(392, 330, 262, 196, seconds=0.14, shape="triangle", last=3),
        "choose": 0.25 * tone(660, 660, 0.04, duty=0.25),
        "confirm": 0.3 * notes(660, 990, seconds=0.05, last=2),
    }


class Sounds:
    """Plays sounds by name.

    Attributes:
        volume: 0 to 1; ``muted``: nothing is heard. ``available``: whether there is a device.
    """

    def __init__(self, volume: float = 0.6, *, muted: bool = False) -> None:
        self.volume, self.muted = volume, muted
        self._sounds: dict[str, pygame.mixer.Sound] = {}
        self.available = False
        try:
            pygame.mixer.init(RATE, -16, 1, 512)
            for name, wave in recipes().items():
                samples = (np.clip(wave, -1, 1) * 32000).astype(np.int16)
                got = pygame.mixer.get_init()
                if got is not None and got[2] > 1:
                    samples = np.repeat(samples[:, None], got[2], axis=1)
                self._sounds[name] = pygame.mixer.Sound(buffer=samples.tobytes())
            self.available = True
        except (pygame.error, NotImplementedError, TypeError):
            self._sounds = {}

    def play(self, name: str) -> None:
        """Play one; unknown names and missing devices are silent."""
        sound = self._sounds.get(name)
        if sound is not None and not self.muted and self.volume > 0:
            sound.set_volume(self.volume)
            with contextlib.suppress(pygame.error):
                sound.play()
