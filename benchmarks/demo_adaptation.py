"""Does the demo's difficulty find players of five skills? Simulated players, real levels, the demo's own staircase.

    python benchmarks/demo_adaptation.py [--game dungeon] [--bank 200] [--runs 200] [--seed 1] [--pack FOLDER] [--json FILE]

A bank of levels is made as the demo's worker makes them: most by the dial, spread over all difficulties, a fifth with
more or fewer dangers than the dial gives. It is playtested twice: as the worker does it (four episodes a rung), which is
what the staircase goes by, and once more with sixteen, which says how likely a player of each skill wins each level. The
five players are the playtester at the rungs of the skill ladder (ε of its moves at random). In a run a player plays 45
levels; each time the nearest of twelve levels of the bank to the difficulty asked for, never as near as the worker comes.

The bar: over the last 30 levels the win rate is within 0.10 of the target. It speaks of what is to be expected: 30 levels
won or not by chance alone would vary by 0.08 (standard deviation), so that a single player says little. Each win rate is
therefore the mean of many runs, printed with its standard error; ``runs_within`` is the share of single runs within 0.10.

A skill that wins fewer than the target's share of the easiest tenth of the bank, or more of the hardest, cannot be served
by any rule: both are printed beside it. The exit status is 1 where a skill misses the bar, for whatever reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

LEARNING, JUDGED, CHOICE, BAR = 15, 30, 12, 0.10
EXTREMES = 0.2
"""Share of the bank with more or fewer dangers than the dial gives."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--game", default="dungeon")
    parser.add_argument("--bank", type=int, default=200)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()

    from levelforge.demo_game.staircase import Staircase
    from levelforge.demo_game.worker_jobs import EASIER, EPISODES, HARDER, dangers
    from levelforge.game import load_game
    from levelforge.generate import GenerateConfig, generate
    from levelforge.pack import pack_for
    from levelforge.playtest.measure import SKILLS, playtest

    game = load_game(asked.game)
    pack = pack_for(game, asked.pack)
    spread = (0.0, 1.0) if pack.critic is not None else None
    shares = (*HARDER, *EASIER)
    few = max(1, round(asked.bank * EXTREMES / len(shares)))
    config = GenerateConfig(asked.bank - few * len(shares), asked.seed, difficulty=spread, playtest=False)
    levels = list(generate(pack, config).levels)
    for place, share in enumerate(shares):
        config = GenerateConfig(few, asked.seed + 1 + place, counts=dangers(game, share), playtest=False)
        levels += generate(pack, config).levels

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
                offered = dice.choice(len(levels), min(CHOICE, len(levels)), replace=False)
                level = offered[np.argmin(np.abs(known[offered] - stair.difficulty))]
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
                "error": round(float(np.std(rates) / len(rates) ** 0.5), 3),
                "within": bool(abs(np.mean(rates) - Staircase().target) <= BAR),
                "runs_within": round(float(np.mean(np.abs(np.array(rates) - Staircase().target) <= BAR)), 2),
                "difficulty": round(float(np.mean(ends)), 2),
                "wins_of_easiest": round(float(easy), 2),
                "wins_of_hardest": round(float(hard), 2),
            }
        )
    facts = {
        "game": game.name, "pack": pack.hash[:12], "levels": len(levels), "runs": asked.runs, "target": Staircase().target,
        "difficulties": [round(float(q), 2) for q in np.quantile(known, (0.05, 0.5, 0.95))], "players": players,
    }  # fmt: skip
    spread_out = facts["difficulties"]
    print(
        f"{game.name}: {len(levels)} levels, difficulty 5 %, 50 %, 95 %: {spread_out}; {asked.runs} players a skill"
    )
    print("  ".join(f"{name:>15}" for name in players[0]))
    for player in players:
        print("  ".join(f"{value!s:>15}" for value in player.values()))
    if asked.json:
        asked.json.write_text(json.dumps(facts, indent=2) + "\n")
    return 0 if all(player["within"] for player in players) else 1


if __name__ == "__main__":
    sys.exit(main())
