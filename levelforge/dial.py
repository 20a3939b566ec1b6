"""The difficulty dial: which of many certified candidates are played, and which are handed over.

1. The critic predicts every candidate's difficulty and fun.
2. For each difficulty asked for, a few candidates are shortlisted (:func:`shortlist`): predicted near it, and elites of
   the archive of :mod:`levelforge.spread`, so that they are fun and not all of a kind. Only these are played.
3. What was measured corrects the critic (:class:`Belief`), and both together say how hard each played level is.
4. Where nothing played comes within :data:`NEAR` of what was asked, more candidates are played, :data:`ROUNDS` times at
   most.
5. Of the played ones, those are chosen that match what was asked best in total, and played more often, since luck had a
   part in their being chosen. That is repeated until all of the chosen ones were played in full; these are handed
   over. So episodes go where the choice hangs on them (after successive halving: Karnin, Koren and Somekh 2013, "Almost
   Optimal Exploration in Multi-Armed Bandits").

Why not simply hand over what measured nearest? A playtest is a sample, and of one player: among many candidates, those
with a lucky measurement or with a place that just this player cannot handle would be picked for being wrong (the
winner's curse). Let d be a level's difficulty for players in general, p the corrected prediction and m what was measured.
With d ~ N(p, t²) and m ~ N(d, w² + s²), where s is the measurement's standard error and w how much a trained player
differs on a level from players in general, the best guess is the precision-weighted mean

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
ROUNDS = 3
"""Times at most that candidates are played."""
PLAYER_SPREAD = 0.07
"""w. Between two playtesters trained apart, measured difficulties differed by 0.08 (dungeon) and 0.12 (platformer) a
level, as standard deviations: about the square root of two times w, and the measurements' own errors."""
DOUBT = 0.5
"""What it costs to choose a level whose measured difficulty is off its estimate, per difference."""
LEAST_SPREAD = 0.02
"""The least t: no critic is surer than this."""
PRIOR_WEIGHT = 8
OFFSET_PRIOR, SLOPE_PRIOR = 0.1, 0.3
"""How far a critic is expected to be off, as standard deviations of a constant and of a slope around 0.5."""

SHARES = (1 / 4, 1 / 2, 1)
"""Of all its episodes, how many a candidate has played when it was shortlisted, chosen, and chosen again."""
TURNS = 6
"""Times at most that there is a choice; who is chosen then plays in full."""

Play = Callable[[list[int], list[int]], list[PlaytestResult]]
"""Plays the candidates of these indices until each was played so many times on a rung."""


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
    episodes: int,
) -> Dialled:
    """Steps 2 to 5 of the module's docstring.

    Args:
        predicted: ``float[N]`` the critic's difficulty of each candidate, N at least the number of targets.
        ranks: ``int[N]`` each candidate's place in its cell of the archive.
        critic_error: as for :meth:`Belief.of`.
        targets: the difficulties asked for.
        play: plays candidates.
        episodes: that candidates which are handed over were played on a rung.
    """
    wanted = np.asarray(targets, float)
    steps = sorted({max(1, round(share * episodes)) for share in SHARES})
    each = max(SHORTLIST, -(-FEWEST // len(wanted)))
    chosen = shortlist(predicted, ranks, np.repeat(wanted, each))
    plan = dict.fromkeys(chosen, steps[0])
    found: dict[int, PlaytestResult] = {}
    depth: dict[int, int] = {}
    for turn in range(TURNS):
        found |= dict(zip(plan, play(list(plan), list(plan.values())), strict=True))
        depth |= plan
        members = sorted(found)
        guess, belief = _believed(predicted, found, members, critic_error)
        off = np.abs(guess - [found[i].difficulty for i in members])
        match = nearest_levels(guess, targets, penalty=DOUBT * off)
        left = [i for i in range(len(predicted)) if i not in found]
        again = sorted(members[i] for i in match if depth[members[i]] < episodes)
        plan = {i: next(n for n in steps if n > depth[i]) for i in again}
        missed = wanted[np.abs(guess[match] - wanted) > NEAR]
        if turn < ROUNDS - 1 and len(missed) and left:
            more = shortlist(belief.corrected(predicted[left]), ranks[left], np.repeat(missed, SHORTLIST))
            plan |= dict.fromkeys((left[i] for i in more), steps[0])
        if not plan:
            break
    order = [members[i] for i in match]
    rest = [i for i in order if depth[i] < episodes]
    found |= dict(zip(rest, play(rest, [episodes] * len(rest)), strict=True))
    known = np.concatenate([guess, belief.corrected(predicted[left])])
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
    measured = np.array([found[i].difficulty for i in members])
    ends = np.array([found[i].difficulty_ci for i in members])
    errors = (ends[:, 1] - ends[:, 0]) / (2 * 1.959964)
    belief = Belief.of(predicted[members], measured, errors, critic_error)
    return belief.estimates(predicted[members], measured, errors), belief
