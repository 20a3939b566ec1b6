"""A training run from a corpus to two networks: the GAN, levels made by it, then the playtester on them.

``train`` keeps to its budget, leaves a run folder that survives ``kill -9`` (see ``folder.py``), and goes on where it
stopped with ``resume=True``: same data order, same optimiser state, same random numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from levelforge import __version__
from levelforge.corpus import Corpus, load_corpus
from levelforge.errors import LevelForgeError
from levelforge.game import Game, Tiles, load_game
from levelforge.pack import Pack, load_pack, read_pack
from levelforge.training.corpus_check import check_corpus, level_digests
from levelforge.training.dqn import DqnConfig, DqnTrainer
from levelforge.training.folder import RunFolder
from levelforge.training.gan import GanConfig, GanTrainer
from levelforge.training.level_pool import TrainingGround
from levelforge.training.loop import STEERS, Loop, LoopConfig, Steer
from levelforge.training.phases import Clock, GanLike, LoopLike, Paced, Phases
from levelforge.training.settings import RunSettings, changed, from_json, to_json
from levelforge.training.status import Status, stop_on_signals
from levelforge.training.tracking import open_tracker
from levelforge.training.transfer import STARTS, Starting, keep_source, playtester_net

DEFAULT_BUDGET = 1800.0
FULL_BUDGET = {"cpu": 1800.0, "cuda": 900.0}
"""Seconds; with less than the full budget the loop makes and plays fewer levels a round."""
LOSSES = ("r3gan", "wgan-gp")
DEVICES = ("auto", "cpu", "cuda")
START = "start"
"""Where a run folder keeps the pack it started from."""


class Makers(Protocol):
    """What builds the trainers; tests put small ones in their place."""

    def gan(self, game: Game, corpus: Sequence[Tiles], config: GanConfig, seed: int) -> GanLike:
        """The trainer of the first phase."""

    def dqn(
        self, game: Game, levels: Sequence[Tiles], heldout: Sequence[Tiles], config: DqnConfig, seed: int
    ) -> Paced:
        """The trainer of the second phase."""

    def loop(
        self,
        game: Game,
        ground: TrainingGround,
        gan: GanLike,
        dqn: Paced,
        pool: NDArray[np.uint8],
        config: LoopConfig,
        seconds: float,
        folder: Path,
        seed: int,
    ) -> LoopLike:
        """The trainer of the third phase."""


class _RealMakers:
    def __init__(self, device: str) -> None:
        self.device = device

    def gan(self, game: Game, corpus: Sequence[Tiles], config: GanConfig, seed: int) -> GanLike:
        return GanTrainer(game, corpus, config, seed, self.device)

    def dqn(
        self, game: Game, levels: Sequence[Tiles], heldout: Sequence[Tiles], config: DqnConfig, seed: int
    ) -> Paced:
        return DqnTrainer(game, levels, heldout, config, seed, self.device)

    def loop(
        self,
        game: Game,
        ground: TrainingGround,
        gan: GanLike,
        dqn: Paced,
        pool: NDArray[np.uint8],
        config: LoopConfig,
        seconds: float,
        folder: Path,
        seed: int,
    ) -> LoopLike:
        assert isinstance(gan, GanTrainer)
        assert isinstance(dqn, DqnTrainer)
        return Loop(game, ground, gan, dqn, pool, config, seconds, folder, seed)


@dataclass(frozen=True)
class TrainResult:
    """How a call of :func:`train` ended.

    Attributes:
        run: the run folder.
        done: whether both networks are trained and exported; False after Ctrl-C.
        seconds: trained so far, over all resumes.
        figures: the latest figures by name, such as ``gan.beatable`` and ``dqn.heldout_best``.
    """

    run: Path
    done: bool
    seconds: float
    figures: Mapping[str, float]


def train(
    game: str | Path | Game | None = None,
    *,
    out: str | Path,
    levels: str | Path | None = None,
    budget: float | None = None,
    seed: int | None = None,
    loss: str | None = None,
    steer: str | None = None,
    start: str | Path | None = None,
    freeze: bool | None = None,
    only: str | None = None,
    track: str | None = None,
    changes: Mapping[str, str] | None = None,
    device: str = "auto",
    threads: int | None = None,
    resume: bool = False,
    command: str = "",
    settings: RunSettings | None = None,
    gan: GanConfig | None = None,
    dqn: DqnConfig | None = None,
    loop: LoopConfig | None = None,
    makers: Makers | None = None,
    quiet: bool = False,
) -> TrainResult:
    """Train a generator and a playtester, or go on with a run.

    Args:
        game: a bundled game's name or a ``game.toml``; None (only with ``resume``) is the run's.
        out: the run folder; made here, or there already with ``resume``.
        levels: folder of levels to learn from; None is the game's own corpus (or the run's).
        budget: seconds over all resumes; None is 30 minutes, or the run's.
        seed: of everything random; None is 0, or the run's.
        loss: ``r3gan`` or ``wgan-gp``; None is ``r3gan``, or the run's.
        steer: ``critic``, ``value``, ``both`` or ``none``: what steers the generator in the loop; None is ``critic``,
            or the run's.
        start: a pack (or a bundled game's name) whose networks the new ones start from, as far as they match
            (:mod:`levelforge.training.transfer`); None is no pack, or the run's. The playtester's network is as wide
            as the pack's. A generator that learnt this very corpus goes on in small steps
            (:meth:`~levelforge.training.gan.GanConfig.going_on`).
        freeze: what is copied from ``start`` does not go on learning, except the networks' heads; None is
            False, or the run's.
        only: ``generator`` or ``playtester``: the one network that is taken from ``start``, while the others start new;
            None is both, or as the run began.
        track: ``mlflow`` tells MLflow what happens (:mod:`levelforge.training.tracking`); None is nobody, or as
            the run began.
        changes: settings to change by name, such as ``{"gan.gamma": "16", "loop.weights.fun": "0"}``: those of
            :class:`~levelforge.training.gan.GanConfig` (``gan``), :class:`~levelforge.training.dqn.DqnConfig`
            (``dqn``), :class:`~levelforge.training.loop.LoopConfig` (``loop``) and :class:`RunSettings` (``run``).
        device: where the networks learn: ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one. A run that
            begins on a GPU has more players at once and larger batches (``for_gpu`` of
            :class:`~levelforge.training.gan.GanConfig` and :class:`~levelforge.training.dqn.DqnConfig`); it may be
            resumed elsewhere.
        threads: processor threads for the GAN and the critic; None is 1, or the run's.
        resume: go on with the run in ``out``; whatever is given must be what the run began with (the
            budget may change).
        command: the command line, kept for the model card.
        settings, gan, dqn, loop: settings of the run, of the trainers and of the loop; None is the default, or the
            run's.
        makers: what builds the trainers.
        quiet: say nothing on stderr.

    Raises:
        LevelForgeError: bad arguments, a corpus without levels, a folder that is no run or cannot be
            written, or a resume with something changed (named).
    """
    folder = RunFolder(Path(out))
    old = folder.config() if resume else {}
    if game is None and not resume:
        raise LevelForgeError("which game? give a name or a game.toml")
    game = game if isinstance(game, Game) else load_game(game if game is not None else old["game_path"])
    whose = {"game": game.name, "game_digest": game.digest}
    if resume:  # before the corpus, whose levels are of the old game
        folder.check_same({**old, **whose})
    levels = levels if levels is not None else old.get("levels")
    if levels is None:
        if game.folder is None or not (game.folder / "corpus").is_dir():
            raise LevelForgeError(f"game {game.name!r} has no corpus of its own; give a folder with --levels")
        levels = game.folder / "corpus"
    corpus = load_corpus(levels, game)
    notes = check_corpus(corpus, str(levels))
    device = _device(device)
    gpu = device == "cuda" and not resume
    source = None if start is None else load_pack(start)
    usual_gan = GanConfig.for_gpu() if gpu else GanConfig()
    if source is not None and only != "playtester" and _learnt(source, game, corpus):
        usual_gan = usual_gan.going_on()
    chosen_gan = gan or (from_json(GanConfig, old["gan"], "gan") if "gan" in old else usual_gan)
    if loss is not None:
        if loss not in LOSSES:
            raise LevelForgeError(f"unknown loss {loss!r} (known: {', '.join(LOSSES)})")
        chosen_gan = replace(chosen_gan, loss=loss)  # type: ignore[arg-type]  # checked against LOSSES above
    usual_dqn = DqnConfig.for_gpu() if gpu else DqnConfig()
    if source is not None and only != "generator" and (net := playtester_net(source)) is not None:
        usual_dqn = replace(usual_dqn, net=net)
    chosen_dqn = dqn or (from_json(DqnConfig, old["dqn"], "dqn") if "dqn" in old else usual_dqn)
    chosen_loop = loop or from_json(LoopConfig, old.get("loop", {}), "loop")
    if steer is not None:
        if steer not in STEERS:
            raise LevelForgeError(f"unknown steering {steer!r} (known: {', '.join(STEERS)})")
        chosen_loop = replace(chosen_loop, steer=cast(Steer, steer))
    chosen = settings or from_json(RunSettings, old.get("settings", {}), "settings")
    if threads is not None:
        chosen = replace(chosen, gan_threads=threads)
    parts: dict[str, Any] = {"gan": chosen_gan, "dqn": chosen_dqn, "loop": chosen_loop, "run": chosen}
    for name, value in (changes or {}).items():
        part, _, path = name.partition(".")
        if part not in parts or not path:
            raise LevelForgeError(
                f"unknown setting {name!r}: settings begin with {', '.join(f'{p}.' for p in parts)}"
            )
        parts[part] = changed(parts[part], path, value, part)
    chosen_gan, chosen_dqn, chosen_loop, chosen = parts.values()
    seconds = budget if budget is not None else float(old.get("budget", DEFAULT_BUDGET))
    if seconds <= 0:
        raise LevelForgeError(f"budget {seconds:g} s is no time; give at least 1s")
    started = old.get("start") or {}
    if source is not None:
        started = {"game": source.game.name, "pack": source.hash, "freeze": started.get("freeze", False)}
    if freeze is not None:
        if not started:
            raise LevelForgeError("freeze what? give a pack to start from with --from")
        started = started | {"freeze": freeze}
    if only is not None:
        if not started:
            raise LevelForgeError("only what? give a pack to start from with --from")
        if only not in STARTS:
            raise LevelForgeError(f"unknown network {only!r} (known: {', '.join(STARTS)})")
        started = started | {"only": only}
    told = track or old.get("track")
    config = {
        **whose,
        "game_path": str(game.path.resolve()) if game.path else game.name,
        "levels": str(Path(levels).resolve()),
        "corpus_hash": corpus.hash,
        "corpus_digests": level_digests(corpus),
        "corpus_levels": {"train": len(corpus.train), "heldout": len(corpus.heldout)},
        "seed": seed if seed is not None else int(old.get("seed", 0)),
        "hardware": old.get("hardware") or _hardware(device),
        "track": told,
        "start": started or None,
        "budget": seconds,
        "settings": to_json(chosen),
        "gan": to_json(chosen_gan),
        "dqn": to_json(chosen_dqn),
        "loop": to_json(chosen_loop),
        "command": old.get("command") or command,
        "levelforge": __version__,
        "started": old.get("started") or f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
    }
    if resume:
        folder.check_same(config)
    name = f"{game.name} {folder.path.name}"
    status = Status(seconds, quiet=quiet)
    folder.say = status.say
    folder.tracker = open_tracker(told, folder.path, name, folder.tell)
    if resume:
        folder.update_config(config)
    else:
        folder.create(config)
        if source is not None:
            keep_source(source, folder.path / START)
    makers = makers or _RealMakers(device)
    if started:
        source = read_pack(folder.path / START)
        makers = Starting(makers, source, started["freeze"], folder.tell, started.get("only"))
    for note in notes:
        folder.tell(f"note: {note}")
    folder.tracker.parameters(config)
    try:
        result = _drive(
            folder, game, corpus, config, chosen, chosen_gan, chosen_dqn, chosen_loop, makers, device, status
        )
    except BaseException:
        folder.tracker.end("FAILED")
        raise
    if result.done:
        folder.tracker.pack(folder.path)
    folder.tracker.end("FINISHED" if result.done else "KILLED")
    return result


def _learnt(source: Pack, game: Game, corpus: Corpus) -> bool:
    """Whether a pack's generator has learnt this very corpus."""
    return (
        source.game.digest == game.digest
        and source.info.get("training", {}).get("corpus_hash") == corpus.hash
    )


def _hardware(device: str) -> str:
    """What a device is, for the model card."""
    return torch.cuda.get_device_name() if device == "cuda" else "the processor"


def _device(asked: str) -> str:
    """The device meant by ``auto``, or the one asked for if it is there."""
    if asked not in DEVICES:
        raise LevelForgeError(f"unknown device {asked!r} (known: {', '.join(DEVICES)})")
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise LevelForgeError("no GPU that torch can use; train on the processor with --device cpu")
    return "cuda" if there and asked != "cpu" else "cpu"


def _drive(
    folder: RunFolder,
    game: Game,
    corpus: Corpus,
    config: Mapping[str, Any],
    settings: RunSettings,
    gan: GanConfig,
    dqn: DqnConfig,
    loop: LoopConfig,
    makers: Makers,
    device: str,
    status: Status,
) -> TrainResult:
    """The loop: phases in order, until all are done, the budget is spent or somebody stops it."""
    state = folder.load_checkpoint()
    budget, seed = float(config["budget"]), int(config["seed"])
    clock = Clock(float(state["seconds"]) if state else 0.0)
    if state:
        folder.cut_metrics(int(state["metrics_size"]))
        folder.tell(f"resumed at {clock.seconds():.0f} s in phase {state['phase']}")
    else:
        folder.cut_metrics(0)
        folder.log(f"started: {config['command'] or 'train()'}")
    threads = torch.get_num_threads()
    own = [x.tiles for x in corpus.train]
    ground = TrainingGround(
        own,
        game,
        patched=settings.patched_levels,
        drawn=settings.drawn_levels,
        authored_share=settings.authored_share,
        seed=seed,
    )
    loop = loop.scaled(budget / FULL_BUDGET[device])
    try:
        with stop_on_signals() as stopped:
            phases = Phases(
                folder,
                game,
                ground,
                settings,
                budget,
                clock,
                status,
                stopped,
                make_gan=lambda: makers.gan(game, own, gan, seed),
                make_dqn=lambda pool: makers.dqn(
                    game, pool, [x.tiles for x in corpus.heldout], dqn, seed + 1
                ),
                make_loop=lambda trainer, player, pool, seconds: makers.loop(
                    game, ground, trainer, player, pool, loop, seconds, folder.export, seed
                ),
                seed=seed,
            )
            done = phases.run(state)
    finally:
        torch.set_num_threads(threads)
        status.close()
    folder.log("done" if done else f"stopped at {clock.seconds():.0f} s; go on with --resume")
    return TrainResult(folder.path, done, clock.seconds(), dict(phases.figures))
