"""Keeps rare terrain in what the generator makes of random latents.

A decoder that reconstructs every corpus window still meets latents between them, where it is unsure, and the argmax
over its logits then takes the commonest terrain: ladders and spikes all but vanish, and no gradient brings them
back, since a choice that is never near has none. Adjusting the logits by the classes' shares (Menon et al., "Long-tail
learning via logit adjustment", ICLR 2021) does; here the adjustment follows what is made, as an integral controller,
and a pull on the shares keeps the generator from learning the other way.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from levelforge.game import Game
from levelforge.terrain import LEAST_SHARE
from levelforge.training.gan_nets import Generator

RARE = 0.1
"""Terrain with a smaller share of the corpus is rare; between the common ones the discriminator decides."""
FARTHEST = 4.0
"""The most that a logit is moved, either way."""
MEMORY = 0.95
"""How much of the running mean of the shares a step keeps."""


class Balance:
    """Moves a generator's biases of rare terrain until it makes as much of each as there is in the corpus.

    Each call moves the bias of terrain t by ``rate * log(share in the corpus / share made lately)``, and the same
    amount in :attr:`Generator.lean`, so that the reconstruction, which knows which tile is right, is not asked to
    undo it.

    Args:
        game: whose terrain.
        wanted: ``f64[terrain]`` shares, see :func:`levelforge.terrain.shares`.
        rate: see above; 0 leaves all biases alone.

    Attributes:
        active: whether there is anything to do: a rate, and rare terrain. Else call nothing here.
        made: ``f32[terrain]`` running mean of the shares made; empty before the first call.
    """

    def __init__(self, game: Game, wanted: NDArray[np.float64], rate: float) -> None:
        self.rate = rate
        self.ground = torch.from_numpy(game.ground)
        self.wanted = torch.from_numpy(wanted).float()
        self.rare = self.wanted < RARE
        self.active = bool(rate) and bool(self.rare.any())
        self.made = torch.zeros(0)

    def pull(self, planes: Tensor) -> Tensor:
        """A loss that keeps the generator from learning the other way, as tiles a level.

        ``sum_t log(made_t / wanted_t) * tiles_t`` over the rare terrain of levels ``f32[N, tiles, H, W]`` with
        straight-through gradients, which it has once a logit has been moved to where it is chosen at times. What was
        made lately must have been accounted for.
        """
        return (planes.sum((2, 3)) @ self._excess()[self.ground].to(planes.device)).mean()

    def __call__(self, generator: Generator, planes: Tensor) -> None:
        """Account for levels that the generator just made, ``f32[N, tiles, H, W]`` one-hot, and move its biases."""
        tiles = planes.mean((0, 2, 3)).float().cpu()
        now = torch.zeros_like(self.wanted).index_add_(0, self.ground, tiles)
        self.made = MEMORY * self.made + (1 - MEMORY) * now if len(self.made) else now
        lean = generator.lean
        move = (lean - self.rate * self._excess().to(lean.device)).clamp(-FARTHEST, FARTHEST) - lean
        lean += move
        with torch.no_grad():
            assert generator.terrain.bias is not None
            generator.terrain.bias += move

    def _excess(self) -> Tensor:
        """``f32[terrain]``: log of the share made lately over the share wanted; 0 for common terrain."""
        ratio = self.made.clamp(min=LEAST_SHARE) / self.wanted.clamp(min=LEAST_SHARE)
        return ratio.log() * self.rare
