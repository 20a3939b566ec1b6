"""How many steps a second the rules make on one core: random actions, corpus levels, both games.

    python benchmarks/rules_speed.py [--seconds 2] [--out rules_speed.json]

Rows: the bare rules (state in, state out, a finished run starts again); the batched environment without and
with observations (64 environments, resets and distance tables included). Time is processor time, so that
other work on the machine does not count. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.env import BatchEnv, LevelPool
from levelforge.env.gymnasium_env import training_levels
from levelforge.env.kernels import draw
from levelforge.env.state import STATE
from levelforge.game import Game, load_game
from levelforge.rules import RUNNING, TRAIL, LevelBatch, step
from levelforge.rules.state import P_MAX_HP

N_ENVS = 64


@njit(cache=True, nogil=True)
def rollout(batch: LevelBatch, players: NDArray[Any], n_actions: int, steps: int) -> int:
    """Play random actions, ``steps`` with each player (player p on level p modulo N); wins among them."""
    trail = np.empty(TRAIL, np.int32)
    wins = 0
    for p in range(len(players)):
        i = p % len(batch.role)
        role, item, patrol = batch.role[i], batch.item[i], batch.patrol[i]
        n_patrol, start = batch.n_patrol[i], batch.start[i]
        y, x = start // batch.width, start % batch.width
        jump, hp, keys, taken, t = 0, batch.params[P_MAX_HP], 0, 0, 0
        for _ in range(steps):
            action = int(draw(players, p) * n_actions)
            y, x, jump, hp, keys, taken, outcome, _ = step(
                batch.params, batch.height, batch.width, role, item, patrol, n_patrol, start,
                y, x, jump, hp, keys, taken, t, action, trail,
            )  # fmt: skip
            t += 1
            if outcome != RUNNING or t >= batch.time_limit:
                wins += outcome == 1
                y, x = start // batch.width, start % batch.width
                jump, hp, keys, taken, t = 0, batch.params[P_MAX_HP], 0, 0, 0
    return wins


def rate(work: Callable[[], int], seconds: float) -> float:
    """Steps a second of ``work``, which does some and returns how many; best of three."""
    work()  # compiles
    best = 0.0
    for _ in range(3):
        done, begun = 0, time.process_time()
        while (passed := time.process_time() - begun) < seconds / 3:
            done += work()
        best = max(best, done / passed)
    return best


def bare_rules(game: Game, pool: LevelPool, seconds: float) -> float:
    """Steps a second of the rules alone, on the corpus levels of the game's own size."""
    batch = pool.batches[game.height, game.width]
    players = np.zeros(256, STATE)
    players["rng"] = np.random.SeedSequence(0).generate_state(len(players), np.uint64)

    def work() -> int:
        rollout(batch, players, len(game.actions), 1000)
        return 1000 * len(players)

    return rate(work, seconds)


def environment(game: Game, pool: LevelPool, seconds: float, *, observe: bool) -> float:
    """Steps a second of the batched environment."""
    env = BatchEnv(game, pool, N_ENVS, seed=0, observe=observe)
    actions = np.random.default_rng(0).integers(0, len(game.actions), (1000, N_ENVS))

    def work() -> int:
        for row in actions:
            env.step(row)
        return actions.size

    return rate(work, seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    parser.add_argument("--out", type=Path, default=Path("rules_speed.json"))
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    for name in ("dungeon", "platformer"):
        game = load_game(name)
        pool = LevelPool(game, training_levels(game))
        figures[name] = {
            "rules": bare_rules(game, pool, options.seconds),
            "environment": environment(game, pool, options.seconds, observe=False),
            "environment_observed": environment(game, pool, options.seconds, observe=True),
        }
    print(f"{'steps a second, one core':28}" + "".join(f"{name:>16}" for name in figures))
    for row in figures["dungeon"]:
        print(f"{row:28}" + "".join(f"{figures[name][row]:16,.0f}" for name in figures))
    options.out.write_text(
        json.dumps(
            {"machine": platform.processor() or platform.machine(), "steps_per_second": figures}, indent=2
        )
    )


if __name__ == "__main__":
    main()
