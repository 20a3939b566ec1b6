"""The worker process as the window sees it: jobs in, answers out, restarted when it dies."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from levelforge.demo_game.worker_jobs import serve

Answer = dict[str, Any]
TRIES = 2
"""How often a job is handed out before it counts as the killer of its workers."""
RESTARTS = 8
"""Deaths after which the worker is given up, so that a broken machine is not kept busy."""


class Worker:
    """A process of its own, with its own interpreter: nothing it does can hold a frame up.

    Args:
        note: told in one sentence what the player should know.
    """

    def __init__(self, note: Callable[[str], None] = lambda _text: None) -> None:
        self._note = note
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._open: dict[int, tuple[Answer, int]] = {}
        self._next = 0
        self.deaths = 0

    def submit(self, kind: str, **job: Any) -> int:
        """Hand out a job; its number comes back with the answer."""
        self._next += 1
        self._hand_out(self._next, {"kind": kind, **job}, 1)
        return self._next

    def poll(self) -> list[tuple[int, Answer]]:
        """Answers that have come in; never waits."""
        answers: list[tuple[int, Answer]] = []
        try:
            while self._pipe is not None and self._pipe.poll(0):
                number, answer = self._pipe.recv()
                if self._open.pop(number, None):
                    answers.append((number, answer))
        except (EOFError, OSError):
            answers += self._died()
        else:
            if self._process is not None and not self._process.is_alive():
                answers += self._died()
        return answers

    @property
    def busy(self) -> bool:
        """Whether jobs are open."""
        return bool(self._open)

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process ahead of the first job."""
        if self._process is None and self.deaths < RESTARTS:
            context = multiprocessing.get_context("spawn")
            self._pipe, theirs = context.Pipe()
            self._process = context.Process(target=serve, args=(theirs,), daemon=True)
            self._process.start()
            theirs.close()

    def close(self) -> None:
        """Stop the process."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.terminate()
            self._process.join(2)
        self._process = self._pipe = None
        self._open.clear()

    def _hand_out(self, number: int, job: Answer, tries: int) -> None:
        self._open[number] = job, tries
        self.start()
        try:
            if self._pipe is not None:
                self._pipe.send((number, job))
        except OSError:
            return  # it has just died; poll sees to it

    def _died(self) -> list[tuple[int, Answer]]:
        self.deaths += 1
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join(1)
        self._process = self._pipe = None
        waiting, self._open = self._open, {}
        if self.deaths >= RESTARTS:
            self._note("The level maker keeps stopping; no new levels this time")
            return [(number, {"error": "the level maker keeps stopping"}) for number in waiting]
        self._note("The level maker stopped and was started again")
        lost = []
        # jobs are done in order: the oldest is the one it died of, the others are handed out as they were
        for place, (number, (job, tries)) in enumerate(sorted(waiting.items())):
            if place == 0 and tries >= TRIES:
                lost.append((number, {"error": "the level maker stopped at this twice"}))
            else:
                self._hand_out(number, job, tries + (place == 0))
        return lost
