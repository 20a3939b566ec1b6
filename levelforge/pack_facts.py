"""What ``pack.json`` tells an engine: all it needs to ask the models for a level, and nothing to look up elsewhere.

Everything follows from the game, the description of the generator and the models' own interfaces, so that packs
of older runs get it too. Field by field: ``docs/embedding.md``; schema: ``docs/schemas/pack-1.schema.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from levelforge.game import Game

if TYPE_CHECKING:
    import onnxruntime as ort

UNKNOWN_DIFFICULTY = 0.5
"""The condition's difficulty where none is asked for."""
AREA = "(width * height / (size.default[0] * size.default[1]))"
"""A level's area over that of the game's own size; formulas are written so that they hold in most languages."""


def embedding_facts(game: Game, generator: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of ``pack.json`` that follow from the game.

    Args:
        game: the game the models were trained for.
        generator: the ``generator`` entry of ``pack.json``: ``latent_channels``, ``stride`` and ``temperature``.

    Returns:
        ``size``, ``vocabulary``, ``actions``, ``counts``, ``condition``, ``latent``, ``noise``, ``decoding``, ``checks``.
    """
    channels, stride = int(generator.get("latent_channels", 16)), int(generator.get("stride", 4))
    planes = [*game.terrain, *game.entities]
    return {
        "size": {
            "default": list(game.header.size),
            "least": list(game.header.min_size),
            "most": list(game.header.max_size),
        },
        "vocabulary": [
            {
                "id": tile.id,
                "name": tile.name,
                "symbol": tile.symbol,
                "role": tile.role.word,
                "kind": "entity" if tile.name in game.count_ranges else "terrain",
                "place": tile.place,
            }
            for tile in game.tiles
        ],
        "actions": [asdict(action) for action in game.actions],
        "counts": {
            "order": [tile.name for tile in game.entities],
            "ranges": {
                tile.name: {
                    "least": game.count_ranges[tile.name][0],
                    "most": game.count_ranges[tile.name][1],
                    "scales": tile.scales,
                }
                for tile in game.entities
            },
            "most_if_scales": f"max(least, ceil(most * {AREA}))",
        },
        "condition": _condition(game),
        "latent": {
            "channels": channels,
            "stride": stride,
            "shape": f"[N, {channels}, ceil(height / {stride}), ceil(width / {stride})]",
            "distribution": "standard normal",
        },
        "noise": {
            "planes": [tile.name for tile in planes],
            "shape": f"[N, {len(planes)}, height, width]",
            "distribution": "standard Gumbel, -log(-log(u)) of a uniform u in (0, 1), times temperature",
            "temperature": float(generator.get("temperature", 1.0)),
        },
        "decoding": {
            "output": "tiles",
            "shape": "[N, height, width]",
            "meaning": "tiles[n, y, x] is an id of the vocabulary; row 0 is the top row",
            "exact_counts": True,
            "solid_border": game.constraints.solid_border,
        },
        "checks": _checks(game),
    }


def _condition(game: Game) -> list[dict[str, Any]]:
    """The columns of the generator's ``condition``, in order."""
    low, high = game.measures.difficulty_range
    difficulty = {
        "name": "difficulty",
        "least": 0.0,
        "most": 1.0,
        "meaning": "1 - mean win rate of the playtester over its skills",
        "unknown": UNKNOWN_DIFFICULTY,
        "asked": [low, high],
    }
    return [
        difficulty,
        *(
            {
                "name": tile.name,
                "least": 0.0,
                "most": 1.0,
                "meaning": "counts of it / max(1, most at the level's size)",
            }
            for tile in game.entities
        ),
    ]


def _checks(game: Game) -> dict[str, Any]:
    """What a level must satisfy before LevelForge calls it certified."""
    return {
        "movement": game.movement,
        "win": game.header.win,
        "rules": {**asdict(game.rules), "jump_profile": list(game.rules.jump_profile)},
        "time_limit_at_size": f"max(rules.time_limit, ceil(rules.time_limit * {AREA}))",
        "constraints": asdict(game.constraints),
        "min_solution_at_size": (
            "min(constraints.min_solution, "
            "floor(constraints.min_solution * (width + height) / (size.default[0] + size.default[1])))"
        ),
    }


def interface(session: ort.InferenceSession) -> dict[str, Any]:
    """A model's inputs and outputs as its file has them: names, element types and shapes (names for free axes)."""
    return {"inputs": _ends(session.get_inputs()), "outputs": _ends(session.get_outputs())}


def _ends(ends: Iterable[Any]) -> list[dict[str, Any]]:
    types = {"tensor(float)": "float32", "tensor(int32)": "int32"}
    return [
        {"name": end.name, "type": types.get(end.type, end.type), "shape": list(end.shape)} for end in ends
    ]
