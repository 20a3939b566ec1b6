"""One level being played: state in, action in, state and events out; the rules are those of ``levelforge.rules``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from levelforge.game import Role, Tiles
from levelforge.level import Level, faults
from levelforge.rules import LOST, RUNNING, TRAIL, WON, compile_levels, step

TAKEN = (Role.KEY, Role.DOOR, Role.HEAL)
NAMES = {Role.KEY: "key", Role.DOOR: "door", Role.HEAL: "heal"}


class Event(NamedTuple):
    """Something to be seen and heard: ``kind`` at cell (y, x).

    Kinds: move, bump, jump, land, key, door, heal, treasure, hurt, won, lost.
    """

    kind: str
    y: int
    x: int


class State(NamedTuple):
    """Everything that changes while a level is played; :meth:`Session.act` goes from one to the next.

    Attributes:
        y, x, jump, hp, keys, taken: as in :func:`levelforge.rules.step`.
        ticks: turns or ticks so far.
        outcome: ``RUNNING``, ``WON`` or ``LOST``.
        picked: flat cells of the collectibles taken.
    """

    y: int
    x: int
    jump: int
    hp: int
    keys: int
    taken: int
    ticks: int
    outcome: int
    picked: frozenset[int]


class Session:
    """A level and a player in it.

    Args:
        level: a level with one start.

    Attributes:
        state: now; ``before``: one turn or tick earlier, for pictures in between.
        actions: all action codes played so far.
    """

    def __init__(self, level: Level) -> None:
        self.level, self.game = level, level.game
        self.batch = compile_levels(level.tiles[None], level.game)
        self._trail = np.zeros(TRAIL, np.int32)
        self._enemies = np.isin(self.game.roles[level.tiles], (Role.ENEMY_H, Role.ENEMY_V, Role.START))
        self.treasures = int((self.game.roles[level.tiles] == Role.COLLECTIBLE).sum())
        self.restart()

    def restart(self) -> None:
        """Begin again."""
        y, x = divmod(int(self.batch.start[0]), self.batch.width)
        self.state = self.before = State(y, x, 0, self.game.rules.hit_points, 0, 0, 0, RUNNING, frozenset())
        self.actions: list[int] = []
        self._past: list[State] = []

    def act(self, action: int) -> list[Event]:
        """Play one turn or tick of an integer action code; nothing happens once the level is over."""
        s, b = self.state, self.batch
        if s.outcome != RUNNING:
            return []
        y, x, jump, hp, keys, taken, outcome, entered = (
            int(value)
            for value in step(
                b.params, b.height, b.width, b.role[0], b.item[0], b.patrol[0], b.n_patrol[0], b.start[0],
                s.y, s.x, s.jump, s.hp, s.keys, s.taken, s.ticks, action, self._trail,
            )
        )  # fmt: skip
        ticks = s.ticks + 1
        if ticks >= b.time_limit and outcome == RUNNING:
            outcome = LOST
        cells = [int(cell) for cell in self._trail[:entered]]
        treasure = {cell for cell in cells if b.role[0, cell] == Role.COLLECTIBLE} - s.picked
        after = State(y, x, jump, hp, keys, taken, ticks, outcome, s.picked | treasure)
        self._past.append(s)
        self.actions.append(action)
        self.before, self.state = s, after
        return self._events(s, after, action)

    def undo(self) -> bool:
        """Take the last turn back; False where there is none."""
        if not self._past:
            return False
        self.state = self._past.pop()
        self.before = self.state
        self.actions.pop()
        return True

    def _events(self, old: State, new: State, action: int) -> list[Event]:
        found: list[Event] = []
        width = self.batch.width
        taken = new.taken & ~old.taken
        for cell in np.flatnonzero(self.batch.item[0] >= 0).tolist() if taken else ():
            if taken >> int(self.batch.item[0, cell]) & 1:
                kind = NAMES[Role(int(self.batch.role[0, cell]))]
                found.append(Event(kind, cell // width, cell % width))
        found += [Event("treasure", *divmod(cell, width)) for cell in new.picked - old.picked]
        if new.hp < old.hp:
            found.append(Event("hurt", new.y, new.x))
        moved = (old.y, old.x) != (new.y, new.x)
        if self.game.movement == "topdown":
            if moved:
                found.append(Event("move", new.y, new.x))
            elif self.game.actions[action].name != "wait":
                found.append(Event("bump", new.y, new.x))
        elif new.jump > 0 and old.jump == 0 and new.y < old.y:
            found.append(Event("jump", new.y, new.x))
        elif old.jump > 0 and new.jump == 0:
            found.append(Event("land", new.y, new.x))
        if new.outcome != RUNNING:
            found.append(Event("won" if new.outcome == WON else "lost", new.y, new.x))
        return found

    # --- looking -------------------------------------------------------------------------------

    @property
    def y(self) -> int:
        """Row of the player."""
        return self.state.y

    @property
    def x(self) -> int:
        """Column of the player."""
        return self.state.x

    @property
    def hp(self) -> int:
        """Hit points left."""
        return self.state.hp

    @property
    def keys(self) -> int:
        """Keys in hand."""
        return self.state.keys

    @property
    def collected(self) -> int:
        """Collectibles taken."""
        return len(self.state.picked)

    @property
    def ticks(self) -> int:
        """Turns or ticks so far."""
        return self.state.ticks

    @property
    def outcome(self) -> int:
        """``RUNNING``, ``WON`` or ``LOST``."""
        return self.state.outcome

    @property
    def won(self) -> bool:
        """Whether the goal was reached."""
        return bool(self.state.outcome == WON)

    @property
    def out_of_time(self) -> bool:
        """Whether the clock, and nothing else, ended it."""
        return self.outcome == LOST and self.hp > 0 and self.ticks >= self.batch.time_limit

    def there(self, cell: int) -> bool:
        """Whether the item, door or collectible of a flat cell is still there."""
        item = int(self.batch.item[0, cell])
        if item >= 0:
            return not self.state.taken >> item & 1
        return cell not in self.state.picked

    def patrols(self, ticks: int) -> list[int]:
        """Flat cell of each patrol at a time, in the order of their homes."""
        beats = self.batch.patrol[0, : self.batch.n_patrol[0]]
        return [int(cell) for cell in beats[:, ticks % beats.shape[1]]] if len(beats) else []

    def picture(self) -> Tiles:
        """The level as it is now, ``uint8[H, W]``: player on the start's tile, enemies where they walk."""
        b, empty = self.batch, self.game.empty.id
        now = self.level.tiles.copy()
        now[self._enemies] = empty
        flat = now.ravel()
        for cell in np.flatnonzero((b.item[0] >= 0) | (b.role[0] == Role.COLLECTIBLE)).tolist():
            if not self.there(cell):
                flat[cell] = empty
        for home, cell in zip(self.patrols(0), self.patrols(self.ticks), strict=True):
            flat[cell] = self.level.tiles.ravel()[home]
        if 0 <= self.y < self.level.height:
            now[self.y, self.x] = self.game.of_role(Role.START)[0].id
        return now


def proven(level: Level) -> bool:
    """Whether the level's solution wins; False where it has none."""
    if not level.solution or faults(level, limits=False):
        return False
    if not all(0 <= action < len(level.game.actions) for action in level.solution):
        return False
    session = Session(level)
    for action in level.solution:
        session.act(action)
    return session.won


def path_of(level: Level, actions: tuple[int, ...]) -> list[tuple[int, int]]:
    """Cells (y, x) of a run, from its start."""
    session = Session(level)
    cells = [(session.y, session.x)]
    for action in actions:
        session.act(action)
        cells.append((session.y, session.x))
    return cells
