"""Tilesets: the drawing script, the choice of pictures, and faults in the metadata."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from levelforge.errors import LevelForgeError
from levelforge.game import Game, bundled_games, load_game
from levelforge.level import parse_text
from levelforge.render import sheet_tiles
from levelforge.tileset import CORNERS, STEPS, Tileset, load_tileset
from levelforge.tileset_file import parse_tileset

ROOT = Path(__file__).parents[1]


@pytest.fixture(params=bundled_games())
def game(request: pytest.FixtureRequest) -> Game:
    return load_game(request.param)


def terrain(text: str, game: Game) -> list[list[int]]:
    cells: list[list[int]] = load_tileset(game).cells(parse_text(text, game), game)[0].tolist()
    return cells


def variants(tileset: Tileset, name: str, mask: int) -> set[int]:
    rule = tileset.rules[name]
    return set(rule.variants[rule.first[mask] : rule.first[mask] + rule.length[mask]].tolist())


def test_the_script_draws_the_committed_files(tmp_path: Path) -> None:
    script = ROOT / "tools" / "draw_tilesets.py"
    for folder in ("one", "two"):
        subprocess.run([sys.executable, script, tmp_path / folder], check=True, capture_output=True)
    for name in bundled_games():
        committed = ROOT / "assets" / "games" / name / "tileset"
        drawn, again = (tmp_path / folder / name / "tileset" for folder in ("one", "two"))
        assert (drawn / "tileset.png").read_bytes() == (again / "tileset.png").read_bytes()
        assert (drawn / "tileset.json").read_text() == (committed / "tileset.json").read_text()
        # Pixels rather than bytes: another zlib may pack the same picture differently.
        with Image.open(drawn / "tileset.png") as a, Image.open(committed / "tileset.png") as b:
            assert np.array_equal(np.asarray(a), np.asarray(b))


def test_every_tile_has_a_picture(game: Game) -> None:
    tileset = load_tileset(game)
    pictures = sheet_tiles(tileset, game)
    assert pictures.shape == (tileset.count, 16, 16, 4)
    for tile in game.tiles:
        used = pictures[tileset.rules[tile.name].variants]
        assert (used[..., 3] > 0).any(axis=(1, 2)).all(), tile.name
        if tile in game.terrain:
            assert (used[..., 3] == 255).all(), f"{tile.name} has holes"
    assert len({tileset.icon(t.name) for t in game.tiles}) == len(game.tiles)


def test_alpha_is_all_or_nothing(game: Game) -> None:
    assert set(np.unique(sheet_tiles(load_tileset(game), game)[..., 3])) <= {0, 255}


def test_moving_things_and_the_player_have_frames(game: Game) -> None:
    frames = load_tileset(game).frames
    assert {"idle", "walk"} <= set(frames["player"])
    for tile in game.tiles:
        if tile.role.word.startswith("enemy"):
            assert len(frames[tile.name]["move"].tiles) >= 2
            assert frames[tile.name]["move"].tiles[0] == load_tileset(game).icon(tile.name)


def test_entities_lie_on_the_empty_tiles_terrain() -> None:
    game = load_game("dungeon")
    tileset = load_tileset(game)
    rows = "#####\n#@k>#\n#...#\n#####"
    below, above = tileset.cells(parse_text(rows, game), game)
    bare, none = tileset.cells(parse_text(rows.translate(str.maketrans("@k>", "...")), game), game)
    assert np.array_equal(below, bare)
    assert (none == -1).all()
    assert (above >= 0).sum() == 3
    assert above[1, 2] == tileset.icon("key")


def test_walls_are_chosen_by_their_neighbours() -> None:
    game = load_game("dungeon")
    tileset = load_tileset(game)
    cells = terrain("......\n.####.\n.####.\n.####.\n......", game)
    n, ne, e, se, s, sw, w, nw = (1 << i for i in range(8))
    assert list(STEPS) == ["N", "NE", "E", "SE", "S", "SW", "W", "NW"]
    assert cells[1][1] in variants(tileset, "wall", e | se | s)
    assert cells[1][2] in variants(tileset, "wall", e | se | s | sw | w)
    assert cells[3][4] in variants(tileset, "wall", n | nw | w)
    assert cells[2][2] in variants(tileset, "wall", 255)
    assert variants(tileset, "wall", e | se | s) != variants(tileset, "wall", n | nw | w)
    # A corner between two open edges cannot be seen.
    assert variants(tileset, "wall", ne) == variants(tileset, "wall", 0)


def test_walls_go_on_beyond_the_map() -> None:
    game = load_game("dungeon")
    assert set(np.ravel(terrain("####\n####\n####", game))) <= variants(load_tileset(game), "wall", 255)


def test_platforms_and_ladders_have_ends() -> None:
    game = load_game("platformer")
    tileset = load_tileset(game)
    cells = terrain("........\n.===..H.\n......H.\n.=......", game)
    left, middle, right = cells[1][1:4]
    assert len({left, middle, right, cells[3][1]}) == 4
    assert cells[1][6] != cells[2][6]
    assert {cells[1][6], cells[2][6]} == set(tileset.rules["ladder"].variants.tolist())


def test_doors_face_their_passage() -> None:
    game = load_game("dungeon")
    across = load_tileset(game).cells(parse_text("...\n#D#\n...", game), game)[1][1, 1]
    along = load_tileset(game).cells(parse_text(".#.\n.D.\n.#.", game), game)[1][1, 1]
    assert across != along


def test_the_choice_depends_on_nothing_but_the_tiles(game: Game) -> None:
    rng = np.random.default_rng(5)
    tiles = rng.integers(0, len(game.tiles), (16, 30)).astype(np.uint8)
    first, again = (load_tileset(game).cells(tiles, game) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    # A place far from a change keeps its picture.
    changed = tiles.copy()
    changed[15, 29] = (changed[15, 29] + 1) % len(game.tiles)
    assert np.array_equal(load_tileset(game).cells(changed, game)[1][:12, :20], first[1][:12, :20])


def test_stamps_keep_to_free_space() -> None:
    game = load_game("platformer")
    tileset = load_tileset(game)
    tiles = np.zeros((16, 64), np.uint8)
    cells, _ = tileset.cells(tiles, game)
    stamps = tileset.rules["sky"].stamps
    assert all((cells == stamp.cells.max()).any() for stamp in stamps)
    tiles[:, ::2] = game.solid.id
    narrow, _ = tileset.cells(tiles, game)
    assert not np.isin(narrow, [i for stamp in stamps for i in stamp.cells.ravel()]).any()


def test_corner_wang_sets_are_seamless(game: Game) -> None:
    tileset = load_tileset(game)
    assert CORNERS == ("NE", "SE", "SW", "NW")
    table = tileset.corner_wang[game.solid.name]
    assert table[0] in variants(tileset, game.empty.name, 0)
    assert table[15] in variants(tileset, game.solid.name, 255)
    assert len(set(table)) == 16


def test_a_game_without_a_folder_gets_a_plain_tileset(tmp_path: Path) -> None:
    source = (ROOT / "assets/games/dungeon/game.toml").read_text()
    (tmp_path / "game.toml").write_text(source.replace('name = "dungeon"', 'name = "mine"'))
    mine = load_game(tmp_path)
    tileset = load_tileset(mine)
    assert tileset.image is None
    assert [tileset.icon(t.name) for t in mine.tiles] == list(range(len(mine.tiles)))


def test_another_games_tileset_names_the_missing_tile() -> None:
    dungeon, platformer = load_game("dungeon"), load_game("platformer")
    with pytest.raises(LevelForgeError, match=r"no entry for 'sky' of game 'platformer'"):
        load_tileset(dungeon).cells(np.zeros((4, 4), np.uint8), platformer)


def good() -> dict[str, Any]:
    wall = {"neighbours": ["E"], "match": ["wall"], "table": [[1], [2]]}
    return {
        "format": 1,
        "tile_size": 16,
        "columns": 4,
        "count": 3,
        "tiles": {"floor": {"table": [[0]]}, "wall": wall},
    }


def edited(*path: str, to: Any) -> dict[str, Any]:
    data = copy.deepcopy(good())
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "must be a JSON object"),
        (edited("format", to=2), "format must be 1, not 2"),
        (edited("colums", to=2), r"unknown key 'colums' \(did you mean 'columns'\?\)"),
        (edited("count", to=0), "count must be a whole number above 0"),
        (edited("tiles", to=[]), "tiles must be a JSON object"),
        (
            edited("tiles", "floor", "table", to=[[3]]),
            r"tiles.floor: table\[0\]: index 3 is outside the sheet of 3",
        ),
        (edited("tiles", "wall", "table", to=[[1]]), "tiles.wall: table must be a list of 2 lists"),
        (edited("tiles", "wall", "neighbours", to=["X"]), "unknown neighbour 'X'"),
        (edited("tiles", "wall", "match", to=[]), "neighbours need match"),
        (edited("corner_wang", to={"wall": [1]}), "corner_wang.wall has 1 tiles where 16 are needed"),
        (edited("frames", to={"bat": [1]}), "frames.bat: must look like"),
        (edited("tiles", "floor", "stamps", to=[{"cells": [[0, 1]], "block": [1, 1]}]), "block must be"),
        (edited("tiles", "floor", "stamps", to=[{"block": [1, 1]}]), "cells must be a list"),
        (edited("tiles", "floor", "stamps", to=3), "stamps must be a list"),
        (edited("tiles", "wall", "match", to=[1]), "match must be a list of names"),
        (edited("background", to="red"), "background must be a colour"),
    ],
)
def test_faults_are_one_line_that_names_the_place(data: Any, message: str) -> None:
    with pytest.raises(LevelForgeError, match=message) as caught:
        parse_tileset(data, "mine/tileset.json")
    assert str(caught.value).startswith("mine/tileset.json")
    assert "\n" not in str(caught.value)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "game.toml").write_text((ROOT / "assets/games/dungeon/game.toml").read_text())
    folder = tmp_path / "tileset"
    folder.mkdir()
    game = load_game(tmp_path)
    with pytest.raises(LevelForgeError, match=r"tileset\.json: no such file"):
        load_tileset(game)
    (folder / "tileset.json").write_text("{")
    with pytest.raises(LevelForgeError, match="not valid JSON"):
        load_tileset(game)
    (folder / "tileset.json").write_text(json.dumps(good()) + " ")
    with pytest.raises(LevelForgeError, match=r"tileset\.png: no such file"):
        load_tileset(game)
    (folder / "tileset.png").write_bytes(b"no picture")
    with pytest.raises(LevelForgeError, match="not a readable picture"):
        sheet_tiles(load_tileset(game), game)
    Image.new("RGBA", (8, 8)).save(folder / "tileset.png")
    with pytest.raises(LevelForgeError, match="is 8x8 pixels where 3 tiles need 64x16"):
        sheet_tiles(load_tileset(game), game)
