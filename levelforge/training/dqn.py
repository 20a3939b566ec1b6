"""The playtester's training: one DQN that reads from top to bottom.

Its parts and where they come from: double DQN (van Hasselt et al. 2016, https://arxiv.org/abs/1509.06461),
duelling heads (Wang et al. 2016, https://arxiv.org/abs/1511.06581), n-step returns and their mix after Rainbow
(Hessel et al. 2018, https://arxiv.org/abs/1710.02298), prioritised replay (Schaul et al. 2016,
https://arxiv.org/abs/1511.05952), a ladder of exploration over the environments as in Ape-X (Horgan et al. 2018,
https://arxiv.org/abs/1803.00933), potential-based shaping (Ng, Harada and Russell 1999) from the solver's distances,
and levels drawn more often while their outcome is open (after Florensa et al. 2018, https://arxiv.org/abs/1705.06366).
What is judged and exported is a running mean of the learning network (Polyak and Juditsky 1992; acting by one in deep
Q-learning: Schwarzer et al. 2023, https://arxiv.org/abs/2305.19452): the latest one swings from what it learned today to
what it learned yesterday.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from levelforge.env import BatchEnv, Rewards
from levelforge.game import Game
from levelforge.playtest.observation import PERSONAS, VIEW_SIZE
from levelforge.rules import WON
from levelforge.training.captured import Captured
from levelforge.training.folder import write_whole
from levelforge.training.heldout import best_skill, win_rates
from levelforge.training.playtester_net import NetConfig, PlaytesterNet, export_playtester
from levelforge.training.precision import Precision, halved
from levelforge.training.replay import PARTS, Batch, PrioritisedReplay

Levels = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]


@dataclass(frozen=True)
class Update:
    """What one update leaves to be taken in.

    Attributes:
        leaf: ``int64[B]`` where the batch lies in replay.
        error: ``float32[B]`` sizes of its TD errors, over the personas.
        loss, mean_q: for the record.
    """

    leaf: NDArray[np.int64]
    error: NDArray[np.float32]
    loss: float = float("nan")
    mean_q: float = float("nan")


@dataclass(frozen=True)
class DqnConfig:
    """Settings of the playtester's training.

    Attributes:
        n_envs: players at once, E.
        batch_size: transitions in an update.
        replay_ratio: trained samples a frame, r; sets how many rounds of E frames lie between updates.
        capacity: frames in replay.
        warm_up: frames before the first update.
        learning_rate: of Adam at the start; falls linearly to a tenth of it over ``anneal_frames``.
        n_step: steps of the returns.
        gamma: discount a step.
        target_every: updates between copies to the target network.
        ema: updates that the averaged network goes back, about.
        alpha, beta: prioritised replay; beta rises to 1 over ``anneal_frames``.
        anneal_frames: frames over which the learning rate and beta are annealed, unless the trainer is told how far
            its training is.
        epsilon_base, epsilon_power: environment i of E acts with noise base ** (1 + power * i / (E - 1)).
        shaping_scale: weight of the shaping, in reward a step of distance.
        shaping_share: how much of the shaping each persona feels. Shaping changes no best policy, but it does change
            what is learned first: at its full weight, explorers and collectors walk straight to the goal, and
            with next to none they forget it.
        lure: reward of the explorer a step nearer to a place it has not seen, and of the collector a step nearer to a
            collectible. What lies off the way to the goal is else found by chance alone.
        persona_weight: weight of another persona's error next to the runner's; all personas learn from all transitions,
            whoever made them.
        others: share of the environments whose player acts as one of the other personas.
        max_grad_norm: gradients are clipped to this norm.
        precision: of updates: ``auto`` (bfloat16 where the processor has it), ``float32`` or ``bfloat16``.
        rewards: weights of the reward components.
        net: widths of the network.
        level_floor: score of a level whose outcome is certain, relative to one won half of the time.
        staleness: share of the levels' chances that goes by how long ago each was played.
        reweigh_frames: frames between renewals of the levels' chances.
        eval_frames: frames between evaluations on held-out levels.
        eval_episodes: episodes a held-out level and skill.
        judged_levels: training levels on which the network to export is chosen at each evaluation.
        total_frames: frames after which training is finished.
    """

    n_envs: int = 128
    batch_size: int = 256
    replay_ratio: float = 1.0
    capacity: int = 200_000
    warm_up: int = 20_000
    learning_rate: float = 5e-4
    n_step: int = 3
    gamma: float = 0.99
    target_every: int = 250
    ema: float = 1000.0
    alpha: float = 0.6
    beta: float = 0.4
    anneal_frames: int = 4_000_000
    epsilon_base: float = 0.4
    epsilon_power: float = 5.0
    shaping_scale: float = 0.05
    shaping_share: tuple[float, float, float, float] = (1.0, 0.5, 0.5, 1.0)
    lure: float = 0.1
    persona_weight: float = 0.5
    others: float = 0.3
    max_grad_norm: float = 10.0
    precision: Precision = "auto"
    rewards: Rewards = Rewards(tile=0.05, collectible=1.0)
    net: NetConfig = NetConfig()
    level_floor: float = 0.2
    staleness: float = 0.1
    reweigh_frames: int = 50_000
    eval_frames: int = 1_000_000
    eval_episodes: int = 4
    judged_levels: int = 64
    total_frames: int = 40_000_000

    @classmethod
    def for_gpu(cls) -> DqnConfig:
        """For a GPU, where a pass costs about the same for a wider network and for many players as for few."""
        return cls(
            n_envs=1024, batch_size=512, replay_ratio=2.0, capacity=500_000, warm_up=50_000, target_every=400,
            reweigh_frames=200_000, eval_frames=4_000_000, judged_levels=128, total_frames=400_000_000,
            net=NetConfig(view_channels=(24, 64), hidden=256, head=128),
        )  # fmt: skip


class DqnTrainer:
    """Trains one playtester on a pool of levels.

    Args:
        game: whose rules apply.
        level_pool: training levels, ``uint8[N, H, W]`` or a list of ``uint8[H, W]`` or ``uint8[N, H, W]``.
        heldout: levels to evaluate on, never trained on; may be empty.
        config: settings.
        seed: of everything random.
        device: where the network learns and acts; playing itself is the processor's work.

    Attributes:
        net: the network that learns.
        average: its running mean over the latest updates, which is judged and exported.
        frames: frames played so far.
        win_rate: held-out win rate by skill at the latest evaluation; empty before.
        progress: says how much of the training is over, 0 to 1, where that is a matter of time; None goes by frames.
    """

    def __init__(
        self,
        game: Game,
        level_pool: Levels,
        heldout: Levels = (),
        config: DqnConfig | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.game, self.config, self.heldout = game, config or DqnConfig(), heldout
        self.device = torch.device(device)
        self.progress: Callable[[], float] | None = None
        c = self.config
        torch.manual_seed(seed)
        self.net = PlaytesterNet([a.name for a in game.actions], VIEW_SIZE[game.movement], c.net).to(
            self.device
        )
        self.target = copy.deepcopy(self.net).requires_grad_(False)
        self.actor = copy.deepcopy(self.net).requires_grad_(False)
        self.average = copy.deepcopy(self.net).requires_grad_(False)
        gpu = self.device.type == "cuda"
        rate = torch.tensor(c.learning_rate, device=self.device) if gpu else c.learning_rate
        self.optimizer = torch.optim.Adam(
            self.net.parameters(), lr=rate, eps=1e-5, fused=True, capturable=gpu
        )
        self.rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
        ladder = c.epsilon_base ** (1 + c.epsilon_power * np.arange(c.n_envs) / max(1, c.n_envs - 1))
        self.env = BatchEnv(
            game, level_pool, c.n_envs, seed, epsilon=ladder, rewards=c.rewards, gamma=c.gamma, scale=c.shaping_scale,
            lure=c.lure,
        )  # fmt: skip
        self.replay = PrioritisedReplay(
            c.n_envs, c.capacity, VIEW_SIZE[game.movement], n=c.n_step, gamma=c.gamma, alpha=c.alpha
        )
        self.acting = _acting(c.n_envs, c.others)
        self.env.set_persona(np.eye(len(PERSONAS), dtype=np.float32)[self.acting])
        self.obs = self.env.reset()
        self._keys = _keys(level_pool)
        self.level_win_rate, self.level_weight = np.full(len(self._keys), 0.5), np.ones(len(self._keys))
        self.level_seen = np.zeros(len(self._keys))
        self.judged = self._spread(level_pool)
        self.frames = self.updates = 0
        self.win_rate: dict[str, float] = {}
        self.best = (
            -1.0
        )  # best mean win rate on the judged levels so far, with the parameters that reached it
        self.best_win_rate: dict[str, float] = {}
        self.best_parameters: dict[str, Tensor] = {}
        self._recent: list[float] = []
        self._under_way: Future[Update] | Update | None = None
        # beside the playing on a GPU as well: the acting network need not wait for the learning one
        self._stream = torch.cuda.Stream(self.device) if gpu else None
        self._captured: Captured | None = None
        self.half = halved(c.precision, self.device)
        shares = torch.tensor([1.0] + [c.persona_weight] * (len(PERSONAS) - 1), device=self.device)
        self.shares = shares / shares.sum()

    # --- training ------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether all frames have been played."""
        return self.frames >= self.config.total_frames

    def advance(self, seconds: float) -> dict[str, float]:
        """Train for about so many seconds.

        Returns:
            ``frames``, ``fps``, ``loss``, ``mean_q``, ``train_win_rate`` of the episodes that ended
            meanwhile, and ``heldout_<skill>``, ``heldout_best`` of the latest evaluation.
        """
        c = self.config
        begin, frames = time.perf_counter(), self.frames
        losses: list[float] = []
        values: list[float] = []
        with ThreadPoolExecutor(1, "learner") as learner:
            while not self.finished and time.perf_counter() - begin < seconds:
                self.play()
                due = max(0, self.frames - c.warm_up) * c.replay_ratio / c.batch_size
                while self.updates < due:
                    latest = self.learn(learner)
                    if latest is not None:
                        losses.append(latest.loss)
                        values.append(latest.mean_q)
                if self._passed(c.reweigh_frames):
                    self.reweigh()
                if self._passed(c.eval_frames):
                    self.evaluate()
            self._wait()
        spent = time.perf_counter() - begin
        recent, self._recent = self._recent, []
        return {
            "frames": float(self.frames),
            "fps": (self.frames - frames) / max(spent, 1e-9),
            "loss": float(np.mean(losses)) if losses else float("nan"),
            "mean_q": float(np.mean(values)) if values else float("nan"),
            "train_win_rate": float(np.mean(recent)) if recent else float("nan"),
            **{f"heldout_{skill}": rate for skill, rate in self.win_rate.items()},
            **({"heldout_best": best_skill(self.win_rate)[1]} if self.win_rate else {}),
        }

    def play(self) -> None:
        """One frame of every environment, into replay."""
        c = self.config
        with torch.inference_mode():
            q = self.actor(*self._tensors(self.obs), self._here(self.obs["persona"]))
        obs, _, terminated, truncated, info = self.env.step(q.argmax(dim=1).cpu().numpy())
        rewards = info.rewards + info.shaping[:, None] * np.array(c.shaping_share, np.float32) + info.lures
        self.replay.add(self.obs, info.action, rewards, terminated, truncated)
        self.obs = obs
        for env, end in zip(info.done, info.episode, strict=True):
            if self.acting[env]:
                continue  # how often a level is won is the runner's to say
            level, won = end["level"], float(end["outcome"] == WON)
            self._recent.append(won)
            self.level_win_rate[level] += 0.2 * (won - self.level_win_rate[level])
            self.level_seen[level] = self.frames
        self.frames += c.n_envs

    def learn(self, learner: Executor | None = None) -> Update | None:
        """Take in the update under way, if any, and start the next.

        An update runs beside the playing, on another core, and shows (in the network that acts, in the priorities,
        in the target network) only when the next one starts: a fixed place, so a run does not depend on speed.

        Args:
            learner: where the update runs; None is here and now, with the same outcome.

        Returns:
            The update taken in.
        """
        c = self.config
        taken = self._take_in()
        progress = min(1.0, self.frames / c.anneal_frames if self.progress is None else self.progress())
        self._set_rate(c.learning_rate * (1.0 - 0.9 * progress))
        batch = self.replay.sample(c.batch_size, c.beta + (1.0 - c.beta) * progress, self.rng)
        tensors = self._batch(batch)
        if self._stream is not None and self._captured is None:
            self._captured = Captured(self._descend, tensors)
        if learner is None:
            self._under_way = self._update(batch, tensors)
        else:
            self._under_way = learner.submit(self._update, batch, tensors)
        self.updates += 1
        return taken

    def _set_optimizer(self, state: dict[str, Any]) -> None:
        """Take over an optimiser's state, of a run on this kind of device or on another."""
        self._captured = None  # it goes on with the tensors that are replaced here
        mine = [(group["lr"], group["capturable"]) for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state)
        for group, (rate, capturable) in zip(self.optimizer.param_groups, mine, strict=True):
            group["lr"], group["capturable"] = rate, capturable

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)  # in place: a captured step reads it there
            else:
                group["lr"] = rate

    def _batch(self, batch: Batch) -> tuple[Tensor, ...]:
        """What :meth:`_descend` takes, on the device."""
        numbers = np.stack([batch.discount, batch.weight])
        parts = (*(batch.obs[p] for p in PARTS), *(batch.next_obs[p] for p in PARTS))
        return tuple(self._here(array) for array in (*parts, batch.reward, batch.action, numbers))

    def _update(self, batch: Batch, tensors: tuple[Tensor, ...]) -> Update:
        """One step of gradient descent on a batch."""
        if self._stream is None:
            found = self._descend(*tensors)
        else:
            assert self._captured is not None
            self._stream.wait_stream(torch.cuda.default_stream(self.device))
            with torch.cuda.stream(self._stream):
                found = self._captured(*tensors).cpu()
        told = found.numpy()
        return Update(batch.leaf, told[:-2], float(told[-2]), float(told[-1]))

    def _descend(self, *tensors: Tensor) -> Tensor:
        """One step of gradient descent; ``float32[B + 2]`` TD errors, the loss, and the runner's mean value."""
        obs, following, (reward, action, numbers) = tensors[:3], tensors[3:6], tensors[6:]
        discount, weight = numbers
        target = self.targets(following, reward, discount)
        chosen = (
            self._q(self.net, obs).gather(2, action[:, None, None].expand(-1, len(PERSONAS), 1)).squeeze(2)
        )
        loss = (F.smooth_l1_loss(chosen, target, reduction="none") @ self.shares * weight).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        chosen = chosen.detach()
        error = (chosen - target).abs() @ self.shares
        return torch.cat([error, torch.stack([loss.detach(), chosen[:, 0].mean()])])

    def _wait(self) -> Update | None:
        """Let the update under way come to its end, without taking it in."""
        if isinstance(self._under_way, Future):
            self._under_way = self._under_way.result()
        return self._under_way

    def _take_in(self) -> Update | None:
        """Let the update under way show."""
        update = self._wait()
        self._under_way = None
        if update is not None:
            self.replay.update(update.leaf, update.error)
            if self.updates % self.config.target_every == 0:
                self.target.load_state_dict(self.net.state_dict())
            with torch.no_grad():
                learned: list[Tensor] = list(self.net.parameters())
                torch._foreach_copy_(list(self.actor.parameters()), learned)
                share = max(1 / self.config.ema, 9 / (9 + self.updates))  # the first ones are soon forgotten
                torch._foreach_lerp_(list(self.average.parameters()), learned, share)
        return update

    def targets(self, following: tuple[Tensor, ...], reward: Tensor, discount: Tensor) -> Tensor:
        """``float32[B, P]``: reward + discount * Q_target(next, argmax over a of Q(next, a)) (double DQN), by persona."""
        with torch.no_grad():
            action = self._q(self.net, following).argmax(dim=2, keepdim=True)
            value = self._q(self.target, following).gather(2, action).squeeze(2)
        target: Tensor = reward + discount[:, None] * value
        return target

    def _q(self, net: PlaytesterNet, obs: tuple[Tensor, ...]) -> Tensor:
        """``float32[B, P, A]`` values for an update: all but the heads in bfloat16 where that is twice as fast.

        The heads are not, for actions often differ by less in value than bfloat16 can tell.
        """
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            hidden = net.features_all(*obs)
        return net.heads_all(hidden.float(), obs[2])

    def reweigh(self) -> None:
        """Draw levels by how much there is to learn from each, and by how long ago they were played.

        Prioritised level replay (Jiang et al. 2021, https://arxiv.org/abs/2010.03934), its score replaced by
        the learnability p (1 - p) of a level won with chance p, which serves better than value errors do
        (Rutherford et al. 2024, https://arxiv.org/abs/2408.15099); staleness counts as there.
        """
        c, rate = self.config, self.level_win_rate
        score = c.level_floor + (1 - c.level_floor) * 4 * rate * (1 - rate)
        age = np.maximum(self.frames - self.level_seen, 0.0)
        stale = age / age.sum() if age.sum() > 0 else np.full(len(age), 1 / len(age))
        self.level_weight = (1 - c.staleness) * score / score.sum() + c.staleness * stale
        self.env.pool.set_weights(self.level_weight)

    def evaluate(self) -> dict[str, float]:
        """Play the held-out levels at every skill, and remember the parameters that did best so far.

        Which did best is judged on *training* levels, so that the held-out win rate stays an honest figure.
        """
        c = self.config
        self._wait()
        rate = float(np.mean(list(win_rates(self.values, self.game, self.judged, 1).values())))
        if len(self.heldout):
            self.win_rate = win_rates(self.values, self.game, self.heldout, c.eval_episodes)
        if rate >= self.best:
            self.best, self.best_win_rate = rate, dict(self.win_rate)
            self.best_parameters = {name: value.clone() for name, value in self.average.state_dict().items()}
        return self.win_rate

    def finish(self) -> dict[str, float]:
        """Evaluate once more at the end, so that the last frames count too.

        Returns:
            ``heldout_<skill>`` and ``heldout_best`` of the network that is exported.
        """
        self.evaluate()
        if not self.best_win_rate:
            return {}
        rates = {f"heldout_{skill}": rate for skill, rate in self.best_win_rate.items()}
        return rates | {"heldout_best": best_skill(self.best_win_rate)[1]}

    def values(self, obs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """``float32[N, A]`` values of the actions, by the averaged network."""
        return self._values(self.average, obs)

    def best_values(self) -> Callable[[Mapping[str, NDArray[Any]]], NDArray[np.float32]]:
        """As :meth:`values`, by the network that is exported."""
        net = self.exported().to(self.device)
        return lambda obs: self._values(net, obs)

    def _values(self, net: PlaytesterNet, obs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        with torch.inference_mode():
            q: Tensor = net(*self._tensors(obs), self._here(obs["persona"]))
        found: NDArray[np.float32] = q.cpu().numpy()
        return found

    def _tensors(self, obs: Mapping[str, NDArray[Any]]) -> tuple[Tensor, Tensor, Tensor]:
        return self._here(obs["view"]), self._here(obs["map"]), self._here(obs["scalars"])

    def _here(self, array: NDArray[Any]) -> Tensor:
        """An array as a tensor on the device."""
        return torch.from_numpy(array).to(self.device)

    def exported(self) -> PlaytesterNet:
        """A copy of the averaged network that did best so far, on the CPU."""
        net = copy.deepcopy(self.average).cpu()
        if self.best_parameters:
            net.load_state_dict(self.best_parameters)
        return net.eval()

    def frozen(self) -> PlaytesterNet:
        """A copy of the averaged network, on the CPU, that gives gradients for what it sees and has none of its own."""
        return copy.deepcopy(self.average).cpu().eval()

    def set_levels(self, level_pool: Levels) -> None:
        """Go on with another pool of levels; running episodes are broken off.

        What is known of levels that stay is kept, and so are the levels that the network is judged on.
        """
        known = dict(zip(self._keys, zip(self.level_win_rate, self.level_seen, strict=True), strict=True))
        self._take_in()
        self.replay.cut()
        self.env.set_levels(level_pool)
        self._keys = _keys(level_pool)
        rows = [known.get(key, (0.5, 0.0)) for key in self._keys]
        self.level_win_rate = np.array([row[0] for row in rows])
        self.level_seen = np.array([row[1] for row in rows])
        self.reweigh()
        self.obs = self.env.restart(np.arange(self.config.n_envs))

    def _spread(self, level_pool: Levels) -> list[NDArray[np.uint8]]:
        """Some levels of the pool, spread evenly: what the network to export is chosen by."""
        single = [tiles for part in level_pool for tiles in (part if part.ndim == 3 else [part])]
        chosen = np.unique(np.linspace(0, len(single) - 1, self.config.judged_levels).round().astype(int))
        return [single[i] for i in chosen]

    def _passed(self, every: int) -> bool:
        """Whether a multiple of ``every`` frames was reached in the latest round."""
        return self.frames // every > (self.frames - self.config.n_envs) // every

    # --- export and checkpoints ----------------------------------------------------------------

    def export(self, path: Path | None = None) -> bytes:
        """The ONNX file of the network that did best so far; written to ``path`` if given."""
        data = export_playtester(
            self.exported(), self.game, {"frames": self.frames, "win_rate": self.best_win_rate}
        )
        if path is not None:
            write_whole(path, data)
        return data

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly as if nothing had happened: tensors, numbers, text, dicts, lists.

        Tensors of the replay share its memory: save them before training on.
        """
        update = self._wait()
        under_way = {} if update is None else _to_tensors({"leaf": update.leaf, "error": update.error})
        return {
            "net": self.net.state_dict(),
            "target": self.target.state_dict(),
            "actor": self.actor.state_dict(),
            "average": self.average.state_dict(),
            "under_way": under_way,
            "optimizer": self.optimizer.state_dict(),
            "replay": _to_tensors(self.replay.state_dict()),
            "env": _to_tensors(self.env.state_dict()),
            "rng": json.dumps(self.rng.bit_generator.state),
            "level_win_rate": torch.from_numpy(self.level_win_rate),
            "level_weight": torch.from_numpy(self.level_weight),
            "level_seen": torch.from_numpy(self.level_seen),
            "frames": self.frames,
            "updates": self.updates,
            "win_rate": dict(self.win_rate),
            "best": self.best,
            "best_win_rate": dict(self.best_win_rate),
            "best_parameters": dict(self.best_parameters),
            "recent": list(self._recent),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave, for the same game, levels and configuration."""
        self.net.load_state_dict(state["net"])
        self.target.load_state_dict(state["target"])
        self.actor.load_state_dict(state["actor"])
        self.average.load_state_dict(state["average"])
        under_way = _to_arrays(state["under_way"])
        self._under_way = Update(under_way["leaf"], under_way["error"]) if under_way else None
        self._set_optimizer(state["optimizer"])
        self.replay.load_state_dict(_to_arrays(state["replay"]))
        self.obs = self.env.load_state_dict(_to_arrays(state["env"]))
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.level_win_rate = state["level_win_rate"].numpy().copy()
        self.level_weight = state["level_weight"].numpy().copy()
        self.level_seen = state["level_seen"].numpy().copy()
        self.env.pool.set_weights(self.level_weight)
        self.frames, self.updates = int(state["frames"]), int(state["updates"])
        self.win_rate, self.best = dict(state["win_rate"]), float(state["best"])
        self.best_win_rate = dict(state["best_win_rate"])
        self.best_parameters = {name: value.clone() for name, value in state["best_parameters"].items()}
        self._recent = list(state["recent"])


def _acting(n_envs: int, share: float) -> NDArray[np.int64]:
    """``int64[E]`` the persona each environment's player acts as: mostly the runner, the others spread evenly."""
    acting = np.zeros(n_envs, np.int64)
    places = np.linspace(0, n_envs, round(share * n_envs), endpoint=False).astype(int)
    acting[places] = 1 + np.arange(len(places)) % (len(PERSONAS) - 1)
    return acting


def _keys(level_pool: Levels) -> list[bytes]:
    """What tells levels apart, in the order of the pool."""
    return [
        repr(tiles.shape).encode() + tiles.tobytes()
        for part in level_pool
        for tiles in (part if part.ndim == 3 else [part])
    ]


def _to_tensors(state: Mapping[str, Any]) -> dict[str, Any]:
    return {k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in state.items()}


def _to_arrays(state: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.numpy() if isinstance(v, Tensor) else v for k, v in state.items()}
