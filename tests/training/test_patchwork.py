"""Patchwork levels: new as a whole, authored in their parts, and always beatable."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from levelforge.corpus import load_corpus
from levelforge.game import Role, bundled_games, load_game
from levelforge.solver import solve_batch
from levelforge.training.patchwork import RARE, patchwork, quotas


@pytest.mark.parametrize("name", bundled_games())
def test_patchwork_levels_are_new_distinct_and_beatable(name):
    game = load_game(name)
    assert game.folder is not None
    authored = [level.tiles for level in load_corpus(game.folder / "corpus", game).train]
    made = patchwork(authored, 40, game, seed=3)
    keys = {tiles.tobytes() for tiles in made}
    assert len(made) == len(keys) == 40
    assert not keys & {tiles.tobytes() for tiles in authored}
    for tiles in made:
        solved = solve_batch(tiles[None], game)
        assert solved.verdict[0] == 1
        assert solved.length[0] >= game.min_solution(tiles.shape[1], tiles.shape[0])
        assert (game.roles[tiles] == Role.START).sum() == 1
        if game.constraints.solid_border:
            rim = np.ones(tiles.shape, bool)
            rim[1:-1, 1:-1] = False
            assert (game.roles[tiles][rim] == Role.SOLID).all()


def test_patchwork_is_the_same_for_the_same_seed_and_another_for_another():
    game = load_game("platformer")
    assert game.folder is not None
    authored = [level.tiles for level in load_corpus(game.folder / "corpus", game).train][:12]
    first, again, other = (patchwork(authored, 10, game, seed) for seed in (1, 1, 2))
    np.testing.assert_equal(first, again)
    assert {t.tobytes() for t in first} != {t.tobytes() for t in other}


def test_one_level_has_nothing_to_be_pieced_together_with():
    game = load_game("dungeon")
    assert game.folder is not None
    authored = [level.tiles for level in load_corpus(game.folder / "corpus", game).train]
    assert patchwork(authored[:1], 10, game, seed=0) == []


@pytest.mark.parametrize("name", bundled_games())
def test_a_size_of_which_there_is_one_level_is_made_as_well_and_starts_and_goals_stay(name):
    game = load_game(name)
    assert game.folder is not None
    authored = [level.tiles for level in load_corpus(game.folder / "corpus", game).train]
    usual = [tiles for tiles in authored if tiles.shape == (game.height, game.width)][:8]
    large = next(tiles for tiles in authored if tiles.shape != (game.height, game.width))
    made = patchwork([*usual, large], 30, game, seed=0)
    assert Counter(tiles.shape for tiles in made) == quotas([*usual, large], 30)
    for role in (Role.START, Role.GOAL):
        places = {(t.shape, (game.roles[t] == role).tobytes()) for t in (*usual, large)}
        assert {(t.shape, (game.roles[t] == role).tobytes()) for t in made} <= places
    # far from being the one level over again
    wide = [tiles for tiles in made if tiles.shape == large.shape]
    assert np.mean([(tiles != large).mean() for tiles in wide]) > 0.1


def test_rare_sizes_have_a_quarter_before_shares_add_up():
    flat, wide = np.zeros((16, 64), np.uint8), np.zeros((16, 128), np.uint8)
    assert quotas([flat], 7) == {(16, 64): 7}
    assert quotas([flat, wide], 7) == {(16, 64): 4, (16, 128): 3}
    found = quotas([flat] * 99 + [wide], 1000)
    assert found[16, 128] == pytest.approx(1000 * RARE / (0.99 + RARE), abs=1)
    assert sum(found.values()) == 1000
