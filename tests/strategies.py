"""Hypothesis strategies, in one place: games with every role, and small levels of them."""

import numpy as np
from hypothesis import strategies as st

from levelforge.game import MOVEMENT_ROLES, Role, parse_game
from levelforge.level import Level
from levelforge.solver import Solution, solve

ROLES = {
    "topdown": sorted(MOVEMENT_ROLES["topdown"]),
    "platformer": sorted(MOVEMENT_ROLES["platformer"]),
}
SYMBOLS = dict(zip(Role, ".#@>kDo^weh=H", strict=True))


def make_game(movement, **rules):
    """A game with one tile for each role that the movement knows, tile id = place in ``ROLES``."""
    if movement == "platformer":
        rules.setdefault("jump_profile", [2, 1, 1, 0, -1, -1, -2])
    counted = [r for r in ROLES[movement] if r not in (Role.EMPTY, Role.SOLID, Role.ONE_WAY, Role.LADDER)]
    return parse_game(
        {
            "game": {"name": "every-role", "movement": movement, "size": [64, 32], "min_size": [4, 4]},
            "rules": rules,
            "tiles": [{"name": r.word, "symbol": SYMBOLS[r], "role": r.word} for r in ROLES[movement]],
            "counts": {r.word: [1, 1] if r in (Role.START, Role.GOAL) else [0, 60] for r in counted},
        }
    )


@st.composite
def games(draw, movement=None):
    """A game with random rules."""
    movement = movement or draw(st.sampled_from(["topdown", "platformer"]))
    rules = {
        "hit_points": draw(st.integers(1, 4)),
        "patrol_cycle": draw(st.sampled_from([2, 6, 8, 24])),
        "hazard": draw(st.sampled_from(["hurt", "kill"])),
        "enemy": draw(st.sampled_from(["hurt", "kill"])),
        "fall_out": draw(st.sampled_from(["hurt", "kill"])),
    }
    if movement == "platformer":
        rises = draw(st.lists(st.integers(0, 3), max_size=4).map(lambda x: sorted(x, reverse=True)))
        falls = draw(
            st.lists(st.integers(-3, -1), min_size=1, max_size=3).map(lambda x: sorted(x, reverse=True))
        )
        rules["jump_profile"] = [max([1, *rises]), *rises, *falls]
    return make_game(movement, **rules)


@st.composite
def tile_grids(draw, game, most=10):
    """``uint8[H, W]`` with one start, at least one goal, and a bit of everything."""
    height, width = draw(st.integers(2, most)), draw(st.integers(2, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return random_tiles(game, height, width, rng)


def random_tiles(game, height, width, rng):
    """Half floor, a quarter walls, and the rest of everything; one start, at least one goal."""
    ids = np.arange(len(game.tiles))
    weights = np.ones(len(ids))
    weights[game.empty.id], weights[game.solid.id] = 2.0 * len(ids), 0.7 * len(ids)
    start = game.of_role(Role.START)[0].id
    weights[start] = 0
    tiles = rng.choice(ids, (height, width), p=weights / weights.sum()).astype(np.uint8)
    items = np.flatnonzero(np.isin(game.roles[tiles], [Role.KEY, Role.DOOR, Role.HEAL]))
    tiles.flat[items[30:]] = game.empty.id  # the rules know 36 of them
    goal, home = rng.choice(height * width, 2, replace=False)
    tiles.flat[goal], tiles.flat[home] = game.of_role(Role.GOAL)[0].id, start
    return tiles


def levels(game):
    """Arbitrary tiles of a game as a ``Level`` of any size from 1x1: well-formed or not."""
    sizes = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32))

    def build(size):
        height, width, seed = size
        tiles = np.random.default_rng(seed).integers(0, len(game.tiles), (height, width), dtype=np.uint8)
        return Level(game, tiles)

    return sizes.map(build)


def playable_levels(game):
    """Small ``Level``s that the solver beats, with their shortest solution attached."""

    def attach(tiles):
        level = Level(game, tiles)
        found = solve(level)
        return level.with_(solution=found.actions) if isinstance(found, Solution) else None

    return tile_grids(game).map(attach).filter(lambda level: level is not None)


def described_levels(game):
    """``levels`` with any metadata that a level may carry."""
    share = st.floats(0, 1)
    word = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)
    name = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
    value = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )
    facts = st.fixed_dictionaries(
        {},
        optional={
            "id": name,
            "seed": st.integers(-(2**63), 2**64),
            "pack": st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
            "solution": st.lists(st.integers(0, len(game.actions) - 1), max_size=30).map(tuple),
            "edits": st.integers(0, 10_000),
            "novelty": share,
            "difficulty": share,
            "difficulty_ci": st.tuples(share, share),
            "fun": share,
            "fun_parts": st.dictionaries(word, share, max_size=5),
            "extra": st.dictionaries(st.text(), value, max_size=4),
        },
    )
    return st.builds(lambda level, known: level.with_(**known), levels(game), facts)
