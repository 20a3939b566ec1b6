"""The playtester's training ground: the corpus, levels pieced together from it and generated ones, and mirror images."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from levelforge.batches import CERTIFIED, GenerateConfig, certified_batches
from levelforge.game import Game, Tiles
from levelforge.novelty import mirror_images
from levelforge.pack import Pack
from levelforge.playtest.measure import MIRRORS
from levelforge.training.patchwork import patchwork
from levelforge.training.status import Stop


def make_pool(
    export: Path,
    game: Game,
    info: Mapping[str, Any],
    *,
    n: int,
    seconds: float,
    seed: int,
    tell: Callable[[int], None],
    stop: Stop,
    aimed: bool = True,
    size: tuple[int, int] | None = None,
) -> tuple[NDArray[np.uint8], float]:
    """Make certified, distinct levels with an exported generator that is no pack yet.

    Args:
        export: folder with ``generator.onnx``.
        game: the game.
        info: ``generator`` and ``count_distribution`` as in ``pack.json``.
        n: levels wanted.
        seconds: give up after so long, with what there is.
        seed: of the levels.
        tell: told how many there are.
        stop: break off when true.
        aimed: make half of them for difficulties from all over the game's range, so that the playtester also meets
            levels as hard as can be asked for; else all are as the corpus' counts have it.
        size: their width and height in tiles; None is the game's own.

    Returns:
        ``uint8[<= n, H, W]`` levels, and the share of candidates that were beatable before repair.
    """
    pack = Pack(export, game, {"hash": "in training", **info})
    found: dict[bytes, Tiles] = {}
    candidates = raw = 0
    began = time.monotonic()
    plain = GenerateConfig(n=n, size=size, seed=seed, playtest=False)
    kinds = [certified_batches(pack, plain)]
    if aimed:
        kinds.append(certified_batches(pack, replace(plain, difficulty=game.measures.difficulty_range)))
    for batch in chain.from_iterable(zip(*kinds, strict=False)):
        candidates += len(batch.tiles)
        raw += int(batch.raw_beatable.sum())
        for tiles in batch.tiles[batch.verdict == CERTIFIED]:
            found.setdefault(tiles.tobytes(), tiles)
        tell(len(found))
        if len(found) >= n or stop or time.monotonic() - began >= seconds:
            break
    levels = list(found.values())[:n]
    width, height = size or game.header.size
    return (np.stack(levels) if levels else np.zeros((0, height, width), np.uint8)), raw / max(1, candidates)


class TrainingGround:
    """What the playtester trains on: authored levels in all mirror images that playtests use, and levels made from them.

    Of made levels there are plenty, so each is there in one image, always the same.

    Args:
        corpus: authored levels, ``uint8[H, W]`` each.
        game: their game.
        patched: levels to piece together from the authored ones (:mod:`~levelforge.training.patchwork`).
        drawn: of the made levels so many are drawn; 0 takes all. In a short training each is met more often then.
        authored_share: authored levels are repeated until they are about this share of all.
        seed: of the levels pieced together and of those drawn.
    """

    def __init__(
        self,
        corpus: Sequence[Tiles],
        game: Game,
        *,
        patched: int = 0,
        drawn: int = 0,
        authored_share: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._corpus, self._game, self._seed = corpus, game, seed
        self._patched, self._drawn, self._share = patched, drawn, authored_share
        self._mirrors = MIRRORS[game.movement]

    def __call__(self, made: Iterable[Tiles] = ()) -> list[Tiles]:
        """All levels to train on; ``made`` are the generator's, ``uint8[H, W]`` each."""
        own = [image for tiles in self._corpus for image in mirror_images(tiles, self._mirrors)]
        beside = [*made, *self._pieced]
        if 0 < self._drawn < len(beside):
            rng = np.random.default_rng([self._seed, 72])
            beside = [beside[k] for k in rng.choice(len(beside), self._drawn, replace=False)]
        if own:
            own *= max(1, round(len(beside) * self._share / (1.0 - self._share) / len(own)))
        return own + [self._turned(tiles) for tiles in beside]

    @cached_property
    def _pieced(self) -> list[Tiles]:
        """Levels pieced together; made when first asked for, which a run's first phase never does."""
        return patchwork(self._corpus, self._patched, self._game, self._seed)

    def _turned(self, tiles: Tiles) -> Tiles:
        images = mirror_images(tiles, self._mirrors)
        return images[crc32(tiles.tobytes()) % len(images)]


def save_pool(path: Path, levels: NDArray[np.uint8]) -> None:
    """Write levels ``uint8[N, H, W]``, whole or not at all."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        np.savez_compressed(file, levels=levels)
    draft.replace(path)


def load_pool(path: Path) -> NDArray[np.uint8]:
    """Read what :func:`save_pool` wrote."""
    with np.load(path, allow_pickle=False) as data:
        levels: NDArray[np.uint8] = data["levels"]
    return levels
