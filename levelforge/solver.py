"""Exact search over the rules: a shortest winning action sequence, a proof that there is none, or undecided.

Two stages, both over the one rules kernel:

1. *Relaxed* A* search, without patrols, hit points and the clock. Its state is (cell,
   jump phase, keys and doors used), a few thousand at most. What it cannot win nobody can; and
   where its shortest win also wins under the full rules, that is a shortest win.
2. Otherwise A* (Hart, Nilsson and Raphael 1968) over the full state (relaxed state, patrol phase,
   heals used, hit points), guided by the exact relaxed distance, which is consistent. Of two visits
   to the same state that differ in hit points alone, the later one counts only with more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from levelforge.game import Game, Role
from levelforge.level import Level
from levelforge.relaxed import (
    MAX_RELAXED_STATES,
    action_count,
    distance_table,
    grow,
    jump_phases,
    keydoor_bits,
    relaxed_distances,
    relaxed_search,
)
from levelforge.rules.kernel import step
from levelforge.rules.replay import replay, replay_kernel
from levelforge.rules.state import (
    LOST,
    P_CYCLE,
    P_MAX_HP,
    TRAIL,
    WON,
    LevelBatch,
    compile_levels,
)

__all__ = [
    "BatchResult",
    "Solution",
    "Unbeatable",
    "Undecided",
    "distance_table",
    "solve",
    "solve_batch",
    "verify_solution",
]

BEATABLE, UNBEATABLE, UNDECIDED = 1, 0, -1
DEFAULT_NODE_LIMIT = 2_000_000


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


def run_chunks(work: Callable[[int, int], None], count: int, threads: int, chunk: int = 16) -> None:
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


def _playable(batch: LevelBatch) -> NDArray[np.bool_]:
    """Levels with exactly one start and at least one goal."""
    starts = (batch.role == Role.START).sum(axis=1)
    playable: NDArray[np.bool_] = (starts == 1) & (batch.role == Role.GOAL).any(axis=1)
    return playable


def _reason(level: Level) -> str:
    roles = level.game.roles[level.tiles]
    if (roles == Role.START).sum() != 1:
        return "the level needs exactly one start"
    if not (roles == Role.GOAL).any():
        return "the level has no goal"
    batch = compile_levels(level.tiles[None], level.game)
    bits = keydoor_bits(batch, 0)
    _, found = relaxed_search(batch, 0, bits, jump_phases(batch), MAX_RELAXED_STATES)
    if found < 0:
        return "no way leads to the goal"
    return "the goal can be reached, but not alive and in time"


# --- kernels -------------------------------------------------------------------------------------


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
    n_actions = action_count(batch)
    dist = relaxed_distances(batch, i, bits, phases)
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
                cell_of, jump_of, hp_of = grow(cell_of), grow(jump_of), grow(hp_of)
                keys_of, taken_of, time_of = grow(keys_of), grow(taken_of), grow(time_of)
                parent, via, chain = grow(parent), grow(via), grow(chain)
            cell_of[nodes], jump_of[nodes], hp_of[nodes] = new_cell, njump, nhp
            keys_of[nodes], taken_of[nodes], time_of[nodes] = nkeys, ntaken, t + 1
            parent[nodes], via[nodes] = node, action
            chain[nodes] = bucket[t + 1 + ahead]
            bucket[t + 1 + ahead] = nodes
            nodes += 1
    return UNBEATABLE, none, expanded


@njit(cache=True, nogil=True)
def _solve_one(batch: LevelBatch, i, node_limit):
    """Returns verdict, actions, states expanded."""
    bits, phases = keydoor_bits(batch, i), jump_phases(batch)
    actions, length = relaxed_search(batch, i, bits, phases, batch.time_limit)
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
