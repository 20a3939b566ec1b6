"""The encoder of the warm start, and the reconstruction loss (variational autoencoder, Kingma and Welling 2014).

Both exist in training alone; a pack holds the generator only.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from levelforge.game import Game
from levelforge.training.gan_nets import Generator, PlainBlock, act, exact

FORBIDDEN = -30.0
"""Logit of a cell where no entity may stand."""


class Encoder(nn.Module):
    """Tile planes to the mean and log-variance of the latent that the generator should make them from.

    Args:
        planes: tiles in the vocabulary.
        latent_channels: Z.
        channels: features at strides 1, 2 and 4.
    """

    def __init__(
        self, planes: int, latent_channels: int, channels: tuple[int, int, int] = (32, 48, 64)
    ) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.enter = nn.Conv2d(planes, fine, 3, padding=1)
        self.to_middle = nn.Conv2d(fine, middle, 4, stride=2, padding=1)
        self.middle = PlainBlock(middle)
        self.to_coarse = nn.Conv2d(middle, coarse, 4, stride=2, padding=1)
        self.coarse = nn.Sequential(PlainBlock(coarse), PlainBlock(coarse))
        self.latent = nn.Conv2d(coarse, 2 * latent_channels, 3, padding=1)
        with torch.no_grad():
            self.latent.weight.mul_(0.3)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """``f32[N, tiles, H, W]`` one-hot to mean and log-variance, ``f32[N, Z, ceil(H/4), ceil(W/4)]`` each."""
        height, width = planes.shape[2:]
        planes = F.pad(planes, (0, -width % 4, 0, -height % 4))
        x = self.middle(act(self.to_middle(act(self.enter(planes)))))
        x = self.coarse(act(self.to_coarse(act(x))))
        mean, log_variance = exact(self.latent(act(x))).chunk(2, dim=1)
        return mean, log_variance.clamp(-8, 4)


class Reconstruction:
    """The negative evidence lower bound of real levels, in nats a tile.

    Args:
        game: whose vocabulary the levels use.
    """

    def __init__(self, game: Game) -> None:
        self.empty = int(game.ground[game.empty.id])
        self.ground = torch.from_numpy(game.ground)
        self.entities = [t.id for t in game.entities]
        self.terrains = len(game.terrain)

    def __call__(
        self,
        encoder: Encoder,
        generator: Generator,
        real: Tensor,
        condition: Tensor,
        kl_weight: float,
        dice: torch.Generator,
    ) -> dict[str, Tensor]:
        """Encode, sample a latent, decode, compare.

        Args:
            encoder, generator: the two halves.
            real: ``f32[N, tiles, H, W]`` one-hot levels.
            condition: ``f32[N, 1+E]``.
            kl_weight: weight of the divergence (1 is the evidence lower bound itself; Higgins et al. 2017).
            dice: draws the latents.

        Returns:
            ``terrain``: cross-entropy of the terrain; ``places``: that of each entity's cells among those free;
            ``kl``: the weighted divergence of the latents from the standard normal.
        """
        mean, log_variance = encoder(real)
        latent = mean + torch.exp(0.5 * log_variance) * torch.randn(mean.shape, generator=dice).to(
            mean.device
        )
        tiles = real.shape[2] * real.shape[3]
        truth = self.ground.to(real.device)[real.argmax(1)]
        x = generator.features(latent, condition)[:, :, : real.shape[2], : real.shape[3]]
        terrain = exact(generator.terrain(x)) - generator.lean[:, None, None]
        # where entities go is learned on the true terrain
        planes = F.one_hot(truth, self.terrains).permute(0, 3, 1, 2).to(x.dtype)
        places = exact(generator.entities(act(generator.furnish(torch.cat([x, planes], dim=1)))))
        places = places.masked_fill((truth != self.empty)[:, None], FORBIDDEN).flatten(2).log_softmax(2)
        chosen = real[:, self.entities].flatten(2)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        return {
            "terrain": F.cross_entropy(terrain, truth),
            "places": -(places * chosen).sum() / (len(real) * tiles),
            "kl": kl_weight * kl.sum() / (len(real) * tiles),
        }
