"""Keys, gamepad buttons and sticks become a few words: up, down, left, right, jump, wait, ok, back and commands."""

from __future__ import annotations

import contextlib
from typing import Any

import pygame

DIRECTIONS = ("up", "down", "left", "right")
HELD = (*DIRECTIONS, "jump", "wait")
"""Words that matter while they are held; all others are commands, given once a press."""
DEFAULT_KEYS: dict[str, tuple[int, ...]] = {
    "up": (pygame.K_UP,),
    "down": (pygame.K_DOWN,),
    "left": (pygame.K_LEFT,),
    "right": (pygame.K_RIGHT,),
    "jump": (pygame.K_SPACE,),
    "wait": (pygame.K_PERIOD,),
    "ok": (pygame.K_RETURN, pygame.K_KP_ENTER),
    "back": (pygame.K_ESCAPE,),
    "pause": (pygame.K_p,),
    "restart": (pygame.K_r,),
    "next": (pygame.K_n,),
    "undo": (pygame.K_u, pygame.K_BACKSPACE),
    "watch": (pygame.K_w,),
    "certificate": (pygame.K_v,),
    "overlay": (pygame.K_h,),
    "skill": (pygame.K_k,),
    "persona": (pygame.K_o,),
    "faster": (pygame.K_PLUS, pygame.K_EQUALS, pygame.K_KP_PLUS),
    "slower": (pygame.K_MINUS, pygame.K_KP_MINUS),
    "step": (pygame.K_TAB,),
    "zoom": (pygame.K_z,),
    "make": (pygame.K_e,),
    "generate": (pygame.K_g,),
    "lock": (pygame.K_l,),
    "mute": (pygame.K_m,),
    "help": (pygame.K_F1,),
    "fullscreen": (pygame.K_F11,),
    "picture": (pygame.K_F12,),
}
BUTTONS = {0: "jump", 1: "back", 2: "restart", 3: "next", 4: "undo", 5: "overlay", 6: "watch", 7: "pause"}
"""Gamepad buttons in SDL's usual order (A, B, X, Y, shoulders, back, start)."""
DEAD_ZONE = 0.5


class Controls:
    """What is held and what was pressed.

    Attributes:
        keys: key codes by word; may be changed (remapping).
        held: the words that are held now.
        pad: name of the gamepad, or nothing.
    """

    def __init__(self, saved: dict[str, Any] | None = None) -> None:
        self.keys = dict(DEFAULT_KEYS)
        for word, codes in (saved or {}).items():
            if word in self.keys and isinstance(codes, list) and all(isinstance(c, int) for c in codes):
                self.keys[word] = tuple(codes)
        self.held: set[str] = set()
        self._sources: dict[object, str] = {}
        self._tapped: list[str] = []
        self._pads: dict[int, Any] = {}
        self.pad = ""

    def feed(self, event: pygame.event.Event) -> list[str]:
        """Take an event in; the words that it presses (a stick or a pad's button may press several)."""
        if event.type == pygame.KEYDOWN:
            return [
                w
                for w, codes in self.keys.items()
                if event.key in codes and self._press(("k", event.key, w), w)
            ]
        if event.type == pygame.KEYUP:
            for word in self.keys:
                self._release(("k", event.key, word))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self.clear()
        elif event.type == pygame.JOYDEVICEADDED:
            self._plug(event)
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._pads.pop(event.instance_id, None)
            self.pad = "" if not self._pads else self.pad
            self.clear()
        elif event.type == pygame.JOYBUTTONDOWN:
            word = BUTTONS.get(event.button, "")
            words = [word, "ok"] if word == "jump" else [word]
            return [w for w in words if w and self._press(("b", event.button, w), w)]
        elif event.type == pygame.JOYBUTTONUP:
            for word in HELD:
                self._release(("b", event.button, word))
        elif event.type == pygame.JOYAXISMOTION and event.axis in (0, 1):
            return self._axis(
                ("a", event.axis), ("left", "right") if event.axis == 0 else ("up", "down"), event.value
            )
        elif event.type == pygame.JOYHATMOTION:
            x, y = event.value
            return [*self._axis(("h", 0), ("left", "right"), x), *self._axis(("h", 1), ("up", "down"), -y)]
        return []

    def take(self) -> list[str]:
        """The held words pressed since the last call, in order: no press between two ticks is lost."""
        tapped, self._tapped = self._tapped, []
        return tapped

    def clear(self) -> None:
        """Let go of everything."""
        self._sources.clear()
        self.held.clear()
        self._tapped.clear()

    def name(self, word: str) -> str:
        """How a word is pressed, for people."""
        return " / ".join(pygame.key.name(code) for code in self.keys.get(word, ())) or "-"

    def cap(self, word: str) -> str:
        """The first key of a word as hints show it: ``G``, ``Return``, ``Esc``."""
        codes = self.keys.get(word, ())
        name = pygame.key.name(codes[0]) if codes else "-"
        return {"escape": "Esc"}.get(name, name.title())

    def saved(self) -> dict[str, list[int]]:
        """The keys that differ from the defaults."""
        return {word: list(codes) for word, codes in self.keys.items() if codes != DEFAULT_KEYS[word]}

    def _press(self, source: object, word: str) -> bool:
        if word in HELD:
            self._sources[source] = word
            self.held.add(word)
            self._tapped.append(word)
        return True

    def _release(self, source: object) -> None:
        word = self._sources.pop(source, None)
        if word is not None and word not in self._sources.values():
            self.held.discard(word)

    def _axis(self, source: tuple[str, int], words: tuple[str, str], value: float) -> list[str]:
        word = words[0] if value < -DEAD_ZONE else words[1] if value > DEAD_ZONE else ""
        if self._sources.get(source, "") == word:
            return []
        self._release(source)
        return [word] if word and self._press(source, word) else []

    def _plug(self, event: pygame.event.Event) -> None:
        with contextlib.suppress(pygame.error, AttributeError):
            pad = pygame.joystick.Joystick(event.device_index)
            self._pads[pad.get_instance_id()] = pad  # SDL reports nothing of a pad that no one holds
            self.pad = pad.get_name()
