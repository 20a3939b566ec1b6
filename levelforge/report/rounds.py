"""The rounds of a run's loop as a table: what each made, how far the critic foresaw it, what the guards did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

COLUMNS = {
    "beatable": "beatable",
    "fun": "fun",
    "difficulty": "difficulty",
    "dial_rank": "dial",
    "critic_difficulty_mae": "critic: difficulty off",
    "critic_fun_mae": "fun off",
    "novelty": "novelty",
    "diversity": "diversity",
    "style": "style",
    "imbalance": "terrain off",
    "returned": "returned",
    "dqn_train_win_rate": "wins in training",
    "rolled_back": "taken back",
}
"""The loop's figures that a round's row shows, with their headings."""
LEGEND = (
    "beatable: of the candidates, before repair; dial: rank correlation of asked and measured difficulty, the generator's "
    "alone; off: mean absolute error of the critic on levels new to it; style: divergence of tile patterns from the "
    "corpus, in bits; terrain off: by how many doublings shares of terrain differ from the corpus', on average; returned: "
    "levels that the generator learns from beside the corpus"
)
LOG = "log.txt"

Row = tuple[float, str, str, float]


def rounds_of(rows: Sequence[Row]) -> list[dict[str, float]]:
    """The last value of every figure in each round, from the rows of ``metrics.csv`` (seconds, phase, metric, value)."""
    found: dict[int, dict[str, float]] = {}
    number = 0
    for _, phase, name, value in rows:
        if phase != "loop":
            continue
        if name == "round":
            number = int(value)
        found.setdefault(number, {})[name] = value
    return [found[number] for number in sorted(found) if number]


def guard_notes(folder: Path) -> list[str]:
    """What the guards said, from a run's log."""
    path = folder / LOG
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    said = [line.split(" ", 2)[-1] for line in lines]
    return [text for text in said if text.startswith("round ")]


def rounds_table(rounds: Sequence[dict[str, float]], notes: Sequence[str]) -> str:
    """The table as HTML; empty without rounds."""
    if not rounds:
        return ""
    names = [name for name in COLUMNS if any(name in each for each in rounds)]
    head = "".join(f"<th>{escape(COLUMNS[name])}</th>" for name in names)
    body = "".join(
        f'<tr><td class="num">{number}</td>'
        + "".join(f'<td class="num">{_shown(name, each.get(name))}</td>' for name in names)
        + "</tr>"
        for number, each in enumerate(rounds, 1)
    )
    said = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return (
        f'<p class="soft small">{escape(LEGEND)}</p>'
        f'<div class="wide"><table><thead><tr><th>round</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        + (f"<ul>{said}</ul>" if said else '<p class="soft small">No guard had to step in.</p>')
    )


def _shown(name: str, value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    if name == "rolled_back":
        return "yes" if value else ""
    return f"{value:.0f}" if name == "returned" else f"{value:.3f}"
