"""Difficulty's 95 % interval.

Difficulty is 1 - the mean over the rungs of the share of episodes won. The rungs' Wilson intervals (Wilson
1927) are combined by squaring and adding their distances from the estimates (Newcombe 1998, Statistics in
Medicine 17:873; Zou and Donner 2008, 27:1693).
"""

from __future__ import annotations

from collections.abc import Sequence

SKILLS = (0.0, 0.05, 0.1, 0.2, 0.35)
"""The skill ladder: action noise ε of each rung."""
EPISODES = 8
"""Episodes played on a rung, unless something else is asked for."""


def difficulty_interval(won: Sequence[int], played: Sequence[int]) -> tuple[float, float]:
    """95 % interval of 1 - mean(won / played) (see the module).

    Args:
        won, played: episodes by rung.
    """
    rates = [w / n for w, n in zip(won, played, strict=True)]
    below = above = 0.0
    for rate, n in zip(rates, played, strict=True):
        low, high = wilson(rate, n)
        below += (rate - low) ** 2
        above += (high - rate) ** 2
    mean, rungs = 1 - sum(rates) / len(rates), len(rates)
    return max(0.0, mean - above**0.5 / rungs), min(1.0, mean + below**0.5 / rungs)


def wilson(rate: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share ``rate`` seen in ``n`` trials (Wilson 1927)."""
    centre = rate + z * z / (2 * n)
    spread = z * (rate * (1 - rate) / n + z * z / (4 * n * n)) ** 0.5
    scale = 1 + z * z / n
    return (centre - spread) / scale, (centre + spread) / scale
