"""The rules of movement once more, slow and obvious: dictionaries, sets and one rule a line.

Written from the rules as documented, not from the kernel, to compare the kernel with. Positions are (y, x),
row 0 on top.
"""

from dataclasses import dataclass, field

from levelforge.game import Role

TOPDOWN_MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)]
PLATFORMER_MOVES = [(False, 0), (False, -1), (False, 1), (True, 0), (True, -1), (True, 1)]


@dataclass
class World:
    """One player on one level."""

    game: object
    tiles: object
    hp: int = 0
    keys: int = 0
    jump: int = 0
    t: int = 0
    outcome: str = "running"
    gone: set = field(default_factory=set)  # cells of keys, doors and heals used up
    entered: list = field(default_factory=list)  # cells entered in the last step

    def __post_init__(self) -> None:
        self.height, self.width = self.tiles.shape
        self.cells = [(y, x) for y in range(self.height) for x in range(self.width)]
        self.role_at = {c: Role(int(self.game.roles[self.tiles[c]])) for c in self.cells}
        self.start = next(c for c in self.cells if self.role_at[c] is Role.START)
        self.place = self.start
        self.hp = self.game.rules.hit_points
        enemies = [c for c in self.cells if self.role_at[c] in (Role.ENEMY_H, Role.ENEMY_V)]
        self.beats = [self.beat(home) for home in enemies]

    # --- the map ------------------------------------------------------------------------------

    def role(self, cell):
        """The role of a cell now; beyond the map, solid but for the pit below a platformer level."""
        if cell in self.gone:
            return Role.EMPTY
        if cell in self.role_at:
            return self.role_at[cell]
        below = self.game.movement == "platformer" and cell[0] >= self.height
        return Role.EMPTY if below else Role.SOLID

    def blocks(self, cell):
        return self.role(cell) in (Role.SOLID, Role.DOOR)

    def carries(self, cell):
        """Whether a body in this cell stands on what is below."""
        below = (cell[0] + 1, cell[1])
        if self.role(below) is Role.LADDER:
            return self.role(cell) is not Role.LADDER
        return self.blocks(below) or self.role(below) is Role.ONE_WAY

    # --- patrols ------------------------------------------------------------------------------

    def beat(self, home):
        """The cells of one patrol's beat in the order of a period, starting at its home."""
        axis = (0, 1) if self.role_at[home] is Role.ENEMY_H else (1, 0)
        walks = axis == (0, 1) and self.game.movement == "platformer"

        def grounded(cell):
            below = self.role_at.get((cell[0] + 1, cell[1]))
            return below in (Role.SOLID, Role.ONE_WAY, Role.LADDER)

        def free(cell):
            floor = self.role_at.get(cell) in (Role.EMPTY, Role.START, Role.ENEMY_H, Role.ENEMY_V)
            return floor and (not walks or grounded(cell))

        def away(steps):
            return (home[0] + steps * axis[0], home[1] + steps * axis[1])

        before = after = 0
        if not walks or grounded(home):
            while free(away(before - 1)):
                before -= 1
            while free(away(after + 1)):
                after += 1
        half = self.game.rules.patrol_cycle // 2
        length = max(n for n in range(1, half + 1) if half % n == 0 and n <= after - before + 1)
        first = max(before, min(-(length // 2), after - length + 1))
        there = [away(first + k) for k in range(length)]
        round_trip = there + there[::-1]
        at_home = -first
        return round_trip[at_home:] + round_trip[:at_home]

    def patrols(self, t):
        return [beat[t % len(beat)] for beat in self.beats]

    # --- a step -------------------------------------------------------------------------------

    def step(self, action):
        """One turn or tick."""
        before, t = self.place, self.t
        self.t += 1
        self.entered = []
        move = self.move_topdown if self.game.movement == "topdown" else self.move_platformer
        move(action)
        if self.outcome != "running":
            return
        for was, now in zip(self.patrols(t), self.patrols(t + 1), strict=True):
            swapped = now == before and was == self.place and before != self.place
            if now == self.place or swapped:
                self.hurt(self.game.rules.enemy)
        if self.hp <= 0:
            self.outcome = "lost"

    def hurt(self, how):
        self.hp = 0 if how == "kill" else self.hp - 1

    def enter(self, cell):
        """Take what lies there and suffer what stands there; the outcome may be decided."""
        self.place = cell
        self.entered.append(cell)
        role = self.role(cell)
        if role is Role.KEY:
            self.gone.add(cell)
            self.keys += 1
        elif role is Role.HEAL and self.hp < self.game.rules.hit_points:
            self.gone.add(cell)
            self.hp += 1
        elif role is Role.HAZARD:
            self.hurt(self.game.rules.hazard)
        if self.hp <= 0:
            self.outcome = "lost"
        elif role is Role.GOAL:
            self.outcome = "won"

    def walk_into(self, cell):
        """Enter a cell beside the player unless it blocks; a key opens a door."""
        if self.role(cell) is Role.DOOR and self.keys > 0:
            self.keys -= 1
            self.gone.add(cell)
        if not self.blocks(cell):
            self.enter(cell)

    def move_topdown(self, action):
        dy, dx = TOPDOWN_MOVES[action]
        if (dy, dx) != (0, 0):
            self.walk_into((self.place[0] + dy, self.place[1] + dx))

    def move_platformer(self, action):
        hold, dx = PLATFORMER_MOVES[action]
        profile = self.game.rules.jump_profile
        falling = next(k for k, rise in enumerate(profile) if rise < 0)
        on_ladder = self.role(self.place) is Role.LADDER
        below = (self.place[0] + 1, self.place[1])

        if on_ladder:
            self.jump = 0
            stands = self.blocks(below) or self.role(below) is Role.ONE_WAY
            rise = 1 if hold else (0 if stands else -1)
        elif self.jump == 0 and self.carries(self.place):
            rise = profile[0] if hold else 0
            self.jump = 1 if hold else 0
        else:
            if self.jump == 0 or (profile[self.jump] > 0 and not hold):
                self.jump = falling
            rise = profile[self.jump]
            self.jump = min(self.jump + 1, len(profile) - 1)

        for _ in range(max(rise, 0)):
            above = (self.place[0] - 1, self.place[1])
            if self.blocks(above):  # the top edge of the map counts as solid
                self.jump = 0 if on_ladder else falling
                break
            self.enter(above)
            if self.outcome != "running":
                return
        fell = False
        for _ in range(max(-rise, 0)):
            if not on_ladder and self.carries(self.place):
                self.jump = 0
                break
            below = (self.place[0] + 1, self.place[1])
            if below[0] >= self.height:
                fell = True
                break
            self.enter(below)
            if self.outcome != "running":
                return
        if fell:
            self.hurt(self.game.rules.fall_out)
            self.jump = 0
            if self.hp <= 0:
                self.outcome = "lost"
                return
            self.place = self.start
            self.entered.append(self.start)
            return
        if dx:
            self.walk_into((self.place[0], self.place[1] + dx))
            if self.outcome != "running":
                return
        # Who ends a tick on something that carries stands, unless the jump still rises.
        rising = self.jump > 0 and profile[self.jump] > 0
        if self.role(self.place) is Role.LADDER or (not rising and self.carries(self.place)):
            self.jump = 0
