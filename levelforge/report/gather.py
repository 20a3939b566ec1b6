"""What a report is about: a set of levels just made, a folder of levels, or the folder of a training run."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levelforge.errors import LevelForgeError
from levelforge.files import INDEX, read_files
from levelforge.level import Level
from levelforge.playtest.result import PlaytestResult
from levelforge.report.charts import Points
from levelforge.report.page import Page, Shown, render_page
from levelforge.report.rounds import guard_notes, rounds_of

if TYPE_CHECKING:
    from levelforge.pack import Pack

REPORT = "report.html"
RUN_CONFIG, METRICS, CARD = "config.json", "metrics.csv", "model_card.md"
FAMILIES = ("heldout", "loss")
"""Figures of a run with such a beginning share a chart."""
SAMPLES = 6
"""Pictures of a run's samples that are shown at most: the first, the last, and some between."""


def report_levels(
    levels: Sequence[Level],
    results: Sequence[PlaytestResult] | None,
    *,
    title: str,
    pack: Pack | None = None,
    requested: Sequence[float] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """The page about a set of levels.

    Args:
        levels: at least one.
        results: the playtest of each, or None.
        title: the heading.
        pack: the pack whose card is shown.
        requested: the difficulty asked for of each level.
        notes: sentences about how the page came about.
    """
    shown = []
    for place, level in enumerate(levels):
        result = results[place] if results is not None else None
        known = level if result is None else result.attach(level)
        wanted = requested[place] if requested is not None and place < len(requested) else None
        shown.append(Shown(known, result, wanted))
    card = "" if pack is None else read_card(pack.folder)
    return render_page(Page(title, facts=_facts(shown), levels=shown, card=card, notes=notes))


def report_folder(
    folder: Path,
    *,
    game: str | None = None,
    pack: Path | None = None,
    seed: int | None = None,
    play: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """The page about a folder of levels or a training run.

    Args:
        folder: what ``generate`` or ``train`` wrote, or any folder of levels.
        game: of levels that do not say it themselves.
        pack: a pack folder other than the game's, whose playtester plays.
        seed: of the playtest; None takes that of the folder's index, or 0.
        play: play the levels, which the maps need; without, the page shows what the levels know of themselves.
        progress: told (episodes done, episodes in all).

    Raises:
        LevelForgeError: neither levels nor a run, or a pack that was named and cannot be read.
    """
    if not folder.is_dir():
        raise LevelForgeError(f"{folder}: no such folder; name one that 'generate' or 'train' wrote")
    if (folder / RUN_CONFIG).is_file():
        return run_page(folder)
    from levelforge.pack import pack_for

    found = read_files([folder], game, one_game=True)
    index = _index(folder)
    entries = index.get("levels", ())
    known = (
        {str(e["id"]): e for e in entries if isinstance(e, dict) and "id" in e}
        if isinstance(entries, list)
        else {}
    )
    levels = [item.level.with_(id=item.id) for item in found]
    subject = levels[0].game
    notes = []
    player: Pack | None = None
    try:
        player = pack_for(subject, pack)
    except LevelForgeError as error:
        if pack is not None:
            raise
        notes.append(f"Not played, so that there are no maps of visits and losses: {error}.")
    results = None
    if play and player is not None:
        from levelforge.playtest.measure import playtest

        noted = index.get("seed", 0)
        chosen = seed if seed is not None else noted if isinstance(noted, int) and noted >= 0 else 0
        results = playtest(levels, subject, player, seed=chosen, threads=2, progress=progress)
        notes.append(f"Played anew by the pack {player.hash[:12]} with seed {chosen}.")
        made_with = {level.pack for level in levels if level.pack} - {player.hash}
        if made_with:
            notes.append(
                "The levels were made with another pack, so their scores may differ from those noted in them."
            )
    wanted = [known.get(level.id, {}).get("requested_difficulty") for level in levels]
    requested = [float(w) for w in wanted if isinstance(w, int | float)]
    return report_levels(
        levels,
        results,
        title=f"{subject.title}: {len(levels)} level{'s' if len(levels) > 1 else ''}",
        pack=player,
        requested=requested if len(requested) == len(levels) else None,
        notes=notes,
    )


def write_page(text: str, path: Path) -> Path:
    """Write a page whole or not at all.

    Raises:
        LevelForgeError: the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise LevelForgeError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return path


# --- runs -----------------------------------------------------------------------------------------------


def run_page(folder: Path) -> str:
    """The page about a training run.

    Raises:
        LevelForgeError: a ``config.json`` that is not a run's.
    """
    config = _json(folder / RUN_CONFIG)
    if "game" not in config:
        raise LevelForgeError(
            f"{folder / RUN_CONFIG}: is not the configuration of a training run (no 'game')"
        )
    rows = read_metrics(folder / METRICS)
    latest = {f"{phase}.{name}": value for _, phase, name, value in rows}
    facts = [("game", str(config["game"])), ("seed", str(config.get("seed", "-")))]
    if rows:
        facts.append(("minutes trained", f"{max(row[0] for row in rows) / 60:.1f}"))
    for key, words in HEADLINES.items():
        if key in latest:
            facts.append((words, f"{latest[key]:.3g}"))
    pictures = sorted((folder / "samples").glob("*.png"), key=lambda path: path.name)
    chosen = {round(n * (len(pictures) - 1) / (SAMPLES - 1)) for n in range(SAMPLES)} if pictures else set()
    samples = [(pictures[n].stem, pictures[n].read_bytes()) for n in sorted(chosen)]
    page = Page(
        f"Training run {folder.resolve().name}",
        facts=facts,
        rounds=rounds_of(rows),
        guards=guard_notes(folder),
        curves=curves(rows),
        samples=samples,
        settings=list(_flat(config)),
        card=read_card(folder),
        notes=[] if rows else ["The run has written no figures yet."],
    )
    return render_page(page)


HEADLINES = {
    "loop.beatable": "candidates beatable before repair",
    "loop.fun": "mean fun of candidates",
    "loop.novelty": "median novelty",
    "loop.dqn_heldout_best": "win rate on held-out levels",
}


def read_metrics(path: Path) -> list[tuple[float, str, str, float]]:
    """Rows (seconds, phase, metric, value) of a run's ``metrics.csv``; a last line cut short is left out."""
    if not path.is_file():
        return []
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            try:
                seconds, phase, name, value = row
                rows.append((float(seconds), phase, name, float(value)))
            except ValueError:
                continue
    return rows


def curves(rows: Sequence[tuple[float, str, str, float]]) -> dict[str, dict[str, dict[str, Points]]]:
    """Learning curves by phase, chart and line; figures that were noted only once have no curve."""
    lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for seconds, phase, name, value in rows:
        if math.isfinite(value):
            lines.setdefault((phase, name), []).append((seconds / 60, value))
    found: dict[str, dict[str, dict[str, Points]]] = {}
    for (phase, name), points in lines.items():
        if len(points) > 1:
            first, _, rest = name.partition("_")
            shared = first in FAMILIES and rest
            chart = found.setdefault(phase, {}).setdefault(first if shared else name, {})
            chart[rest if shared else name] = points
    return found


# --- small things -----------------------------------------------------------------------------------------


def read_card(folder: Path) -> str:
    """The model card in a folder; empty if there is none."""
    path = folder / CARD
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _facts(shown: Sequence[Shown]) -> list[tuple[str, str]]:
    levels = [each.level for each in shown]
    width, height = levels[0].size
    sizes = {level.size for level in levels}
    facts = [
        ("levels", str(len(levels))),
        ("tiles", f"{width}x{height}" if len(sizes) == 1 else "several sizes"),
    ]
    for words, values in (
        ("mean difficulty", [level.difficulty for level in levels]),
        ("mean fun", [level.fun for level in levels]),
        ("median novelty", [level.novelty for level in levels]),
    ):
        known = sorted(value for value in values if value is not None)
        if known:
            middle = known[len(known) // 2] if words.startswith("median") else sum(known) / len(known)
            facts.append((words, f"{middle:.2f}"))
    pairs = [(each.requested, each.level.difficulty) for each in shown]
    off = [abs(asked - got) for asked, got in pairs if asked is not None and got is not None]
    if off:
        facts.append(("mean miss of the difficulty asked for", f"{sum(off) / len(off):.2f}"))
    certified = [level for level in levels if level.solution is not None]
    if certified:
        facts.append(("with a certificate", f"{len(certified) / len(levels):.0%}"))
        mean = sum(len(level.solution or ()) for level in certified) / len(certified)
        facts.append(("mean steps", f"{mean:.0f}"))
    edits = [level.edits for level in levels if level.edits is not None]
    if edits:
        facts.append(("repaired", f"{sum(edit > 0 for edit in edits) / len(edits):.0%}"))
    return facts


def _index(folder: Path) -> dict[str, Any]:
    path = folder / INDEX
    return _json(path) if path.is_file() else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise LevelForgeError(f"{path}: is not readable JSON") from None
    if not isinstance(found, dict):
        raise LevelForgeError(f"{path}: must be a JSON object")
    return found


def _flat(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in config.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)))
    return rows
