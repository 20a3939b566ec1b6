"""What pulls the generator besides the discriminator: the critic's scores, the playtester's value, novelty, variety.

The critic (Generative Playing Networks and PCGRL have rewards in its place; here it is a network, so its gradient
reaches the tiles) asks for beatable levels, of the difficulty that was asked for, and fun ones. The value gradient
asks for levels that the playtester thinks it will win, -E[max_a Q(s0, a)] (Bontrager and Togelius 2020,
https://arxiv.org/abs/2002.05259), through what it sees at the start. Novelty is a hinge on the
share of tiles that a candidate has in common with its nearest corpus window, and variety one on the share that
candidates have in common with each other: whatever favours some levels over others makes all of them more alike
(cf. mode seeking, Mao et al. 2019, https://arxiv.org/abs/1903.05628).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from levelforge.env import BatchEnv
from levelforge.game import Game, Role
from levelforge.playtest.observation import (
    MAP_COLUMNS,
    MAP_ROWS,
    N_CODES,
    PLANE_CLIMB,
    PLANE_DANGER,
    PLANE_SOLID,
    PLANE_TREAT,
)  # fmt: skip
from levelforge.training.critic_net import SCORES, CriticNet
from levelforge.training.placing import one_hot, straight_through
from levelforge.training.playtester_net import PlaytesterNet


@dataclass(frozen=True)
class SteerWeights:
    """Weights of the terms beside the adversarial loss; 0 switches one off.

    Attributes:
        beatable: of -log of the critic's probability.
        difficulty: of the squared distance between predicted and asked difficulty.
        fun: of 1 - predicted fun.
        value: of minus the playtester's value of the start.
        novel: of the hinge on likeness to the nearest corpus window.
        novelty: share of differing tiles from which the hinge is content.
        varied: of the hinge on candidates' likeness to each other beyond what it was when steering began.
    """

    beatable: float = 0.3
    difficulty: float = 24.0
    fun: float = 16.0
    value: float = 0.1
    novel: float = 10.0
    novelty: float = 0.16
    varied: float = 10.0


class Steering:
    """Differentiable terms of the generator's loss.

    Args:
        game: the game.
        corpus: ``uint8[K, H, W]`` windows (in all their turns) that candidates should differ from.
        weights: see :class:`SteerWeights`.
        critic: a frozen critic, or None.
        playtester: a frozen playtester, or None.
        device: where all of them and the planes are.

    Attributes:
        scale: factor of the critic's and the playtester's terms; a guard sets it to 0 while the critic errs.
        variety: :func:`variety` of candidates that ask for no difficulty, to be kept.
    """

    def __init__(
        self,
        game: Game,
        corpus: NDArray[np.uint8],
        weights: SteerWeights,
        critic: CriticNet | None = None,
        playtester: PlaytesterNet | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.game, self.weights, self.critic, self.playtester = game, weights, critic, playtester
        self.scale = 1.0
        self.variety = 0.0
        self._corpus = one_hot(corpus, len(game.tiles), device).flatten(1)
        self._area = corpus.shape[1] * corpus.shape[2]
        self._fun = torch.tensor([float(game.measures.weights[name]) for name in SCORES[2:]], device=device)
        self._fun = self._fun / self._fun.sum().clamp(min=1e-9)
        self._start = game.of_role(Role.START)[0].id
        roles = torch.tensor([int(t.role) for t in game.tiles])
        codes = F.one_hot(roles, N_CODES).float()
        for tile in game.tiles:  # a patrol is drawn by its heading, not by its role
            if tile.role in (Role.ENEMY_H, Role.ENEMY_V):
                codes[tile.id] = 0
        self._codes = codes.T[:, :, None, None].contiguous().to(device)

    def __call__(self, planes: Tensor, asked: Tensor, wanted: Tensor) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of straight-through candidates.

        Args:
            planes: ``f32[N, tiles, H, W]``.
            asked: ``f32[N]`` difficulty asked for.
            wanted: ``f32[N]`` 1 where a difficulty was asked for at all.

        Returns:
            The loss and its terms, unweighted, by name.
        """
        w = self.weights
        total = planes.new_zeros(())
        terms: dict[str, float] = {}
        if w.novel:
            alike = (planes.flatten(1) @ self._corpus.T).amax(1) / self._area
            term = F.relu(alike - (1 - w.novelty)).mean()
            total, terms["likeness"] = total + w.novel * term, float(alike.detach().mean())
        if w.varied and len(plain := planes[wanted == 0]) > 1:
            differing = variety(plain)
            total = total + w.varied * F.relu(self.variety - differing)
            terms["variety"] = float(differing.detach())
        if self.scale and self.critic is not None:
            logits = self.critic.logits(planes, self.critic.fields(planes))
            scores = torch.sigmoid(logits)
            unbeatable = F.softplus(-logits[:, 0]).mean()
            miss = ((scores[:, 1] - asked).square() * wanted).sum() / wanted.sum().clamp(min=1)
            fun = (scores[:, 2:] * self._fun).sum(1).mean()
            total = total + self.scale * (w.beatable * unbeatable + w.difficulty * miss + w.fun * (1 - fun))
            terms |= {
                "steer_beatable": float(scores[:, 0].detach().mean()),
                "steer_miss": float(miss.detach()) ** 0.5,
                "steer_fun": float(fun.detach()),
            }
        if self.scale and self.playtester is not None and w.value:
            value = self.value(planes).mean()
            total, terms["steer_value"] = total - self.scale * w.value * value, float(value.detach())
        return total, terms

    def value(self, planes: Tensor) -> Tensor:
        """``f32[N]``: max over a of Q(s0, a), with gradients through the view and the overview.

        What the playtester sees is computed by the environments themselves; the gradient goes the straight
        way from each seen cell to the tile there. The way to the goal and the patrols' headings are constants.
        """
        assert self.playtester is not None
        tiles = planes.detach().argmax(1).cpu().numpy().astype(np.uint8)
        env = BatchEnv(self.game, tiles, len(tiles), seed=0, shaping=False, autoreset=False)
        obs = env.restart(np.arange(len(tiles)), np.arange(len(tiles)))
        there = {name: torch.from_numpy(rows).to(planes.device) for name, rows in obs.items()}
        view = there["view"]
        soft = F.conv2d(planes, self._codes)
        seen = one_hot(obs["view"][:, 0], N_CODES, planes.device)
        seen = straight_through(seen, self._crop(soft, tiles, view.shape[2], view.shape[3]))
        far = there["map"].float()
        return self.playtester.values(
            seen, view[:, 1:], straight_through(far, self._binned(soft, far)),
            there["scalars"], there["persona"],
        ).amax(1)  # fmt: skip

    def _crop(self, soft: Tensor, tiles: NDArray[np.uint8], rows: int, columns: int) -> Tensor:
        """``f32[N, codes, VH, VW]`` around each start."""
        padded = F.pad(soft, (columns // 2, columns // 2, rows // 2, rows // 2))
        flat = (tiles.reshape(len(tiles), -1) == self._start).argmax(1)
        width = tiles.shape[2]
        views = [
            padded[i, :, y : y + rows, x : x + columns]
            for i, (y, x) in enumerate(zip(flat // width, flat % width, strict=True))
        ]
        return torch.stack(views)

    @staticmethod
    def _binned(soft: Tensor, far: Tensor) -> Tensor:
        """Shares of walls, dangers, treats and things to climb in the overview's bins; other planes as they are."""
        share = F.adaptive_avg_pool2d(soft, (MAP_ROWS, MAP_COLUMNS)) * 255
        planes = list(far.unbind(1))
        kinds = {
            PLANE_SOLID: (Role.SOLID,),
            PLANE_DANGER: (Role.HAZARD,),
            PLANE_TREAT: (Role.COLLECTIBLE, Role.HEAL),
            PLANE_CLIMB: (Role.ONE_WAY, Role.LADDER),
        }
        for plane, roles in kinds.items():
            planes[plane] = torch.stack([share[:, int(role)] for role in roles]).sum(0)
        return torch.stack(planes, dim=1)


def variety(planes: Tensor) -> Tensor:
    """Mean share of tiles in which two of ``f32[N, tiles, H, W]`` levels differ, over all pairs."""
    flat = planes.flatten(1)
    area = planes.shape[2] * planes.shape[3]
    pairs = len(flat) * (len(flat) - 1)
    return 1 - (flat.sum(0).square().sum() - flat.square().sum()) / (pairs * area)
