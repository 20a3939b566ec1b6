"""What a playtest found, drawn over the level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from levelforge.level import Level
from levelforge.playtest.result import PlaytestResult
from levelforge.playtest.why import RADIUS, all_losses, largest_group
from levelforge.render import INK, PAGE, render

KINDS = {
    "path": "The solution, from the start (blue) to the goal (red).",
    "visits": "Where the players went; the square root of the visits, so that busy tiles leave the others in view.",
    "deaths": "Where runs were lost or ran out of time; the ring is the place that the sentence names.",
    "tension": "Where the winning runs were close to a danger, along with the solution.",
}


def pictures(level: Level, result: PlaytestResult, *, scale: int = 1) -> dict[str, Image.Image]:
    """The four pictures of :data:`KINDS`, of the persona that difficulty is measured on.

    Args:
        level: the level that was played.
        result: its playtest.
        scale: as in :func:`levelforge.render`.
    """
    play = result.first
    losses = all_losses(play)
    lost = np.zeros(level.tiles.shape)
    np.add.at(lost, (losses[:, 0].clip(0), losses[:, 1]), 1)
    found = {
        "path": render(level, solution=result.path, scale=scale),
        "visits": visits_picture(level, play.visits, scale=scale),
        "deaths": render(level, overlay=lost, scale=scale),
        "tension": render(level, overlay=play.near.astype(float), solution=result.path, scale=scale),
    }
    if len(losses):
        group = largest_group(losses)[1]
        _ring(found["deaths"], np.median(group[:, :2], axis=0), level)
    return found


def visits_picture(level: Level, visits: NDArray[np.uint32], *, scale: int = 1) -> Image.Image:
    """A heat map of ``uint32[H, W]`` visits."""
    return render(level, overlay=np.sqrt(visits.astype(float)), scale=scale)


def _ring(image: Image.Image, centre: NDArray[np.float64], level: Level) -> None:
    """A circle around the tiles within ``RADIUS`` of a cell (y, x)."""
    step = image.width / level.width
    y, x = ((place + 0.5) * step for place in centre.tolist())
    reach, pen = (RADIUS + 0.5) * step, ImageDraw.Draw(image)
    for wider, color, width in ((2, PAGE, 4), (1, INK, 2)):
        box = (x - reach - wider, y - reach - wider, x + reach + wider, y + reach + wider)
        pen.ellipse(box, outline=color, width=width)
