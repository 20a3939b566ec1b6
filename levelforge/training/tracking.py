"""Telling a run's parameters, metrics, pictures and pack to an experiment tracker, beside the CSV that is always written.

The run folder stays the truth: a tracker that fails in mid-run is left alone (a line in ``log.txt`` says so) and
training goes on.
"""

from __future__ import annotations

import importlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from levelforge.errors import LevelForgeError, MissingExtraError, did_you_mean

EXPERIMENT = "levelforge"
MLFLOW_FILE = "mlflow.json"
"""In the run folder: which MLflow run it is, so that a resume goes on with it."""
BATCH = 100
"""Parameters MLflow takes at once."""
LONGEST = 500
"""Characters of a parameter's value; older servers take no more."""


class Tracker(Protocol):
    """Where a run tells what happens."""

    def parameters(self, config: Mapping[str, Any]) -> None:
        """The run's configuration, nested; told once, and again at a resume."""

    def metrics(self, seconds: float, phase: str, figures: Mapping[str, float]) -> None:
        """Figures of a phase at a time of the run."""

    def picture(self, path: Path) -> None:
        """A sheet of samples that was just drawn."""

    def pack(self, run: Path) -> None:
        """The run is done: make its pack and tell it."""

    def end(self, state: str) -> None:
        """The run is ``FINISHED``, ``KILLED`` (stopped, to be resumed) or ``FAILED``."""


class NoTracker:
    """Tells nobody."""

    def parameters(self, config: Mapping[str, Any]) -> None:
        """Nothing."""

    def metrics(self, seconds: float, phase: str, figures: Mapping[str, float]) -> None:
        """Nothing."""

    def picture(self, path: Path) -> None:
        """Nothing."""

    def pack(self, run: Path) -> None:
        """Nothing."""

    def end(self, state: str) -> None:
        """Nothing."""


class MlflowTracker:
    """Tells MLflow: the server of ``MLFLOW_TRACKING_URI``, else MLflow's local store in the current folder.

    Args:
        run: the run folder.
        name: of the MLflow run.

    Raises:
        MissingExtraError: MLflow is not installed.
        LevelForgeError: its store cannot be opened.
    """

    def __init__(self, run: Path, name: str) -> None:
        # a designer's run is nobody else's business
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        try:
            mlflow = importlib.import_module("mlflow")
            self._entities = importlib.import_module("mlflow.entities")
        except ImportError:
            raise MissingExtraError("tracking with MLflow", "mlflow") from None
        self.kept = run / MLFLOW_FILE
        try:
            self.client = mlflow.MlflowClient()
            self.run_id = self._resumed() or self._begun(name)
        except Exception as error:
            where = os.environ.get("MLFLOW_TRACKING_URI") or "its local store"
            raise LevelForgeError(
                f"MLflow cannot use {where}: {_first_line(error)}; mend MLFLOW_TRACKING_URI, or train without --track"
            ) from error

    def _resumed(self) -> str | None:
        if not self.kept.exists():
            return None
        run_id = str(json.loads(self.kept.read_text(encoding="utf-8"))["run_id"])
        self.client.update_run(run_id, status="RUNNING")
        return run_id

    def _begun(self, name: str) -> str:
        title = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = self.client.get_experiment_by_name(title)
        experiment = self.client.create_experiment(title) if found is None else found.experiment_id
        return str(self.client.create_run(experiment, run_name=name).info.run_id)

    def parameters(self, config: Mapping[str, Any]) -> None:
        """As parameters; what a resume may change (the budget, say) as tags, since parameters are for ever."""
        from levelforge.training.folder import DIGESTS, FREE_TO_CHANGE, write_whole

        write_whole(self.kept, (json.dumps({"run_id": self.run_id}) + "\n").encode())
        for key in FREE_TO_CHANGE:
            if key in config and key != DIGESTS:  # one a level: the corpus' hash says enough
                self.client.set_tag(self.run_id, f"levelforge.{key}", str(config[key]))
        flat = _flat({k: v for k, v in config.items() if k not in FREE_TO_CHANGE})
        known = self.client.get_run(self.run_id).data.params
        new = iter([(k, v[:LONGEST]) for k, v in flat.items() if k not in known])
        while part := list(islice(new, BATCH)):
            self.client.log_batch(self.run_id, params=[self._entities.Param(k, v) for k, v in part])

    def metrics(self, seconds: float, phase: str, figures: Mapping[str, float]) -> None:
        """As ``phase.name``, with the run's whole seconds as the step."""
        now, step = int(time.time() * 1000), int(seconds)
        rows = [self._entities.Metric(f"{phase}.{k}", float(v), now, step) for k, v in figures.items()]
        for first in range(0, len(rows), BATCH):
            self.client.log_batch(self.run_id, metrics=rows[first : first + BATCH])

    def picture(self, path: Path) -> None:
        """Under ``samples``."""
        self.client.log_artifact(self.run_id, str(path), "samples")

    def pack(self, run: Path) -> None:
        """Under ``pack``."""
        from levelforge.training.packing import pack_run

        with tempfile.TemporaryDirectory() as folder:
            made = pack_run(run, Path(folder) / "pack")
            self.client.log_artifacts(self.run_id, str(made.folder), "pack")

    def end(self, state: str) -> None:
        """Close the run; a resume opens it again."""
        self.client.set_terminated(self.run_id, state)


class Careful:
    """A tracker that must not harm the run: after its first failure nothing more is told.

    Args:
        tracker: the tracker.
        log: told what failed.
    """

    def __init__(self, tracker: Tracker, log: Callable[[str], None]) -> None:
        self.tracker, self.log = tracker, log
        self._failed = False

    def parameters(self, config: Mapping[str, Any]) -> None:
        """See :class:`Tracker`."""
        self._try(lambda: self.tracker.parameters(config))

    def metrics(self, seconds: float, phase: str, figures: Mapping[str, float]) -> None:
        """See :class:`Tracker`."""
        self._try(lambda: self.tracker.metrics(seconds, phase, figures))

    def picture(self, path: Path) -> None:
        """See :class:`Tracker`."""
        self._try(lambda: self.tracker.picture(path))

    def pack(self, run: Path) -> None:
        """See :class:`Tracker`."""
        self._try(lambda: self.tracker.pack(run))

    def end(self, state: str) -> None:
        """See :class:`Tracker`."""
        self._try(lambda: self.tracker.end(state))

    def _try(self, tell: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            tell()
        except Exception as error:  # noqa: BLE001 - servers fail in every way there is
            self._failed = True
            self.log(f"tracking stopped, training goes on: {_first_line(error)}")


TRACKERS: Mapping[str, Callable[[Path, str], Tracker]] = {"mlflow": MlflowTracker}


def open_tracker(kind: str | None, run: Path, name: str, log: Callable[[str], None]) -> Tracker:
    """A tracker by name; None tells nobody.

    Args:
        kind: a key of ``TRACKERS``, or None.
        run: the run folder; need not be there yet.
        name: of the run in the tracker.
        log: told if the tracker fails later on.

    Raises:
        LevelForgeError: an unknown name, a missing extra, or a store that cannot be opened.
    """
    if kind is None:
        return NoTracker()
    if kind not in TRACKERS:
        raise LevelForgeError(f"unknown tracker {kind!r}{did_you_mean(kind, TRACKERS)}")
    return Careful(TRACKERS[kind](run, name), log)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    return dict(_items(config, prefix))


def _items(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _items(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
