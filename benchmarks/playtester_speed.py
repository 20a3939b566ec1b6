"""Frames a second of the playtester's training, end to end, beside Stable-Baselines3's DQN.

    python benchmarks/playtester_speed.py [--seconds 30] [--threads 1] [--out playtester_speed.json]

Both learn on the training corpus of each game, through observation, action, replay, update and all, at one
trained sample a frame. Ours is the trainer of ``levelforge train``; Stable-Baselines3 gets its MlpPolicy on
``gymnasium.make("levelforge/<game>-v0")``, flattened (its image network refuses views this small, and a
plain one is the cheaper), with as many hidden units as ours: once as it comes (one environment, batches of 32)
and once tuned for speed (16 environments, batches as large as ours). It does less a sample: no double
Q, no priorities, no n-step. Without Stable-Baselines3 its columns are left out: pip install
stable-baselines3. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from levelforge.env import register
from levelforge.env.gymnasium_env import training_levels
from levelforge.game import bundled_games, load_game
from levelforge.training.dqn import DqnConfig, DqnTrainer

SETUPS = {"plain": (1, 32), "tuned": (16, 256)}
"""Environments and batch size of Stable-Baselines3."""


def ours(name: str, seconds: float) -> dict[str, Any]:
    game = load_game(name)
    config = replace(DqnConfig(), eval_frames=10**9)
    trainer = DqnTrainer(game, training_levels(game), (), config, seed=0)
    while trainer.updates < 20:  # compilation and warm-up
        trainer.advance(1.0)
    frames, updates, begin, cpu = trainer.frames, trainer.updates, time.perf_counter(), time.process_time()
    trainer.advance(seconds)
    spent, cpu = time.perf_counter() - begin, time.process_time() - cpu
    frames, updates = trainer.frames - frames, trainer.updates - updates
    return {
        "frames_per_second": round(frames / spent, 1),
        "frames_per_cpu_second": round(frames / cpu, 1),  # tells whether others kept the processor busy
        "samples_per_frame": round(updates * config.batch_size / frames, 3),
        "parameters": sum(p.numel() for p in trainer.net.parameters()),
    }


def theirs(name: str, seconds: float, envs: int, batch: int) -> dict[str, Any]:
    from gymnasium.wrappers import FlattenObservation
    from stable_baselines3 import DQN
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import DummyVecEnv

    register()
    config = DqnConfig()
    model = DQN(
        "MlpPolicy",
        make_vec_env(
            f"levelforge/{name}-v0",
            n_envs=envs,
            seed=0,
            wrapper_class=FlattenObservation,
            vec_env_cls=DummyVecEnv,
        ),
        buffer_size=20_000,
        learning_starts=2_000,
        batch_size=batch,
        train_freq=batch // envs,
        gradient_steps=1,
        policy_kwargs={"net_arch": [config.net.hidden, config.net.head]},
        device="cpu",
        seed=0,
    )
    model.learn(4_000)
    updates = model._n_updates  # noqa: SLF001 (it has no other counter)
    frames, begin, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - begin < seconds:
        before = model.num_timesteps
        model.learn(4_096, reset_num_timesteps=False)
        frames += model.num_timesteps - before
    spent, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return {
        "frames_per_second": round(frames / spent, 1),
        "frames_per_cpu_second": round(frames / cpu, 1),  # tells whether others kept the processor busy
        "samples_per_frame": round((model._n_updates - updates) * batch / frames, 3),  # noqa: SLF001
        "parameters": sum(p.numel() for p in model.policy.q_net.parameters()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=1, help="of torch, for both")
    parser.add_argument("--out", type=Path, default=Path("playtester_speed.json"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    beside = importlib.util.find_spec("stable_baselines3") is not None
    rows = []
    print(f"{'game':<12} {'frames/s':>9}" + "".join(f" {'SB3 ' + s:>10} {'ratio':>6}" for s in SETUPS))
    for name in bundled_games():
        row: dict[str, Any] = {"game": name, "levelforge": ours(name, args.seconds)}
        mine = row["levelforge"]["frames_per_second"]
        line = f"{name:<12} {mine:>9.0f}"
        for setup, (envs, batch) in SETUPS.items() if beside else ():
            other = row[f"stable_baselines3_{setup}"] = theirs(name, args.seconds, envs, batch)
            other["ratio"] = round(mine / other["frames_per_second"], 2)
            line += f" {other['frames_per_second']:>10.0f} {other['ratio']:>6.2f}"
        print(line)
        rows.append(row)
    if not beside:
        print("Stable-Baselines3 is not installed, so nothing stands beside: pip install stable-baselines3")
    report = {
        "threads": args.threads,
        "machine": platform.processor() or platform.machine(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "rows": rows,
    }
    args.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
