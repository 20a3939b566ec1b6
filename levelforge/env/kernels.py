"""The compiled heart of the environments: reset, step and observe over whole batches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.env.state import CAUSE_FALL, CAUSE_HAZARD, CAUSE_PATROL, Outputs, World
from levelforge.game import Role
from levelforge.playtest import observation
from levelforge.playtest.observation import NO_WAY, PERSONAS, Canvas
from levelforge.rules import LOST, RUNNING, TRAIL, WON, LevelBatch, step
from levelforge.rules.state import P_CYCLE, P_HAZARD_KILLS, P_MAX_HP, P_PLATFORMER

_EMPTY, _SOLID, _ONE_WAY, _LADDER = int(Role.EMPTY), int(Role.SOLID), int(Role.ONE_WAY), int(Role.LADDER)
_COLLECTIBLE, _HAZARD = int(Role.COLLECTIBLE), int(Role.HAZARD)
_KEY, _DOOR, _HEAL = int(Role.KEY), int(Role.DOOR), int(Role.HEAL)

EXPLORER, COLLECTOR = PERSONAS.index("explorer"), PERSONAS.index("collector")
"""The personas that are lured by more than the goal."""
LURE_REACH = 24
"""Steps from which a lure is felt."""

_GOLDEN, _MIX_1, _MIX_2 = (
    np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB),
)  # fmt: skip
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)

# Helpers are inlined (by numba): a call would count references on every array of a World or Canvas.
begin_canvas, clear, visit = observation.begin, observation.clear, observation.visit
find_way, flood = observation.find_way, observation.flood
move_canvas, write_map = observation.move, observation.write_map
write_scalars, write_view = observation.write_scalars, observation.write_view


@njit(cache=True, nogil=True, inline="always")
def mixed(word: Any) -> Any:
    """A well-mixed function of 64 bits (splitmix64's: Steele, Lea and Flood 2014)."""
    word = (word ^ (word >> _S30)) * _MIX_1
    word = (word ^ (word >> _S27)) * _MIX_2
    return word ^ (word >> _S31)


@njit(cache=True, nogil=True, inline="always")
def uniform(word: Any) -> float:
    """64 mixed bits as a number in [0, 1)."""
    return np.int64(word >> _S11) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def draw(state: Any, i: int) -> float:
    """Next random number in [0, 1) of environment ``i`` (splitmix64)."""
    word = state[i]["rng"] + _GOLDEN
    state[i]["rng"] = word
    return uniform(mixed(word))


@njit(cache=True, nogil=True, inline="always")
def blindness(epsilon: float, n_actions: int) -> float:
    """The chance of pressing any action at random that amounts to ``epsilon`` of pressing another than the chosen one.

    Beyond 1 there is none: who errs more often than chance would must know what was chosen.
    """
    return epsilon * n_actions / (n_actions - 1)


@njit(cache=True, nogil=True)
def matters(state: Any, n_actions: int) -> Any:
    """``bool[N]``: where what is chosen next has a say in what is carried out; no random number is used up."""
    said = np.ones(len(state), np.bool_)
    for i in range(len(state)):
        blind = blindness(state[i]["epsilon"], n_actions)
        said[i] = blind > 1.0 or uniform(mixed(state[i]["rng"] + _GOLDEN)) >= blind
    return said


@njit(cache=True, nogil=True)
def load(
    world: World, state: Any, canvas: Canvas, i: int, batch: LevelBatch, k: int, level: int, limit: int
) -> None:
    """Put environment ``i`` at the start of level ``k`` of ``batch`` (pool index ``level``)."""
    s = state[i]
    cells = batch.height * batch.width
    doors = 0
    for cell in range(cells):
        world.role[i, cell] = batch.role[k, cell]
        world.item[i, cell] = batch.item[k, cell]
        doors += batch.role[k, cell] == _DOOR
    n_patrol = batch.n_patrol[k]
    for e in range(n_patrol):
        for phase in range(world.params[P_CYCLE]):
            world.patrol[i, e, phase] = batch.patrol[k, e, phase]
    start = batch.start[k]
    s["y"], s["x"] = start // batch.width, start % batch.width
    s["jump"], s["hp"], s["keys"], s["taken"], s["t"] = 0, world.params[P_MAX_HP], 0, 0, 0
    s["level"], s["height"], s["width"], s["start"], s["limit"] = (
        level,
        batch.height,
        batch.width,
        start,
        limit,
    )
    s["n_patrol"], s["doors"] = n_patrol, doors
    s["collected"], s["tiles"], s["damage"], s["cause"], s["moved"] = 0, 1, 0, 0, 0
    s["outcome"], s["over"] = RUNNING, 0
    s["potential"] = potential(world, state, i)
    begin_canvas(
        canvas, i, batch.height, batch.width, world.role[i], world.patrol[i], n_patrol, start // batch.width,
        start % batch.width,
    )  # fmt: skip
    if world.lure > 0.0:
        for persona in (EXPLORER, COLLECTOR):
            seek(world, state, canvas, i, persona)


@njit(cache=True, nogil=True, inline="always")
def potential(world: World, state: Any, i: int) -> float:
    """-scale * (relaxed distance to the goal) of environment ``i`` now; 0 without distance tables."""
    if not world.shaped:
        return 0.0
    s = state[i]
    bits = s["taken"] & s["mask"]
    place = (bits * world.n_jump + min(s["jump"], world.n_jump - 1)) * (s["height"] * s["width"])
    distance = int(world.distance[i, place + s["y"] * s["width"] + s["x"]])
    if distance < 0 or distance > s["far"]:
        distance = s["far"]
    return -world.scale * distance


@njit(cache=True, nogil=True)
def seek(world: World, state: Any, canvas: Canvas, i: int, persona: int) -> None:
    """Measure the way from every cell to the nearest place a persona has yet to see, or thing it has yet to take.

    At a glance, as :func:`levelforge.playtest.observation.find_way` does; places to see are where one can stay.
    """
    s = state[i]
    height, width = s["height"], s["width"]
    code, way = canvas.code[i], world.lure_way[i, persona - EXPLORER]
    for row in range(height):
        for column in range(width):
            here = code[row, column]
            if persona == COLLECTOR:
                wanted = here == _COLLECTIBLE
            else:
                wanted = canvas.visits[i, row, column] == 0 and here != _SOLID and here != _DOOR
                if wanted and world.params[P_PLATFORMER] and here != _LADDER:
                    below = code[row + 1, column] if row + 1 < height else _EMPTY
                    wanted = below in (_SOLID, _DOOR, _ONE_WAY, _LADDER)
            way[row, column] = 0 if wanted else NO_WAY
    flood(code, way, height, width, s["keys"] > 0)


@njit(cache=True, nogil=True, inline="always")
def lure(world: World, state: Any, i: int, persona: int, y: int, x: int) -> float:
    """-lure * (steps from a place to what the persona seeks) in environment ``i``; 0 once nothing is left to seek."""
    row = min(max(y, 0), state[i]["height"] - 1)
    steps = int(world.lure_way[i, persona - EXPLORER, row, x])
    return 0.0 if steps == NO_WAY else -world.lure * min(steps, LURE_REACH)


@njit(cache=True, nogil=True, inline="always")
def _cause(
    world: World, state: Any, i: int, hp: int, healed: int, before: int, trail: Any, entered: int
) -> int:
    """What hit the player in the step just made: CAUSE_*, the last one if several.

    ``hp`` and ``before`` are the hit points and the flat cell before the step, ``healed`` the hit points
    gained in it.
    """
    s = state[i]
    hazards = 0
    for k in range(entered):
        hazards += world.role[i, trail[k]] == _HAZARD
    left = hp + healed - hazards
    if hazards > 0 and (left <= 0 or world.params[P_HAZARD_KILLS] or s["hp"] >= left):
        return CAUSE_HAZARD
    cycle = world.params[P_CYCLE]
    now, then = s["t"] % cycle, (s["t"] + 1) % cycle
    after = s["y"] * s["width"] + s["x"]
    for e in range(s["n_patrol"]):
        cell = world.patrol[i, e, then]
        if cell == after or (cell == before and world.patrol[i, e, now] == after):
            return CAUSE_PATROL
    return CAUSE_FALL


@njit(cache=True, nogil=True, inline="always")
def advance(world: World, state: Any, canvas: Canvas, i: int, action: int, trail: Any, out: Outputs) -> None:
    """One turn or tick of environment ``i``."""
    s = state[i]
    for p in range(4):
        out.rewards[i, p] = 0.0
    out.shaping[i] = 0.0
    out.lures[i] = 0.0
    out.terminated[i] = False
    out.truncated[i] = False
    if s["over"] == 1:
        out.action[i] = action
        return
    if s["epsilon"] > 0.0:
        blind, luck = blindness(s["epsilon"], world.n_actions), draw(state, i)
        if blind <= 1.0:
            if luck < blind:
                action = int(draw(state, i) * world.n_actions)
        elif luck < s["epsilon"]:
            other = int(draw(state, i) * (world.n_actions - 1))
            action = other if other < action else other + 1
    out.action[i] = action
    y, x, hp, taken = s["y"], s["x"], s["hp"], s["taken"]
    s["y"], s["x"], s["jump"], s["hp"], s["keys"], s["taken"], s["outcome"], entered = step(
        world.params, s["height"], s["width"], world.role[i], world.item[i], world.patrol[i], s["n_patrol"],
        s["start"], y, x, s["jump"], hp, s["keys"], taken, s["t"], action, trail,
    )  # fmt: skip
    healed, treats, tiles, sights = 0, 0, 0, 0
    unlocked = False
    for k in range(entered):
        cell_y, cell_x = trail[k] // s["width"], trail[k] % s["width"]
        code = canvas.code[i, cell_y, cell_x]
        if code == _COLLECTIBLE:
            treats += 1
            clear(canvas, i, cell_y, cell_x)
        elif code in (_KEY, _DOOR, _HEAL) and (s["taken"] >> world.item[i, trail[k]]) & 1 == 1:
            healed += code == _HEAL
            s["doors"] -= code == _DOOR
            unlocked = unlocked or code != _HEAL
            clear(canvas, i, cell_y, cell_x)
        tiles += visit(canvas, i, cell_y, cell_x)
        if world.lure > 0.0:
            sights += world.lure_way[i, 0, cell_y, cell_x] == 0
    if unlocked:
        find_way(canvas, i, s["height"], s["width"], s["y"], s["x"], s["keys"])
    if entered == 0:
        visit(canvas, i, s["y"], s["x"])
    damage = hp + healed - max(s["hp"], 0)
    if damage > 0:
        s["damage"] += damage
        s["cause"] = _cause(world, state, i, hp, healed, y * s["width"] + x, trail, entered)
    s["t"] += 1
    s["collected"] += treats
    s["tiles"] += tiles
    s["moved"] = s["y"] != y or s["x"] != x
    out.terminated[i] = s["outcome"] != RUNNING
    out.truncated[i] = s["outcome"] == RUNNING and s["t"] >= s["limit"]
    s["over"] = out.terminated[i] or out.truncated[i]
    move_canvas(
        canvas, i, s["height"], s["width"], world.patrol[i], s["n_patrol"], s["t"] % world.params[P_CYCLE],
        s["y"], s["x"],
    )  # fmt: skip

    weight = world.rewards
    end = weight[0] if s["outcome"] == WON else (weight[1] if s["outcome"] == LOST else 0.0)
    out.rewards[i, 0] = end + weight[2]
    out.rewards[i, 1] = end + weight[3] * tiles
    out.rewards[i, 2] = end + weight[4] * treats
    out.rewards[i, 3] = end + weight[5] * damage
    if s["outcome"] == WON:
        out.shaping[i] = -s["potential"]
        s["potential"] = 0.0
    elif s["outcome"] == RUNNING:
        new = potential(world, state, i)
        out.shaping[i] = world.gamma * new - s["potential"]
        s["potential"] = new
    if world.lure > 0.0 and s["outcome"] == RUNNING:
        for persona, found in ((EXPLORER, sights), (COLLECTOR, treats)):
            if found > 0 or unlocked:
                seek(world, state, canvas, i, persona)
            else:
                now = lure(world, state, i, persona, s["y"], s["x"])
                out.lures[i, persona] = now - lure(world, state, i, persona, y, x)


@njit(cache=True, nogil=True)
def step_all(
    world: World, state: Any, canvas: Canvas, actions: NDArray[np.int64], out: Outputs,
    view: Any, map_: Any, scalars: Any, observe: bool,
) -> int:  # fmt: skip
    """One turn or tick of every environment; how many episodes ended in it."""
    trail = np.empty(TRAIL, np.int32)
    ended = 0
    for i in range(len(state)):
        advance(world, state, canvas, i, actions[i], trail, out)
        ended += out.terminated[i] or out.truncated[i]
        if observe:
            write(world, state, canvas, i, view[i], map_[i], scalars[i])
    return ended


@njit(cache=True, nogil=True)
def write(world: World, state: Any, canvas: Canvas, i: int, view: Any, map_: Any, scalars: Any) -> None:
    """Write the observation of environment ``i``."""
    s = state[i]
    height, width, cycle = s["height"], s["width"], world.params[P_CYCLE]
    write_view(
        view, canvas, i, height, width, world.role[i], world.patrol[i], s["n_patrol"], s["t"] % cycle, cycle,
        s["y"], s["x"],
    )  # fmt: skip
    write_map(map_, canvas, i)
    write_scalars(
        scalars, canvas, i, height, width, world.params[P_PLATFORMER] == 0, s["y"], s["x"], s["jump"],
        max(s["hp"], 0), world.params[P_MAX_HP], s["keys"], s["doors"], s["t"], s["limit"], s["moved"] == 1,
    )  # fmt: skip
