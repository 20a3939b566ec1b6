"""Fun: the weighted mean of its parts.

fun = sum w_i x_i / sum w_i over the parts there are; the weights are those of ``[measures]`` in the ``game.toml``. A
part is missing where nothing was measured: no ``reward`` without collectibles, no ``exploration``, ``choice`` or
``reward`` where the persona did not play, no ``variety`` where no solution is known. A level that is never
won has parts: its tension and choice are 0.
"""

from __future__ import annotations

from collections.abc import Mapping

PARTS = ("tension", "variety", "exploration", "choice", "reward")
"""The parts of fun, in the order in which they are reported."""


def fun(parts: Mapping[str, float], weights: Mapping[str, float]) -> float | None:
    """Weighted mean of the parts.

    Args:
        parts: values in [0, 1]; any may be missing.
        weights: of each part, 0 or more.

    Returns:
        A number in [0, 1], or None where no part has a weight above 0.

    Examples:
        >>> fun({"tension": 1.0, "choice": 0.5}, {"tension": 1.0, "choice": 3.0})
        0.625
    """
    total = sum(weights[name] for name in parts)
    if not total > 0:
        return None
    counted = [value for name, value in parts.items() if weights[name] > 0]
    mean = sum(weights[name] * value for name, value in parts.items()) / total
    return min(max(counted), max(min(counted), mean))  # rounding may put it outside
