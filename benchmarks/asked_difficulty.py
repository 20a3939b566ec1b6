"""How well generators follow a difficulty asked for by themselves, without a critic's or a playtest's selection.

    python benchmarks/asked_difficulty.py dungeon [FOLDER ...] [-n 384] [--episodes 4] [--out asked_difficulty.json]

Each folder holds a ``generator.onnx`` of the game: a pack, or an arm of ``loop_ablation.py`` (``OUT/drafts/ARM``); without
one it is the game's own pack. Half of the table is of candidates asked for difficulties from all over the game's range,
half of candidates of which nothing is asked; those that can be certified are played by the bundled pack's playtesters.
*rank* is that of asked against measured, with a 95 % bootstrap interval. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from difficulty_dial import asked_against_measured

from levelforge.game import bundled_games
from levelforge.pack import INFO, Pack, load_pack
from levelforge.playtest.measure import playtest
from levelforge.training.loop_levels import Made, make


def made_by(pack: Pack, folder: Path, n: int, asked_share: float, seed: int) -> Made:
    """Candidates of the generator in ``folder``, which says for itself how it is to be fed or is fed as the pack's."""
    own = folder / INFO
    info = json.loads(own.read_text(encoding="utf-8")) if own.exists() else dict(pack.info)
    return make(
        folder, pack.game, {k: info[k] for k in ("generator", "count_distribution")}, n, asked_share, seed
    )


def measure(pack: Pack, folder: Path, n: int, episodes: int) -> dict[str, Any]:
    """The figures of one generator."""
    found: dict[str, Any] = {"generator": str(folder), "judge": pack.hash}
    for name, share, seed in (("asked", 1.0, 4343), ("plain", 0.0, 4242)):
        made = made_by(pack, folder, n, share, seed)
        good = np.flatnonzero(made.certified)
        levels = [made.level(pack.game, int(i)) for i in good]
        results = playtest(levels, pack.game, pack, seed=8, episodes=episodes)
        hard = np.array([r.difficulty for r in results])
        half = len(made.raw) // 2
        found[name] = {
            "candidates": len(made.raw),
            "played": len(levels),
            "beatable": round(float(made.beatable.mean()), 4),
            "diversity": round(float((made.raw[:half] != made.raw[half : 2 * half]).mean()), 4),
            "fun": round(float(np.mean([r.fun for r in results if r.fun is not None])), 4),
            "difficulty": [round(float(q), 3) for q in np.quantile(hard, (0.1, 0.5, 0.9))],
        }
        if name == "asked":
            found[name] |= asked_against_measured(made.asked[good], hard)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("game", choices=bundled_games())
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("-n", type=int, default=384, help="candidates with a difficulty, and as many without")
    parser.add_argument("--episodes", type=int, default=4, help="a level and rung")
    parser.add_argument("--out", type=Path, default=Path("asked_difficulty.json"))
    args = parser.parse_intermixed_args()
    pack = load_pack(args.game)
    head = f"{'generator':<40} {'rank':>6} {'':<16} {'10 %, median, 90 %':<20} {'fun':>6}"
    print(f"{head}   nothing asked: beatable, fun, diversity")
    rows = []
    for folder in args.folders or [pack.folder]:
        row = measure(pack, folder, args.n, args.episodes)
        asked, plain = row["asked"], row["plain"]
        low, high = asked["rank_ci"]
        spread = " ".join(f"{d:.2f}" for d in asked["difficulty"])
        print(
            f"{str(folder)[-40:]:<40} {asked['rank']:>6.3f} [{low:.3f}, {high:.3f}] {spread:<20} {asked['fun']:>6.3f}   "
            f"{plain['beatable']:.3f} {plain['fun']:.3f} {plain['diversity']:.3f}",
            flush=True,
        )
        rows.append(row)
    args.out.write_text(json.dumps({"game": args.game, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
