"""The critic's training: from what the solver and playtests said of levels to a network that foresees it.

Every candidate tells whether it is beatable; the certified ones that were played also tell difficulty and the
parts of fun. What was played long ago was played by a weaker playtester, so memory is a ring: the oldest
playtests make room. The critic is only ever assessed on levels it has not yet been trained on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from levelforge.game import Game
from levelforge.playtest.measure import MIRRORS
from levelforge.training.critic_net import SCORES, CriticNet, export_critic
from levelforge.training.folder import write_whole
from levelforge.training.placing import one_hot

BEATABLE, DIFFICULTY, FUN = 0, 1, slice(2, len(SCORES))
PREDICT_BATCH = 64


@dataclass(frozen=True)
class CriticConfig:
    """Settings of the critic's training.

    Attributes:
        batch: levels a step.
        learning_rate: of Adam, falling to a tenth over each call of :meth:`CriticTrainer.train`.
        weight_decay: of AdamW; a few thousand levels are few.
        played, solved: how many playtested and merely solved levels are remembered.
        played_share: share of playtested levels in a batch.
        difficulty, fun, beatable: weights of the three losses.
        channels, hidden: widths of the network.
    """

    batch: int = 48
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    played: int = 2500
    solved: int = 6000
    played_share: float = 0.7
    difficulty: float = 4.0
    fun: float = 2.0
    beatable: float = 0.5
    channels: tuple[int, int, int] = (24, 40, 64)
    hidden: int = 96


class Memory:
    """A ring of levels and what is known of them.

    Args:
        capacity: levels remembered.
        shape: (height, width) in tiles.

    Attributes:
        tiles: ``uint8[K, H, W]``.
        scores: ``float32[K, 7]`` in the order of ``SCORES``; not a number where nothing was measured.
    """

    def __init__(self, capacity: int, shape: tuple[int, int]) -> None:
        self.capacity = capacity
        self.tiles = np.zeros((0, *shape), np.uint8)
        self.scores = np.zeros((0, len(SCORES)), np.float32)

    def add(self, tiles: NDArray[np.uint8], scores: NDArray[np.float32]) -> None:
        """Remember levels; the oldest make room."""
        self.tiles = np.concatenate([self.tiles, tiles])[-self.capacity :]
        self.scores = np.concatenate([self.scores, scores.astype(np.float32)])[-self.capacity :]

    def __len__(self) -> int:
        return len(self.tiles)


class CriticTrainer:
    """Trains a critic for one game.

    Args:
        game: the game.
        config: see :class:`CriticConfig`.
        seed: of everything random.
        device: where it learns.

    Attributes:
        net: the network.
    """

    def __init__(
        self, game: Game, config: CriticConfig, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        self.game, self.config, self.seed, self.device = game, config, seed, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = CriticNet(game, config.channels, config.hidden)
        self.net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        width, height = game.training.window or game.header.size
        self.played = Memory(config.played, (height, width))
        self.solved = Memory(config.solved, (height, width))
        self.steps = 0

    def add_played(self, tiles: NDArray[np.uint8], scores: NDArray[np.float32]) -> None:
        """Remember playtested levels: ``uint8[N, H, W]`` and ``float32[N, 7]``."""
        self.played.add(tiles, scores)

    def add_solved(self, tiles: NDArray[np.uint8], beatable: NDArray[np.bool_]) -> None:
        """Remember candidates of which only ``bool[N]`` beatable is known."""
        scores = np.full((len(tiles), len(SCORES)), np.nan, np.float32)
        scores[:, BEATABLE] = beatable
        self.solved.add(tiles, scores)

    def train(
        self, steps: int, progress: Callable[[], float] = lambda: 0.0, least: float = 1.0
    ) -> dict[str, float]:
        """So many steps on what is remembered; returns the losses of the last ones.

        Args:
            steps: at most.
            progress: share of the time for them that is over; where it is ahead of the steps, the learning rate
                goes by it, and they end with it.
            least: share of the steps that are done in any case.
        """
        if not len(self.played) and not len(self.solved):
            return {}
        config = self.config
        losses: list[NDArray[np.float64]] = []
        self.net.train()
        for step in range(steps):
            over = max(step / steps, min(progress(), step / (least * steps)))
            if over >= 1:
                break
            rng = np.random.default_rng((self.seed, self.steps))
            for group in self.optimiser.param_groups:
                group["lr"] = config.learning_rate * (1 - 0.9 * over)
            tiles, scores = self._batch(rng)
            parts = self._losses(tiles, scores)
            total = config.beatable * parts[0] + config.difficulty * parts[1] + config.fun * parts[2]
            self.optimiser.zero_grad(set_to_none=True)
            total.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self.optimiser.step()
            self.steps += 1
            losses.append(np.array([float(p.detach()) for p in parts]))
        self.net.eval()
        late = np.mean(losses[-50:], axis=0)
        return {"loss_beatable": late[0], "loss_difficulty": late[1], "loss_fun": late[2]}

    def _batch(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Tiles and scores of a batch, turned at random: levels score like their mirror images."""
        config = self.config
        share = config.played_share if len(self.solved) else 1.0
        first = round(config.batch * share) if len(self.played) else 0
        parts = []
        for memory, number in ((self.played, first), (self.solved, config.batch - first)):
            if number:
                chosen = rng.integers(len(memory), size=number)
                parts.append((memory.tiles[chosen], memory.scores[chosen]))
        tiles = np.concatenate([part[0] for part in parts])
        turn, mirrors = rng.integers(4), MIRRORS[self.game.movement]
        if turn & 1 and "flip_x" in mirrors:
            tiles = tiles[:, :, ::-1]
        if turn & 2 and "flip_y" in mirrors:
            tiles = tiles[:, ::-1]
        return np.ascontiguousarray(tiles), np.concatenate([part[1] for part in parts])

    def _losses(self, tiles: NDArray[np.uint8], scores: NDArray[np.float32]) -> list[Tensor]:
        """Cross-entropies of beatable, difficulty and the parts of fun, each over what was measured.

        Soft labels in a cross-entropy are shares of episodes won (or of tiles seen): its minimum is the mean.
        """
        planes = self.planes(tiles)
        logits = self.net.logits(planes, self.net.fields(planes))
        truth = torch.from_numpy(scores).to(self.device)
        known = ~torch.isnan(truth)
        loss = F.binary_cross_entropy_with_logits(logits, torch.nan_to_num(truth), reduction="none") * known
        columns = [slice(BEATABLE, BEATABLE + 1), slice(DIFFICULTY, DIFFICULTY + 1), FUN]
        return [loss[:, c].sum() / known[:, c].sum().clamp(min=1) for c in columns]

    def planes(self, tiles: NDArray[np.uint8]) -> Tensor:
        """``uint8[N, H, W]`` as one-hot planes ``f32[N, tiles, H, W]``."""
        return one_hot(tiles, len(self.game.tiles), self.device)

    def predict(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """``float32[N, 7]`` scores of ``uint8[N, H, W]`` levels, in the order of ``SCORES``."""
        self.net.eval()
        found = np.zeros((len(tiles), len(SCORES)), np.float32)
        with torch.inference_mode():
            for first in range(0, len(tiles), PREDICT_BATCH):
                planes = self.planes(tiles[first : first + PREDICT_BATCH])
                logits = self.net.logits(planes, self.net.fields(planes))
                found[first : first + PREDICT_BATCH] = torch.sigmoid(logits).cpu().numpy()
        return found

    def frozen(self) -> CriticNet:
        """A copy that gives gradients for tiles and has none of its own."""
        return copy.deepcopy(self.net).eval().requires_grad_(False)

    def export(self, path: Path | None = None) -> bytes:
        """Write the ONNX file; returns its bytes."""
        content = export_critic(copy.deepcopy(self.net).cpu().eval(), self.game)
        if path is not None:
            write_whole(path, content)
        return content

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly; loadable with ``torch.load(weights_only=True)``."""
        memories = {"played": self.played, "solved": self.solved}
        return {
            "net": self.net.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "steps": self.steps,
            **{
                f"{name}.{part}": torch.from_numpy(getattr(memory, part).copy())
                for name, memory in memories.items()
                for part in ("tiles", "scores")
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps = int(state["steps"])
        for name, memory in (("played", self.played), ("solved", self.solved)):
            memory.tiles, memory.scores = (state[f"{name}.{p}"].numpy().copy() for p in ("tiles", "scores"))
        self.net.eval()


def assess(
    predicted: NDArray[np.float32], measured: NDArray[np.float32], weights: Mapping[str, float]
) -> dict[str, float]:
    """How well predictions hold, on levels the critic was not trained on.

    Args:
        predicted, measured: ``float32[N, 7]`` in the order of ``SCORES``; what was not measured is not a number.
        weights: of the parts of fun.

    Returns:
        ``difficulty_mae``; ``difficulty_rank``, Spearman's correlation; ``difficulty_bias`` and ``fun_bias``, mean of
        predicted - measured; ``fun_mae``; ``beatable_brier`` (Brier 1950), each where it can be told.
    """
    found: dict[str, float] = {}
    known = ~np.isnan(measured[:, DIFFICULTY])
    if known.sum() >= 2:
        p, m = predicted[known, DIFFICULTY], measured[known, DIFFICULTY]
        found |= {
            "difficulty_mae": float(np.abs(p - m).mean()),
            "difficulty_rank": rank_correlation(p, m),
            "difficulty_bias": float((p - m).mean()),
        }
    # the parts that were measured, on both sides
    error = fun_of(np.where(np.isnan(measured), np.nan, predicted), weights) - fun_of(measured, weights)
    error = error[~np.isnan(error)]
    if len(error):
        found |= {"fun_mae": float(np.abs(error).mean()), "fun_bias": float(error.mean())}
    solved = ~np.isnan(measured[:, BEATABLE])
    if solved.any():
        error = predicted[solved, BEATABLE] - measured[solved, BEATABLE]
        found["beatable_brier"] = float((error**2).mean())
    return found


def fun_of(scores: NDArray[np.float32], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """``float64[N]``: the weighted mean of the parts of fun of ``float32[N, 7]`` that are known."""
    parts = scores[:, FUN].astype(np.float64)
    weight = np.array([weights[name] for name in SCORES[FUN]]) * ~np.isnan(parts)
    total = weight.sum(axis=1)
    fun: NDArray[np.float64] = (np.nan_to_num(parts) * weight).sum(axis=1) / np.where(
        total > 0, total, np.nan
    )
    return fun


def rank_correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Spearman's rank correlation, ties at their mean rank; 0 where either does not vary."""
    x, y = (_ranks(np.asarray(values, float)) for values in (a, b))
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / spread if spread > 0 else 0.0


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks: NDArray[np.float64] = (last - (count - 1) / 2)[inverse]
    return ranks
