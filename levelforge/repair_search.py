"""The searches behind :mod:`levelforge.repair`, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from levelforge.relaxed import PLENTY, action_count, initial_taken, keys_table, relaxed_params
from levelforge.rules.kernel import step
from levelforge.rules.state import (
    EMPTY,
    ENEMY_H,
    ENEMY_V,
    GOAL,
    HAZARD,
    LOST,
    P_ENEMY_KILLS,
    P_HAZARD_KILLS,
    P_PLATFORMER,
    SOLID,
    START,
    TRAIL,
    WON,
    LevelBatch,
)


@njit(cache=True, nogil=True)
def find_hits(batch: LevelBatch, way, cells, walked):
    """Homes of the dangers that hit at each tick of ``way``, and the cells walked."""
    params = relaxed_params(batch)
    params[P_HAZARD_KILLS] = 0
    params[P_ENEMY_KILLS] = 0
    trail = np.empty(TRAIL, np.int32)
    homes = np.empty(batch.n_patrol[0], np.int32)
    enemy = 0
    for cell in range(batch.role.shape[1]):
        if (batch.role[0, cell] == ENEMY_H or batch.role[0, cell] == ENEMY_V) and enemy < len(homes):
            homes[enemy] = cell
            enemy += 1
    y, x = batch.start[0] // batch.width, batch.start[0] % batch.width
    jump, hp, keys, taken = 0, PLENTY, 0, 0
    for t in range(len(way)):
        before = hp
        from_cell = y * batch.width + x
        y, x, jump, hp, keys, taken, outcome, entered = step(
            params, batch.height, batch.width, batch.role[0], batch.item[0], batch.patrol[0],
            batch.n_patrol[0], batch.start[0], y, x, jump, hp, keys, taken, t, way[t], trail,
        )  # fmt: skip
        walked[y * batch.width + x] = True
        for k in range(entered):
            walked[trail[k]] = True
        if hp < before:
            slot = 0
            for k in range(entered):
                if batch.role[0, trail[k]] == HAZARD and slot < 4:
                    cells[t, slot] = trail[k]
                    slot += 1
            cycle = batch.patrol.shape[2]
            here = y * batch.width + x
            for e in range(len(homes)):
                now, then = batch.patrol[0, e, t % cycle], batch.patrol[0, e, (t + 1) % cycle]
                if (then == here or (then == from_cell and now == here)) and slot < 4:
                    cells[t, slot] = homes[e]
                    slot += 1
        if outcome != 0:
            break


@njit(cache=True, nogil=True)
def connect_one(tiles, roles, counted, empty, solid, border, frozen):
    """Fill or join every pocket of one ``uint8[H, W]`` level in place, nearest to the start first.

    Args:
        tiles: the level.
        roles: ``uint8[T]`` role of each tile id.
        counted: ``bool[T]`` tiles whose number must stay: a pocket that holds one is joined.
        empty, solid: tile ids to open and to fill with.
        border: whether the outermost tiles must stay.
        frozen: ``bool[H*W]`` tiles that must stay; a pocket of which one stays is joined if that can be.
    """
    height, width = tiles.shape
    cells = height * width
    flat = tiles.reshape(cells)
    label = np.zeros(cells, np.int32)  # 0 unseen, 1 joined to the start, 2.. pockets
    queue = np.empty(cells, np.int32)
    start = -1
    for cell in range(cells):
        if roles[flat[cell]] == START:
            start = cell
    if start < 0:
        return
    pockets = 1
    sizes = np.zeros(cells + 2, np.int32)
    keep = np.zeros(cells + 2, np.bool_)
    for n in range(-1, cells):
        seed = start if n < 0 else n
        if label[seed] != 0 or roles[flat[seed]] == SOLID:
            continue
        mark = 1 if n < 0 else pockets + 1
        pockets = max(pockets, mark)
        label[seed] = mark
        queue[0] = seed
        head, tail = 0, 1
        while head < tail:
            cell = queue[head]
            head += 1
            sizes[mark] += 1
            keep[mark] |= counted[flat[cell]] or frozen[cell]
            y, x = cell // width, cell % width
            for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    near = (y + dy) * width + x + dx
                    if label[near] == 0 and roles[flat[near]] != SOLID:
                        label[near] = mark
                        queue[tail] = near
                        tail += 1
    left = pockets - 1
    cost = np.empty(cells, np.int32)
    parent = np.empty(cells, np.int32)
    upcoming = np.empty(cells, np.int32)
    while left > 0:
        cost[:] = 1 << 20
        for cell in range(cells):
            if label[cell] == 1:
                cost[cell] = 0
                parent[cell] = -1
        # Layer by layer through walls (cost 1 each); the first cell of a pocket ends the search.
        found = -1
        current = np.flatnonzero(label == 1).astype(np.int32)
        depth = 0
        while found < 0 and len(current) > 0:
            many = 0
            for cell in current:
                y, x = cell // width, cell % width
                for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    ny, nx = y + dy, x + dx
                    if not (0 <= ny < height and 0 <= nx < width):
                        continue
                    near = ny * width + nx
                    if cost[near] <= depth:
                        continue
                    if label[near] > 1:
                        cost[near] = depth
                        parent[near] = cell
                        found = near
                        break
                    edge = ny == 0 or nx == 0 or ny == height - 1 or nx == width - 1
                    if cost[near] > depth + 1 and not (border and edge) and not frozen[near]:
                        cost[near] = depth + 1
                        parent[near] = cell
                        upcoming[many] = near
                        many += 1
                if found >= 0:
                    break
            current = upcoming[:many].copy()
            depth += 1
        if found < 0:
            return
        mark = label[found]
        walls = cost[found]
        if not keep[mark] and sizes[mark] <= walls:
            for cell in range(cells):
                if label[cell] == mark:
                    label[cell] = 0
                    flat[cell] = solid
        else:
            for cell in range(cells):
                if label[cell] == mark:
                    label[cell] = 1
            back = parent[found]
            while back >= 0 and label[back] != 1:
                flat[back] = empty
                label[back] = 1
                back = parent[back]
        left -= 1


@njit(cache=True, nogil=True)
def edit_search(batch: LevelBatch, i, bits, phases, border, support, frozen):
    """Cheapest relaxed win in which steps may assume edits.

    Args:
        batch, i: the level.
        bits, phases: of its states, see :mod:`levelforge.relaxed`.
        border: whether the outermost tiles must stay.
        support: the role that is put under feet.
        frozen: ``bool[H*W]`` tiles that must stay.

    Returns:
        ``int32[K]`` cells to edit and ``int32[K]`` their new roles; empty if there is no way.
    """
    cells = batch.role.shape[1]
    mask = (1 << bits) - 1
    initial = initial_taken(batch, i, bits)
    keys_of = keys_table(batch, i, bits)
    params = relaxed_params(batch)
    side_view = params[P_PLATFORMER] == 1
    n_actions = action_count(batch)
    trail = np.empty(TRAIL, np.int32)
    role = batch.role[i].copy()
    item, patrol, start = batch.item[i], batch.patrol[i], batch.start[i]
    height, width = batch.height, batch.width
    # A side-view state is doubled: propped states stand on a platform that was put under them, so
    # that what follows from there (a jump, above all) does not pay for it again.
    base = cells * phases << bits
    size = base * 2 if side_view else base
    parent = np.full(size, -2, np.int32)
    edit = np.full(size, -1, np.int32)
    queue = np.empty(size, np.int32)
    queue[0] = start
    parent[start] = -1
    head, tail, layer = 0, 1, 0
    goal = 0
    for cell in range(cells):
        if role[cell] == GOAL:
            goal = cell
    order = np.empty(0, np.int64)
    cursor = 0
    goal_from, goal_edit = -1, -1
    while goal_from < 0:
        # All that is reached with no further edit…
        while head < tail and goal_from < 0:
            state = queue[head]
            head += 1
            propped = state >= base
            cell = state % base % cells
            jump, taken = state % base // cells % phases, state % base // (cells * phases)
            if propped:
                role[cell + width] = support
            for action in range(n_actions):
                ny, nx, njump, _, _, ntaken, outcome, _ = step(
                    params, height, width, role, item, patrol, 0, start, cell // width, cell % width,
                    jump, PLENTY, keys_of[taken], taken | initial, 0, action, trail,
                )  # fmt: skip
                if outcome == WON:
                    goal_from = state
                    break
                if outcome == LOST:
                    continue
                new = (np.int64(ntaken & mask) * phases + njump) * cells + ny * width + nx
                if propped and ny * width + nx == cell:
                    new += base
                if parent[new] == -2:
                    parent[new] = state
                    queue[tail] = new
                    tail += 1
            if propped:
                role[cell + width] = EMPTY
        if goal_from >= 0:
            break
        # …then what one more edit reaches from the next state of the layer, the nearest to the goal first:
        # the first win found is as cheap as any, since whatever is cheaper was exhausted before.
        if cursor == len(order):
            if layer == tail:
                break
            order = queue[layer:tail].astype(np.int64)
            away = np.empty(len(order), np.int64)
            for k in range(len(order)):
                cell = order[k] % base % cells
                away[k] = abs(cell % width - goal % width)
                if not side_view:
                    away[k] += abs(cell // width - goal // width)
            order = order[np.argsort(away, kind="mergesort")]
            layer, cursor = tail, 0
        state = order[cursor]
        cursor += 1
        propped = state >= base
        cell = state % base % cells
        jump, taken = state % base // cells % phases, state % base // (cells * phases)
        y, x = cell // width, cell % width
        proppable = side_view and not propped and y + 1 < height
        if proppable and role[cell + width] == EMPTY and not frozen[cell + width]:
            new = state + base
            if parent[new] == -2:
                parent[new] = state
                edit[new] = (cell + width) * 16 + support
                queue[tail] = new
                tail += 1
        if propped:
            role[cell + width] = support
        for action in range(n_actions):
            dx = (action % 3 == 2) - (action % 3 == 1) if side_view else (action == 3) - (action == 2)
            dy = 0 if side_view else (action == 1) - (action == 0)
            for offset in range(14 if side_view else 1):
                if side_view:
                    cy, cx = y - 3 + offset % 7, x + (offset // 7) * dx
                    if offset >= 7 and dx == 0:
                        break
                else:
                    cy, cx = y + dy, x + dx
                if not (0 <= cy < height and 0 <= cx < width):
                    continue
                if border and (cy == 0 or cx == 0 or cy == height - 1 or cx == width - 1):
                    continue
                target = cy * width + cx
                if frozen[target]:
                    continue
                old = role[target]
                if old == SOLID and not (propped and target == cell + width):
                    role[target] = EMPTY
                elif old == EMPTY and side_view and cy > y + 1:
                    role[target] = support
                else:
                    continue
                ny, nx, njump, _, _, ntaken, outcome, _ = step(
                    params, height, width, role, item, patrol, 0, start, y, x,
                    jump, PLENTY, keys_of[taken], taken | initial, 0, action, trail,
                )  # fmt: skip
                assumed = role[target]
                role[target] = old
                if outcome == WON:
                    goal_from, goal_edit = state, target * 16 + assumed
                    break
                if outcome == LOST:
                    continue
                new = (np.int64(ntaken & mask) * phases + njump) * cells + ny * width + nx
                if old == EMPTY and (ny + 1) * width + nx == target:
                    new += base
                if parent[new] == -2:
                    parent[new] = state
                    edit[new] = target * 16 + assumed
                    queue[tail] = new
                    tail += 1
            if goal_from >= 0:
                break
        if propped:
            role[cell + width] = EMPTY
    found = np.empty(64, np.int32)
    count = 0
    if goal_from >= 0:
        if goal_edit >= 0:
            found[0] = goal_edit
            count = 1
        back = goal_from
        while back >= 0 and count < 64:
            if edit[back] >= 0:
                known = False
                for k in range(count):
                    known |= found[k] == edit[back]
                if not known:
                    found[count] = edit[back]
                    count += 1
            back = parent[back]
    return found[:count] // 16, found[:count] % 16
