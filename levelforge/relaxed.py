"""The relaxed game: the rules without patrols, hit points and the clock.

Its state is (keys and doors used, jump phase, cell), flat: ``(bits * P + jump) * H*W + cell``. What
cannot be won here cannot be won at all, and its exact distances bound the real ones from below, so
they guide the solver, shape the playtester's rewards and carry the repair.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.rules.kernel import step
from levelforge.rules.state import (
    GOAL,
    KEY,
    LOST,
    P_FALL_KILLS,
    P_MAX_HP,
    P_PLATFORMER,
    P_PROFILE_LEN,
    TRAIL,
    WON,
    LevelBatch,
)

MAX_KEYDOOR_BITS = 10
"""Keys and doors told apart by the relaxed search; a level with more is searched as if unlocked."""
MAX_RELAXED_STATES = 1 << 24
PLENTY = 1 << 29
"""Hit points that never run out."""


def distance_table(batch: LevelBatch, i: int) -> NDArray[np.int16]:
    """Exact relaxed distance to the goal (no patrols, hit points or clock) from every reachable state.

    Args:
        batch: compiled levels.
        i: which one.

    Returns:
        ``int16[B, P, H*W]``: steps to the goal for key/door bits (``taken & (B - 1)``), jump state
        and cell; -1 where the goal cannot be reached or the state cannot occur. It is the potential
        of the playtester's shaping and the heuristic of the search.
    """
    bits, phases = keydoor_bits(batch, i), jump_phases(batch)
    dist: NDArray[np.int32] = relaxed_distances(batch, i, bits, phases)
    return dist.reshape(1 << bits, phases, -1).astype(np.int16)


@njit(cache=True, nogil=True)
def jump_phases(batch: LevelBatch):
    """Distinct values of the jump state."""
    return max(1, batch.params[P_PROFILE_LEN]) if batch.params[P_PLATFORMER] == 1 else 1


@njit(cache=True, nogil=True)
def keydoor_bits(batch: LevelBatch, i):
    """Key/door bits told apart on this level."""
    bits = batch.n_keydoor[i]
    if bits > MAX_KEYDOOR_BITS or batch.role.shape[1] * jump_phases(batch) << bits > MAX_RELAXED_STATES:
        return 0
    return bits


@njit(cache=True, nogil=True)
def action_count(batch: LevelBatch):
    """Actions of the batch's movement."""
    return 6 if batch.params[P_PLATFORMER] == 1 else 5


@njit(cache=True, nogil=True)
def keys_in_hand(batch: LevelBatch, i, taken):
    """Keys taken minus doors opened; keys come first among the items."""
    n_keys = 0
    for cell in range(batch.role.shape[1]):
        if batch.role[i, cell] == KEY:
            n_keys += 1
    keys = 0
    for bit in range(batch.n_keydoor[i]):
        if (taken >> bit) & 1:
            keys += 1 if bit < n_keys else -1
    return keys


@njit(cache=True, nogil=True)
def relaxed_params(batch: LevelBatch):
    """Rules with hit points that never run out."""
    params = batch.params.copy()
    params[P_MAX_HP] = PLENTY + 1
    return params


@njit(cache=True, nogil=True)
def initial_taken(batch: LevelBatch, i, bits):
    """Items gone from the start: all keys and doors where they are too many to tell apart."""
    return (1 << batch.n_keydoor[i]) - 1 if bits == 0 else 0


@njit(cache=True, nogil=True)
def keys_table(batch: LevelBatch, i, bits):
    """``int32[2**bits]``: keys in hand for each set of keys taken and doors opened."""
    table = np.zeros(1 << bits, np.int32)
    for taken in range(1 << bits):
        table[taken] = keys_in_hand(batch, i, taken)
    return table


@njit(cache=True, nogil=True)
def steps_to_goal(batch: LevelBatch, i):
    """``int32[H*W]``: fewest steps to the nearest goal if nothing stood in the way, for each cell.

    A step moves one tile (top-down) or one column (side view). Where falling out of the map leads back to the
    start, no cell counts as farther than the start and that step. So the bound never falls by more than one a step.
    """
    cells, width = batch.role.shape[1], batch.width
    side_view = batch.params[P_PLATFORMER] == 1
    ahead = np.full(cells, 1 << 20, np.int32)
    for goal in range(cells):
        if batch.role[i, goal] == GOAL:
            for cell in range(cells):
                steps = abs(cell % width - goal % width)
                if not side_view:
                    steps += abs(cell // width - goal // width)
                ahead[cell] = min(ahead[cell], steps)
    if side_view and batch.params[P_FALL_KILLS] == 0:
        most = ahead[batch.start[i]] + 1
        for cell in range(cells):
            ahead[cell] = min(ahead[cell], most)
    return ahead


@njit(cache=True, nogil=True)
def grow(array):
    """An array twice as long that begins with the given one."""
    grown = np.empty(len(array) * 2, array.dtype)
    grown[: len(array)] = array
    return grown


@njit(cache=True, nogil=True)
def relaxed_search(batch: LevelBatch, i, bits, phases, limit):
    """A* over the relaxed game, guided by :func:`steps_to_goal`.

    Args:
        batch, i: the level.
        bits, phases: :func:`keydoor_bits` and :func:`jump_phases` of it.
        limit: longest win to look for.

    Returns:
        ``int8[T]`` actions of a shortest relaxed win and its length, or -1 if there is none within ``limit``.
    """
    cells = batch.role.shape[1]
    mask = (1 << bits) - 1
    initial = initial_taken(batch, i, bits)
    keys_of = keys_table(batch, i, bits)
    params = relaxed_params(batch)
    n_actions = action_count(batch)
    trail = np.empty(TRAIL, np.int32)
    role, item, patrol, start = batch.role[i], batch.item[i], batch.patrol[i], batch.start[i]
    height, width = batch.height, batch.width
    ahead = steps_to_goal(batch, i)
    size = cells * phases << bits
    time = np.full(size, 1 << 30, np.int32)  # steps from the start, of the best way known
    parent = np.full(size, -1, np.int32)
    via = np.empty(size, np.int8)
    closed = np.zeros(size, np.bool_)
    bucket = np.full(limit + 2, -1, np.int32)  # entries by time + steps ahead, last in first out
    capacity = 4096
    state_of = np.empty(capacity, np.int32)
    chain = np.empty(capacity, np.int32)
    entries = 0
    f = ahead[start]
    if f <= limit:
        time[start] = 0
        state_of[0], chain[0] = start, -1
        bucket[f] = 0
        entries = 1
    shortest, last_state, last_action = limit + 1, np.int64(-1), 0
    while f < shortest:  # a shorter win would end in a state of a smaller f
        entry = bucket[f]
        if entry < 0:
            f += 1
            continue
        bucket[f] = chain[entry]
        state = np.int64(state_of[entry])
        if closed[state]:
            continue
        closed[state] = True
        cell = state % cells
        jump = state // cells % phases
        taken = state // (cells * phases)
        for action in range(n_actions):
            ny, nx, njump, _, _, ntaken, outcome, _ = step(
                params, height, width, role, item, patrol, 0, start, cell // width, cell % width,
                jump, PLENTY, keys_of[taken], taken | initial, 0, action, trail,
            )  # fmt: skip
            if outcome == WON:
                if time[state] + 1 < shortest:
                    shortest, last_state, last_action = time[state] + 1, state, action
                continue
            if outcome == LOST:
                continue
            new = (np.int64(ntaken & mask) * phases + njump) * cells + ny * width + nx
            arrival = time[state] + 1
            if arrival >= time[new] or arrival + ahead[ny * width + nx] > limit:
                continue
            time[new] = arrival
            parent[new] = state
            via[new] = action
            if entries == capacity:
                capacity *= 2
                state_of, chain = grow(state_of), grow(chain)
            state_of[entries] = new
            chain[entries] = bucket[arrival + ahead[ny * width + nx]]
            bucket[arrival + ahead[ny * width + nx]] = entries
            entries += 1
    if last_state < 0:
        return np.empty(0, np.int8), -1
    actions = np.empty(shortest, np.int8)
    actions[shortest - 1] = last_action
    state = last_state
    for k in range(shortest - 2, -1, -1):
        actions[k] = via[state]
        state = np.int64(parent[state])
    return actions, shortest


@njit(cache=True, nogil=True)
def reachable_cells(batch: LevelBatch, i):
    """``bool[H*W]``: the cells that some play of the relaxed game enters, the start among them."""
    cells, phases, bits = batch.role.shape[1], jump_phases(batch), keydoor_bits(batch, i)
    mask = (1 << bits) - 1
    initial = initial_taken(batch, i, bits)
    keys_of = keys_table(batch, i, bits)
    params = relaxed_params(batch)
    n_actions = action_count(batch)
    trail = np.empty(TRAIL, np.int32)
    known = np.zeros(cells * phases << bits, np.bool_)
    queue = np.empty(len(known), np.int32)
    entered = np.zeros(cells, np.bool_)
    queue[0] = batch.start[i]
    known[queue[0]] = True
    entered[batch.start[i]] = True
    head, tail = 0, 1
    role, item, patrol, start = batch.role[i], batch.item[i], batch.patrol[i], batch.start[i]
    height, width = batch.height, batch.width
    while head < tail:
        state = queue[head]
        head += 1
        cell = state % cells
        taken = state // (cells * phases)
        for action in range(n_actions):
            ny, nx, njump, _, _, ntaken, outcome, n_trail = step(
                params, height, width, role, item, patrol, 0, start, cell // width, cell % width,
                state // cells % phases, PLENTY, keys_of[taken], taken | initial, 0, action, trail,
            )  # fmt: skip
            if outcome == LOST:
                continue
            for k in range(n_trail):
                entered[trail[k]] = True
            if outcome == WON:
                continue
            new = (np.int64(ntaken & mask) * phases + njump) * cells + ny * width + nx
            if not known[new]:
                known[new] = True
                queue[tail] = new
                tail += 1
    return entered


@njit(cache=True, nogil=True)
def relaxed_distances(batch: LevelBatch, i, bits, phases):
    """``int32[2**bits * P * H*W]`` exact relaxed distance of every reachable state, else -1."""
    cells = batch.role.shape[1]
    mask = (1 << bits) - 1
    initial = initial_taken(batch, i, bits)
    keys_of = keys_table(batch, i, bits)
    params = relaxed_params(batch)
    n_actions = action_count(batch)
    trail = np.empty(TRAIL, np.int32)
    size = cells * phases << bits
    order = np.full(size, -1, np.int32)  # position in the queue
    capacity = 1024
    queue = np.empty(size, np.int32)
    edges = np.empty(capacity * n_actions, np.int32)  # position of the successor; -1 lost, -2 won
    queue[0] = batch.start[i]
    order[queue[0]] = 0
    head, tail = 0, 1
    role, item, patrol, start = batch.role[i], batch.item[i], batch.patrol[i], batch.start[i]
    height, width = batch.height, batch.width
    while head < tail:
        if head == capacity:
            grown = np.empty(capacity * 2 * n_actions, np.int32)
            grown[: capacity * n_actions] = edges
            edges = grown
            capacity *= 2
        state = queue[head]
        cell = state % cells
        jump = state // cells % phases
        taken = state // (cells * phases)
        y, x = cell // width, cell % width
        for action in range(n_actions):
            ny, nx, njump, _, _, ntaken, outcome, _ = step(
                params, height, width, role, item, patrol, 0, start,
                y, x, jump, PLENTY, keys_of[taken], taken | initial, 0, action, trail,
            )  # fmt: skip
            if outcome == WON:
                edges[head * n_actions + action] = -2
            elif outcome == LOST:
                edges[head * n_actions + action] = -1
            else:
                new = (np.int64(ntaken & mask) * phases + njump) * cells + ny * width + nx
                if order[new] == -1:
                    order[new] = tail
                    queue[tail] = new
                    tail += 1
                edges[head * n_actions + action] = order[new]
        head += 1
    # Predecessors, as compressed rows.
    first = np.zeros(tail + 1, np.int32)
    for e in range(tail * n_actions):
        if edges[e] >= 0:
            first[edges[e] + 1] += 1
    for k in range(tail):
        first[k + 1] += first[k]
    filled = first[:-1].copy()
    preds = np.empty(first[tail], np.int32)
    for k in range(tail):
        for action in range(n_actions):
            e = edges[k * n_actions + action]
            if e >= 0:
                preds[filled[e]] = k
                filled[e] += 1
    dist = np.full(size, -1, np.int32)
    back = np.empty(tail, np.int32)
    b_head, b_tail = 0, 0
    for k in range(tail):
        for action in range(n_actions):
            if edges[k * n_actions + action] == -2:
                dist[queue[k]] = 1
                back[b_tail] = k
                b_tail += 1
                break
    while b_head < b_tail:
        k = back[b_head]
        b_head += 1
        for p in range(first[k], first[k + 1]):
            state = queue[preds[p]]
            if dist[state] == -1:
                dist[state] = dist[queue[k]] + 1
                back[b_tail] = preds[p]
                b_tail += 1
    return dist
