"""Pictures of levels: what is composed, overlays, contact sheets, games without a tileset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levelforge.errors import LevelForgeError
from levelforge.game import Game, bundled_games, load_game
from levelforge.level import Level, parse_text
from levelforge.render import contact_sheet, render, sheet_image, sheet_tiles
from levelforge.tileset import load_tileset

ROOT = Path(__file__).parents[1]
ROWS = {
    "dungeon": "########\n#@.k.$.#\n#..^b..#\n###D####\n#...g!>#\n########",
    "platformer": "........\n..o.==H.\n@.+...H>\n##.w.^##\n########",
}


@pytest.fixture(params=bundled_games())
def level(request: pytest.FixtureRequest) -> Level:
    game = load_game(request.param)
    return Level(game, parse_text(ROWS[request.param], game))


def slow_render(level: Level) -> Image.Image:
    """The definition, a cell at a time, with Pillow's own compositing."""
    tileset = load_tileset(level.game)
    sheet = sheet_image(tileset, level.game)
    size = tileset.tile_size
    image = Image.new("RGBA", (level.width * size, level.height * size), tileset.background)
    for layer in tileset.cells(level.tiles, level.game):
        for (y, x), index in np.ndenumerate(layer):
            if index >= 0:
                row, column = divmod(int(index), tileset.columns)
                box = (column * size, row * size, (column + 1) * size, (row + 1) * size)
                image.alpha_composite(sheet.crop(box), (x * size, y * size))
    return image.convert("RGB")


def test_the_picture_is_the_sheets_tiles_and_nothing_else(level: Level) -> None:
    assert np.array_equal(np.asarray(render(level)), np.asarray(slow_render(level)))


def test_tiles_and_game_draw_as_the_level_does(level: Level) -> None:
    assert render(level.tiles, level.game).tobytes() == render(level).tobytes()


def test_scale_repeats_pixels(level: Level) -> None:
    one, three = np.asarray(render(level)), np.asarray(render(level, scale=3))
    assert np.array_equal(three, one.repeat(3, axis=0).repeat(3, axis=1))


def test_a_solution_is_drawn_along_its_cells(level: Level) -> None:
    plain = np.asarray(render(level)).astype(int)
    path = [(1, 1), (1, 2), (1, 3)]
    drawn = np.asarray(render(level, solution=path)).astype(int)
    changed = (
        np.abs(plain - drawn).sum(axis=2).reshape(level.height, 16, level.width, 16).sum(axis=(1, 3)) > 0
    )
    assert {(int(y), int(x)) for y, x in np.argwhere(changed)} == set(path)


def test_a_path_above_the_map_stays_on_the_picture(level: Level) -> None:
    assert render(level, solution=np.array([[-3, 1], [0, 2]])).size == render(level).size


def test_heat_tints_only_cells_with_a_value(level: Level) -> None:
    heat = np.zeros(level.tiles.shape)
    heat[1, 2], heat[2, 3] = 4.0, np.nan
    plain, drawn = np.asarray(render(level)), np.asarray(render(level, overlay=heat))
    changed = (plain != drawn).any(axis=2).reshape(level.height, 16, level.width, 16).any(axis=(1, 3))
    assert np.argwhere(changed).tolist() == [[1, 2]]
    assert np.array_equal(plain, np.asarray(render(level, overlay=heat * 0)))


def test_a_game_without_a_tileset_is_drawn_by_role(tmp_path: Path) -> None:
    source = (ROOT / "assets/games/platformer/game.toml").read_text()
    (tmp_path / "game.toml").write_text(source.replace('name = "platformer"', 'name = "mine"'))
    game: Game = load_game(tmp_path)
    level = Level(game, parse_text(ROWS["platformer"], game))
    assert render(level).size == (128, 80)
    assert np.array_equal(np.asarray(render(level)), np.asarray(slow_render(level)))
    tiles = sheet_tiles(load_tileset(game), game)
    assert len({tiles[t.id].tobytes() for t in game.tiles if t.name != "brick"}) == len(game.tiles) - 1


def test_a_contact_sheet_holds_every_level_and_caption(level: Level) -> None:
    narrow = contact_sheet([level] * 3, ["a", "b\nsecond line", "c" * 500], columns=3)
    tall = contact_sheet([level] * 3, columns=1, title="Levels")
    assert narrow.width > 3 * level.width * 16
    assert tall.height > 3 * level.height * 16
    picture = np.asarray(render(level))
    first = np.asarray(narrow)[16 : 16 + picture.shape[0], 16 : 16 + picture.shape[1]]
    assert np.array_equal(first, picture)


def test_faults_name_the_mend(level: Level) -> None:
    with pytest.raises(LevelForgeError, match="at least one level"):
        contact_sheet([])
    with pytest.raises(LevelForgeError, match="1 captions for 2 levels"):
        contact_sheet([level, level], ["a"])
    with pytest.raises(LevelForgeError, match="overlay must be"):
        render(level, overlay=np.zeros((2, 2)))
    with pytest.raises(LevelForgeError, match="solution must be"):
        render(level, solution=np.zeros((2, 3), int))
    with pytest.raises(LevelForgeError, match="needs the game"):
        render(level.tiles)
    with pytest.raises(LevelForgeError, match="scale"):
        render(level, scale=0)
