"""The pipeline: whatever the generator draws, what comes out is certified, well-formed and distinct."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standins import make_pack

from levelforge.choose import nearest_levels
from levelforge.errors import LevelForgeError
from levelforge.generate import GenerateConfig, Generated, generate, make_batch
from levelforge.level import faults
from levelforge.novelty import novelty
from levelforge.pack import Pack
from levelforge.solver import verify_solution

GAMES = ("dungeon", "platformer")


@pytest.fixture(scope="module", name="packs")
def _packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    folder = tmp_path_factory.mktemp("packs")
    return {name: make_pack(folder / name, name) for name in GAMES}


def plain(n: int, **changes: object) -> GenerateConfig:
    return replace(GenerateConfig(n, seed=5, playtest=False), **changes)  # type: ignore[arg-type]


def same(a: Generated, b: Generated) -> bool:
    return len(a.levels) == len(b.levels) and all(
        np.array_equal(x.tiles, y.tiles)
        and (x.id, x.solution, x.difficulty) == (y.id, y.solution, y.difficulty)
        for x, y in zip(a.levels, b.levels, strict=True)
    )


@pytest.mark.parametrize("game", GAMES)
def test_every_level_is_certified_well_formed_and_distinct(packs: dict[str, Pack], game: str) -> None:
    made = generate(packs[game], plain(40))
    assert len(made.levels) == 40
    assert len({level.tiles.tobytes() for level in made.levels}) == 40
    for level, requested in zip(made.levels, made.requested_counts, strict=True):
        assert faults(level) == []
        assert list(level.counts().values()) == requested.tolist()
        assert level.solution is not None
        assert verify_solution(level, level.solution)
        assert len(level.solution) >= level.game.min_solution(*level.size)
        assert (level.seed, level.pack) == (5, packs[game].hash)
    assert [level.id for level in made.levels[:2]] == [f"{game}-5-0000", f"{game}-5-0001"]
    assert made.candidates == 40 + sum(made.rejected.values())
    assert 0 < made.raw_beatable <= 1


@pytest.mark.parametrize("game", GAMES)
def test_the_same_seed_gives_the_same_levels_whatever_the_threads(packs: dict[str, Pack], game: str) -> None:
    one = generate(packs[game], plain(30, threads=1))
    assert same(one, generate(packs[game], plain(30, threads=3)))
    assert not same(one, generate(packs[game], plain(30, seed=6)))


def test_fewer_levels_are_the_first_of_more(packs: dict[str, Pack]) -> None:
    few, many = (generate(packs["dungeon"], plain(n)) for n in (7, 90))
    assert same(few, replace(many, levels=many.levels[:7]))


def test_batches_depend_on_their_number_alone(packs: dict[str, Pack]) -> None:
    config = plain(1)
    batch = make_batch(packs["dungeon"], config, 3)
    assert np.array_equal(batch.tiles, make_batch(packs["dungeon"], replace(config, n=500), 3).tiles)
    assert not np.array_equal(batch.tiles, make_batch(packs["dungeon"], config, 4).tiles)


def test_counts_asked_for_are_met_exactly(packs: dict[str, Pack]) -> None:
    made = generate(packs["dungeon"], plain(20, counts={"door": 2, "ghost": 0, "treasure": 12}))
    for level in made.levels:
        counts = level.counts()
        assert (counts["door"], counts["ghost"], counts["treasure"]) == (2, 0, 12)
        assert counts["key"] >= 2, "a door nobody can open"


@pytest.mark.parametrize("size", [(16, 12), (33, 25), (128, 96)])
def test_any_size(packs: dict[str, Pack], size: tuple[int, int]) -> None:
    large = size == (128, 96)  # three batches of them, to spread out, would take half a minute
    made = generate(packs["dungeon"], plain(3, size=size, diverse=not large))
    assert {level.size for level in made.levels} == {size}


@pytest.mark.parametrize("width", [24, 101, 512])
def test_any_width(packs: dict[str, Pack], width: int) -> None:
    made = generate(packs["platformer"], plain(2, size=(width, 16), counts={"walker": 0}))
    assert {level.size for level in made.levels} == {(width, 16)}
    assert all(
        len(level.solution or ()) >= made.levels[0].game.min_solution(width, 16) for level in made.levels
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 0}, "ask for at least 1"),
        ({"seed": -1}, "negative"),
        ({"size": (3, 3)}, "16x12 to 128x96"),
        ({"difficulty": 2.0}, "difficulty 2 is outside 0"),
        ({"difficulty": (0.5, 1.5)}, "outside 0"),
        ({"difficulty": (0.8, 0.2)}, "must rise"),
        ({"difficulty": float("nan")}, "outside 0"),
        ({"counts": {"door": 5}}, "allows 0 to 3"),
        ({"counts": {"dor": 1}}, "did you mean 'door'"),
        ({"counts": {"start": 2}}, "allows 1 to 1"),
    ],
)
def test_what_the_game_cannot_give_is_refused_at_once(
    packs: dict[str, Pack], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(LevelForgeError, match=message):
        generate(packs["dungeon"], replace(plain(1), **changes))  # type: ignore[arg-type]


def test_it_gives_up_at_the_cap_and_says_why(packs: dict[str, Pack]) -> None:
    with pytest.raises(
        LevelForgeError, match=r"only \d+ of 5000 levels after 64 candidates \(rejected: .*too short"
    ):
        generate(packs["dungeon"], plain(5000, max_candidates=64))


def test_duplicates_are_kept_once(packs: dict[str, Pack], monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["levelforge.batches"]
    real = module.make_batch
    monkeypatch.setattr(module, "make_batch", lambda pack, config, index: real(pack, config, index // 2))
    made = generate(packs["dungeon"], plain(60))
    assert made.rejected["duplicate"] > 0
    assert len({level.tiles.tobytes() for level in made.levels}) == 60


def test_playtested_levels_carry_their_difficulty(packs: dict[str, Pack]) -> None:
    made = generate(packs["dungeon"], plain(4, playtest=True))
    assert made.measured is not None
    for level in made.levels:
        assert level.difficulty is not None
        assert level.difficulty_ci is not None
        assert 0 <= level.difficulty_ci[0] <= level.difficulty <= level.difficulty_ci[1] <= 1


def test_a_difficulty_selects_the_nearest_of_a_pool(packs: dict[str, Pack]) -> None:
    config = plain(4, playtest=True)
    aimed = generate(packs["dungeon"], replace(config, difficulty=0.3))
    plainly = generate(packs["dungeon"], config)

    def miss(made: Generated) -> float:
        return float(np.mean([abs((level.difficulty or 0) - 0.3) for level in made.levels]))

    assert miss(aimed) < miss(plainly) / 2  # the stand-in finds most levels hard
    assert aimed.requested_difficulty == (0.3,) * 4


def test_levels_of_an_asked_difficulty_are_played_more_often(packs: dict[str, Pack]) -> None:
    config = plain(1, playtest=True)
    for changes, episodes in (({}, 8), ({"difficulty": 0.5}, 32), ({"difficulty": 0.5, "episodes": 2}, 2)):
        made = generate(packs["dungeon"], replace(config, **changes))  # type: ignore[arg-type]
        assert made.measured is not None
        assert set(made.measured[0].first.episodes.values()) == {episodes}
    with pytest.raises(LevelForgeError, match="0 episodes cannot be played"):
        generate(packs["dungeon"], replace(config, episodes=0))


def test_a_range_of_difficulties_rises(packs: dict[str, Pack]) -> None:
    made = generate(packs["dungeon"], plain(5, playtest=True, difficulty=(0.1, 0.9)))
    assert made.requested_difficulty == (0.1, 0.3, 0.5, 0.7, 0.9)
    measured = [level.difficulty or 0 for level in made.levels]
    assert measured == sorted(measured)
    assert [level.id[-4:] for level in made.levels] == ["0000", "0001", "0002", "0003", "0004"]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.1)), min_size=3, max_size=7),
    st.lists(st.floats(0, 1), min_size=1, max_size=3),
    st.floats(0, 0.2),
)
def test_the_nearest_levels_are_the_best_matching_there_is(
    pool: list[tuple[float, float]], targets: list[float], slack: float
) -> None:
    from itertools import permutations

    measured, penalty = zip(*pool, strict=True)

    def cost(chosen: tuple[int, ...] | list[int]) -> float:
        pairs = zip(chosen, targets, strict=True)
        return sum(max(0, abs(measured[i] - t) - slack) + penalty[i] for i, t in pairs)

    chosen = nearest_levels(measured, targets, slack=slack, penalty=penalty)
    assert len(set(chosen)) == len(targets)
    best = min(cost(p) for p in permutations(range(len(measured)), len(targets)))
    assert cost(chosen) == pytest.approx(best)


def test_novelty_is_the_distance_to_the_nearest_corpus_level() -> None:
    rng = np.random.default_rng(2)
    corpus = [rng.integers(0, 4, (12, 16)).astype(np.uint8) for _ in range(5)]
    near = corpus[3].copy()
    near[0, :3] = 3 - near[0, :3]
    found = novelty([corpus[1], near, corpus[2][:, ::-1].copy()], corpus)
    assert found[0] == 0
    assert found[1] == (near != corpus[3]).sum() / 192
    assert found[2] > 0.3
    assert novelty([corpus[2][:, ::-1].copy()], corpus, ["flip_x"])[0] == 0


def test_novelty_finds_a_copied_part_across_sizes() -> None:
    rng = np.random.default_rng(3)
    small, large = (rng.integers(0, 9, shape).astype(np.uint8) for shape in ((12, 16), (24, 40)))
    pasted = large.copy()
    pasted[8:20, 12:28] = small
    assert novelty([large], [small])[0] > 0.5
    assert novelty([pasted], [small])[0] == 0
    assert novelty([small], [pasted])[0] == 0


@pytest.mark.parametrize(
    ("size", "candidates"), [(None, 64), ((16, 12), 64), ((64, 32), 32), ((128, 96), 16)]
)
def test_batches_of_large_levels_are_smaller(
    packs: dict[str, Pack], size: tuple[int, int] | None, candidates: int
) -> None:
    assert plain(1, size=size).batch_size(packs["dungeon"].game) == candidates
