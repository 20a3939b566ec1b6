"""One cell of ``sample_efficiency.py``: a playtester trained on so many authored levels, with generated ones or without."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelforge.corpus import Corpus, load_corpus
from levelforge.game import Game, Tiles, load_game
from levelforge.level import Level

ARMS = ("authored", "generated")
"""Authored levels alone, and with what a GAN trained on those very levels makes."""


@dataclass(frozen=True)
class Plan:
    """What all cells share.

    Attributes:
        frames: environment steps of every playtester; with them the number of updates is the same, too.
        replay_ratio: trained samples a step.
        generated: certified generated levels beside the authored ones.
        candidates: certified levels these are chosen from, so that their solutions' lengths are spread out; as many
            as ``generated`` takes them as they come.
        authored_share: share of authored levels in the pool that episodes draw from, about; they are repeated for it.
        warm_up, adversarial: steps of the GAN, of reconstruction and with the discriminator.
        gan_batch: levels in each of them.
        checks: times the unseen levels are played on the way to the last step, one episode a level and skill.
        episodes: a level and skill when the unseen levels are played.
        fresh_seed: of the levels drawn anew by ``tools/make_corpus`` beside the held-out ones.
        pieced: levels pieced together from the authored ones (``run.patched_levels``) beside the generated ones.
        facing: whether networks see a level and its mirror image as one (``dqn.net.facing``).
        drawn: of the generated levels and those pieced together, so many are drawn for the pool; 0 takes all. Of fewer
            each is met more often.
    """

    frames: int
    replay_ratio: float
    generated: int
    candidates: int
    authored_share: float
    warm_up: int
    adversarial: int
    gan_batch: int
    checks: int
    episodes: int
    fresh_seed: int
    pieced: int = 0
    facing: bool = False
    drawn: int = 0


@dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        game: its name.
        size: authored levels, n.
        seed: chooses the levels and seeds the networks.
        arm: see :data:`ARMS`.
    """

    game: str
    size: int
    seed: int
    arm: str

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.game}-n{self.size:02d}-s{self.seed}-{self.arm}"


def choose(corpus: Corpus, size: int, seed: int) -> list[Level]:
    """``size`` training levels: families in turn, a random one of each, so that small sets are varied, too.

    A smaller set is the beginning of a larger one of the same seed.
    """
    rng = np.random.default_rng([seed, 71])
    families: dict[str, list[Level]] = {}
    for level in corpus.train:
        families.setdefault(family(level), []).append(level)
    piles = [[family[i] for i in rng.permutation(len(family))] for family in families.values()]
    piles = [piles[i] for i in rng.permutation(len(piles))]
    dealt = [pile[turn] for turn in range(max(map(len, piles))) for pile in piles if turn < len(pile)]
    if size > len(dealt):
        raise SystemExit(f"{corpus.game.name} has {len(dealt)} training levels; leave {size} out of --sizes")
    return dealt[:size]


def unseen(game: Game, fresh: Path) -> tuple[list[Level], int]:
    """The levels no cell trains on, the corpus' held-out ones first, and how many those are."""
    assert game.folder is not None
    heldout = load_corpus(game.folder / "corpus", game).heldout
    return [*heldout, *load_corpus(fresh / game.name, game)], len(heldout)


def family(level: Level) -> str:
    """The kind of level, by its name: ``caverns`` for ``heldout/caverns-07``."""
    return str(level.id).rpartition("/")[2].rpartition("-")[0]


OF_GENERATED = (
    "generated",
    "candidates",
    "authored_share",
    "warm_up",
    "adversarial",
    "gan_batch",
    "pieced",
    "drawn",
)
"""What of a plan has no say where authored levels are alone."""


def settings(plan: Plan, game: Game, fresh: Path, arm: str) -> dict[str, Any]:
    """What decides a cell's outcome, besides the cell itself: results of other settings are never mixed in."""
    from levelforge.training.settings import to_json

    assert game.folder is not None
    known = {
        **asdict(plan),
        "game_digest": game.digest,
        "corpus_hash": load_corpus(game.folder / "corpus", game).hash,
        "fresh_hash": load_corpus(fresh / game.name, game).hash,
        "gan": to_json(_gan_config(plan)),
        "dqn": to_json(_dqn_config(plan)),
    }
    if arm == "generated":
        return known
    return {key: value for key, value in known.items() if key not in (*OF_GENERATED, "gan")}


def run_cell(cell: Cell, plan: Plan, out: Path, device: str = "cpu") -> dict[str, Any]:
    """Train (on that device) and judge one cell; its result is written to ``out/cells/NAME.json``."""
    import torch

    from levelforge.training.dqn import DqnTrainer
    from levelforge.training.heldout import outcomes
    from levelforge.training.level_pool import TrainingGround

    torch.set_num_threads(1)
    game = load_game(cell.game)
    assert game.folder is not None
    fresh = out / "fresh"
    authored = [x.tiles for x in choose(load_corpus(game.folder / "corpus", game), cell.size, cell.seed)]
    ground = TrainingGround(authored, game)
    levels: list[Tiles] = []
    made: dict[str, Any] = {}
    if cell.arm == "generated":
        levels, made = generated_levels(cell, plan, game, authored, out, device)
        ground = TrainingGround(
            authored,
            game,
            patched=plan.pieced,
            drawn=plan.drawn,
            authored_share=plan.authored_share,
            seed=cell.seed,
        )
    pool = ground(levels)
    strange, heldout = unseen(game, fresh)
    levels_to_judge = [level.tiles for level in strange]
    began, cpu = time.perf_counter(), time.process_time()
    trainer = DqnTrainer(game, pool, (), _dqn_config(plan), cell.seed, device)
    figures: dict[str, float] = {}
    curve: list[list[float]] = []
    spent = {"dqn": 0.0, "dqn_cpu": 0.0, "judging": 0.0}
    for check in range(1, plan.checks + 1):
        until = plan.frames * check / (plan.checks + 1)
        while trainer.frames < until:
            figures = trainer.advance(0.5)
        began_check = time.perf_counter()
        now = outcomes(trainer.values, game, levels_to_judge, 1, seed=cell.seed)
        curve.append([trainer.frames, round(float(np.mean([won.mean() for won in now.values()])), 4)])
        spent["judging"] += time.perf_counter() - began_check
    while not trainer.finished:
        figures = trainer.advance(20.0)
    spent["dqn"] = time.perf_counter() - began - spent["judging"]
    spent["dqn_cpu"] = time.process_time() - cpu
    began = time.perf_counter()
    rates = outcomes(trainer.values, game, levels_to_judge, plan.episodes, seed=cell.seed)
    own = outcomes(trainer.values, game, authored, 1, seed=cell.seed)
    spent["judging"] += time.perf_counter() - began
    curve.append([trainer.frames, round(float(np.mean([won.mean() for won in rates.values()])), 4)])
    result = {
        **asdict(cell),
        "settings": settings(plan, game, fresh, cell.arm),
        "frames": trainer.frames,
        "updates": trainer.updates,
        "pool": len(pool),
        "made": made,
        "seconds": {name: round(value, 1) for name, value in spent.items()},
        "train_win_rate": figures.get("train_win_rate"),
        "own": round(float(np.mean([won.mean() for won in own.values()])), 4),
        "curve": curve,
        "heldout": heldout,
        # by skill, the share of episodes won of each level: the held-out ones first, then the fresh ones
        "won": {f"{skill:g}": np.round(won, 4).tolist() for skill, won in rates.items()},
    }
    (out / "cells").mkdir(parents=True, exist_ok=True)
    trainer.export(out / "cells" / f"{cell.name}.onnx")
    write_json(out / "cells" / f"{cell.name}.json", result)
    return result


def generated_levels(
    cell: Cell, plan: Plan, game: Game, authored: list[Tiles], out: Path, device: str
) -> tuple[list[Tiles], dict[str, Any]]:
    """Certified levels by a GAN that has seen ``authored`` only, in their sizes; kept in ``out/gan``, so a rerun has them.

    A grid of other ``--frames`` may be given a copy of that folder.
    """
    from levelforge.novelty import novelty
    from levelforge.solver import solve_batch
    from levelforge.training.gan import GanTrainer
    from levelforge.training.level_pool import load_pool, make_pool, save_pool
    from levelforge.training.patchwork import quotas
    from levelforge.training.settings import to_json
    from levelforge.training.status import Stop

    stem = out / "gan" / f"{cell.game}-n{cell.size:02d}-s{cell.seed}"
    sizes = quotas(authored, plan.generated)
    kept = {shape: stem.with_name(f"{stem.name}-{shape[1]}x{shape[0]}.npz") for shape in sizes}
    told = stem.with_suffix(".json")
    basis = {
        "game_digest": game.digest,
        "generated": [plan.generated, plan.candidates],
        "gan": to_json(_gan_config(plan)),
    }
    if told.exists() and all(path.exists() for path in kept.values()):
        facts: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
        if facts.pop("basis") == basis:
            return [tiles for path in kept.values() for tiles in load_pool(path)], facts
    began = time.perf_counter()
    trainer = GanTrainer(game, authored, _gan_config(plan), cell.seed, device)
    while not trainer.finished:
        trainer.advance(20.0)
    judged = trainer.finish()
    trained = time.perf_counter() - began
    stem.parent.mkdir(parents=True, exist_ok=True)
    levels: list[Tiles] = []
    facts = {"sizes": {}}
    with tempfile.TemporaryDirectory() as folder:
        trainer.export(Path(folder) / "generator.onnx")
        for (height, width), wanted in sizes.items():
            made, raw = make_pool(
                Path(folder),
                game,
                {"generator": trainer.describe(), "count_distribution": trainer.distribution},
                n=wanted * plan.candidates // plan.generated,
                seconds=600.0,
                seed=cell.seed,
                tell=lambda _: None,
                stop=Stop(),
                aimed=False,  # unseen levels are like the corpus
                size=(width, height),
            )
            length = solve_batch(made, game, threads=1).length
            chosen = made[spread(length, wanted, np.random.default_rng(cell.seed))]
            few = list(chosen[:200])
            facts["sizes"][f"{width}x{height}"] = {
                "levels": len(chosen),
                "certified": len(made),
                "solution": np.percentile(length, (10, 50, 90)).round().tolist(),
                "raw_beatable": round(raw, 4),
                "novelty": round(float(np.median(novelty(few, authored, game.training.symmetries))), 4),
            }
            save_pool(kept[height, width], chosen)
            levels += list(chosen)
    facts |= {
        "judged": {name: round(value, 4) for name, value in judged.items()},
        "gan_steps": trainer.steps,
        "gan_seconds": round(trained, 1),
        "pool_seconds": round(time.perf_counter() - began - trained, 1),
    }
    write_json(told, facts | {"basis": basis})
    return levels, facts


def spread(length: NDArray[np.int32], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """``int[<= n]`` levels whose solutions' lengths are spread out: one of each length (of 4) in turn."""
    order = rng.permutation(len(length))
    turn = np.zeros(len(length), int)
    for bin_ in np.unique(length // 4):
        mine = order[length[order] // 4 == bin_]
        turn[mine] = np.arange(len(mine))
    chosen: NDArray[np.intp] = np.sort(order[np.argsort(turn[order], kind="stable")[:n]])
    return chosen


def write_json(path: Path, content: Any) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)


def _gan_config(plan: Plan) -> Any:
    from levelforge.training.gan import GanConfig

    steps = plan.warm_up + plan.adversarial
    return replace(
        GanConfig(),
        batch=plan.gan_batch,
        warm_up=plan.warm_up,
        ramp=max(1, min(plan.adversarial, GanConfig().ramp)),
        steps=steps,
        judge_every=max(1, plan.warm_up // 3),
    )


def _dqn_config(plan: Plan) -> Any:
    from levelforge.training.dqn import DqnConfig
    from levelforge.training.playtester_net import NetConfig

    # so wide that its size is not what limits
    net = NetConfig(view_channels=(24, 64), hidden=256, head=128, facing=plan.facing)
    return replace(
        DqnConfig(),
        net=net,
        total_frames=plan.frames,
        replay_ratio=plan.replay_ratio,
        anneal_frames=plan.frames,
        warm_up=min(20_000, plan.frames // 10),
        eval_frames=10**12,  # judged here
        persona_weight=0.0,  # only the runner's wins count
        others=0.0,
    )
