"""Levels asked for ahead of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from levelforge.demo_game.worker import Worker
from levelforge.game import Game
from levelforge.level import Level


class Ticket(NamedTuple):
    """What is asked for: ``game`` is a name or the path of a ``game.toml``."""

    game: str
    seed: int
    difficulty: float | None


@dataclass(frozen=True, eq=False)
class Made:
    """A level to play and what is known of it.

    Attributes:
        level: with its solution, and its difficulty where it was measured.
        asked: the difficulty asked for.
        source: ``pack``, ``corpus`` or ``file``.
        note: what the player should know.
        maps: ``visits``, ``near``: ``[H, W]``; ``deaths`` ``int[D, 2]`` (y, x); of the playtest.
    """

    level: Level
    asked: float | None = None
    source: str = "file"
    note: str = ""
    maps: Mapping[str, Any] | None = None

    @property
    def solution_missing(self) -> bool:
        """Whether it is yet to be seen if the level can be won."""
        return self.level.solution is None


def made_from(answer: Mapping[str, Any], game: Game, asked: float | None) -> Made:
    """A worker's answer as a level."""
    solution = answer["solution"]
    level = Level(
        game,
        answer["tiles"],
        id=str(answer.get("name") or f"{game.name}-{answer['seed']}"),
        seed=answer["seed"],
        solution=None if solution is None else tuple(int(a) for a in solution),
        difficulty=answer["difficulty"],
        edits=answer.get("edits"),
    )
    maps = {key: answer[key] for key in ("visits", "near", "deaths") if key in answer}
    return Made(level, asked, answer["source"], answer["note"], maps or None)


class Supply:
    """Asks a worker for levels and keeps those that were not fetched yet.

    Args:
        worker: who makes them.
        games: loaded games by the name used in tickets.
        pack: a pack folder instead of the game's own.
    """

    KEEP = 12

    def __init__(self, worker: Worker, games: Mapping[str, Game], pack: str | None = None) -> None:
        self._worker, self._games, self.pack = worker, games, pack
        self._asked: dict[int, Ticket] = {}
        self._ready: dict[Ticket, Made | str] = {}
        self._jobs: dict[int, Mapping[str, Any]] = {}

    def ask(self, ticket: Ticket, *, quick: bool = False) -> None:
        """Have a level made, unless it is at hand or in the making; a quick one is the first there is, unmeasured."""
        if ticket not in self._ready and ticket not in self._asked.values():
            number = self._worker.submit("level", pack=self.pack, quick=quick, **ticket._asdict())
            self._asked[number] = ticket

    def get(self, ticket: Ticket) -> Made | str | None:
        """The level, what went wrong with it, or None while it is in the making."""
        return self._ready.get(ticket)

    def submit(self, kind: str, **job: Any) -> int:
        """Another job of the worker's."""
        return self._worker.submit(kind, pack=self.pack, **job)

    def answer(self, number: int) -> Mapping[str, Any] | None:
        """The answer to such a job, once."""
        return self._jobs.pop(number, None)

    def update(self) -> None:
        """Take in what the worker has finished."""
        for number, answer in self._worker.poll():
            ticket = self._asked.pop(number, None)
            if ticket is None:
                self._jobs[number] = answer
                while len(self._jobs) > self.KEEP:
                    del self._jobs[next(iter(self._jobs))]
            elif "error" in answer:
                self._ready[ticket] = str(answer["error"])
            else:
                self._ready[ticket] = made_from(answer, self._games[ticket.game], ticket.difficulty)
        while len(self._ready) > self.KEEP:
            del self._ready[next(iter(self._ready))]
