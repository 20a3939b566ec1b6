"""The decoder in torch: exact counts of entities, in the ONNX graph and, with gradients, in training.

The rules of placing are those of :func:`levelforge.decode.place`, the plain reference. In training the
planes are *straight-through*: their values are the decoder's hard choices, so that the discriminator
judges what will be shipped and has no cue in softness; their gradients are those of the softmax the
choice was made from (Jang, Gu and Poole 2017), for places of :func:`share_out`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from levelforge.decode import MISPLACED, NOT_EMPTY, ON_BORDER, TAKEN, KeepOff
from levelforge.game import Game, Role

# Gradients come from softer choices than the values do, so that they also reach what was nearly chosen.
TERRAIN_SOFTNESS, ENTITY_SOFTNESS = 1.0, 3.0


@dataclass
class Terrain:
    """One-hot terrain and what placing needs to know of it.

    Attributes:
        planes: ``f32[N, T, H, W]`` one-hot (straight-through in training).
        empty, solid, bearing: ``f32[N, 1, H, W]`` 0 or 1: plain free space, walls, and what one can stand on.
        border: ``f32[N, 1, H, W]`` 1 on the level's edge if the game wants it solid, else 0.
    """

    planes: Tensor
    empty: Tensor
    solid: Tensor
    bearing: Tensor
    border: Tensor


@dataclass
class Decoded:
    """A decoded batch.

    Attributes:
        planes: ``f32[N, tiles, H, W]`` one-hot in the order of tile ids (straight-through in training).
    """

    planes: Tensor

    def tiles(self) -> Tensor:
        """``int32[N, H, W]`` tile ids."""
        # a weighted sum and not an argmax: int32 from the start, and exact for one-hot planes
        # a constant in the graph, where arange would be a Range whose limit OpenCV wants of another type
        ids = torch.tensor(
            range(int(self.planes.shape[1])), dtype=self.planes.dtype, device=self.planes.device
        )
        return (self.planes * ids[None, :, None, None]).sum(1).round().to(torch.int32)


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """The value of ``hard`` with the gradient of ``soft``."""
    return hard + (soft - soft.detach())


def one_hot(ids: np.ndarray[Any, np.dtype[Any]], kinds: int, device: torch.device | str = "cpu") -> Tensor:
    """Ids ``int[N, H, W]`` below ``kinds`` as planes ``f32[N, kinds, H, W]``."""
    there = torch.from_numpy(ids.astype(np.int64)).to(device)
    return F.one_hot(there, kinds).permute(0, 3, 1, 2).float()


def bounded(logits: Tensor) -> Tensor:
    """Logits kept within 15: sure enough for any choice, and never near the prices of bad places.

    The bound is approached slowly, so that a logit that has gone too far still learns its way back.
    """
    return logits / (1 + logits.abs() / 15)


def share_out(scores: Tensor, counts: Tensor) -> Tensor:
    """Shares of ``counts f32[N, E]`` things over cells by ``f32[N, E, H, W]`` scores; none above 1.

    The smooth form of "the best ``count``": ``sigmoid(score - level)`` with the level at which the shares
    add up to the count (Fermi and Dirac's distribution; for one thing among many cells, the softmax).
    """
    flat = scores.flatten(2)
    with torch.no_grad():
        some = counts[:, :, None].clamp(min=1e-3)
        high = flat.amax(2, keepdim=True) + 2.0
        low = high - 60.0
        for _ in range(12):
            level = (low + high) / 2
            above = torch.sigmoid(flat - level).sum(2, keepdim=True) > some
            low, high = torch.where(above, level, low), torch.where(above, high, level)
        level = (low + high) / 2
        share = torch.sigmoid(flat - level)
        slope = share * (1 - share)
        slope = slope / slope.sum(2, keepdim=True).clamp(min=1e-9)
    # the level follows the scores, so that a share gained is a share lost elsewhere
    middle = (slope * flat).sum(2, keepdim=True)
    shared = torch.sigmoid(flat - middle + (middle - level).detach()) * (counts[:, :, None] > 0)
    return shared.view_as(scores)


class Placing(nn.Module):
    """Decodes terrain logits, then places each entity in turn.

    Args:
        game: whose rules of placing to follow.
        tidy: names of terrain that never stands alone, see :func:`levelforge.decode.tidied`.
        terrain_noise, entity_noise: how strongly the noise stirs the two kinds of logits. Terrain is nearly
            settled by the latent, or levels would be speckled.
    """

    order: Tensor
    member: Tensor
    wall: Tensor
    cross: Tensor
    alone: Tensor
    plain: Tensor

    def __init__(
        self,
        game: Game,
        tidy: Collection[str] = (),
        *,
        terrain_noise: float = 0.1,
        entity_noise: float = 1.0,
    ) -> None:
        super().__init__()
        self.terrain_noise, self.entity_noise = terrain_noise, entity_noise
        self.terrains = len(game.terrain)
        self.places = [t.place for t in game.entities]
        self.goals = [t.role is Role.GOAL for t in game.entities]
        self.starts = [t.role is Role.START for t in game.entities]
        self.most = [(game.count_ranges[t.name], t.scales) for t in game.entities]
        self.area = game.width * game.height
        self.keep_off = KeepOff.of(game)
        self.solid_border = game.constraints.solid_border
        self.solid_index = int(game.ground[game.solid.id])
        roles = torch.tensor([int(t.role) for t in game.terrain])
        kinds = [(Role.EMPTY,), (Role.SOLID,), (Role.SOLID, Role.ONE_WAY)]
        member = [[float(int(r) in [int(k) for k in kind]) for r in roles] for kind in kinds]
        self.register_buffer("member", torch.tensor(member), persistent=False)
        ids = [t.id for t in game.terrain] + [t.id for t in game.entities]
        self.register_buffer("order", torch.tensor(np.argsort(ids)), persistent=False)
        ground = torch.zeros(len(game.terrain))
        ground[self.solid_index] = 1.0
        self.register_buffer("wall", ground[None, :, None, None], persistent=False)
        names = [t.name for t in game.terrain]
        self.fill_holes = game.empty.name in tidy
        self.tidies = any(name in tidy for name in names if name != game.empty.name)
        alone = torch.tensor([float(name in tidy and name != game.empty.name) for name in names])
        plain = torch.tensor([float(name == game.empty.name) for name in names])
        plus = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
        self.register_buffer("alone", alone[None, :, None, None], persistent=False)
        self.register_buffer("plain", plain[None, :, None, None], persistent=False)
        self.register_buffer("cross", torch.eye(len(names))[:, :, None, None] * plus, persistent=False)

    def stirred(self, logits: Tensor, noise: Tensor, *, terrain: bool) -> Tensor:
        """Scores: logits with their share of the noise."""
        if terrain:
            # only differences count; without the mean they cannot all run into the bound together
            logits = logits - logits.mean(1, keepdim=True)
            return bounded(logits) + self.terrain_noise * noise[:, : self.terrains]
        return bounded(logits) + self.entity_noise * noise[:, self.terrains :]

    def terrain(self, logits: Tensor, noise: Tensor) -> Terrain:
        """Choose terrain from ``f32[N, T, H, W]`` logits and noise (the first T planes of it)."""
        scores = self.stirred(logits, noise, terrain=True)
        planes = self._tidied(self._one_hot(scores))
        if self.training:
            planes = straight_through(planes, (scores / TERRAIN_SOFTNESS).softmax(1))
        inside = torch.ones_like(planes[:, :1, 1:-1, 1:-1])
        border = 1 - F.pad(inside, (1, 1, 1, 1)) if self.solid_border else torch.zeros_like(planes[:, :1])
        if self.solid_border:
            planes = planes * (1 - border) + self.wall * border
        kinds = F.conv2d(planes.detach(), self.member[:, :, None, None])
        return Terrain(planes, kinds[:, :1], kinds[:, 1:2], kinds[:, 2:3], border)

    def entities(self, terrain: Terrain, logits: Tensor, noise: Tensor, counts: Tensor) -> Decoded:
        """Place ``counts f32[N, E]`` entities by ``f32[N, E, H, W]`` logits and noise (its last E planes)."""
        scores = self.stirred(logits, noise, terrain=False)
        misfit = {place: MISPLACED * (1 - suits) for place, suits in self._suits(terrain).items()}
        closed = NOT_EMPTY * (1 - terrain.empty) + ON_BORDER * terrain.border
        taken = torch.zeros_like(terrain.empty)
        hard, kept, too_near = [], [], torch.zeros_like(terrain.empty)
        for e, place in enumerate(self.places):
            score = scores[:, e : e + 1] - misfit[place] - closed - TAKEN * taken
            if self.goals[e]:
                score = score - MISPLACED * too_near
            mask = self._top(score, counts[:, e], e)
            if self.starts[e]:
                too_near = self._near(mask)
            taken = taken + mask
            hard.append(mask)
            kept.append(score)
        planes = torch.cat([terrain.planes * (1 - taken), *hard], dim=1)
        if self.training:
            soft = share_out(torch.cat(kept, dim=1) / ENTITY_SOFTNESS, counts)
            # an entity gained is terrain lost
            left = 1 - straight_through(taken, soft.sum(1, keepdim=True))
            planes = torch.cat([terrain.planes * left, straight_through(planes[:, self.terrains :], soft)], 1)
        return Decoded(planes[:, self.order])

    def _near(self, start: Tensor) -> Tensor:
        """Cells too near to the start for a goal, ``f32[N, 1, H, W]`` 0 or 1; see :class:`KeepOff`."""
        ones = torch.ones_like(start[:1])
        row, column = ones.cumsum(2), ones.cumsum(3)
        sides = row[:, :, -1:, :1] + column[:, :, :1, -1:]
        steps = (column - (start * column).sum((2, 3), keepdim=True)).abs()
        if self.keep_off.rows:
            steps = steps + (row - (start * row).sum((2, 3), keepdim=True)).abs()
        least = torch.floor(sides * self.keep_off.steps / self.keep_off.sides).clamp(max=self.keep_off.steps)
        return (steps < least).to(start.dtype)

    def _tidied(self, planes: Tensor) -> Tensor:
        """One-hot terrain without tiles that stand alone; see :func:`levelforge.decode.tidied`."""
        if self.tidies:
            beside = F.conv2d(planes, self.cross, padding=1)
            lone = planes * self.alone * (beside < 0.5).to(planes.dtype)
            planes = planes - lone + self.plain * lone.sum(1, keepdim=True)
        if self.fill_holes:
            solid = F.conv2d(planes, self.member[1:2, :, None, None])
            around = F.conv2d(F.pad(solid, (1, 1, 1, 1), value=1.0), self.cross[:1, :1])
            hole = (planes * self.plain).sum(1, keepdim=True) * (around > 3.5).to(planes.dtype)
            planes = planes * (1 - hole) + self.wall * hole
        return planes

    @staticmethod
    def _one_hot(scores: Tensor) -> Tensor:
        """One-hot of the argmax over axis 1; the first of equals, as NumPy and ONNX have it."""
        best = scores.detach().argmax(1, keepdim=True)
        return torch.cat([(best == i).to(scores.dtype) for i in range(scores.shape[1])], dim=1)

    def _suits(self, terrain: Terrain) -> dict[str, Tensor]:
        """Where each kind of place is, ``f32[N, 1, H, W]`` 0 or 1. Outside the map counts as solid."""
        walls = F.pad(terrain.solid, (1, 1, 1, 1), value=1.0)
        between_columns = walls[:, :, 1:-1, :-2] * walls[:, :, 1:-1, 2:]
        between_rows = walls[:, :, :-2, 1:-1] * walls[:, :, 2:, 1:-1]
        return {
            "floor": torch.ones_like(terrain.solid),
            "ground": F.pad(terrain.bearing, (0, 0, 0, 1))[:, :, 1:],
            "doorway": torch.maximum(between_columns, between_rows),
        }

    def _top(self, score: Tensor, count: Tensor, entity: int) -> Tensor:
        """The ``count[n]`` best places of ``f32[N, 1, H, W]`` scores, as a mask of 0 and 1."""
        flat = score.detach().flatten(1)
        if torch.onnx.is_in_onnx_export():
            most = self._most(flat, entity)
        else:
            most = int(count.max().clamp(min=1, max=flat.shape[1]))
        _, index = flat.topk(most, dim=1)
        rank = torch.ones_like(index).cumsum(1).to(count.dtype)
        keep = (rank <= count[:, None]).to(score.dtype)
        return torch.zeros_like(flat).scatter(1, index, keep).view_as(score)

    def _most(self, flat: Tensor, entity: int) -> Any:
        """At least as many as a level of this size may hold of an entity, by :meth:`Game.counts`.

        A tensor, so that the graph works it out anew for each size; but from the size alone, for OpenCV
        asks how many are wanted only when the shapes of its inputs change.
        """
        (low, high), scales = self.most[entity]
        cells = torch.ones_like(flat[:1]).sum()
        most = torch.floor(cells * high / self.area) + 1 if scales else torch.full_like(cells, high)
        return torch.minimum(most.clamp(min=max(low, 1)), cells).to(torch.int64)
