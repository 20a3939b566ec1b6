"""Games: the tile vocabulary, rules, limits and defaults declared in one ``game.toml``.

Everything downstream (rules, solver, networks, exporters) speaks of roles and tile ids taken
from here; a third game needs no Python. The file's reference is ``docs/game-toml.md``.
"""

from __future__ import annotations

import enum
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError, did_you_mean

Tiles = NDArray[np.uint8]
"""``uint8[H, W]`` tile ids, indexed ``[y, x]``, row 0 on top."""


class Role(enum.IntEnum):
    """What a tile does under the rules. The numbers are part of the ONNX contract: append only."""

    EMPTY = 0
    SOLID = 1
    START = 2
    GOAL = 3
    KEY = 4
    DOOR = 5
    COLLECTIBLE = 6
    HAZARD = 7
    ENEMY_H = 8
    ENEMY_V = 9
    HEAL = 10
    ONE_WAY = 11
    LADDER = 12

    @property
    def word(self) -> str:
        """The role as written in ``game.toml``."""
        return self.name.lower()


ROLE_BY_WORD = {role.word: role for role in Role}
MOVEMENT_ROLES: dict[str, frozenset[Role]] = {
    "topdown": frozenset(Role) - {Role.ONE_WAY, Role.LADDER},
    "platformer": frozenset(Role),
}
TERRAIN_ROLES = frozenset({Role.EMPTY, Role.SOLID, Role.HAZARD, Role.ONE_WAY, Role.LADDER})
SYMMETRIES = ("flip_x", "flip_y")

Movement = Literal["topdown", "platformer"]
Place = Literal["floor", "ground", "doorway"]
Harm = Literal["hurt", "kill"]


@dataclass(frozen=True)
class Action:
    """One thing a player can do in a turn or tick."""

    name: str
    code: str  # one character, used to write solutions compactly


ACTIONS: dict[str, tuple[Action, ...]] = {
    "topdown": (
        Action("up", "U"),
        Action("down", "D"),
        Action("left", "L"),
        Action("right", "R"),
        Action("wait", "W"),
    ),
    "platformer": (
        Action("idle", "i"),
        Action("left", "l"),
        Action("right", "r"),
        Action("jump", "J"),
        Action("jump+left", "L"),
        Action("jump+right", "R"),
    ),
}


@dataclass(frozen=True)
class Tile:
    """One entry of a game's vocabulary.

    ``place`` says where the decoder may put a counted tile: ``floor`` (any empty tile),
    ``ground`` (an empty tile with something solid or one-way below) or ``doorway`` (an empty tile
    between two solid ones). ``scales`` lets the count's range grow with the level's area.
    """

    name: str
    symbol: str
    role: Role
    place: Place = "floor"
    scales: bool = False
    id: int = -1


@dataclass(frozen=True)
class Rules:
    """Numbers of the movement rules (``[rules]``). Times are in turns or ticks."""

    hit_points: int = 3
    time_limit: int = 600
    patrol_cycle: int = 24
    hazard: Harm = "hurt"
    enemy: Harm = "hurt"
    fall_out: Harm = "kill"
    jump_profile: tuple[int, ...] = ()


@dataclass(frozen=True)
class Constraints:
    """What a level must satisfy beyond being beatable (``[constraints]``)."""

    min_solution: int = 0
    connected_floor: bool = False
    solid_border: bool = False


@dataclass(frozen=True)
class TrainingDefaults:
    """How a corpus of this game is cut and mirrored for training (``[training]``)."""

    symmetries: tuple[str, ...] = ()
    window: tuple[int, int] | None = None


@dataclass(frozen=True)
class Measures:
    """How a playtest becomes a number of fun (``[measures]``; ``docs/measures.md``).

    Attributes:
        tension, variety, exploration, choice, reward: weight of each part of fun, relative to the others.
        tension_band: shares of the ticks near a danger that count as full tension.
        variety_band: divergences between successive windows, in nats, that count as full variety.
        difficulty_range: the difficulties that levels of this game can be asked for; beyond it, the nearest are given.
    """

    tension: float = 1.0
    variety: float = 1.0
    exploration: float = 1.0
    choice: float = 1.0
    reward: float = 1.0
    tension_band: tuple[float, float] = (0.1, 0.5)
    variety_band: tuple[float, float] = (0.26, 0.94)
    difficulty_range: tuple[float, float] = (0.0, 1.0)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each part of fun."""
        return {
            f.name: getattr(self, f.name) for f in fields(self) if not f.name.endswith(("_band", "_range"))
        }


@dataclass(frozen=True)
class Header:
    """The ``[game]`` table. Sizes are (width, height) in tiles."""

    name: str
    movement: Movement
    size: tuple[int, int]
    title: str = ""
    description: str = ""
    min_size: tuple[int, int] = (8, 8)
    max_size: tuple[int, int] = (512, 128)
    win: Literal["reach_goal"] = "reach_goal"


@dataclass(frozen=True)
class Game:
    """A game as declared in its ``game.toml``; build one with :func:`load_game`.

    Examples:
        >>> from levelforge.game import load_game
        >>> dungeon = load_game("dungeon")
        >>> dungeon.tile("wall").symbol
        '#'
    """

    header: Header
    rules: Rules
    constraints: Constraints
    training: TrainingDefaults
    tiles: tuple[Tile, ...]
    count_ranges: Mapping[str, tuple[int, int]]  # as written, for a level of the default size
    path: Path | None = field(default=None, compare=False)
    measures: Measures = Measures()

    @property
    def name(self) -> str:
        """The name that commands take."""
        return self.header.name

    @property
    def title(self) -> str:
        """The name that people read."""
        return self.header.title or self.name.title()

    @property
    def movement(self) -> Movement:
        """Which movement rules apply."""
        return self.header.movement

    @property
    def width(self) -> int:
        """Default width in tiles."""
        return self.header.size[0]

    @property
    def height(self) -> int:
        """Default height in tiles."""
        return self.header.size[1]

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions, in the order of their integer codes."""
        return ACTIONS[self.movement]

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the ``game.toml`` (corpus, tileset and pack lie beside it)."""
        return self.path.parent if self.path else None

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of everything that gives a level its meaning; independent of formatting."""
        facts = {
            "movement": self.movement,
            "win": self.header.win,
            "rules": {f.name: getattr(self.rules, f.name) for f in fields(Rules)},
            "tiles": [[t.name, t.symbol, t.role.word, t.place] for t in self.tiles],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @cached_property
    def roles(self) -> NDArray[np.uint8]:
        """``uint8[T]``: the role of each tile id; index it with a level to get its role grid."""
        return np.array([t.role for t in self.tiles], dtype=np.uint8)

    @cached_property
    def entities(self) -> tuple[Tile, ...]:
        """The tiles with an entry in ``[counts]``, in file order: what the entity head places."""
        return tuple(t for t in self.tiles if t.name in self.count_ranges)

    @cached_property
    def terrain(self) -> tuple[Tile, ...]:
        """The tiles without a count, in file order: what the terrain head chooses from."""
        return tuple(t for t in self.tiles if t.name not in self.count_ranges)

    @cached_property
    def ground(self) -> NDArray[np.int64]:
        """``int64[tiles]``: the place in :attr:`terrain` of what is under each tile; under an entity, free space."""
        place = {tile.id: number for number, tile in enumerate(self.terrain)}
        return np.array([place.get(tile.id, place[self.empty.id]) for tile in self.tiles], np.int64)

    @cached_property
    def empty(self) -> Tile:
        """The tile that stands for plain free space."""
        return self.of_role(Role.EMPTY)[0]

    @cached_property
    def solid(self) -> Tile:
        """The tile that stands for a plain wall."""
        return self.of_role(Role.SOLID)[0]

    def of_role(self, role: Role) -> tuple[Tile, ...]:
        """All tiles of one role, in file order."""
        return tuple(t for t in self.tiles if t.role is role)

    def tile(self, name: str) -> Tile:
        """Look a tile up by name.

        Raises:
            LevelForgeError: no such tile; names the nearest one.
        """
        for tile in self.tiles:
            if tile.name == name:
                return tile
        hint = did_you_mean(name, [t.name for t in self.tiles])
        raise LevelForgeError(f"game {self.name!r} has no tile {name!r}{hint}")

    def counts(self, width: int, height: int) -> dict[str, tuple[int, int]]:
        """The [fewest, most] of each entity for a level of this size.

        The upper bound of a tile with ``scales`` grows in proportion to the area (never below the
        declared bound's proportional share, rounded up).
        """
        ratio = (width * height) / (self.width * self.height)
        ranges = {}
        for tile in self.entities:
            low, high = self.count_ranges[tile.name]
            ranges[tile.name] = (low, max(low, -int(-high * ratio // 1))) if tile.scales else (low, high)
        return ranges

    def time_limit(self, width: int, height: int) -> int:
        """Turns or ticks allowed on a level of this size; at least the declared limit."""
        ratio = (width * height) / (self.width * self.height)
        return max(self.rules.time_limit, -int(-self.rules.time_limit * ratio // 1))

    def min_solution(self, width: int, height: int) -> int:
        """Steps a solution must have on a level of this size: fewer than declared on smaller levels.

        Ways grow with the sides of a level, so the bound shrinks with their sum.
        """
        declared = self.constraints.min_solution
        return min(declared, declared * (width + height) // (self.width + self.height))

    def check_size(self, width: int, height: int) -> None:
        """Refuse a size outside the declared limits.

        Raises:
            LevelForgeError: names the limits.
        """
        (lw, lh), (hw, hh) = self.header.min_size, self.header.max_size
        if not (lw <= width <= hw and lh <= height <= hh):
            raise LevelForgeError(
                f"size {width}x{height} is outside what {self.name} allows: {lw}x{lh} to {hw}x{hh}"
            )


# --- reading -----------------------------------------------------------------------------------


def games_folder() -> Path:
    """The folder that holds the games which come with LevelForge."""
    return Path(str(resources.files("levelforge"))) / "assets" / "games"


def bundled_games() -> list[str]:
    """Names of the games that come with LevelForge."""
    return sorted(p.parent.name for p in games_folder().glob("*/game.toml"))


def load_game(name_or_path: str | Path) -> Game:
    """Load a bundled game by name, or any game from its ``game.toml`` (or the folder that holds it).

    Raises:
        LevelForgeError: unknown game, or a fault in the file; one line with file, key and mend.
    """
    text = str(name_or_path)
    if text in bundled_games():
        return read_game(games_folder() / text / "game.toml")
    path = Path(name_or_path)
    if path.is_dir() and (path / "game.toml").is_file():
        path = path / "game.toml"
    if path.is_file() and path.suffix == ".toml":
        return read_game(path)
    raise LevelForgeError(f"unknown game {text!r}{did_you_mean(text, bundled_games())}")


def read_game(path: Path) -> Game:
    """Read and validate one ``game.toml``.

    Raises:
        LevelForgeError: one line with the file, the key and the mend.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LevelForgeError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise LevelForgeError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise LevelForgeError(f"{path}: not valid TOML: {error}") from None
    return parse_game(data, str(path), path)


def parse_game(data: Mapping[str, Any], origin: str = "game.toml", path: Path | None = None) -> Game:
    """Validate the content of a ``game.toml``; ``origin`` is the name used in messages.

    Raises:
        LevelForgeError: one line with the file, the key and the mend.
    """
    sections = ("game", "rules", "tiles", "counts", "constraints", "training", "measures")
    for key in data:
        if key not in sections:
            raise LevelForgeError(f"{origin}: unknown table [{key}]{did_you_mean(key, sections)}")
    header = _table(Header, data, "game", origin)
    rules = _table(Rules, data, "rules", origin)
    constraints = _table(Constraints, data, "constraints", origin)
    training = _table(TrainingDefaults, data, "training", origin)
    measures = _table(Measures, data, "measures", origin)
    tiles = _tiles(data.get("tiles"), header.movement, origin)
    counts = _counts(data.get("counts", {}), tiles, header, origin)
    game = Game(header, rules, constraints, training, tiles, counts, path, measures)
    _check_numbers(game, origin)
    return game


def _table(cls: type[Any], data: Mapping[str, Any], section: str, origin: str) -> Any:
    """Build a frozen dataclass from one table, refusing unknown keys and wrong types."""
    table = data.get(section, {})
    if not isinstance(table, dict):
        raise LevelForgeError(f"{origin}: [{section}] must be a table")
    hints = get_type_hints(cls)
    known = {f.name: f for f in fields(cls) if f.name != "id"}
    for key in table:
        if key not in known:
            raise LevelForgeError(f"{origin}: [{section}] has no key {key!r}{did_you_mean(key, known)}")
    values = {}
    for name, spec in known.items():
        if name in table:
            values[name] = _typed(table[name], hints[name], f"{origin}: [{section}] {name}")
        elif spec.default is MISSING:
            raise LevelForgeError(f"{origin}: [{section}] needs the key {name!r}")
    return cls(**values)


def _typed(value: Any, hint: Any, where: str) -> Any:
    """Check one value against a (small) set of type hints; lists become tuples."""
    if hint is Role:
        if value not in ROLE_BY_WORD:
            raise LevelForgeError(f"{where}: unknown role {value!r}{did_you_mean(value, ROLE_BY_WORD)}")
        return ROLE_BY_WORD[value]
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise LevelForgeError(
                f"{where}: {value!r} is not allowed{did_you_mean(str(value), get_args(hint))}"
            )
        return value
    if hint is float and type(value) is int:
        value = float(value)
    if hint in (int, float, bool, str):
        if type(value) is not hint:
            raise LevelForgeError(f"{where}: must be {_KIND[hint]}, not {value!r}")
        return value
    if type(None) in get_args(hint):
        return _typed(value, get_args(hint)[0], where)
    items = get_args(hint)
    if not isinstance(value, list):
        raise LevelForgeError(f"{where}: must be a list, not {value!r}")
    if items[-1] is not Ellipsis and len(value) != len(items):
        raise LevelForgeError(f"{where}: must have {len(items)} entries, not {len(value)}")
    return tuple(_typed(item, items[0], where) for item in value)


_KIND = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _tiles(entries: Any, movement: str, origin: str) -> tuple[Tile, ...]:
    if not isinstance(entries, list) or not entries:
        raise LevelForgeError(f"{origin}: needs at least one [[tiles]] entry")
    tiles: list[Tile] = []
    for number, entry in enumerate(entries):
        where = f"[[tiles]] number {number + 1}"
        tile: Tile = _table(Tile, {where: entry}, where, origin)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", tile.name):
            raise LevelForgeError(
                f"{origin}: {where}: name {tile.name!r} must be lower-case letters, digits and _"
            )
        if len(tile.symbol) != 1 or tile.symbol.isspace() or tile.symbol == ";":
            raise LevelForgeError(
                f"{origin}: tile {tile.name!r}: symbol {tile.symbol!r} must be one visible character other than ';'"
            )
        for other in tiles:
            for key in ("name", "symbol"):
                if getattr(other, key) == getattr(tile, key):
                    raise LevelForgeError(
                        f"{origin}: tiles {other.name!r} and {tile.name!r} share the {key} "
                        f"{getattr(tile, key)!r}; give each its own"
                    )
        if tile.role not in MOVEMENT_ROLES[movement]:
            allowed = sorted(r.word for r in MOVEMENT_ROLES[movement])
            raise LevelForgeError(
                f"{origin}: tile {tile.name!r}: movement {movement!r} does not know the role "
                f"{tile.role.word!r} (it knows {', '.join(allowed)})"
            )
        tiles.append(Tile(tile.name, tile.symbol, tile.role, tile.place, tile.scales, number))
    for role in (Role.EMPTY, Role.SOLID, Role.START, Role.GOAL):
        if not any(t.role is role for t in tiles):
            raise LevelForgeError(f"{origin}: no tile has the role {role.word!r}; every game needs one")
    if sum(t.role is Role.START for t in tiles) > 1:
        raise LevelForgeError(f"{origin}: two tiles have the role 'start'; keep one")
    return tuple(tiles)


def _counts(table: Any, tiles: tuple[Tile, ...], header: Header, origin: str) -> dict[str, tuple[int, int]]:
    if not isinstance(table, dict):
        raise LevelForgeError(f"{origin}: [counts] must be a table of tile = [fewest, most]")
    by_name = {t.name: t for t in tiles}
    counts: dict[str, tuple[int, int]] = {}
    for name, value in table.items():
        if name not in by_name:
            raise LevelForgeError(f"{origin}: [counts] names no tile: {name!r}{did_you_mean(name, by_name)}")
        low, high = _typed(value, tuple[int, int], f"{origin}: [counts] {name}")
        if not 0 <= low <= high:
            raise LevelForgeError(f"{origin}: [counts] {name} = [{low}, {high}]: needs 0 <= fewest <= most")
        if by_name[name].role in (Role.EMPTY, Role.SOLID):
            raise LevelForgeError(
                f"{origin}: [counts] {name}: {by_name[name].role.word} tiles are terrain and not counted"
            )
        counts[name] = (low, high)
    start = next(t.name for t in tiles if t.role is Role.START)
    if counts.get(start) != (1, 1):
        raise LevelForgeError(f"{origin}: [counts] {start} must be [1, 1]: a level has exactly one start")
    goals = [t.name for t in tiles if t.role is Role.GOAL]
    if sum(counts.get(g, (0, 0))[0] for g in goals) < 1:
        raise LevelForgeError(f"{origin}: [counts] {goals[0]} must be at least [1, 1]: a level needs a goal")
    for tile in tiles:
        if tile.role not in TERRAIN_ROLES and tile.name not in counts:
            raise LevelForgeError(f"{origin}: [counts] {tile.name} is missing: give it [fewest, most]")
    most = sum(high for _, high in counts.values())
    area = header.size[0] * header.size[1]
    if most * 2 > area:
        raise LevelForgeError(
            f"{origin}: [counts] add up to {most}, more than half of the {area} tiles of a level; lower them"
        )
    return {t.name: counts[t.name] for t in tiles if t.name in counts}


def _check_numbers(game: Game, origin: str) -> None:
    """Checks that need more than one key."""
    head, rules = game.header, game.rules
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", head.name):
        raise LevelForgeError(
            f"{origin}: [game] name {head.name!r} must be lower-case letters, digits, _ and -"
        )
    for axis in (0, 1):
        if not 4 <= head.min_size[axis] <= head.size[axis] <= head.max_size[axis] <= 512:
            raise LevelForgeError(f"{origin}: [game] sizes need 4 <= min_size <= size <= max_size <= 512")
    for key, low, high in (("hit_points", 1, 15), ("time_limit", 1, 32000), ("patrol_cycle", 2, 240)):
        if not low <= getattr(rules, key) <= high:
            raise LevelForgeError(f"{origin}: [rules] {key} must be from {low} to {high}")
    if rules.patrol_cycle % 2:
        raise LevelForgeError(f"{origin}: [rules] patrol_cycle must be even (there and back)")
    for word in game.training.symmetries:
        if word not in SYMMETRIES:
            raise LevelForgeError(
                f"{origin}: [training] unknown symmetry {word!r}{did_you_mean(word, SYMMETRIES)}"
            )
    _check_measures(game.measures, origin)
    profile = rules.jump_profile
    if game.movement == "topdown":
        if profile:
            raise LevelForgeError(
                f"{origin}: [rules] jump_profile belongs to movement 'platformer'; remove it"
            )
        return
    if not profile or profile[0] <= 0 or profile[-1] >= 0:
        raise LevelForgeError(
            f"{origin}: [rules] jump_profile must start with a rise and end with a fall, such as [2, 1, 1, 0, -1, -2]"
        )
    if any(later > earlier for earlier, later in pairwise(profile)):
        raise LevelForgeError(
            f"{origin}: [rules] jump_profile must never rise again: each entry at most the one before"
        )
    if len(profile) > 24 or max(map(abs, profile)) > 6:
        raise LevelForgeError(f"{origin}: [rules] jump_profile: at most 24 entries of -6 to 6")


def _check_measures(measures: Measures, origin: str) -> None:
    weights = measures.weights
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise LevelForgeError(f"{origin}: [measures] {name} is a weight and must be 0 or more")
    if not sum(weights.values()):
        raise LevelForgeError(f"{origin}: [measures] gives every part of fun the weight 0; raise one")
    low, high = measures.tension_band
    if not 0 <= low <= high <= 1:
        raise LevelForgeError(f"{origin}: [measures] tension_band needs 0 <= low <= high <= 1")
    low, high = measures.variety_band
    if not 0 <= low <= high < math.inf:
        raise LevelForgeError(f"{origin}: [measures] variety_band needs 0 <= low <= high, in nats")
    low, high = measures.difficulty_range
    if not 0 <= low < high <= 1:
        raise LevelForgeError(f"{origin}: [measures] difficulty_range needs 0 <= low < high <= 1")
