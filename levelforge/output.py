"""Writing a generated set: one file a level and format, an index and a contact sheet."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from levelforge.dial import MISS
from levelforge.files import INDEX, Options, write_files
from levelforge.generate import GenerateConfig, Generated, Progress
from levelforge.level import Level
from levelforge.pack import Pack
from levelforge.report import REPORT, report_levels, write_contact_sheet, write_page

CONTACT_SHEET = "contact-sheet.png"
LINES = 24
"""Levels of which the difficulty is told one by one, at most."""


def write_generated(
    made: Generated,
    pack: Pack,
    config: GenerateConfig,
    folder: Path,
    formats: Sequence[str],
    tell: Progress,
    *,
    options: Options | None = None,
    report: bool = False,
) -> tuple[list[list[str]], float]:
    """Write all levels, ``index.json`` and ``contact-sheet.png`` into a folder.

    Args:
        made: what to write.
        pack, config: what it was made with.
        folder: an existing folder.
        formats: names of formats.
        tell: told how many levels are written.
        options: of the formats, by name.
        report: also write ``report.html``.

    Returns:
        For each level its file names within the folder, and the seconds it took.
    """
    started = time.perf_counter()
    stem, total = f"{pack.game.name}-{config.seed}", len(made.levels)
    files = write_files(
        made.levels, folder, formats, options or {}, stem, lambda done: tell("export", done, total)
    )
    title = f"{pack.game.title}, seed {config.seed}"
    write_contact_sheet(made.levels, folder / CONTACT_SHEET, title)
    if report:
        page = report_levels(
            made.levels, made.measured, title=title, pack=pack, requested=made.requested_difficulty
        )
        write_page(page, folder / REPORT)
    index = generate_document(made, pack, config, files, 0.0)
    del index["seconds"]  # the same command is to write the same bytes
    text = json.dumps(index, indent=2, ensure_ascii=False) + "\n"
    (folder / INDEX).write_text(text, encoding="utf-8")
    return files, time.perf_counter() - started


def generate_document(
    made: Generated, pack: Pack, config: GenerateConfig, files: Sequence[Sequence[str]], export_seconds: float
) -> dict[str, Any]:
    """What ``generate --json`` prints.

    ``requested_difficulty``, ``predicted_difficulty`` (of the critic) and the summary ``difficulty`` are there only where
    a difficulty was asked for, ``notes`` where there is something to say, ``lock`` where tiles were locked.
    """
    seconds = dict(made.seconds) | {"export": export_seconds}
    levels = [_entry(level, names) for level, names in zip(made.levels, files, strict=True)]
    for entry, wanted in zip(levels, made.requested_difficulty or (), strict=False):
        entry["requested_difficulty"] = wanted
    for entry, expected in zip(levels, made.predicted_difficulty or (), strict=False):
        entry["predicted_difficulty"] = rounded(expected)
    extra: dict[str, Any] = {} if config.lock is None else {"lock": config.lock.report(made.levels)}
    if made.requested_difficulty is not None:
        extra["difficulty"] = _difficulty_summary(made)
    if made.notes:
        extra["notes"] = list(made.notes)
    return extra | {
        "game": pack.game.name,
        "pack": pack.hash,
        "seed": config.seed,
        "requested": config.n,
        "written": len(levels),
        "seconds": {stage: round(spent, 4) for stage, spent in seconds.items()},
        "raw_beatable": round(made.raw_beatable, 4),
        "rejected": dict(made.rejected),
        "levels": levels,
    }


def difficulty_lines(made: Generated) -> list[str]:
    """What to tell of a difficulty that was asked for: each level's, what came of all, and what could not be given."""
    lines = []
    asked, off = made.requested_difficulty, made.difficulty_errors
    if asked is not None and made.measured is not None and off:
        for place, (level, result, wanted) in enumerate(zip(made.levels, made.measured, asked, strict=True)):
            if place == LINES:
                lines.append(f"  and {len(asked) - LINES} more in {INDEX}")
                break
            low, high = result.difficulty_ci
            expected = (
                ""
                if made.predicted_difficulty is None
                else f"; predicted {made.predicted_difficulty[place]:.2f}"
            )
            lines.append(
                f"  {level.id}: asked for {wanted:.2f}, measured {result.difficulty:.2f} ({low:.2f} to {high:.2f})"
                f"{expected}"
            )
        missed = sum(error > MISS for error in off)
        lines.append(
            f"difficulty: mean absolute error {sum(off) / len(off):.3f}; {missed} of {len(off)} missed by more than "
            f"{MISS}; {made.played} candidates played"
        )
    return lines + [f"note: {note}" for note in made.notes]


def _difficulty_summary(made: Generated) -> dict[str, Any]:
    off = made.difficulty_errors
    return {
        "mean_absolute_error": rounded(sum(off) / len(off)) if off else None,
        "missed": sum(error > MISS for error in off) if off else None,
        "missed_by": MISS,
        "played": made.played,
    }


def _entry(level: Level, files: Sequence[str]) -> dict[str, Any]:
    return {
        "id": level.id,
        "files": list(files),
        "beatable": True,
        "solution_length": len(level.solution or ()),
        "edits": level.edits,
        "novelty": rounded(level.novelty),
        "difficulty": rounded(level.difficulty),
        "difficulty_ci": None
        if level.difficulty_ci is None
        else [rounded(end) for end in level.difficulty_ci],
        "fun": rounded(level.fun),
        "fun_parts": None if level.fun_parts is None else {k: rounded(v) for k, v in level.fun_parts.items()},
    }


def rounded(value: float | None) -> float | None:
    """Four decimals are more than any of these measures can bear."""
    return None if value is None else round(value, 4)
