"""Do generated levels raise the playtester's grip on unseen levels? Win rate against authored training levels.

    python benchmarks/sample_efficiency.py [--games dungeon,platformer] [--sizes 4,12,24,48] [--seeds 3,1]
        [--frames 1000000] [--generated 2000] [--pieced 2000] [--drawn 200] [--only-bar] [--jobs 2]
        [--device cpu|cuda] [--out out/sample_efficiency]

For each game, number n of authored levels and seed two playtesters are trained, with the same number of
environment steps and of updates: one on the n levels alone, one on them and on certified levels by a
GAN, with ``--pieced`` also on levels pieced together from the n (of both ``--drawn`` picks some: of fewer each is met
more often). That GAN is trained on those very n levels and has seen
nothing else. Both playtesters get the
authored levels in all their mirror images, as in ``levelforge train``; their networks are a little wider
than a pack's. A trainer's updates run on
a thread beside the playing, but take effect at fixed places, so that an outcome depends neither on
speed nor on ``--jobs``; every job counts for one core or a little more.

Both then play levels that no network has seen: the corpus' held-out 20 and 100 drawn anew from other
random numbers by ``tools/make_corpus`` (kept at a distance from all corpus levels). The primary figure is the mean win
rate over the ladder of skills; that of the best skill stands beside it. Intervals (95 %) are bootstrapped over seeds and
levels; a difference is paired: same seeds, same levels. The GAN's own time is given, it is no part of the steps.
The upper row of the plot has the win rate against the number of authored levels at the end, the lower row against the
steps on the way there (the learning rate falls towards the end, so a shorter run would do a little better than that); a
third row says on which families of levels 12 with generated ones and 48 alone differ.

Each cell's result is written as it is done, its playtester beside it (``.onnx``), and a rerun with the same settings
skips what is there.
Prints tables, writes ``sample_efficiency.json`` and ``sample_efficiency.png`` into ``--out``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from arguments import numbers
from numpy.typing import NDArray
from sample_efficiency_cell import ARMS, Cell, Plan, family, run_cell, settings, unseen, write_json
from workers import workers

from levelforge.game import bundled_games, load_game

ROOT = Path(__file__).resolve().parent.parent
SETS = ("held-out", "all unseen")
DRAWS = 4000
FEW, MANY = 12, 48
BAR = ((FEW, "generated"), (MANY, "authored"))
"""The bar: so few authored levels with generated ones do as well as so many without."""


def make_fresh(game: str, seed: int, out: Path) -> None:
    """Levels of the corpus' families that nobody has seen, in ``out/fresh/GAME``."""
    if (out / "fresh" / game).is_dir():
        return
    draft = out / f".fresh-{game}"
    program = [
        sys.executable,
        "-m",
        "tools.make_corpus",
        game,
        "--seed",
        str(seed),
        "--out",
        str(draft.resolve()),
    ]
    subprocess.run(program, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (out / "fresh").mkdir(exist_ok=True)
    (draft / game).replace(out / "fresh" / game)
    draft.rmdir()


def done_already(cell: Cell, wanted: dict[str, Any], out: Path) -> bool:
    """Whether a cell's result is there; refuses one of other settings."""
    from levelforge.training.folder import first_difference

    path = out / "cells" / f"{cell.name}.json"
    if not path.exists():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))["settings"]
    difference = first_difference(found, json.loads(json.dumps(wanted)))
    if difference is not None:
        key, old, new = difference
        raise SystemExit(f"{path}: was made with {key} {old}, now it is {new}; choose another --out")
    return True


def run_all(cells: Sequence[Cell], plan: Plan, out: Path, jobs: int, device: str) -> None:
    """Run the cells that are missing, ``jobs`` at a time."""
    began = time.monotonic()
    with workers(jobs) as pool:
        running = {pool.submit(run_cell, cell, plan, out, device): cell for cell in cells}
        for number, future in enumerate(as_completed(running), 1):
            result = future.result()
            ladder = np.mean([np.mean(won) for won in result["won"].values()])
            spent = result["seconds"]
            print(
                f"{number}/{len(cells)} {running[future].name}: {ladder:.3f} of unseen, {result['own']:.3f} of its own; "
                f"{spent['dqn']:.0f} s playing, {result['made'].get('gan_seconds', 0):.0f} s GAN, "
                f"{time.monotonic() - began:.0f} s in all",
                file=sys.stderr,
                flush=True,
            )


# --- figures -----------------------------------------------------------------------------------


def table_of(results: Sequence[dict[str, Any]], which: str) -> NDArray[np.float64]:
    """``float64[seeds, skills, levels]`` shares won, on one of :data:`SETS`; seeds in order."""
    stop = results[0]["heldout"] if which == SETS[0] else None
    return np.array(
        [[won[:stop] for won in r["won"].values()] for r in sorted(results, key=lambda r: r["seed"])]
    )


def ladder(won: NDArray[np.float64]) -> float:
    """The mean over skills, levels and seeds."""
    return float(won.mean())


def best(won: NDArray[np.float64]) -> float:
    """The mean over seeds of the win rate at each seed's best skill."""
    return float(won.mean(axis=2).max(axis=1).mean())


def resampled(won: Sequence[NDArray[np.float64]], statistic: Any, seed: int = 0) -> NDArray[np.float64]:
    """``float64[DRAWS, len(won)]``: a statistic of each array, over seeds and levels drawn again (the same ones in all)."""
    rng = np.random.default_rng(seed)
    found = np.zeros((DRAWS, len(won)))
    seeds, levels = won[0].shape[0], won[0].shape[2]
    for draw in found:
        s, k = rng.integers(seeds, size=seeds), rng.integers(levels, size=levels)
        draw[:] = [statistic(w[s][:, :, k]) for w in won]
    return found


def interval(draws: NDArray[np.float64]) -> list[float]:
    low, high = np.percentile(draws, (2.5, 97.5))
    return [round(float(low), 4), round(float(high), 4)]


def paired(won: Sequence[NDArray[np.float64]], statistic: Any) -> dict[str, Any]:
    """The difference of a statistic of two arrays, same seeds and levels, and its interval."""
    draws = resampled(won, statistic)
    one, two = map(statistic, won)
    return {"difference": round(one - two, 4), "ci": interval(draws[:, 0] - draws[:, 1])}


def difference(row: dict[str, Any]) -> str:
    """What :func:`paired` found, to print."""
    low, high = row["ci"]
    return f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


def by_family(won: Sequence[NDArray[np.float64]], families: Sequence[str]) -> list[dict[str, Any]]:
    """Where two kinds of cells differ: the ladder of both, and the difference, for each family of unseen levels."""
    rows = []
    for name in sorted(set(families)):
        levels = np.flatnonzero(np.array(families) == name)
        some = [w[:, :, levels] for w in won]
        both = [round(ladder(w), 4) for w in some]
        rows.append({"family": name, "levels": len(levels), "ladder": both, **paired(some, ladder)})
    return rows


def summarise(
    results: Sequence[dict[str, Any]], game: str, kinds: Sequence[tuple[int, str]], families: Sequence[str]
) -> dict[str, Any]:
    """Rows (one a set for each kind of cell: size, arm) and comparisons of one game."""
    mine = [r for r in results if r["game"] == game]
    cells = {kind: [r for r in mine if (r["size"], r["arm"]) == kind] for kind in kinds}
    rows, comparisons = [], []
    for (n, arm), found in cells.items():
        for which in SETS:
            won = table_of(found, which)
            row = {"size": n, "arm": arm, "set": which, "seeds": len(found), "levels": won.shape[2]}
            for name, statistic in (("ladder", ladder), ("best_skill", best)):
                row[name] = round(statistic(won), 4)
                row[f"{name}_ci"] = interval(resampled([won], statistic)[:, 0])
            row["own"] = round(float(np.mean([r["own"] for r in found])), 4)
            row["gan_seconds"] = round(float(np.mean([r["made"].get("gan_seconds", 0.0) for r in found])), 1)
            rows.append(row)
    pairs = [((n, "generated"), (n, "authored")) for n in sorted({n for n, _ in kinds})]
    for one, two in [*pairs, BAR]:
        if one not in cells or two not in cells:
            continue
        for which in SETS:
            won = [table_of(cells[key], which) for key in (one, two)]
            for name, statistic in (("ladder", ladder), ("best_skill", best)):
                what = f"{one[0]} + generated - {two[0]} authored"
                comparisons.append({"what": what, "set": which, "figure": name, **paired(won, statistic)})
    curves = {
        f"{n} {arm}": np.mean([r["curve"] for r in found], axis=0).round(4).tolist()
        for (n, arm), found in cells.items()
    }
    apart = (
        by_family([table_of(cells[kind], SETS[1]) for kind in BAR], families)
        if set(BAR) <= cells.keys()
        else []
    )
    return {"game": game, "rows": rows, "comparisons": comparisons, "families": apart, "curves": curves}


def show(summary: dict[str, Any]) -> None:
    """Print one game's tables."""
    print(f"\n{summary['game']}: mean win rate over the ladder of skills [95 %], best skill [95 %]")
    print(
        f"{'levels':>6} {'training':<22} {'played':<16} {'ladder':<24} {'best skill':<24} {'own':>6} {'GAN':>6}"
    )
    for r in summary["rows"]:
        training = "authored" + (" + generated" if r["arm"] == "generated" else "")
        cells = [
            f"{r[k]:.3f} [{r[f'{k}_ci'][0]:.3f}, {r[f'{k}_ci'][1]:.3f}]" for k in ("ladder", "best_skill")
        ]
        print(
            f"{r['size']:>6} {training:<22} {r['set'] + ' ' + str(r['levels']):<16} {cells[0]:<24} {cells[1]:<24} "
            f"{r['own']:>6.3f} {r['gan_seconds']:>4.0f} s"
        )
    for name, curve in summary["curves"].items():
        print(f"{name:<34} " + "  ".join(f"{steps / 1e6:.2f} M {won:.3f}" for steps, won in curve))
    for c in summary["comparisons"]:
        print(f"{c['what']:<34} {c['set']:<11} {c['figure']:<11} {difference(c)}")
    if summary["families"]:
        print(f"where {FEW} + generated and {MANY} authored differ: unseen levels by family, ladder of both")
    for f in summary["families"]:
        one, two = f["ladder"]
        what = f"{f['family']:<16} {f['levels']:>4} levels"
        print(f"{what:<34} {one:.3f} {two:.3f} {difference(f)}")


def draw(summaries: Sequence[dict[str, Any]], frames: int, path: Path) -> None:
    """The plot: a panel a game."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    colours = dict(zip(ARMS, ("#7a7a7a", "#1b6ca8"), strict=True))
    labels = dict(zip(ARMS, ("authored levels alone", "authored + generated levels"), strict=True))
    rows = 2 + any(summary["families"] for summary in summaries)
    figure, axes = plt.subplots(
        rows, len(summaries), figsize=(5.2 * len(summaries), 3.8 * rows), squeeze=False
    )
    for axis, below, *last, summary in zip(*axes, summaries, strict=True):
        sizes = sorted({r["size"] for r in summary["rows"]})
        seeds = summary["rows"][0]["seeds"]
        for arm, colour in colours.items():
            for which, style in zip(SETS, (":", "-"), strict=True):
                rows = [r for r in summary["rows"] if r["arm"] == arm and r["set"] == which]
                if not rows:
                    continue
                label = f"{labels[arm]}, {rows[0]['levels']} unseen"
                mine, share = zip(*((r["size"], r["ladder"]) for r in rows), strict=True)
                axis.plot(mine, share, style, marker="o", ms=4, color=colour, label=label)
                if which == SETS[1]:
                    low, high = zip(*(r["ladder_ci"] for r in rows), strict=True)
                    if len(rows) > 1:
                        axis.fill_between(mine, low, high, color=colour, alpha=0.18, lw=0)
                    else:
                        axis.vlines(mine, low, high, color=colour, alpha=0.4)
            for n, style in zip((FEW, MANY), ("-", "--"), strict=True):
                if f"{n} {arm}" in summary["curves"]:
                    steps, won = zip(*summary["curves"][f"{n} {arm}"], strict=True)
                    label = f"{n} authored" + (" + generated" if arm == "generated" else "")
                    below.plot([s / 1e6 for s in steps], won, style, marker=".", color=colour, label=label)
        alone = [r for r in summary["rows"] if (r["arm"], r["set"], r["size"]) == ("authored", SETS[1], MANY)]
        if alone:
            axis.axhline(alone[0]["ladder"], color="#7a7a7a", lw=0.8, ls="--")
        for lowest in last:
            draw_families(lowest, summary["families"])
        axis.set_xscale("log", base=2)
        axis.set_xticks(sizes, [str(n) for n in sizes])
        axis.minorticks_off()
        axis.set_title(f"{summary['game']}, {frames / 1e6:g} M steps, {seeds} seed{'s' * (seeds > 1)}")
        axis.set_xlabel("authored training levels")
        below.set_xlabel("environment steps, millions")
        for one in (axis, below):
            one.set_ylim(0, 1)
            one.grid(alpha=0.25)
    for one in axes[:2, 0]:
        one.set_ylabel("win rate on unseen levels, mean over skills")
    for one in axes[:2, -1]:
        if one.get_legend_handles_labels()[0]:
            one.legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_families(axis: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Where the arms of the bar differ: a point and its interval a family."""
    names = [f"{row['family']} ({row['levels']})" for row in rows]
    found = np.array([row["difference"] for row in rows])
    low, high = (np.abs(np.array([row["ci"][k] for row in rows]) - found) for k in (0, 1))
    axis.errorbar(found, range(len(rows)), xerr=(low, high), fmt="o", color="#1b6ca8", capsize=3)
    axis.set_yticks(range(len(rows)), names)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.axvline(0, color="#7a7a7a", lw=0.8, ls="--")
    axis.set_xlabel(f"{FEW} authored + generated less {MANY} authored, by family")
    axis.grid(alpha=0.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", default=",".join(bundled_games()))
    parser.add_argument("--sizes", type=numbers, default=[4, 12, 24, 48], help="authored levels")
    parser.add_argument(
        "--seeds", type=numbers, default=[3, 1], help="seeds, one number a game (or one for all)"
    )
    parser.add_argument("--frames", type=int, default=1_000_000, help="environment steps of each playtester")
    parser.add_argument("--replay-ratio", type=float, default=1.0, help="trained samples a step")
    parser.add_argument("--generated", type=int, default=2000, help="generated levels")
    parser.add_argument("--candidates", type=int, default=6000, help="certified levels they are chosen from")
    parser.add_argument(
        "--pieced", type=int, default=0, help="levels pieced together from the authored ones, beside these"
    )
    parser.add_argument("--drawn", type=int, default=0, help="of both kinds, so many in the pool (0: all)")
    parser.add_argument(
        "--facing", action="store_true", help="networks that see a level and its mirror image as one"
    )
    parser.add_argument("--authored-share", type=float, default=0.25, help="of the pool, about")
    parser.add_argument("--gan-steps", type=numbers, default=[1000, 600], help="reconstruction, adversarial")
    parser.add_argument("--gan-batch", type=int, default=48, help="levels a step")
    parser.add_argument("--checks", type=int, default=3, help="looks at the unseen levels before the last")
    parser.add_argument("--episodes", type=int, default=2, help="a level and skill")
    parser.add_argument("--fresh-seed", type=int, default=2026, help="of the levels drawn anew")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="where the networks learn: cpu or cuda")
    parser.add_argument("--out", type=Path, default=Path("out/sample_efficiency"))
    parser.add_argument(
        "--only-bar",
        action="store_true",
        help=f"only {FEW} levels with generated ones and {MANY} without, whatever --sizes says",
    )
    parser.add_argument(
        "--only-summary", action="store_true", help="no training: tables and plot of what is done"
    )
    args = parser.parse_args()
    games = args.games.split(",")
    seeds = dict(zip(games, args.seeds * (len(games) if len(args.seeds) == 1 else 1), strict=False))
    if len(seeds) < len(games):
        parser.error("--seeds: give one number for all games or one a game")
    plan = Plan(
        args.frames,
        args.replay_ratio,
        args.generated,
        max(args.candidates, args.generated),
        args.authored_share,
        *args.gan_steps,
        args.gan_batch,
        args.checks,
        args.episodes,
        args.fresh_seed,
        args.pieced,
        args.facing,
        args.drawn,
    )
    args.out.mkdir(parents=True, exist_ok=True)
    cells = []
    kinds = list(BAR) if args.only_bar else [(n, arm) for n in args.sizes for arm in ARMS]
    for name in games:
        make_fresh(name, args.fresh_seed, args.out)
        wanted = {arm: settings(plan, load_game(name), args.out / "fresh", arm) for arm in ARMS}
        # both arms of a seed, then the next seed, so that an interrupted grid can be read
        grid = [Cell(name, n, seed, arm) for seed in range(seeds[name]) for n, arm in kinds]
        cells += [(cell, done_already(cell, wanted[cell.arm], args.out)) for cell in grid]
    missing = [cell for cell, done in cells if not done]
    if missing and not args.only_summary:
        run_all(missing, plan, args.out, args.jobs, args.device)
    paths = [args.out / "cells" / f"{cell.name}.json" for cell, _ in cells]
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    summaries = []
    for name in games:
        mine = {(r["size"], r["seed"], r["arm"]): r for r in results if r["game"] == name}
        whole = [s for s in range(seeds[name]) if all((n, s, arm) in mine for n, arm in kinds)]
        if whole:
            families = [family(level) for level in unseen(load_game(name), args.out / "fresh")[0]]
            found = [r for k, r in mine.items() if k[1] in whole]
            summaries.append(summarise(found, name, kinds, families))
            show(summaries[-1])
    if not summaries:
        raise SystemExit("no seed has all of its cells yet; run again without --only-summary")
    report = {
        "plan": asdict(plan),
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "cells": [{k: v for k, v in r.items() if k not in {"won", "settings"}} for r in results],
        "games": summaries,
    }
    write_json(args.out / "sample_efficiency.json", report)
    draw(summaries, args.frames, args.out / "sample_efficiency.png")
    print(f"\n{args.out / 'sample_efficiency.png'}")


if __name__ == "__main__":
    main()
