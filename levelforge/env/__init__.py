"""Environments over the rules: batched (:class:`BatchEnv`) and Gymnasium (:func:`register`)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from levelforge.env.batch import BatchEnv, Info
    from levelforge.env.pool import LevelPool
    from levelforge.env.registration import register
    from levelforge.env.state import CAUSE_FALL, CAUSE_HAZARD, CAUSE_PATROL, Rewards

__all__ = [
    "CAUSE_FALL",
    "CAUSE_HAZARD",
    "CAUSE_PATROL",
    "BatchEnv",
    "Info",
    "LevelPool",
    "Rewards",
    "register",
]

_HOME = {"BatchEnv": "batch", "Info": "batch", "LevelPool": "pool", "register": "registration"}


def __getattr__(name: str) -> Any:
    # Gymnasium imports this package at its own start to register; that should not load numba.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'state')}"), name)
