"""What the playtester sees, recomputed from scratch: slow, obvious, without remembering anything.

The player's history comes as arguments; the world from ``reference_rules.World``.
"""

import numpy as np

from levelforge.game import Role

RIGHT, LEFT, DOWN, UP, OUTSIDE = 14, 15, 16, 17, 13


def view(world, visits, rows, columns):
    """``uint8[3, VH, VW]``; ``visits`` maps cells to numbers."""
    out = np.zeros((3, rows, columns), np.uint8)
    steps = way(world)
    here = steps.get(inside(world), 0)
    patrols = dict(zip(world.patrols(world.t), range(len(world.beats)), strict=True))
    for r in range(rows):
        for c in range(columns):
            cell = (world.place[0] + r - rows // 2, world.place[1] + c - columns // 2)
            out[0, r, c] = code(world, cell)
            if cell in patrols:
                out[0, r, c] = heading(world, patrols[cell])
            out[1, r, c] = min(255, visits.get(cell, 0))
            if cell in steps:
                out[2, r, c] = min(255, max(1, 128 + steps[cell] - here))
    return out


def way(world):
    """Steps to the place to head for, by cell, judged as a player would after the last key or door."""
    for target, doors_open in ((Role.GOAL, world.keys > 0), (Role.KEY, world.keys > 0), (Role.GOAL, True)):
        steps = steps_to(world, [c for c in world.cells if world.role(c) is target], doors_open)
        if inside(world) in steps:
            break
    return steps


def steps_to(world, targets, doors_open):
    """Steps to the nearest of some cells, by cell, past whatever is not solid."""
    closed = (Role.SOLID,) if doors_open else (Role.SOLID, Role.DOOR)
    steps = dict.fromkeys(targets, 0)
    queue = list(steps)
    for y, x in queue:  # grows while it is read
        for cell in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if cell in world.role_at and cell not in steps and world.role(cell) not in closed:
                steps[cell] = steps[y, x] + 1
                queue.append(cell)
    return steps


def inside(world):
    """Where the player is, or the nearest cell of the map in the same column."""
    return (max(0, min(world.place[0], world.height - 1)), world.place[1])


def sought(world, visits):
    """The cells that the explorer and the collector seek."""
    carrying = (Role.SOLID, Role.DOOR, Role.ONE_WAY, Role.LADDER)

    def place_to_be(cell):
        if code(world, cell) in (Role.SOLID, Role.DOOR) or cell in visits:
            return False
        if world.game.movement == "topdown" or code(world, cell) == Role.LADDER:
            return True
        return code(world, (cell[0] + 1, cell[1])) in carrying

    return {
        1: [c for c in world.cells if place_to_be(c)],
        2: [c for c in world.cells if code(world, c) == Role.COLLECTIBLE],
    }


def code(world, cell):
    if cell not in world.role_at:
        return OUTSIDE
    role = world.role(cell)
    if role is Role.COLLECTIBLE and cell in world.collected:
        return Role.EMPTY
    return Role.EMPTY if role in (Role.ENEMY_H, Role.ENEMY_V) else role


def heading(world, e):
    """Where it goes next; while it turns, where it went; a patrol that never moves shows its axis."""
    beat = world.beats[e]
    here, after, before = (beat[(world.t + k) % len(beat)] for k in (0, 1, -1))
    step = (after[0] - here[0], after[1] - here[1])
    if step == (0, 0):
        step = (here[0] - before[0], here[1] - before[1])
    if step == (0, 0):
        step = (0, 1) if world.role_at[beat[0]] is Role.ENEMY_H else (1, 0)
    return {(0, 1): RIGHT, (0, -1): LEFT, (1, 0): DOWN, (-1, 0): UP}[step]


def overview(world, visits):
    """``uint8[9, 12, 16]``."""
    out = np.zeros((9, 12, 16), np.uint8)
    patrols = world.patrols(world.t)
    for by in range(12):
        for bx in range(16):
            cells = [(y, x) for y in shown(by, 12, world.height) for x in shown(bx, 16, world.width)]
            codes = [code(world, c) for c in cells]

            def share(number, cells=cells):
                return min(255, 255 * number // len(cells))

            def any_of(found):
                return 255 if found else 0

            out[:, by, bx] = [
                share(codes.count(Role.SOLID)),
                share(sum(c in visits for c in cells)),
                any_of(world.place in cells),
                any_of(Role.GOAL in codes),
                any_of(Role.KEY in codes),
                any_of(Role.DOOR in codes),
                share(codes.count(Role.HAZARD) + sum(p in cells for p in patrols)),
                share(codes.count(Role.COLLECTIBLE) + codes.count(Role.HEAL)),
                share(codes.count(Role.ONE_WAY) + codes.count(Role.LADDER)),
            ]
    return out


def shown(bin_, bins, size):
    """The rows (or columns) that a bin shows."""
    if size >= bins:
        return [p for p in range(size) if p * bins // size == bin_]
    return [int((bin_ + 0.5) * size / bins)]


def scalars(world, limit, moved):
    """``float32[20]``."""
    out = np.zeros(20, np.float32)
    y, x = world.place
    goals = [c for c in world.cells if world.role_at[c] is Role.GOAL]
    gy, gx = min(goals, key=lambda g: (abs(g[0] - y) + abs(g[1] - x), g))
    doors = sum(world.role(c) is Role.DOOR for c in world.cells)
    side = max(world.height, world.width)
    out[0] = max(0, world.hp) / world.game.rules.hit_points
    out[1] = min(world.keys, 3) / 3
    out[2] = (limit - world.t) / limit
    out[3 + min(world.jump, 7)] = 1
    out[11] = world.game.movement == "topdown" or (world.jump == 0 and world.carries(world.place))
    out[12] = world.role(world.place) is Role.LADDER
    out[13], out[14] = (gy - y) / side, (gx - x) / side
    out[15], out[16] = np.sign(gy - y), np.sign(gx - x)
    out[17] = min(doors, 3) / 3
    out[18] = moved
    return out
