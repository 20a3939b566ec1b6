"""What does each part of the loop do for the levels? GAN alone, each part alone, and all together.

    python benchmarks/loop_ablation.py [--games dungeon,platformer] [--seeds 3,1] [--seconds 240]
        [--gan-seconds 360] [--dqn-seconds 150] [--playtesters PACK,NETWORK] [--set NAME=VALUE ...]
        [--jobs 2] [--out out/loop_ablation]

All arms of a game and seed start from the same generator (``--gan-seconds`` of GAN training) and the same
playtester (``--dqn-seconds``), and then have ``--seconds`` each: *GAN alone* spends them on adversarial steps, the
others on rounds of the loop with the parts named (making, proving and playing levels is paid from their time). Seconds
are the processor's (all threads of a process together), so all arms have the same budget whatever else is running.

What steers is the playtester's judgement, and after minutes of training it has little: an explorer that sees a sixth of
a level says nothing of how it invites exploring. ``--playtesters`` lets the playtesters start from those of other packs, as
``levelforge train --from`` does; not from the bundled ones, for these are the judges. The file of a playtester alone will
do, such as ``difficulty_dial.py --only-second`` trains from a seed of its own.

Then each makes 1000 candidates as ``levelforge generate`` would, and the certified ones of them are played by the
bundled pack's playtester, which is of no arm (a rerun may do that elsewhere: ``--only-train``). Figures with 95 %
intervals: shares by Wilson over all candidates, the others bootstrapped over seeds and levels. A cell's result is
written as it is done; a rerun skips what is there.
Prints a table, writes ``loop_ablation.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from arguments import numbers
from google.protobuf.message import DecodeError
from loop_ablation_cell import ARMS, PLAYTESTERS, Cell, Plan, judge_arm, loop_config, run_arm, run_start
from workers import workers

from levelforge.errors import LevelForgeError
from levelforge.game import bundled_games
from levelforge.pack import GENERATOR, Pack, load_pack, read_pack, write_pack
from levelforge.playtest.difficulty import wilson

DRAWS = 2000


def run_all(work: Sequence[tuple[Any, Sequence[Cell]]], plan: Plan, out: Path, jobs: int) -> None:
    """Do each piece of work for all of its cells, ``jobs`` at a time, before the next one begins."""
    began = time.monotonic()
    (out / "cells").mkdir(parents=True, exist_ok=True)
    for do, todo in work:
        with workers(jobs) as pool:
            running = {pool.submit(do, cell, plan, out): cell for cell in todo}
            for number, future in enumerate(as_completed(running), 1):
                future.result()
                what = f"{number}/{len(todo)} {running[future].name}"
                print(f"{what}, {time.monotonic() - began:.0f} s in all", file=sys.stderr, flush=True)


def bootstrap(groups: Sequence[Sequence[float]], statistic: Any) -> list[float]:
    """95 % interval of a statistic of all values, over groups (seeds) and values drawn again."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(DRAWS):
        chosen = rng.integers(len(groups), size=len(groups))
        values = [np.asarray(groups[g])[rng.integers(len(groups[g]), size=len(groups[g]))] for g in chosen]
        found.append(statistic(np.concatenate(values)))
    low, high = np.percentile(found, (2.5, 97.5))
    return [round(float(low), 4), round(float(high), 4)]


def summarise(results: Sequence[dict[str, Any]], game: str) -> list[dict[str, Any]]:
    """One row an arm."""
    rows = []
    for arm in ARMS:
        mine = [r for r in results if (r["game"], r["arm"]) == (game, arm)]
        if not mine:
            continue
        beatable = np.concatenate([r["beatable"] for r in mine])
        low, high = wilson(float(beatable.mean()), len(beatable))
        row: dict[str, Any] = {"arm": arm, "seeds": len(mine), "gan_steps": [r["gan_steps"] for r in mine]}
        row["beatable"], row["beatable_ci"] = (
            round(float(beatable.mean()), 4),
            [round(low, 4), round(high, 4)],
        )
        for name, statistic in (
            ("fun", np.mean),
            ("novelty", np.median),
            ("diversity", np.mean),
            ("difficulty", np.mean),
        ):
            groups = [r[name] for r in mine]
            row[name] = round(float(statistic(np.concatenate(groups))), 4)
            row[f"{name}_ci"] = bootstrap(groups, statistic)
        row["style"] = round(float(np.mean([r["style"] for r in mine])), 4)
        row["duplicates"] = round(float(np.mean([r["duplicates"] for r in mine])), 5)
        row["fun_parts"] = {
            k: round(float(np.mean([r["fun_parts"][k] for r in mine])), 3) for k in mine[0]["fun_parts"]
        }
        row["rolled_back"] = sum("taken back" in e for r in mine for e in r["events"])
        rows.append(row)
    return rows


def show(game: str, rows: Sequence[dict[str, Any]]) -> None:
    print(f"\n{game} ({rows[0]['seeds']} seed{'s' * (rows[0]['seeds'] > 1)})")
    names = ("beatable", "fun", "novelty", "diversity", "difficulty")
    print(f"{'arm':<22}" + "".join(f"{name:<23}" for name in names) + f"{'style':<8}{'repeats':<8}")
    for row in rows:
        cells = [f"{row[n]:.3f} [{row[f'{n}_ci'][0]:.3f}, {row[f'{n}_ci'][1]:.3f}]" for n in names]
        print(
            f"{row['arm']:<22}"
            + "".join(f"{c:<23}" for c in cells)
            + f"{row['style']:<8.3f}{row['duplicates']:<8.4f}"
        )


def read_playtesters(sources: Sequence[Path], drafts: Path) -> dict[str, Pack]:
    """The packs by their games; a playtester alone gets one in ``drafts``.

    Raises:
        LevelForgeError: a source is neither a pack nor a playtester.
        SystemExit: a pack is a judge.
    """
    found = {}
    for folder in sources:
        pack = pack_of(folder, drafts) if folder.suffix == ".onnx" else read_pack(folder)
        name = pack.game.name
        if pack.hash == load_pack(name).hash:
            raise SystemExit(f"{folder}: is the bundled pack, which judges; give one of another training")
        found[name] = pack
    return found


def pack_of(network: Path, drafts: Path) -> Pack:
    """A playtester alone as a pack, with the bundled generator, which no arm uses.

    Raises:
        LevelForgeError: the file is no playtester of a bundled game.
    """
    try:
        told = {entry.key: entry.value for entry in onnx.load(network).metadata_props}
    except (OSError, DecodeError) as error:
        raise LevelForgeError(f"{network}: is no ONNX file that can be read ({error})") from None
    if told.get("game") not in bundled_games() or told.get("kind") != "playtester":
        raise LevelForgeError(f"{network}: is no playtester of a bundled game")
    host = load_pack(told["game"])
    return write_pack(
        drafts / host.game.name,
        host.game,
        (host.folder / GENERATOR).read_bytes(),
        network.read_bytes(),
        {k: host.info[k] for k in ("generator", "playtester", "count_distribution", "figures")},
        f"# {network.name}",
    )


def begin(plan: Plan, playtesters: Mapping[str, Pack], out: Path) -> None:
    """Note the plan in ``out``, and copy packs there, where each process finds the one of its game.

    Raises:
        SystemExit: what is there is of another plan, so its starts and arms are, too.
    """
    from levelforge.training.folder import write_whole
    from levelforge.training.transfer import keep_source

    noted = out / "plan.json"
    text = json.dumps(asdict(plan), indent=1) + "\n"
    if noted.exists() and noted.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{out}: holds results of other settings; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    for name, pack in playtesters.items():
        keep_source(pack, out / PLAYTESTERS / name)
    write_whole(noted, text.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", default=",".join(bundled_games()))
    parser.add_argument(
        "--seeds", type=numbers, default=[3, 1], help="seeds, one number a game (or one for all)"
    )
    parser.add_argument("--seconds", type=float, default=240.0, help="of each arm")
    parser.add_argument("--gan-seconds", type=float, default=360.0, help="of the GAN's training before")
    parser.add_argument(
        "--dqn-seconds", type=float, default=150.0, help="of the playtester's training before"
    )
    parser.add_argument(
        "--playtesters", default="", help="packs or playtesters (one a game at most) to start from"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a loop's setting, as weights.fun=16"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--played", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("out/loop_ablation"))
    parser.add_argument("--only-train", action="store_true", help="leave the playtests to a rerun")
    parser.add_argument("--only-summary", action="store_true", help="no training: the table of what is done")
    args = parser.parse_args()
    games = args.games.split(",")
    seeds = dict(zip(games, args.seeds * (len(games) if len(args.seeds) == 1 else 1), strict=False))
    if len(seeds) < len(games):
        parser.error("--seeds: give one number for all games or one a game")
    with tempfile.TemporaryDirectory() as drafts:
        sources = [Path(source) for source in args.playtesters.split(",") if source]
        try:
            packs = read_playtesters(sources, Path(drafts))
        except LevelForgeError as error:
            parser.error(f"--playtesters: {error}")
        plan = Plan(
            args.gan_seconds,
            args.dqn_seconds,
            args.seconds,
            args.rounds,
            args.candidates,
            args.played,
            {name: pack.hash for name, pack in packs.items()},
            {name: value for name, _, value in (change.partition("=") for change in args.set)},
        )
        try:
            loop_config("all", plan)
        except LevelForgeError as error:
            parser.error(f"--set: {error}")
        begin(plan, packs, args.out)
    grid = [Cell(game, seed, arm) for game in games for seed in range(seeds[game]) for arm in ARMS]
    paths = {cell: args.out / "cells" / f"{cell.name}.json" for cell in grid}
    missing = [cell for cell in grid if not paths[cell].exists()]
    if missing and not args.only_summary:
        starts = sorted(
            {
                Cell(cell.game, cell.seed)
                for cell in missing
                if not (args.out / "trained" / f"{cell.name}.json").exists()
            },
            key=lambda c: c.name,
        )
        judging = [] if args.only_train else [(judge_arm, missing)]
        run_all([(run_start, starts), (run_arm, missing), *judging], plan, args.out, args.jobs)
        if args.only_train:
            return
    results = [json.loads(p.read_text(encoding="utf-8")) for p in paths.values() if p.exists()]
    if any(r["plan"] != asdict(plan) for r in results):  # of a folder that notes no plan
        raise SystemExit(f"{args.out}: holds results of other settings; choose another --out")
    summaries = {game: rows for game in games if (rows := summarise(results, game))}
    for game, rows in summaries.items():
        show(game, rows)
    report = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "plan": asdict(plan),
        "games": summaries,
    }
    (args.out / "loop_ablation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
