"""What the benchmarks' command lines share."""

from __future__ import annotations


def numbers(text: str) -> list[int]:
    """``1,2,3`` as a list, for an argument's ``type``."""
    return [int(part) for part in text.split(",")]
