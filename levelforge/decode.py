"""From the generator's logits to tiles: terrain first, then exact counts of entities.

Rare tiles must not be left to luck: a per-tile argmax drops the start, the exit and most enemies,
since no single tile is sure of them. So the generator gives one distribution over terrain per tile
and one distribution over positions per entity, and the decoder places exactly the requested number
of each. The decoder is part of the ONNX graph (``training/gan_nets.py``); :func:`place` here is the
slow, obvious reference that the tests compare it with, and :func:`sample_inputs` makes the graph's
inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError, did_you_mean
from levelforge.game import Game, Role, Tiles

STRIDE = 4
"""Tiles a latent cell stands for, each way."""
LATENT_CHANNELS = 16

DANGERS = (Role.HAZARD, Role.ENEMY_H, Role.ENEMY_V)
"""Roles that hurt: the counts that a difficulty asked for has a say in."""
INTENSITY_GAIN, INTENSITY_REACH, LEAST_WEIGHT = 1.5, 0.3, 0.8
"""See :func:`sample_counts`."""

# What a broken rule of placing costs, in logits. Powers apart, so that the order of what gives way
# is fixed: first the preferred place, then plain floor, then the border, then (never, as long as the
# level has more tiles than entities) a tile that is already taken.
MISPLACED, NOT_EMPTY, ON_BORDER, TAKEN = 1e4, 1e6, 1e7, 1e9

Arrays = dict[str, NDArray[np.float32]]
CountDistribution = Mapping[str, list[float]]


def sample_inputs(
    game: Game,
    n: int,
    size: tuple[int, int] | None = None,
    *,
    rng: np.random.Generator,
    counts: Mapping[str, int] | None = None,
    distribution: CountDistribution | None = None,
    difficulty: float | NDArray[np.float32] | None = None,
    temperature: float = 1.0,
    latent_channels: int = LATENT_CHANNELS,
) -> Arrays:
    """Draw the generator's inputs for ``n`` levels.

    Args:
        game: the game.
        n: how many.
        size: (width, height) in tiles; by default the game's.
        rng: the only source of randomness. The same state gives the same inputs.
        counts: entities to be placed in just this number.
        distribution: for the others, ``p[c]`` of count ``c`` at the game's own size, as in
            ``pack.json``; scaling entities are stretched to the size. By default uniform.
        difficulty: in [0, 1], one number or ``float32[n]``; None means unknown (0.5). Where it is known, the counts of
            dangers lean to it, see :func:`sample_counts`.
        temperature: factor of the Gumbel noise.
        latent_channels: Z.

    Returns:
        ``latent f32[n, Z, ceil(H/4), ceil(W/4)]``, ``condition f32[n, 1+E]``, ``counts f32[n, E]`` and
        ``noise f32[n, T+E, H, W]``, as :class:`levelforge.models.Generator` takes them.

    Raises:
        LevelForgeError: a size, an entity or a count that the game does not allow.
    """
    width, height = size or (game.width, game.height)
    game.check_size(width, height)
    drawn = sample_counts(
        game, n, (width, height), rng=rng, counts=counts, distribution=distribution, difficulty=difficulty
    )
    planes = len(game.terrain) + len(game.entities)
    cells = (-(-height // STRIDE), -(-width // STRIDE))
    return {
        "latent": rng.standard_normal((n, latent_channels, *cells), dtype=np.float32),
        "condition": condition(game, drawn, (width, height), difficulty),
        "counts": drawn.astype(np.float32),
        "noise": gumbel((n, planes, height, width), rng) * np.float32(temperature),
    }


def gumbel(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Standard Gumbel noise, ``float32[shape]``; adding it to logits and taking the argmax samples them."""
    uniform = rng.random(shape, dtype=np.float32)
    # 24-bit uniforms include 0, whose logarithm is infinite
    np.clip(uniform, 2.0**-25, 1.0 - 2.0**-24, out=uniform)
    result: NDArray[np.float32] = -np.log(-np.log(uniform))
    return result


def sample_counts(
    game: Game,
    n: int,
    size: tuple[int, int],
    *,
    rng: np.random.Generator,
    counts: Mapping[str, int] | None = None,
    distribution: CountDistribution | None = None,
    difficulty: float | NDArray[np.float32] | None = None,
) -> NDArray[np.int64]:
    """Draw how many of each entity to place, ``int64[n, E]`` in the order of ``game.entities``.

    What was not asked for is drawn from ``distribution``, with keys raised to the number of doors: a
    door that no key can open is no design anyone asks for by leaving both open.

    Where a difficulty d is asked for, dangers are drawn from their whole range instead, since a corpus seldom spans
    it: around c = min(1, d :data:`INTENSITY_GAIN`), each level has an intensity
    s ~ U(max(0, c - :data:`INTENSITY_REACH`), min(1, c + :data:`INTENSITY_REACH`)), each danger a weight
    w ~ U(:data:`LEAST_WEIGHT`, 1), and its count is round(low + (high - low) s w). This is a prior and no more: wide
    enough to hold what is asked for, so that the critic and the playtest have something to choose from. A good player
    wins among half the dangers there may be nearly always, hence the gain.

    Raises:
        LevelForgeError: an unknown entity or a count out of its range.
    """
    ranges = game.counts(*size)
    asked = dict(counts or {})
    for name, count in asked.items():
        if name not in ranges:
            raise LevelForgeError(
                f"{name!r} has no count in game {game.name!r}{did_you_mean(name, list(ranges))}"
            )
        low, high = ranges[name]
        if not low <= count <= high:
            raise LevelForgeError(
                f"{count} of {name} on {size[0]}x{size[1]}: {game.name} allows {low} to {high}"
            )
    drawn = np.zeros((n, len(game.entities)), np.int64)
    # nothing is drawn where no difficulty is known, so that such levels stay what they were
    intensity = None if difficulty is None else _intensity(n, np.asarray(difficulty, float), rng)
    for e, tile in enumerate(game.entities):
        low, high = ranges[tile.name]
        # drawn even when asked for, so that locking one count leaves the others' draws as they were
        quantile = rng.random(n)
        if tile.name in asked:
            drawn[:, e] = asked[tile.name]
        elif intensity is not None and tile.role in DANGERS:
            weight = LEAST_WEIGHT + (1 - LEAST_WEIGHT) * quantile
            drawn[:, e] = np.rint(low + (high - low) * intensity * weight)
        elif distribution and tile.name in distribution:
            weights = np.asarray(distribution[tile.name], float)
            whole = np.searchsorted(np.cumsum(weights) / weights.sum(), quantile, side="right")
            stretch = high / max(1, game.count_ranges[tile.name][1]) if tile.scales else 1.0
            drawn[:, e] = np.clip(np.rint(whole * stretch), low, high)
        else:
            drawn[:, e] = low + np.floor(quantile * (high - low + 1))
    for key in game.of_role(Role.KEY)[:1]:
        match_keys(drawn, game, ranges[key.name][1], asked)
    return drawn


def _intensity(n: int, difficulty: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """``float64[n]``: how much of their range the dangers of each level are drawn from."""
    middle = np.minimum(1.0, INTENSITY_GAIN * difficulty)
    least = np.maximum(0.0, middle - INTENSITY_REACH)
    most = np.minimum(1.0, middle + INTENSITY_REACH)
    drawn: NDArray[np.float64] = least + (most - least) * rng.random(n)
    return drawn


def match_keys(drawn: NDArray[np.int64], game: Game, most: int, asked: Mapping[str, int]) -> None:
    """Make keys and doors that were both left open agree, in place."""
    names = [t.name for t in game.entities]
    keys = [names.index(t.name) for t in game.of_role(Role.KEY)]
    doors = [names.index(t.name) for t in game.of_role(Role.DOOR)]
    if not keys or not doors:
        return
    lacking = np.maximum(drawn[:, doors].sum(1) - drawn[:, keys].sum(1), 0)
    if names[keys[0]] not in asked:
        given = np.minimum(lacking, most - drawn[:, keys[0]])
        drawn[:, keys[0]] += given
        lacking = lacking - given
    for door in doors:
        if names[door] not in asked:
            taken = np.minimum(lacking, drawn[:, door])
            drawn[:, door] -= taken
            lacking = lacking - taken


def condition(
    game: Game,
    counts: NDArray[np.integer],
    size: tuple[int, int],
    difficulty: float | NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """The generator's ``condition f32[n, 1+E]``: difficulty, then each count over its most at this size."""
    ranges = game.counts(*size)
    most = np.array([max(1, ranges[t.name][1]) for t in game.entities], np.float32)
    made = np.empty((len(counts), 1 + len(game.entities)), np.float32)
    made[:, 0] = 0.5 if difficulty is None else difficulty
    made[:, 1:] = counts / most
    return made


def tidied(tiles: Tiles, game: Game, tidy: Collection[str]) -> Tiles:
    """Terrain without orphans: the decoder's one clean-up, learned from the corpus.

    Args:
        tiles: ``uint8[H, W]`` terrain.
        game: the game.
        tidy: names of terrain that never stands alone in the corpus. A tile of it with none of its kind beside
            it gives way to plain free space; a free tile walled in on all four sides is filled (outside
            the map counts as solid), if free space is among the names.
    """
    made: Tiles = tiles.copy()
    for tile in game.terrain:
        if tile.name in tidy and tile.id != game.empty.id:
            kind = tiles == tile.id
            made[kind & ~_any_beside(kind)] = game.empty.id
    if game.empty.name in tidy:
        unwalled = game.roles[made] != Role.SOLID
        made[(made == game.empty.id) & ~_any_beside(unwalled)] = game.solid.id
    return made


def never_alone(levels: NDArray[np.uint8], game: Game, share: float = 0.003) -> tuple[str, ...]:
    """Names of terrain that (nearly) never stands alone in ``uint8[N, H, W]`` levels: what to tidy.

    Args:
        levels: what the generator learns from; entities count as plain free space.
        game: the game.
        share: share of a terrain's tiles that may stand alone.
    """
    terrain = game.ground[levels]
    names = []
    for number, tile in enumerate(game.terrain):
        kind = terrain == number
        lone = sum(int((k & ~_any_beside(k)).sum()) for k in kind)
        if lone <= share * kind.sum():
            names.append(tile.name)
    return tuple(names)


def _any_beside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``bool[H, W]``: whether any of the four neighbours inside the map is in the mask."""
    m = np.pad(mask, 1)
    beside: NDArray[np.bool_] = m[:-2, 1:-1] | m[2:, 1:-1] | m[1:-1, :-2] | m[1:-1, 2:]
    return beside


@dataclass(frozen=True)
class KeepOff:
    """How far a goal keeps from the start, so that solutions are as long as the game asks for.

    A step moves one tile (top-down) or one column (side view), so a goal at least ``min_solution`` tiles
    (columns) from the start cannot be reached in fewer steps. Where no cell is that far, none is preferred.

    Attributes:
        steps: ``min_solution`` at the game's own size.
        sides: width + height of that size; smaller levels ask for less in proportion.
        rows: whether rows count as well as columns.
    """

    steps: int
    sides: int
    rows: bool

    @classmethod
    def of(cls, game: Game) -> KeepOff:
        """What a game asks for."""
        return cls(game.constraints.min_solution, game.width + game.height, game.movement == "topdown")

    def near(self, start: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """``bool[H, W]``: cells too near to the flat cell ``start``."""
        height, width = shape
        row, column = np.indices((height, width))
        steps = abs(column - start % width) + (abs(row - start // width) if self.rows else 0)
        near: NDArray[np.bool_] = steps < min(self.steps, (width + height) * self.steps // self.sides)
        return near


def place(
    game: Game,
    terrain_scores: NDArray[np.float32],
    entity_scores: NDArray[np.float32],
    counts: NDArray[np.integer],
    tidy: Collection[str] = (),
) -> Tiles:
    """Decode one level: the reference for what the ONNX graph does.

    Args:
        game: the game.
        terrain_scores: ``f32[T, H, W]`` logits plus noise.
        entity_scores: ``f32[E, H, W]`` logits plus noise.
        counts: ``int[E]`` how many of each entity.
        tidy: names of terrain that never stands alone.

    Returns:
        ``uint8[H, W]`` tile ids with exactly ``counts`` of the entities.
    """
    tiles = tidied(np.array([t.id for t in game.terrain], np.uint8)[terrain_scores.argmax(0)], game, tidy)
    border = np.zeros(tiles.shape, bool)
    if game.constraints.solid_border:
        border[[0, -1], :] = border[:, [0, -1]] = True
        tiles[border] = game.solid.id
    # outside the map counts as solid left and right and below, as open above
    around = np.pad(np.isin(game.roles[tiles], (Role.SOLID,)), 1, constant_values=True)
    bearing = np.isin(game.roles[tiles], (Role.SOLID, Role.ONE_WAY))
    above, below = around[:-2, 1:-1], around[2:, 1:-1]
    left, right = around[1:-1, :-2], around[1:-1, 2:]
    ground = np.zeros(tiles.shape, bool)
    ground[:-1] = bearing[1:]
    suits = {
        "floor": np.ones(tiles.shape, bool),
        "ground": ground,
        "doorway": (above & below) | (left & right),
    }
    empty = np.isin(game.roles[tiles], (Role.EMPTY,))
    taken, too_near = np.zeros(tiles.shape, bool), np.zeros(tiles.shape, bool)
    result: Tiles = tiles.copy()
    for e, tile in enumerate(game.entities):
        score = entity_scores[e] - np.float32(MISPLACED) * ~suits[tile.place]
        score = score - np.float32(NOT_EMPTY) * ~empty - np.float32(ON_BORDER) * border
        score = score - np.float32(TAKEN) * taken
        if tile.role is Role.GOAL:
            score = score - np.float32(MISPLACED) * too_near
        chosen = np.argsort(-score, axis=None, kind="stable")[: int(counts[e])]
        taken.reshape(-1)[chosen] = True
        result.reshape(-1)[chosen] = tile.id
        if tile.role is Role.START and len(chosen):
            too_near = KeepOff.of(game).near(int(chosen[0]), tiles.shape)
    return result
