"""Sets that are spread out: no near-copies, and any first few of a set differ widely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standins import make_pack

from levelforge.game import load_game
from levelforge.generate import GenerateConfig, generate
from levelforge.pack import Pack
from levelforge.spread import BINS, NEAR_COPY, Distinct, archive_cells, archive_ranks, openness, spread_order

DUNGEON = load_game("dungeon")


@pytest.fixture(scope="module", name="packs")
def _packs(tmp_path_factory: pytest.TempPathFactory) -> list[Pack]:
    folder = tmp_path_factory.mktemp("packs")
    return [make_pack(folder / str(critic), "dungeon", critic=critic) for critic in (False, True)]


def pairwise(tiles: np.ndarray) -> np.ndarray:
    flat = tiles.reshape(len(tiles), -1)
    apart = (flat[:, None] != flat[None]).mean(axis=2)
    found: np.ndarray = apart[np.triu_indices(len(tiles), 1)]
    return found


@given(st.integers(1, 30), st.integers(0, 2**31))
def test_the_order_holds_every_level_once_and_begins_with_the_best(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tiles = rng.integers(0, 3, (n, 4, 5)).astype(np.uint8)
    quality = rng.random(n)
    order = spread_order(tiles, rng.random((n, 2)), quality)
    assert sorted(order) == list(range(n))
    assert order[0] == quality.argmax()


def test_elites_come_before_the_rest_of_their_cells() -> None:
    rng = np.random.default_rng(2)
    axes, quality = rng.random((200, 2)), rng.random(200)
    tiles = rng.integers(0, 3, (200, 6, 6)).astype(np.uint8)
    cells, ranks = archive_cells(axes), archive_ranks(axes, quality)
    assert 0 <= cells.min() <= cells.max() < BINS**2
    for cell in np.unique(cells):
        assert quality[cells == cell].argmax() == ranks[cells == cell].argmin()
    order = spread_order(tiles, axes, quality)
    assert (np.diff(ranks[order]) >= 0).all()
    covered = len(np.unique(cells[order[: len(np.unique(cells))]]))
    assert covered == len(np.unique(cells))


def test_equal_levels_make_one_cell() -> None:
    same = np.ones((5, 2))
    assert len(set(archive_cells(same).tolist())) == 1
    assert spread_order(np.zeros((0, 3, 3), np.uint8), np.zeros((0, 2)), np.zeros(0)) == []


def test_near_copies_and_mirror_images_are_found() -> None:
    rng = np.random.default_rng(1)
    level = rng.integers(0, 5, (24, 32)).astype(np.uint8)
    distinct = Distinct(DUNGEON)
    assert distinct.add(level)
    assert not distinct.add(level)
    assert not distinct.add(np.ascontiguousarray(level[:, ::-1]))
    near, far = level.copy(), level.copy()
    bound = int(np.ceil(NEAR_COPY * level.size))
    for copy, tiles in ((near, bound - 1), (far, bound)):
        copy.flat[:tiles] = 9
    assert not distinct.add(near)
    assert distinct.add(far)
    for _ in range(100):
        assert distinct.add(rng.integers(0, 5, (24, 32)).astype(np.uint8))
    assert not distinct.add(near)


def test_openness_is_the_share_that_is_not_solid() -> None:
    tiles = np.full((1, 4, 5), DUNGEON.solid.id, np.uint8)
    tiles[0, 0] = DUNGEON.tile("spikes").id
    assert openness(tiles, DUNGEON).tolist() == [0.25]


def test_sets_are_spread_out_and_any_few_are_the_first_of_more(packs: list[Pack]) -> None:
    for pack in packs:
        config = GenerateConfig(12, seed=3, playtest=False)
        spread, plain = generate(pack, config), generate(pack, replace(config, diverse=False))
        apart, before = (pairwise(np.stack([x.tiles for x in made.levels])) for made in (spread, plain))
        assert apart.mean() > before.mean()
        assert apart.min() >= NEAR_COPY
        more = generate(pack, replace(config, n=250))
        assert all(np.array_equal(a.tiles, b.tiles) for a, b in zip(spread.levels, more.levels, strict=False))
        assert len({level.tiles.tobytes() for level in more.levels}) == 250
        assert spread.rejected["not_needed"] == spread.candidates - 12 - sum(
            count for reason, count in spread.rejected.items() if reason != "not_needed"
        )


def test_as_they_come_makes_no_more_than_it_hands_over(packs: list[Pack]) -> None:
    made = generate(packs[0], GenerateConfig(5, seed=3, playtest=False, diverse=False))
    assert "not_needed" not in made.rejected
    assert "near_copy" not in made.rejected
