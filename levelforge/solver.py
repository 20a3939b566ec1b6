"""Exact search over the rules: a shortest winning action sequence, a proof that there is none, or undecided.

Two stages, both over the one rules kernel:

1. *Relaxed* breadth-first search, without patrols, hit points and the clock. Its state is (cell,
   jump phase, keys and doors used), a few thousand at most. What it cannot win nobody can; and
   where its shortest win also wins under the full rules, that is a shortest win.
2. Otherwise A* (Hart, Nilsson and Raphael 1968) over the full state (relaxed state, patrol phase,
   heals used, hit points), guided by the exact relaxed distance, which is consistent. Of two visits
   to the same state that differ in hit points alone, the later one counts only with more of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.game import Game, Role
from levelforge.level import Level
from levelforge.rules.kernel import step
from levelforge.rules.replay import replay, replay_kernel
from levelforge.rules.state import (
    KEY,
    LOST,
    P_CYCLE,
    P_MAX_HP,
    P_PLATFORMER,
    P_PROFILE_LEN,
    TRAIL,
    WON,
    LevelBatch,
    compile_levels,
)

BEATABLE, UNBEATABLE, UNDECIDED = 1, 0, -1
DEFAULT_NODE_LIMIT = 2_000_000
MAX_KEYDOOR_BITS = 10
"""Keys and doors told apart by the relaxed search; a level with more is searched as if unlocked."""
MAX_RELAXED_STATES = 1 << 24


@dataclass(frozen=True)
class Solution:
    """A shortest winning action sequence (integer codes) and the states expanded to find it."""

    actions: tuple[int, ...]
    expanded: int


@dataclass(frozen=True)
class Unbeatable:
    """Proof by exhaustion that no action sequence wins."""

    expanded: int
    reason: str


@dataclass(frozen=True)
class Undecided:
    """The node limit was reached first."""

    expanded: int


@dataclass(frozen=True)
class BatchResult:
    """Verdicts over N levels.

    Attributes:
        verdict: ``int8[N]``: 1 beatable, 0 unbeatable, -1 undecided.
        length: ``int32[N]`` length of the shortest solution, -1 without one.
        actions: ``int8[N, L]`` action codes, padded with -1.
        expanded: ``int64[N]`` states expanded.
    """

    verdict: NDArray[np.int8]
    length: NDArray[np.int32]
    actions: NDArray[np.int8]
    expanded: NDArray[np.int64]

    def solution(self, i: int) -> tuple[int, ...]:
        """The action codes of level ``i``."""
        return tuple(int(a) for a in self.actions[i, : max(int(self.length[i]), 0)])


def solve(level: Level, *, node_limit: int = DEFAULT_NODE_LIMIT) -> Solution | Unbeatable | Undecided:
    """Find a shortest solution, or prove that there is none.

    Args:
        level: the level to solve.
        node_limit: states to expand before giving up as undecided.
    """
    result = solve_batch(level.tiles[None], level.game, node_limit=node_limit, threads=1)
    expanded = int(result.expanded[0])
    if result.verdict[0] == BEATABLE:
        return Solution(result.solution(0), expanded)
    if result.verdict[0] == UNDECIDED:
        return Undecided(expanded)
    return Unbeatable(expanded, _reason(level))


def solve_batch(
    tiles: NDArray[np.uint8], game: Game, *, node_limit: int = DEFAULT_NODE_LIMIT, threads: int = 2
) -> BatchResult:
    """Solve N levels of one size; deterministic, whatever the number of threads.

    Args:
        tiles: ``uint8[N, H, W]`` tile ids.
        game: the game that declares them.
        node_limit: states to expand per level before it counts as undecided.
        threads: worker threads (the search releases the interpreter lock).
    """
    batch = compile_levels(tiles, game)
    count = tiles.shape[0]
    verdict = np.zeros(count, np.int8)
    length = np.full(count, -1, np.int32)
    expanded = np.zeros(count, np.int64)
    actions = np.full((count, batch.time_limit), -1, np.int8)
    playable = _playable(batch)

    def work(first: int, last: int) -> None:
        _solve_range(batch, first, last, playable, node_limit, verdict, length, actions, expanded)

    run_chunks(work, count, threads)
    longest = max(1, int(length.max(initial=1)))
    return BatchResult(verdict, length, np.ascontiguousarray(actions[:, :longest]), expanded)


def run_chunks(work, count: int, threads: int, chunk: int = 16) -> None:  # type: ignore[no-untyped-def]
    """Call ``work(first, last)`` over ``range(count)`` in chunks, on a few threads."""
    spans = [(first, min(first + chunk, count)) for first in range(0, count, chunk)]
    if threads <= 1 or len(spans) <= 1:
        for span in spans:
            work(*span)
        return
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work, *span) for span in spans]:
            future.result()


def verify_solution(level: Level, actions: Sequence[int]) -> bool:
    """Whether the action sequence wins the level under the rules."""
    return all(0 <= a < len(level.game.actions) for a in actions) and replay(level, actions).outcome == "won"


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
    bits, phases = _bits(batch, i), _phases(batch)
    dist = _relaxed_distances(batch, i, bits, phases)
    return dist.reshape(1 << bits, phases, -1).astype(np.int16)


def _playable(batch: LevelBatch) -> NDArray[np.bool_]:
    """Levels with exactly one start and at least one goal."""
    starts = (batch.role == Role.START).sum(axis=1)
    return (starts == 1) & (batch.role == Role.GOAL).any(axis=1)


def _reason(level: Level) -> str:
    roles = level.game.roles[level.tiles]
    if (roles == Role.START).sum() != 1:
        return "the level needs exactly one start"
    if not (roles == Role.GOAL).any():
        return "the level has no goal"
    batch = compile_levels(level.tiles[None], level.game)
    bits = _bits(batch, 0)
    _, found = _relaxed_search(batch, 0, bits, _phases(batch))
    if found < 0:
        return "no way leads to the goal"
    return "the goal can be reached, but not alive and in time"


# --- kernels -------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _phases(batch: LevelBatch):
    """Distinct values of the jump state."""
    return max(1, batch.params[P_PROFILE_LEN]) if batch.params[P_PLATFORMER] == 1 else 1


@njit(cache=True, nogil=True)
def _bits(batch: LevelBatch, i):
    """Key/door bits told apart on this level."""
    bits = batch.n_keydoor[i]
    if bits > MAX_KEYDOOR_BITS or batch.role.shape[1] * _phases(batch) << bits > MAX_RELAXED_STATES:
        return 0
    return bits


@njit(cache=True, nogil=True)
def _n_actions(batch: LevelBatch):
    return 6 if batch.params[P_PLATFORMER] == 1 else 5


@njit(cache=True, nogil=True)
def _keys_in_hand(batch: LevelBatch, i, taken):
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
def _relaxed_params(batch: LevelBatch):
    """Rules with hit points that never run out."""
    params = batch.params.copy()
    params[P_MAX_HP] = 1 << 30
    return params


@njit(cache=True, nogil=True)
def _initial_taken(batch: LevelBatch, i, bits):
    """Items gone from the start: all keys and doors where they are too many to tell apart."""
    return (1 << batch.n_keydoor[i]) - 1 if bits == 0 else 0


@njit(cache=True, nogil=True)
def _keys_table(batch: LevelBatch, i, bits):
    """``int32[2**bits]``: keys in hand for each set of keys taken and doors opened."""
    table = np.zeros(1 << bits, np.int32)
    for taken in range(1 << bits):
        table[taken] = _keys_in_hand(batch, i, taken)
    return table


@njit(cache=True, nogil=True)
def _relaxed_search(batch: LevelBatch, i, bits, phases):
    """Breadth-first search of the relaxed game.

    Returns:
        ``int8[T]`` actions of a shortest relaxed win and its length, or -1 if there is none.
    """
    cells = batch.role.shape[1]
    mask = (1 << bits) - 1
    initial = _initial_taken(batch, i, bits)
    keys_of = _keys_table(batch, i, bits)
    params = _relaxed_params(batch)
    n_actions = _n_actions(batch)
    trail = np.empty(TRAIL, np.int32)
    size = cells * phases << bits
    parent = np.full(size, -2, np.int32)
    via = np.empty(size, np.int8)
    queue = np.empty(size, np.int32)
    queue[0] = batch.start[i]
    parent[queue[0]] = -1
    head, tail = 0, 1
    role, item, patrol, start = batch.role[i], batch.item[i], batch.patrol[i], batch.start[i]
    height, width = batch.height, batch.width
    while head < tail:
        state = queue[head]
        head += 1
        cell = state % cells
        jump = state // cells % phases
        taken = state // (cells * phases)
        y, x = cell // width, cell % width
        for action in range(n_actions):
            ny, nx, njump, hp, keys, ntaken, outcome, _ = step(
                params, height, width, role, item, patrol, 0, start,
                y, x, jump, 1 << 29, keys_of[taken], taken | initial, 0, action, trail,
            )  # fmt: skip
            if outcome == WON:
                count = 1
                back = state
                while parent[back] >= 0:
                    count += 1
                    back = parent[back]
                actions = np.empty(count, np.int8)
                actions[count - 1] = action
                back = state
                for k in range(count - 2, -1, -1):
                    actions[k] = via[back]
                    back = parent[back]
                return actions, count
            if outcome == LOST:
                continue
            new = (np.int64(ntaken & mask) * phases + njump) * cells + ny * width + nx
            if parent[new] == -2:
                parent[new] = state
                via[new] = action
                queue[tail] = new
                tail += 1
    return np.empty(0, np.int8), -1


@njit(cache=True, nogil=True)
def _relaxed_distances(batch: LevelBatch, i, bits, phases):
    """``int32[2**bits * P * H*W]`` exact relaxed distance of every reachable state, else -1."""
    cells = batch.role.shape[1]
    mask = (1 << bits) - 1
    initial = _initial_taken(batch, i, bits)
    keys_of = _keys_table(batch, i, bits)
    params = _relaxed_params(batch)
    n_actions = _n_actions(batch)
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
            ny, nx, njump, hp, keys, ntaken, outcome, _ = step(
                params, height, width, role, item, patrol, 0, start,
                y, x, jump, 1 << 29, keys_of[taken], taken | initial, 0, action, trail,
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


@njit(cache=True, nogil=True)
def _period(batch: LevelBatch, i):
    """Shortest common period of the patrols of a level."""
    cycle = batch.params[P_CYCLE]
    for period in range(1, cycle + 1):
        if cycle % period:
            continue
        fits = True
        for e in range(batch.n_patrol[i]):
            for phase in range(cycle - period):
                if batch.patrol[i, e, phase] != batch.patrol[i, e, phase + period]:
                    fits = False
                    break
            if not fits:
                break
        if fits:
            return period
    return cycle


@njit(cache=True, nogil=True)
def _slot(table, key):
    """Where ``key`` is, or belongs, in an open-addressing table of size 2**k (-1 = free)."""
    mask = len(table) - 1
    slot = ((key * 0x9E3779B97F4A7C1) >> 17) & mask
    while table[slot] != -1 and table[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def _rehash(table, best):
    new_table = np.full(len(table) * 2, -1, np.int64)
    new_best = np.zeros(len(table) * 2, np.int8)
    for k in range(len(table)):
        if table[k] != -1:
            slot = _slot(new_table, table[k])
            new_table[slot] = table[k]
            new_best[slot] = best[k]
    return new_table, new_best


@njit(cache=True, nogil=True)
def _astar(batch: LevelBatch, i, bits, phases, node_limit):
    """A* over the full state; see the module's head.

    Returns:
        verdict, ``int8[T]`` actions, states expanded.
    """
    cells = batch.role.shape[1]
    n_actions = _n_actions(batch)
    dist = _relaxed_distances(batch, i, bits, phases)
    period = _period(batch, i)
    mask = (1 << bits) - 1
    unlocked = bits == 0 and batch.n_keydoor[i] > 0
    trail = np.empty(TRAIL, np.int32)
    none = np.empty(0, np.int8)
    limit = batch.time_limit
    role, item, patrol, start = batch.role[i], batch.item[i], batch.patrol[i], batch.start[i]
    height, width, n_patrol = batch.height, batch.width, batch.n_patrol[i]

    if dist[start] < 0 or dist[start] > limit:
        return UNBEATABLE, none, 0
    table = np.full(1 << 14, -1, np.int64)
    best = np.zeros(1 << 14, np.int8)
    used = 0
    capacity = 1 << 14
    cell_of = np.empty(capacity, np.int32)
    jump_of = np.empty(capacity, np.int8)
    hp_of = np.empty(capacity, np.int8)
    keys_of = np.empty(capacity, np.int8)
    taken_of = np.empty(capacity, np.int64)
    time_of = np.empty(capacity, np.int32)
    parent = np.empty(capacity, np.int32)
    via = np.empty(capacity, np.int8)
    chain = np.empty(capacity, np.int32)
    bucket = np.full(limit + 2, -1, np.int32)  # nodes by f = time + distance, last in first out
    cell_of[0], jump_of[0], hp_of[0], keys_of[0] = start, 0, batch.params[P_MAX_HP], 0
    taken_of[0], time_of[0], parent[0], via[0], chain[0] = 0, 0, -1, -1, -1
    nodes = 1
    f = dist[start]
    bucket[f] = 0
    expanded = 0
    while f <= limit:
        node = bucket[f]
        if node < 0:
            f += 1
            continue
        bucket[f] = chain[node]
        cell, jump, hp, t = np.int64(cell_of[node]), jump_of[node], hp_of[node], time_of[node]
        taken = taken_of[node]
        # Keys in hand follow from the bits of ``taken``, so they are no part of the key.
        key = ((taken * phases + jump) * cells + cell) * period + t % period
        slot = _slot(table, key)
        if table[slot] == key:
            if best[slot] >= hp:
                continue
        else:
            table[slot] = key
            used += 1
        best[slot] = hp
        if used * 2 > len(table):
            table, best = _rehash(table, best)
        if expanded >= node_limit:
            return UNDECIDED, none, expanded
        expanded += 1
        y, x = cell // width, cell % width
        for action in range(n_actions):
            ny, nx, njump, nhp, nkeys, ntaken, outcome, _ = step(
                batch.params, height, width, role, item, patrol, n_patrol, start,
                y, x, np.int64(jump), np.int64(hp), np.int64(keys_of[node]), taken, t, action, trail,
            )  # fmt: skip
            if outcome == LOST:
                continue
            if outcome == WON:
                if t + 1 > f:
                    continue  # cannot be: the distance is exact in the relaxed game
                actions = np.empty(t + 1, np.int8)
                actions[t] = action
                back = node
                for k in range(t - 1, -1, -1):
                    actions[k] = via[back]
                    back = parent[back]
                return BEATABLE, actions, expanded
            new_cell = ny * width + nx
            known = np.int64(0) if unlocked else ntaken & mask
            ahead = dist[(known * phases + njump) * cells + new_cell]
            if ahead < 0 or t + 1 + ahead > limit:
                continue
            new_key = ((ntaken * phases + njump) * cells + new_cell) * period + (t + 1) % period
            slot = _slot(table, new_key)
            if table[slot] == new_key and best[slot] >= nhp:
                continue
            if nodes == capacity:
                capacity *= 2
                cell_of, jump_of, hp_of = _grow(cell_of), _grow(jump_of), _grow(hp_of)
                keys_of, taken_of, time_of = _grow(keys_of), _grow(taken_of), _grow(time_of)
                parent, via, chain = _grow(parent), _grow(via), _grow(chain)
            cell_of[nodes], jump_of[nodes], hp_of[nodes] = new_cell, njump, nhp
            keys_of[nodes], taken_of[nodes], time_of[nodes] = nkeys, ntaken, t + 1
            parent[nodes], via[nodes] = node, action
            chain[nodes] = bucket[t + 1 + ahead]
            bucket[t + 1 + ahead] = nodes
            nodes += 1
    return UNBEATABLE, none, expanded


@njit(cache=True, nogil=True)
def _grow(array):
    grown = np.empty(len(array) * 2, array.dtype)
    grown[: len(array)] = array
    return grown


@njit(cache=True, nogil=True)
def _solve_one(batch: LevelBatch, i, node_limit):
    """Returns verdict, actions, states expanded."""
    bits, phases = _bits(batch, i), _phases(batch)
    actions, length = _relaxed_search(batch, i, bits, phases)
    if length < 0 or length > batch.time_limit:
        return UNBEATABLE, np.empty(0, np.int8), 0
    path = np.empty((length + 1, 2), np.int32)
    hp = np.empty(length + 1, np.int32)
    outcome, ticks, _, _ = replay_kernel(batch, i, actions, path, hp)
    if outcome == WON and ticks == length:
        return BEATABLE, actions, length
    return _astar(batch, i, bits, phases, node_limit)


@njit(cache=True, nogil=True)
def _solve_range(batch: LevelBatch, first, last, playable, node_limit, verdict, length, actions, expanded):
    for i in range(first, last):
        if not playable[i]:
            continue
        verdict[i], found, expanded[i] = _solve_one(batch, i, node_limit)
        if verdict[i] == BEATABLE:
            length[i] = len(found)
            actions[i, : len(found)] = found
