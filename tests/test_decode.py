"""The decoder: what the ONNX graph emits is what the plain reference says, with the requested counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from levelforge import decode
from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role, load_game
from levelforge.level import format_text, parse_text

GAMES = ("dungeon", "platformer")


def counted(tiles: NDArray[np.uint8], game: Game) -> NDArray[np.int64]:
    return np.stack([(tiles == t.id).sum((-2, -1)) for t in game.entities], axis=-1)


def scores(game: Game, seed: int, size: tuple[int, int], solid: float) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    terrain = decode.gumbel((len(game.terrain), size[1], size[0]), rng)
    terrain[[t.id for t in game.terrain].index(game.solid.id)] += np.float32(solid)
    return terrain, decode.gumbel((len(game.entities), size[1], size[0]), rng)


@pytest.mark.parametrize("name", GAMES)
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    width=st.integers(24, 40),
    height=st.integers(16, 20),
    solid=st.floats(-8, 8),
    data=st.data(),
)
def test_every_requested_count_is_met_even_without_room(
    name: str, seed: int, width: int, height: int, solid: float, data: st.DataObject
) -> None:
    game = load_game(name)
    ranges = game.counts(width, height)
    counts = np.array([data.draw(st.integers(*ranges[t.name]), label=t.name) for t in game.entities])
    tiles = decode.place(game, *scores(game, seed, (width, height), solid), counts)
    assert (counted(tiles, game) == counts).all()


@pytest.mark.parametrize("name", GAMES)
def test_entities_stand_where_they_may(name: str) -> None:
    game = load_game(name)
    size = (game.width, game.height)
    counts = np.array([game.counts(*size)[t.name][1] for t in game.entities])
    tiles = decode.place(game, *scores(game, 3, size, 0.5), counts)
    roles = np.pad(game.roles[tiles], 1, constant_values=int(Role.SOLID))
    solid = roles == Role.SOLID
    for tile in game.entities:
        for y, x in np.argwhere(tiles == tile.id) + 1:
            if tile.place == "doorway":
                assert solid[y, x - 1] & solid[y, x + 1] or solid[y - 1, x] & solid[y + 1, x]
            if tile.place == "ground":
                assert roles[y + 1, x] in (Role.SOLID, Role.ONE_WAY)
    if game.constraints.solid_border:
        assert solid[[1, -2], 1:-1].all()
        assert solid[1:-1, [1, -2]].all()


@pytest.mark.parametrize("name", GAMES)
def test_inputs_have_the_contracts_shapes_and_depend_on_the_seed_alone(name: str) -> None:
    game = load_game(name)
    size = (game.width + 1, game.height)
    one, two = (decode.sample_inputs(game, 3, size, rng=np.random.default_rng(5)) for _ in range(2))
    cells = (3, decode.LATENT_CHANNELS, -(-size[1] // 4), -(-size[0] // 4))
    assert one["latent"].shape == cells
    assert one["condition"].shape == (3, 1 + len(game.entities))
    assert one["counts"].shape == (3, len(game.entities))
    assert one["noise"].shape == (3, len(game.tiles), size[1], size[0])
    for key, value in one.items():
        assert value.dtype == np.float32, key
        assert np.isfinite(value).all()
        assert np.array_equal(value, two[key])
    assert (one["condition"][:, 0] == 0.5).all()


def test_temperature_scales_the_noise() -> None:
    game = load_game("dungeon")
    cold, warm = (
        decode.sample_inputs(game, 2, rng=np.random.default_rng(1), temperature=t)["noise"]
        for t in (0.5, 1.0)
    )
    assert np.allclose(cold * 2, warm)


def test_keys_match_doors_unless_both_are_asked_for() -> None:
    game = load_game("dungeon")
    names = [t.name for t in game.entities]
    key, door = names.index("key"), names.index("door")
    rng = np.random.default_rng(0)
    free = decode.sample_counts(game, 500, (32, 24), rng=rng)
    assert (free[:, key] >= free[:, door]).all()
    few = decode.sample_counts(game, 200, (32, 24), rng=rng, counts={"key": 1})
    assert (few[:, key] == 1).all()
    assert (few[:, door] <= 1).all()
    locked = decode.sample_counts(game, 5, (32, 24), rng=rng, counts={"key": 0, "door": 2})
    assert (locked[:, door] == 2).all()
    assert (locked[:, key] == 0).all()


def test_counts_follow_the_distribution_and_stretch_with_the_area() -> None:
    game = load_game("dungeon")
    treasure = [t.name for t in game.entities].index("treasure")
    spread = {"treasure": [0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5]}
    small = decode.sample_counts(game, 400, (32, 24), rng=np.random.default_rng(2), distribution=spread)
    large = decode.sample_counts(game, 400, (64, 48), rng=np.random.default_rng(2), distribution=spread)
    assert set(small[:, treasure]) == {3, 6}
    assert np.array_equal(large[:, treasure], 4 * small[:, treasure])


@pytest.mark.parametrize(
    ("counts", "said"),
    [({"door": 5}, "5 of door on 32x24: dungeon allows 0 to 3"), ({"dor": 1}, "did you mean 'door'?")],
)
def test_impossible_counts_are_refused(counts: dict[str, int], said: str) -> None:
    with pytest.raises(LevelForgeError, match=said.replace("?", r"\?")):
        decode.sample_inputs(load_game("dungeon"), 1, rng=np.random.default_rng(0), counts=counts)


def test_sizes_outside_the_games_limits_are_refused() -> None:
    with pytest.raises(LevelForgeError, match="3x3"):
        decode.sample_inputs(load_game("dungeon"), 1, (3, 3), rng=np.random.default_rng(0))


def test_terrain_that_never_stands_alone_in_the_corpus_is_tidied() -> None:
    game = load_game("platformer")
    text = "........\n..B..==.\n........\n.H......\n.H..####\n....#.##\n########\n"
    tiles = parse_text(text, game)
    names = [t.name for t in game.terrain]
    made = format_text(decode.tidied(tiles, game, names), game)
    assert made == "........\n.....==.\n........\n.H......\n.H..####\n....####\n########\n"
    assert format_text(decode.tidied(tiles, game, ()), game) == text
    assert "brick" not in decode.never_alone(tiles[None], game)
    assert {"platform", "ladder", "ground"} <= set(decode.never_alone(tiles[None], game))


@pytest.mark.parametrize("name", GAMES)
def test_an_asked_difficulty_opens_the_whole_range_of_dangers(name: str) -> None:
    game = load_game(name)
    size = (game.width, game.height)
    dangers = [t.role in decode.DANGERS for t in game.entities]
    few = {t.name: [1.0] for t in game.entities if t.role in decode.DANGERS}
    low, high = np.array([game.counts(*size)[t.name] for t in game.entities]).T

    def draw(difficulty: float | NDArray[np.float32] | None) -> NDArray[np.int64]:
        rng = np.random.default_rng(4)
        return decode.sample_counts(game, 300, size, rng=rng, distribution=few, difficulty=difficulty)

    easy, hard, rising = draw(0.0), draw(1.0), draw(np.linspace(0, 1, 300, dtype=np.float32))
    for drawn in (easy, hard, rising):
        assert (low <= drawn).all()
        assert (drawn <= high).all()
    assert (draw(None)[:, dangers] == 0).all()
    assert easy[:, dangers].sum() < 0.6 * hard[:, dangers].sum()
    assert rising[:100, dangers].sum() < rising[200:, dangers].sum()
    assert (draw(0.5)[:, dangers].max(axis=0) >= 0.9 * high[dangers]).all()


def test_counts_asked_for_outweigh_the_difficulty() -> None:
    game = load_game("dungeon")
    bat = [t.name for t in game.entities].index("bat")
    rng = np.random.default_rng(4)
    drawn = decode.sample_counts(game, 50, (32, 24), rng=rng, counts={"bat": 1}, difficulty=0.9)
    assert (drawn[:, bat] == 1).all()
