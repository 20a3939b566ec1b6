"""The GAN's two networks: a fully convolutional generator and a small conditional discriminator.

Neither normalises (as in R3GAN, Huang et al., NeurIPS 2024): residual branches start at zero
instead, so that a level's tiles never depend on the other levels of a batch or on the level's size.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from levelforge.decode import LATENT_CHANNELS
from levelforge.game import Game
from levelforge.training.placing import Decoded, Placing

STYLE_CHANNELS = 8
"""How many latent channels also speak for the whole level."""
SLOPE = 0.2


def act(x: Tensor) -> Tensor:
    """The activation of both networks."""
    return F.leaky_relu(x, SLOPE)


def exact(x: Tensor) -> Tensor:
    """As float32: what choices and losses are made of, even where convolutions run in bfloat16."""
    return x if x.dtype == torch.float32 else x.float()


def lively(*layers: nn.Module) -> None:
    """Initialise so that signals keep their size (He et al. 2015): else the latent fades on its way."""
    for layer in layers:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        nn.init.kaiming_normal_(layer.weight, a=SLOPE)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def count_parameters(module: nn.Module) -> int:
    """Trainable numbers in a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


class FilmBlock(nn.Module):
    """Residual block whose inner features are scaled and shifted by a style (FiLM, Perez et al. 2018)."""

    def __init__(self, channels: int, style: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = nn.Linear(style, 2 * channels)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``f32[N, C, h, w]`` and ``f32[N, S]`` to ``f32[N, C, h, w]``."""
        scale, shift = self.film(style)[:, :, None, None].chunk(2, dim=1)
        inner = self.first(act(x)) * (1 + scale) + shift
        out: Tensor = x + self.second(act(inner))
        return out


class Generator(nn.Module):
    """Latent and condition to logits over terrain and over each entity's places, then to tiles.

    Dilated blocks at stride 4 let every tile see some 60 tiles each way; the *style*, a summary of the
    whole latent of unit variance at any size, lets it agree with all others on what kind of level this is.

    Args:
        game: whose terrain and entities to make.
        channels: features at strides 4, 2 and 1.
        latent_channels: Z.
        tidy: names of terrain that never stands alone.

    Attributes:
        lean: ``f32[T]``, the part of the terrain's biases that was set by :class:`levelforge.training.balance.Balance`
            and not learnt; the reconstruction loss leaves it out.
    """

    lean: Tensor

    def __init__(
        self,
        game: Game,
        channels: tuple[int, int, int] = (64, 48, 32),
        latent_channels: int = LATENT_CHANNELS,
        tidy: Collection[str] = (),
    ) -> None:
        super().__init__()
        coarse, middle, fine = channels
        terrain, entities = len(game.terrain), len(game.entities)
        self.latent_channels = latent_channels
        style = 64
        self.styler = nn.Sequential(
            nn.Linear(STYLE_CHANNELS + 1 + entities, style),
            nn.LeakyReLU(SLOPE),
            nn.Linear(style, style),
            nn.LeakyReLU(SLOPE),
        )
        self.enter = nn.Conv2d(latent_channels, coarse, 3, padding=1)
        self.coarse = nn.ModuleList([FilmBlock(coarse, style, d) for d in (1, 2, 4, 1)])
        self.to_middle = nn.Conv2d(coarse, middle, 3, padding=1)
        self.middle = nn.ModuleList([FilmBlock(middle, style)])
        self.to_fine = nn.Conv2d(middle, fine, 3, padding=1)
        self.fine = FilmBlock(fine, style)
        self.terrain = nn.Conv2d(fine, terrain, 3, padding=1)
        self.register_buffer("lean", torch.zeros(terrain))
        # entities see the terrain as it will be, not as it might have been
        self.furnish = nn.Conv2d(fine + terrain, fine, 3, padding=1)
        self.entities = nn.Conv2d(fine, entities, 1)
        self.placing = Placing(game, tidy)
        lively(self.enter, self.to_middle, self.to_fine)

    def forward(self, latent: Tensor, condition: Tensor, counts: Tensor, noise: Tensor) -> Tensor:
        """Levels (the ONNX graph).

        Args:
            latent: ``f32[N, Z, ceil(H/4), ceil(W/4)]``, standard normal.
            condition: ``f32[N, 1+E]``, see :func:`levelforge.decode.condition`.
            counts: ``f32[N, E]`` whole numbers.
            noise: ``f32[N, T+E, H, W]`` Gumbel noise times a temperature.

        Returns:
            ``int32[N, H, W]`` tile ids.
        """
        return self.decode(latent, condition, counts, noise).tiles()

    def decode(self, latent: Tensor, condition: Tensor, counts: Tensor, noise: Tensor) -> Decoded:
        """As :meth:`forward`, with straight-through one-hot planes when training."""
        x = self.features(latent, condition)
        x = x[:, :, : noise.shape[2], : noise.shape[3]]
        terrain = self.placing.terrain(exact(self.terrain(x)), noise)
        x = act(self.furnish(torch.cat([x, terrain.planes.to(x.dtype)], dim=1)))
        return self.placing.entities(terrain, exact(self.entities(x)), noise, counts)

    def scores(
        self, latent: Tensor, condition: Tensor, _counts: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What :func:`levelforge.decode.place` decodes: terrain and entity scores, noise added."""
        x = self.features(latent, condition)[:, :, : noise.shape[2], : noise.shape[3]]
        terrain = self.placing.stirred(self.terrain(x), noise, terrain=True)
        planes = self.placing.terrain(self.terrain(x), noise).planes
        x = act(self.furnish(torch.cat([x, planes], dim=1)))
        return terrain, self.placing.stirred(self.entities(x), noise, terrain=False)

    def features(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Features ``f32[N, C, 4h, 4w]``, activated."""
        own = latent[:, :STYLE_CHANNELS]
        # the sum over cells over the root of their number: unit variance whatever the level's size
        cells = torch.ones_like(own).sum(dim=(2, 3))
        style = self.styler(torch.cat([own.sum(dim=(2, 3)) * cells.rsqrt(), condition * 2 - 1], dim=1))
        x = self.enter(latent)
        for block in self.coarse:
            x = block(x, style)
        x = self.to_middle(F.interpolate(act(x), scale_factor=2.0, mode="nearest"))
        for block in self.middle:
            x = block(x, style)
        x = self.to_fine(F.interpolate(act(x), scale_factor=2.0, mode="nearest"))
        return act(self.fine(x, style))


class PlainBlock(nn.Module):
    """Residual block without anything else."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        lively(self.first, self.second)
        with torch.no_grad():
            self.second.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        """``f32[N, C, h, w]`` to the same shape."""
        out: Tensor = x + self.second(act(self.first(act(x))))
        return out


class Discriminator(nn.Module):
    """Tile planes to one logit a level, conditional by projection (Miyato and Koyama 2018).

    Two judges are added: one of the whole level, through a dense layer at the coarsest scale, and one of
    every neighbourhood of some 20 tiles, averaged.

    Args:
        planes: input channels.
        conditions: length of the condition.
        size: (width, height) of the windows it judges.
        channels: features at strides 1, 2 and 4.
    """

    def __init__(
        self,
        planes: int,
        conditions: int,
        size: tuple[int, int],
        channels: tuple[int, int, int] = (32, 64, 96),
    ) -> None:
        super().__init__()
        fine, middle, coarse = channels
        width, height = -(-size[0] // 8), -(-size[1] // 8)
        wide = 128
        self.enter = nn.Conv2d(planes, fine, 3, padding=1)
        self.to_middle = nn.Conv2d(fine, middle, 4, stride=2, padding=1)
        self.middle = PlainBlock(middle)
        self.to_coarse = nn.Conv2d(middle, coarse, 4, stride=2, padding=1)
        self.coarse = PlainBlock(coarse)
        self.patch = nn.Conv2d(coarse, 1, 1)
        self.to_whole = nn.Conv2d(coarse, coarse, 4, stride=2, padding=1)
        self.whole = nn.Linear(coarse * width * height, wide)
        self.verdict = nn.Parameter(torch.randn(wide) / wide**0.5)
        lively(self.enter, self.to_middle, self.to_coarse, self.to_whole, self.whole)
        self.projection = nn.Sequential(
            nn.Linear(conditions, wide), nn.LeakyReLU(SLOPE), nn.Linear(wide, wide)
        )

    def forward(self, planes: Tensor, condition: Tensor) -> Tensor:
        """``f32[N, P, H, W]`` and ``f32[N, C]`` to logits ``f32[N]``, larger for real."""
        x = self.middle(self.to_middle(act(self.enter(planes))))
        x = act(self.coarse(self.to_coarse(act(x))))
        patches = exact(self.patch(x)).mean(dim=(1, 2, 3))
        whole = act(exact(self.whole(act(self.to_whole(x)).flatten(1))))
        agreement = (whole * exact(self.projection(condition * 2 - 1))).sum(1) / whole.shape[1] ** 0.5
        # as a sum of products: autocast would round a linear layer's logits
        out: Tensor = (whole * self.verdict).sum(1) + agreement + patches
        return out
