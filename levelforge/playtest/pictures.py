"""What a playtest found, drawn over the level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from levelforge.level import Level
from levelforge.playtest.result import PlaytestResult
from levelforge.playtest.why import FALL, HAZARD, PATROL, RADIUS, TIME, all_losses, largest_group, share_words
from levelforge.render import HEAT, INK, PAGE, render

KINDS = {
    "path": "The solution, from the start (blue) to the goal (red).",
    "visits": "Where the players went; the square root of the visits, so that busy tiles leave the others in view.",
    "deaths": "Where runs were lost or ran out of time, with how many; the ring is the place that the sentence names.",
    "tension": "Where the winning runs were close to a danger, along with the solution.",
}
MARKS = {
    HAZARD: ("#e5484d", "hazard"),
    PATROL: ("#d65bd0", "patrol"),
    FALL: ("#2f8fe0", "fall"),
    TIME: ("#e0a52a", "out of time"),
}
"""Colour and word of each cause of a loss."""
DIMMED = 0.35
"""How far the level fades behind what is drawn over it."""


def pictures(level: Level, result: PlaytestResult, *, scale: int = 1) -> dict[str, Image.Image]:
    """The four pictures of :data:`KINDS`, of the persona that difficulty is measured on.

    Args:
        level: the level that was played.
        result: its playtest.
        scale: as in :func:`levelforge.render`.
    """
    play = result.first
    return {
        "path": render(level, solution=result.path, scale=scale),
        "visits": visits_picture(level, play.visits, scale=scale),
        "deaths": losses_picture(level, all_losses(play), result.why, scale=scale),
        "tension": _heat(level, play.near.astype(float), scale, solution=result.path),
    }


def visits_picture(level: Level, visits: NDArray[np.uint32], *, scale: int = 1) -> Image.Image:
    """A heat map of ``uint32[H, W]`` visits."""
    return _heat(level, np.sqrt(visits.astype(float)), scale)


def losses_picture(level: Level, losses: NDArray[np.int32], why: str, *, scale: int = 1) -> Image.Image:
    """Discs where runs were lost, a ring around the largest group, and the sentence underneath.

    Args:
        level: the level that was played.
        losses: ``int32[L, 3]`` (y, x, cause).
        why: the sentence.
        scale: as in :func:`levelforge.render`.

    Returns:
        A picture of the level's width, higher than the level by the caption.
    """
    image = _dim(render(level, scale=scale))
    if len(losses):
        step = image.width // level.width
        edge = (level.height - 1, level.width - 1)
        inside = np.column_stack([np.clip(losses[:, :2], 0, edge), losses[:, 2]])
        places, place, counts = np.unique(inside[:, :2], axis=0, return_inverse=True, return_counts=True)
        for n in np.argsort(-counts, kind="stable"):  # large ones first, so that they hide none
            cause = int(np.bincount(inside[place.ravel() == n, 2]).argmax())
            _disc(image, places[n], int(counts[n]), int(counts.max()), MARKS[cause][0], step)
        group = largest_group(losses)[1]
        _ring(
            image, np.median(group[:, :2], axis=0), f"{share_words(len(group) / len(losses))} of losses", step
        )
    causes = [cause for cause in MARKS if (losses[:, 2] == cause).any()]
    return _captioned(image, why, [MARKS[cause] for cause in causes])


def _heat(
    level: Level, values: NDArray[np.float64], scale: int, solution: NDArray[np.int32] | None = None
) -> Image.Image:
    """``float[H, W]`` values as colours over a dimmed level, relative to their maximum; 0 stays bare."""
    image = _dim(render(level, scale=scale))
    top = float(values.max(initial=0.0))
    if top > 0:
        share = values / top
        stops = [stop for stop, _ in HEAT]
        color = np.stack([np.interp(share, stops, [rgb[i] for _, rgb in HEAT]) for i in range(3)], axis=-1)
        alpha = np.where(share > 0, 0.3 + 0.5 * share, 0.0)
        size = (image.width, image.height)
        mask = Image.fromarray((alpha * 255).astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
        tint = Image.fromarray(color.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
        image = Image.composite(tint, image, mask)
    if solution is not None:
        drawn, plain = render(level, solution=solution, scale=scale), render(level, scale=scale)
        line = (np.asarray(drawn) != np.asarray(plain)).any(axis=-1)
        image.paste(drawn, mask=Image.fromarray(line))
    return image


def _dim(image: Image.Image) -> Image.Image:
    return Image.blend(image, Image.new("RGB", image.size, PAGE), DIMMED)


def _disc(image: Image.Image, cell: NDArray[np.int32], count: int, most: int, color: str, step: int) -> None:
    """A disc whose area grows with the count, with the count in it where there are several."""
    pen = ImageDraw.Draw(image)
    y, x = (int(place) * step + step // 2 for place in cell)
    r = round(step * (0.32 + 0.38 * (count / most) ** 0.5))
    pen.ellipse((x - r, y - r, x + r, y + r), fill=color, outline=PAGE, width=max(1, step // 12))
    if count > 1:
        font = _font(max(9, round(step * 0.62)))
        pen.text((x, y), str(count), fill="#ffffff", font=font, anchor="mm", stroke_width=1, stroke_fill=PAGE)


def _ring(image: Image.Image, centre: NDArray[np.float64], label: str, step: int) -> None:
    """A circle around the tiles within ``RADIUS`` of a cell (y, x), with a label above or below it."""
    y, x = ((place + 0.5) * step for place in centre.tolist())
    reach, pen = (RADIUS + 0.5) * step, ImageDraw.Draw(image)
    for wider, color, width in ((2, PAGE, 4), (1, INK, 2)):
        box = (x - reach - wider, y - reach - wider, x + reach + wider, y + reach + wider)
        pen.ellipse(box, outline=color, width=width)
    font = _font(_text_size(image))
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font, anchor="lt")
    wide, high = right - left + 10, bottom - top + 8
    at_x = min(max(0.0, x - wide / 2), image.width - wide)
    above = y - reach - high - 4
    at_y = above if above >= 0 else min(y + reach + 4, image.height - high)
    pen.rounded_rectangle((at_x, at_y, at_x + wide, at_y + high), 4, fill=INK, outline=PAGE)
    pen.text((at_x + 5, at_y + 4), label, fill=PAGE, font=font, anchor="lt")


def _captioned(image: Image.Image, text: str, key: list[tuple[str, str]]) -> Image.Image:
    """The picture with a sentence and a key of colours under it."""
    size = _text_size(image)
    font, line, gap = _font(size), round(size * 1.35), size // 2
    lines = _wrapped(text, image.width - 2 * gap, font)
    sheet = Image.new("RGB", (image.width, image.height + line * (len(lines) + bool(key)) + 2 * gap), PAGE)
    sheet.paste(image)
    pen = ImageDraw.Draw(sheet)
    y = image.height + gap
    for words in lines:
        pen.text((gap, y), words, fill=INK, font=font)
        y += line
    x = float(gap)
    for color, word in key:
        r = size * 0.35
        middle = y + line / 2
        pen.ellipse((x, middle - r, x + 2 * r, middle + r), fill=color)
        pen.text((x + 3 * r, middle), word, fill=INK, font=font, anchor="lm")
        x += 3 * r + font.getlength(word) + size
    return sheet


def _wrapped(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The text in lines of at most ``width`` pixels."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _text_size(image: Image.Image) -> int:
    return min(max(12, image.width // 40), 20)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
