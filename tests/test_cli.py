"""The command line's answers: JSON documents field by field, files, exit statuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from standins import make_pack

from levelforge.cli import cli
from levelforge.exporters import read_level
from levelforge.game import load_game
from levelforge.level import parse_text
from levelforge.solver import verify_solution

GAMES = ("dungeon", "platformer")
ROOM = (
    "################\n#@.............#\n"
    + "#..............#\n" * 9
    + "#.............>#\n"
    + "################\n"
)
CLOSED = ROOM.replace("#..............#\n#.............>#", "#............###\n#............#>#")

Run = Callable[..., Result]


@pytest.fixture(name="run")
def _run() -> Run:
    return lambda *args: CliRunner().invoke(cli, [str(a) for a in args])


@pytest.fixture(scope="module", name="packs")
def _packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    for game in GAMES:
        make_pack(folder / game, game)
    return folder


@pytest.fixture(scope="module", name="made")
def _made(packs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("made") / "levels"
    args = [
        "generate",
        "dungeon",
        "-n",
        "4",
        "--seed",
        "7",
        "--pack",
        str(packs / "dungeon"),
        "--out",
        str(out),
    ]
    result = CliRunner().invoke(cli, [*args, "--json"])
    assert result.exit_code == 0, result.output
    return out, json.loads(result.stdout)


@pytest.fixture(name="maps")
def _maps(tmp_path: Path) -> Path:
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "closed.txt").write_text(CLOSED)
    (folder / "room.txt").write_text(ROOM)
    return folder


def test_generate_prints_the_agreed_document(made: tuple[Path, dict[str, Any]]) -> None:
    out, document = made
    assert list(document) == [
        "game", "pack", "seed", "requested", "written", "seconds", "raw_beatable", "rejected", "levels",
    ]  # fmt: skip
    assert (document["game"], document["seed"], document["requested"], document["written"]) == (
        "dungeon",
        7,
        4,
        4,
    )
    assert list(document["seconds"]) == ["sample", "repair", "certify", "playtest", "export"]
    assert all(spent > 0 for spent in document["seconds"].values())
    assert 0 <= document["raw_beatable"] <= 1
    assert all(isinstance(count, int) for count in document["rejected"].values())
    for number, level in enumerate(document["levels"]):
        assert list(level) == [
            "id", "files", "beatable", "solution_length", "edits", "novelty", "difficulty", "difficulty_ci", "fun",
            "fun_parts",
        ]  # fmt: skip
        assert level["id"] == f"dungeon-7-{number:04d}"
        assert level["beatable"] is True
        assert level["files"] == [str(out / f"{level['id']}.{x}") for x in ("json", "tmj", "tmx", "png")]
        assert level["solution_length"] >= 20
        assert 0 <= level["difficulty_ci"][0] <= level["difficulty"] <= level["difficulty_ci"][1] <= 1
        assert 0 < level["novelty"] < 1


def test_every_file_carries_the_certificate_and_the_facts(made: tuple[Path, dict[str, Any]]) -> None:
    _, document = made
    for entry in document["levels"]:
        for file in entry["files"][:3]:
            level = read_level(file)
            assert level.solution is not None
            assert verify_solution(level, level.solution)
            assert len(level.solution) == entry["solution_length"]
            assert (level.id, level.seed, level.pack) == (entry["id"], 7, document["pack"])
            assert round(level.difficulty or 0, 4) == entry["difficulty"]


def test_generate_writes_levels_an_index_and_a_contact_sheet_and_nothing_else(
    made: tuple[Path, dict[str, Any]],
) -> None:
    out, document = made
    names = {Path(file).name for level in document["levels"] for file in level["files"]}
    assert {p.name for p in out.iterdir()} - names == {
        "contact-sheet.png",
        "index.json",
        "dungeon-tileset.png",
        "dungeon-7.world",
        "dungeon.tiled-project",
    }
    index = json.loads((out / "index.json").read_text())
    assert "seconds" not in index, "the same command is to write the same bytes"
    assert index["levels"][0]["files"][0] == "dungeon-7-0000.json"
    with Image.open(out / "contact-sheet.png") as sheet:
        assert min(sheet.size) > 400


@pytest.mark.parametrize("game", GAMES)
def test_the_same_command_writes_the_same_bytes(run: Run, packs: Path, tmp_path: Path, game: str) -> None:
    for place, threads in (("a", 1), ("b", 2)):
        args = (
            "-n",
            3,
            "--seed",
            11,
            "--pack",
            packs / game,
            "--out",
            tmp_path / place,
            "--threads",
            threads,
        )
        assert run("generate", game, *args).exit_code == 0
    contents = [{p.name: p.read_bytes() for p in (tmp_path / place).iterdir()} for place in "ab"]
    assert contents[0] == contents[1]


def test_generate_tells_where_the_contact_sheet_is(run: Run, packs: Path, tmp_path: Path) -> None:
    result = run(
        "generate", "dungeon", "-n", 1, "--no-playtest", "--pack", packs / "dungeon", "--out", tmp_path / "x"
    )
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'x' / 'contact-sheet.png'}\n"
    assert "1 dungeon levels" in result.stderr


def test_generate_without_a_playtest(run: Run, packs: Path, tmp_path: Path) -> None:
    args = (
        "--no-playtest",
        "--format",
        "text",
        "--pack",
        packs / "dungeon",
        "--out",
        tmp_path / "x",
        "--json",
    )
    document = json.loads(run("generate", "dungeon", "-n", 2, *args).stdout)
    assert [level["difficulty"] for level in document["levels"]] == [None, None]
    assert [Path(f).suffix for level in document["levels"] for f in level["files"]] == [".txt", ".txt"]


def test_a_difficulty_is_reported_as_asked_and_as_measured(run: Run, packs: Path, tmp_path: Path) -> None:
    args = (
        "--difficulty",
        "0.2:0.8",
        "--pack",
        packs / "dungeon",
        "--out",
        tmp_path / "x",
        "--json",
        "--format",
        "json",
    )
    document = json.loads(run("generate", "dungeon", "-n", 3, "--seed", 3, *args).stdout)
    assert [level["requested_difficulty"] for level in document["levels"]] == [0.2, 0.5, 0.8]
    measured = [level["difficulty"] for level in document["levels"]]
    assert measured == sorted(measured)
    assert document["notes"][0] == "this pack has no critic: played every one of 12 candidates"
    assert "predicted_difficulty" not in document["levels"][0]
    off = [abs(m - r) for m, r in zip(measured, (0.2, 0.5, 0.8), strict=True)]
    assert document["difficulty"] == {
        "mean_absolute_error": pytest.approx(sum(off) / 3, abs=1e-4),
        "missed": sum(error > 0.1 for error in off),
        "missed_by": 0.1,
        "played": 12,
    }


def test_a_pack_with_a_critic_also_reports_what_it_expected(run: Run, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", "dungeon", critic=True, time_limit=60)
    args = (
        "--difficulty",
        "0.3:0.9",
        "--pack",
        pack.folder,
        "--seed",
        3,
        "--out",
        tmp_path / "x",
        "--format",
        "json",
    )
    game = tmp_path / "pack-game.toml"
    result = run("generate", game, "-n", 4, *args, "--count", "bat=0", "--count", "ghost=0")
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "x" / "index.json").read_text())
    assert all(0 <= level["predicted_difficulty"] <= 1 for level in document["levels"])
    lines = result.stderr.splitlines()
    first = document["levels"][0]
    assert lines[0].startswith(f"  dungeon-3-0000: asked for 0.30, measured {first['difficulty']:.2f} (")
    assert lines[4].startswith("difficulty: mean absolute error 0.")
    assert "missed by more than 0.1" in lines[4]
    notes = [line for line in lines if line.startswith("note: ")]
    assert notes == [f"note: {note}" for note in document["notes"]]
    assert "dungeon declares difficulties from" in notes[0]


def test_counts_and_size_are_met(run: Run, packs: Path, tmp_path: Path) -> None:
    args = ("--count", "door=2", "--count", "bat=0", "--size", "24x20", "--no-playtest", "--format", "json")
    result = run("generate", "dungeon", "-n", 2, *args, "--pack", packs / "dungeon", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    for file in tmp_path.glob("dungeon-*.json"):
        level = read_level(file)
        assert level.size == (24, 20)
        assert (level.counts()["door"], level.counts()["bat"]) == (2, 0)


def test_playtest_prints_the_agreed_document(
    run: Run, made: tuple[Path, dict[str, Any]], packs: Path
) -> None:
    out, generated = made
    result = run("playtest", out, "--pack", packs / "dungeon", "--seed", 7, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert list(document) == ["game", "levels", "summary"]
    assert [level["file"] for level in document["levels"]] == [
        str(out / f"dungeon-7-000{i}.json") for i in range(4)
    ]
    for level, known in zip(document["levels"], generated["levels"], strict=True):
        assert set(level) >= {
            "file", "beatable", "solution_length", "difficulty", "difficulty_ci", "fun", "fun_parts", "win_rate",
            "personas",
        }  # fmt: skip
        assert list(level["win_rate"]) == ["0", "0.05", "0.1", "0.2", "0.35"]
        assert level["beatable"] is True
        for name in ("difficulty", "fun", "fun_parts"):
            assert level[name] == known[name], "the same seed measures the same"
        assert list(level["personas"]) == ["runner", "explorer", "collector", "survivor"]
        assert set(level["fun_parts"]) <= {"tension", "variety", "exploration", "choice", "reward"}
        assert level["why"].endswith(".")
    assert list(document["summary"]) == ["beatable", "difficulty", "fun", "win_rate"]
    assert document["summary"]["beatable"] == 1.0
    mean = sum(level["difficulty"] for level in document["levels"]) / 4
    assert document["summary"]["difficulty"] == pytest.approx(mean, abs=1e-3)


def test_playtest_takes_levels_that_are_not_ours(run: Run, maps: Path, packs: Path, tmp_path: Path) -> None:
    args = ("--game", "dungeon", "--pack", packs / "dungeon", "--episodes", 1, "--heatmap", tmp_path / "heat")
    result = run("playtest", maps, *args, "--personas", "runner,explorer", "--json")
    levels = json.loads(result.stdout)["levels"]
    assert [level["beatable"] for level in levels] == [False, True]
    assert levels[0]["difficulty"] == 1.0
    assert list(levels[0]["personas"]) == ["runner", "explorer"]
    assert {p.name for p in (tmp_path / "heat").iterdir()} == {
        f"{name}-{kind}.png"
        for name in ("closed", "room")
        for kind in ("runner", "explorer", "path", "deaths", "tension")
    }
    plain = run("playtest", maps, *args)
    assert plain.exit_code == 0
    assert "closed.txt: difficulty 1.00" in plain.stdout
    assert "unbeatable" in plain.stdout


def test_verify_replays_certificates(run: Run, made: tuple[Path, dict[str, Any]]) -> None:
    out, generated = made
    result = run("verify", out, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert list(document) == ["levels"]
    assert len(document["levels"]) == 12, "every file of every readable format"
    for level in document["levels"]:
        assert list(level) == ["file", "verdict", "certificate", "solution_length"]
        assert (level["verdict"], level["certificate"]) == ("beatable", "replayed")
    assert {x["solution_length"] for x in document["levels"]} == {
        x["solution_length"] for x in generated["levels"]
    }


def test_verify_searches_where_there_is_no_certificate_and_says_no(run: Run, maps: Path) -> None:
    result = run("verify", maps, "--game", "dungeon", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["levels"] == [
        {
            "file": str(maps / "closed.txt"),
            "verdict": "unbeatable",
            "certificate": "none",
            "solution_length": None,
        },
        {
            "file": str(maps / "room.txt"),
            "verdict": "beatable",
            "certificate": "found",
            "solution_length": 23,
        },
    ]
    assert run("verify", maps / "room.txt", "--game", "dungeon").exit_code == 0


def test_verify_does_not_believe_a_certificate_that_loses(
    run: Run, made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "level.json"
    data = json.loads((made[0] / "dungeon-7-0000.json").read_text())
    text = json.dumps(data)
    solution = next(value for value in _texts(data) if len(value) >= 20 and set(value) <= set("UDLRW"))
    file.write_text(text.replace(solution, "W" * len(solution)))
    entry = json.loads(run("verify", file, "--json").stdout)["levels"][0]
    assert (entry["verdict"], entry["certificate"]) == ("beatable", "found")


def test_solve_prints_a_shortest_solution(run: Run, maps: Path) -> None:
    result = run("solve", maps, "--game", "dungeon", "--json")
    closed, room = json.loads(result.stdout)["levels"]
    assert result.exit_code == 1
    assert (closed["verdict"], closed["solution"], closed["reason"]) == (
        "unbeatable",
        None,
        "no way leads to the goal",
    )
    assert sorted(room["solution"]) == sorted("D" * 10 + "R" * 13)
    game = load_game("dungeon")
    plain = run("solve", maps / "room.txt", "--game", "dungeon")
    assert plain.exit_code == 0
    assert f"beatable in 23 steps: {room['solution']}" in plain.stdout
    assert parse_text(ROOM, game).shape == (13, 16)


def test_solve_says_undecided_at_its_limit(run: Run, packs: Path, tmp_path: Path) -> None:
    args = (
        "--count",
        "bat=6",
        "--no-playtest",
        "--format",
        "json",
        "--pack",
        packs / "dungeon",
        "--out",
        tmp_path,
    )
    assert run("generate", "dungeon", "-n", 1, "--seed", 1, *args).exit_code == 0
    file = next(tmp_path.glob("dungeon-*.json"))
    entry = json.loads(run("solve", file, "--node-limit", 1, "--json").stdout)["levels"][0]
    assert entry["verdict"] in ("undecided", "beatable")


def test_repair_prints_or_writes_and_never_touches_its_source(run: Run, maps: Path, tmp_path: Path) -> None:
    result = run("repair", maps / "closed.txt", "--game", "dungeon")
    assert result.exit_code == 0
    game = load_game("dungeon")
    changed = parse_text(result.stdout, game) != parse_text(CLOSED, game)
    assert 1 <= changed.sum() <= 3
    assert (maps / "closed.txt").read_text() == CLOSED
    out = tmp_path / "out"
    document = json.loads(
        run("repair", maps, "--game", "dungeon", "--out", out, "--format", "json,text", "--json").stdout
    )
    assert [list(level) for level in document["levels"]] == [
        ["file", "repaired", "edits", "solution_length", "changed", "files"]
    ] * 2
    assert [level["edits"] for level in document["levels"]] == [int(changed.sum()), 0]
    assert run("verify", out).exit_code == 0


def test_convert_keeps_tiles_and_certificate(
    run: Run, made: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    result = run("convert", made[0], "--to", "text,tmx", "--out", tmp_path / "x", "--json")
    assert result.exit_code == 0
    for entry in json.loads(result.stdout)["levels"]:
        original = read_level(entry["file"])
        for file in entry["files"]:
            assert read_level(file, original.game).same_as(original)
    assert run("verify", tmp_path / "x", "--game", "dungeon").exit_code == 0


def test_games_and_formats(run: Run) -> None:
    games = json.loads(run("games", "--json").stdout)["games"]
    assert [game["name"] for game in games] == ["dungeon", "platformer"]
    assert {"title", "movement", "size", "pack", "figures", "description"} < set(games[0])
    formats = {entry["name"]: entry for entry in json.loads(run("formats", "--json").stdout)["formats"]}
    assert {"json", "tiled", "png", "text"} <= set(formats)
    assert (formats["png"]["read"], formats["json"]["read"]) == (False, True)
    assert "dungeon" in run("games").stdout
    assert "tmj" in run("formats").stdout


@pytest.mark.parametrize("command", [name for name in cli.commands if name != "demo"])
def test_every_help_teaches_by_example(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert f"levelforge {command}" in result.stdout


def test_a_pack_is_made_of_a_game_toml_elsewhere(run: Run, packs: Path, tmp_path: Path) -> None:
    home = tmp_path / "mine"
    home.mkdir()
    source = load_game("dungeon").path
    assert source is not None
    shutil.copy(source, home / "game.toml")
    shutil.copytree(packs / "dungeon", home / "pack")
    args = ("-n", 1, "--no-playtest", "--format", "json", "--out", tmp_path / "x", "--json")
    document = json.loads(run("generate", home / "game.toml", *args).stdout)
    assert document["written"] == 1
    assert document["levels"][0]["novelty"] is None, "there is no corpus to compare with"


def _texts(data: Any) -> list[str]:
    """All texts in a JSON document."""
    if isinstance(data, str):
        return [data]
    parts = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return [text for part in parts for text in _texts(part)]
