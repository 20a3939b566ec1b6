"""Text: rows of symbols, then lines ``; name: value`` with the facts as JSON values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.exporters.base import MAX_SIDE, Format, Options, check_side, read_text, write_files
from levelforge.exporters.facts import NAMES, facts, level_from
from levelforge.exporters.games import find_game, guess_game
from levelforge.game import Game
from levelforge.level import Level, format_text, parse_text

_FACT = re.compile(r";\s*([A-Za-z][A-Za-z0-9_]*)\s*:\s*(.*)")


def write(level: Level, folder: Path, stem: str, _options: Options) -> list[Path]:
    """Write ``stem.txt``."""
    check_side(level.width, level.height, f"level {level.id!r}")
    lines = [f"; {name}: {json.dumps(value)}\n" for name, value in facts(level).items()]
    text = format_text(level.tiles, level.game) + "".join(lines)
    return write_files(folder, {f"{stem}.txt": text.encode()})


def read(path: Path, game: Game | None) -> list[Level]:
    """Read rows of symbols; lines that start with ``;`` are facts or, if they are not of that shape, comments."""
    lines = read_text(path).split("\n")
    rows = "\n".join(line for line in lines if not line.startswith(";")).rstrip()
    found = _facts([(n, line.rstrip()) for n, line in enumerate(lines, 1) if line.startswith(";")], path)
    if rows.count("\n") >= MAX_SIDE or max(map(len, rows.split("\n"))) > MAX_SIDE + 1:  # 1: a carriage return
        raise LevelForgeError(f"{path}: more than {MAX_SIDE} tiles along a side, the most a level may have")
    named = found.get("game")
    chosen = find_game(path, named if isinstance(named, str) else None, game)
    if chosen is None:
        chosen = guess_game(path, set(rows) - {"\n", "\r"}, "symbol")
    return [level_from(found, chosen, parse_text(rows, chosen, str(path)), str(path), path.stem)]


def _facts(lines: list[tuple[int, str]], path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, line in lines:
        match = _FACT.fullmatch(line)
        if match is None:
            continue
        name, text = match.groups()
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            if name not in NAMES:
                continue  # "; note: watch the gap" is a comment
            raise LevelForgeError(f"{path}: line {number}: {name} must be a JSON value") from None
        if name in found:
            raise LevelForgeError(f"{path}: line {number}: {name} is given twice")
        found[name] = value
    return found


def claims(data: bytes) -> bool:
    """Whether a ``.txt`` file can be a level: its first line has no spaces, as prose has."""
    first = data.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].rstrip()
    return bool(first) and (first.startswith(b";") or len(first.split()) == 1)


FORMAT_TEXT = Format(
    name="text",
    title="plain text: rows of symbols",
    extensions=(".txt",),
    read=read,
    write=write,
    claims=claims,
    limits="up to 512 tiles a side, 32 MiB a file",
)
