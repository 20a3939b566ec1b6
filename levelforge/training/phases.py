"""The phases of a run.

``gan``: the generator's first training. ``pool``: certified levels by it. ``dqn``: the playtester's first training, on
the corpus and on these. ``loop``: rounds in which each trains the other (``loop.py``). At last ``done``.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Tiles
from levelforge.training.budget import pace
from levelforge.training.folder import RunFolder, write_whole
from levelforge.training.gan import FIRST_TRAINING
from levelforge.training.level_pool import TrainingGround, load_pool, make_pool, save_pool
from levelforge.training.settings import RunSettings
from levelforge.training.status import Status, Stop

GENERATOR, PLAYTESTER, CRITIC, POOL, INFO, GAN_STATE = (
    "generator.onnx",
    "playtester.onnx",
    "critic.onnx",
    "pool.npz",
    "info.json",
    "gan.pt",
)
PHASES = ("gan", "pool", "dqn", "loop", "done")


class Trainer(Protocol):
    """What a run asks of a trainer."""

    @property
    def finished(self) -> bool:
        """Whether more training would not help."""

    def advance(self, seconds: float) -> dict[str, float]:
        """Train for about so long; returns figures."""

    def finish(self) -> dict[str, float]:
        """Judge what there is at last, so that the best is exported; returns figures."""

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""

    def export(self, path: Path | None = None) -> bytes:
        """Write the ONNX file."""


class Paced(Trainer, Protocol):
    """A trainer that can anneal by the run's clock."""

    progress: Callable[[], float] | None


class GanLike(Paced, Protocol):
    """What a run asks of the GAN's trainer besides."""

    distribution: dict[str, list[float]]

    def sample(self, n: int, *, seed: int = 0) -> NDArray[np.uint8]:
        """Candidates ``uint8[n, H, W]``."""

    def describe(self) -> dict[str, Any]:
        """The ``generator`` entry of ``pack.json``."""


class LoopLike(Trainer, Protocol):
    """What a run asks of the loop besides; its :meth:`export` writes the critic."""

    events: list[str]

    def finish(self, seconds: float = math.inf) -> dict[str, float]:
        """As of any trainer, in so many seconds if it can."""

    def describe(self) -> dict[str, Any]:
        """The ``critic`` entry of ``pack.json``."""


class Clock:
    """Seconds of a run over all its resumes."""

    def __init__(self, before: float = 0.0) -> None:
        self._before, self._began = before, time.monotonic()

    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + time.monotonic() - self._began


def _events(trainer: Any) -> list[str]:
    """What a trainer has to tell, once."""
    events: list[str] = getattr(trainer, "events", [])
    told = list(events)
    events.clear()
    return told


@contextmanager
def _of_this_version() -> Iterator[None]:
    """While something goes on from its part of a checkpoint.

    Raises:
        LevelForgeError: another version wrote it: it lacks something, or its networks have other sizes.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except KeyError as error:
        what = f"it lacks {error.args[0]!r}"
    except RuntimeError as error:  # what torch raises for weights that do not fit
        what = str(error).strip().splitlines()[-1].strip()
    else:
        return
    raise LevelForgeError(f"the checkpoint is of another version ({what}); start a new run")


def _go_on(trainer: Trainer, state: dict[str, Any]) -> None:
    """Let a trainer go on from its part of a checkpoint; raises as :func:`_of_this_version`."""
    with _of_this_version():
        trainer.load_state_dict(state)


class Phases:
    """Drives the trainers through the phases.

    Args:
        folder: the run on disk.
        game: the game.
        ground: what the playtester trains on, given the generated levels.
        settings: how time is shared.
        budget: seconds, over all resumes.
        clock: seconds so far.
        status: where figures are shown.
        stop: true once somebody wants the run to stop.
        make_gan: builds the first trainer.
        make_dqn: builds the second one from the training levels.
        make_loop: builds the third from both, the levels made so far, and the seconds it has.
        seed: of the generated levels and samples.

    Attributes:
        figures: the latest value of every figure, by ``phase.name``.
    """

    def __init__(
        self,
        folder: RunFolder,
        game: Game,
        ground: TrainingGround,
        settings: RunSettings,
        budget: float,
        clock: Clock,
        status: Status,
        stop: Stop,
        *,
        make_gan: Callable[[], GanLike],
        make_dqn: Callable[[list[Tiles]], Paced],
        make_loop: Callable[[GanLike, Paced, NDArray[np.uint8], float], LoopLike],
        seed: int,
    ) -> None:
        self.folder, self.game, self.ground, self.settings = folder, game, ground, settings
        self.budget, self.clock, self.status, self.stop = budget, clock, status, stop
        self.make_gan, self.make_dqn, self.make_loop, self.seed = make_gan, make_dqn, make_loop, seed
        self.figures: dict[str, float] = {}
        self._saved = self._sampled = time.monotonic()

    def run(self, state: Mapping[str, Any] | None) -> bool:
        """Go through the phases from a checkpoint (None: from the start); whether all are done."""
        phase, trainer_state = "gan", None
        if state is not None:
            phase, trainer_state = str(state["phase"]), state.get("trainer")
            self.figures.update(state["figures"])
        if phase == "done":
            return True
        if phase == "gan":
            if not self._gan(trainer_state):
                return False
            phase, trainer_state = "pool", None
        if phase == "pool":
            if not self._pool():
                return False
            phase, trainer_state = "dqn", None
        dqn = None
        if phase == "dqn":
            dqn = self._dqn(trainer_state)
            if dqn is None:
                return False
            trainer_state = None
        return self._loop(trainer_state, dqn)

    @property
    def _end(self) -> float:
        """When the last phase ends, so that judging and exporting stay within the budget."""
        reserve = max(30.0, self.settings.finish_share * self.budget)
        return self.budget - min(reserve, 0.25 * self.budget)

    @property
    def _loop_begins(self) -> float:
        """When the loop begins, at the latest."""
        return (self.settings.gan_share + self.settings.pool_share + self.settings.dqn_share) * self.budget

    # --- phases --------------------------------------------------------------------------------

    def _gan(self, state: dict[str, Any] | None) -> bool:
        torch.set_num_threads(self.settings.gan_threads)
        trainer = self.make_gan()
        until = self.settings.gan_share * self.budget
        trainer.progress = pace(self.clock.seconds, 0.0, until, last=FIRST_TRAINING)
        if state is not None:
            _go_on(trainer, state)
        if not self._advance("gan", trainer, until, self._sheet):
            return False
        self._record("gan", trainer.finish())
        self._sheet(trainer, "last")
        trainer.export(self.folder.export / GENERATOR)
        info = {"generator": trainer.describe(), "count_distribution": trainer.distribution}
        write_whole(self.folder.export / INFO, (json.dumps(info, indent=2) + "\n").encode())
        self.folder.save_state(self.folder.export / GAN_STATE, trainer.state_dict())
        self._save("pool", None)
        self.folder.log("generator exported")
        return True

    def _pool(self) -> bool:
        info = json.loads((self.folder.export / INFO).read_text(encoding="utf-8"))
        made, raw = make_pool(
            self.folder.export,
            self.game,
            info,
            n=self.settings.generated_levels,
            seconds=max(2.0, self.settings.pool_share * self.budget),
            seed=self.seed,
            tell=lambda levels: self.status.show(self.clock.seconds(), "pool", {"levels": levels}),
            stop=self.stop,
        )
        if self.stop:
            self._save("pool", None)
            return False
        save_pool(self.folder.export / POOL, made)
        self._record("pool", {"levels": float(len(made)), "raw_beatable": raw})
        if not len(made):
            self.folder.tell(
                "the generator made no level that can be certified; the playtester trains on the corpus"
            )
        self._draw("pool", made[: self.settings.sample_levels])
        self._save("dqn", None)
        return True

    def _dqn(self, state: dict[str, Any] | None) -> Paced | None:
        """The playtester after its first training; None if somebody stopped it."""
        torch.set_num_threads(self.settings.dqn_threads)
        trainer = self._playtester(load_pool(self.folder.export / POOL))
        if state is not None:
            _go_on(trainer, state)
        return trainer if self._advance("dqn", trainer, min(self._loop_begins, self._end)) else None

    def _playtester(self, made: NDArray[np.uint8]) -> Paced:
        """A trainer of the playtester, on its training ground, annealed by the run's clock."""
        trainer = self.make_dqn(self.ground(made))
        begin = (self.settings.gan_share + self.settings.pool_share) * self.budget
        trainer.progress = pace(self.clock.seconds, begin, self._end)
        return trainer

    def _loop(self, state: dict[str, Any] | None, dqn: Paced | None) -> bool:
        torch.set_num_threads(self.settings.gan_threads)
        gan = self.make_gan()
        gan.progress = pace(self.clock.seconds, self._loop_begins, self._end, first=FIRST_TRAINING)
        made = load_pool(self.folder.export / POOL)
        if state is None:
            _go_on(gan, torch.load(self.folder.export / GAN_STATE, map_location="cpu", weights_only=True))
        else:
            with _of_this_version():
                made = state["pool"].numpy()
        dqn = dqn or self._playtester(made)
        loop = self.make_loop(gan, dqn, made, max(0.0, self._end - self.clock.seconds()))
        if state is not None:
            _go_on(loop, state)
        self._save("loop", loop)
        if not self._advance("loop", loop, self._end, lambda _, name: self._sheet(gan, name)):
            return False
        self.status.say("finishing: the last playtests, and what the critic learns from them")
        self._record("loop", loop.finish(max(0.0, self.budget - self.clock.seconds())))
        self._sheet(gan, "loop")
        gan.export(self.folder.export / GENERATOR)
        dqn.export(self.folder.export / PLAYTESTER)
        loop.export(self.folder.export / CRITIC)
        info = {
            "generator": gan.describe(),
            "critic": loop.describe(),
            "count_distribution": gan.distribution,
        }
        write_whole(self.folder.export / INFO, (json.dumps(info, indent=2) + "\n").encode())
        self._save("done", None)
        return True

    # --- their common loop ---------------------------------------------------------------------

    def _advance(
        self, phase: str, trainer: Any, until: float, sheet: Callable[[Any, str], None] | None = None
    ) -> bool:
        """Train until finished or until the clock says so; False if somebody stopped it."""
        self._saved = self._sampled = time.monotonic()
        while not trainer.finished and self.clock.seconds() < until:
            if self.stop:
                self._save(phase, trainer)
                return False
            left = until - self.clock.seconds()
            self._record(phase, trainer.advance(max(0.1, min(self.settings.slice_seconds, left))))
            for event in _events(trainer):
                self.folder.tell(event)
            now = time.monotonic()
            if now - self._saved >= self.settings.checkpoint_seconds:
                self._save(phase, trainer)
            if sheet is not None and now - self._sampled >= self.settings.sample_seconds:
                sheet(trainer, f"{self.clock.seconds():06.0f}s")
                self._sampled = now
        if self.stop:
            self._save(phase, trainer)
            return False
        return True

    def _record(self, phase: str, figures: Mapping[str, float]) -> None:
        known = {name: float(value) for name, value in figures.items() if math.isfinite(value)}
        self.figures.update({f"{phase}.{name}": value for name, value in known.items()})
        self.folder.add_metrics(self.clock.seconds(), phase, known)
        self.status.show(self.clock.seconds(), phase, known)

    def _save(self, phase: str, trainer: Trainer | None) -> None:
        self.folder.save_checkpoint(
            {
                "phase": phase,
                "seconds": self.clock.seconds(),
                "metrics_size": self.folder.metrics_size(),
                "figures": dict(self.figures),
                "trainer": None if trainer is None else trainer.state_dict(),
            }
        )
        self._saved = time.monotonic()

    # --- sample sheets -------------------------------------------------------------------------

    def _sheet(self, trainer: GanLike, name: str) -> None:
        self._draw(f"gan-{name}", trainer.sample(self.settings.sample_levels, seed=self.seed))

    def _draw(self, name: str, tiles: Sequence[Tiles] | NDArray[np.uint8]) -> None:
        if not len(tiles):
            return
        from levelforge.level import Level
        from levelforge.render import contact_sheet

        levels = [Level(self.game, t, id=f"{i + 1}") for i, t in enumerate(tiles)]
        path = self.folder.samples / f"{name}.png"
        draft = path.with_name(f".{path.name}.part")
        contact_sheet(levels, title=f"{self.game.title}, {name}").save(draft, format="PNG")
        draft.replace(path)
        self.folder.tracker.picture(path)
