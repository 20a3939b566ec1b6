"""A campaign is a folder: levels that get harder, an index that lists them, a world that lays them out."""

import json

import pytest
from click.testing import CliRunner
from standins import make_pack

from levelforge.campaign import FORMAT, read_campaign
from levelforge.cli import cli
from levelforge.errors import LevelForgeError
from levelforge.exporters import read_levels
from levelforge.rules import replay

GAMES = ("dungeon", "platformer")


@pytest.fixture(scope="module", params=GAMES)
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    make_pack(folder / "pack", request.param)
    args = ["campaign", request.param, "--levels", "4", "--seed", "5", "--curve", "0.1:0.6", "--json"]
    args += ["--pack", str(folder / "pack"), "--out", str(folder / "levels")]
    done = CliRunner().invoke(cli, args)
    assert done.exit_code == 0, done.output
    return folder / "levels", json.loads(done.stdout), args


def test_levels_are_certified_and_get_harder(made):
    folder, document, _ = made
    campaign = read_campaign(folder)
    assert [level.id for level in campaign.levels] == [entry["id"] for entry in document["levels"]]
    assert all(replay(level, level.solution).outcome == "won" for level in campaign.levels)
    difficulties = [level.difficulty for level in campaign.levels]
    assert difficulties == sorted(difficulties)
    assert campaign.asked == (0.1, 0.2667, 0.4333, 0.6)
    assert document["campaign"] == {"format": FORMAT, "title": campaign.title, "curve": [0.1, 0.6]}


def test_the_world_lays_out_all_levels(made):
    folder, _, _ = made
    (world,) = folder.glob("*.world")
    there = [level.tiles.tobytes() for _, level in read_levels([world])]
    assert there == [level.tiles.tobytes() for level in read_campaign(folder).levels]


def test_the_same_seed_writes_the_same_bytes(made, tmp_path):
    folder, _, args = made
    done = CliRunner().invoke(cli, [*args[:-1], str(tmp_path / "again")])
    assert done.exit_code == 0
    for path in sorted(folder.iterdir()):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_any_folder_of_levels_is_a_list(made, tmp_path):
    folder, _, _ = made
    for path in folder.glob("*.tmx"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for path in folder.glob("*-tileset*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    listed = read_campaign(tmp_path)
    assert [level.id for level in listed.levels] == [level.id for level in read_campaign(folder).levels]
    assert listed.asked == (None,) * 4
    assert listed.title == tmp_path.name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot be read"),
        ('{"levels": [{"files": ["../secret.json"]}]}', "level 1 names no readable file"),
        ('{"levels": [{"files": "x"}]}', "level 1 names no readable file"),
        ('{"levels": [{"files": ["a\\u0000.json"]}]}', "level 1 names no readable file"),
        (json.dumps({"campaign": {"format": FORMAT + 1}, "levels": [{}]}), "newer version"),
        ('{"levels": 3}', "holds no level"),
        ("[]", "holds no level"),
    ],
)
def test_an_index_that_lies_is_one_line(tmp_path, text, problem):
    (tmp_path.parent / "secret.json").write_text("{}")
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(LevelForgeError, match=problem) as found:
        read_campaign(tmp_path)
    assert str(tmp_path) in str(found.value)


def test_a_curve_that_falls_or_leaves_the_range_is_refused(tmp_path):
    for curve in ("0.8:0.1", "0.2:1.4", "x"):
        done = CliRunner().invoke(
            cli, ["campaign", "dungeon", "--curve", curve, "--out", str(tmp_path / "out")]
        )
        assert done.exit_code == 2
        assert not (tmp_path / "out").exists()
