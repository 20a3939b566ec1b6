"""Older versions of the JSON format, brought to the current one step by step.

To change the format: raise ``facts.VERSION``, add the schema of the new version beside the old one, and
add a step here from the version before. A step gets a document of its version and returns one of the
next; it may trust nothing, and leaves the checking of what it does not touch to the current schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from levelforge.errors import LevelForgeError
from levelforge.exporters.facts import FORMAT, VERSION

Step = Callable[[dict[str, Any], str], dict[str, Any]]


def upgrade(data: Any, origin: str) -> Any:
    """A document of any known version as one of the current version; anything else as it is.

    Raises:
        LevelForgeError: an older document that is not what its version says.
    """
    while isinstance(data, dict) and data.get("format") == FORMAT and data.get("version") != VERSION:
        version = data.get("version")
        step = MIGRATIONS.get(version) if type(version) is int else None
        if step is None:
            return data
        data = step(data, origin)
    return data


def _from_0(data: dict[str, Any], origin: str) -> dict[str, Any]:
    """Version 0 (drafts before the first release): rows of symbols with a legend, ``name`` for ``id``."""
    legend, rows = data.pop("legend", None), data.pop("rows", None)
    if not isinstance(legend, Mapping) or not all(
        isinstance(entry, list) and len(entry) == 2 and len(symbol) == 1 for symbol, entry in legend.items()
    ):
        raise LevelForgeError(f'{origin}: legend must be an object such as {{"#": ["wall", "solid"]}}')
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise LevelForgeError(f"{origin}: rows must be a list of texts")
    numbers = {symbol: number for number, symbol in enumerate(legend)}
    for y, row in enumerate(rows):
        for x, symbol in enumerate(row):
            if symbol not in numbers:
                raise LevelForgeError(f"{origin}: rows/{y}: symbol {symbol!r} at {x} is not in the legend")
    data |= {
        "version": 1,
        "vocabulary": [{"name": n, "symbol": s, "role": r} for s, (n, r) in legend.items()],
        "tiles": [[numbers[symbol] for symbol in row] for row in rows],
    }
    if "name" in data:
        data["id"] = data.pop("name")
    ends = [data.pop(name) for name in ("difficulty_low", "difficulty_high") if name in data]
    if ends:
        data["difficulty_ci"] = ends
    return data


MIGRATIONS: Mapping[int, Step] = {0: _from_0}
"""The step from each older version to the next."""
