"""JSON: LevelForge's own format; its schema is ``docs/schemas/level-1.schema.json``, checked on write and on read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.exporters.base import Format, Options, check_side, read_text, write_files
from levelforge.exporters.facts import FORMAT, VERSION, facts, level_from
from levelforge.exporters.games import find_game
from levelforge.exporters.json_migrations import upgrade
from levelforge.game import Game, Tiles
from levelforge.level import Level


def document(level: Level) -> dict[str, Any]:
    """A level as the schema has it.

    Raises:
        LevelForgeError: a fact that the schema refuses.
    """
    found = facts(level)
    check_side(level.width, level.height, f"level {level.id!r}")
    found |= {
        "width": level.width,
        "height": level.height,
        "vocabulary": [{"name": t.name, "symbol": t.symbol, "role": t.role.word} for t in level.game.tiles],
        "tiles": level.tiles.tolist(),
    }
    check(found, f"level {level.id!r}")
    return found


def write(level: Level, folder: Path, stem: str, _options: Options) -> list[Path]:
    """Write ``stem.json``: one fact a line, one row of tiles a line."""
    return write_files(folder, {f"{stem}.json": _encode(document(level), level.id)})


def _encode(found: Mapping[str, Any], name: str) -> bytes:
    lines = []
    for key, value in found.items():
        if key in ("tiles", "vocabulary"):
            text = "[\n    " + ",\n    ".join(json.dumps(row, ensure_ascii=False) for row in value) + "\n  ]"
        else:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        lines.append(f"  {json.dumps(key)}: {text}")
    try:
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    except UnicodeEncodeError:
        raise LevelForgeError(f"level {name!r}: a fact holds half a character, which no file can") from None


def read(path: Path, game: Game | None) -> list[Level]:
    """Read what this or an older :func:`write` wrote; tiles are matched by name, so a game may have gained some since."""
    data = upgrade(load_json(path), str(path))
    check(data, str(path))
    rows, names = data["tiles"], [entry["name"] for entry in data["vocabulary"]]
    chosen = find_game(path, data["game"], game)
    assert chosen is not None, "the schema requires the game's name"
    tiles = _tiles(rows, names, chosen, str(path))
    rest = {
        key: value for key, value in data.items() if key not in ("width", "height", "vocabulary", "tiles")
    }
    return [level_from(rest, chosen, tiles, str(path), path.stem)]


def _tiles(rows: list[list[int]], names: list[str], game: Game, origin: str) -> Tiles:
    ids = {tile.name: tile.id for tile in game.tiles}
    grid = np.array(rows, dtype=np.int64)
    table = np.zeros(len(names), dtype=np.uint8)
    for number in np.unique(grid):
        if names[number] not in ids:
            raise LevelForgeError(
                f"{origin}: tile {names[number]!r} is not in game {game.name!r}{did_you_mean(names[number], ids)}"
            )
        table[number] = ids[names[number]]
    return np.asarray(table[grid], dtype=np.uint8)


def claims(data: bytes) -> bool:
    """Whether a ``.json`` file is a level of ours."""
    return FORMAT.encode() in data and re.search(rb'"(vocabulary|legend)"\s*:', data) is not None


def load_json(path: Path) -> Any:
    """Parse a JSON file of bounded size; numbers are finite.

    Raises:
        LevelForgeError: not JSON, or nested too deeply.
    """
    text = read_text(path)
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise LevelForgeError(f"{path}: nested too deeply") from None
    except ValueError as error:
        raise LevelForgeError(f"{path}: not valid JSON: {error}") from None


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


# --- schema -------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the current version."""
    file = resources.files("levelforge.exporters") / "schemas" / f"level-{VERSION}.schema.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


def check(data: Any, origin: str) -> None:
    """Check a document against the schema, and that its numbers agree with each other.

    The schema says the same of every row, so rows that are plainly lists of small numbers are not
    walked through one by one: that would take a hundred times longer.

    Raises:
        LevelForgeError: the first fault, with its place.
    """
    shown = data
    if isinstance(data, dict) and _plain_rows(data.get("tiles")):
        shown = data | {"tiles": data["tiles"][:1] and [data["tiles"][0][:1]]}
    if isinstance(data, dict) and data.get("format") == FORMAT and data.get("version") != VERSION:
        version = str(data.get("version"))[:40]
        raise LevelForgeError(
            f"{origin}: version {version} is not known to this LevelForge (known: {VERSION})"
        )
    fault = next(
        iter(sorted(_validator().iter_errors(shown), key=lambda e: list(map(str, e.absolute_path)))), None
    )
    if fault is not None:
        place = "/".join(map(str, fault.absolute_path)) or "top level"
        raise LevelForgeError(f"{origin}: {place}: {_short(fault.message)}")
    width, height, rows = data["width"], data["height"], data["tiles"]
    if len(rows) != height or any(len(row) != width for row in rows):
        raise LevelForgeError(
            f"{origin}: tiles must be {height} rows of {width} numbers, as height and width say"
        )
    highest = max(map(max, rows))
    if highest >= len(data["vocabulary"]):
        raise LevelForgeError(
            f"{origin}: tile number {highest} is outside the vocabulary of {len(data['vocabulary'])}"
        )


def _plain_rows(rows: Any) -> bool:
    if not isinstance(rows, list) or not 1 <= len(rows) <= 512:
        return False
    if not all(type(row) is list and 1 <= len(row) <= 512 for row in rows):
        return False
    return all({*map(type, row)} == {int} and min(row) >= 0 and max(row) <= 255 for row in rows)


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= 160 else line[:100] + " … " + line[-57:]


FORMAT_JSON = Format(
    name="json",
    title="LevelForge JSON, with a published schema",
    extensions=(".json",),
    read=read,
    write=write,
    claims=claims,
    tested="Draft 2020-12 validator, Node.js",
    limits="up to 512 tiles a side, 32 MiB a file",
)
