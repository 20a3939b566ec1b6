"""The contact sheet: the levels of a set on one picture, for people to judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from levelforge.level import Level

SHEET_LEVELS = 24
"""Levels a contact sheet shows at most; more would be too small to judge or too large to open."""


def write_contact_sheet(levels: Sequence[Level], path: Path, title: str) -> Path:
    """Write one page with the first :data:`SHEET_LEVELS` levels and what is known of each.

    Args:
        levels: at least one.
        path: the PNG file.
        title: the heading; the number shown is added where some are left out.

    Returns:
        ``path``.
    """
    from levelforge.render import contact_sheet

    shown = levels[:SHEET_LEVELS]
    if len(shown) < len(levels):
        title = f"{title}: the first {len(shown)} of {len(levels)}"
    widest = max(level.width for level in shown)
    columns = max(1, min(4, 160 // widest))
    draft = path.with_name(f".{path.name}.part")
    try:
        contact_sheet(shown, [caption(x) for x in shown], columns, title=title).save(draft, format="PNG")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def caption(level: Level) -> str:
    """Two lines under a level: its id, and what is known of it."""
    facts = []
    if level.solution is not None:
        facts.append(f"{len(level.solution)} steps")
    if level.difficulty is not None:
        facts.append(f"difficulty {level.difficulty:.2f}")
    if level.novelty is not None:
        facts.append(f"novelty {level.novelty:.2f}")
    if level.edits:
        facts.append(f"{level.edits} edit{'s' if level.edits > 1 else ''}")
    return f"{level.id}\n{', '.join(facts)}"
