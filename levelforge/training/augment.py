"""Differentiable augmentation for tile maps (after Zhao et al., DiffAugment, NeurIPS 2020).

Applied alike to real and generated planes before the discriminator, so that tens of levels cannot be
learned by heart, while gradients still reach the generator. Only what keeps tiles tiles: the game's
own mirror symmetries, small shifts with the edge repeated, and blank patches.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from levelforge.game import Game


@dataclass(frozen=True)
class Augmentation:
    """How strongly to augment.

    Attributes:
        chance: probability of each kind, per level.
        shift: largest shift in tiles, each way.
        cutout: side of the blank patch as a share of the level's.
    """

    chance: float = 0.5
    shift: int = 3
    cutout: float = 0.35


def augment(planes: Tensor, game: Game, how: Augmentation, rng: torch.Generator) -> Tensor:
    """Augment ``f32[N, P, H, W]`` planes, each level its own way; the result has the same shape."""
    count, _, height, width = planes.shape
    where = planes.device
    draw = torch.rand(8, count, generator=rng).to(where)
    if not how.chance:
        return planes
    rows = torch.arange(height, device=where).expand(count, height)
    columns = torch.arange(width, device=where).expand(count, width)
    if "flip_y" in game.training.symmetries:
        rows = torch.where(draw[0, :, None] < how.chance, height - 1 - rows, rows)
    if "flip_x" in game.training.symmetries:
        columns = torch.where(draw[1, :, None] < how.chance, width - 1 - columns, columns)
    moved = draw[2, :, None] < how.chance
    down = ((draw[3] * 2 - 1) * (how.shift + 0.5)).round().long()[:, None] * moved
    right = ((draw[4] * 2 - 1) * (how.shift + 0.5)).round().long()[:, None] * moved
    rows = rows.gather(1, (torch.arange(height, device=where) + down).clamp(0, height - 1))
    columns = columns.gather(1, (torch.arange(width, device=where) + right).clamp(0, width - 1))
    cells = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)
    moved_planes = planes.flatten(2).gather(2, cells[:, None].expand(-1, planes.shape[1], -1)).view_as(planes)
    tall, wide = max(1, round(height * how.cutout)), max(1, round(width * how.cutout))
    top = (draw[5] * (height + tall)).long()[:, None] - tall
    left = (draw[6] * (width + wide)).long()[:, None] - wide
    y, x = torch.arange(height, device=where), torch.arange(width, device=where)
    in_rows, in_columns = (y >= top) & (y < top + tall), (x >= left) & (x < left + wide)
    blank = (
        in_rows[:, None, :, None] & in_columns[:, None, None, :] & (draw[7] < how.chance)[:, None, None, None]
    )
    return moved_planes * (~blank).to(planes.dtype)
