"""The web kit in headless Chromium, as a visitor uses it; its downloads go back through our own commands."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from levelforge import exporters
from levelforge.env import BatchEnv
from levelforge.game import Role, bundled_games
from levelforge.pack import load_pack
from levelforge.playtest.decide import TREMBLE
from levelforge.rules import replay
from levelforge.web_kit import export_web_kit

MANUAL = Path(__file__).parents[2] / "docs" / "web-kit.md"


@pytest.mark.parametrize("name", bundled_games())
def test_a_visitor_makes_a_level_wins_it_watches_and_takes_it_along(
    name, chromium, node_modules, serve, run_node, tmp_path
):
    pack = load_pack(name)
    files = export_web_kit(pack, tmp_path / "kit", node_modules=node_modules)
    assert {"index.html", "kit.json", "pack/generator.onnx", "vendor/phaser.esm.min.js"} <= set(files)
    treat = pack.game.of_role(Role.COLLECTIBLE)[0].name
    visit = {"origin": serve(tmp_path / "kit"), "folder": str(tmp_path), "treat": treat}
    if name == "dungeon":
        (snippet,) = re.findall("```html\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
        (tmp_path / "kit" / "own.html").write_text(f'<link rel="icon" href="data:,"><body>{snippet}')
        visit["own"] = "own.html"
    seen = run_node("kit_session.mjs", visit)
    assert seen.get("own", "won after").startswith("won after")

    made = seen["second"]["made"]
    assert made["solution"] != seen["first"]["made"]["solution"]
    assert seen["status"].startswith("Made and proven")
    assert (seen["played"]["outcome"], seen["played"]["t"]) == ("won", len(made["solution"]))
    assert seen["playedMessage"] == "You made it"
    assert (seen["proof"]["outcome"], seen["proof"]["t"]) == ("won", len(made["solution"]))
    assert seen["thoughts"] == len(pack.game.actions)

    stem = f"{name}-web-4"
    assert seen["files"] == [f"{stem}.json", f"{stem}.tmj", f"{name}-tileset.png"]
    command = [sys.executable, "-m", "levelforge.cli", "verify", f"{stem}.json", f"{stem}.tmj", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for entry in json.loads(done.stdout)["levels"]:
        assert (entry["verdict"], entry["certificate"]) == ("beatable", "replayed")
        assert entry["solution_length"] == len(made["solution"])
    level, same = (exporters.read_level(tmp_path / f"{stem}.{kind}") for kind in ("json", "tmj"))
    assert np.array_equal(level.tiles, same.tiles)
    assert (level.solution, level.pack, level.extra["web_seed"]) == (same.solution, pack.hash, 4)
    assert level.counts() == made["counts"]
    assert (made["counts"][treat], made["wish"]["difficulty"]) == (3, 0.4)
    assert (made["predicted"] is None) == (pack.critic is None)
    if pack.critic is not None:
        column = pack.info["critic"]["scores"].index("difficulty")
        assert made["predicted"] == pytest.approx(pack.critic(level.tiles[None])[0, column], abs=1e-3)
    exporters.write_level(level, "tmj", tmp_path, "ours")
    ours, theirs = (json.loads((tmp_path / f"{stem}.tmj").read_text()) for stem in ("ours", stem))
    assert theirs["layers"] == ours["layers"]
    assert theirs["tilesets"] == ours["tilesets"]

    # what the playtester pressed in the browser is what it presses here
    env = BatchEnv(pack.game, level.tiles, 1, 0, shaping=False, autoreset=False)
    observation, pressed = env.reset(), seen["watchedActions"]
    assert len(pressed) >= 12 or seen["watched"]["outcome"] != "running"
    for action in pressed:
        values = pack.playtester(observation)[0]
        assert values[action] >= values.max() - 15 * TREMBLE  # draws a worse one less than once in e^15 times
        observation = env.step(np.array([action]))[0]
    assert replay(level, pressed).outcome == seen["watched"]["outcome"]
