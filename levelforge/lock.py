"""Levels around locked tiles: what a designer drew stays, the rest is made anew.

The generator has no input for tiles that are there already, and needs none: whatever it draws at random
comes in as noise that is added to its scores. So noise that outweighs every score decides. At locked tiles
it decides for what is there, and away from them for everything else, so that the generator itself puts
the entities that are still lacking into the open area, next to terrain that it sees. How well a drawing
fits is judged before: of several, those are kept whose own terrain agrees best with the locked tiles
beside the open ones. Repair then mends the seams without touching what is locked, and the solver certifies the
whole level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelforge.decode import condition, match_keys
from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role, Tile, Tiles
from levelforge.level import Level, faults
from levelforge.lock_mask import read_masks
from levelforge.pack import Pack
from levelforge.repair import plain_spots

KEPT = "tiled_kept"
"""Where a level of a Tiled map has what people added to it (``exporters/tiled_kept.py``)."""
DRAWN = 4
"""Drawings for each one that is kept for fitting the seam."""
SEAM = 3
"""How far from the open area a locked tile counts for the fit, in tiles."""
TERRAIN_FORCE, ENTITY_FORCE = 1e5, 4e9
"""What outweighs any score; for entities also any penalty of :mod:`levelforge.decode`."""
MAX_CANDIDATES = 320
"""Tried before it is said that none fits, for one level; half of that for each further one."""


@dataclass(frozen=True, eq=False)
class Lock:
    """A map of which a part stays.

    Attributes:
        level: the map.
        locked: ``bool[H, W]`` tiles that stay.
        counts: exact numbers asked for, of the whole level.
        origin: the name used in messages.
    """

    level: Level
    locked: NDArray[np.bool_]
    counts: Mapping[str, int] = field(default_factory=dict)
    origin: str = "map"

    def __post_init__(self) -> None:
        game, locked = self.level.game, self.locked
        if locked.shape != self.level.tiles.shape:
            raise LevelForgeError(f"{self.origin}: the mask is not of the map's size")
        starts = np.argwhere((game.roles[self.level.tiles] == Role.START) & locked)
        if len(starts) > 1:
            where = " and ".join(f"column {x}, row {y}" for y, x in starts[:4].tolist())
            raise LevelForgeError(
                f"{self.origin}: {len(starts)} starts are locked where one is needed ({where}); "
                "remove all but one, or open the area around them"
            )
        goal = bool((game.roles[self.level.tiles] == Role.GOAL)[locked].any())
        lacking = ([] if len(starts) else ["a start"]) + ([] if goal else ["a goal"])
        if self.room < len(lacking):
            raise LevelForgeError(
                f"{self.origin}: no {' and no '.join(word[2:] for word in lacking)} is locked, and the open area has "
                f"room for {self.room} tiles inside the border; open a larger area"
            )
        if not self.usable.any():
            raise LevelForgeError(
                f"{self.origin}: the open area lies on the border, which stays solid; open tiles further in"
            )

    @property
    def usable(self) -> NDArray[np.bool_]:
        """``bool[H, W]``: open tiles that are free to differ: all but those on a border that stays solid."""
        inside = ~self.locked
        if self.level.game.constraints.solid_border:
            inside[[0, -1], :] = False
            inside[:, [0, -1]] = False
        return inside

    @property
    def room(self) -> int:
        """How many entities fit into the open area."""
        return int(self.usable.sum())

    @property
    def locked_counts(self) -> NDArray[np.int64]:
        """``int64[E]``: entities that stay, in the order of ``game.entities``."""
        held = self.level.tiles[self.locked]
        return np.array([(held == tile.id).sum() for tile in self.level.game.entities], np.int64)

    @property
    def ends_locked(self) -> bool:
        """Whether start and goal both stay, so that the map decides how long a solution is."""
        held = self.level.game.roles[self.level.tiles][self.locked]
        return bool((held == Role.START).any() and (held == Role.GOAL).any())

    def candidates(self, n: int) -> int:
        """How many to try at most for ``n`` levels."""
        return MAX_CANDIDATES * (n + 1) // 2

    def drafts(
        self, pack: Pack, inputs: Mapping[str, NDArray[np.float32]], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Candidates that hold the locked tiles.

        Args:
            pack: whose generator draws.
            inputs: of ``n`` drawings, as for any level of this size.
            rng: decides how many entities come into the open area.

        Returns:
            ``uint8[n // DRAWN, H, W]`` tiles, and ``int32[n // DRAWN, E]`` how many of each entity they have.
        """
        fit = self._fit(pack.generator(inputs))
        chosen = np.sort(np.argsort(-fit, kind="stable")[: max(1, len(fit) // DRAWN)])
        wanted = self.totals(inputs["counts"].astype(np.int64), rng)[chosen]
        aim = inputs["condition"][chosen, 0]
        forced = {
            "latent": inputs["latent"][chosen],
            "condition": condition(pack.game, wanted, self.level.size, aim),
            "counts": wanted.astype(np.float32),
            "noise": self._decide(inputs["noise"][chosen]),
        }
        drawn = pack.generator(forced)
        tiles = np.stack([self.settle(each, counts) for each, counts in zip(drawn, wanted, strict=True)])
        return tiles, wanted.astype(np.int32)

    def totals(self, drawn: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """``int64[n, E]``: entities of whole levels: what is locked, and the open area's share of what was drawn.

        What was asked for is met wherever the locked tiles and the room allow it.
        """
        game, held = self.level.game, self.locked_counts
        border = 2 * sum(self.level.size) - 4 if game.constraints.solid_border else 0
        share = min(1.0, self.room / max(1, self.level.tiles.size - border))
        ranges = game.counts(*self.level.size)
        low, high = np.array([ranges[tile.name] for tile in game.entities]).T
        total = np.clip(held + rng.binomial(drawn, share), low, high)
        asked = [self.counts.get(tile.name, -1) for tile in game.entities]
        total = np.where(np.array(asked) >= 0, asked, total)
        for key in game.of_role(Role.KEY)[:1]:
            match_keys(total, game, ranges[key.name][1], self.counts)
        added = np.maximum(total - held, 0)
        # Where room is scarce, start and goal come first and the others in the order of the file.
        order = np.argsort(
            [tile.role not in (Role.START, Role.GOAL) for tile in game.entities], kind="stable"
        )
        left = np.full(len(added), self.room)
        for e in order:
            added[:, e] = np.minimum(added[:, e], left)
            left -= added[:, e]
        return held + added

    def settle(self, tiles: Tiles, counts: NDArray[np.int64]) -> Tiles:
        """``uint8[H, W]``: a drawing with the locked tiles in their places and exactly these counts.

        A generator that places as the contract says leaves nothing to settle but pictures that its own
        clean-up changed.
        """
        game, usable = self.level.game, self.usable
        made: Tiles = np.where(self.locked, self.level.tiles, tiles).astype(np.uint8)
        made[~self.locked & ~usable] = game.solid.id
        for tile, count in zip(game.entities, counts.tolist(), strict=True):
            here = np.flatnonzero((made == tile.id) & ~self.locked)
            surplus = len(here) + int((made == tile.id)[self.locked].sum()) - count
            made.flat[here[len(here) - surplus :] if surplus > 0 else here[:0]] = game.empty.id
        goals_last = sorted(
            zip(game.entities, counts.tolist(), strict=True), key=lambda e: e[0].role is Role.GOAL
        )
        for tile, count in goals_last:
            for _ in range(count - int((made == tile.id).sum())):
                made.flat[self._spot(made, tile)] = tile.id
        return made

    def extra(self) -> Mapping[str, Any]:
        """What the map's people added, without what they wrote on entities of the open area."""
        extra = self.level.unmeasured().extra
        kept = extra.get(KEPT)
        if not isinstance(kept, Mapping) or not isinstance(kept.get("entities"), list):
            return extra
        notes = [note for note in kept["entities"] if self._stays(note)]
        return {**extra, KEPT: {**kept, "entities": notes}}

    def report(self, levels: Iterable[Level]) -> dict[str, Any]:
        """What was kept and what could not be, as ``generate --json`` prints it under ``lock``.

        ``unmet`` has each count that was asked for and not made, and why; ``faults`` what a level of the game
        should be and these cannot, since it is locked.
        """
        levels, game = list(levels), self.level.game
        least = min(int((level.tiles == self.level.tiles)[self.locked].sum()) for level in levels)
        unmet = {}
        for tile, held in zip(game.entities, self.locked_counts.tolist(), strict=True):
            asked = self.counts.get(tile.name)
            made = levels[0].counts()[tile.name]
            if asked is not None and made != asked:
                why = (
                    f"{held} are locked" if held > asked else f"the open area has room for {self.room} tiles"
                )
                unmet[tile.name] = {"requested": asked, "made": made, "reason": why}
        wrong = dict.fromkeys(phrase for level in levels for phrase in faults(level))
        shortest = min(len(level.solution or ()) for level in levels)
        wanted = game.min_solution(*self.level.size)
        if shortest < wanted:
            wrong[f"a solution of {shortest} steps where {wanted} are asked for"] = None
        return {
            "map": self.origin,
            "locked_tiles": int(self.locked.sum()),
            "kept_tiles": least,
            "open_tiles": int((~self.locked).sum()),
            "unmet": unmet,
            "faults": list(wrong),
        }

    def lines(self, levels: Iterable[Level]) -> list[str]:
        """:meth:`report` for people."""
        found = self.report(levels)
        lines = [f"{found['kept_tiles']} of {found['locked_tiles']} locked tiles kept"]
        for name, count in found["unmet"].items():
            lines.append(
                f"could not keep {name}={count['requested']}: {count['made']}, because {count['reason']}"
            )
        return lines + [f"could not keep to the game: {phrase}" for phrase in found["faults"]]

    def nothing_fits(self, made: int, wanted: int, tried: int, reasons: str) -> str:
        """The one line for too few levels."""
        count = int(self.locked.sum())
        if made:
            return (
                f"{self.origin}: only {made} of {wanted} different levels found around the {count} locked tiles "
                f"after {tried} candidates (rejected: {reasons}); ask for {made}, or open a larger area"
            )
        return (
            f"{self.origin}: no level fits around the {count} locked tiles after {tried} candidates "
            f"(rejected: {reasons}); open a larger area, or one that the way from start to goal can cross"
        )

    # --- inside -----------------------------------------------------------------------------------

    def _fit(self, drawn: NDArray[np.uint8]) -> NDArray[np.float64]:
        """``float64[n]``: share of the locked tiles near the open area whose kind of terrain was drawn there too."""
        near = ~self.locked
        for _ in range(SEAM):
            grown = np.pad(near, 1)
            near = grown[1:-1, 1:-1] | grown[:-2, 1:-1] | grown[2:, 1:-1] | grown[1:-1, :-2] | grown[1:-1, 2:]
        seam = near & self.locked
        if not seam.any():
            return np.zeros(len(drawn))
        game = self.level.game
        bare = np.arange(len(game.tiles))
        bare[[tile.id for tile in game.entities]] = game.empty.id
        same: NDArray[np.float64] = (bare[drawn] == bare[self.level.tiles])[:, seam].mean(axis=1)
        return same

    def _spot(self, tiles: Tiles, tile: Tile) -> int:
        """The flat cell for one more entity: floor that suits it if there is any, a goal far from the start."""
        game = self.level.game
        spots = plain_spots(tiles, game, tile.place)
        spots = spots[self.usable.flat[spots]]
        if not len(spots):
            taken = np.isin(tiles, [each.id for each in game.entities])
            spots = np.flatnonzero(self.usable & ~taken)
        start = np.flatnonzero(game.roles[tiles].ravel() == Role.START)
        if tile.role is not Role.GOAL or not len(start):
            return int(spots[len(spots) // 3])
        row, column = divmod(int(start[0]), self.level.width)
        away = abs(spots // self.level.width - row) + abs(spots % self.level.width - column)
        return int(spots[away.argmax()])

    def _decide(self, noise: NDArray[np.float32]) -> NDArray[np.float32]:
        """The noise ``f32[n, T+E, H, W]``, deciding at the locked tiles."""
        game, noise = self.level.game, noise.copy()
        bare = self.level.tiles.copy()
        bare[np.isin(bare, [tile.id for tile in game.entities])] = game.empty.id
        for plane, tile in enumerate(game.terrain):
            noise[:, plane, self.locked & (bare == tile.id)] += np.float32(TERRAIN_FORCE)
        for plane, tile in enumerate(game.entities, len(game.terrain)):
            here = self.level.tiles == tile.id
            noise[:, plane, self.locked & here] += np.float32(ENTITY_FORCE)
            noise[:, plane, self.locked & ~here] -= np.float32(ENTITY_FORCE)
        return noise

    def _stays(self, note: Any) -> bool:
        """Whether an entity that people wrote on is locked."""
        if not isinstance(note, Mapping):
            return False
        x, y = note.get("x"), note.get("y")
        height, width = self.locked.shape
        inside = type(x) is type(y) is int and 0 <= x < width and 0 <= y < height
        return inside and bool(self.locked[y, x])


def read_lock(path: Path, masks: Sequence[str], game: Game | None, counts: Mapping[str, int]) -> Lock:
    """The lock of ``generate --lock MAP --mask ...``.

    Args:
        path: a map of any readable format, with one level in it.
        masks: what is made anew, see :mod:`levelforge.lock_mask`.
        game: the game asked for; None is the map's own.
        counts: exact numbers asked for.

    Raises:
        LevelForgeError: an unreadable map, one of another game, a mask that does not fit, no room.
    """
    from levelforge.exporters import read_levels

    found = read_levels([path], game)
    if len(found) != 1:
        raise LevelForgeError(f"{path}: holds {len(found)} levels; lock the tiles of one")
    level = found[0][1]
    level.game.check_size(*level.size)
    opened = read_masks(masks, level.width, level.height)
    return Lock(level, ~opened, dict(counts), str(path))
