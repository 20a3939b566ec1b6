"""A campaign: a list of levels that get harder, what the player did in each, and how both are saved.

The list is planned at once (a seed and a difficulty a level) and made while it is played. Each level is kept as it was
first met, so that a campaign stays the same when its pack is replaced. The list may also come from a folder, such as
``levelforge campaign`` writes; then its levels stay there and only what the player did is saved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levelforge.demo_game.session import proven
from levelforge.demo_game.supply import Made
from levelforge.errors import LevelForgeError
from levelforge.game import Game
from levelforge.level import Level, format_text, parse_text

if TYPE_CHECKING:
    from levelforge.demo_game.save import Save

LEVELS = 10
CURVE = (0.1, 0.8)
SEEDS = 2**32
FOLDERS = 20
"""Folders whose progress is remembered; the oldest goes first."""
MOST = 500


@dataclass
class Entry:
    """One level of a campaign.

    Attributes:
        asked: the difficulty asked for, if known.
        seed: what it is made from; None where it is given.
        made: the level, once it was met.
        won: whether the player won it; ``best``: in how few steps.
    """

    asked: float | None
    seed: int | None = None
    made: Made | None = None
    won: bool = False
    best: int | None = None


@dataclass
class Campaign:
    """Levels in their order.

    Attributes:
        title: for people.
        seed: of the plan.
        entries: at least one.
        key: where it is saved; ``digest``: of a folder's levels, so that other levels start afresh.
    """

    title: str
    seed: int
    entries: list[Entry]
    key: tuple[str, str] = ("", "")
    digest: str = ""
    _from_folder: bool = field(default=False, repr=False)

    @classmethod
    def planned(cls, game: str, title: str, seed: int) -> Campaign:
        """A new one: difficulty rises evenly from the first to the last level."""
        low, high = CURVE
        entries = [
            Entry(round(low + (high - low) * i / (LEVELS - 1), 4), (seed + i) % SEEDS) for i in range(LEVELS)
        ]
        return cls(title, seed, entries, ("campaign", game))

    @classmethod
    def of_folder(cls, folder: Path, title: str, made: Sequence[Made], save: Save) -> Campaign:
        """A folder's levels, with what the player did there before."""
        digest = hashlib.sha256()
        for each in made:
            digest.update(repr(each.level.tiles.shape).encode() + each.level.tiles.tobytes())
        entries = [Entry(each.asked, None, each) for each in made]
        found = cls(title, 0, entries, ("folders", str(folder.resolve())), digest.hexdigest()[:16], True)
        facts = save.section("folders").get(found.key[1])
        if isinstance(facts, dict) and facts.get("digest") == found.digest:
            for entry, fact in zip(entries, _objects(facts.get("levels")), strict=False):
                entry.won, entry.best = bool(fact.get("won")), _count(fact.get("best"))
        return found

    @classmethod
    def restored(cls, save: Save, game: Game, name: str) -> Campaign | None:
        """The one that was saved for a game, or None; nonsense in the file counts as none."""
        facts = save.section("campaign").get(name)
        if not isinstance(facts, dict) or (seed := _count(facts.get("seed"))) is None:
            return None
        found = cls.planned(name, game.title, seed % SEEDS)
        told = list(_objects(facts.get("levels")))
        for entry, fact in zip(found.entries, told, strict=False):
            entry.won, entry.best = bool(fact.get("won")), _count(fact.get("best"))
            entry.made = _level_of(fact, game, entry)
        if not told:  # as the first version saved it
            for entry in found.entries[: _count(facts.get("index")) or 0]:
                entry.won = True
        return found

    @property
    def next(self) -> int:
        """The first level that is not won yet; the last one where all are."""
        return next((i for i, entry in enumerate(self.entries) if not entry.won), len(self.entries) - 1)

    @property
    def done(self) -> bool:
        """Whether all are won."""
        return all(entry.won for entry in self.entries)

    def open(self, index: int) -> bool:
        """Whether a level may be played: those won, the next one, and all of a folder."""
        return 0 <= index < len(self.entries) and (self._from_folder or index <= self.next)

    def finish(self, index: int, *, won: bool, steps: int) -> None:
        """Note the end of a level."""
        entry = self.entries[index]
        if won:
            entry.best = steps if entry.best is None else min(entry.best, steps)
            entry.won = True

    def store(self, save: Save) -> None:
        """Save the list."""
        levels = []
        for entry in self.entries:
            fact: dict[str, Any] = {"won": entry.won, "best": entry.best}
            if entry.made is not None and not self._from_folder:
                level = entry.made.level
                fact |= {
                    "rows": format_text(level.tiles, level.game).splitlines(),
                    "solution": list(level.solution or ()),
                    "difficulty": level.difficulty,
                    "source": entry.made.source,
                }
            levels.append(fact)
        place = save.section(self.key[0])
        place.pop(self.key[1], None)
        place[self.key[1]] = {"seed": self.seed, "levels": levels}
        if self._from_folder:
            place[self.key[1]] |= {"digest": self.digest}
            while len(place) > FOLDERS:
                del place[next(iter(place))]
        save.write()


def _level_of(fact: dict[str, Any], game: Game, entry: Entry) -> Made | None:
    """A saved level, if it still is one that can be won; else it is made anew."""
    rows, solution, difficulty = fact.get("rows"), fact.get("solution"), fact.get("difficulty")
    if (
        not isinstance(rows, list)
        or not isinstance(solution, list)
        or not 0 < len(rows) <= game.header.max_size[1]
    ):
        return None
    try:
        tiles = parse_text("\n".join(str(row) for row in rows) + "\n", game)
        level = Level(
            game,
            tiles,
            id=f"{game.name}-{entry.seed}",
            seed=entry.seed,
            solution=tuple(int(action) for action in solution),
            difficulty=float(difficulty)
            if isinstance(difficulty, int | float) and 0 <= difficulty <= 1
            else None,
        )
        if not proven(level):
            return None
    except (LevelForgeError, TypeError, ValueError, OverflowError, IndexError):
        return None
    return Made(level, entry.asked, "corpus" if fact.get("source") == "corpus" else "pack")


def _objects(value: object) -> Iterator[dict[str, Any]]:
    for item in value[:MOST] if isinstance(value, list) else ():
        yield item if isinstance(item, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < SEEDS else None
