"""Colours, text and panels."""

from __future__ import annotations

from collections import OrderedDict

import pygame

NIGHT, PANEL, INK, FAINT = (19, 14, 27), (38, 28, 54), (248, 241, 228), (150, 133, 171)
GOLD, RED, GREEN, BLUE = (245, 200, 76), (228, 88, 90), (120, 200, 120), (142, 207, 230)
# Okabe and Ito's palette: told apart by all common kinds of colour vision
SAFE = {"good": (86, 180, 233), "bad": (230, 159, 0), "path": (240, 228, 66), "mark": (204, 121, 167)}
PLAIN = {"good": GREEN, "bad": RED, "path": GOLD, "mark": BLUE}
Color = tuple[int, int, int]

_FONTS: dict[int, pygame.font.Font] = {}
_TEXTS: OrderedDict[tuple[str, int, Color], pygame.Surface] = OrderedDict()


def forget() -> None:
    """Drop what belongs to a display that was closed."""
    _FONTS.clear()
    _TEXTS.clear()


def label(text: str, size: int = 18, color: Color = INK) -> pygame.Surface:
    """A line of text; the last few hundred are kept."""
    key = text, size, color
    if key in _TEXTS:
        _TEXTS.move_to_end(key)
        return _TEXTS[key]
    if size not in _FONTS:
        _FONTS[size] = pygame.font.Font(None, size)
    made = _FONTS[size].render(text.replace("\0", ""), True, color)
    _TEXTS[key] = made
    while len(_TEXTS) > 300:
        _TEXTS.popitem(last=False)
    return made


def write(
    target: pygame.Surface,
    text: str,
    x: int,
    y: int,
    size: int = 18,
    color: Color = INK,
    *,
    align: float = 0.0,
    shadow: bool = False,
) -> int:
    """Draw a line of text; ``align`` 0 puts its left side at x, 0.5 its middle, 1 its right side.

    Returns:
        x of its right side.
    """
    picture = label(text, size, color)
    left = x - round(picture.get_width() * align)
    if shadow:
        target.blit(label(text, size, NIGHT), (left + 1, y + 1))
    target.blit(picture, (left, y))
    return left + picture.get_width()


def wrap(text: str, size: int, width: int) -> list[str]:
    """Text in lines of at most ``width`` pixels."""
    lines: list[str] = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and label(longer, size).get_width() > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def panel(target: pygame.Surface, rect: pygame.Rect, *, alpha: int = 232, edge: Color = FAINT) -> None:
    """A dark sheet with a border."""
    sheet = pygame.Surface(rect.size, pygame.SRCALPHA)
    pygame.draw.rect(sheet, (*PANEL, alpha), sheet.get_rect(), border_radius=8)
    pygame.draw.rect(sheet, edge, sheet.get_rect(), 1, border_radius=8)
    target.blit(sheet, rect)


_HEART = ("01100110", "11111111", "11111111", "11111111", "01111110", "00111100", "00011000")


def heart(target: pygame.Surface, x: int, y: int, *, full: bool) -> None:
    """One hit point, 16 by 14 pixels."""
    color = RED if full else (74, 58, 92)
    for row, line in enumerate(_HEART):
        for column, bit in enumerate(line):
            if bit == "1":
                target.fill(color, (x + 2 * column, y + 2 * row, 2, 2))
    if full:
        target.fill((255, 190, 190), (x + 4, y + 4, 2, 2))


def clock(target: pygame.Surface, x: int, y: int, color: Color) -> None:
    """A clock face around (x, y), 13 pixels wide."""
    pygame.draw.circle(target, color, (x, y), 6, 2)
    target.fill(color, (x, y - 3, 1, 4))
    target.fill(color, (x, y, 3, 1))


def shade(target: pygame.Surface, alpha: int) -> None:
    """Darken everything drawn so far."""
    veil = pygame.Surface(target.get_size())
    veil.fill(NIGHT)
    veil.set_alpha(alpha)
    target.blit(veil, (0, 0))
