"""The win rate of each game's playtester on levels it was never trained on, by skill.

    python benchmarks/playtester_heldout.py [--episodes 16] [--packs DIR] [--planner] [--out playtester_heldout.json]

Plays ``corpus/heldout`` with the ONNX playtester of the bundled packs (or of those in a folder). A skill is a
chance of pressing something else. ``--planner`` also plays them with a player that knows the whole level (``planner.py``):
what it loses is the noise's doing. Prints a table, names the levels that are mostly lost, says how well each persona
does what it wants beside the runner, who does not want it, and writes JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from planner import planner_rates

from levelforge.game import bundled_games
from levelforge.level import parse_text
from levelforge.pack import Pack, load_pack
from levelforge.playtest.measure import PERSONAS, SKILLS, playtest
from levelforge.playtest.result import PlaytestResult
from levelforge.training.heldout import best_skill, outcomes


def measure(pack: Pack, episodes: int, planner: bool) -> dict[str, Any]:
    game = pack.game
    assert game.folder is not None
    files = sorted((game.folder / "corpus" / "heldout").glob("*.txt"))
    levels = [parse_text(f.read_text(encoding="utf-8"), game, f.name) for f in files]

    by_level = outcomes(pack.playtester, game, levels, episodes)
    rates = {f"{skill:g}": round(float(won.mean()), 4) for skill, won in by_level.items()}
    skill, best = best_skill(rates)
    won = by_level[float(skill)]
    plays = playtest(levels, game, pack.playtester, seed=1, episodes=episodes, fun=False)
    return {
        "game": game.name,
        "pack": pack.hash,
        "levels": len(levels),
        "episodes": episodes,
        "win_rate": rates,
        "best_skill": skill,
        "best": best,
        "personas": {name: does(plays, name) for name in PERSONAS},
        "planner": planner_rates(game, levels, SKILLS, episodes) if planner else None,
        "mostly_lost": [f.stem for f, rate in zip(files, won, strict=True) if rate < 0.5],
    }


def does(plays: Sequence[PlaytestResult], persona: str) -> dict[str, float]:
    """What a persona does on the rungs it plays: shares won, of tiles seen and of collectibles taken, and damage."""
    mine = [play.personas[persona] for play in plays]
    taken = [play.collected for play in mine if play.collected is not None]
    return {
        "won": round(float(np.mean([np.mean(list(play.win_rate.values())) for play in mine])), 4),
        "seen": round(float(np.mean([play.explored for play in mine])), 4),
        "taken": round(float(np.mean(taken)), 4) if taken else 0.0,
        "damage": round(float(np.mean([play.damage for play in mine])), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=16, help="a level and skill")
    parser.add_argument("--packs", type=Path, help="folder with one pack folder a game")
    parser.add_argument("--planner", action="store_true", help="play with one who knows the whole level, too")
    parser.add_argument("--out", type=Path, default=Path("playtester_heldout.json"))
    args = parser.parse_args()
    rows = [
        measure(load_pack(args.packs / game if args.packs else game), args.episodes, args.planner)
        for game in bundled_games()
    ]
    print(f"{'game':<12} {'levels':>6}  " + " ".join(f"{f'noise {s:g}':>10}" for s in SKILLS) + "   best")
    for row in rows:
        cells = " ".join(f"{rate:>10.3f}" for rate in row["win_rate"].values())
        print(f"{row['game']:<12} {row['levels']:>6}  {cells}   {row['best']:.3f} at {row['best_skill']}")
        if row["planner"]:
            cells = " ".join(f"{rate:>10.3f}" for rate in row["planner"].values())
            print(f"{'  planner':<12} {'':>6}  {cells}")
        for name, figures in row["personas"].items():
            cells = "  ".join(f"{what} {value:.3f}" for what, value in figures.items())
            print(f"{'':<12} {name:>9}: {cells}")
        if row["mostly_lost"]:
            print(f"{'':<12} mostly lost: {', '.join(row['mostly_lost'])}")
    args.out.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
