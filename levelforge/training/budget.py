"""Budgets: how long to train, as people write it, and how much of it is over."""

from __future__ import annotations

import re
from collections.abc import Callable

from levelforge.errors import LevelForgeError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_budget(text: str) -> float:
    """Seconds of ``"90s"``, ``"30m"``, ``"2h"``, ``"1h30m"``; a bare number is minutes.

    Raises:
        LevelForgeError: anything else, or less than a second.

    Examples:
        >>> parse_budget("30m"), parse_budget("1h30m"), parse_budget("90s")
        (1800.0, 5400.0, 90.0)
    """
    compact = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"\d+(\.\d+)?", compact):
        compact += "m"
    if not re.fullmatch(r"(\d+(\.\d+)?[smhd])+", compact):
        raise LevelForgeError(
            f"budget {text!r} is no time; write a number and a unit, such as 90s, 30m or 2h"
        )
    seconds = sum(float(n) * UNITS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", compact))
    if seconds < 1:
        raise LevelForgeError(f"budget {text!r} is less than a second; give at least 1s")
    return seconds


def pace(
    clock: Callable[[], float], begin: float, end: float, first: float = 0.0, last: float = 1.0
) -> Callable[[], float]:
    """Progress by a clock: ``first`` until ``begin`` (seconds), then evenly on to ``last`` at ``end``.

    Examples:
        >>> [pace(lambda: now, 10.0, 20.0, last=0.5)() for now in (0.0, 15.0, 99.0)]
        [0.0, 0.25, 0.5]
    """
    return lambda: first + (last - first) * min(1.0, max(0.0, (clock() - begin) / max(1e-9, end - begin)))


def format_seconds(seconds: float) -> str:
    """``"1h 04m"``, ``"12m 05s"`` or ``"9s"``.

    Examples:
        >>> format_seconds(3840), format_seconds(725), format_seconds(9)
        ('1h 04m', '12m 05s', '9s')
    """
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 60}m {whole % 60:02d}s" if whole >= 60 else f"{whole}s"
