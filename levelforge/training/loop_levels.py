"""Levels for the loop: candidates of the generator in training, what the solver says of them, and playtests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelforge.batches import GenerateConfig, certify, sample, well_formed
from levelforge.game import Game
from levelforge.level import Level
from levelforge.pack import Pack
from levelforge.playtest.measure import QFunction, playtest
from levelforge.repair import repair_batch
from levelforge.training.critic_net import SCORES

NODE_LIMIT = 100_000


@dataclass(frozen=True)
class Made:
    """Candidates and what the solver made of them.

    Attributes:
        raw: ``uint8[N, H, W]`` as the generator made them.
        beatable: ``bool[N]`` whether they are well-formed and beatable so.
        tiles: ``uint8[N, H, W]`` after repair.
        certified: ``bool[N]`` whether the repaired level is proven, long enough and the first of its kind.
        asked: ``float32[N]`` difficulty asked for; not a number where none was.
        solutions: ``int8[N, T]`` action codes, of which ``length`` ``int32[N]`` count.
    """

    raw: NDArray[np.uint8]
    beatable: NDArray[np.bool_]
    tiles: NDArray[np.uint8]
    certified: NDArray[np.bool_]
    asked: NDArray[np.float32]
    solutions: NDArray[np.int8]
    length: NDArray[np.int32]

    def level(self, game: Game, i: int) -> Level:
        """One level with its solution."""
        return Level(game, self.tiles[i], solution=tuple(self.solutions[i, : self.length[i]].tolist()))


def make(export: Path, game: Game, info: dict[str, Any], n: int, asked_share: float, seed: int) -> Made:
    """Make, solve and repair candidates.

    Args:
        export: folder with the ``generator.onnx`` in training.
        game: the game.
        info: ``generator`` and ``count_distribution`` as in ``pack.json``.
        n: candidates, rounded up to whole batches.
        asked_share: share of the batches made for difficulties from all over the game's range.
        seed: of the candidates.
    """
    pack = Pack(export, game, {"hash": "in training", **info})
    plain = GenerateConfig(n=n, seed=seed, playtest=False)
    aimed = replace(plain, difficulty=game.measures.difficulty_range)
    batches = -(-n // plain.batch_size(game))
    parts: dict[str, list[NDArray[Any]]] = {}
    seen: set[bytes] = set()
    for index in range(batches):
        wants = index >= ceil(batches * (1 - asked_share))
        inputs = sample(pack, aimed if wants else plain, index)
        raw = pack.generator(inputs)
        fixed = repair_batch(raw, game, node_limit=NODE_LIMIT, threads=1)
        formed = well_formed(raw, inputs["counts"].astype(np.int32), game)
        good = formed & certify(fixed, game) & (fixed.length >= game.min_solution(raw.shape[2], raw.shape[1]))
        for i in np.flatnonzero(good):
            key = fixed.tiles[i].tobytes()
            good[i] = key not in seen
            seen.add(key)
        asked = inputs["condition"][:, 0] if wants else np.full(len(raw), np.nan, np.float32)
        found = {
            "raw": raw, "beatable": fixed.raw_beatable & formed, "tiles": fixed.tiles, "certified": good,
            "asked": asked, "solutions": fixed.actions, "length": fixed.length,
        }  # fmt: skip
        for name, array in found.items():
            parts.setdefault(name, []).append(array)
    longest = max(array.shape[1] for array in parts["solutions"])
    parts["solutions"] = [np.pad(a, ((0, 0), (0, longest - a.shape[1]))) for a in parts["solutions"]]
    return Made(**{name: np.concatenate(arrays) for name, arrays in parts.items()})


def play(
    levels: list[Level], game: Game, player: Pack | QFunction, episodes: int, seed: int
) -> NDArray[np.float32]:
    """Playtest levels; returns their scores ``float32[K, 7]`` in the order of ``SCORES``."""
    scores = np.full((len(levels), len(SCORES)), np.nan, np.float32)
    for row, result in zip(scores, playtest(levels, game, player, seed=seed, episodes=episodes), strict=True):
        row[0], row[1] = 1.0, result.difficulty
        for column, part in enumerate(SCORES[2:], start=2):
            row[column] = result.fun_parts.get(part, np.nan)
    return scores


def spread_out(predicted: NDArray[np.float32], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """``int[<= n]`` places whose predicted difficulties cover their range as evenly as they can."""
    if len(predicted) <= n:
        return np.arange(len(predicted))
    bins = np.minimum((predicted * 10).astype(int), 9)
    # one of each bin in turn, until there are enough
    order = rng.permutation(len(predicted))
    turn = np.zeros(len(predicted), int)
    count = np.zeros(10, int)
    for i in order:
        turn[i] = count[bins[i]]
        count[bins[i]] += 1
    chosen: NDArray[np.intp] = np.sort(order[np.argsort(turn[order], kind="stable")[:n]])
    return chosen
