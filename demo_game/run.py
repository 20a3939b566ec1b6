"""What is played after what: endless levels, a campaign, or one level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from levelforge.demo_game.save import Save
from levelforge.demo_game.staircase import Staircase
from levelforge.demo_game.supply import Made, Ticket

CAMPAIGN_LEVELS = 10
CAMPAIGN_CURVE = (0.1, 0.8)
SEEDS = 2**32


@dataclass
class Run:
    """A way through levels.

    Attributes:
        game: name or ``game.toml``, as in tickets.
        mode: ``endless``, ``campaign`` or ``single``.
        seed: of the first level; the following ones count up from it.
        index: levels before this one.
        stair: the difficulty asked for, and how the player did.
        adaptive: whether the staircase moves (endless).
        made: the level itself, where it is given (a map, a level from the workbench).
    """

    game: str
    mode: str
    seed: int
    stair: Staircase = field(default_factory=Staircase)
    adaptive: bool = True
    index: int = 0
    made: Made | None = None
    counted: bool = False

    def ticket(self) -> Ticket:
        """What to ask for now."""
        return self._ticket(self.index, self.stair.difficulty)

    def ahead(self) -> list[Ticket]:
        """What will be asked for next, whichever way this level ends."""
        if self.made is not None:
            return []
        if self.mode == "campaign":
            return [self._ticket(self.index + 1, 0)] if self.index + 1 < CAMPAIGN_LEVELS else []
        if not self.adaptive or self.counted:
            return [self._ticket(self.index + 1, self.stair.difficulty)]
        return [self._ticket(self.index + 1, self.stair.after(won=won).difficulty) for won in (True, False)]

    def finish(self, *, won: bool) -> None:
        """Count the level's end: the first end of each level only, so that trying again is free."""
        if self.counted:
            return
        self.counted = True
        if self.mode == "endless":
            after = self.stair.after(won=won)
            self.stair = (
                after
                if self.adaptive
                else Staircase(self.stair.difficulty, self.stair.target, after.played, after.won)
            )

    def advance(self) -> bool:
        """Go on to the next level; False where there is none."""
        if self.made is not None or (self.mode == "campaign" and self.index + 1 >= CAMPAIGN_LEVELS):
            return False
        self.index += 1
        self.counted = False
        return True

    def _ticket(self, index: int, difficulty: float) -> Ticket:
        if self.mode == "campaign":
            low, high = CAMPAIGN_CURVE
            difficulty = round(low + (high - low) * index / (CAMPAIGN_LEVELS - 1), 4)
        return Ticket(self.game, (self.seed + index) % SEEDS, difficulty)

    # --- on disk -------------------------------------------------------------------------------

    def store(self, save: Save) -> None:
        """Note where the player is, to go on from there after a crash."""
        if self.made is not None:
            return
        place = save.section(self.mode)
        facts: dict[str, Any] = {"seed": self.seed, "index": self.index + self.counted}
        if self.mode == "endless":
            facts |= {
                "difficulty": self.stair.difficulty,
                "played": self.stair.played,
                "won": self.stair.won,
                "adaptive": self.adaptive,
            }
        place[self.game] = facts
        save.write()


def restored(save: Save, mode: str, game: str) -> Run | None:
    """The run that was saved, or None; nonsense in the file counts as none."""
    facts = save.section(mode).get(game)
    try:
        assert isinstance(facts, dict)
        stair = Staircase()
        if mode == "endless":
            difficulty = min(1.0, max(0.0, float(facts["difficulty"])))
            stair = Staircase(
                difficulty, stair.target, max(0, int(facts["played"])), max(0, int(facts["won"]))
            )
        index = max(0, int(facts["index"]))
        if mode == "campaign" and index >= CAMPAIGN_LEVELS:
            return None
        return Run(game, mode, int(facts["seed"]) % SEEDS, stair, bool(facts.get("adaptive", True)), index)
    except (AssertionError, KeyError, TypeError, ValueError):
        return None
