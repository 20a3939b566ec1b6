"""Charts as inline SVG, drawn in the page's own colours so that they suit its light and its dark scheme."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 10.0, 34.0
COLORS = 6
"""Line colours that the style sheet knows: classes c0 to c5."""


HUGE = 1e100


class Frame:
    """The axes of a chart.

    Args:
        size: width and height in pixels.
        x, y: (low, high) of the axes; equal ends are widened.
        labels: under the x axis and at the y axis.
        x_step, y_step: distance of the ticks; None for a round one.
    """

    def __init__(
        self,
        size: tuple[int, int],
        x: tuple[float, float],
        y: tuple[float, float],
        labels: tuple[str, str],
        x_step: float | None = None,
        y_step: float | None = None,
    ) -> None:
        self.width, self.height = size
        self._x, self._y = _widened(x), _widened(y)
        self._labels, self._x_step, self._y_step = labels, x_step, y_step

    def x(self, value: float) -> float:
        """Pixel of a value on the x axis."""
        low, high = self._x
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Pixel of a value on the y axis."""
        low, high = self._y
        return self.height - BOTTOM - (value - low) / (high - low) * (self.height - TOP - BOTTOM)

    def draw(self, body: str, title: str) -> str:
        """The chart with its axes around ``body``; ``title`` is read to those who cannot see it."""
        parts = [
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(title)}">'
        ]
        for value in ticks(*self._y, self._y_step):
            at = self.y(value)
            parts += [
                f'<line class="grid" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>',
                f'<text x="{LEFT - 6}" y="{at + 3.5:.1f}" text-anchor="end">{number(value)}</text>',
            ]
        floor = self.height - BOTTOM
        for value in ticks(*self._x, self._x_step):
            at = self.x(value)
            parts += [
                f'<line class="tick" x1="{at:.1f}" x2="{at:.1f}" y1="{floor}" y2="{floor + 4}"/>',
                f'<text x="{at:.1f}" y="{floor + 15}" text-anchor="middle">{number(value)}</text>',
            ]
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{self.width - RIGHT}" y1="{floor}" y2="{floor}"/>')
        middle = (LEFT + self.width - RIGHT) / 2
        across, up = self._labels
        parts.append(
            f'<text class="label" x="{middle:.1f}" y="{self.height - 4}" text-anchor="middle">{escape(across)}</text>'
        )
        if up:
            at = (TOP + floor) / 2
            parts.append(
                f'<text class="label" transform="translate(11 {at:.1f}) rotate(-90)" text-anchor="middle">'
                f"{escape(up)}</text>"
            )
        return "".join(parts) + body + "</svg>"


def line_chart(
    lines: Mapping[str, Points], labels: tuple[str, str], size: tuple[int, int] = (380, 210)
) -> str:
    """Lines over a common axis, with a key under it where there are several.

    Args:
        lines: (x, y) points by name; those that are not finite (or beyond :data:`HUGE`) are left out.
        labels: of the axes.
        size: width and height in pixels.
    """
    kept = {name: [(x, y) for x, y in points if abs(x) + abs(y) < HUGE] for name, points in lines.items()}
    flat = [point for points in kept.values() for point in points] or [(0.0, 0.0)]
    xs, ys = [x for x, _ in flat], [y for _, y in flat]
    share = min(ys) >= 0 and max(ys) <= 1 and max(ys) > 0.3
    y_range = (0.0, 1.0) if share else (min(ys), max(ys))
    frame = Frame(size, (min(xs), max(xs)), y_range, labels)
    body = []
    for place, points in enumerate(kept.values()):
        places = [(f"{frame.x(x):.1f}", f"{frame.y(y):.1f}") for x, y in thinned(points, 400)]
        color = f"c{place % COLORS}"
        if len(set(places)) == 1:  # one point, or the same one twice: a line of no length would not be seen
            x, y = places[0]
            body.append(f'<circle class="dot {color}" cx="{x}" cy="{y}" r="3"/>')
        else:
            path = " ".join(map(",".join, places))
            body.append(f'<polyline class="line {color}" points="{path}"/>')
    chart = frame.draw("".join(body), ", ".join(lines))
    if len(lines) == 1:
        return chart
    key = "".join(
        f'<span><i class="swatch c{n % COLORS}"></i>{escape(name)}</span>' for n, name in enumerate(lines)
    )
    return f'{chart}<div class="key">{key}</div>'


def histogram(measured: Sequence[float], requested: Sequence[float] = (), bins: int = 10) -> str:
    """How many levels have which difficulty: bars for what was measured, steps for what was asked for."""
    counts, asked = _binned(measured, bins), _binned(requested, bins)
    most = max([*counts, *asked, 1])
    step = next(m * 10**power for power in range(9) for m in (1, 2, 5) if most <= 6 * m * 10**power)
    frame = Frame((300, 240), (0, 1), (0, most), ("difficulty", "levels"), None, step)
    body = []
    for place, count in enumerate(counts):
        left, right = frame.x(place / bins) + 2, frame.x((place + 1) / bins) - 2
        top = frame.y(count)
        if count:
            body.append(
                f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                f'height="{frame.y(0) - top:.1f}"><title>{count} measured</title></rect>'
            )
    if requested:
        path = [f"M{frame.x(0):.1f},{frame.y(asked[0]):.1f}"]
        for place, count in enumerate(asked):
            path.append(f"V{frame.y(count):.1f}H{frame.x((place + 1) / bins):.1f}")
        body.append(f'<path class="steps" d="{"".join(path)}"/>')
    chart = frame.draw("".join(body), "difficulty of the levels")
    if not requested:
        return chart
    key = '<span><i class="swatch c0"></i>measured</span><span><i class="swatch c1"></i>asked for</span>'
    return f'{chart}<div class="key">{key}</div>'


def scatter(
    points: Points,
    labels: tuple[str, str],
    intervals: Sequence[tuple[float, float]] | None = None,
    *,
    diagonal: bool = False,
) -> str:
    """Points in the unit square.

    Args:
        points: (x, y) in [0, 1].
        labels: of the axes.
        intervals: (low, high) of each point's y.
        diagonal: draw where y = x.
    """
    frame = Frame((300, 240), (0, 1), (0, 1), labels)
    body = []
    if diagonal:
        body.append(
            f'<line class="guide" x1="{frame.x(0):.1f}" y1="{frame.y(0):.1f}" x2="{frame.x(1):.1f}" y2="{frame.y(1):.1f}"/>'
        )
    for x, (low, high) in zip([x for x, _ in points], intervals or (), strict=False):
        body.append(
            f'<line class="interval" x1="{frame.x(x):.1f}" x2="{frame.x(x):.1f}" '
            f'y1="{frame.y(low):.1f}" y2="{frame.y(high):.1f}"/>'
        )
    body += [
        f'<circle class="dot c0" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="3.5"/>' for x, y in points
    ]
    return frame.draw("".join(body), f"{labels[1]} against {labels[0]}")


def tension_strip(distance: Sequence[float], reach: int, far: int = 8) -> str:
    """How close the nearest danger is at each tick of the solution: high is close.

    Args:
        distance: tiles to it by tick, perhaps infinite.
        reach: tiles within which it counts.
        far: tiles beyond which nothing is drawn.
    """
    width, height = 600.0, 54.0
    step = width / max(len(distance) - 1, 1)
    edge = height - (far - reach) / far * height
    corners = " ".join(
        f"{n * step:.1f},{height - max(0.0, far - d) / far * height:.1f}" for n, d in enumerate(distance)
    )
    return (
        f'<svg class="strip" viewBox="0 0 {width:.0f} {height:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="closeness of danger along the solution"><polygon points="0,{height:.0f} {corners} '
        f'{width:.0f},{height:.0f}"/><line x1="0" x2="{width:.0f}" y1="{edge:.1f}" y2="{edge:.1f}"/></svg>'
    )


def ticks(low: float, high: float, step: float | None = None) -> list[float]:
    """Round values from ``low`` to ``high``, four to eight of them unless a step is given.

    Examples:
        >>> ticks(0.0, 1.0)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if step is None:
        raw = (high - low) / 5
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def number(value: float) -> str:
    """A number as short as an axis needs it.

    Examples:
        >>> [number(v) for v in (0.000792, 0.2, 3.0, 12000.0, 2500000.0)]
        ['7.92e-4', '0.2', '3', '12k', '2.5M']
    """
    if 0 < abs(value) < 1e-3:
        power = math.floor(math.log10(abs(value)))
        return f"{value / 10.0**power:.4g}e{power}"
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (abs(value) >= size and unit == "M"):
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def thinned(points: Points, most: int) -> Points:
    """At most so many of the points, evenly chosen, the last among them."""
    if len(points) <= most:
        return points
    return [points[n * (len(points) - 1) // (most - 1)] for n in range(most)]


def _binned(values: Sequence[float], bins: int) -> list[int]:
    counts = [0] * bins
    for value in values:
        counts[min(int(value * bins + 1e-9), bins - 1)] += 1
    return counts


def _widened(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if high - low < 1e-9 * max(1.0, abs(low), abs(high)):
        return low - 0.5 * max(1.0, abs(low)), high + 0.5 * max(1.0, abs(high))
    return low, high
