"""Settings of a run: frozen dataclasses that refuse keys they do not know, to and from JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from levelforge.errors import LevelForgeError, did_you_mean

T = TypeVar("T")


@dataclass(frozen=True)
class RunSettings:
    """How a run shares its time.

    Attributes:
        gan_share: share of the budget for the GAN's first training, at most.
        pool_share: share of the budget for making the playtester's levels, at most.
        dqn_share: share of the budget for the playtester's first training, at most; what is left goes to the loop.
        finish_share: share of the budget kept for the last evaluation and the export; at least 30 s of it
            (or a quarter of a budget under two minutes).
        generated_levels: certified generated levels beside the corpus in the playtester's pool.
        patched_levels: levels pieced together from the corpus in that pool.
        drawn_levels: of these two kinds so many are in the pool; 0 takes all. In a training of a few million steps each
            of some 200 is met often, each of thousands once or twice.
        authored_share: the corpus' levels are repeated until they are about this share of the pool.
        slice_seconds: how long a trainer trains before figures are written and Ctrl-C is heeded.
        checkpoint_seconds: between checkpoints; at most 60.
        sample_seconds: between sample sheets.
        sample_levels: levels on a sheet.
        gan_threads, dqn_threads: torch's threads in the two phases.
    """

    gan_share: float = 0.28
    pool_share: float = 0.02
    dqn_share: float = 0.36
    finish_share: float = 0.07
    generated_levels: int = 4000
    patched_levels: int = 1500
    drawn_levels: int = 0
    authored_share: float = 0.0
    slice_seconds: float = 3.0
    checkpoint_seconds: float = 45.0
    sample_seconds: float = 120.0
    sample_levels: int = 12
    gan_threads: int = 1
    dqn_threads: int = 1

    def __post_init__(self) -> None:
        for name in ("gan_share", "dqn_share"):
            if not 0 < getattr(self, name) < 1:
                raise LevelForgeError(f"{name} {getattr(self, name):g} must lie between 0 and 1")
        if not 0 <= self.authored_share < 1:
            raise LevelForgeError(f"authored_share {self.authored_share:g} must be from 0 to below 1")
        if not 0 < self.checkpoint_seconds <= 60:
            raise LevelForgeError(f"checkpoint_seconds {self.checkpoint_seconds:g} must be from 1 to 60")


def to_json(settings: Any) -> dict[str, Any]:
    """A settings dataclass as JSON-ready values (tuples become lists)."""
    plain: dict[str, Any] = _plain(asdict(settings))
    return plain


def from_json(cls: type[T], data: Mapping[str, Any], where: str) -> T:
    """Build a settings dataclass, nested ones included.

    Args:
        cls: the dataclass.
        data: its values; a missing key has its default.
        where: the name used in messages.

    Raises:
        LevelForgeError: a key the dataclass does not know.
    """
    if not is_dataclass(cls):
        raise TypeError(f"{cls!r} is no dataclass")
    hints = get_type_hints(cls)
    known = {f.name for f in fields(cls) if f.init}
    values = {}
    for key, value in data.items():
        if key not in known:
            raise LevelForgeError(f"{where}: unknown setting {key!r}{did_you_mean(key, sorted(known))}")
        hint = hints[key]
        if isinstance(hint, type) and is_dataclass(hint):
            values[key] = from_json(hint, value, f"{where}.{key}")
        else:
            values[key] = _tuples(value)
    return cls(**values)


def changed(settings: T, path: str, text: str, where: str) -> T:
    """The same settings with one of them changed.

    Args:
        settings: a settings dataclass.
        path: which one, nested ones joined by dots, such as ``weights.fun``.
        text: its value as people write it: a number, ``true``, a word, or a list such as ``[1, 2]``.
        where: what the settings are called in messages.

    Raises:
        LevelForgeError: no such setting, or a value of another kind than it has.
    """
    data = to_json(settings)
    inner: Any = {"": data}
    last = ""
    for name in path.split("."):
        inner, last = inner[last], name
        known = sorted(inner) if isinstance(inner, dict) else []
        if name not in known:
            told = f"; known here: {', '.join(known)}" if known else ""
            raise LevelForgeError(f"{where}: unknown setting {path!r}{did_you_mean(name, known)}{told}")
    old = inner[last]
    try:
        new = json.loads(text)
    except json.JSONDecodeError:
        new = text
    if isinstance(old, float) and isinstance(new, int) and not isinstance(new, bool):
        new = float(new)
    if (
        type(new) is not type(old)
        or isinstance(old, dict)
        or (isinstance(old, list) and len(new) != len(old))
    ):
        raise LevelForgeError(f"{where}.{path}: {text!r} will not do where {json.dumps(old)} is the default")
    inner[last] = new
    return from_json(type(settings), data, where)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
