"""Does the demo's difficulty find players of five skills? Simulated players, real levels, the demo's own staircase.

    python benchmarks/demo_adaptation.py [--game dungeon] [--bank 200] [--runs 40] [--seed 1] [--pack FOLDER] [--json FILE]

A bank of generated levels spread over all difficulties is playtested twice: as the demo's worker does it (four episodes a
rung), which is what the staircase goes by, and once more with sixteen, which says how likely a player of each skill wins
each level. The five players are the playtester at the rungs of the skill ladder (ε of its moves at random). In a run a
player plays 45 levels; each time the nearest of twelve levels of the bank to the difficulty asked for, which is never as
near as the worker comes. The bar: over the last 30 levels the win rate is within 0.10 of the target.

A skill that wins fewer than the target's share of the easiest tenth of the bank, or more of the hardest, cannot be served
by any rule: this is printed beside it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

LEARNING, JUDGED, CHOICE, BAR = 15, 30, 12, 0.10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--game", default="dungeon")
    parser.add_argument("--bank", type=int, default=200)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()

    from levelforge.demo_game.staircase import Staircase
    from levelforge.demo_game.worker_jobs import EPISODES
    from levelforge.game import load_game
    from levelforge.generate import GenerateConfig, generate
    from levelforge.pack import pack_for
    from levelforge.playtest.measure import SKILLS, playtest

    game = load_game(asked.game)
    pack = pack_for(game, asked.pack)
    spread = (0.0, 1.0) if pack.critic is not None else None
    config = GenerateConfig(n=asked.bank, seed=asked.seed, difficulty=spread, playtest=False)
    levels = list(generate(pack, config).levels)

    def measure(episodes: int, seed: int) -> list:
        return playtest(
            levels, game, pack, seed=seed, episodes=episodes, personas=("runner",), fun=False, threads=2
        )

    known = np.array([result.difficulty for result in measure(EPISODES, asked.seed)])
    chances = np.array(
        [
            [result.first.win_rate[skill] for skill in SKILLS]
            for result in measure(4 * EPISODES, asked.seed + 1)
        ]
    )
    tenth = max(1, len(levels) // 10)
    order = np.argsort(chances.mean(axis=1))  # the hardest first
    dice = np.random.default_rng(asked.seed)
    players = []
    for column, skill in enumerate(SKILLS):
        rates, ends = [], []
        for _ in range(asked.runs):
            stair, wins = Staircase(), 0
            for place in range(LEARNING + JUDGED):
                few = dice.choice(len(levels), min(CHOICE, len(levels)), replace=False)
                level = few[np.argmin(np.abs(known[few] - stair.difficulty))]
                won = bool(dice.random() < chances[level, column])
                wins += won and place >= LEARNING
                stair = stair.after(won=won, measured=float(known[level]))
            rates.append(wins / JUDGED)
            ends.append(stair.difficulty)
        hard, easy = chances[order[:tenth], column].mean(), chances[order[-tenth:], column].mean()
        players.append(
            {
                "skill": f"{skill:g}",
                "win_rate": round(float(np.mean(rates)), 3),
                "within": bool(abs(np.mean(rates) - Staircase().target) <= BAR),
                "runs_within": round(float(np.mean(np.abs(np.array(rates) - Staircase().target) <= BAR)), 2),
                "difficulty": round(float(np.mean(ends)), 2),
                "wins_of_easiest": round(float(easy), 2),
                "wins_of_hardest": round(float(hard), 2),
            }
        )
    facts = {
        "game": game.name, "pack": pack.hash[:12], "levels": len(levels), "target": Staircase().target,
        "difficulties": [round(float(q), 2) for q in np.quantile(known, (0.05, 0.5, 0.95))], "players": players,
    }  # fmt: skip
    print(f"{game.name}: {len(levels)} levels, difficulty 5 %, 50 %, 95 %: {facts['difficulties']}")
    print("  ".join(f"{name:>15}" for name in players[0]))
    for player in players:
        print("  ".join(f"{value!s:>15}" for value in player.values()))
    if asked.json:
        asked.json.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
