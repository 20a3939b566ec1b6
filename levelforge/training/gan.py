"""The GAN's training: a reconstructing warm start, relativistic or Wasserstein losses, lazy penalties, EMA,
solver-judged keeping.

The generator first learns to decode what an encoder makes of corpus windows (a variational autoencoder); then
the discriminator joins in and judges what it makes of random latents, with reconstruction kept at a small
weight (VAE-GAN, Larsen et al. 2016). Tens of levels are too few to find rooms from a discriminator's word
alone in minutes; and a generator that must reconstruct all of them cannot collapse onto one.

One step, top to bottom, is :meth:`GanTrainer.step`. Every random number of a step comes from a generator
seeded with (seed, step), so a run continued from a checkpoint takes just the steps it would have taken.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from levelforge import decode
from levelforge.corpus import Corpus
from levelforge.errors import LevelForgeError
from levelforge.exporters.onnx_pack import export_model
from levelforge.game import Game, Tiles
from levelforge.repair import repair_batch
from levelforge.terrain import shares
from levelforge.training.augment import Augmentation, augment
from levelforge.training.balance import Balance
from levelforge.training.encoder import Encoder, Reconstruction
from levelforge.training.folder import write_whole
from levelforge.training.gan_data import Windows, cut_windows
from levelforge.training.gan_judge import Judge
from levelforge.training.gan_nets import Discriminator, Generator
from levelforge.training.placing import one_hot
from levelforge.training.precision import Precision, halved
from levelforge.training.reach import Senses
from levelforge.training.steer import Steering

Loss = Literal["r3gan", "wgan-gp"]
MEND_LIMIT = 20_000
"""States that repair may look at in one candidate while training."""
FIRST_TRAINING = 0.7
"""The GAN's progress when the loop begins: about the share of its time that it trains alone, before."""


@dataclass(frozen=True)
class GanConfig:
    """What to train and how.

    Attributes:
        loss: ``r3gan`` or ``wgan-gp``.
        batch: levels a step.
        learning_rate: Adam's, falling to a tenth over ``steps``.
        discriminator_rate: the discriminator's learning rate over the generator's.
        warm_up: steps of reconstruction alone at the start.
        warm_up_share: share of the time at which the warm-up ends where there is a clock and too little time for so many.
        ramp: steps over which the adversarial loss then comes in.
        reconstruction: weight of the reconstruction loss (nats a tile) beside the adversarial loss.
        connect: weight of the share of tiles that walls cut off from the start (top-down games); beside the
            adversarial loss, and coming in with it. All it can ask for is the opening of such a wall.
        mend: weight of the repairs: where the exact repair of a candidate that cannot be beaten would put another
            tile, the generator is told to have put it; beside the adversarial loss, and coming in with it.
        mend_until: share of beatable candidates at which the repairs fall silent; they come in over the 0.05 below.
            What is beatable is left to the discriminator: repairs open walls, and rooms would dissolve.
        kl: weight of the divergence of the encoder's latents from the standard normal, in the reconstruction
            loss.
        balance: how fast the logits of rare terrain follow what is made too little or too much of it, once the warm-up
            is over; see :class:`Balance`. 0 switches that off.
        balance_pull: weight of the loss beside it, see :meth:`Balance.pull`.
        steps: steps until finished.
        gamma: weight of the zero-centred penalties (r3gan).
        gradient_penalty: weight of the one-centred penalty (wgan-gp).
        penalty_every: steps between penalties, which weigh as much more.
        precision: of convolutions in training; ``auto`` takes bfloat16 where the processor is fast at it.
        ema: half-life of the generator's moving average, in steps.
        own_counts: share of fakes whose counts are drawn as ``generate`` draws them, not copied from the
            real levels beside them.
        asked: share of fakes made for a difficulty, once steering has begun; theirs are drawn evenly from the
            game's range, and counts to go with them.
        temperature: factor of the noise when levels are made.
        judge_every, judge_levels: steps between judgements and candidates in one.
        patience: judgements without a better one until finished.
        generator_channels, discriminator_channels: widths of the networks.
        augment_chance, augment_shift, augment_cutout: see :class:`levelforge.training.augment.Augmentation`.
    """

    loss: Loss = "r3gan"
    batch: int = 16
    learning_rate: float = 6e-4
    discriminator_rate: float = 0.5
    warm_up: int = 2000
    warm_up_share: float = 0.35
    ramp: int = 1500
    reconstruction: float = 4.0
    connect: float = 1.5
    mend: float = 2.5
    mend_until: float = 0.99
    kl: float = 2.0
    balance: float = 0.02
    balance_pull: float = 0.1
    steps: int = 12_000
    gamma: float = 8.0
    gradient_penalty: float = 10.0
    penalty_every: int = 4
    precision: Precision = "auto"
    ema: float = 400.0
    own_counts: float = 0.5
    asked: float = 0.35
    temperature: float = 1.0
    judge_every: int = 500
    judge_levels: int = 256
    patience: int = 12
    generator_channels: tuple[int, int, int] = (64, 32, 32)
    discriminator_channels: tuple[int, int, int] = (32, 48, 64)
    augment_chance: float = 0.5
    augment_shift: int = 3
    augment_cutout: float = 0.35

    def __post_init__(self) -> None:
        if not 0 < self.warm_up_share < 1:
            raise LevelForgeError(f"warm_up_share {self.warm_up_share:g} must lie between 0 and 1")

    @classmethod
    def for_gpu(cls) -> GanConfig:
        """For a GPU, where a step of many levels costs about the same as one of few."""
        return cls(
            batch=48, learning_rate=8e-4, warm_up=1200, ramp=600, steps=5000, ema=250.0, judge_every=250
        )

    def going_on(self) -> GanConfig:
        """For a generator that has learnt this corpus already: what would have it begin anew is left out.

        A pack has neither encoder nor discriminator. A warm-up with an encoder that knows nothing pulls the generator
        down to it, and so does its reconstruction later; small steps keep it where the new discriminator is not yet to
        be trusted.
        """
        return replace(
            self,
            warm_up=0,
            reconstruction=0.0,
            learning_rate=1e-4,
            ramp=200,
            mend=5.0,
            ema=60.0,
            steps=400,
            judge_every=50,
            judge_levels=1024,
        )


class GanTrainer:
    """Trains a generator for one game.

    Args:
        game: the game.
        corpus: the levels to learn from: its ``train`` part, or ``uint8[H, W]`` tiles one by one.
        config: see :class:`GanConfig`.
        seed: of everything random.
        device: where the networks learn.

    Attributes:
        steering: what pulls the generator besides the discriminator; None until the loop begins.
        progress: says how much of the training is over, 0 to 1, where that is a matter of time: warm-up, ramp and learning
            rate then go by it as soon as it is ahead of the steps. A slow machine would else spend a short budget on the
            warm-up alone. None goes by steps.
    """

    def __init__(
        self, game: Game, corpus: Corpus | Sequence[Tiles], config: GanConfig, seed: int, device: str = "cpu"
    ) -> None:
        if config.loss not in ("r3gan", "wgan-gp"):
            raise LevelForgeError(f"unknown loss {config.loss!r} (known: r3gan, wgan-gp)")
        self.game, self.config, self.seed, self.device = game, config, seed, torch.device(device)
        levels = [level.tiles for level in corpus.train] if isinstance(corpus, Corpus) else corpus
        self.windows = cut_windows(game, levels)
        self.distribution = self.windows.distribution(game)
        self.tidy = decode.never_alone(self.windows.tiles, game)
        self.judge = Judge(game, self.windows.tiles)
        self.senses = Senses(game)
        self.how = Augmentation(config.augment_chance, config.augment_shift, config.augment_cutout)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator = Generator(game, config.generator_channels, tidy=self.tidy)
            self.discriminator = Discriminator(
                len(game.tiles) + self.senses.planes,
                1 + len(game.entities),
                self.windows.size,
                config.discriminator_channels,
            )
            self.encoder = Encoder(len(game.tiles), self.generator.latent_channels)
        wanted = shares(game, self.windows.tiles, self.windows.weight)
        # each by what it makes itself: a moving average of networks does not make the average of what they make
        self.balance, self.balance_average = (Balance(game, wanted, config.balance) for _ in range(2))
        self.reconstruction = Reconstruction(game)
        for network in (self.generator, self.discriminator, self.encoder):
            # oneDNN's fast paths want the channels last
            network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.best = copy.deepcopy(self.average)
        self._best_judge: dict[str, Any] = {}
        betas = (0.0, 0.99)
        self.optimiser_g = torch.optim.Adam(self.generator.parameters(), config.learning_rate, betas)
        self.optimiser_d = torch.optim.Adam(self.discriminator.parameters(), config.learning_rate, betas)
        self.optimiser_e = torch.optim.Adam(self.encoder.parameters(), config.learning_rate, betas)
        self.half = halved(config.precision, self.device)
        self.steering: Steering | None = None
        self.progress: Callable[[], float] | None = None
        self._returned = self.windows.tiles[:0]
        self.steps = 0
        self.best_quality = -np.inf
        self.best_step = 0
        self.judged: dict[str, float] = {}
        self.metrics: dict[str, float] = {}

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or judgements have long stopped getting better."""
        late = self.steps - self.best_step > self.config.patience * self.config.judge_every
        return self.steps >= self.config.steps or late

    def advance(self, seconds: float) -> dict[str, float]:
        """Train for about ``seconds`` (at least one step); returns the latest metrics."""
        end = time.monotonic() + seconds
        first, began = self.steps, time.monotonic()
        while not self.finished:
            self.step()
            if time.monotonic() >= end:
                break
        rate = (self.steps - first) / max(time.monotonic() - began, 1e-9)
        return {"step": float(self.steps), "steps_per_second": rate} | self.metrics | self.judged

    @property
    def _reached(self) -> float:
        """The step that warm-up, ramp and learning rate have come to."""
        if self.progress is None:
            return float(self.steps)
        config, over = self.config, self.progress()
        first = config.warm_up_share if config.warm_up else 0.0
        if over < first:
            by_clock = config.warm_up * over / first
        else:
            by_clock = config.warm_up + max(0, config.steps - config.warm_up) * (over - first) / (1 - first)
        return max(float(self.steps), by_clock)

    # --- one step ------------------------------------------------------------------------------

    def step(self) -> None:
        """One update: of encoder and generator alone while warming up, then of all three networks."""
        config = self.config
        rng = np.random.default_rng((self.seed, self.steps))
        dice = torch.Generator().manual_seed(int(rng.integers(2**62)))
        reached = self._reached
        rate = config.learning_rate * (1 - 0.9 * min(1.0, reached / config.steps))
        scales = (1.0, config.discriminator_rate, 1.0)
        for optimiser, scale in zip(
            (self.optimiser_g, self.optimiser_d, self.optimiser_e), scales, strict=True
        ):
            for group in optimiser.param_groups:
                group["lr"] = rate * scale

        real, real_condition, inputs, wanted = self._batch(rng)
        self.generator.train()
        with self._fast():
            nats = self.reconstruction(self.encoder, self.generator, real, real_condition, config.kl, dice)
        loss = sum(nats.values(), torch.zeros((), device=self.device))
        self.metrics |= {name: float(value.detach()) for name, value in nats.items()}
        if reached >= config.warm_up:
            share = min(1.0, (reached - config.warm_up + 1) / max(1, config.ramp))
            against = self._adversarial(real, real_condition, inputs, wanted, dice)
            loss = config.reconstruction * loss + share * against
        self.optimiser_g.zero_grad(set_to_none=True)
        self.optimiser_e.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser_g.step()
        self.optimiser_e.step()
        self.discriminator.requires_grad_(True)
        self._follow()
        self.steps += 1
        if self.steps % config.judge_every == 0:
            self._judge()

    def _adversarial(
        self,
        real: Tensor,
        real_condition: Tensor,
        inputs: dict[str, Tensor],
        wanted: Tensor,
        dice: torch.Generator,
    ) -> Tensor:
        """Update the discriminator; returns the generator's loss, through a frozen discriminator."""
        config = self.config
        # difficulty is the critic's to judge: the corpus has little of it, and would pull all requests there
        real_condition, fake_condition = _blind(real_condition), _blind(inputs["condition"])
        with self._fast():
            made = self.generator.decode(**inputs).planes
        sensed = self.senses(made)
        cut_off = self.senses.cut_off(sensed)
        fake = augment(sensed, self.game, self.how, dice)
        real = augment(self.senses(real), self.game, self.how, dice)

        penalise = self.steps % config.penalty_every == 0
        seen_real = real.detach().requires_grad_(penalise)
        seen_fake = fake.detach().requires_grad_(penalise)
        with self._fast():
            on_real = self.discriminator(seen_real, real_condition)
            on_fake = self.discriminator(seen_fake, fake_condition)
        r3gan = config.loss == "r3gan"
        if r3gan:
            # relativistic pairing: each real level should look more real than the fake beside it
            loss_d = F.softplus(on_fake - on_real).mean()
            penalty = self._zero_centred(on_real, seen_real, on_fake, seen_fake) if penalise else None
        else:
            # the critic maximises E[D(x)] - E[D(G(z))], so it descends on the negative
            loss_d = on_fake.mean() - on_real.mean()
            penalty = self._one_centred(seen_real, seen_fake, fake_condition, dice) if penalise else None
        total = loss_d if penalty is None else loss_d + config.penalty_every * penalty
        self.optimiser_d.zero_grad(set_to_none=True)
        total.backward()
        self.optimiser_d.step()

        self.discriminator.requires_grad_(False)
        with self._fast():
            on_fake = self.discriminator(fake, fake_condition)
        # the real levels' logits of a moment ago will do: no second pass over them
        loss_g: Tensor = F.softplus(on_real.detach() - on_fake).mean() if r3gan else -on_fake.mean()
        self.metrics["loss_d"], self.metrics["loss_g"] = float(loss_d.detach()), float(loss_g.detach())
        if penalty is not None:
            self.metrics["penalty"] = float(penalty.detach())
        self.metrics["cut_off"] = float(cut_off.detach())
        # levels made for a difficulty may have more spikes than the corpus: only the others are held to its shares
        plain = wanted == 0
        if self.balance.active and plain.any():
            self.balance(self.generator, made.detach()[plain])
            with torch.no_grad(), self._fast():
                shipped = self.average.decode(**{name: rows[plain] for name, rows in inputs.items()}).planes
            self.balance_average(self.average, shipped)
            loss_g = loss_g + self.config.balance_pull * self.balance.pull(made[plain])
        loss_g = loss_g + config.mend * self._unmended(made)
        if self.steering is not None:
            pull, terms = self.steering(made, inputs["condition"][:, 0], wanted)
            self.metrics |= terms
            loss_g = loss_g + pull
        return loss_g + config.connect * cut_off

    def _unmended(self, made: Tensor) -> Tensor:
        """Mean number of tiles in which unbeatable candidates differ from their repairs, with gradients that swap them.

        Less and less of it the more candidates are beatable (see ``mend_until``).
        """
        tiles = made.detach().argmax(1).cpu().numpy().astype(np.uint8)
        fixed = repair_batch(tiles, self.game, node_limit=MEND_LIMIT, threads=torch.get_num_threads())
        beaten = float(fixed.raw_beatable.mean())
        average = self.metrics["beaten"] = 0.98 * self.metrics.get("beaten", 0.0) + 0.02 * beaten
        lacking = float(np.clip((self.config.mend_until - average) / 0.05, 0.0, 1.0))
        wrong = ~fixed.raw_beatable & (fixed.edits >= 0)
        mended = np.where(wrong[:, None, None], fixed.tiles, tiles)
        right = one_hot(mended, made.shape[1], self.device)
        differs = torch.from_numpy(mended != tiles)[:, None].to(self.device)
        return lacking * (made.detach() * made - right * made).mul(differs).sum() / len(made)

    def _fast(self) -> torch.autocast:
        """Where convolutions may run in bfloat16, if the processor has it: twice as fast here."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    def _batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
        """Real planes and their condition, the generator's inputs, and which of them ask for a difficulty."""
        config, game, windows = self.config, self.game, self.windows
        chosen = rng.choice(len(windows.tiles), config.batch, p=windows.weight)
        tiles = windows.tiles[chosen]
        if "flip_x" in game.training.symmetries:
            tiles = np.where(rng.random((config.batch, 1, 1)) < 0.5, tiles[:, :, ::-1], tiles)
        if "flip_y" in game.training.symmetries:
            tiles = np.where(rng.random((config.batch, 1, 1)) < 0.5, tiles[:, ::-1], tiles)
        real = one_hot(tiles, len(game.tiles), self.device)
        real_condition = windows.condition[chosen].copy()
        inputs = self._inputs(config.batch, rng)
        asked = np.zeros(config.batch, bool)
        if self.steering is not None:
            asked = rng.random(config.batch) < config.asked
            if asked.any():
                low, high = game.measures.difficulty_range
                aims = rng.uniform(low, high, int(asked.sum())).astype(np.float32)
                for name, rows in self._inputs(len(aims), rng, aims).items():
                    inputs[name][asked] = rows
        copied = ~asked & (rng.random(config.batch) >= config.own_counts)
        inputs["counts"][copied] = windows.counts[chosen][copied]
        inputs["condition"][copied] = real_condition[copied]
        return (
            real,
            self._here(real_condition),
            {name: self._here(rows) for name, rows in inputs.items()},
            self._here(asked.astype(np.float32)),
        )

    def _here(self, array: NDArray[Any]) -> Tensor:
        """An array as a tensor on the device."""
        return torch.from_numpy(array).to(self.device)

    def _inputs(
        self,
        n: int,
        rng: np.random.Generator,
        difficulty: NDArray[np.float32] | None = None,
        temperature: float = 1.0,
        size: tuple[int, int] | None = None,
    ) -> dict[str, NDArray[np.float32]]:
        """The generator's inputs, drawn as ``generate`` draws them."""
        return decode.sample_inputs(
            self.game, n, size or self.windows.size, rng=rng, distribution=self.distribution,
            difficulty=difficulty, temperature=temperature,
        )  # fmt: skip

    def _zero_centred(self, on_real: Tensor, real: Tensor, on_fake: Tensor, fake: Tensor) -> Tensor:
        """R1 + R2 (Mescheder et al. 2018; both, as in R3GAN): gamma/2 E|grad D|^2 on real and fake."""
        slopes = torch.autograd.grad([on_real.sum(), on_fake.sum()], [real, fake], create_graph=True)
        squares = [s.square().sum(dim=(1, 2, 3)).mean() for s in slopes]
        return self.config.gamma / 2 * (squares[0] + squares[1])

    def _one_centred(self, real: Tensor, fake: Tensor, condition: Tensor, dice: torch.Generator) -> Tensor:
        """WGAN-GP (Gulrajani et al. 2017): lambda E(|grad D| - 1)^2 between real and fake."""
        share = torch.rand(len(real), 1, 1, 1, generator=dice).to(self.device)
        between = (real * share + fake * (1 - share)).detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(
            self.discriminator(between, condition).sum(), between, create_graph=True
        )
        penalty: Tensor = self.config.gradient_penalty * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return penalty

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average; faster at first, so that it does not drag its first guess along."""
        half_life = min(self.config.ema, 1 + self.steps / 4)
        keep = 0.5 ** (1 / half_life)
        pairs = list(zip(self.average.parameters(), self.generator.parameters(), strict=True))
        torch._foreach_lerp_([a for a, _ in pairs], [g for _, g in pairs], 1 - keep)
        # what is averaged are the learnt parts of the biases
        assert self.average.terrain.bias is not None
        self.average.terrain.bias -= (1 - keep) * (self.generator.lean - self.average.lean)

    # --- judging and making ----------------------------------------------------------------------

    def sample(
        self,
        n: int,
        *,
        seed: int = 0,
        size: tuple[int, int] | None = None,
        difficulty: NDArray[np.float32] | None = None,
        average: Generator | None = None,
    ) -> NDArray[np.uint8]:
        """Candidates ``uint8[n, H, W]`` of the best averaged generator so far (or of ``average``).

        ``difficulty`` ``float32[n]`` is what to ask for; None asks for none.
        """
        network = average or self.best
        network.eval()
        rng = np.random.default_rng((self.seed, seed, 1))
        parts = []
        for first in range(0, n, 64):
            aims = None if difficulty is None else difficulty[first : first + 64]
            inputs = self._inputs(min(64, n - first), rng, aims, self.config.temperature, size)
            with torch.no_grad():
                made = network(*(self._here(rows) for rows in inputs.values()))
            parts.append(made.cpu().numpy().astype(np.uint8))
        return np.concatenate(parts)

    # --- for the loop --------------------------------------------------------------------------------

    def grow(self, tiles: NDArray[np.uint8], share: float) -> None:
        """Learn from further levels besides the corpus.

        Args:
            tiles: ``uint8[N, H, W]`` all further levels; those of earlier calls are forgotten.
            share: how often one of them is drawn, in [0, 1).
        """
        own = len(self.windows.tiles) - len(self._returned)
        weight = self.windows.weight[:own] / self.windows.weight[:own].sum()
        if len(tiles):
            weight = np.concatenate([weight * (1 - share), np.full(len(tiles), share / len(tiles))])
        counts = np.stack([(tiles == t.id).sum((1, 2)) for t in self.game.entities], axis=1)
        self.windows = Windows(
            np.concatenate([self.windows.tiles[:own], tiles]),
            np.concatenate([self.windows.counts[:own], counts]),
            np.concatenate(
                [self.windows.condition[:own], decode.condition(self.game, counts, self.windows.size)]
            ),
            weight,
        )
        self._returned = tiles

    def assess(self) -> dict[str, float]:
        """Judge the average on latents that never change; see :class:`Judge`."""
        return self.judge(self.sample(self.config.judge_levels, average=self.average))

    def return_to_best(self) -> None:
        """Go on from the best averaged generator so far, if there has been a judgement.

        The discriminator becomes what it was then: one that has since learnt the few levels by heart would lead the
        generator away from them at once.
        """
        if self.best_step:
            self.generator.load_state_dict(self.best.state_dict())
            self.average.load_state_dict(self.best.state_dict())
            if self._best_judge:
                self.discriminator.load_state_dict(self._best_judge["discriminator"])
                self.optimiser_d.load_state_dict(self._best_judge["optimiser_d"])

    def keep(self) -> None:
        """Make the average the network that is sampled and exported."""
        self.best.load_state_dict(self.average.state_dict())
        self._best_judge = copy.deepcopy(
            {"discriminator": self.discriminator.state_dict(), "optimiser_d": self.optimiser_d.state_dict()}
        )

    def _judge(self) -> None:
        """Judge the average on latents that never change, and keep it if it is the best."""
        self.judged = self.assess()
        if self.judged["quality"] > self.best_quality:
            self.best_quality, self.best_step = self.judged["quality"], self.steps
            self.keep()

    def finish(self) -> dict[str, float]:
        """Judge once more at the end, so that the last steps count too; returns the judgement."""
        if self.steps % self.config.judge_every:
            self._judge()
        return dict(self.judged)

    def export(self, path: Path | None = None, *, latest: bool = False) -> bytes:
        """Write the best averaged generator (or the latest one) as ONNX; returns the file's bytes."""
        rng = np.random.default_rng(0)
        example = decode.sample_inputs(self.game, 2, rng=rng)
        content = export_model(
            copy.deepcopy(self.average if latest else self.best).cpu().eval(),
            [torch.from_numpy(v) for v in example.values()],
            list(example),
            ["tiles"],
            {
                "latent": {0: "n", 2: "h", 3: "w"},
                "condition": {0: "n"},
                "counts": {0: "n"},
                "noise": {0: "n", 2: "height", 3: "width"},
                "tiles": {0: "n", 1: "height", 2: "width"},
            },
            {"kind": "generator", "game": self.game.name, "game_digest": self.game.digest} | self.describe(),
        )
        if path is not None:
            write_whole(path, content)
        return content

    def describe(self) -> dict[str, Any]:
        """The ``generator`` entry of ``pack.json``."""
        return {
            "latent_channels": self.best.latent_channels,
            "stride": decode.STRIDE,
            "entities": [t.name for t in self.game.entities],
            "terrain": [t.name for t in self.game.terrain],
            "temperature": self.config.temperature,
            "tidy": list(self.tidy),
        }

    # --- checkpoints -------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly; loadable with ``torch.load(weights_only=True)``."""
        return {
            "kind": "gan",
            "game_digest": self.game.digest,
            "seed": self.seed,
            "config": {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self.config).items()},
            "steps": self.steps,
            "best_quality": float(self.best_quality),
            "best_step": self.best_step,
            "judged": dict(self.judged),
            "metrics": dict(self.metrics),
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best.state_dict(),
            "encoder": self.encoder.state_dict(),
            "optimiser_g": self.optimiser_g.state_dict(),
            "optimiser_e": self.optimiser_e.state_dict(),
            "optimiser_d": self.optimiser_d.state_dict(),
            "best_judge": self._best_judge,
            "terrain_made": [self.balance.made, self.balance_average.made],
            "returned": torch.from_numpy(self._returned.copy()),
            "returned_share": float(
                self.windows.weight[len(self.windows.tiles) - len(self._returned) :].sum()
            ),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave.

        Raises:
            LevelForgeError: it is of another game.
        """
        if state.get("kind") != "gan" or state["game_digest"] != self.game.digest:
            raise LevelForgeError(
                f"the checkpoint is not of a GAN for this {self.game.name!r}; start a new run"
            )
        self.seed = int(state["seed"])
        networks = ("generator", "discriminator", "encoder", "average", "best")
        for name in (*networks, "optimiser_g", "optimiser_d", "optimiser_e"):
            getattr(self, name).load_state_dict(state[name])
        self._best_judge = dict(state["best_judge"])
        self.balance.made, self.balance_average.made = state["terrain_made"]
        self.grow(state["returned"].numpy(), float(state["returned_share"]))
        self.steps, self.best_step = int(state["steps"]), int(state["best_step"])
        self.best_quality = float(state["best_quality"])
        self.judged, self.metrics = dict(state["judged"]), dict(state["metrics"])


def _blind(condition: Tensor) -> Tensor:
    """A condition that asks for no difficulty."""
    blind = condition.clone()
    blind[:, 0] = 0.5
    return blind
