"""JSON of older versions, and the readers that the documentation shows."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from levelforge import exporters
from levelforge.errors import LevelForgeError
from levelforge.exporters import json_migrations
from levelforge.exporters.facts import FORMAT, VERSION, facts
from levelforge.game import load_game
from levelforge.level import Level, parse_text

READERS = Path(__file__).parents[2] / "docs" / "examples" / "readers"
NODE = shutil.which("node")
ROWS = ["######", "#@k..#", "#..D>#", "######"]
DRAFT = {
    "format": FORMAT,
    "version": 0,
    "name": "cellar",
    "game": "dungeon",
    "width": 6,
    "height": 4,
    "legend": {
        "#": ["wall", "solid"],
        ".": ["floor", "empty"],
        "@": ["start", "start"],
        "k": ["key", "key"],
        "D": ["door", "door"],
        ">": ["exit", "goal"],
    },
    "rows": ROWS,
    "seed": 7,
    "difficulty": 0.5,
    "difficulty_low": 0.25,
    "difficulty_high": 0.75,
}


def write(tmp_path, document):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    return path


def test_a_file_of_version_0_is_read(tmp_path):
    level = exporters.read_level(write(tmp_path, DRAFT))
    assert level.tiles.tolist() == parse_text("\n".join(ROWS), load_game("dungeon")).tolist()
    assert (level.id, level.seed, level.difficulty_ci, dict(level.extra)) == ("cellar", 7, (0.25, 0.75), {})
    (path,) = exporters.write_level(level, "json", tmp_path / "new")
    assert json.loads(path.read_text())["version"] == VERSION
    assert exporters.read_level(path).same_as(level)
    assert [found.name for found, _ in exporters.read_levels([tmp_path])] == ["cellar.json", "old.json"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"legend": None}, "legend must be an object"),
        ({"legend": {"##": ["wall", "solid"]}}, "legend must be an object"),
        ({"legend": {"#": ["wall"]}}, "legend must be an object"),
        ({"legend": DRAFT["legend"] | {"#": [1, "solid"]}}, "vocabulary/0/name"),
        ({"rows": 3}, "rows must be a list"),
        ({"rows": ["?"]}, "symbol '?' at 0 is not in the legend"),
        ({"rows": ROWS[1:]}, "tiles must be 4 rows"),
        ({"difficulty_high": 2}, "difficulty_ci"),
        ({"sedd": 3}, "sedd"),
        ({"version": -1}, "version -1 is not known"),
        ({"version": "0"}, "version 0 is not known"),
        ({"version": False}, "version False is not known"),
    ],
)
def test_a_damaged_old_file_is_refused_in_one_line(change, words, tmp_path):
    with pytest.raises(LevelForgeError) as error:
        exporters.read_level(write(tmp_path, DRAFT | change))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_there_is_a_way_from_every_version():
    assert sorted(json_migrations.MIGRATIONS) == list(range(VERSION))


def test_steps_follow_each_other(monkeypatch):
    steps = {
        0: lambda d, _: d | {"version": -5, "trail": [0]},
        -5: lambda d, _: d | {"version": VERSION, "trail": [*d["trail"], -5]},
    }
    monkeypatch.setattr(json_migrations, "MIGRATIONS", steps)
    assert json_migrations.upgrade({"format": FORMAT, "version": 0}, "x")["trail"] == [0, -5]


@pytest.mark.skipif(not NODE, reason="Node.js is not installed")
def test_the_javascript_reader_finds_the_same_level(tmp_path):
    game = load_game("dungeon")
    text = "\n".join(ROWS)
    level = Level(game, parse_text(text, game), id="tiny", seed=7, solution=(3, 3, 1))
    (path,) = exporters.write_level(level, "json", tmp_path)
    script = f"""
import {{ readFileSync }} from "node:fs";
import {{ readLevel }} from {json.dumps((READERS / "level.mjs").as_uri())};
const level = readLevel(readFileSync({json.dumps(str(path))}, "utf8"));
console.log(JSON.stringify({{
  text: String(level), start: level.start, goals: level.find("goal"), actions: level.actions,
  door: level.at(3, 2), outside: level.at(-1, 99), seed: level.seed, id: level.id,
}}));
for (const change of [{{ version: 2 }}, {{ width: 7 }}, {{ tiles: [[99]], width: 1, height: 1 }}]) {{
  const data = JSON.parse(readFileSync({json.dumps(str(path))}, "utf8"));
  try {{ readLevel(JSON.stringify({{ ...data, ...change }})); console.log("read"); }}
  catch (error) {{ console.log(error.message); }}
}}
"""
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found, *refused = done.stdout.splitlines()
    known = json.loads(found)
    assert known["text"] == text
    assert (known["id"], known["seed"], "".join(known["actions"])) == ("tiny", 7, facts(level)["solution"])
    assert known["start"] == {"x": 1, "y": 1, "name": "start", "role": "start"}
    assert known["goals"] == [{"x": 4, "y": 2, "name": "exit", "role": "goal"}]
    assert (known["door"]["role"], known["outside"]["role"]) == ("door", "")
    assert refused == [
        "version 2 is not known to this reader",
        "tiles must be 4 rows of 7 numbers",
        "tile 99 is not in the vocabulary",
    ]
