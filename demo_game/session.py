"""One level being played: state in, action in, state out; the rules are those of ``levelforge.rules``."""

from __future__ import annotations

import numpy as np

from levelforge.game import Role, Tiles
from levelforge.level import Level
from levelforge.rules import LOST, RUNNING, TRAIL, WON, compile_levels, step

TAKEN = (Role.KEY, Role.DOOR, Role.HEAL)


class Session:
    """A level and a player in it.

    Args:
        level: a level with one start.

    Attributes:
        outcome: ``RUNNING``, ``WON`` or ``LOST`` of :mod:`levelforge.rules`.
        hp, keys, collected, ticks: of the player so far.
    """

    def __init__(self, level: Level) -> None:
        self.level, self.game = level, level.game
        self._batch = compile_levels(level.tiles[None], level.game)
        self._trail = np.zeros(TRAIL, np.int32)
        self._enemies = np.isin(self.game.roles[level.tiles], (Role.ENEMY_H, Role.ENEMY_V, Role.START))
        self.restart()

    def restart(self) -> None:
        """Begin again."""
        self.y, self.x = divmod(int(self._batch.start[0]), self._batch.width)
        self._jump, self._taken = 0, 0
        self.hp, self.keys, self.collected, self.ticks = self.game.rules.hit_points, 0, 0, 0
        self.outcome = RUNNING
        self._picked = np.zeros(self.level.tiles.size, bool)

    def act(self, action: int) -> None:
        """Play one turn or tick of an integer action code; nothing happens once the level is over."""
        if self.outcome != RUNNING:
            return
        b = self._batch
        self.y, self.x, self._jump, self.hp, self.keys, self._taken, self.outcome, entered = step(
            b.params, b.height, b.width, b.role[0], b.item[0], b.patrol[0], b.n_patrol[0], b.start[0],
            self.y, self.x, self._jump, self.hp, self.keys, self._taken, self.ticks, action, self._trail,
        )  # fmt: skip
        for cell in self._trail[:entered]:
            if b.role[0, cell] == Role.COLLECTIBLE and not self._picked[cell]:
                self._picked[cell] = True
                self.collected += 1
        self.ticks += 1
        if self.ticks >= b.time_limit and self.outcome == RUNNING:
            self.outcome = LOST

    @property
    def won(self) -> bool:
        """Whether the goal was reached."""
        return bool(self.outcome == WON)

    def picture(self) -> Tiles:
        """The level as it is now, ``uint8[H, W]``: player on the start's tile, enemies where they walk."""
        b, empty = self._batch, self.game.empty.id
        now = self.level.tiles.copy()
        now[self._enemies] = empty
        flat = now.ravel()
        flat[self._picked] = empty
        for cell in np.flatnonzero(b.item[0] >= 0):
            if int(self._taken) >> int(b.item[0, cell]) & 1:
                flat[cell] = empty
        for beat in b.patrol[0, : b.n_patrol[0]]:
            flat[beat[self.ticks % len(beat)]] = self.level.tiles.ravel()[beat[0]]
        if 0 <= self.y < self.level.height:
            now[self.y, self.x] = self.game.of_role(Role.START)[0].id
        return now
