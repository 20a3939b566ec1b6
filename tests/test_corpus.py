"""The bundled corpora keep their promises; a designer's own folder is loaded or refused in one line."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from levelforge.corpus import Corpus, cut_window, load_corpus
from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role, load_game
from levelforge.level import Level, faults, format_text, parse_text
from levelforge.novelty import mirror_images, novelty
from levelforge.solver import solve_batch

GAMES = ("dungeon", "platformer")


@pytest.fixture(scope="module", params=GAMES)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return bundled(request.param)


def bundled(name: str) -> Corpus:
    game = load_game(name)
    assert game.folder is not None
    return load_corpus(game.folder / "corpus", game)


def reached(level: Level) -> bool:
    """Whether all that is not wall hangs together, doors open."""
    free = level.game.roles[level.tiles] != Role.SOLID
    seen = np.zeros_like(free)
    seen[tuple(np.argwhere(free)[0])] = True
    while True:
        wider = seen.copy()
        wider[1:] |= seen[:-1]
        wider[:-1] |= seen[1:]
        wider[:, 1:] |= seen[:, :-1]
        wider[:, :-1] |= seen[:, 1:]
        wider &= free
        if (wider == seen).all():
            return bool((seen == free).all())
        seen = wider


# --- the bundled levels ------------------------------------------------------------------------


def test_there_are_enough_levels_and_a_fifth_is_held_out(corpus: Corpus) -> None:
    assert len(corpus.train) >= 60
    assert len(corpus.heldout) >= 15
    assert 0.19 <= len(corpus.heldout) / len(corpus) <= 0.21


def test_every_level_is_well_formed(corpus: Corpus) -> None:
    assert {level.id: faults(level) for level in corpus if faults(level)} == {}


def test_every_dungeon_hangs_together_and_every_door_has_a_key() -> None:
    for level in bundled("dungeon"):
        assert reached(level), level.id
        assert level.counts()["key"] == level.counts()["door"], level.id
        for y, x in np.argwhere(level.game.roles[level.tiles] == Role.DOOR):
            solid = level.game.roles[level.tiles] == Role.SOLID
            beside, above = solid[y, x - 1] and solid[y, x + 1], solid[y - 1, x] and solid[y + 1, x]
            assert beside != above, f"{level.id}: the door at row {y + 1}, column {x + 1} is in no doorway"


def test_fifteen_platformers_are_long_ones() -> None:
    assert sum(level.width == 128 for level in bundled("platformer")) >= 15


def test_every_level_is_beatable_and_long_enough(corpus: Corpus) -> None:
    for size in {level.size for level in corpus}:
        levels = [level for level in corpus if level.size == size]
        found = solve_batch(np.stack([level.tiles for level in levels]), corpus.game, threads=1)
        assert [level.id for level, v in zip(levels, found.verdict, strict=True) if v != 1] == []
        assert found.length.min() >= corpus.game.constraints.min_solution


def test_no_two_levels_are_nearly_alike(corpus: Corpus) -> None:
    for one, other in combinations(corpus, 2):
        if one.size == other.size:
            for image in mirror_images(one.tiles, ("flip_x", "flip_y")):
                assert (image != other.tiles).mean() >= 0.08, f"{one.id} and {other.id}"


def test_platformers_use_the_height_of_the_map() -> None:
    corpus = bundled("platformer")
    solid = np.isin(corpus.game.roles, (Role.SOLID, Role.ONE_WAY))
    tops = np.concatenate([solid[level.tiles[2:]].argmax(axis=0) + 2 for level in corpus])
    assert (np.bincount(tops, minlength=15)[5:15] >= 0.03 * len(tops)).all()


def test_platformers_lie_far_apart() -> None:
    """Generated levels can hardly be more novel than the levels they are learnt from."""
    tiles = [level.tiles for level in bundled("platformer").train]
    apart = [novelty([one], tiles[:i] + tiles[i + 1 :])[0] for i, one in enumerate(tiles)]
    assert min(apart) >= 0.15
    assert np.median(apart) >= 0.18


def test_difficulty_is_spread() -> None:
    for name, dangers in (("dungeon", ("spikes", "bat", "ghost")), ("platformer", ("walker",))):
        totals = [sum(level.counts()[d] for d in dangers) for level in bundled(name).train]
        assert min(totals) == 0
        assert max(totals) >= 6
        assert len(set(totals)) >= 6


# --- loading -----------------------------------------------------------------------------------


@pytest.fixture
def dungeon() -> Game:
    return load_game("dungeon")


ROOM = ["################"] + ["#..............#"] * 10 + ["################"]


def room(**things: tuple[int, int]) -> str:
    """A room of 16 x 12 with symbols at places (y, x)."""
    grid = [list(row) for row in ROOM]
    symbols = {"start": "@", "exit": ">", "key": "k", "door": "D", "bat": "b"}
    for name, (y, x) in {"start": (2, 2), "exit": (9, 13), **things}.items():
        grid[y][x] = symbols[name]
    return "\n".join("".join(row) for row in grid) + "\n"


def test_a_corpus_of_one_level_works(tmp_path: Path, dungeon: Game) -> None:
    (tmp_path / "only.txt").write_text(room())
    corpus = load_corpus(tmp_path, dungeon)
    assert [level.id for level in corpus] == ["only"]
    assert corpus.count_distribution()["start"] == [0, 1]
    assert corpus.windows(3, (16, 12), np.random.default_rng(0)).shape == (3, 12, 16)
    assert load_corpus(tmp_path / "only.txt", dungeon).train[0].same_as(corpus.train[0])


def test_held_out_levels_are_kept_apart(tmp_path: Path, dungeon: Game) -> None:
    for name in ("a.txt", "inner/b.txt", "heldout/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(room(bat=(5, len(name))))
    (tmp_path / "same.txt").write_text(room(bat=(5, len("a.txt"))))
    (tmp_path / "README.txt").write_text("About these levels.\n")
    (tmp_path / ".hidden.txt").write_text("?")
    corpus = load_corpus(tmp_path, dungeon)
    assert [level.id for level in corpus.train] == ["a", "inner/b"]
    assert [level.id for level in corpus.heldout] == ["heldout/c"]
    assert [level.id for level in load_corpus(tmp_path / "heldout", dungeon)] == ["c"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (room().encode() + b"#####\n", ["bad.txt", "row 13 has 5 symbols"]),
        (room().replace("@", "Q").encode(), ["bad.txt", "'Q'", "row 3, column 3"]),
        (b"####\n#@\xff#\n####\n", ["bad.txt", "UTF-8", "byte 7"]),
        (b";\n", ["bad.txt", "no rows"]),
    ],
)
def test_a_bad_level_is_named(tmp_path: Path, dungeon: Game, content: bytes, words: list[str]) -> None:
    (tmp_path / "bad.txt").write_bytes(content)
    with pytest.raises(LevelForgeError) as caught:
        load_corpus(tmp_path, dungeon)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_folder_without_levels_is_refused(tmp_path: Path, dungeon: Game) -> None:
    with pytest.raises(LevelForgeError, match="holds no level in a readable format"):
        load_corpus(tmp_path, dungeon)
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    with pytest.raises(LevelForgeError, match="holds no level in a readable format"):
        load_corpus(tmp_path, dungeon)
    (tmp_path / "heldout").mkdir()
    (tmp_path / "heldout" / "a.txt").write_text(room())
    with pytest.raises(LevelForgeError, match="held-out levels only"):
        load_corpus(tmp_path, dungeon)
    with pytest.raises(LevelForgeError, match="no such file or folder"):
        load_corpus(tmp_path / "nowhere", dungeon)
    with pytest.raises(LevelForgeError, match="no format reads this kind of file"):
        load_corpus(tmp_path / "notes.pdf", dungeon)


def test_the_hash_names_the_content(tmp_path: Path, dungeon: Game) -> None:
    (tmp_path / "a.txt").write_text(room())
    first = load_corpus(tmp_path, dungeon).hash
    assert load_corpus(tmp_path, dungeon).hash == first
    (tmp_path / "a.txt").write_bytes(room().replace("\n", "\r\n").encode())
    assert load_corpus(tmp_path, dungeon).hash == first
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    assert load_corpus(tmp_path, dungeon).hash != first
    (tmp_path / "b.txt").write_text(room(bat=(5, 5)))
    assert load_corpus(tmp_path, dungeon).hash != first


# --- windows, counts, novelty --------------------------------------------------------------------


def test_windows_are_well_formed_and_mostly_beatable(corpus: Corpus) -> None:
    game = corpus.game
    cut = corpus.windows(120, (game.width, game.height), np.random.default_rng(3))
    assert cut.shape == (120, game.height, game.width)
    assert [faults(Level(game, tiles)) for tiles in cut if faults(Level(game, tiles))] == []
    assert (solve_batch(cut, game, threads=1).verdict == 1).mean() >= 0.97
    again = corpus.windows(120, (game.width, game.height), np.random.default_rng(3))
    assert np.array_equal(cut, again)


def test_small_windows_get_ends_and_a_border() -> None:
    corpus = bundled("dungeon")
    cut = corpus.windows(40, (16, 12), np.random.default_rng(4))
    assert all(not faults(Level(corpus.game, tiles)) for tiles in cut)
    assert all(reached(Level(corpus.game, tiles)) for tiles in cut)
    assert (solve_batch(cut, corpus.game, threads=1).verdict == 1).mean() >= 0.9


def test_a_window_without_ends_starts_left_and_ends_right() -> None:
    corpus = bundled("platformer")
    game = corpus.game
    level = next(level for level in corpus if level.width == 128)
    window = cut_window(level.tiles, game, 0, 30, (64, 16))
    roles = game.roles[window]
    (_, start), (_, goal) = np.argwhere(roles == Role.START)[0], np.argwhere(roles == Role.GOAL)[0]
    assert start < 8
    assert goal > 55


def test_a_window_larger_than_every_level_is_refused(corpus: Corpus) -> None:
    with pytest.raises(LevelForgeError, match=r"no level of .* is as large as the window 500x16"):
        corpus.windows(1, (500, 16), np.random.default_rng(0))


def test_counts_are_shares_of_the_training_levels(corpus: Corpus) -> None:
    ranges = corpus.game.count_ranges
    for name, shares in corpus.count_distribution().items():
        assert len(shares) == ranges[name][1] + 1
        assert sum(shares) == pytest.approx(1)
    assert corpus.count_distribution()[corpus.game.of_role(Role.START)[0].name][1] == 1


def test_novelty_is_nothing_for_the_corpus_and_its_mirror_images(corpus: Corpus) -> None:
    game = corpus.game
    known = [level.tiles for level in list(corpus)[::10]]
    images = [image for tiles in known for image in mirror_images(tiles, game.training.symmetries)]
    assert corpus.novelty(images).max() == 0
    changed = known[0].copy()
    y, x = np.argwhere(game.roles[changed] == Role.EMPTY)[0]
    changed[y, x] = game.solid.id
    assert corpus.novelty([changed])[0] == pytest.approx(1 / changed.size)


def test_a_text_round_trip_keeps_every_level(corpus: Corpus) -> None:
    for level in corpus:
        assert np.array_equal(parse_text(format_text(level.tiles, corpus.game), corpus.game), level.tiles)
