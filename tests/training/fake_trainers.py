"""Trainers that learn nothing, at once: they count steps and add up random numbers.

As a program: ``python fake_trainers.py RUN [--resume]`` trains slowly enough to be killed.
"""

import sys
import time

import numpy as np
import torch
from standins import critic_onnx, generator_onnx, playtester_onnx

from levelforge.game import load_game
from levelforge.training.critic_net import SCORES
from levelforge.training.run import train
from levelforge.training.settings import RunSettings

SETTINGS = RunSettings(
    slice_seconds=0.01,
    checkpoint_seconds=0.02,
    sample_seconds=60,
    generated_levels=4,
    patched_levels=4,
    gan_threads=1,
)


class Fake:
    """Adds one random number a step; the sum tells whether a resume went on exactly."""

    def __init__(self, content, seed, steps, pause=0.0):
        self.content, self.last, self.pause = content, steps, pause
        self.rng = torch.Generator().manual_seed(seed)
        self.steps, self.total = 0, torch.zeros(1)

    @property
    def finished(self):
        return self.steps >= self.last

    def advance(self, seconds):
        time.sleep(self.pause)
        self.total += torch.rand(1, generator=self.rng)
        self.steps += 1
        return {"step": float(self.steps), "total": float(self.total), "undefined": float("nan")}

    def finish(self):
        return {"final": float(self.total), "heldout_best": 0.5}

    def state_dict(self):
        return {"rng": self.rng.get_state(), "steps": self.steps, "total": self.total.clone()}

    def load_state_dict(self, state):
        self.rng.set_state(state["rng"])
        self.steps, self.total = state["steps"], state["total"].clone()

    def export(self, path=None):
        if path is not None:
            path.write_bytes(self.content)
        return self.content


class FakeGan(Fake):
    def __init__(self, game, corpus, config, seed, **extra):
        super().__init__(generator_onnx(game), seed, **extra)
        self.corpus = corpus
        self.distribution = {t.name: [0.0, 1.0] for t in game.entities}
        self.distribution |= {t.name: [1.0] for t in game.entities if game.count_ranges[t.name][0] == 0}
        self.game = game

    def sample(self, n, *, seed=0):
        return np.stack([self.corpus[0]] * n)

    def describe(self):
        return {
            "latent_channels": 4,
            "stride": 4,
            "entities": [t.name for t in self.game.entities],
            "terrain": [t.name for t in self.game.terrain],
            "temperature": 1.0,
        }


class FakeLoop(Fake):
    """A third trainer; its state holds the pool, as the loop's does."""

    def __init__(self, game, gan, dqn, pool, seed, **extra):
        super().__init__(critic_onnx(game), seed, **extra)
        self.gan, self.dqn, self.pool, self.events = gan, dqn, pool, []

    def finish(self, seconds=None):
        self.left = seconds
        return super().finish()

    def state_dict(self):
        return super().state_dict() | {"pool": torch.from_numpy(self.pool.copy())}

    def describe(self):
        return {"scores": list(SCORES)}


class FakeMakers:
    """Builds fakes and keeps them; ``on_build(phase, trainer)`` may change them."""

    def __init__(self, steps=3, pause=0.0, on_build=None):
        self.extra = {"steps": steps, "pause": pause}
        self.on_build = on_build or (lambda phase, trainer: None)
        self.levels = None

    def gan(self, game, corpus, config, seed):
        trainer = FakeGan(game, corpus, config, seed, **self.extra)
        self.on_build("gan", trainer)
        return trainer

    def dqn(self, game, levels, heldout, config, seed):
        self.levels, self.heldout = levels, heldout
        trainer = Fake(playtester_onnx(game), seed, **self.extra)
        self.on_build("dqn", trainer)
        return trainer

    def loop(self, game, ground, gan, dqn, pool, config, seconds, folder, seed):
        trainer = FakeLoop(game, gan, dqn, pool, seed, **self.extra)
        self.on_build("loop", trainer)
        return trainer


if __name__ == "__main__":
    train(
        load_game("dungeon"),
        out=sys.argv[1],
        budget=600,
        resume="--resume" in sys.argv,
        settings=SETTINGS,
        makers=FakeMakers(steps=60, pause=0.02),
    )
