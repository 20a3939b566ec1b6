"""What a level carries beside its tiles: the same names in every format.

``facts`` is a plain JSON object; facts that are unknown are left out. Formats that hold only single
values use ``flatten`` and ``unflatten``: ``difficulty_ci`` becomes ``difficulty_ci_low`` and
``difficulty_ci_high``, each part of ``fun_parts`` becomes ``fun_parts_<part>``, and ``version`` is ``format_version``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Tiles
from levelforge.level import Level, decode_solution, encode_solution

FORMAT, VERSION = "levelforge-level", 1
NAMES = (
    "format",
    "version",
    "id",
    "game",
    "game_digest",
    "seed",
    "pack",
    "solution",
    "solution_length",
    "difficulty",
    "difficulty_ci",
    "fun",
    "fun_parts",
    "edits",
    "novelty",
    "extra",
)
"""Every fact, in the order of writing."""

CI_NAMES = ("difficulty_ci_low", "difficulty_ci_high")
PART = "fun_parts_"
FLAT_NAMES = {"version": "format_version"}
"""Facts that have another name among single values: pytmx refuses a map with a property ``version``."""

MAX_SOLUTION = 2**20

Scalar = str | int | float | bool
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def facts(level: Level) -> dict[str, Any]:
    """What is known about a level, as a JSON object without its tiles.

    Raises:
        LevelForgeError: a fact that no format could carry, such as a number that is not finite.
    """
    solution = None if level.solution is None else encode_solution(level.solution, level.game)
    known = {
        "format": FORMAT,
        "version": VERSION,
        "id": level.id,
        "game": level.game.name,
        "game_digest": level.game.digest,
        "seed": level.seed,
        "pack": level.pack,
        "solution": solution,
        "solution_length": None if solution is None else len(solution),
        "difficulty": level.difficulty,
        "difficulty_ci": None if level.difficulty_ci is None else list(level.difficulty_ci),
        "fun": level.fun,
        "fun_parts": None if level.fun_parts is None else dict(level.fun_parts),
        "edits": level.edits,
        "novelty": level.novelty,
        "extra": dict(level.extra) or None,
    }
    found = {name: value for name, value in known.items() if value is not None}
    _check(found, f"level {level.id!r}")
    return found


def level_from(found: Mapping[str, Any], game: Game, tiles: Tiles, origin: str, stem: str) -> Level:
    """Put a level together from its facts; the opposite of :func:`facts`.

    Args:
        found: the facts; any may be missing. Names that are not in :data:`NAMES` go to ``extra``.
        game: the vocabulary of ``tiles``.
        tiles: ``uint8[H, W]`` tile ids.
        origin: the name used in messages.
        stem: the id of a level that has none.

    Raises:
        LevelForgeError: a fact of the wrong kind or out of range.
    """
    _check(found, origin)
    solution = found.get("solution")
    ci, parts = found.get("difficulty_ci"), found.get("fun_parts")
    extra = dict(found.get("extra", {}))
    extra |= {name: value for name, value in found.items() if name not in NAMES}
    return Level(
        game,
        tiles,
        id=found.get("id", stem),
        seed=found.get("seed"),
        pack=found.get("pack"),
        solution=None if solution is None else decode_solution(solution, game, f"{origin}: solution"),
        edits=found.get("edits"),
        novelty=_float(found.get("novelty")),
        difficulty=_float(found.get("difficulty")),
        difficulty_ci=None if ci is None else (float(ci[0]), float(ci[1])),
        fun=_float(found.get("fun")),
        fun_parts=None if parts is None else {name: float(value) for name, value in parts.items()},
        extra=extra,
    )


def flatten(found: Mapping[str, Any]) -> dict[str, Scalar]:
    """Facts as single values, none of which needs more than 32 bits or a character that XML lacks.

    Whole numbers beyond 32 bits (a large ``seed``) become text. The parts of ``extra`` stand under their
    own names where they can; what is left of it is JSON text under ``extra``.
    """
    flat: dict[str, Scalar] = {}
    for name, value in found.items():
        if name == "difficulty_ci":
            flat |= dict(zip(CI_NAMES, value, strict=True))
        elif name == "fun_parts":
            flat |= {PART + part: share for part, share in value.items()}
        elif name == "extra":
            plain = {key: each for key, each in value.items() if _is_plain(key, each)}
            rest = {key: each for key, each in value.items() if key not in plain}
            flat |= plain
            if rest:
                flat["extra"] = json.dumps(rest, sort_keys=True)  # ASCII: anything else is escaped
        else:
            flat[FLAT_NAMES.get(name, name)] = value if not _is_wide(value) else str(value)
    if found.get("fun_parts") == {}:
        flat["fun_parts"] = "{}"
    return flat


def unflatten(flat: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The opposite of :func:`flatten`; numbers may have come back as text.

    Raises:
        LevelForgeError: one end of the interval without the other, ``extra`` that is no JSON object.
    """
    found: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    ci: dict[str, Any] = {}
    for name, value in flat.items():
        if name in CI_NAMES:
            ci[name] = value
        elif name.startswith(PART):
            found.setdefault("fun_parts", {})[name.removeprefix(PART)] = value
        elif name in ("extra", "fun_parts"):
            part = _object(value, f"{origin}: {name}")
            if name == "extra":
                extra |= part
            else:
                found.setdefault(name, {}).update(part)
        elif name == "seed" and isinstance(value, str) and re.fullmatch(r"-?\d{1,40}", value):
            found[name] = int(value)
        elif name in FLAT_NAMES.values():
            found.setdefault(next(fact for fact, flat_name in FLAT_NAMES.items() if flat_name == name), value)
        elif name in NAMES:
            found[name] = value
        else:
            extra[name] = value
    if ci:
        if len(ci) != len(CI_NAMES):
            raise LevelForgeError(f"{origin}: {' and '.join(CI_NAMES)} must be given together")
        found["difficulty_ci"] = [ci[name] for name in CI_NAMES]
    if extra:
        found["extra"] = extra
    return found


def _object(value: Any, where: str) -> dict[str, Any]:
    try:
        data = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise LevelForgeError(f"{where} must hold a JSON object")
    return data


def _is_wide(value: Any) -> bool:
    return type(value) is int and not -(2**31) <= value < 2**31


def _is_plain(name: str, value: Any) -> bool:
    """Whether a property of this name comes back as it was from any format with typed properties."""
    taken = name in NAMES or name in CI_NAMES or name in FLAT_NAMES.values() or name.startswith(PART)
    texts = [name, value] if isinstance(value, str) else [name]
    legal = bool(name) and not any(NO_XML.search(text) or "\r" in text for text in texts)
    return not taken and legal and type(value) in (str, int, float, bool) and not _is_wide(value)


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _check(found: Mapping[str, Any], origin: str) -> None:
    """Refuse facts of the wrong kind: one line each."""
    if found.get("format", FORMAT) != FORMAT:
        raise LevelForgeError(f"{origin}: format must be {FORMAT!r}")
    version = found.get("version", VERSION)
    if type(version) is not int or version != VERSION:
        raise LevelForgeError(
            f"{origin}: version {str(version)[:40]} is not known to this LevelForge (known: {VERSION})"
        )
    for name in ("id", "game", "game_digest", "pack", "solution"):
        value = found.get(name, "")
        if not isinstance(value, str) or _CONTROL.search(value) or NO_XML.search(value):
            raise LevelForgeError(f"{origin}: {name} must be a text without control characters")
    if len(found.get("solution", "")) > MAX_SOLUTION:
        raise LevelForgeError(f"{origin}: solution is longer than {MAX_SOLUTION} actions")
    for name in ("seed", "edits", "solution_length"):
        value = found.get(name, 0)
        if type(value) is not int or (name != "seed" and value < 0):
            raise LevelForgeError(f"{origin}: {name} must be a whole number, not {str(value)[:40]}")
    if "solution" in found and found.get("solution_length", len(found["solution"])) != len(found["solution"]):
        raise LevelForgeError(f"{origin}: solution_length is not the length of the solution")
    for name in ("difficulty", "fun", "novelty"):
        _share(found.get(name, 0.0), f"{origin}: {name}")
    ci = found.get("difficulty_ci", [0.0, 1.0])
    if not isinstance(ci, list) or len(ci) != 2:
        raise LevelForgeError(f"{origin}: difficulty_ci must be [low, high]")
    for end in ci:
        _share(end, f"{origin}: difficulty_ci")
    parts = found.get("fun_parts", {})
    if not isinstance(parts, Mapping):
        raise LevelForgeError(f"{origin}: fun_parts must be an object of numbers")
    for name, value in parts.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            raise LevelForgeError(f"{origin}: fun_parts: {name!r} must be letters, digits and _")
        _share(value, f"{origin}: fun_parts: {name}")
    extra = found.get("extra", {})
    if not isinstance(extra, Mapping):
        raise LevelForgeError(f"{origin}: extra must be an object")
    if extra:
        try:
            json.dumps(extra, allow_nan=False)
        except (ValueError, TypeError, RecursionError):
            raise LevelForgeError(f"{origin}: extra holds something that JSON cannot") from None


def _share(value: Any, where: str) -> None:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise LevelForgeError(f"{where} must be a number from 0 to 1, not {str(value)[:40]}")
