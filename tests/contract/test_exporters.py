"""Every format that can be read gives back the level that was written."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from strategies import described_levels, make_game

from levelforge import exporters
from levelforge.errors import LevelForgeError
from levelforge.exporters import base, json_format, registry
from levelforge.exporters.facts import NAMES, facts
from levelforge.game import bundled_games, load_game
from levelforge.level import Level, parse_text

GAMES = {name: load_game(name) for name in bundled_games()}
READABLE = [f.name for f in exporters.formats() if f.read and f.write]
GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[2]

slow_fixture = settings(
    max_examples=int(os.environ.get("ROUND_TRIPS", "40")),  # for each format and game
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def same(a, b):
    """Whether two levels are equal in everything, down to the types of their facts."""
    fields = [f.name for f in dataclasses.fields(Level) if f.name not in ("tiles", "game")]
    exact = all(
        repr(getattr(a, name)) == repr(getattr(b, name))
        for name in fields
        if name not in ("extra", "fun_parts")
    )
    loose = a.extra == b.extra and a.fun_parts == b.fun_parts
    return exact and loose and a.same_as(b)


def one_line(error):
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 600
    return text


@pytest.fixture
def full():
    """A level with every fact."""
    game = GAMES["dungeon"]
    return Level(
        game,
        parse_text("######\n#@k..#\n#..D>#\n#b^$!#\n######\n", game),
        id="tiny",
        seed=7,
        pack="ab" * 32,
        solution=(3, 3, 3, 1),
        edits=2,
        novelty=0.25,
        difficulty=0.5,
        difficulty_ci=(0.25, 0.75),
        fun=0.625,
        fun_parts={"tension": 1.0, "variety": 0.25},
        extra={"author": 'Ada & <Bob>\n"quoted"', "rank": 3, "nested": {"list": [1, None]}},
    )


# --- round trips --------------------------------------------------------------------------------


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("name", READABLE)
def test_what_is_written_is_read_back(name, game, tmp_path):
    @slow_fixture
    @given(described_levels(GAMES[game]))
    def check(level):
        for path in exporters.write_level(level, name, tmp_path, "level"):
            back = exporters.read_level(path, GAMES[game])
            assert same(back, level), path

    check()


@pytest.mark.parametrize("name", READABLE)
def test_the_game_is_found_from_the_file(name, full, tmp_path):
    for path in exporters.write_level(full, name, tmp_path):
        assert exporters.read_level(path).game.name == "dungeon"
        with pytest.raises(LevelForgeError, match="of game 'dungeon', not of 'platformer'"):
            exporters.read_level(path, GAMES["platformer"])


@pytest.mark.parametrize("encoding", ["csv", "base64-zlib", "base64-zstd"])
@pytest.mark.parametrize("tileset", ["embedded", "external"])
def test_tiled_options_change_the_file_but_not_the_level(encoding, tileset, full, tmp_path):
    for path in exporters.write_level(full, "tiled", tmp_path, encoding=encoding, tileset=tileset):
        assert same(exporters.read_level(path), full)
    names = {path.name for path in tmp_path.iterdir()}
    external = {"dungeon.tsj", "dungeon.tsx"} if tileset == "external" else set()
    assert names == {"tiny.tmj", "tiny.tmx", "dungeon-tileset.png"} | external


def test_a_game_without_a_tileset_of_its_own_is_drawn_plain(tmp_path):
    game = make_game("platformer")
    level = Level(game, np.arange(len(game.tiles), dtype=np.uint8)[None])
    for path in exporters.write_level(level, "tiled", tmp_path):
        assert same(exporters.read_level(path, game), level)
        with pytest.raises(LevelForgeError, match="'every-role', which is not at hand"):
            exporters.read_level(path)


def test_a_game_toml_above_the_file_is_its_game(tmp_path):
    toml = (GAMES["dungeon"].path).read_text().replace('name = "dungeon"', 'name = "cellar"')
    (tmp_path / "game.toml").write_text(toml)
    game = load_game(tmp_path)
    level = Level(game, parse_text("@>\n", game))
    (tmp_path / "levels").mkdir()
    for path in exporters.write_level(level, "json", tmp_path / "levels"):
        assert exporters.read_level(path).game.name == "cellar"


def test_writing_again_gives_the_same_bytes(full, tmp_path):
    for name in exporters.format_names():
        first = [p.read_bytes() for p in exporters.write_level(full, name, tmp_path / "a")]
        assert first == [p.read_bytes() for p in exporters.write_level(full, name, tmp_path / "b")]


def test_every_fact_has_the_same_name_everywhere(full, tmp_path):
    assert tuple(facts(full)) == NAMES
    document = json.loads(exporters.write_level(full, "json", tmp_path)[0].read_text())
    assert {name: document[name] for name in NAMES} == facts(full)
    text = exporters.write_level(full, "text", tmp_path)[0].read_text()
    assert [line.split()[1].rstrip(":") for line in text.splitlines() if line.startswith(";")] == list(NAMES)
    tmj = json.loads(exporters.write_level(full, "tmj", tmp_path)[0].read_text())
    flat = {p["name"]: p["value"] for p in tmj["properties"]}
    assert flat["difficulty_ci_low"] == 0.25
    assert flat["fun_parts_tension"] == 1.0
    assert flat["format_version"] == 1
    assert {n for n in NAMES if n not in flat} == {"version", "difficulty_ci", "fun_parts"}


# --- golden files and what Tiled's readers need ------------------------------------------------------


@pytest.mark.parametrize("name", ["tmj", "tmx", "json", "text", "ldtk", "godot"])
def test_the_golden_file_is_met(name, tmp_path):
    """``UPDATE_GOLDEN=1 pytest`` writes them anew; look at the difference before committing it."""
    game = make_game("topdown")
    rows = "#####\n#@k.#\n#.D>#\n#^oe#\n#####\n"
    level = Level(game, parse_text(rows, game), id="golden", seed=7, solution=(3, 1), difficulty=0.5)
    level = level.with_(difficulty_ci=(0.25, 0.75), fun_parts={"tension": 1.0}, extra={"author": "A & B"})
    (path,) = exporters.write_level(level, name, tmp_path)
    golden = GOLDEN / path.name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_bytes(path.read_bytes())
    assert path.read_text() == golden.read_text()


def test_tiled_maps_have_what_readers_need(full, tmp_path):
    tmj, tmx = exporters.write_level(full, "tiled", tmp_path)
    data = json.loads(tmj.read_text())
    terrain, entities = data["layers"]
    assert (data["orientation"], data["infinite"], terrain["type"]) == ("orthogonal", False, "tilelayer")
    assert '"point"' not in tmj.read_text()
    assert "point" not in tmx.read_text()
    assert all(type(p["value"]) in (str, int, float, bool) for p in data["properties"])
    start = next(o for o in entities["objects"] if o["type"] == "start")
    assert (start["x"], start["y"], type(start["x"])) == (
        16,
        32,
        int,
    )  # column 1, row 1: its bottom left corner
    (tileset,) = data["tilesets"]
    by_id = {t["id"]: {p["name"]: p["value"] for p in t["properties"]} for t in tileset["tiles"]}
    assert by_id[terrain["data"][0] - 1] == {"tile": "wall", "role": "solid", "solid": True}
    assert by_id[start["gid"] - 1]["tile"] == "start"
    solid = {t["id"] for t in tileset["tiles"] if "objectgroup" in t}
    assert solid == {i for i, facts_ in by_id.items() if facts_["solid"]}
    assert all(w["type"] == "corner" for w in tileset["wangsets"])
    assert (tmp_path / tileset["image"]).is_file()


def test_seeds_beyond_32_bits_are_text_in_tiled(full, tmp_path):
    (path,) = exporters.write_level(full.with_(seed=2**40), "tmj", tmp_path)
    seed = next(p for p in json.loads(path.read_text())["properties"] if p["name"] == "seed")
    assert seed == {"name": "seed", "type": "string", "value": str(2**40)}
    assert exporters.read_level(path).seed == 2**40


# --- the JSON schema -------------------------------------------------------------------------------


def test_the_published_schema_is_the_shipped_one():
    shipped = ROOT / "exporters" / "schemas" / "level-1.schema.json"
    assert (ROOT / "docs" / "schemas" / "level-1.schema.json").read_bytes() == shipped.read_bytes()
    json_format._validator().check_schema(json_format.schema())


@settings(max_examples=30, deadline=None)
@given(described_levels(GAMES["dungeon"]))
@example(Level(GAMES["dungeon"], np.zeros((1, 1), np.uint8)))
def test_what_is_written_meets_the_whole_schema(level):
    json_format._validator().validate(json_format.document(level))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("version", 2, "version 2 is not known"),
        ("difficulty", 1.5, "difficulty"),
        ("difficulty_ci", [0.1], "difficulty_ci"),
        ("fun_parts", {"a b": 0.1}, "fun_parts"),
        ("tiles", [[1, 2], [3]], "tiles must be"),
        ("tiles", [[1, -2, 3, 4, 5, 6]] * 5, "tiles/0/1"),
        ("tiles", [[99] * 6] * 5, "outside the vocabulary"),
        ("tiles", [[1.5] * 6] * 5, "tiles/0/0"),
        ("tiles", [[True] * 6] * 5, "tiles/0/0"),
        ("tiles", [], "tiles"),
        ("width", 10**6, "width"),
        ("solution", "UUXX", "'X' at position 3"),
        ("solution_length", 9, "solution_length"),
        ("sedd", 3, "sedd"),
        ("vocabulary", [], "vocabulary"),
        ("game", "dungeno", "'dungeno', which is not at hand"),
        ("game", "../../x", "game"),
    ],
)
def test_a_document_against_the_schema_is_refused(key, value, words, full, tmp_path):
    (path,) = exporters.write_level(full, "json", tmp_path)
    document = json.loads(path.read_text()) | {key: value}
    path.write_text(json.dumps(document))
    with pytest.raises(LevelForgeError) as error:
        exporters.read_level(path)
    assert words in one_line(error)
    assert path.name in str(error.value)


def test_tiles_are_matched_by_name(full, tmp_path):
    (path,) = exporters.write_level(full, "json", tmp_path)
    document = json.loads(path.read_text())
    order = np.random.default_rng(0).permutation(len(document["vocabulary"]))
    document["vocabulary"] = [document["vocabulary"][i] for i in order]
    document["tiles"] = np.argsort(order)[full.tiles].tolist()
    path.write_text(json.dumps(document))
    assert exporters.read_level(path).same_as(full)


# --- text -------------------------------------------------------------------------------------------


def test_plain_text_needs_symbols_that_only_one_game_has(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("; by hand: rooms\n####\n#@k#\n#.>#\n####\n")
    level = exporters.read_level(path)
    assert (level.game.name, level.id, level.size) == ("dungeon", "a", (4, 4))
    path.write_text("###\n#@#\n#>#\n")
    with pytest.raises(LevelForgeError, match="dungeon and platformer fit its tiles; name the game"):
        exporters.read_level(path)
    assert exporters.read_level(path, GAMES["platformer"]).game.name == "platformer"
    path.write_text("~~~\n")
    with pytest.raises(LevelForgeError, match="none of dungeon, platformer fit"):
        exporters.read_level(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"##\n#\n", "row 2 has 1 symbols"),
        (b"#?\n##\n", "row 1, column 2"),
        (b"#\xff\n", "not UTF-8"),
        (b"", "no rows"),
        (b"##\n; seed: x\n", "line 2: seed must be a JSON value"),
        (b"##\n; seed: 1\n; seed: 2\n", "line 3: seed is given twice"),
        (b"##\n; seed: 1.5\n", "seed must be a whole number"),
        (b"##\n; fun: NaN\n", "fun must be a number from 0 to 1"),
        (b"#" * 600, "more than 512"),
        (b"#\n" * 600, "more than 512"),
    ],
)
def test_damaged_text_is_refused(data, words, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(LevelForgeError) as error:
        exporters.read_level(path, GAMES["dungeon"])
    assert words in one_line(error)


def test_windows_line_ends_and_byte_order_mark_are_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff##\r\n@>\r\n; seed: 4\r\n".encode())
    level = exporters.read_level(path, GAMES["dungeon"])
    assert (level.size, level.seed) == ((2, 2), 4)


# --- registry, detection, folders ---------------------------------------------------------------------


def test_unknown_formats_and_options_are_answered_with_the_nearest(full, tmp_path):
    with pytest.raises(LevelForgeError, match="did you mean 'tiled'"):
        exporters.write_level(full, "tild", tmp_path)
    with pytest.raises(LevelForgeError, match="did you mean 'encoding'"):
        exporters.write_level(full, "tmx", tmp_path, encodin="csv")
    with pytest.raises(LevelForgeError, match="did you mean 'base64-zlib'"):
        exporters.write_level(full, "tmx", tmp_path, encoding="base64-zlb")
    with pytest.raises(LevelForgeError, match="has no option 'encoding'"):
        exporters.write_level(full, "json", tmp_path, encoding="csv")


@pytest.mark.parametrize("stem", ["../up", "a/b", "a\\b", "", ".hidden", "c:x", "n\x00l", "x" * 300])
def test_stems_never_leave_the_folder(stem, full, tmp_path):
    with pytest.raises(LevelForgeError, match="cannot name a file"):
        exporters.write_level(full, "json", tmp_path / "out", stem)
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "out"])


def test_a_tiled_map_named_json_is_recognised(full, tmp_path):
    (path,) = exporters.write_level(full, "tmj", tmp_path)
    assert same(exporters.read_level(path.rename(tmp_path / "tiny.json")), full)


def test_a_folder_gives_its_levels_and_passes_over_the_rest(full, tmp_path):
    exporters.write_level(full, "json", tmp_path / "a", "one")
    exporters.write_level(full, "tiled", tmp_path / "b", "two", tileset="external")
    exporters.write_level(full, "text", tmp_path / ".hidden", "three")
    (tmp_path / "pack.json").write_text("{}")
    (tmp_path / "README.txt").write_text("These levels were made by hand.\n")
    found = [path.relative_to(tmp_path).as_posix() for path, _ in exporters.read_levels([tmp_path])]
    assert found == ["a/one.json", "b/two.tmj", "b/two.tmx"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(LevelForgeError, match="holds no level in a readable format"):
        exporters.read_levels([tmp_path / "empty"])
    with pytest.raises(LevelForgeError, match="no such file"):
        exporters.read_levels([tmp_path / "nothing"])


def test_pictures_and_strangers_are_not_read(full, tmp_path):
    (path,) = exporters.write_level(full, "png", tmp_path)
    with pytest.raises(LevelForgeError, match="no format reads this kind of file"):
        exporters.read_level(path)
    other = tmp_path / "x.json"
    other.write_text("[]")
    with pytest.raises(LevelForgeError, match="none of the formats with this extension"):
        exporters.read_level(other)


def test_a_plugin_is_found_and_a_broken_one_does_no_harm(full, tmp_path, monkeypatch):
    def write(level, folder, stem, _options):
        return base.write_files(folder, {f"{stem}.csv": str(level.tiles.tolist()).encode()})

    class Point:
        def __init__(self, name, value):
            self.name, self.value = name, value

        def load(self):
            if self.value is None:
                raise ImportError("no module named 'gone'")
            return self.value

    points = [Point("csv", base.Format("csv", "commas", (".csv",), write=write)), Point("bad", None)]
    monkeypatch.setattr(registry, "_plugins", lambda: {p.name: p for p in points})
    registry.get_format.cache_clear()
    assert [p.name for p in exporters.write_level(full, "csv", tmp_path)] == ["tiny.csv"]
    assert "bad" not in [f.name for f in exporters.formats()]
    with pytest.raises(LevelForgeError, match="'bad' of an installed package does not load"):
        exporters.get_format("bad")
    registry.get_format.cache_clear()


def test_a_set_goes_into_one_file_where_the_format_holds_sets(full, tmp_path):
    paths = exporters.write_levels([full, full.with_(id="other")], "json", tmp_path)
    assert [p.name for p in paths] == ["tiny.json", "other.json"]


# --- folders that refuse -------------------------------------------------------------------------------


def test_an_unwritable_folder_is_one_line(full, tmp_path):
    (tmp_path / "file").write_text("")
    for name in exporters.format_names():
        with pytest.raises(LevelForgeError) as error:
            exporters.write_level(full, name, tmp_path / "file" / "out")
        assert "cannot be" in one_line(error)


def test_a_full_disk_leaves_nothing_half_written(full, tmp_path, monkeypatch):
    (path,) = exporters.write_level(full, "json", tmp_path)
    before = path.read_bytes()
    real = Path.write_bytes

    def full_disk(self, data):
        real(self, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(LevelForgeError, match="No space left on device"):
        exporters.write_level(full.with_(seed=8), "json", tmp_path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.json"]


def test_facts_that_no_file_can_hold_are_refused(full, tmp_path):
    for change in ({"difficulty": float("nan")}, {"extra": {"x": {1, 2}}}, {"id": "a\nb"}, {"fun": 2.0}):
        with pytest.raises(LevelForgeError) as error:
            exporters.write_level(full.with_(**change), "json", tmp_path, "x")
        one_line(error)
    assert list(tmp_path.iterdir()) == []
