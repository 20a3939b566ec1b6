"""Repair edits as little as it can, keeps every count, and its result is proven beatable."""

from __future__ import annotations

import numpy as np
import pytest

from levelforge.game import Game, Role, load_game
from levelforge.level import Level, faults, parse_text
from levelforge.repair import repair, repair_batch
from levelforge.solver import Solution, solve, solve_batch, verify_solution
from tests.test_solver import random_level

DUNGEON = load_game("dungeon")
PLATFORMER = load_game("platformer")


def level(text: str, game: Game) -> Level:
    return Level(game, parse_text(text.strip("\n"), game))


SOUND = """
################
#@....#........#
#.....#...b....#
#.....#........#
#..k..D........#
#######........#
#.....#........#
#.....#........#
#.....####.#####
#..............#
#.............>#
################
"""


def test_a_sound_level_is_not_touched() -> None:
    lv = level(
        SOUND.replace(
            "#.....#........#\n#.....#........#\n#.....####", "#..............#\n#.....#........#\n#.....####"
        ),
        DUNGEON,
    )
    result = repair(lv)
    assert result is not None
    assert result.edits == 0
    assert result.level.same_as(lv)


def test_a_pocket_is_filled_or_joined_whichever_takes_fewer_edits() -> None:
    lv = level(SOUND, DUNGEON)
    one_tile = lv.tiles.copy()
    one_tile[5, 4] = DUNGEON.empty.id  # joins the lower left part
    sound = repair(Level(DUNGEON, one_tile))
    assert sound is not None
    base = sound.level.tiles
    pocket = base.copy()
    pocket[1:4, 7:] = DUNGEON.solid.id
    pocket[2, 12] = DUNGEON.empty.id
    result = repair(Level(DUNGEON, pocket))
    assert result is not None
    assert result.edits == 1


def test_a_pocket_that_holds_a_counted_tile_is_joined() -> None:
    lv = level(SOUND, DUNGEON)
    tiles = lv.tiles.copy()
    tiles[5, 4] = DUNGEON.empty.id
    tiles[5:8, 10:15] = DUNGEON.solid.id
    tiles[6, 12] = DUNGEON.tile("treasure").id
    result = repair(Level(DUNGEON, tiles))
    assert result is not None
    assert result.edits == 1
    assert result.level.tiles[6, 12] == DUNGEON.tile("treasure").id


def test_a_key_behind_its_own_door_is_dug_out() -> None:
    text = "\n".join(
        [
            "#" * 16,
            *["#@....##......k#"] * 1,
            *["#.....D........#"] * 1,
            *["#.....##.......#"] * 7,
            "#.....##......>#",
            "#" * 16,
        ]
    )
    result = repair(level(text, DUNGEON))
    assert result is not None
    assert result.edits == 2
    assert verify_solution(result.level, result.solution)


def test_a_gap_too_wide_gets_one_platform() -> None:
    rows = ["." * 32] * 12 + ["." * 2 + "@" + "." * 26 + ">.."] + ["#########" + "." * 9 + "#" * 14] * 3
    result = repair(level("\n".join(rows), PLATFORMER))
    assert result is not None
    assert result.edits == 1


def test_deadly_spikes_are_moved_aside_and_counts_kept() -> None:
    text = "\n".join(["#" * 32, "#@^^^^" + "." * 25 + "#", "######" + "." * 25 + "#"])
    text += ("\n#" + "." * 30 + "#") * 19 + "\n#" + "." * 29 + ">#\n" + "#" * 32
    lv = level(text, DUNGEON)
    result = repair(lv)
    assert result is not None
    survived = DUNGEON.rules.hit_points - 1
    assert result.edits == 2 * (4 - survived)  # the other spikes move, each from one tile to another
    assert result.level.counts() == lv.counts()
    assert verify_solution(result.level, result.solution)


def test_a_drawn_map_without_start_or_border_is_mended() -> None:
    rows = ["." * 16] * 12
    result = repair(level("\n".join(rows), DUNGEON))
    assert result is not None
    assert faults(result.level) == []


def one_terrain_edit_is_enough(lv: Level) -> bool:
    """Whether any single edit of terrain makes a level beatable, by trying all (tiny levels only)."""
    game = lv.game
    support = next(iter(game.of_role(Role.ONE_WAY)), game.solid)
    options = [
        (cell, new)
        for cell, tile in enumerate(lv.tiles.ravel())
        for new in (game.empty.id, support.id)
        if game.tiles[tile].role in (Role.EMPTY, Role.SOLID) and new != tile
    ]
    edited = np.stack([lv.tiles] * len(options))
    for tiles, (cell, new) in zip(edited, options, strict=True):
        tiles.ravel()[cell] = new
    return bool((solve_batch(edited, game, threads=1).verdict == 1).any())


@pytest.mark.parametrize("seed", range(40))
def test_platformer_repairs_are_as_few_as_trying_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tiles = rng.choice([0, 1], size=(8, 7), p=[0.62, 0.38]).astype(np.uint8)
    tiles[6, 0], tiles[6, 6] = PLATFORMER.tile("start").id, PLATFORMER.tile("flag").id
    lv = Level(PLATFORMER, tiles)
    if isinstance(solve(lv), Solution):
        return
    batch = repair_batch(tiles[None], PLATFORMER, threads=1)
    assert batch.edits[0] > 0
    if batch.edits[0] > 1:
        assert not one_terrain_edit_is_enough(lv)


@pytest.mark.parametrize("game", [DUNGEON, PLATFORMER], ids=lambda g: g.name)
def test_batch_keeps_counts_reports_edits_and_certifies(game: Game) -> None:
    rng = np.random.default_rng(3)
    tiles = np.stack([random_level(game, rng).tiles for _ in range(80)])
    batch = repair_batch(tiles, game)
    twice = repair_batch(tiles, game, threads=1)
    np.testing.assert_array_equal(batch.tiles, twice.tiles)
    assert (batch.edits >= 0).mean() > 0.5
    for i in np.flatnonzero(batch.edits >= 0):
        repaired, given = Level(game, batch.tiles[i]), Level(game, tiles[i])
        assert repaired.counts() == given.counts()
        assert verify_solution(repaired, batch.solution(int(i)))
        assert batch.edits[i] == (batch.tiles[i] != tiles[i]).sum()
    failed = batch.edits < 0
    np.testing.assert_array_equal(batch.tiles[failed], tiles[failed])
    assert (batch.length[failed] == -1).all()
