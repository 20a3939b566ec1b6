"""What can be walked to, as a plane that the discriminator sees and the generator can learn from.

Connectivity is a property of the whole level that small convolutions judge badly. So the
discriminator is shown, beside the tiles, how well each cell can be reached from the start:
``exp(-DECAY * cost)``, where the cost of the cheapest way counts the walls and doors it breaks through.
Real levels have it at 1 or behind a door nearly everywhere; a sealed-off room stands out. Nothing says that
more is better: the plane is only evidence, and the corpus is the measure, so it cannot be hoarded.

The gradient goes to the walls on the way: what the plane would gain if that wall were open.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from levelforge.game import Game, Role

DECAY = 0.7
WALL, DOOR = 4, 1
"""Cost of a wall and of a door; anything else is free."""

WEIGHT = 0.3
"""How large the plane is beside the tiles' ones: evidence among others, not the first thing learnt."""

_SOLID, _START, _DOOR = int(Role.SOLID), int(Role.START), int(Role.DOOR)


@njit(cache=True, nogil=True)
def _walk(roles, cost, parent, order):  # type: ignore[no-untyped-def]
    """Cheapest ways from the start over a grid of roles (Dial's buckets).

    Fills ``cost`` int32[HW] (-1 nowhere), ``parent`` int32[HW] and ``order`` int32[HW] (cells as settled);
    returns how many cells are settled.
    """
    height, width = roles.shape
    cells = height * width
    cost[:] = -1
    parent[:] = -1
    head = np.full(WALL + 1, -1, np.int32)  # a ring of buckets: no step costs more than WALL
    entries = np.empty(5 * cells + 1, np.int32)
    chain = np.empty(5 * cells + 1, np.int32)
    made = 0
    best = np.full(cells, 1 << 30, np.int32)
    for c in range(cells):
        if roles[c // width, c % width] == _START:
            best[c] = 0
            entries[made] = c
            chain[made] = head[0]
            head[0] = made
            made += 1
    settled = 0
    now = 0
    idle = 0
    while idle <= WALL:
        slot = now % (WALL + 1)
        if head[slot] < 0:
            now += 1
            idle += 1
            continue
        idle = 0
        c = entries[head[slot]]
        head[slot] = chain[head[slot]]
        if cost[c] >= 0:
            continue
        cost[c] = now
        order[settled] = c
        settled += 1
        y, x = c // width, c % width
        for d in range(4):
            ny = y + (d == 1) - (d == 0)
            nx = x + (d == 3) - (d == 2)
            if ny < 0 or nx < 0 or ny >= height or nx >= width:
                continue
            n = ny * width + nx
            kind = roles[ny, nx]
            step = WALL if kind == _SOLID else (DOOR if kind == _DOOR else 0)
            if cost[n] < 0 and now + step < best[n]:
                best[n] = now + step
                parent[n] = c
                entries[made] = n
                chain[made] = head[(now + step) % (WALL + 1)]
                head[(now + step) % (WALL + 1)] = made
                made += 1
    return settled


@njit(cache=True, nogil=True)
def _walk_batch(roles, plane, parents, orders, settled):  # type: ignore[no-untyped-def]
    count, height, width = roles.shape
    cost = np.empty(height * width, np.int32)
    for i in range(count):
        settled[i] = _walk(roles[i], cost, parents[i], orders[i])
        for c in range(height * width):
            if cost[c] >= 0 and roles[i, c // width, c % width] != _SOLID:
                plane[i, c] = np.exp(-DECAY * cost[c])
            else:
                plane[i, c] = 0.0


@njit(cache=True, nogil=True)
def _walk_gradient(roles, plane, parents, orders, settled, grad, wall_grad):  # type: ignore[no-untyped-def]
    """``wall_grad[w]``: what opening wall w does to the loss, through every cell whose way breaks it."""
    count, height, width = roles.shape
    gain = np.exp(DECAY * WALL) - 1.0
    below = np.empty(height * width, np.float32)
    for i in range(count):
        below[:] = grad[i] * plane[i]
        for k in range(settled[i] - 1, -1, -1):
            c = orders[i, k]
            if roles[i, c // width, c % width] == _SOLID:
                wall_grad[i, c] = below[c] * gain
            if parents[i, c] >= 0:
                below[parents[i, c]] += below[c]


class _Reach(torch.autograd.Function):
    """``walls f32[N, H, W]`` (its values unused but for the gradient), roles -> plane."""

    @staticmethod
    def forward(ctx: Any, _walls: Tensor, roles: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
        count, height, width = roles.shape
        cells = height * width
        plane = np.empty((count, cells), np.float32)
        parents = np.empty((count, cells), np.int32)
        orders = np.empty((count, cells), np.int32)
        settled = np.empty(count, np.int32)
        _walk_batch(roles, plane, parents, orders, settled)
        ctx.kept = roles, plane, parents, orders, settled
        return torch.from_numpy(plane).view(count, 1, height, width).to(_walls.device)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        roles, plane, parents, orders, settled = ctx.kept
        wall_grad = np.zeros_like(plane)
        flat = np.ascontiguousarray(grad.detach().reshape(plane.shape).cpu().numpy())
        _walk_gradient(roles, plane, parents, orders, settled, flat, wall_grad)
        # opening a wall is its plane going from 1 to 0
        return -torch.from_numpy(wall_grad).view(roles.shape).to(grad.device), None


class Senses:
    """What the discriminator sees beside the tiles.

    Attributes:
        planes: how many planes it adds.
    """

    def __init__(self, game: Game) -> None:
        self.game = game
        self.planes = 1 if game.movement == "topdown" else 0
        self._solid = [t.id for t in game.tiles if t.role is Role.SOLID]

    def __call__(self, tiles: Tensor) -> Tensor:
        """Append the senses to one-hot planes: ``f32[N, tiles, H, W]`` to ``f32[N, tiles + planes, H, W]``."""
        if not self.planes:
            return tiles
        roles = self.game.roles[tiles.detach().argmax(1).cpu().numpy()]
        walls = tiles[:, self._solid].sum(1)
        reach: Tensor = _Reach.apply(walls, np.ascontiguousarray(roles))  # type: ignore[no-untyped-call]
        return torch.cat([tiles, WEIGHT * reach], dim=1)

    def cut_off(self, sensed: Tensor) -> Tensor:
        """Mean share of a level's tiles that are free but walled off, from what :meth:`__call__` returned.

        Its gradient can only open walls that stand in the way, and is gone once none does.
        """
        if not self.planes:
            return sensed.new_zeros(())
        free = 1 - sensed[:, self._solid].detach().sum(1)
        return (free * (1 - sensed[:, -1] / WEIGHT)).mean()
