"""How good a generator's candidates are: by the solver, by style and by novelty, never by the loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from levelforge.game import Game, Role
from levelforge.novelty import mirror_images, nearest_distance
from levelforge.solver import solve_batch
from levelforge.terrain import imbalance, shares

NODE_LIMIT = 100_000


class Judge:
    """Judges candidates against the corpus windows.

    Args:
        game: the game.
        corpus: ``uint8[N, H, W]`` the windows.
    """

    def __init__(self, game: Game, corpus: NDArray[np.uint8]) -> None:
        self.game = game
        self.corpus = _turned(corpus, game)
        self._patterns = self._histogram(self.corpus)
        self._shares = shares(game, self.corpus)

    def __call__(self, tiles: NDArray[np.uint8]) -> dict[str, float]:
        """Measures of ``uint8[N, H, W]`` candidates.

        Returns:
            ``beatable``: share that the solver beats. ``sound``: share that is also all connected and long
            enough, where the game asks for it. ``style``: Jensen-Shannon divergence (bits) of 3x3 terrain
            patterns from the corpus, 0 alike. ``imbalance``: how far the share of a terrain is off, see
            :func:`imbalance`. ``diversity``: mean share of differing tiles between two
            candidates. ``novelty``: median share of tiles differing from the nearest window, over
            symmetries. ``duplicates``: share that repeats an earlier one. ``quality``: what early
            stopping compares, see :func:`quality`.
        """
        solved = solve_batch(tiles, self.game, node_limit=NODE_LIMIT, threads=1)
        good = solved.verdict == 1
        sound = good & (solved.length >= self.game.constraints.min_solution)
        if self.game.constraints.connected_floor:
            sound &= ~np.array([self._has_pockets(level) for level in tiles])
        other = np.roll(tiles, 1, axis=0)
        found = {
            "beatable": float(good.mean()),
            "sound": float(sound.mean()),
            "style": self.style(tiles),
            "imbalance": imbalance(shares(self.game, tiles), self._shares),
            "diversity": float((tiles != other).mean()),
            "novelty": float(np.median(self.novelty(tiles))),
            "duplicates": 1 - len(np.unique(tiles.reshape(len(tiles), -1), axis=0)) / len(tiles),
        }
        found["quality"] = quality(found, self.diversity_of_corpus)
        return found

    @property
    def diversity_of_corpus(self) -> float:
        """Mean share of differing tiles between two windows, as they are."""
        own = self.corpus[:: len(_turned(self.corpus[:1], self.game))]
        half = len(own) // 2
        return float((own[:half] != own[half : 2 * half]).mean()) if half else 0.0

    def style(self, tiles: NDArray[np.uint8]) -> float:
        """Jensen-Shannon divergence in bits of the 3x3 terrain patterns from those of the corpus."""
        mine, theirs = self._histogram(tiles), self._patterns
        total = 0.0
        for pattern in mine.keys() | theirs.keys():
            p, q = mine.get(pattern, 0.0), theirs.get(pattern, 0.0)
            middle = (p + q) / 2
            total += (p * np.log2(p / middle) if p else 0.0) / 2 + (q * np.log2(q / middle) if q else 0.0) / 2
        return float(total)

    def novelty(self, tiles: NDArray[np.uint8]) -> NDArray[np.float64]:
        """``f64[N]``: share of tiles that differ from the nearest window, over the symmetries."""
        area = tiles[0].size
        nearest: NDArray[np.float64] = (
            nearest_distance(tiles.reshape(-1, area), self.corpus.reshape(-1, area)) / area
        )
        return nearest

    def _histogram(self, tiles: NDArray[np.uint8]) -> dict[int, float]:
        ground = self.game.ground[tiles]
        base = len(self.game.terrain)
        height, width = ground.shape[1:]
        code = np.zeros((len(ground), height - 2, width - 2), np.int64)
        for dy in range(3):
            for dx in range(3):
                code = code * base + ground[:, dy : height - 2 + dy, dx : width - 2 + dx]
        values, number = np.unique(code, return_counts=True)
        return dict(zip(values.tolist(), (number / number.sum()).tolist(), strict=True))

    def _has_pockets(self, level: NDArray[np.uint8]) -> bool:
        """Whether some floor cannot be walked to (doors open) from the start."""
        roles = self.game.roles[level]
        free = roles != Role.SOLID
        seen = roles == Role.START
        while True:
            wider = seen.copy()
            wider[1:] |= seen[:-1]
            wider[:-1] |= seen[1:]
            wider[:, 1:] |= seen[:, :-1]
            wider[:, :-1] |= seen[:, 1:]
            wider &= free
            if (wider == seen).all():
                return bool((free & ~seen).any())
            seen = wider


def quality(found: dict[str, float], corpus_diversity: float) -> float:
    """One number to keep the best generator by.

    Beatable and sound levels count alike; they are guarded: style that leaves the corpus, levels that
    resemble each other or repeat the corpus take away what they might have gained.
    """
    guard = 6 * found["style"] + 0.1 * found["imbalance"]
    guard += 2 * max(0.0, 0.6 * corpus_diversity - found["diversity"]) / max(corpus_diversity, 1e-6)
    guard += 2 * max(0.0, 0.96 - found["beatable"])  # what repair must touch is no longer the generator's
    guard += 5 * max(0.0, 0.10 - found["novelty"]) + 2 * found["duplicates"]
    return (found["beatable"] + found["sound"]) / 2 - guard


def _turned(tiles: NDArray[np.uint8], game: Game) -> NDArray[np.uint8]:
    """All levels in all their declared symmetries, a level's turns one after another."""
    return np.stack([image for level in tiles for image in mirror_images(level, game.training.symmetries)])
