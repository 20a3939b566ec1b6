"""What keeps steering honest: three guards, each with a bound and a mend.

=================  ======================================================  =============================================
guard              trips when                                              mend
=================  ======================================================  =============================================
mode collapse      candidates resemble each other more than they did, or   the generator goes back to before the round,
                   repeat themselves                                       and is steered half as hard
style drift        their tile patterns leave those of the corpus           the same
reward hacking     the critic promises more than playtests then find       no steering until the critic, trained on what
                                                                           was found, foresees fresh levels again
=================  ======================================================  =============================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Where the guards trip.

    Attributes:
        diversity: share of the diversity at the loop's beginning that must be left.
        duplicates: share of repeated candidates allowed.
        style: factor, and style_slack bits, by which the divergence from the corpus' patterns may grow.
        drift: how far predicted fun may lie above what is measured, on average, and difficulty to either side.
    """

    diversity: float = 0.8
    duplicates: float = 0.01
    style: float = 1.4
    style_slack: float = 0.02
    drift: float = 0.12


def collapsed(bounds: Bounds, before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether candidates have become too much alike, from two judgements (see :class:`.gan_judge.Judge`)."""
    return (
        now["diversity"] < bounds.diversity * before["diversity"]
        or now["duplicates"] > before["duplicates"] + bounds.duplicates
    )


def drifted(bounds: Bounds, before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether candidates have left the corpus' style, from two judgements."""
    return now["style"] > bounds.style * before["style"] + bounds.style_slack


def hacked(bounds: Bounds, found: Mapping[str, float]) -> bool:
    """Whether the critic's word and the playtests have drifted apart (see :func:`.critic.assess`)."""
    return found.get("fun_bias", 0.0) > bounds.drift or abs(found.get("difficulty_bias", 0.0)) > bounds.drift
