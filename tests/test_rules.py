"""The kernels against the plain-Python rules of ``reference_rules.py``, and what the rules promise."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_rules import World
from strategies import games, make_game, random_tiles, tile_grids

from levelforge.game import Role
from levelforge.level import Level, parse_text
from levelforge.rules import TRAIL, compile_levels, replay, step

OUTCOMES = ("running", "won", "lost")


def play_both(game, tiles, actions):
    """Step kernel and reference side by side, comparing everything after each step."""
    batch = compile_levels(tiles[None], game)
    world = World(game, tiles)
    width = batch.width
    y, x = divmod(int(batch.start[0]), width)
    jump, hp, keys, taken = 0, game.rules.hit_points, 0, 0
    trail = np.zeros(TRAIL, np.int32)
    for t, action in enumerate(actions):
        y, x, jump, hp, keys, taken, outcome, entered = step(
            batch.params, batch.height, width, batch.role[0], batch.item[0], batch.patrol[0],
            int(batch.n_patrol[0]), int(batch.start[0]), y, x, jump, hp, keys, taken, t, action, trail,
        )  # fmt: skip
        world.step(action)
        gone = {
            divmod(c, width)
            for c in range(tiles.size)
            if batch.item[0, c] >= 0 and taken >> int(batch.item[0, c]) & 1
        }
        kernel = (
            (y, x),
            jump,
            hp,
            keys,
            gone,
            OUTCOMES[outcome],
            [divmod(int(c), width) for c in trail[:entered]],
        )
        plain = (world.place, world.jump, world.hp, world.keys, world.gone, world.outcome, world.entered)
        if outcome:  # the jump state of a finished run means nothing
            kernel, plain = (kernel[0], *kernel[2:]), (plain[0], *plain[2:])
        assert kernel == plain, f"step {t}, action {action}"
        if outcome:
            break


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_kernel_and_reference_agree(data):
    game = data.draw(games())
    tiles = data.draw(tile_grids(game))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    # Actions held for a while get farther than noise, above all through the air.
    held = np.repeat(rng.integers(0, len(game.actions), 30), rng.integers(1, 8, 30))
    play_both(game, tiles, held.tolist())


@pytest.mark.parametrize("movement", ["topdown", "platformer"])
def test_kernel_and_reference_agree_on_roomy_levels_where_runs_last_long(movement):
    game = make_game(movement, hit_points=15, fall_out="hurt")
    for seed in range(60):
        rng = np.random.default_rng(seed)
        tiles = random_tiles(game, 14, 20, rng)
        play_both(game, tiles, np.repeat(rng.integers(0, len(game.actions), 40), 4).tolist())


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_patrols_walk_the_promised_beat(data):
    game = data.draw(games())
    tiles = data.draw(tile_grids(game, most=14))
    batch = compile_levels(tiles[None], game)
    world, cycle = World(game, tiles), game.rules.patrol_cycle
    assert batch.n_patrol[0] == len(world.beats)
    for e, beat in enumerate(world.beats):
        cells = [divmod(int(c), batch.width) for c in batch.patrol[0, e]]
        assert cells == [beat[phase % len(beat)] for phase in range(cycle)]
        assert cycle % len(beat) == 0
        assert all(
            abs(a[0] - b[0]) + abs(a[1] - b[1]) <= 1
            for a, b in zip(cells, cells[1:] + cells[:1], strict=True)
        )


@pytest.mark.parametrize(
    ("room", "period"), [("#w#", 2), ("#w.#", 4), ("#.w.#", 6), ("#..w..#", 8), ("#.....w......#", 24)]
)
def test_a_beat_is_the_longest_whose_period_divides_the_cycle(room, period):
    game = make_game("topdown", patrol_cycle=24)
    row = "#" * len(room)
    tiles = parse_text(f"{row}\n{room}\n{row}\n{'@' + '>' * (len(room) - 1)}", game)
    assert len(World(game, tiles).beats[0]) == period
    patrol = compile_levels(tiles[None], game).patrol[0, 0]
    assert (patrol == np.roll(patrol, period)).all()
    assert len(set(patrol.tolist())) == period // 2


def test_replaying_gives_the_path_the_hit_points_and_what_was_collected():
    game = make_game("topdown", hit_points=3)
    level = Level(game, parse_text("#######\n#@o^k>#\n#######", game))
    run = replay(level, [3, 3, 3, 3, 3, 0])
    assert (run.outcome, run.ticks, run.keys, run.collected) == ("won", 4, 1, 1)
    assert run.path.tolist() == [[1, 1], [1, 2], [1, 3], [1, 4], [1, 5]]
    assert run.hp.tolist() == [3, 3, 2, 2, 2]


def test_running_out_of_time_loses_a_replay():
    game = make_game("topdown", time_limit=5)
    level = Level(game, parse_text("#######\n#@...>#\n#######", game))
    assert replay(level, [4] * game.time_limit(7, 3)).outcome == "lost"


def test_every_role_is_in_the_games_made_for_these_tests():
    for movement in ("topdown", "platformer"):
        game = make_game(movement)
        assert {t.role for t in game.tiles} == set(map(Role, np.unique(game.roles)))


def few_levels_without_hypothesis():
    for movement in ("topdown", "platformer"):
        game = make_game(movement, hit_points=9, fall_out="hurt")
        for seed in range(4):
            rng = np.random.default_rng(seed)
            tiles = random_tiles(game, 6, 8, rng)
            play_both(game, tiles, np.repeat(rng.integers(0, len(game.actions), 10), 3).tolist())
    return "agreed"


def test_the_rules_are_the_same_without_compilation():
    script = "import test_rules; print(test_rules.few_levels_without_hypothesis())"
    here = Path(__file__).parent
    path = os.pathsep.join(map(str, [here, here.parent]))
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "agreed", done.stderr
