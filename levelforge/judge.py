"""What the level commands report of each level: verdicts, solutions and playtests, as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from levelforge.files import LevelFile
from levelforge.level import Level, encode_solution
from levelforge.playtest.measure import PlaytestResult
from levelforge.solver import Solution, Unbeatable, Undecided, solve, verify_solution

VERDICTS: dict[type, str] = {Solution: "beatable", Unbeatable: "unbeatable", Undecided: "undecided"}


def verify_entry(found: LevelFile, node_limit: int) -> dict[str, Any]:
    """One level of ``verify --json``: replays its certificate, else searches."""
    level = found.level
    entry: dict[str, Any] = {"file": str(found.path)}
    if level.solution is not None and verify_solution(level, level.solution):
        return entry | {
            "verdict": "beatable",
            "certificate": "replayed",
            "solution_length": len(level.solution),
        }
    answer = solve(level, node_limit=node_limit)
    entry["verdict"] = VERDICTS[type(answer)]
    entry["certificate"] = "found" if isinstance(answer, Solution) else "none"
    entry["solution_length"] = len(answer.actions) if isinstance(answer, Solution) else None
    return entry


def solve_entry(found: LevelFile, node_limit: int) -> dict[str, Any]:
    """One level of ``solve --json``."""
    answer = solve(found.level, node_limit=node_limit)
    actions = answer.actions if isinstance(answer, Solution) else None
    return {
        "file": str(found.path),
        "verdict": VERDICTS[type(answer)],
        "solution_length": None if actions is None else len(actions),
        "solution": None if actions is None else encode_solution(actions, found.level.game),
        "expanded": answer.expanded,
        "reason": answer.reason if isinstance(answer, Unbeatable) else None,
    }


def play_document(
    found: Sequence[LevelFile], results: Sequence[PlaytestResult], node_limit: int
) -> dict[str, Any]:
    """What ``playtest --json`` prints; ``beatable`` is null where the search was undecided."""
    entries = []
    for item, result in zip(found, results, strict=True):
        verdict = verify_entry(item, node_limit)
        entry: dict[str, Any] = {
            "file": verdict["file"],
            "beatable": {"beatable": True, "unbeatable": False}.get(verdict["verdict"]),
            "solution_length": verdict["solution_length"],
        }
        entries.append(entry | {"fun": None, "fun_parts": None} | result.as_json())
    fun = [entry["fun"] for entry in entries if entry["fun"] is not None]
    skills = list(entries[0]["win_rate"])
    summary = {
        "beatable": _mean([float(entry["beatable"] is True) for entry in entries]),
        "difficulty": _mean([result.difficulty for result in results]),
        "fun": _mean(fun) if fun else None,
        "win_rate": {skill: _mean([entry["win_rate"][skill] for entry in entries]) for skill in skills},
    }
    return {"game": found[0].level.game.name, "levels": entries, "summary": summary}


def write_heatmaps(found: Sequence[LevelFile], results: Sequence[PlaytestResult], folder: Path) -> None:
    """For each level and persona, where the players went: ``<name>-<persona>.png``."""
    from levelforge.render import render
    from levelforge.rules import replay

    for item, result in zip(found, results, strict=True):
        level: Level = item.level
        path = replay(level, level.solution).path if level.solution else None
        for persona, play in result.personas.items():
            picture = render(level, overlay=play.visits.astype(np.float64), solution=path, scale=2)
            picture.save(folder / f"{item.id}-{persona}.png")


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)
