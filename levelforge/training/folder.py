"""The run folder: what a training run leaves on disk, written so that ``kill -9`` at any moment harms nothing.

::

    config.json          what was asked for, the seed, hashes and the command; decides whether a resume is the same run
    metrics.csv          seconds, phase, metric, value: one figure a row, appended
    log.txt              what happened, with times
    checkpoint.pt        everything needed to go on; checkpoint.previous.pt is the one before
    samples/*.png        sheets of generated levels, as training goes
    export/              generator.onnx, playtester.onnx, pool.npz
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from levelforge.errors import LevelForgeError
from levelforge.training.corpus_check import what_changed
from levelforge.training.tracking import NoTracker, Tracker

CONFIG, METRICS, LOG = "config.json", "metrics.csv", "log.txt"
CHECKPOINT, PREVIOUS = "checkpoint.pt", "checkpoint.previous.pt"
COLUMNS = ("seconds", "phase", "metric", "value")
DIGESTS = "corpus_digests"
FREE_TO_CHANGE = (
    "budget",
    "command",
    "game_path",
    "hardware",
    "levels",
    "levelforge",
    "started",
    "track",
    DIGESTS,
)
"""Keys of ``config.json`` that a resume may change: they do not decide what is learned from what."""


class RunFolder:
    """One run on disk.

    Args:
        path: the folder; made by :meth:`create`.

    Attributes:
        tracker: told what is written here, see :mod:`levelforge.training.tracking`.
        say: told what :meth:`tell` writes; nobody at first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.export = path / "export"
        self.samples = path / "samples"
        self.tracker: Tracker = NoTracker()
        self.say: Callable[[str], None] = lambda _message: None

    # --- beginning and going on ----------------------------------------------------------------

    def create(self, config: Mapping[str, Any]) -> None:
        """Make the folder with its ``config.json``.

        Raises:
            LevelForgeError: a run is there already, or the folder cannot be written.
        """
        if (self.path / CONFIG).exists():
            raise LevelForgeError(
                f"{self.path}: holds a run already; go on with --resume {self.path}, or choose another --out"
            )
        try:
            if self.path.exists() and any(self.path.iterdir()):
                raise LevelForgeError(f"{self.path}: is not empty and not a run; choose another --out")
            self.export.mkdir(parents=True)
            self.samples.mkdir()
            write_whole(self.path / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
        except OSError as error:
            raise LevelForgeError(f"{self.path}: cannot be written: {error.strerror}") from None

    def config(self) -> dict[str, Any]:
        """The run's ``config.json``.

        Raises:
            LevelForgeError: the folder is no run.
        """
        try:
            found = json.loads((self.path / CONFIG).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise LevelForgeError(f"{self.path}: is not a training run (no readable {CONFIG})") from None
        if not isinstance(found, dict):
            raise LevelForgeError(f"{self.path / CONFIG}: must be a JSON object")
        return found

    def check_same(self, config: Mapping[str, Any]) -> None:
        """Refuse to go on with another configuration, corpus or game than the run began with.

        Raises:
            LevelForgeError: names the first difference, old value and new.
        """
        difference = first_difference(self.config(), json.loads(json.dumps(config)), skip=FREE_TO_CHANGE)
        if difference is not None:
            key, old, new = difference
            levels = [c.get(DIGESTS) or {} for c in (self.config(), config)]
            said = what_changed(*levels) if key == "corpus_hash" else ""
            raise LevelForgeError(
                f"{self.path}: cannot resume, because {key} changed: the run has {old}, now it is {new}"
                f"{f' (levels {said})' if said else ''}; "
                "put it back, or start a new run with another --out"
            )

    def update_config(self, config: Mapping[str, Any]) -> None:
        """Write ``config.json`` anew, after :meth:`check_same`."""
        write_whole(self.path / CONFIG, (json.dumps(config, indent=2) + "\n").encode())

    # --- checkpoints ------------------------------------------------------------------------------

    def save_checkpoint(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint; until it is whole on disk the one before stays in force.

        Raises:
            LevelForgeError: it cannot be written (a full disk, say); the one before stays.
        """
        latest, draft = self.path / CHECKPOINT, self.path / f".{CHECKPOINT}.part"
        with self._writing(latest, draft):
            with draft.open("wb") as file:
                file.write(_serialised(state))
                file.flush()
                os.fsync(file.fileno())
            self._replace_checkpoint(latest, draft)

    def save_state(self, path: Path, state: Mapping[str, Any]) -> None:
        """Write networks that a later phase goes on with; never seen half-written.

        Raises:
            LevelForgeError: it cannot be written (a full disk, say).
        """
        with self._writing(path, path.with_name(f".{path.name}.part")):
            write_whole(path, _serialised(state))

    def _replace_checkpoint(self, latest: Path, draft: Path) -> None:
        if latest.exists():
            # A link first: at no moment is there a folder without a good checkpoint under one of the names.
            spare = self.path / f".{PREVIOUS}.part"
            spare.unlink(missing_ok=True)
            try:
                os.link(latest, spare)
            except OSError:  # a file system without hard links
                spare.write_bytes(latest.read_bytes())
            os.replace(spare, self.path / PREVIOUS)
        os.replace(draft, latest)

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The newest checkpoint that can be read, or None when the run has not come to its first.

        Raises:
            LevelForgeError: checkpoints are there, but none can be read.
        """
        found = self._checkpoints()
        for path in found:
            try:
                state = torch.load(path, map_location="cpu", weights_only=True)
            except Exception as error:  # noqa: BLE001 - torch raises many unrelated types for a damaged file
                self.tell(f"{path.name} cannot be read ({type(error).__name__}); trying the one before")
                continue
            if isinstance(state, dict):
                return state
        if found:
            raise LevelForgeError(
                f"{self.path}: no checkpoint can be read; start a new run with another --out"
            )
        return None

    def _checkpoints(self) -> list[Path]:
        """Those that are there, the newest first."""
        return [path for name in (CHECKPOINT, PREVIOUS) if (path := self.path / name).exists()]

    # --- metrics and log ----------------------------------------------------------------------------

    def add_metrics(self, seconds: float, phase: str, metrics: Mapping[str, float]) -> None:
        """Append one row a metric."""
        path = self.path / METRICS
        fresh = not path.exists()
        with self._writing(path), path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(COLUMNS)
            writer.writerows(
                (f"{seconds:.1f}", phase, name, f"{value:.6g}") for name, value in metrics.items()
            )
        self.tracker.metrics(seconds, phase, metrics)

    def metrics_size(self) -> int:
        """Bytes of ``metrics.csv``; a checkpoint keeps it, so that a resume can drop what came after."""
        path = self.path / METRICS
        return path.stat().st_size if path.exists() else 0

    def cut_metrics(self, size: int) -> None:
        """Drop the rows written after a checkpoint: they will be written again."""
        if self.metrics_size() > size:
            os.truncate(self.path / METRICS, size)

    def read_metrics(self) -> list[tuple[float, str, str, float]]:
        """All rows of ``metrics.csv``: seconds, phase, metric, value."""
        path = self.path / METRICS
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))[1:]
        return [(float(r[0]), r[1], r[2], float(r[3])) for r in rows if len(r) == len(COLUMNS)]

    def log(self, message: str) -> None:
        """Append one line to ``log.txt``."""
        path = self.path / LOG
        with self._writing(path), path.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {message}\n")

    def tell(self, message: str) -> None:
        """Append one line to ``log.txt`` and say it to whoever watches (:attr:`say`)."""
        self.log(message)
        self.say(message)

    @contextlib.contextmanager
    def _writing(self, path: Path, *drafts: Path) -> Iterator[None]:
        """Turn what the disk refuses into one line; what was half-written is taken away."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError):
                for draft in drafts:
                    draft.unlink(missing_ok=True)
            kept = (
                "the last good checkpoint stays: mend it and go on"
                if self._checkpoints()
                else "there is no checkpoint yet: mend it and begin again"
            )
            raise LevelForgeError(
                f"{path}: cannot be written: {error.strerror}; {kept} with levelforge train --resume {self.path}"
            ) from None


def _serialised(state: Mapping[str, Any]) -> memoryview:
    """What torch would write, whole in memory: it hides why a file could not be written."""
    content = io.BytesIO()
    torch.save(dict(state), content)
    return content.getbuffer()


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that it is never seen half-written."""
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(content)
    os.replace(draft, path)


def first_difference(
    old: Mapping[str, Any], new: Mapping[str, Any], skip: tuple[str, ...] = (), prefix: str = ""
) -> tuple[str, str, str] | None:
    """The first key (dotted) at which two configurations differ, with both values as text."""
    for key in [*old, *(k for k in new if k not in old)]:
        if key in skip:
            continue
        one, two, name = old.get(key), new.get(key), f"{prefix}{key}"
        if isinstance(one, dict) and isinstance(two, dict):
            inner = first_difference(one, two, prefix=f"{name}.")
            if inner is not None:
                return inner
        elif one != two:
            return name, _short(one), _short(two)
    return None


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 24 else f"{text[:20]}…{text[-1]}"
