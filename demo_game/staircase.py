"""The staircase that fits levels to the player: a weighted up-down rule (Kaernbach 1991).

Difficulty d (in [0, 1], as the playtester measures it) rises by s (1 - p) after a win and falls by s p after
a loss. It stands still on average where (win rate) (1 - p) = (1 - win rate) p, that is where the player
wins the share p asked for. With p = 0.7: +0.3 s after a win, -0.7 s after a loss.

The step s = max(0.12, 0.40 · 0.85^n) after n levels finds the neighbourhood first and stays there then. Over m levels the
win rate is p + (change of d) / (s m), by summing up the moves: once d has settled, it cannot be far from p.

A level is not always as hard as it was asked to be: no game has levels of every difficulty. So d starts each move from no
farther than 0.15 off what the level measured, and does not wander off to where no levels are.

A player who is known from earlier levels begins where they were then, with n = min(levels, 6) for the step.

Kaernbach, C. (1991), "Simple adaptive testing with the weighted up-down method", Perception & Psychophysics 49:227.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

TARGET = 0.7
FIRST_STEP, LAST_STEP, SHRINK = 0.40, 0.12, 0.85
SLACK = 0.15
"""How far what is asked may be from what was measured, at the start of a move."""
KNOWN = 6
"""Earlier levels that count for the step at most: players change, and it is to find them again."""


@dataclass(frozen=True)
class Staircase:
    """Difficulty asked for now, and what it came from.

    Attributes:
        difficulty: to ask of the next level.
        target: share of levels the player is to win.
        played, won: levels so far; ``known``: levels played before that.

    Examples:
        >>> Staircase(0.5).after(won=True).difficulty, Staircase(0.5).after(won=False).difficulty
        (0.62, 0.22)
    """

    difficulty: float = 0.3
    target: float = TARGET
    played: int = 0
    won: int = 0
    known: int = 0

    @property
    def step(self) -> float:
        """Size of the next step."""
        return max(LAST_STEP, FIRST_STEP * SHRINK ** (self.played + min(self.known, KNOWN)))

    def after(self, *, won: bool, measured: float | None = None) -> Staircase:
        """The staircase after one more level, and how hard that was measured to be, if it was."""
        start = self.difficulty
        if measured is not None:
            start = min(max(start, measured - SLACK), measured + SLACK)
        change = self.step * (1 - self.target) if won else -self.step * self.target
        moved = round(min(1.0, max(0.0, start + change)), 4)
        return replace(self, difficulty=moved, played=self.played + 1, won=self.won + won)
