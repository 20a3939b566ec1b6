"""Repair: the fewest tile edits that make a candidate well-formed and beatable.

Counted tiles keep their counts: repair edits terrain, and at the last moves a hazard or a patrol.

1. *Connect* (where the game asks for connected floor): each pocket that cannot be reached is filled
   or joined by the cheapest tunnel, whichever takes fewer edits; nearest pocket first.
2. *Open the way*: a layered (0-1) shortest path over the relaxed game, in which a step may assume
   one edit (a solid tile opened, a platform put under the feet) at a cost of one. The edits of the
   cheapest win are applied, and those that prove unneeded are taken back.
3. *Relieve*: where the way is open but deadly, hazards and patrols that hit are moved aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levelforge.game import Game, Role, Tiles
from levelforge.level import Level, faults
from levelforge.relaxed import jump_phases, keydoor_bits, relaxed_search
from levelforge.repair_search import connect_one, edit_search, find_hits
from levelforge.rules.state import EMPTY, ONE_WAY, SOLID, LevelBatch, compile_levels
from levelforge.solver import BEATABLE, UNDECIDED, run_chunks, solve_batch

ROUNDS = 4
"""How often ways are opened and dangers moved before a level counts as beyond repair."""
REPAIR_NODE_LIMIT = 200_000


@dataclass(frozen=True)
class RepairResult:
    """A repaired level (its ``solution`` and ``edits`` set) and how many tiles differ."""

    level: Level
    edits: int
    solution: tuple[int, ...]


@dataclass(frozen=True)
class RepairBatch:
    """Repair of N candidates.

    Attributes:
        tiles: ``uint8[N, H, W]`` repaired levels (as given where repair failed).
        edits: ``int32[N]`` tiles that differ, -1 where repair failed.
        raw_beatable: ``bool[N]`` beatable before any edit.
        length: ``int32[N]`` length of the shortest solution, -1 where repair failed.
        actions: ``int8[N, L]`` solutions, padded with -1.
    """

    tiles: NDArray[np.uint8]
    edits: NDArray[np.int32]
    raw_beatable: NDArray[np.bool_]
    length: NDArray[np.int32]
    actions: NDArray[np.int8]

    def solution(self, i: int) -> tuple[int, ...]:
        """The action codes of level ``i``."""
        return tuple(int(a) for a in self.actions[i, : max(int(self.length[i]), 0)])


def repair(level: Level, *, node_limit: int = REPAIR_NODE_LIMIT) -> RepairResult | None:
    """Repair one level, of our making or not; None if no repair was found.

    Besides what :func:`repair_batch` does, it mends what a drawn map may lack: a start, a goal,
    counts outside their ranges, an open border.

    Args:
        level: the level; a beatable, well-formed one comes back with 0 edits.
        node_limit: limit of each search.
    """
    game = level.game
    tiles = mend_counts(level)
    batch = repair_batch(tiles[None], game, threads=1, node_limit=node_limit)
    if batch.edits[0] < 0:
        return None
    edits = int((batch.tiles[0] != level.tiles).sum())
    solution = batch.solution(0)
    return RepairResult(level.with_(tiles=batch.tiles[0], edits=edits, solution=solution), edits, solution)


def repair_batch(
    tiles: NDArray[np.uint8],
    game: Game,
    *,
    threads: int = 2,
    node_limit: int = REPAIR_NODE_LIMIT,
    frozen: NDArray[np.bool_] | None = None,
) -> RepairBatch:
    """Repair N candidates that have the right counts.

    Args:
        tiles: ``uint8[N, H, W]`` candidates with one start and at least one goal each.
        game: the game that declares them.
        threads: worker threads.
        node_limit: limit of each search; a level that stays undecided counts as not repaired.
        frozen: ``bool[H, W]`` tiles that no edit may touch, the same in all levels; by default none.
    """
    kept = np.zeros(tiles.shape[1:], np.bool_) if frozen is None else np.ascontiguousarray(frozen, np.bool_)
    out = np.ascontiguousarray(tiles).copy()
    first = solve_batch(out, game, node_limit=node_limit, threads=threads)
    verdict, length, actions = first.verdict.copy(), first.length.copy(), _padded(first.actions, game, out)
    raw_beatable = verdict == BEATABLE
    if game.constraints.connected_floor and len(out):
        connect(out, game, threads=threads, frozen=kept)
        joined = np.flatnonzero((out != tiles).any(axis=(1, 2)))
        _resolve(out, joined, game, node_limit, verdict, length, actions, threads)
    for _ in range(ROUNDS):
        failing = np.flatnonzero((verdict != BEATABLE) & (verdict != UNDECIDED))
        changed = [i for i in failing if _open_or_relieve(out, int(i), game, kept)]
        if not changed:
            break
        _resolve(out, np.array(changed), game, node_limit, verdict, length, actions, threads)
    _take_back(tiles, out, game, node_limit, raw_beatable, verdict, length, actions, kept)
    good = verdict == BEATABLE
    out[~good] = tiles[~good]
    length[~good] = -1
    edits = np.where(good, (out != tiles).sum(axis=(1, 2)), -1).astype(np.int32)
    longest = max(1, int(length.max(initial=1)))
    return RepairBatch(out, edits, raw_beatable, length, np.ascontiguousarray(actions[:, :longest]))


def connect(
    tiles: NDArray[np.uint8], game: Game, *, threads: int = 2, frozen: NDArray[np.bool_] | None = None
) -> None:
    """Fill or join every pocket of ``uint8[N, H, W]`` levels that the start cannot reach, in place.

    Tiles of ``frozen bool[H, W]`` stay as they are, even where a pocket then stays one.
    """
    kept = np.zeros(tiles.shape[1] * tiles.shape[2], np.bool_) if frozen is None else frozen.ravel()
    roles = game.roles
    counted = np.array([t.name in game.count_ranges for t in game.tiles])
    border = game.constraints.solid_border

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            connect_one(tiles[i], roles, counted, game.empty.id, game.solid.id, border, kept)

    run_chunks(work, len(tiles), threads)


def mend_counts(level: Level) -> Tiles:
    """``uint8[H, W]`` with the border, the start, the goal and all counts as the game wants them.

    Nothing is touched in a level without faults. Surplus entities are removed in reading order from
    the end; missing ones are put on the first plain floor tiles that suit them, the goal as far from
    the start as can be.
    """
    game, tiles = level.game, level.tiles.copy()
    if not faults(level):
        return tiles
    if game.constraints.solid_border:
        edge = np.ones(tiles.shape, bool)
        edge[1:-1, 1:-1] = False
        tiles[edge & (game.roles[tiles] != SOLID)] = game.solid.id
    ranges = game.counts(level.width, level.height)
    for tile in game.entities:
        low, high = ranges[tile.name]
        cells = np.flatnonzero(tiles == tile.id)
        tiles.ravel()[cells[high:]] = game.empty.id
        for _ in range(low - len(cells)):
            spots = plain_spots(tiles, game, tile.place)
            if not len(spots):
                break
            spot = spots[0]
            if tile.role is Role.GOAL:
                start = np.flatnonzero(game.roles[tiles].ravel() == Role.START)
                if len(start):
                    width = level.width
                    reach = abs(spots // width - start[0] // width) + abs(spots % width - start[0] % width)
                    spot = spots[int(reach.argmax())]
            tiles.ravel()[spot] = tile.id
    return tiles


def plain_spots(tiles: Tiles, game: Game, place: str) -> NDArray[np.intp]:
    """Flat cells of plain floor, those that suit ``place`` if there are any."""
    roles = game.roles[tiles]
    empty = roles == EMPTY
    if place == "ground":
        carried = np.zeros_like(empty)
        carried[:-1] = (roles[1:] == SOLID) | (roles[1:] == ONE_WAY)
        if (empty & carried).any():
            empty &= carried
    return np.flatnonzero(empty)


def _padded(actions: NDArray[np.int8], game: Game, tiles: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Room for solutions up to the time limit."""
    full = np.full((len(tiles), game.time_limit(tiles.shape[2], tiles.shape[1])), -1, np.int8)
    full[:, : actions.shape[1]] = actions[:, : full.shape[1]]
    return full


def _resolve(tiles, which, game, node_limit, verdict, length, actions, threads) -> None:  # type: ignore[no-untyped-def]
    """Solve some levels anew and note the verdicts."""
    if len(which):
        result = solve_batch(tiles[which], game, node_limit=node_limit, threads=threads)
        verdict[which], length[which] = result.verdict, result.length
        actions[which] = -1
        actions[np.ix_(which, np.arange(result.actions.shape[1]))] = result.actions


def _take_back(given, out, game, node_limit, raw_beatable, verdict, length, actions, frozen) -> None:  # type: ignore[no-untyped-def]
    """Undo every single terrain edit without which the level still is as it must be."""
    for i in np.flatnonzero(~raw_beatable & (verdict == BEATABLE)):
        cells = [tuple(c) for c in np.argwhere(given[i] != out[i])]
        if not 1 < len(cells) <= 24:
            continue
        for cell in cells:
            trial = out[i].copy()
            trial[cell] = given[i][cell]
            if not _same_counts(trial, given[i], game):
                continue
            if game.constraints.connected_floor:
                joined = trial[None].copy()
                connect(joined, game, threads=1, frozen=frozen)
                if not np.array_equal(joined[0], trial):
                    continue
            result = solve_batch(trial[None], game, node_limit=node_limit, threads=1)
            if result.verdict[0] == BEATABLE:
                out[i] = trial
                length[i] = result.length[0]
                actions[i] = -1
                actions[i, : result.actions.shape[1]] = result.actions[0]


def _same_counts(a: Tiles, b: Tiles, game: Game) -> bool:
    return all((a == t.id).sum() == (b == t.id).sum() for t in game.entities)


def _open_or_relieve(tiles: NDArray[np.uint8], i: int, game: Game, frozen: NDArray[np.bool_]) -> bool:
    """Edit level ``i`` towards beatable, in place and not where it is frozen; False if nothing can be done."""
    batch = compile_levels(tiles[i : i + 1], game)
    bits, phases = keydoor_bits(batch, 0), jump_phases(batch)
    way, length = relaxed_search(batch, 0, bits, phases, batch.time_limit)
    if length < 0:
        support = next(iter(game.of_role(Role.ONE_WAY)), game.solid)
        border = game.constraints.solid_border
        cells, roles = edit_search(batch, 0, bits, phases, border, int(support.role), frozen.ravel())
        for cell, role in zip(cells, roles, strict=True):
            tiles[i].ravel()[cell] = game.empty.id if role == EMPTY else support.id
        return len(cells) > 0
    return _relieve(tiles[i], batch, way, game, frozen.ravel())


def _relieve(
    tiles: Tiles, batch: LevelBatch, way: NDArray[np.int8], game: Game, frozen: NDArray[np.bool_]
) -> bool:
    """Move aside the last danger that hits on the shortest relaxed way and is not frozen."""
    cells = np.full((len(way), 4), -1, np.int32)
    walked = np.zeros(batch.role.shape[1], np.bool_)
    find_hits(batch, way, cells, walked)
    hits = cells[cells >= 0]
    if not len(hits):
        return False
    flat = tiles.ravel()
    roles = game.roles[tiles]
    free = (roles == EMPTY).ravel() & ~walked & ~frozen
    for culprit in hits[~frozen[hits]][::-1]:
        danger = flat[culprit]
        flat[culprit] = game.empty.id
        if game.tiles[danger].name in game.count_ranges:
            place = plain_spots(tiles, game, game.tiles[danger].place)
            place = place[free[place]]
            if not len(place):
                flat[culprit] = danger
                continue
            width = batch.width
            far = np.abs(place // width - culprit // width) + np.abs(place % width - culprit % width)
            # Out of the way of a patrol's whole beat, yet near enough to keep the level's look.
            flat[place[int(np.abs(far - 8).argmin())]] = danger
        return True
    return False
