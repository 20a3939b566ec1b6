"""The critic's network: tiles to what a playtest would say of them, differentiable in the tiles.

How hard a level is depends on what lies *on the way*, which small convolutions cannot know. So the network is
given the way: distances from the start and to the goal, worked out in the graph by :func:`spread` (value iteration
unrolled, as in Value Iteration Networks, Tamar et al. 2016, but with fixed weights), once by steps alone and once with
dangers priced in. They are constants to the gradient: it tells which things to place where on this way, not
how to bend it (what walls do to the way is the business of ``reach.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn
from torch.nn import functional as F

from levelforge.exporters.onnx_pack import export_model
from levelforge.game import Game, Role
from levelforge.playtest.fun import PARTS
from levelforge.training.gan_nets import PlainBlock, act, lively

SCORES = ("beatable", "difficulty", *PARTS)
"""The columns of the output."""
SPREADS = 80
"""Steps that distances spread: ways of up to twice as many are seen whole in their middle."""
FAR = 250.0
"""What stands for "cannot"; a wall costs as much."""
DANGER_PRICE = 8.0
BEAT = 3
"""Tiles each way that a patrol is expected to cover."""
_DANGERS = (Role.HAZARD, Role.ENEMY_H, Role.ENEMY_V)


def spread(sources: Tensor, cost: Tensor, steps: int = SPREADS) -> Tensor:
    """Cheapest ways over four neighbours from the sources.

    Args:
        sources: ``f32[N, C, H, W]`` 1 where ways begin.
        cost: ``f32[N, C, H, W]`` of entering a tile.
        steps: how far.

    Returns:
        ``f32[N, C, H, W]`` costs, at most :data:`FAR`.
    """
    gain = (sources - 1.0) * FAR
    if not torch.onnx.is_in_onnx_export():
        flat = gain.reshape(-1, *gain.shape[2:]).cpu().numpy().copy()
        _spread(flat, cost.reshape(flat.shape).contiguous().cpu().numpy(), steps)
        return -torch.from_numpy(flat).view(gain.shape).to(gain.device)
    # the same in operators that every engine has: maximum pooling of negative costs
    for _ in range(steps):
        rows = F.max_pool2d(gain, (3, 1), 1, (1, 0))
        columns = F.max_pool2d(gain, (1, 3), 1, (0, 1))
        gain = torch.maximum(gain, torch.maximum(rows, columns) - cost)
    return -gain


@njit(cache=True, nogil=True)
def _spread(gain, cost, steps):  # type: ignore[no-untyped-def]
    """:func:`spread` on ``gain f32[M, H, W]``, in place; ends early where nothing changes any more."""
    count, height, width = gain.shape
    old = np.empty((height, width), np.float32)
    for i in range(count):
        for _ in range(steps):
            old[:] = gain[i]
            changed = False
            for y in range(height):
                for x in range(width):
                    best = old[y, x]
                    if y > 0:
                        best = max(best, old[y - 1, x])
                    if y + 1 < height:
                        best = max(best, old[y + 1, x])
                    if x > 0:
                        best = max(best, old[y, x - 1])
                    if x + 1 < width:
                        best = max(best, old[y, x + 1])
                    best -= cost[i, y, x]
                    if best > old[y, x]:
                        gain[i, y, x] = best
                        changed = True
            if not changed:
                break


class CriticNet(nn.Module):
    """Scores of levels.

    Args:
        game: whose vocabulary they use.
        channels: features at strides 1, 2 and 4.
        hidden: features of the dense layer.
    """

    ids: Tensor
    sums: Tensor

    FIELDS = 7
    """Planes of :meth:`fields`."""
    AFTER_COUNTS = 6
    """Inputs of the dense layer that follow the counts of tiles."""

    def __init__(self, game: Game, channels: tuple[int, int, int] = (24, 40, 64), hidden: int = 96) -> None:
        super().__init__()
        fine, middle, coarse = channels
        tiles = len(game.tiles)
        rows = np.zeros((5, tiles), np.float32)  # solid, start, goal, hazard or patrol, patrol along x and y
        patrol = np.zeros((3, tiles), np.float32)
        for tile in game.tiles:
            rows[0, tile.id] = tile.role is Role.SOLID
            rows[1, tile.id] = tile.role is Role.START
            rows[2, tile.id] = tile.role is Role.GOAL
            rows[3, tile.id] = tile.role in _DANGERS
            rows[4, tile.id] = tile.role is Role.HAZARD
            patrol[0, tile.id] = tile.role is Role.ENEMY_H
            patrol[1, tile.id] = tile.role is Role.ENEMY_V
            patrol[2, tile.id] = tile.role in (Role.SOLID, Role.ONE_WAY, Role.LADDER)
        self.register_buffer(
            "sums", torch.from_numpy(np.concatenate([rows, patrol]))[:, :, None, None], persistent=False
        )
        self.register_buffer("ids", torch.arange(tiles).float()[None, :, None, None], persistent=False)
        planes = tiles + self.FIELDS + 2
        self.enter = nn.Conv2d(planes, fine, 3, padding=1)
        self.fine = PlainBlock(fine)
        self.to_middle = nn.Conv2d(fine, middle, 4, stride=2, padding=1)
        self.middle = PlainBlock(middle)
        self.to_coarse = nn.Conv2d(middle, coarse, 4, stride=2, padding=1)
        self.coarse = PlainBlock(coarse)
        self.dense = nn.Linear(3 * fine + 2 * coarse + tiles + self.AFTER_COUNTS, hidden)
        self.out = nn.Linear(hidden, len(SCORES))
        lively(self.enter, self.to_middle, self.to_coarse, self.dense)

    def forward(self, tiles: Tensor) -> Tensor:
        """``f32[N, H, W]`` tile ids to ``f32[N, 7]`` scores in [0, 1] (the ONNX graph); see :data:`SCORES`."""
        planes = (tiles[:, None] == self.ids).to(tiles.dtype)
        return torch.sigmoid(self.logits(planes, self.fields(planes)))

    @torch.no_grad()
    def fields(self, planes: Tensor) -> Tensor:
        """What is known of the way, from one-hot planes ``f32[N, tiles, H, W]``.

        Returns:
            ``f32[N, 7, H, W]``: how nearly a tile lies on a shortest way, and on a safest one; distances from the
            start and to the goal; what dangers add to the price of the way over this tile; where no way leads;
            and where nothing below carries.
        """
        kinds = F.conv2d(planes, self.sums)
        solid, start, goal = kinds[:, :1], kinds[:, 1:2], kinds[:, 2:3]
        beat = torch.maximum(
            F.max_pool2d(kinds[:, 5:6], (1, 2 * BEAT + 1), 1, (0, BEAT)),
            F.max_pool2d(kinds[:, 6:7], (2 * BEAT + 1, 1), 1, (BEAT, 0)),
        )
        risky = torch.maximum(kinds[:, 4:5], beat)
        plain = 1 + FAR * solid
        priced = plain + DANGER_PRICE * risky
        cost = torch.cat([plain, priced, plain, priced], dim=1)
        ways = spread(torch.cat([start, start, goal, goal], dim=1), cost)
        over = ways[:, :2] + ways[:, 2:] - cost[:, :2] + 1
        best = over.amin(dim=(2, 3), keepdim=True)
        near = torch.exp((best - over) / 3)
        lost = (ways[:, :1] >= FAR).to(planes.dtype)
        slack = ((over[:, 1:] - over[:, :1]) / 32).clamp(max=2.0)
        carrying = kinds[:, 7:8]
        for step in (1, 2, 4, 8, 16, 32, 64):
            carrying = torch.maximum(carrying, F.pad(carrying, (0, 0, 0, step))[:, :, step:])
        return torch.cat([near, ways[:, [0, 2]] / FAR * 2, slack, lost, 1 - carrying], dim=1)

    def logits(self, planes: Tensor, fields: Tensor) -> Tensor:
        """``f32[N, 7]`` before the sigmoid, from one-hot (or straight-through) planes and their fields."""
        danger = (planes * self.sums[3:4, :, 0, 0][:, :, None, None]).sum(1, keepdim=True)
        shortest, safest = fields[:, :1], fields[:, 1:2]
        met = torch.cat([danger * shortest, danger * safest], dim=1)
        x = self.fine(self.enter(torch.cat([planes, fields, met], dim=1)))
        fine = act(x)
        x = self.middle(self.to_middle(fine))
        x = act(self.coarse(self.to_coarse(act(x))))
        least = fields.amin(dim=(2, 3))
        scale = 1 / 16
        parts = [
            fine.mean(dim=(2, 3)),
            (fine * shortest).sum(dim=(2, 3)) * scale,
            (fine * safest).sum(dim=(2, 3)) * scale,
            x.mean(dim=(2, 3)),
            x.amax(dim=(2, 3)),
            planes.sum(dim=(2, 3)) * scale,
            met.sum(dim=(2, 3)),
            shortest.sum(dim=(2, 3)) * scale,
            safest.sum(dim=(2, 3)) * scale,
            least[:, 4:6],
        ]
        out: Tensor = self.out(act(self.dense(torch.cat(parts, dim=1))))
        return out


def export_critic(net: CriticNet, game: Game, metadata: Mapping[str, Any] | None = None) -> bytes:
    """The bytes of the ONNX file: input ``tiles`` (float32 ids), output ``scores``.

    Raises:
        LevelForgeError: see :func:`levelforge.exporters.onnx_pack.export_model`.
    """
    example = torch.full((2, game.height, game.width), float(game.empty.id))
    example[:, 0, 0] = float(game.of_role(Role.START)[0].id)
    facts = {
        "kind": "critic",
        "game": game.name,
        "game_digest": game.digest,
        "scores": list(SCORES),
        **(metadata or {}),
    }
    axes = {"tiles": {0: "n", 1: "height", 2: "width"}, "scores": {0: "n"}}
    return export_model(net, [example], ["tiles"], ["scores"], axes, facts)
