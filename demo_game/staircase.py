"""The staircase that fits levels to the player: a weighted up-down rule (Kaernbach 1991).

Difficulty d (as the playtester measures it) rises by s (1 - p) after a win and falls by s p after a loss. It stands still
on average where (win rate) (1 - p) = (1 - win rate) p, that is where the player wins the share p asked for. With p = 0.7:
+0.3 s after a win, -0.7 s after a loss.

The step s = max(0.12, 0.40 · 0.85^n) after n levels finds the neighbourhood first and stays there then. Over m levels the
win rate is p + (change of d) / (s m), by summing up the moves: once d has settled, it cannot be far from p.

That sum holds only while every move counts. Two things could keep d from moving, and both would make the win rate drift:

- *The ends of the scale.* Nothing can be asked for below 0 or above 1. Were d held there, a loss at 0 would cost nothing
  and a weak player would win less than p. So d may go 0.3 beyond; what is asked for is the nearest there is.
- *Levels that are not as hard as they were asked to be.* No game has levels of every difficulty; d must not wander off to
  where no levels are, or it would take long to come back. So a move begins no farther than 0.25 from what the level
  measured: farther than levels usually miss, so that it seldom matters.

A player who is known from earlier levels begins where they were then, with n = min(levels, 6) for the step.

Kaernbach, C. (1991), "Simple adaptive testing with the weighted up-down method", Perception & Psychophysics 49:227.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

TARGET = 0.7
FIRST_STEP, LAST_STEP, SHRINK = 0.40, 0.12, 0.85
BEYOND = 0.3
"""How far the staircase goes on where nothing easier or harder can be asked for: more than three of its last losses."""
SLACK = 0.25
"""How far the staircase may be from what a level measured, at the start of a move."""
KNOWN = 6
"""Earlier levels that count for the step at most: players change, and it is to find them again."""


@dataclass(frozen=True)
class Staircase:
    """Difficulty asked for now, and what it came from.

    Attributes:
        place: where it stands; up to :data:`BEYOND` outside of 0 to 1.
        target: share of levels the player is to win.
        played, won: levels so far; ``known``: levels played before that.

    Examples:
        >>> Staircase(0.5).after(won=True).difficulty, Staircase(0.5).after(won=False).difficulty
        (0.62, 0.22)
    """

    place: float = 0.3
    target: float = TARGET
    played: int = 0
    won: int = 0
    known: int = 0

    @property
    def difficulty(self) -> float:
        """To ask of the next level, from 0 to 1."""
        return min(1.0, max(0.0, self.place))

    @property
    def step(self) -> float:
        """Size of the next step."""
        return max(LAST_STEP, FIRST_STEP * SHRINK ** (self.played + min(self.known, KNOWN)))

    def after(self, *, won: bool, measured: float | None = None) -> Staircase:
        """The staircase after one more level, and how hard that was measured to be, if it was."""
        start = self.place
        if measured is not None:
            start = min(max(start, measured - SLACK), measured + SLACK)
        change = self.step * (1 - self.target) if won else -self.step * self.target
        moved = round(within(start + change), 4)
        return replace(self, place=moved, played=self.played + 1, won=self.won + won)


def within(place: float) -> float:
    """The nearest place at which a staircase may stand."""
    return min(1.0 + BEYOND, max(-BEYOND, place))
