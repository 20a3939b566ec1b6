"""What is played after what: endless levels, a campaign, or one level."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from levelforge.demo_game.campaign import SEEDS, Campaign
from levelforge.demo_game.save import Save
from levelforge.demo_game.staircase import Staircase, within
from levelforge.demo_game.supply import Made, Ticket
from levelforge.game import Game

REMEMBERED = 29
"""Earlier levels in :attr:`Run.history`."""


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
        campaign: the list, in a campaign; ``index`` is the place in it.
        measured: how hard the level at hand is, where that is known.
        history: difficulty asked and whether it was won, of the endless levels played since the start of the program.
    """

    game: str
    mode: str
    seed: int
    stair: Staircase = field(default_factory=Staircase)
    adaptive: bool = True
    index: int = 0
    made: Made | None = None
    counted: bool = False
    campaign: Campaign | None = None
    measured: float | None = None
    history: list[tuple[float, bool]] = field(default_factory=list)

    def given(self) -> Made | None:
        """The level, where nothing need be made."""
        return self.made if self.campaign is None else self.campaign.entries[self.index].made

    @property
    def length(self) -> int | None:
        """How many levels there are, where that is known."""
        return None if self.campaign is None else len(self.campaign.entries)

    @property
    def hurried(self) -> bool:
        """Whether the level should come at once, if not as hard as asked: the first one; others are made meanwhile."""
        return self.index == 0 and self.campaign is None and not self.stair.played

    def ticket(self) -> Ticket:
        """What to ask for now."""
        return self._ticket(self.index, self.stair.difficulty)

    def ahead(self) -> list[Ticket]:
        """What will be asked for next, whichever way this level ends."""
        if self.made is not None:
            return []
        if self.campaign is not None:
            after = self.campaign.entries[self.index + 1 : self.index + 2]
            return [self._ticket(self.index + 1, 0)] if after and after[0].made is None else []
        if not self.adaptive or self.counted:
            return [self._ticket(self.index + 1, self.stair.difficulty)]
        stairs = [self.stair.after(won=won, measured=self.measured) for won in (True, False)]
        return [self._ticket(self.index + 1, stair.difficulty) for stair in stairs]

    def finish(self, *, won: bool, steps: int = 0) -> None:
        """Count the level's end: the first end of each level only, so that trying again is free.

        In a campaign every win counts, and the fewest steps are kept.
        """
        if self.campaign is not None:
            self.campaign.finish(self.index, won=won, steps=steps)
        if self.counted:
            return
        self.counted = won or self.campaign is None
        if self.mode == "endless":
            self.history = [*self.history[-REMEMBERED:], (self.stair.difficulty, won)]
            after = self.stair.after(won=won, measured=self.measured)
            self.stair = after if self.adaptive else replace(after, place=self.stair.place)

    def met(self, made: Made, save: Save) -> None:
        """Take note of the level that is about to be played; a campaign keeps it."""
        self.measured = made.level.difficulty
        if self.campaign is not None and self.campaign.entries[self.index].made is None:
            self.campaign.entries[self.index].made = made
            self.campaign.store(save)

    def advance(self) -> bool:
        """Go on to the next level; False where there is none."""
        if self.made is not None or (self.length is not None and self.index + 1 >= self.length):
            return False
        self.index += 1
        self.counted, self.measured = False, None
        return True

    def _ticket(self, index: int, difficulty: float) -> Ticket:
        if self.campaign is not None:
            entry = self.campaign.entries[index]
            return Ticket(self.game, entry.seed or 0, entry.asked)
        return Ticket(self.game, (self.seed + index) % SEEDS, difficulty)

    # --- on disk -------------------------------------------------------------------------------

    def store(self, save: Save) -> None:
        """Note where the player is, to go on from there after a crash."""
        if self.made is not None:
            return
        if self.campaign is not None:
            self.campaign.store(save)
            return
        facts: dict[str, Any] = {
            "seed": self.seed,
            "index": self.index + self.counted,
            "difficulty": self.stair.place,
            "played": self.stair.played,
            "won": self.stair.won,
            "known": self.stair.known,
            "adaptive": self.adaptive,
        }
        save.section(self.mode)[self.game] = facts
        if self.adaptive:
            facts = {"difficulty": self.stair.place, "levels": self.stair.known + self.stair.played}
            save.section("players")[self.game] = facts
        save.write()


def restored(save: Save, mode: str, game: Game, name: str) -> Run | None:
    """The run that was saved, or None; nonsense in the file counts as none.

    Args:
        save: where to look.
        mode: ``endless`` or ``campaign``.
        game: the game, and ``name`` under which it is known here.
    """
    if mode == "campaign":
        campaign = Campaign.restored(save, game, name)
        if campaign is None:
            return None
        return Run(name, mode, campaign.seed, index=campaign.next, campaign=campaign)
    facts = save.section(mode).get(name)
    try:
        assert isinstance(facts, dict)
        stair = Staircase(
            _place(facts["difficulty"]),
            played=max(0, int(facts["played"])),
            won=max(0, int(facts["won"])),
            known=max(0, int(facts.get("known", 0))),
        )
        index = max(0, int(facts["index"]))
        return Run(name, mode, int(facts["seed"]) % SEEDS, stair, bool(facts.get("adaptive", True)), index)
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError):
        return None


def welcome(save: Save, name: str) -> Staircase:
    """Where a player begins: at what is known of them from earlier levels of this game, or as a newcomer."""
    facts = save.section("players").get(name)
    try:
        assert isinstance(facts, dict)
        return Staircase(_place(facts["difficulty"]), known=max(0, int(facts["levels"])))
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError):
        return Staircase()


def _place(value: object) -> float:
    number = float(value)  # type: ignore[arg-type] # whatever cannot be one raises
    if math.isnan(number):
        raise ValueError(value)
    return within(number)
