"""The compact status line of a run, and stopping it cleanly."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from types import FrameType

from levelforge.training.budget import format_seconds

SHOWN = {
    "gan": ("step", "steps_per_second", "loss_d", "loss_g", "beatable", "novelty"),
    "pool": ("levels", "raw_beatable"),
    "dqn": ("frames", "fps", "loss", "train_win_rate", "heldout_best"),
    "loop": (
        "round",
        "beatable",
        "fun",
        "dial_rank",
        "critic_difficulty_mae",
        "novelty",
        "dqn_train_win_rate",
    ),
}
"""The figures worth a place on the line, by phase; all of them are in ``metrics.csv``."""
LINE_EVERY = 15.0
"""Seconds between lines where stderr is no terminal."""


class Status:
    """One line on stderr, rewritten in place on a terminal.

    Args:
        budget: seconds of the whole run.
        quiet: say nothing.
    """

    def __init__(self, budget: float, *, quiet: bool = False) -> None:
        self.budget, self.quiet = budget, quiet
        self._terminal = sys.stderr.isatty()
        self._last = -math.inf
        self._width = 0

    def show(self, seconds: float, phase: str, figures: Mapping[str, float]) -> None:
        """Show the latest figures of a phase."""
        now = time.monotonic()
        if self.quiet or (not self._terminal and now - self._last < LINE_EVERY):
            return
        self._last = now
        shown = [
            f"{k} {figures[k]:.4g}" for k in SHOWN.get(phase, ()) if not math.isnan(figures.get(k, math.nan))
        ]
        line = f"{format_seconds(seconds):>7} / {format_seconds(self.budget)}  {phase:<4} {'  '.join(shown)}"
        end = "" if self._terminal else "\n"
        print(f"\r{line:<{self._width}}" if self._terminal else line, end=end, file=sys.stderr, flush=True)
        self._width = len(line) if self._terminal else 0

    def say(self, message: str) -> None:
        """Say something that stays."""
        if not self.quiet:
            print(f"\r{message:<{self._width}}" if self._width else message, file=sys.stderr, flush=True)
            self._width = 0

    def close(self) -> None:
        """Leave the line."""
        if self._width and not self.quiet:
            print(file=sys.stderr)


class Stop:
    """Whether somebody asked the run to stop."""

    def __init__(self) -> None:
        self.asked = False

    def __bool__(self) -> bool:
        return self.asked


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Turn the first Ctrl-C (or SIGTERM) into a wish; a second Ctrl-C breaks off at once."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.asked = True
        print("\nstopping after this step; a checkpoint is being written …", file=sys.stderr, flush=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
