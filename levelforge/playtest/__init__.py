"""The playtester at work: what it sees and what it measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from levelforge.playtest.measure import PlaytestResult, Playtests, playtest
    from levelforge.playtest.observation import PERSONAS

__all__ = ["PERSONAS", "PlaytestResult", "Playtests", "playtest"]


def __getattr__(name: str) -> Any:
    # The environments import playtest.observation; measure in turn needs the environments.
    if name in ("PlaytestResult", "Playtests", "playtest"):
        from levelforge.playtest import measure

        return getattr(measure, name)
    if name == "PERSONAS":
        from levelforge.playtest.observation import PERSONAS

        return PERSONAS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
