"""Random keys, mouse and window events, for endurance tests."""

from __future__ import annotations

import random

import pygame

from levelforge.demo_game.controls import DEFAULT_KEYS

NEVER = {"picture"}
"""Words that would litter the disk."""
KEYS = [code for word, codes in DEFAULT_KEYS.items() if word not in NEVER for code in codes]
SELDOM = {code for word in ("back", "next", "make", "pause") for code in DEFAULT_KEYS[word]}
LETTERS = "0123456789ab/"


def random_events(dice: random.Random, window: tuple[int, int]) -> list[pygame.event.Event]:
    """What happens between two frames."""
    events = []
    for _ in range(dice.choice((0, 1, 1, 2, 4))):
        kind = dice.random()
        place = dice.randrange(window[0]), dice.randrange(window[1])
        if kind < 0.5:
            code, text = dice.choice(KEYS), dice.choice(LETTERS)
            if code in SELDOM and dice.random() < 0.8:
                continue  # else it would never get far from the title, nor play a level for long
            events.append(pygame.event.Event(pygame.KEYDOWN, key=code, unicode=text, mod=0))
            if dice.random() < 0.7:
                events.append(pygame.event.Event(pygame.KEYUP, key=code, mod=0))
        elif kind < 0.8:
            button = dice.choice((1, 1, 3))
            down, up = pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP
            events.append(pygame.event.Event(dice.choice((down, down, up)), button=button, pos=place))
        elif kind < 0.93:
            events.append(pygame.event.Event(pygame.MOUSEMOTION, pos=place, rel=(0, 0), buttons=(1, 0, 0)))
        elif kind < 0.96:
            events.append(pygame.event.Event(pygame.MOUSEWHEEL, y=dice.choice((-1, 1)), x=0))
        else:
            kinds = (pygame.WINDOWFOCUSLOST, pygame.WINDOWSIZECHANGED, pygame.WINDOWFOCUSGAINED)
            events.append(pygame.event.Event(dice.choice(kinds)))
    return events
