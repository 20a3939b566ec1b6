"""The programs in docs/embedding.md run as they stand there."""

import re
import subprocess
from pathlib import Path

import pytest

from levelforge import exporters
from levelforge.game import bundled_games
from levelforge.level import parse_text
from levelforge.pack import load_pack
from levelforge.solver import verify_solution
from levelforge.web_kit import export_web_kit

DOCS = Path(__file__).parents[2] / "docs"
PROGRAM = re.compile(r"<!-- tested: (\S+\.mjs) -->\n```js\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", bundled_games())
def test_the_javascript_programs_make_levels(name, node_modules, tmp_path):
    pack = load_pack(name)
    export_web_kit(pack, tmp_path / "kit", node_modules=node_modules)
    (tmp_path / "node_modules").symlink_to(node_modules)
    programs = dict(PROGRAM.findall((DOCS / "embedding.md").read_text(encoding="utf-8")))
    for file, source in programs.items():
        (tmp_path / file).write_text(source, encoding="utf-8")

    def run(*arguments):
        done = subprocess.run(["node", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    *rows, told = run("make-level.mjs", "kit", "7", "level.json")
    level = exporters.read_level(tmp_path / "level.json")
    assert (parse_text("\n".join(rows), pack.game) == level.tiles).all()
    assert told == f"beatable in {len(level.solution)} steps"
    assert verify_solution(level, level.solution)

    drawn = parse_text("\n".join(run("raw-level.mjs", "kit")), pack.game)
    assert drawn.shape == (pack.game.height, pack.game.width)
    for tile in pack.game.entities:
        low, high = pack.game.count_ranges[tile.name]
        assert low <= (drawn == tile.id).sum() <= high
