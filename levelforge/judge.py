"""What the level commands report of each level: verdicts, solutions and playtests, as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from levelforge.files import LevelFile
from levelforge.game import Role
from levelforge.level import Level, encode_solution
from levelforge.playtest.exploration import resting_places
from levelforge.playtest.measure import PlaytestResult
from levelforge.relaxed import reachable_cells
from levelforge.rules.replay import replay
from levelforge.rules.state import compile_levels
from levelforge.solver import Solution, Unbeatable, Undecided, solve, verify_solution

VERDICTS: dict[type, str] = {Solution: "beatable", Unbeatable: "unbeatable", Undecided: "undecided"}


def verify_entry(found: LevelFile, node_limit: int) -> dict[str, Any]:
    """One level of ``verify --json``: replays its certificate, else searches."""
    level = found.level
    entry = found.entry
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
    """One level of ``solve --json``; ``path`` is the player's [x, y] before each step and at the end."""
    answer = solve(found.level, node_limit=node_limit)
    actions = answer.actions if isinstance(answer, Solution) else None
    path = None if actions is None else replay(found.level, actions).path[:, ::-1].tolist()
    return found.entry | {
        "verdict": VERDICTS[type(answer)],
        "solution_length": None if actions is None else len(actions),
        "solution": None if actions is None else encode_solution(actions, found.level.game),
        "expanded": answer.expanded,
        "reason": answer.reason if isinstance(answer, Unbeatable) else None,
        "path": path,
        "unreachable": unreachable(found.level),
    }


def unreachable(level: Level) -> list[list[int]]:
    """[x, y] of the places that no one can get to, row by row, whatever becomes of patrols, hit points and the clock.

    Places are tiles where one can stand or hold on, and those of things to get to: goals, keys, doors, potions and
    collectibles. Hazards are none.
    """
    roles = level.game.roles[level.tiles]
    things = np.isin(roles, (Role.GOAL, Role.KEY, Role.DOOR, Role.HEAL, Role.COLLECTIBLE))
    places = (resting_places(level.tiles, level.game) & (roles != Role.SOLID)) | things
    reached = reachable_cells(compile_levels(level.tiles[None], level.game), 0).reshape(roles.shape)
    missed = np.argwhere(places & (roles != Role.HAZARD) & ~reached)
    return [[int(x), int(y)] for y, x in missed]


def play_document(
    found: Sequence[LevelFile], results: Sequence[PlaytestResult], node_limit: int
) -> dict[str, Any]:
    """What ``playtest --json`` prints; ``beatable`` is null where the search was undecided."""
    entries = []
    for item, result in zip(found, results, strict=True):
        verdict = verify_entry(item, node_limit)
        entry = item.entry | {
            "beatable": {"beatable": True, "unbeatable": False}.get(verdict["verdict"]),
            "solution_length": verdict["solution_length"],
        }
        entries.append(entry | result.as_json())
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
    """Pictures of each level.

    ``<name>-<persona>.png`` shows where each persona went; ``<name>-path.png``, ``-deaths.png`` and ``-tension.png``
    what :data:`levelforge.playtest.pictures.KINDS` says.
    """
    from levelforge.playtest.pictures import pictures, visits_picture

    for item, result in zip(found, results, strict=True):
        drawn = pictures(item.level, result, scale=2)
        del drawn["visits"]
        for persona, play in result.personas.items():
            drawn[persona] = visits_picture(item.level, play.visits, scale=2)
        for kind, picture in drawn.items():
            picture.save(folder / f"{item.id}-{kind}.png")


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)
