"""Does a designer get the difficulty asked for? Asked against measured, by a playtester that had no part in it.

    python benchmarks/difficulty_dial.py [--games dungeon,platformer] [--levels 200] [--pack DIR]
        [--second-pack DIR | --second-seeds 101,102,103 --second-frames 2500000 [--second-levels DIR]]
        [--out out/difficulty_dial]

``--levels`` levels a game are asked for evenly over the range that the game declares, and made by the pack as
``levelforge generate --difficulty LO:HI`` makes them. Then a second playtester plays them: that of another pack
(``--second-pack``, trained from another seed), or one that is trained here: a network from scratch for each of the
other seeds (``--second-seeds``), on the corpus, levels pieced together from it, and levels that the pack made for other
seeds. Several take turns, as a pack's panel does. It chose nothing and the critic has never heard of it. A network
learns from so many frames whatever the machine's speed (1,300 a second on one 2.8 GHz core), is kept in ``--out`` and
used again by a rerun.

Prints Spearman's correlation and the mean absolute error between asked and measured, each with a 95 %
interval (bootstrap over levels), for the second playtester and for the pack's own; writes
``difficulty_dial.json`` and ``difficulty_dial.png``. The bars: correlation >= 0.90, error <= 0.10.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from arguments import numbers
from numpy.typing import NDArray

from levelforge.corpus import load_corpus
from levelforge.errors import LevelForgeError
from levelforge.game import bundled_games
from levelforge.generate import GenerateConfig, generate
from levelforge.pack import Pack, load_pack
from levelforge.playtest.measure import QFunction, playtest

BARS = {"rank": 0.90, "error": 0.10}
DRAWS = 2000


def second_playtester(pack: Pack, frames: int, seed: int, out: Path) -> Path:
    """Train another playtester of the pack's game from scratch, or take the one of an earlier run; its ONNX file."""
    from levelforge.training.dqn import DqnConfig, DqnTrainer
    from levelforge.training.level_pool import TrainingGround, make_pool
    from levelforge.training.playtester_net import NetConfig
    from levelforge.training.settings import RunSettings
    from levelforge.training.status import Stop

    path = out / f"second-{pack.game.name}-{seed}-{pack.hash[:8]}-{frames}.onnx"
    if path.exists():
        return path
    import torch

    torch.set_num_threads(1)
    corpus = load_corpus(pack.game.folder / "corpus", pack.game)
    made, _ = make_pool(
        pack.folder,
        pack.game,
        pack.info,
        n=1500,
        seconds=1800.0,  # far beyond what any machine needs, so that judges learn from the same levels on all
        seed=seed,
        tell=lambda _: None,
        stop=Stop(),
    )
    authored = [level.tiles for level in corpus.train]
    ground = TrainingGround(authored, pack.game, patched=RunSettings().patched_levels, seed=seed)(made)
    heldout = [level.tiles for level in corpus.heldout]
    config = replace(
        DqnConfig(),
        net=NetConfig(view_channels=(24, 64), hidden=256, head=128),
        n_envs=512,
        batch_size=512,
        replay_ratio=2.0,
        capacity=400_000,
        learning_rate=3e-4,
        persona_weight=0.0,  # difficulty is the runner's alone
        others=0.0,
        total_frames=frames,
        anneal_frames=frames,
    )
    trainer = DqnTrainer(pack.game, ground, heldout, config, seed)
    while not trainer.finished:
        figures = trainer.advance(30.0)
        print(
            f"{pack.game.name}: second playtester, seed {seed}, {figures['frames'] / 1e6:.2f} M frames, "
            f"{figures.get('heldout_best', float('nan')):.3f} of the held-out levels",
            file=sys.stderr,
            flush=True,
        )
    trainer.finish()
    trainer.export(path)
    return path


def second_networks(name: str, args: argparse.Namespace) -> Iterator[Path]:
    """The networks of one game's second playtester, trained one after the other as they are asked for."""
    maker = load_pack(args.second_levels or args.pack or name)
    for seed in args.second_seeds:
        yield second_playtester(maker, args.second_frames, seed, args.out)


@dataclass(frozen=True)
class Panel:
    """Playtesters that take turns, as those of a pack do."""

    panel: tuple[QFunction, ...]


def asked_against_measured(asked: NDArray[Any], measured: NDArray[Any]) -> dict[str, Any]:
    """Correlation and error with their intervals."""
    from levelforge.training.critic import rank_correlation

    rng = np.random.default_rng(0)
    draws = []
    for _ in range(DRAWS):
        k = rng.integers(len(asked), size=len(asked))
        draws.append((rank_correlation(asked[k], measured[k]), np.abs(asked[k] - measured[k]).mean()))
    low, high = np.percentile(draws, (2.5, 97.5), axis=0)
    return {
        "rank": round(rank_correlation(asked, measured), 4),
        "rank_ci": [round(float(low[0]), 4), round(float(high[0]), 4)],
        "error": round(float(np.abs(asked - measured).mean()), 4),
        "error_ci": [round(float(low[1]), 4), round(float(high[1]), 4)],
        "bias": round(float((measured - asked).mean()), 4),
    }


def run(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """One game's figures."""
    from levelforge.models import Playtester

    pack = load_pack(args.pack or name)
    low, high = pack.game.measures.difficulty_range
    if args.second_pack:
        second: Pack | Panel = load_pack(args.second_pack)
    else:
        second = Panel(tuple(Playtester(path, pack.game) for path in second_networks(name, args)))
    config = GenerateConfig(n=args.levels, seed=args.seed, difficulty=(low, high), threads=args.threads)
    began = time.monotonic()
    made = generate(pack, config)
    spent = time.monotonic() - began
    asked = np.array(made.requested_difficulty)
    own = np.array([m.difficulty for m in made.measured or ()])
    others = playtest(
        list(made.levels), pack.game, second, seed=args.second_seeds[0], episodes=args.episodes, personas=["runner"],
        fun=False, threads=args.threads,
    )  # fmt: skip
    measured = np.array([o.difficulty for o in others])
    return {
        "game": name,
        "range": [low, high],
        "levels": len(asked),
        "seconds": round(spent, 1),
        "second": asked_against_measured(asked, measured),
        "own": asked_against_measured(asked, own),
        "agreement": asked_against_measured(own, measured),
        "asked": asked.round(4).tolist(),
        "measured": measured.round(4).tolist(),
        "measured_own": own.round(4).tolist(),
        "pack": pack.hash,
    }


def show(found: Mapping[str, Any]) -> None:
    low, high = found["range"]
    print(
        f"\n{found['game']}: {found['levels']} levels asked for from {low:g} to {high:g}, made in {found['seconds']:.0f} s"
    )
    for key, what in (
        ("second", "second playtester"),
        ("own", "the pack's own"),
        ("agreement", "own against second"),
    ):
        f = found[key]
        print(
            f"  {what:<20} Spearman {f['rank']:.3f} [{f['rank_ci'][0]:.3f}, {f['rank_ci'][1]:.3f}]   "
            f"error {f['error']:.3f} [{f['error_ci'][0]:.3f}, {f['error_ci'][1]:.3f}]   bias {f['bias']:+.3f}"
        )
    met = found["second"]["rank"] >= BARS["rank"] and found["second"]["error"] <= BARS["error"]
    print(f"  bars (Spearman >= {BARS['rank']}, error <= {BARS['error']}): {'met' if met else 'missed'}")


def draw(results: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(results), figsize=(4.6 * len(results), 4.4), squeeze=False)
    for axis, found in zip(axes[0], results, strict=True):
        axis.fill_between([0, 1], [-0.1, 0.9], [0.1, 1.1], color="#1b6ca8", alpha=0.1, lw=0)
        axis.plot([0, 1], [0, 1], color="#7a7a7a", lw=0.8)
        axis.scatter(
            found["asked"], found["measured"], s=14, color="#1b6ca8", alpha=0.7, label="second playtester"
        )
        axis.scatter(
            found["asked"], found["measured_own"], s=8, color="#d1660f", alpha=0.6, label="the pack's own"
        )
        axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="difficulty asked for", ylabel="difficulty measured")
        f = found["second"]
        axis.set_title(f"{found['game']}: Spearman {f['rank']:.2f}, error {f['error']:.3f}")
        axis.legend(fontsize=8, loc="upper left")
        axis.grid(alpha=0.25)
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", default=",".join(bundled_games()))
    parser.add_argument("--pack", type=Path, help="instead of the game's own; only with one game")
    parser.add_argument("--second-pack", type=Path, help="whose playtester is the second; only with one game")
    parser.add_argument("--levels", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--second-frames",
        type=int,
        default=2_500_000,
        help="frames that each network of the second playtester learns from",
    )
    parser.add_argument(
        "--second-seeds", type=numbers, default=[101, 102, 103], help="one for each of its networks"
    )
    parser.add_argument(
        "--episodes", type=int, default=24, help="of the second playtester, a level and skill"
    )
    parser.add_argument(
        "--second-levels",
        type=Path,
        help="the pack whose levels they train on, instead of the one that is judged",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only-second", action="store_true", help="train the second playtesters and stop")
    parser.add_argument("--out", type=Path, default=Path("out/difficulty_dial"))
    args = parser.parse_args()
    games = args.games.split(",")
    if (args.pack or args.second_pack or args.second_levels) and len(games) > 1:
        parser.error("--pack, --second-pack, --second-levels: give one game with it")
    args.out.mkdir(parents=True, exist_ok=True)
    if args.only_second:
        for name in games:
            for path in second_networks(name, args):
                print(path)
        return
    results = []
    for name in games:
        results.append(run(name, args))
        show(results[-1])
    report = {"machine": platform.machine(), "cores": os.cpu_count(), "bars": BARS, "games": results}
    (args.out / "difficulty_dial.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    draw(results, args.out / "difficulty_dial.png")
    print(f"\n{args.out / 'difficulty_dial.png'}")


if __name__ == "__main__":
    try:
        main()
    except LevelForgeError as error:
        raise SystemExit(str(error)) from None
