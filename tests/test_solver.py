"""The solver is exact: shortest solutions, and 'unbeatable' only where nothing wins."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from levelforge.game import Game, load_game
from levelforge.level import Level, parse_text
from levelforge.rules import RUNNING, TRAIL, WON, compile_levels, replay, step
from levelforge.solver import (
    Solution,
    Unbeatable,
    Undecided,
    distance_table,
    solve,
    solve_batch,
    verify_solution,
)

DUNGEON = load_game("dungeon")
PLATFORMER = load_game("platformer")


def level(text: str, game: Game) -> Level:
    return Level(game, parse_text(text.strip("\n"), game))


def brute_force(lv: Level) -> int | None:
    """Length of a shortest win by plain breadth-first search over every full state."""
    batch = compile_levels(lv.tiles[None], lv.game)
    trail = np.empty(TRAIL, np.int32)
    start = (batch.start[0] // lv.width, batch.start[0] % lv.width, 0, lv.game.rules.hit_points, 0, 0, 0)
    seen, queue = {start}, deque([(start, 0)])
    while queue:
        (y, x, jump, hp, keys, taken, phase), t = queue.popleft()
        if t >= batch.time_limit:
            continue
        for action in range(len(lv.game.actions)):
            *state, outcome, _ = step(
                batch.params, lv.height, lv.width, batch.role[0], batch.item[0], batch.patrol[0],
                batch.n_patrol[0], batch.start[0], y, x, jump, hp, keys, taken, phase, action, trail,
            )  # fmt: skip
            if outcome == WON:
                return t + 1
            key = (*state, (phase + 1) % lv.game.rules.patrol_cycle)
            if outcome == RUNNING and key not in seen:
                seen.add(key)
                queue.append((key, t + 1))
    return None


def random_level(game: Game, rng: np.random.Generator) -> Level:
    """A small level thick with everything the rules know."""
    height, width = (5, 8) if game.movement == "topdown" else (8, 8)
    weights = np.ones(len(game.tiles))
    weights[game.empty.id] = 14
    weights[game.solid.id] = 6
    tiles = rng.choice(len(game.tiles), size=(height, width), p=weights / weights.sum()).astype(np.uint8)
    start = next(t.id for t in game.tiles if t.role.word == "start")
    goal = next(t.id for t in game.tiles if t.role.word == "goal")
    tiles[tiles == start] = game.empty.id
    tiles[rng.integers(height), rng.integers(2)] = start
    if not (tiles == goal).any():
        tiles[rng.integers(height), width - 1] = goal
    return Level(game, tiles)


@pytest.mark.parametrize("game", [DUNGEON, PLATFORMER], ids=lambda g: g.name)
@pytest.mark.parametrize("seed", range(120))
def test_agrees_with_brute_force(game: Game, seed: int) -> None:
    lv = random_level(game, np.random.default_rng(seed))
    result, expected = solve(lv), brute_force(lv)
    if expected is None:
        assert isinstance(result, Unbeatable)
    else:
        assert isinstance(result, Solution)
        assert len(result.actions) == expected
        assert verify_solution(lv, result.actions)


def test_key_behind_its_own_door_is_unbeatable_and_says_why() -> None:
    result = solve(level("#########\n#@..D.k>#\n#########", DUNGEON))
    assert isinstance(result, Unbeatable)
    assert result.reason == "no way leads to the goal"


def test_hit_points_count() -> None:
    def corridor(things: str) -> Level:
        wall = "#" * (len(things) + 4)
        return level(f"{wall}\n#@{things}>#\n{wall}", DUNGEON)

    most = DUNGEON.rules.hit_points
    assert isinstance(solve(corridor("^" * (most - 1))), Solution)
    result = solve(corridor("^" * most))
    assert isinstance(result, Unbeatable)
    assert "not alive" in result.reason
    assert isinstance(solve(corridor("^" * (most - 1) + "!^")), Solution)


def test_gap_width_that_the_jump_profile_allows() -> None:
    def gap(width: int) -> Level:
        rows = ["." * (width + 8)] * 6
        rows += ["..@." + "." * width + "..>.", "####" + "." * width + "####"]
        return level("\n".join(rows), PLATFORMER)

    lengths = [width for width in range(1, 12) if isinstance(solve(gap(width)), Solution)]
    assert lengths == list(range(1, max(lengths) + 1))
    assert max(lengths) == len(PLATFORMER.rules.jump_profile) - 1


def test_node_limit_gives_undecided() -> None:
    lv = level("##########\n#@^^^^..>#\n#........#\n##########", DUNGEON)
    assert isinstance(solve(lv, node_limit=2), Undecided)
    result = solve(lv)
    assert isinstance(result, Solution)
    assert len(result.actions) == 9  # past two of the four spikes, around the rest


def test_batch_equals_single_and_ignores_thread_count() -> None:
    rng = np.random.default_rng(5)
    levels = [random_level(DUNGEON, rng) for _ in range(40)]
    stack = np.stack([lv.tiles for lv in levels])
    one, two = solve_batch(stack, DUNGEON, threads=1), solve_batch(stack, DUNGEON, threads=2)
    np.testing.assert_array_equal(one.verdict, two.verdict)
    np.testing.assert_array_equal(one.actions, two.actions)
    for i, lv in enumerate(levels):
        result = solve(lv)
        assert one.solution(i) == (result.actions if isinstance(result, Solution) else ())


def test_level_without_start_or_goal_is_unbeatable_with_the_reason() -> None:
    for text, reason in (("####\n#.>#\n####", "exactly one start"), ("####\n#@.#\n####", "no goal")):
        result = solve(level(text, DUNGEON))
        assert isinstance(result, Unbeatable)
        assert reason in result.reason


@pytest.mark.parametrize("game", [DUNGEON, PLATFORMER], ids=lambda g: g.name)
def test_distance_table_is_a_lower_bound_that_falls_by_at_most_one_a_step(game: Game) -> None:
    for seed in range(200):
        lv = random_level(game, np.random.default_rng(seed))
        result = solve(lv)
        if not isinstance(result, Solution):
            continue
        batch = compile_levels(lv.tiles[None], game)
        table = distance_table(batch, 0)
        start = table[0, 0, batch.start[0]]
        assert 0 < start <= len(result.actions)
        path = replay(lv, result.actions).path
        assert table[..., path[-2][0] * lv.width + path[-2][1]].max() >= 1
