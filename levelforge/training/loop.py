"""The loop that joins the GAN and the DQN: each round makes levels, plays them, and both learn from it.

A round's legs, in order:

1. *make*: candidates of the generator in training; the solver proves or repairs them; the playtester (or the panel
   of a pack, where it does not learn) plays a spread of them. What the critic foresaw is compared with what was
   found (reward hacking shows here).
2. *critic*: the critic learns from it.
3. *gan*: adversarial steps, now also steered by the critic, by the playtester's value of the start, or both.
   Certified novel levels that proved fun go back to the generator's corpus, as a capped share of it. If the
   generator then leaves the style or loses its variety, the round is taken back (``guards.py``).
4. *dqn*: the playtester trains on the corpus and the generated levels, drawn by what there is to learn from each.

The idea is that of a creative learning model that joins a DQN and a GAN; the closest published relatives are
Generative Playing Networks (Bontrager and Togelius 2020) and PAIRED-like curricula (Dennis et al. 2020).
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError
from levelforge.game import Game
from levelforge.level import Level
from levelforge.pack import Pack
from levelforge.playtest.measure import QFunction
from levelforge.training.budget import pace
from levelforge.training.critic import (
    DIFFICULTY,
    CriticConfig,
    CriticTrainer,
    assess,
    fun_of,
    rank_correlation,
)  # fmt: skip
from levelforge.training.critic_net import SCORES
from levelforge.training.dqn import DqnTrainer
from levelforge.training.gan import GanTrainer
from levelforge.training.guards import Bounds, collapsed, drifted, hacked
from levelforge.training.level_pool import TrainingGround
from levelforge.training.loop_levels import Made, make, play, spread_out
from levelforge.training.placing import one_hot
from levelforge.training.steer import Steering, SteerWeights, variety

Steer = Literal["critic", "value", "both", "none"]
STEERS = ("critic", "value", "both", "none")
LEGS = ("make", "critic", "gan", "dqn")
DRAFT = "draft"
PROBE = 16
"""Playtests that tell what a playtest takes."""
FINISH_SHARE = 0.85
"""Of the seconds that are left at the end; the rest is for judging and writing files."""


@dataclass(frozen=True)
class LoopConfig:
    """What the loop does, and how much of it.

    Attributes:
        steer: what gives the generator its gradient besides the discriminator.
        bootstrap: whether certified novel levels go back to the generator's corpus.
        feed: whether generated levels go to the playtester.
        rounds: at most.
        gan_share, dqn_share: of a round's time; no share leaves that network as it is. What they leave is for
            playtests and critic, half and half; the first round has twice as much for these.
        least: share of playtests and critic's steps that a machine too slow for all of them in that time does.
        candidates, first_candidates: made in a round, and in the first one.
        asked_share: share of them made for a difficulty.
        played, first_played: how many of them are playtested.
        last_played: playtested at the end, to train and then to assess the critic that is exported.
        corpus_played: windows of the corpus playtested at the beginning.
        episodes: a rung in these playtests; the critic evens out their noise.
        critic_steps, first_critic_steps: of the critic a round.
        pool: generated levels in the playtester's pool, at most; the oldest make room.
        corpus_share: how often the generator sees a level of its own making.
        corpus_levels, corpus_round: levels returned at most, and at most a round.
        novelty: share of tiles in which a returned level differs from all of the corpus, at least.
        weights: of the steering terms.
        bounds: of the guards.
        critic: settings of the critic.
    """

    steer: Steer = "critic"
    bootstrap: bool = True
    feed: bool = True
    rounds: int = 6
    gan_share: float = 0.45
    dqn_share: float = 0.35
    least: float = 0.4
    candidates: int = 1024
    first_candidates: int = 1536
    asked_share: float = 0.6
    played: int = 160
    first_played: int = 384
    last_played: int = 512
    corpus_played: int = 200
    episodes: int = 3
    critic_steps: int = 200
    first_critic_steps: int = 350
    pool: int = 6000
    corpus_share: float = 0.2
    corpus_levels: int = 96
    corpus_round: int = 24
    novelty: float = 0.06
    weights: SteerWeights = field(default_factory=SteerWeights)
    bounds: Bounds = field(default_factory=Bounds)
    critic: CriticConfig = field(default_factory=CriticConfig)

    def scaled(self, factor: float) -> LoopConfig:
        """The same with fewer levels and steps, for a short budget."""
        names = (
            "candidates", "first_candidates", "played", "first_played", "last_played", "corpus_played",
            "critic_steps", "first_critic_steps",
        )  # fmt: skip
        return replace(
            self, **{name: max(16, round(getattr(self, name) * min(1.0, factor))) for name in names}
        )

    def __post_init__(self) -> None:
        if self.steer not in STEERS:
            raise LevelForgeError(f"unknown steering {self.steer!r} (known: {', '.join(STEERS)})")
        if not 0 < self.least <= 1:
            raise LevelForgeError(f"loop.least is {self.least}; give a share above 0, 1 at most")


class Loop:
    """Drives the rounds; a trainer of trainers, with the same methods as they.

    Args:
        game: the game.
        ground: what ``dqn`` trains on, given the generated levels.
        gan, dqn: trainers that have had their first training.
        pool: ``uint8[N, H, W]`` generated levels that ``dqn`` trains on so far.
        config: see :class:`LoopConfig`.
        seconds: for all rounds.
        folder: for the generator's drafts.
        seed: of everything random.
        clock: seconds by which a round's time is shared.

    Attributes:
        round: rounds completed.
        events: what the guards did, in words, since it was last read.
        judge: a pack whose playtesters play the levels instead of ``dqn``; None at first.
    """

    def __init__(
        self,
        game: Game,
        ground: TrainingGround,
        gan: GanTrainer,
        dqn: DqnTrainer,
        pool: NDArray[np.uint8],
        config: LoopConfig,
        seconds: float,
        folder: Path,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.game, self.gan, self.dqn, self.config, self.seed = game, gan, dqn, config, seed
        self.ground = ground
        self.seconds, self.folder = seconds / config.rounds, folder / DRAFT
        self.folder.mkdir(parents=True, exist_ok=True)
        self.critic = CriticTrainer(game, config.critic, seed + 2, gan.device)
        self.weights = game.measures.weights
        self.steering = Steering(game, gan.judge.corpus, self._steer_weights(), device=gan.device)
        shape = gan.windows.tiles.shape[1:]
        self.pool = pool
        self.returned = np.zeros((0, *shape), np.uint8)
        self.round = self.leg = 0
        self.spent = 0.0
        self.level_seconds = 0.0  # of a playtest, as the last ones took
        self.began: dict[str, float] = {}
        self.best = -np.inf
        self.figures: dict[str, float] = {}
        self.events: list[str] = []
        self.judge: Pack | None = None
        self.described: dict[str, Any] = {}
        self._before: dict[str, Any] | None = None
        self._judged: dict[str, float] | None = None  # of the averaged generator as it is
        gan.return_to_best()

    def _steer_weights(self) -> SteerWeights:
        """The weights, without the terms that are switched off."""
        config = self.config
        off: dict[str, float] = {}
        if config.steer in ("value", "none"):
            off |= {"beatable": 0.0, "difficulty": 0.0, "fun": 0.0}
        if config.steer in ("critic", "none"):
            off["value"] = 0.0
        if config.steer == "none":
            off["novel"] = off["varied"] = 0.0
        return replace(config.weights, **off)

    # --- a trainer's methods -------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether all rounds are done."""
        return self.round >= self.config.rounds

    def advance(self, seconds: float) -> dict[str, float]:
        """Go on with the current leg for about ``seconds``; returns its figures."""
        began = self.clock()
        leg = LEGS[self.leg]
        if leg == "make":
            figures, done = self._make(), True
        elif leg == "critic":
            figures, done = self._teach(), True
        elif not {"gan": self.config.gan_share, "dqn": self.config.dqn_share}[leg]:
            figures, done = {}, True
        elif leg == "gan":
            if self.spent == 0:
                self._before_gan()
            self.gan.step()
            while self.clock() - began < seconds:
                self.gan.step()
            figures = {f"gan_{name}": value for name, value in self.gan.metrics.items()}
            figures["gan_step"] = float(self.gan.steps)
            done = self.spent + self.clock() - began >= self.config.gan_share * self.seconds
            if done:
                figures |= self._after_gan()
        else:
            figures = {f"dqn_{name}": value for name, value in self.dqn.advance(seconds).items()}
            # one that has played all its frames takes no time, so the clock alone would never end the leg
            done = (
                self.dqn.finished or self.spent + self.clock() - began >= self.config.dqn_share * self.seconds
            )
        self.spent += self.clock() - began
        if done:
            self.leg, self.spent = (self.leg + 1) % len(LEGS), 0.0
            self.round += self.leg == 0
        return {"round": float(self.round + (self.leg > 0)), **figures}

    # --- legs ------------------------------------------------------------------------------------------

    @property
    def _judging_seconds(self) -> float:
        """For this round's playtests, and as many for the critic."""
        left = max(0.0, 1 - self.config.gan_share - self.config.dqn_share) * self.seconds
        return left if self.round == 0 else left / 2

    def _affordable(self, playtests: float, seconds: float) -> float:
        """Share of so many playtests that fit into ``seconds``, going by what the last ones took."""
        share = seconds / max(1e-9, playtests * self.level_seconds)
        return min(1.0, max(self.config.least, share))

    def _make(self) -> dict[str, float]:
        """Make, prove and play levels; compare with what the critic foresaw."""
        config, first = self.config, self.round == 0
        if first:
            self._measure_corpus()
        n = config.first_candidates if first else config.candidates
        made = self._candidates(n, self.round, config.asked_share, latest=True)
        played = config.first_played if first else config.played
        share = self._affordable(config.corpus_played + played if first else played, self._judging_seconds)
        chosen = self._to_play(made, round(share * played), self.round)
        scores = self._play(made, chosen, self.dqn.values, config.episodes, self.seed + self.round)
        figures = self._found(made, chosen, scores)
        if not first:
            foreseen = assess(self.critic.predict(made.tiles[chosen]), scores, self.weights)
            figures |= {f"critic_{name}": value for name, value in foreseen.items()}
            self._heed(foreseen)
            self._choose_best(figures)
        self.critic.add_solved(made.raw, made.beatable)
        self.critic.add_played(made.tiles[chosen], scores)
        proven = made.tiles[made.certified]
        if config.feed and len(proven):
            self.pool = np.concatenate([self.pool, proven[: config.pool // 3]])[-config.pool :]
            self.dqn.set_levels(self.ground(self.pool))
        if config.bootstrap:
            self._return(made.tiles[chosen], scores)
            figures["returned"] = float(len(self.returned))
        self.figures |= figures
        return figures

    def _teach(self) -> dict[str, float]:
        """Train the critic, longer while its word is not trusted."""
        config = self.config
        steps = config.first_critic_steps if self.round == 0 else config.critic_steps
        times = 1 if self.steering.scale else 2
        now = self.clock()
        progress = pace(self.clock, now, now + times * self._judging_seconds)
        losses = self.critic.train(times * steps, progress, config.least)
        return {f"critic_{name}": value for name, value in losses.items()}

    def _before_gan(self) -> None:
        """Hand the generator its new corpus and what steers it, and remember where it stands."""
        if not self.began:
            learning = self.gan.sample(self.gan.config.judge_levels, average=self.gan.generator)
            self.began = self.gan.assess() | {
                "variety": float(variety(one_hot(learning, len(self.game.tiles))))
            }
        self._before = copy.deepcopy(self.gan.state_dict())
        self.gan.grow(self.returned, self.config.corpus_share if len(self.returned) else 0.0)
        steered = self.config.steer
        self.steering.critic = self.critic.frozen() if steered in ("critic", "both") else None
        self.steering.playtester = (
            self.dqn.frozen().to(self.gan.device) if steered in ("value", "both") else None
        )
        self.steering.variety = self.began["variety"]
        self.gan.steering = self.steering

    def _after_gan(self) -> dict[str, float]:
        """Judge what the leg made of the generator; take it back if it went wrong."""
        now = self.gan.assess()
        bounds = self.config.bounds
        wrong = [
            what
            for what, trips in (("mode collapse", collapsed), ("style drift", drifted))
            if trips(bounds, self.began, now)
        ]
        if wrong:
            assert self._before is not None
            steps = self.gan.steps
            self.gan.load_state_dict(self._before)
            self.gan.steps = steps  # other batches than those that led astray
            self.steering.weights = _halved(self.steering.weights)
            self.events.append(
                f"round {self.round + 1} taken back ({' and '.join(wrong)}): diversity {now['diversity']:.3f} of "
                f"{self.began['diversity']:.3f}, style {now['style']:.3f} of {self.began['style']:.3f}; steering halved"
            )
        self._before, self._judged = None, None if wrong else now
        return now | {"rolled_back": float(bool(wrong))}

    # --- parts of them ---------------------------------------------------------------------------------

    def _candidates(self, n: int, number: int, asked_share: float, *, latest: bool) -> Made:
        """Candidates of the latest averaged generator, or of the best."""
        self.gan.export(self.folder / "generator.onnx", latest=latest)
        info = {"generator": self.gan.describe(), "count_distribution": self.gan.distribution}
        return make(self.folder, self.game, info, n, asked_share, self.seed * 1000 + number)

    def _to_play(self, made: Made, n: int, number: int) -> NDArray[np.intp]:
        """Which levels to play: half as they come, half spread over what the critic makes of their difficulty."""
        rng = np.random.default_rng((self.seed, number, 7))
        plain = np.flatnonzero(made.certified & np.isnan(made.asked))
        asked = np.flatnonzero(made.certified & ~np.isnan(made.asked))
        if number > 0 and len(asked):
            asked = asked[spread_out(self.critic.predict(made.tiles[asked])[:, DIFFICULTY], n // 2, rng)]
        return np.sort(np.concatenate([plain[: n - n // 2], asked[: n // 2]]))

    def _play(
        self, made: Made, chosen: NDArray[np.intp], values: QFunction, episodes: int, seed: int
    ) -> NDArray[np.float32]:
        return self._scores([made.level(self.game, int(i)) for i in chosen], values, episodes, seed)

    def _scores(
        self, levels: list[Level], values: QFunction, episodes: int, seed: int
    ) -> NDArray[np.float32]:
        began = self.clock()
        scores = play(levels, self.game, self.judge or values, episodes, seed)
        if levels:
            self.level_seconds = (self.clock() - began) / len(levels)
        return scores

    def _found(self, made: Made, chosen: NDArray[np.intp], scores: NDArray[np.float32]) -> dict[str, float]:
        """What the round's levels turned out to be."""
        plain, asked = np.isnan(made.asked), ~np.isnan(made.asked[chosen])
        figures = {
            "beatable": float(made.beatable[plain].mean()) if plain.any() else float(made.beatable.mean()),
            "beatable_asked": float(made.beatable[~plain].mean()) if (~plain).any() else 0.0,
            "certified": float(made.certified.mean()),
            "levels": float(len(self.pool)),
        }
        if (~asked).any():
            figures["fun"] = float(np.nanmean(fun_of(scores[~asked], self.weights)))
            figures["difficulty"] = float(scores[~asked, DIFFICULTY].mean())
        if asked.sum() > 2:
            figures["fun_asked"] = float(np.nanmean(fun_of(scores[asked], self.weights)))
            figures["dial_rank"] = rank_correlation(made.asked[chosen][asked], scores[asked, DIFFICULTY])
        return figures

    def _heed(self, foreseen: Mapping[str, float]) -> None:
        """Stop steering by a critic that promises what playtests do not find; trust it again once it is right."""
        trusted = not hacked(self.config.bounds, foreseen)
        if trusted != bool(self.steering.scale):
            self.events.append(
                f"round {self.round + 1}: the critic is {'trusted again' if trusted else 'not trusted'} (difficulty off by "
                f"{foreseen['difficulty_bias']:+.3f}, fun by {foreseen['fun_bias']:+.3f})"
            )
        self.steering.scale = 1.0 if trusted else 0.0

    def _choose_best(self, figures: Mapping[str, float]) -> None:
        """Keep the averaged generator whose levels have just been played, if it is the best so far."""
        judged = self._judged or self.gan.assess()
        quality = judged["quality"] + 0.5 * figures.get("fun", 0.0) + 0.2 * figures.get("dial_rank", 0.0)
        if quality > self.best:
            self.best = quality
            self.gan.keep()

    def _return(self, tiles: NDArray[np.uint8], scores: NDArray[np.float32]) -> None:
        """Choose what goes back to the generator's corpus: novel, beaten at least at times, and more fun than most."""
        fun = fun_of(scores, self.weights)
        good = (self.gan.judge.novelty(tiles) >= self.config.novelty) & (scores[:, DIFFICULTY] < 0.95)
        good &= fun >= np.nanmedian(fun)
        order = np.flatnonzero(good)[np.argsort(-fun[good], kind="stable")][: self.config.corpus_round]
        self.returned = np.concatenate([self.returned, tiles[order]])[-self.config.corpus_levels :]

    def _measure_corpus(self) -> None:
        """Measure the designer's own windows, so that reconstruction learns what difficulty looks like."""
        windows, config = self.gan.windows, self.config
        n = len(windows.tiles)
        chosen = np.linspace(0, n, min(n, config.corpus_played), endpoint=False).astype(int)
        # so that any first part of them lies all over the corpus
        chosen = np.random.default_rng((self.seed, 11)).permutation(chosen)

        def measure(some: NDArray[np.intp]) -> NDArray[np.float32]:
            levels = [Level(self.game, windows.tiles[i]) for i in some]
            return self._scores(levels, self.dqn.values, config.episodes, self.seed)

        probe, rest = chosen[:PROBE], chosen[PROBE:]
        scores = measure(probe)  # tells what a playtest takes
        fit = len(chosen) * self._affordable(
            config.corpus_played + config.first_played, self._judging_seconds
        )
        rest = rest[: max(0, round(fit) - len(probe))]
        if len(rest):
            scores = np.concatenate([scores, measure(rest)])
        chosen = np.concatenate([probe, rest])
        windows.condition[chosen, 0] = scores[:, DIFFICULTY]
        self.critic.add_played(windows.tiles[chosen], scores)
        self.figures |= {
            "corpus_difficulty": float(scores[:, DIFFICULTY].mean()),
            "corpus_fun": float(np.nanmean(fun_of(scores, self.weights))),
        }

    # --- the end -----------------------------------------------------------------------------------------

    def finish(self, seconds: float = math.inf) -> dict[str, float]:
        """Choose the best generator, and train and assess the critic on its levels by the final playtester.

        Args:
            seconds: for all that; ``least`` of the playtests and of the critic's steps are done in any case.
        """
        began, config = self.clock(), self.config
        rates = self.dqn.finish()
        if self.round:
            self._choose_best(self.figures)
        made = self._candidates(3 * config.last_played, 900, 0.7, latest=False)
        episodes = config.episodes + 1
        left = began + seconds - self.clock()
        share = self._affordable(config.last_played * episodes / config.episodes, left / 2)
        chosen = self._to_play(made, round(share * config.last_played), 900)
        scores = self._play(made, chosen, self.dqn.best_values(), episodes, self.seed + 900)
        fresh = np.arange(len(chosen)) % 4 == 0  # kept from training, to assess
        self.critic.add_solved(made.raw, made.beatable)
        self.critic.add_played(made.tiles[chosen[~fresh]], scores[~fresh])
        progress = pace(self.clock, self.clock(), began + FINISH_SHARE * seconds)
        self.critic.train(2 * config.critic_steps, progress, config.least)
        predicted = self.critic.predict(made.tiles[chosen[fresh]])
        found = scores[fresh, DIFFICULTY]
        self.described = {
            "difficulty_error": round(float(np.sqrt(np.mean((predicted[:, DIFFICULTY] - found) ** 2))), 4),
            "reliability": reliability(predicted[:, DIFFICULTY], found),
        }
        figures = self._found(made, chosen, scores)
        figures |= {f"critic_{name}": v for name, v in assess(predicted, scores[fresh], self.weights).items()}
        judged = self.gan.judge(self.gan.sample(4 * self.gan.config.judge_levels))
        figures |= {name: value for name, value in judged.items() if name != "beatable"}
        self.figures |= figures
        return figures | {f"dqn_{name}": value for name, value in rates.items()}

    def export(self, path: Path | None = None) -> bytes:
        """Write the critic as ONNX; the other two are exported by their own trainers."""
        return self.critic.export(path)

    def describe(self) -> dict[str, Any]:
        """The ``critic`` entry of ``pack.json``."""
        return {"scores": list(SCORES), **self.described}

    # --- checkpoints -------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on; loadable with ``torch.load(weights_only=True)``."""
        return {
            "gan": self.gan.state_dict(),
            "dqn": self.dqn.state_dict(),
            "critic": self.critic.state_dict(),
            "before": self._before or {},
            "pool": torch.from_numpy(self.pool.copy()),
            "returned": torch.from_numpy(self.returned.copy()),
            "condition": torch.from_numpy(self.gan.windows.condition.copy()),
            "round": self.round,
            "leg": self.leg,
            "spent": self.spent,
            "level_seconds": self.level_seconds,
            "seconds": self.seconds,
            "scale": self.steering.scale,
            "weights": asdict(self.steering.weights),
            "began": dict(self.began),
            "best": float(self.best),
            "figures": dict(self.figures),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave; ``dqn`` must have been built on the pool in it."""
        self.gan.load_state_dict(state["gan"])
        self.dqn.load_state_dict(state["dqn"])
        self.critic.load_state_dict(state["critic"])
        self._before = dict(state["before"]) or None
        self.pool, self.returned = (state[name].numpy().copy() for name in ("pool", "returned"))
        self.gan.windows.condition[:] = state["condition"].numpy()
        self.round, self.leg = int(state["round"]), int(state["leg"])
        self.spent, self.seconds = float(state["spent"]), float(state["seconds"])
        self.level_seconds = float(state["level_seconds"])
        self.steering.scale = float(state["scale"])
        self.steering.weights = SteerWeights(**state["weights"])
        self.began, self.best = dict(state["began"]), float(state["best"])
        self.figures = dict(state["figures"])
        if LEGS[self.leg] == "gan" and self.spent > 0:
            before, spent = self._before, self.spent
            self._before_gan()
            self._before, self.spent = before, spent


def reliability(
    predicted: NDArray[np.float32], measured: NDArray[np.float32], bins: int = 5
) -> list[dict[str, float]]:
    """A reliability table (Murphy and Winkler 1977): mean predicted and measured difficulty by bins of equal size."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), bins)
    return [
        {
            "predicted": round(float(predicted[p].mean()), 4),
            "measured": round(float(measured[p].mean()), 4),
            "levels": len(p),
        }
        for p in parts
        if len(p)
    ]


def _halved(weights: SteerWeights) -> SteerWeights:
    values = {name: value / 2 for name, value in asdict(weights).items()}
    return SteerWeights(**values | {"novelty": weights.novelty, "varied": weights.varied})
