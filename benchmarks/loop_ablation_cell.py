"""One arm of ``loop_ablation.py``: train, make candidates, have them judged by a playtester of no arm."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

ARMS = {
    "GAN alone": {},
    "+ bootstrapped corpus": {"bootstrap": True, "feed": True},
    "+ critic gradient": {"steer": "critic", "feed": True},
    "+ value gradient": {"steer": "value", "feed": True},
    "all": {"steer": "both", "bootstrap": True, "feed": True},
}
"""What each arm's loop has; the first has none and goes on with the GAN's training alone."""
PLAYTESTERS = "playtesters"


@dataclass(frozen=True)
class Plan:
    """What all arms have in common.

    Attributes:
        gan_seconds, dqn_seconds: of the processor, for the start that all arms of a seed share.
        seconds: of the processor, for each arm then.
        rounds: of the loop.
        candidates: made by each arm at the end.
        played: certified ones of them, playtested.
        playtesters: the hash of the pack that each game's playtester starts from, for those that start from one.
        settings: of the loop, other than the defaults: ``weights.fun`` and the like, and their values.
    """

    gan_seconds: float
    dqn_seconds: float
    seconds: float
    rounds: int
    candidates: int
    played: int
    playtesters: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One game and seed, or one arm of it."""

    game: str
    seed: int
    arm: str = ""

    @property
    def name(self) -> str:
        """The cell's file, without its ending."""
        arm = self.arm.replace("+", "").strip().replace(" ", "_")
        return f"{self.game}-s{self.seed}" + (f"-{arm}" if arm else "")


def run_start(cell: Cell, plan: Plan, out: Path) -> None:
    """The GAN's and the playtester's first training, which the arms of a seed share; kept in ``out/starts``.

    What a playtester starts from is in ``out/playtesters/GAME``.
    """
    import torch

    from levelforge.training.budget import pace
    from levelforge.training.folder import write_whole
    from levelforge.training.gan import FIRST_TRAINING
    from levelforge.training.level_pool import make_pool, save_pool
    from levelforge.training.status import Stop
    from levelforge.training.transfer import start_playtester

    path = out / "starts" / cell.name
    if (path / "done").exists():
        return
    torch.set_num_threads(1)
    path.mkdir(parents=True, exist_ok=True)
    game, corpus, gan = _gan(cell)
    now = time.process_time()
    gan.progress = pace(time.process_time, now, now + plan.gan_seconds, last=FIRST_TRAINING)
    _train(gan, plan.gan_seconds)
    gan.export(path / "generator.onnx", latest=True)
    info = {"generator": gan.describe(), "count_distribution": gan.distribution}
    made, _ = make_pool(path, game, info, n=600, seconds=60, seed=cell.seed, tell=lambda _: None, stop=Stop())
    save_pool(path / "pool.npz", made)
    source = _source(cell, plan, out)
    dqn = _dqn(cell, game, corpus, made, source)
    if source is not None:
        start_playtester(dqn, source)
    _train(dqn, plan.dqn_seconds)
    torch.save(gan.state_dict(), path / "gan.pt")
    torch.save(dqn.state_dict(), path / "dqn.pt")
    write_whole(path / "done", b"")


def run_arm(cell: Cell, plan: Plan, out: Path) -> None:
    """Train one arm from its seed's start and make its candidates, in ``out/trained``; unless it is there."""
    import torch

    from levelforge.training.budget import pace
    from levelforge.training.folder import write_whole
    from levelforge.training.gan import FIRST_TRAINING
    from levelforge.training.level_pool import TrainingGround, load_pool
    from levelforge.training.loop import Loop

    if (out / "trained" / f"{cell.name}.json").exists():
        return
    torch.set_num_threads(1)
    path = out / "starts" / Cell(cell.game, cell.seed).name
    game, corpus, gan = _gan(cell)
    gan.load_state_dict(torch.load(path / "gan.pt", weights_only=True))
    loop = None
    if ARMS[cell.arm]:
        made = load_pool(path / "pool.npz")
        dqn = _dqn(cell, game, corpus, made, _source(cell, plan, out))
        dqn.load_state_dict(torch.load(path / "dqn.pt", weights_only=True))
        config, drafts = loop_config(cell.arm, plan), out / "drafts" / cell.name
        ground = TrainingGround(corpus, game)
        loop = Loop(game, ground, gan, dqn, made, config, plan.seconds, drafts, cell.seed, time.process_time)
    clock = time.process_time  # what else the machine does takes nothing from an arm
    began = clock()
    gan.progress = pace(clock, began, began + plan.seconds, first=FIRST_TRAINING)
    while clock() - began < plan.seconds and not (loop is not None and loop.finished):
        if loop is None:
            gan.step()
        else:
            loop.advance(3.0)
    spent = clock() - began
    gan.keep()
    result = {
        "game": cell.game, "seed": cell.seed, "arm": cell.arm, "plan": asdict(plan), "seconds": spent,
        "gan_steps": gan.steps, "rounds": loop.round if loop else 0, "events": loop.events if loop else [],
        **_solve(cell, gan, plan, out),
    }  # fmt: skip
    write_whole(out / "trained" / f"{cell.name}.json", (json.dumps(result, indent=1) + "\n").encode())


def _solve(cell: Cell, gan: Any, plan: Plan, out: Path) -> dict[str, Any]:
    """What the arm's candidates are worth by the solver; those to be played are kept in ``out/trained``."""
    from levelforge.training.loop_levels import make

    folder = out / "drafts" / cell.name
    folder.mkdir(parents=True, exist_ok=True)
    gan.export(folder / "generator.onnx")
    info = {"generator": gan.describe(), "count_distribution": gan.distribution}
    made = make(folder, gan.game, info, plan.candidates, 0.0, 4242)
    raw = made.raw[: plan.candidates]
    good = np.flatnonzero(made.certified)[: plan.played]
    (out / "trained").mkdir(exist_ok=True)
    np.savez_compressed(
        out / "trained" / f"{cell.name}.npz",
        tiles=made.tiles[good],
        solutions=made.solutions[good],
        length=made.length[good],
    )
    half = len(raw) // 2
    return {
        "beatable": made.beatable[: plan.candidates].astype(int).tolist(),
        "novelty": gan.judge.novelty(raw).round(4).tolist(),
        "diversity": (raw[:half] != raw[half : 2 * half]).mean(axis=(1, 2)).round(4).tolist(),
        "style": gan.judge.style(raw),
        "duplicates": 1 - len(np.unique(raw.reshape(len(raw), -1), axis=0)) / len(raw),
    }


def judge_arm(cell: Cell, _plan: Plan, out: Path) -> None:
    """What the bundled pack's playtester says of an arm's levels; with all else of it written to ``out/cells``."""
    from levelforge.game import load_game
    from levelforge.level import Level
    from levelforge.pack import load_pack
    from levelforge.playtest.measure import playtest
    from levelforge.training.folder import write_whole

    game = load_game(cell.game)
    with np.load(out / "trained" / f"{cell.name}.npz", allow_pickle=False) as kept:
        levels = [
            Level(game, tiles, solution=tuple(actions[:length].tolist()))
            for tiles, actions, length in zip(kept["tiles"], kept["solutions"], kept["length"], strict=True)
        ]
    pack = load_pack(cell.game)
    results = playtest(levels, game, pack, seed=7, episodes=4)
    trained = json.loads((out / "trained" / f"{cell.name}.json").read_text(encoding="utf-8"))
    judged = {
        "judge": pack.hash,
        "fun": [round(r.fun, 4) for r in results if r.fun is not None],
        "fun_parts": {
            part: round(float(np.mean([r.fun_parts[part] for r in results if part in r.fun_parts])), 4)
            for part in ("tension", "variety", "exploration", "choice", "reward")
        },
        "difficulty": [round(r.difficulty, 4) for r in results],
    }
    path = out / "cells" / f"{cell.name}.json"
    write_whole(path, (json.dumps(trained | judged, indent=1) + "\n").encode())


def _gan(cell: Cell) -> tuple[Any, Any, Any]:
    from levelforge.corpus import load_corpus
    from levelforge.game import load_game
    from levelforge.training.gan import GanConfig, GanTrainer

    game = load_game(cell.game)
    assert game.folder is not None
    corpus = [level.tiles for level in load_corpus(game.folder / "corpus", game).train]
    return game, corpus, GanTrainer(game, corpus, GanConfig(), 1000 + cell.seed)


def loop_config(arm: str, plan: Plan) -> Any:
    """The loop's settings: those of the plan, and of the parts those that the arm has.

    Raises:
        LevelForgeError: the plan changes a setting that there is not, or to a value that will not do.
    """
    from levelforge.training.loop import LoopConfig
    from levelforge.training.settings import changed

    config = LoopConfig()
    for name, value in plan.settings.items():
        config = changed(config, name, value, "loop")
    parts: dict[str, Any] = {"steer": "none", "bootstrap": False, "feed": False} | ARMS[arm]
    return replace(config, rounds=plan.rounds, **parts).scaled(plan.seconds / 600)


def _source(cell: Cell, plan: Plan, out: Path) -> Any:
    """The pack that the playtester of this game starts from, if any."""
    from levelforge.pack import read_pack

    return read_pack(out / PLAYTESTERS / cell.game) if cell.game in plan.playtesters else None


def _dqn(cell: Cell, game: Any, corpus: Any, made: Any, source: Any) -> Any:
    from levelforge.training.dqn import DqnConfig, DqnTrainer
    from levelforge.training.level_pool import TrainingGround
    from levelforge.training.transfer import playtester_net

    config = DqnConfig(eval_frames=10**9, capacity=100_000)
    if source is not None and (net := playtester_net(source)) is not None:
        config = replace(config, net=net)
    return DqnTrainer(game, TrainingGround(corpus, game)(made), (), config, 2000 + cell.seed)


def _train(trainer: Any, seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end and not trainer.finished:
        trainer.advance(min(5.0, max(0.1, end - time.process_time())))


os.environ.setdefault("OMP_NUM_THREADS", "1")
