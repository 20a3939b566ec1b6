"""The difficulty dial: which of many certified candidates are played, and which are handed over.

1. The critic predicts every candidate's difficulty and fun.
2. For each difficulty asked for, a few candidates are shortlisted (:func:`shortlist`): predicted near it, and elites of
   the archive of :mod:`levelforge.spread`, so that they are fun and not all of a kind. Only these are played.
3. What was measured corrects the critic (:class:`Belief`), and both together say how hard each played level is.
4. Where nothing played comes within :data:`NEAR` of what was asked, more candidates are played once.
5. Of the played ones, those are handed over that match what was asked best in total.

Why not simply hand over what measured nearest? A playtest is a sample, and of one player: among many candidates, those
with a lucky measurement or with a place that just this player cannot handle would be picked for being wrong (the
winner's curse). The less noise a rung of the skill ladder has, the more it tells of the player and the less of the
level: between two playtesters trained apart, the share lost at ε = 0, 0.05, 0.1, 0.2 and 0.35 on 100 levels of the
dungeon correlated with the other's difficulty by 0.07, 0.23, 0.46, 0.52 and 0.63. So m, what counts as measured here, is
the difficulty that goes with the losses on the noisy rungs (:func:`steadied`). Let d be a level's difficulty for
players in general and p the corrected prediction. With d ~ N(p, t²) and m ~ N(d, w² + s²), where s is the measurement's
standard error and w how much one trained player differs from another on a level, the best guess is the
precision-weighted mean

    d* = p + (m - p) t² / (t² + w² + s²),

an empirical Bayes estimate (Efron and Morris 1973, "Stein's Estimation Rule and Its Competitors"). The residuals of the
played levels give t² + w² + mean s² by the method of moments (DerSimonian and Laird 1986), with the critic's own
figure as a prior worth :data:`PRIOR_WEIGHT` levels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levelforge.choose import nearest_levels
from levelforge.playtest.result import PlaytestResult

SHORTLIST = 3
"""Candidates played for each level asked for, before those of step 4."""
FEWEST = 5
"""Candidates played however few levels are asked for."""
SLACK = 0.02
"""Distances of a prediction from what was asked that do not matter when shortlisting: it is not that sure."""
ELITE = 0.004
"""What it costs a candidate to be behind another in its cell of the archive, in difficulty; five times at most."""
NEAR, MISS = 0.08, 0.1
"""Off by more than NEAR: play more. Off by more than MISS: counts as missed, and is said."""
PLAYER_SPREAD = 0.12
"""w: standard deviation of a level's difficulty (from its noisy rungs) between playtesters that were trained apart."""
NOISY = 0.15
"""Rungs with more action noise than this are the noisy ones."""
USUAL_SLOPE, USUAL_SPREAD = 0.75, 0.2
"""How difficulty usually rises with the share lost on the noisy rungs, and how far that share usually varies."""
DOUBT = 0.5
"""What it costs to choose a level whose measured difficulty is off its estimate, per difference."""
LEAST_SPREAD = 0.02
"""The least t: no critic is surer than this."""
PRIOR_WEIGHT = 8
OFFSET_PRIOR, SLOPE_PRIOR = 0.1, 0.3
"""How far a critic is expected to be off, as standard deviations of a constant and of a slope around 0.5."""

Play = Callable[[list[int]], list[PlaytestResult]]
"""Plays the candidates of these indices."""


@dataclass(frozen=True)
class Belief:
    """What is believed of difficulties after some candidates were played.

    Attributes:
        offset, slope: predictions are corrected to p + offset + slope (p - 0.5).
        variance: t², of a level's difficulty around its corrected prediction.
    """

    offset: float
    slope: float
    variance: float

    @classmethod
    def of(
        cls,
        predicted: NDArray[np.floating],
        measured: NDArray[np.floating],
        errors: NDArray[np.floating],
        critic_error: float,
    ) -> Belief:
        """Learn from the played candidates.

        The correction is a Bayesian linear regression of the residuals with zero-mean normal priors.

        Args:
            predicted, measured: ``float[K]`` difficulties.
            errors: ``float[K]`` standard errors of the measurements.
            critic_error: root mean square of measured - predicted on levels the critic did not learn from.
        """
        sides = np.stack([np.ones(len(predicted)), predicted - 0.5], axis=1)
        off = measured - predicted
        prior = np.diag([(critic_error / OFFSET_PRIOR) ** 2, (critic_error / SLOPE_PRIOR) ** 2])
        offset, slope = np.linalg.solve(sides.T @ sides + prior, sides.T @ off)
        rest = off - sides @ (offset, slope)
        spread = (PRIOR_WEIGHT * critic_error**2 + (rest**2).sum()) / (PRIOR_WEIGHT + len(off))
        noise = float((errors**2).mean()) if len(errors) else 0.0
        variance = max(spread - noise - PLAYER_SPREAD**2, LEAST_SPREAD**2)
        return cls(float(offset), float(slope), float(variance))

    def corrected(self, predicted: NDArray[np.floating]) -> NDArray[np.float64]:
        """``float64[N]`` corrected predictions."""
        better: NDArray[np.float64] = np.clip(predicted + self.offset + self.slope * (predicted - 0.5), 0, 1)
        return better

    def estimates(
        self, predicted: NDArray[np.floating], measured: NDArray[np.floating], errors: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """``float64[K]``: d* of played candidates (see the module)."""
        prior = self.corrected(predicted)
        weight = self.variance / (self.variance + PLAYER_SPREAD**2 + errors**2)
        return prior + weight * (measured - prior)


@dataclass(frozen=True)
class Dialled:
    """What the dial chose.

    Attributes:
        order: for each target, the index of its candidate.
        played: the playtest of each candidate that was played, by index.
        easiest, hardest: the least and the most difficulty there was to choose from, as far as is known.
    """

    order: list[int]
    played: dict[int, PlaytestResult]
    easiest: float
    hardest: float


def dial(
    predicted: NDArray[np.floating],
    ranks: NDArray[np.integer],
    critic_error: float,
    targets: Sequence[float],
    play: Play,
) -> Dialled:
    """Steps 2 to 5 of the module's docstring.

    Args:
        predicted: ``float[N]`` the critic's difficulty of each candidate, N at least the number of targets.
        ranks: ``int[N]`` each candidate's place in its cell of the archive.
        critic_error: as for :meth:`Belief.of`.
        targets: the difficulties asked for.
        play: plays candidates.
    """
    wanted = np.asarray(targets, float)
    belief = Belief(0.0, 0.0, critic_error**2)
    each = max(SHORTLIST, -(-FEWEST // len(wanted)))
    chosen = shortlist(predicted, ranks, np.repeat(wanted, each))
    found: dict[int, PlaytestResult] = {}
    while True:
        found |= dict(zip(chosen, play(chosen), strict=True))
        members = sorted(found)
        guess, belief = _believed(predicted, found, members, critic_error)
        off = np.abs(guess - [found[i].difficulty for i in members])
        match = nearest_levels(guess, targets, penalty=DOUBT * off)
        missed = wanted[np.abs(guess[match] - wanted) > NEAR]
        left = [i for i in range(len(predicted)) if i not in found]
        if len(found) > len(chosen) or not len(missed) or not left:
            break
        corrected = belief.corrected(predicted[left])
        more = shortlist(corrected, ranks[left], np.repeat(missed, SHORTLIST))
        chosen = [left[i] for i in more]
    known = np.concatenate([guess, belief.corrected(predicted[left])])
    order = [members[i] for i in match]
    return Dialled(order, found, float(known.min()), float(known.max()))


def shortlist(
    predicted: NDArray[np.floating], ranks: NDArray[np.integer], targets: NDArray[np.floating]
) -> list[int]:
    """Distinct candidates to play, one a target as long as there are any, in order of their index."""
    wanted = targets[:: -(-len(targets) // len(predicted))].tolist()
    penalty = ELITE * np.minimum(ranks, 5)
    return sorted(nearest_levels(predicted, wanted, slack=SLACK, penalty=penalty))


def _believed(
    predicted: NDArray[np.floating],
    found: dict[int, PlaytestResult],
    members: list[int],
    critic_error: float,
) -> tuple[NDArray[np.float64], Belief]:
    """Estimates of the played candidates, and what was learnt from them."""
    measured, errors = steadied([found[i] for i in members])
    belief = Belief.of(predicted[members], measured, errors, critic_error)
    return belief.estimates(predicted[members], measured, errors), belief


def steadied(results: Sequence[PlaytestResult]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difficulties as the noisy rungs tell them: a linear regression of difficulty on the share lost there.

    Returns:
        ``float64[K]`` difficulties and their standard errors; the measured ones where a ladder has no noisy rung.
    """
    measured = np.array([result.difficulty for result in results])
    rungs = [skill for skill in results[0].win_rate if skill > NOISY]
    if not rungs:
        ends = np.array([result.difficulty_ci for result in results])
        return measured, (ends[:, 1] - ends[:, 0]) / (2 * 1.959964)
    won = np.array([[result.win_rate[skill] for skill in rungs] for result in results])
    played = np.array([[result.first.episodes[skill] for skill in rungs] for result in results])
    lost = 1 - won.mean(axis=1)
    prior = PRIOR_WEIGHT * USUAL_SPREAD**2
    off = lost - lost.mean()
    slope = (off @ (measured - measured.mean()) + prior * USUAL_SLOPE) / (off @ off + prior)
    rate = (won * played + 1) / (played + 2)  # Laplace's rule: no rate is quite sure
    errors = slope * (rate * (1 - rate) / played).sum(axis=1) ** 0.5 / len(rungs)
    return np.clip(measured.mean() + slope * off, 0.0, 1.0), errors
