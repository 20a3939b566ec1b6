"""Who plays in the player's place: the certificate, or the playtester's network."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

from levelforge.demo_game.session import Session
from levelforge.demo_game.supply import Supply
from levelforge.playtest import PERSONAS
from levelforge.playtest.difficulty import SKILLS


class Pilot(Protocol):
    """Something that plays."""

    @property
    def title(self) -> str:
        """What plays."""

    @property
    def values(self) -> Mapping[str, float]:
        """What it makes of each action."""

    def update(self) -> None:
        """Called once a frame."""

    def choose(self) -> int | None:
        """The next action, or None to think on."""


class CertificatePilot:
    """Plays a solution from the level's start."""

    def __init__(self, session: Session, solution: Sequence[int]) -> None:
        self._session, self._solution = session, solution
        self.title = f"the certificate, {len(solution)} steps"
        self.values: Mapping[str, float] = {}

    def update(self) -> None:
        """Nothing to think about."""

    def choose(self) -> int | None:
        """The next step of the solution."""
        done = len(self._session.actions)
        return self._solution[done] if done < len(self._solution) else None


class DqnPilot:
    """Plays as the playtester does; the worker does the thinking.

    Args:
        session: what is played.
        supply: whose worker thinks.
        game: the game's name, as in tickets.

    Attributes:
        skill: index into the skill ladder; persona: index into the personas.
        problem: why it cannot play, or nothing.
    """

    def __init__(self, session: Session, supply: Supply, game: str, skill: int = 0, persona: int = 0) -> None:
        self._session, self._supply, self._game = session, supply, game
        self.skill, self.persona, self.problem = skill, persona, ""
        self.values: Mapping[str, float] = {}
        self._dice = random.Random(11)
        self._choice = 0
        self._pending: tuple[int, int, int] | None = None  # job, actions played, persona
        self._known: tuple[int, int] | None = None

    @property
    def title(self) -> str:
        """What plays, and how well."""
        noise = SKILLS[self.skill]
        return f"the DQN playtester, {PERSONAS[self.persona]}, {noise:.0%} of its moves at random"

    def update(self) -> None:
        """Take in an answer, or ask."""
        now = len(self._session.actions), self.persona
        if self._pending is not None:
            answer = self._supply.answer(self._pending[0])
            if answer is None:
                return
            asked, self._pending = self._pending[1:], None
            if "error" in answer:
                self.problem = str(answer["error"])
            elif asked == now:
                names = [action.name for action in self._session.game.actions]
                self.values = dict(zip(names, answer["q"], strict=True))
                self._choice, self._known = int(answer["action"]), now
        if self._known != now and not self.problem:
            job = self._supply.submit(
                "think",
                game=self._game,
                tiles=self._session.level.tiles,
                actions=list(self._session.actions),
                persona=[float(i == self.persona) for i in range(len(PERSONAS))],
            )
            self._pending = job, *now

    def choose(self) -> int | None:
        """The action it decided on, or, so often as the skill says, another."""
        if self._known != (len(self._session.actions), self.persona) or not self.values:
            return None
        if self._dice.random() < SKILLS[self.skill]:
            return self._dice.choice([a for a in range(len(self.values)) if a != self._choice])
        return self._choice
