"""A level on show: a session, its view, its clock, and whoever plays."""

from __future__ import annotations

from collections.abc import Callable

from levelforge.demo_game.pilot import Pilot
from levelforge.demo_game.session import Event, Session
from levelforge.demo_game.view import View
from levelforge.rules import RUNNING

TICK = {"topdown": 0.11, "platformer": 0.095}
"""Seconds between turns while a key is held, or between ticks."""
FREEZE = 0.07
"""Seconds that stand still after a hit."""
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


class Stage:
    """Keeps time for one level.

    Attributes:
        alpha: how much of the last tick's movement is shown, 0 to 1.
        speed: index into :data:`SPEEDS`, for pilots.
        paused: whether ticks wait; :meth:`step_once` plays a single one.
    """

    def __init__(self, session: Session, view: View) -> None:
        self.session, self.view = session, view
        self.pilot: Pilot | None = None
        self.speed = SPEEDS.index(1.0)
        self.paused = False
        self.seconds = 0.0
        self._since = self.period
        self._frozen = 0.0
        self._single = False

    @property
    def period(self) -> float:
        """Seconds a tick takes now."""
        return TICK[self.session.game.movement] / (SPEEDS[self.speed] if self.pilot else 1.0)

    @property
    def alpha(self) -> float:
        """How much of the last movement is shown."""
        return min(1.0, self._since / self.period)

    @property
    def over(self) -> bool:
        """Whether the level is won or lost."""
        return self.session.outcome != RUNNING

    def step_once(self) -> None:
        """Play one tick though paused."""
        self._single = True

    def update(self, dt: float, choose: Callable[[], int | None]) -> list[Event]:
        """Let time pass; ``choose`` is asked for an action whenever a tick is due.

        Returns:
            What happened, in order.
        """
        self.seconds += dt
        events: list[Event] = []
        if self._frozen > 0:
            self._frozen -= dt
        elif not self.paused or self._single:
            events = self._ticks(dt, choose)
        else:
            self._since = min(self._since + dt, self.period)
        if self.pilot is not None:
            self.pilot.update()
            self.view.values = self.pilot.values if not self.over else {}
        else:
            self.view.values = {}
        self.view.update(dt, self.alpha)
        return events

    def react(self, events: list[Event]) -> None:
        """Show what happened."""
        for event in events:
            self.view.effects.react(event, self.view.art.size)
            if event.kind == "hurt" and self.pilot is None:
                self._frozen = FREEZE

    def restart(self) -> None:
        """Play the level from its start."""
        self.session.restart()
        self.view.restarted()
        self._since = self.period

    def undo(self) -> bool:
        """Take a turn back."""
        done = self.session.undo()
        if done:
            self._since = self.period
            self.view.turned()
        return done

    def _ticks(self, dt: float, choose: Callable[[], int | None]) -> list[Event]:
        events: list[Event] = []
        self._since += dt
        for _ in range(8 if self.pilot else 1):  # at eight times the speed a frame holds more than one tick
            if self._since < self.period and not self._single:
                break
            action = None if self.over else choose()
            if action is None:
                self._since = min(self._since, self.period)
                self.session.before = self.session.state
                break
            rest = self._since - self.period
            self._since = 0.0 if self._single else min(max(rest, 0.0), self.period)
            self._single = False
            happened = self.session.act(action)
            self.view.turned()
            self.react(happened)
            events += happened
        return events
