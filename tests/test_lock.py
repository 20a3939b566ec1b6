"""Levels around locked tiles: what is locked stays, seams can be beaten, and what could not be kept is said."""

import json
import zlib

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from standins import make_pack
from strategies import make_game, random_tiles

from levelforge import exporters
from levelforge.cli import cli
from levelforge.errors import LevelForgeError
from levelforge.game import Role, load_game
from levelforge.generate import GenerateConfig, generate
from levelforge.level import Level, faults, parse_text
from levelforge.lock import Lock, read_lock
from levelforge.lock_mask import read_masks
from levelforge.repair import repair_batch
from levelforge.solver import verify_solution

GAMES = ["dungeon", "platformer"]
DUNGEON = load_game("dungeon")
MAP = """\
####################
#@.....#......$....#
#......#...........#
#......#...........#
#..k...D.....b.....#
#......#...........#
#......#...........#
#......#...........#
#......#......$....#
#......#...........#
#......#..........>#
####################
"""


def mine(text=MAP, **facts):
    return Level(DUNGEON, parse_text(text, DUNGEON), id="mine", **facts)


def opened(level, x, y, wide, high):
    """``bool[H, W]``: locked but for a rectangle."""
    locked = np.ones(level.tiles.shape, bool)
    locked[y : y + high, x : x + wide] = False
    return locked


def made(pack, lock, n=1, seed=3, **config):
    size = lock.level.size
    return generate(
        pack, GenerateConfig(n=n, seed=seed, size=size, playtest=False, lock=lock, **config)
    ).levels


@pytest.fixture(scope="module", name="packs")
def _packs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    return {name: make_pack(folder / name, name) for name in GAMES}


@pytest.fixture(name="run")
def _run(packs, tmp_path, monkeypatch):
    """Runs ``generate --lock`` with a small pack, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        always = ["--pack", str(packs["dungeon"].folder), "--no-playtest", "--seed", "3"]
        return CliRunner().invoke(cli, ["generate", *map(str, args), *always])

    return run


def refusal(result):
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line


# --- what comes out ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GAMES)
def test_what_is_locked_comes_back_untouched(name, packs):
    game = load_game(name)
    path = exporters.find_files([game.folder / "corpus" / "train"])[0]
    level = exporters.read_level(path, game)
    level = level.with_(difficulty=0.4, extra={"why": "of another level", "mood": "grim"})
    locked = opened(level, level.width // 3, 1, level.width // 3, level.height - 2)
    found = made(packs[name], Lock(level, locked), n=3)
    assert len({each.tiles.tobytes() for each in found}) == 3
    for each in found:
        assert (each.tiles == level.tiles)[locked].all()
        assert (each.tiles != level.tiles)[~locked].any()
        assert verify_solution(each, each.solution)
        assert (each.seed, each.size) == (3, level.size)
        assert (each.difficulty, each.extra) == (None, {"mood": "grim"})


def test_the_same_seed_makes_the_same_levels_however_many(packs):
    lock = Lock(mine(), opened(mine(), 8, 1, 10, 10))
    few, many = made(packs["dungeon"], lock, n=1), made(packs["dungeon"], lock, n=4)
    assert few[0].same_as(many[0])
    assert [a.same_as(b) for a, b in zip(many, made(packs["dungeon"], lock, n=4), strict=True)] == [True] * 4
    assert not few[0].same_as(made(packs["dungeon"], lock, seed=4)[0])


def test_counts_are_those_of_the_whole_level(packs):
    level = mine()
    lock = Lock(level, opened(level, 8, 1, 11, 4), {"treasure": 4, "bat": 2, "spikes": 0})
    for each in made(packs["dungeon"], lock, n=2):
        counts = each.counts()
        assert (counts["treasure"], counts["bat"], counts["spikes"]) == (4, 2, 0)
        assert (counts["start"], counts["exit"]) == (1, 1)
    assert lock.report([each])["unmet"] == {}


def test_start_and_goal_come_into_the_open_area_where_none_is_locked(packs):
    level = mine()
    (each,) = made(packs["dungeon"], Lock(level, ~opened(level, 10, 5, 4, 4)))
    assert faults(each) == []
    inside = opened(level, 10, 5, 4, 4)
    roles = DUNGEON.roles[each.tiles]
    assert (roles[inside] == Role.START).sum() == (roles[inside] == Role.GOAL).sum() == 1


def test_what_cannot_be_kept_is_told_with_its_reason(packs):
    level = mine()
    lock = Lock(level, opened(level, 8, 8, 2, 1), {"treasure": 1, "bat": 6})
    levels = made(packs["dungeon"], lock)
    report = lock.report(levels)
    assert report["unmet"] == {
        "treasure": {"requested": 1, "made": 2, "reason": "2 are locked"},
        "bat": {"requested": 6, "made": 3, "reason": "the open area has room for 2 tiles"},
    }
    assert (report["locked_tiles"], report["kept_tiles"], report["open_tiles"]) == (238, 238, 2)
    assert "could not keep treasure=1: 2, because 2 are locked" in lock.lines(levels)


def test_faults_of_what_is_locked_stay_and_are_told(packs):
    level = mine(MAP.replace("####################\n#@", "#######..###########\n#@", 1))
    lock = Lock(level, opened(level, 8, 3, 8, 6))
    levels = made(packs["dungeon"], lock)
    assert (levels[0].tiles == level.tiles)[lock.locked].all()
    assert lock.report(levels)["faults"] == faults(levels[0]) != []


def test_a_short_way_between_locked_ends_is_told(packs):
    level = mine("#" * 16 + "\n#@>............#\n" + "#..............#\n" * 9 + "#" * 16)
    lock = Lock(level, opened(level, 6, 3, 6, 6))
    (phrase,) = lock.report(made(packs["dungeon"], lock))["faults"]
    assert phrase.startswith("a solution of 1 steps where")


@pytest.mark.parametrize("movement", ["topdown", "platformer"])
def test_repair_never_touches_what_is_frozen(movement):
    game = make_game(movement)
    rng = np.random.default_rng(11)
    tiles = np.stack([random_tiles(game, 9, 14, rng) for _ in range(40)])
    frozen = rng.random(tiles.shape[1:]) < 0.6
    free, kept = repair_batch(tiles, game), repair_batch(tiles, game, frozen=frozen)
    assert (kept.tiles == tiles)[:, frozen].all()
    assert ((kept.edits >= 0) <= (free.edits >= 0)).all()
    assert (kept.edits > 0).any()
    stuck = repair_batch(tiles, game, frozen=np.ones_like(frozen))
    assert np.array_equal(stuck.tiles, tiles)
    assert np.array_equal(stuck.edits >= 0, stuck.raw_beatable)


# --- the map's own things --------------------------------------------------------------------------


def test_what_people_added_to_the_map_is_kept(run, tmp_path):
    (path,) = exporters.write_level(mine(extra={"author": "Ada"}), "tmj", tmp_path)
    data = json.loads(path.read_text())
    zone = {
        "id": 90,
        "name": "arena",
        "type": "zone",
        "x": 5,
        "y": 6,
        "width": 40,
        "height": 8,
        "rotation": 0,
    }
    data["layers"].append({"id": 9, "type": "objectgroup", "name": "zones", "objects": [zone]})
    for thing in data["layers"][1]["objects"]:
        thing["name"] = f"my {thing['type']}"
    path.write_text(json.dumps(data))
    result = run(
        "--lock", path, "--mask", "8,1,11x5", "-n", 1, "--format", "tmx,json", "--out", "out", "--json"
    )
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["lock"]["kept_tiles"] == document["lock"]["locked_tiles"] == 240 - 55
    for name in document["levels"][0]["files"]:
        again = exporters.read_level(name)
        assert again.extra["author"] == "Ada"
        kept = again.extra["tiled_kept"]
        assert [layer["name"] for layer in kept["layers"]] == ["zones"]
        # names given to locked entities are there, those of the open area went with their entities
        assert {note["name"] for note in kept["entities"]} == {
            "my start",
            "my key",
            "my door",
            "my treasure",
            "my exit",
        }
        assert all(not (8 <= note["x"] < 19 and 1 <= note["y"] < 6) for note in kept["entities"])


@pytest.mark.parametrize("word", ["text", "json", "tmx", "ldtk"])
def test_any_readable_format_can_be_locked(word, run, tmp_path):
    (path,) = exporters.write_level(mine(), word, tmp_path)
    (tmp_path / "mask.txt").write_text("0" * 20 + "\n" + ("0" * 8 + "1" * 11 + "0\n") * 10 + "0" * 20 + "\n")
    result = run("dungeon", "--lock", path, "--mask", "mask.txt", "-n", 1, "--format", "text", "--out", "out")
    assert result.exit_code == 0, result.stderr
    assert "130 of 130 locked tiles kept" in result.stderr
    (again,) = (tmp_path / "out").glob("*.txt")
    level = exporters.read_level(again)
    assert (level.tiles == mine().tiles)[opened(level, 8, 1, 11, 10)].all()


# --- masks -----------------------------------------------------------------------------------------


def test_masks_add_up(tmp_path):
    (tmp_path / "rows.txt").write_text("00001\n00000\n00000\n")
    picture = np.zeros((3, 5, 4), np.uint8)
    picture[..., 3] = 255
    picture[2, 0] = (255, 255, 255, 255)
    picture[2, 1] = (255, 255, 255, 0)  # see-through
    Image.fromarray(picture).save(tmp_path / "mask.png")
    words = ["1,0,2x2", str(tmp_path / "rows.txt"), str(tmp_path / "mask.png")]
    found = read_masks(words, 5, 3)
    assert found.astype(int).tolist() == [[0, 1, 1, 0, 1], [0, 1, 1, 0, 0], [1, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"01\n01\n", "a mask of 2x2 for a map of 5x3"),
        (b"00000\n0001\n00000\n", "row 2 has 4 digits where row 1 has 5"),
        (b"0000x\n" * 3, "rows of 0 and 1"),
        (b"", "rows of 0 and 1"),
        (b"00000\n" * 3, "opens nothing"),
        (b"\x89PNG\r\n\x1a\n nonsense", "damaged PNG"),
        (b"1" * (2**20 + 1), "larger than 1 MiB"),
    ],
)
def test_a_bad_mask_file_is_one_line(content, message, tmp_path):
    (tmp_path / "mask").write_bytes(content)
    with pytest.raises(LevelForgeError, match=message) as error:
        read_masks([str(tmp_path / "mask")], 5, 3)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "4,0,2x1",
            "mask 4,0,2x1 reaches outside the map of 5x3 tiles; columns go from 0 to 4, rows from 0 to 2",
        ),
        ("-1,0,2x1", "reaches outside"),
        ("9,9,1x1", "reaches outside"),
        ("1,1,0x2", "is empty"),
        ("1,1,2,2", "neither a rectangle X,Y,WxH"),
        ("nowhere.png", "nor a file that exists"),
    ],
)
def test_a_bad_rectangle_is_one_line(word, message):
    with pytest.raises(LevelForgeError, match=message):
        read_masks([word], 5, 3)


def test_a_huge_picture_is_refused_before_it_is_unpacked(tmp_path):
    header = (60000).to_bytes(4, "big") * 2 + b"\x01\0\0\0\0"
    chunk = b"\0\0\0\x0dIHDR" + header + zlib.crc32(b"IHDR" + header).to_bytes(4, "big")
    (tmp_path / "mask.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(LevelForgeError, match="a mask has one a tile"):
        read_masks([str(tmp_path / "mask.png")], 5, 3)


# --- what cannot be done -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rectangle", "message"),
    [
        (MAP.replace("b", "@"), (2, 2, 3, 2), "2 starts are locked.*column 1, row 1 and column 13, row 4.*remove"),
        (MAP.replace("@", ".").replace(">", "."), (4, 4, 1, 1), "no start and no goal is locked.*room for 1 tiles"),
        (MAP, (0, 0, 20, 1), "lies on the border"),
    ],
)  # fmt: skip
def test_a_hopeless_lock_is_refused_at_once(text, rectangle, message):
    level = mine(text)
    with pytest.raises(LevelForgeError, match=message):
        Lock(level, opened(level, *rectangle), origin="mine.tmx")


def test_fewer_levels_than_asked_for_is_one_line_with_the_mend(packs):
    level = mine()
    lock = Lock(level, opened(level, 8, 8, 1, 1), {"bat": 1, "treasure": 2, "key": 1}, origin="mine.tmx")
    with pytest.raises(
        LevelForgeError, match=r"mine.tmx: only \d of 9 different levels found around the 239 locked"
    ):
        made(packs["dungeon"], lock, n=9, max_candidates=64)


def test_no_level_fits_is_one_line_with_the_mend(run, tmp_path):
    sealed = MAP.replace("#......#", "########", 1).replace("#@.....#", "#@#....#").replace("D", "#")
    (path,) = exporters.write_level(mine(sealed), "text", tmp_path)
    line = refusal(run("dungeon", "--lock", path, "--mask", "12,2,5x5", "-n", 1, "--out", "out"))
    assert "no level fits around the 215 locked tiles" in line
    assert "open a larger area" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["dungeon", "--mask", "1,1,4x4"], "name the map with --lock"),
        (["--lock", "mine.txt"], "--lock needs --mask"),
        (["--mask", "1,1,4x4"], "Missing argument 'GAME'"),
        (["--lock", "mine.txt", "--mask", "1,1,4x4", "--size", "20x12"], "--size does not go with --lock"),
        (["platformer", "--lock", "mine.txt", "--mask", "1,1,4x4"], "a level of game 'dungeon', not of 'platformer'"),
        (["--lock", "nowhere.tmx", "--mask", "1,1,4x4"], "nowhere.tmx: no such file"),
        (["--lock", "broken.tmx", "--mask", "1,1,4x4"], "broken.tmx: not valid XML"),
        (["--lock", "mine.txt", "--mask", "18,1,4x4"], "reaches outside the map of 20x12"),
        (["--lock", "mine.txt", "--mask", "1,1,4x4", "--count", "bat=999"], "999 of bat"),
        (["--lock", "mine.txt", "--mask", "1,1,4x4", "--count", "bta=1"], "did you mean 'bat'"),
        (["--lock", "both", "--mask", "1,1,4x4"], "holds 2 levels; lock the tiles of one"),
        (["--lock", "thin.txt", "--mask", "1,1,1x1"], "size 4x4 is outside what dungeon allows"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(args, message, run, tmp_path):
    exporters.write_level(mine(), "text", tmp_path)
    (tmp_path / "broken.tmx").write_text("<map")
    (tmp_path / "thin.txt").write_text('####\n#@>#\n#..#\n####\n; game: "dungeon"\n')
    (tmp_path / "both").mkdir()
    for name in ("a", "b"):
        exporters.write_level(mine(), "text", tmp_path / "both", name)
    assert message in refusal(run(*args, "--out", "out"))
    assert not (tmp_path / "out").exists()


def test_the_map_says_which_game(tmp_path):
    (path,) = exporters.write_level(mine(), "tmj", tmp_path)
    assert read_lock(path, ["1,1,4x4"], None, {}).level.game.name == "dungeon"
