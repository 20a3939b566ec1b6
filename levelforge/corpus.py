"""A designer's levels: loading a folder, cutting windows, counts, novelty.

A corpus folder holds levels in any readable format, in any folders below it. What lies in a
folder named ``heldout`` is never trained on; the bundled games hold a fifth of their levels out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role, Tiles
from levelforge.level import Level
from levelforge.novelty import mirror_images, novelty


@dataclass(frozen=True, eq=False)
class Corpus:
    """Levels of one game, in the order of their names; as a sequence, ``train`` and then ``heldout``.

    Attributes:
        game: the game of every level.
        train: the levels to learn from, at least one, of any sizes; ``Level.id`` is the file's path
            below the folder, without its suffix.
        heldout: the levels that no network is trained on; may be empty.

    Examples:
        >>> from levelforge.game import load_game
        >>> game = load_game("dungeon")
        >>> corpus = load_corpus(game.folder / "corpus", game)
        >>> len(corpus.train) >= 60, len(corpus.heldout) >= 15
        (True, True)
    """

    game: Game
    train: tuple[Level, ...]
    heldout: tuple[Level, ...] = ()

    def __post_init__(self) -> None:
        if not self.train:
            raise LevelForgeError(f"a corpus of {self.game.name} needs at least one level to train on")

    def __len__(self) -> int:
        return len(self.train) + len(self.heldout)

    def __iter__(self) -> Iterator[Level]:
        yield from self.train
        yield from self.heldout

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) over the game's digest and each level's name, size and tiles."""
        found = hashlib.sha256(self.game.digest.encode())
        for level in self:
            found.update(f"\n{level.id} {level.width}x{level.height}\n".encode())
            found.update(np.ascontiguousarray(level.tiles).tobytes())
        return found.hexdigest()

    def count_distribution(self) -> dict[str, list[float]]:
        """For each counted tile, the share of training levels that have 0, 1, 2 … of it.

        Levels of other sizes than the game's count as so many of the game's size: their counts of
        tiles that scale with the area are divided by the ratio of the areas and rounded.
        """
        area = self.game.width * self.game.height
        shares = {}
        for tile in self.game.entities:
            most = self.game.count_ranges[tile.name][1]
            histogram = np.zeros(most + 1)
            for level in self.train:
                count = float((level.tiles == tile.id).sum())
                if tile.scales:
                    count *= area / level.tiles.size
                histogram[min(most, round(count))] += 1
            shares[tile.name] = (histogram / histogram.sum()).tolist()
        return shares

    def windows(
        self, count: int, size: tuple[int, int], rng: Generator, *, turn: bool = True
    ) -> NDArray[np.uint8]:
        """Random windows of the training levels, each mended into a level of its own (:func:`cut_window`).

        Levels are drawn evenly; a window is a random place in its level, turned by a random choice
        of the game's symmetries.

        Args:
            count: how many.
            size: (width, height) in tiles.
            rng: where the randomness comes from.
            turn: whether to apply the symmetries.

        Returns:
            ``uint8[count, H, W]``.

        Raises:
            LevelForgeError: no level is large enough; names the largest.
        """
        width, height = size
        fit = [level for level in self.train if level.width >= width and level.height >= height]
        if not fit:
            most = max(self.train, key=lambda level: level.tiles.size)
            raise LevelForgeError(
                f"no level of {self.game.name} is as large as the window {width}x{height} (the largest is "
                f"{most.width}x{most.height}); add larger levels or set [training] window"
            )
        cut = np.zeros((count, height, width), np.uint8)
        for i in range(count):
            level = fit[int(rng.integers(len(fit)))]
            y = int(rng.integers(level.height - height + 1))
            x = int(rng.integers(level.width - width + 1))
            window = cut_window(level.tiles, self.game, y, x, size)
            images = mirror_images(window, self.game.training.symmetries) if turn else [window]
            cut[i] = images[int(rng.integers(len(images)))]
        return cut

    def novelty(self, tiles: NDArray[np.uint8] | Sequence[Tiles]) -> NDArray[np.float64]:
        """Share of tiles that differ from the nearest level, held-out ones too, over the symmetries.

        Args:
            tiles: ``uint8[N, H, W]``, or a list of ``uint8[H, W]`` of any sizes.

        Returns:
            ``float64[N]`` in [0, 1]; 0 for a level of the corpus and its mirror images.
        """
        return novelty(list(tiles), [level.tiles for level in self], self.game.training.symmetries)


def load_corpus(path: str | Path, game: Game) -> Corpus:
    """Load the levels of a folder (with the folders below it), or of one file.

    The same tiles in several files, such as one level in several formats, count once.

    Args:
        path: a folder or a file, in any format that some exporter reads.
        game: the game whose symbols the levels use.

    Raises:
        LevelForgeError: no such path, no readable level, or a fault in a level; one line that names
            the file and the place.
    """
    from levelforge.exporters import find_files, read_levels

    root = Path(path)
    parts: dict[bool, list[Level]] = {False: [], True: []}
    seen: set[bytes] = set()
    for file in find_files([root]):
        inner = file.relative_to(root) if root.is_dir() else Path(file.name)
        stem = inner.with_suffix("").as_posix()
        found = [level for _, level in read_levels([file], game)]
        for number, level in enumerate(found, 1):
            content = repr(level.size).encode() + level.tiles.tobytes()
            if content not in seen:
                seen.add(content)
                name = stem if len(found) == 1 else f"{stem}/{number}"
                parts["heldout" in inner.parts[:-1]].append(level.with_(id=name))
    if not parts[False]:
        raise LevelForgeError(f"{root}: holds held-out levels only; put levels to train on beside them")
    return Corpus(game, tuple(parts[False]), tuple(parts[True]))


def cut_window(tiles: Tiles, game: Game, y: int, x: int, size: tuple[int, int]) -> Tiles:
    """Cut a window out of a level and make it a level of its own.

    The border is closed where the game asks for one and floor that this cuts off becomes wall; of
    counted tiles beyond the range for this size the last are dropped, of keys and doors as many as
    lack a partner. A window that lost its start or goal gets a new one: in a platformer in the first or
    last column with ground to stand on, at the ground nearest to the bottom; seen from above the start
    in the floor farthest from the goal and the goal in the floor farthest from the start.
    What comes out need not be beatable; ask the solver.

    Args:
        tiles: ``uint8[H, W]`` of the level.
        game: its game.
        y, x: top left corner of the window.
        size: (width, height) of the window.

    Returns:
        ``uint8[height, width]``, a copy.
    """
    width, height = size
    window = tiles[y : y + height, x : x + width].copy()
    whole = window.shape == tiles.shape
    if whole and _ends(window, game) == (1, 1):
        return window
    if game.constraints.solid_border:
        edge = np.ones(window.shape, bool)
        edge[1:-1, 1:-1] = False
        window[edge & (game.roles[window] != Role.SOLID)] = game.solid.id
    if game.constraints.connected_floor:
        free = game.roles[window] != Role.SOLID
        window[free & ~_largest_part(free)] = game.solid.id
    _trim(window, game)
    for role in (Role.START, Role.GOAL):
        if not (game.roles[window] == role).any():
            cell = _new_end(window, game, role)
            if cell is not None:
                window[cell] = game.of_role(role)[0].id
    return window


# --- windows -----------------------------------------------------------------------------------


def _ends(window: Tiles, game: Game) -> tuple[int, int]:
    roles = game.roles[window]
    return int((roles == Role.START).sum()), int((roles == Role.GOAL).sum())


def _trim(window: Tiles, game: Game) -> None:
    """Drop counted tiles beyond their range, and keys and doors without a partner."""
    ranges = game.counts(window.shape[1], window.shape[0])
    for tile in game.entities:
        for y, x in np.argwhere(window == tile.id)[ranges[tile.name][1] :]:
            window[y, x] = game.empty.id
    roles = game.roles[window]
    keys, doors = np.argwhere(roles == Role.KEY), np.argwhere(roles == Role.DOOR)
    for y, x in [*keys[len(doors) :], *doors[len(keys) :]]:
        window[y, x] = game.empty.id


def _new_end(window: Tiles, game: Game, role: Role) -> tuple[int, int] | None:
    """Where a start or goal that was cut off goes, or None if there is no place at all."""
    roles = game.roles[window]
    plain = roles == Role.EMPTY
    if game.movement == "platformer":
        stand = plain.copy()
        stand[:-1] &= np.isin(roles[1:], (Role.SOLID, Role.ONE_WAY))
        stand[-1] = False
        columns = np.flatnonzero(stand.any(0))
        if not columns.size:
            return None
        column = int(columns[0] if role is Role.START else columns[-1])
        return int(np.flatnonzero(stand[:, column])[-1]), column
    spots = np.argwhere(plain)
    if not len(spots):
        return None
    other = np.argwhere(roles == (Role.GOAL if role is Role.START else Role.START))
    source = other[0] if len(other) else spots[0]
    far = _steps(roles != Role.SOLID, (int(source[0]), int(source[1])))
    far[~plain] = -1
    y, x = np.unravel_index(int(far.argmax()), far.shape)
    return int(y), int(x)


def _steps(free: NDArray[np.bool_], source: tuple[int, int]) -> NDArray[np.int32]:
    """``int32[H, W]``: orthogonal steps from a cell through free cells, -1 where there is no way."""
    steps = np.full(free.shape, -1, np.int32)
    front = np.zeros(free.shape, bool)
    front[source] = True
    turn = 0
    while front.any():
        steps[front] = turn
        wider = np.zeros(free.shape, bool)
        wider[1:] |= front[:-1]
        wider[:-1] |= front[1:]
        wider[:, 1:] |= front[:, :-1]
        wider[:, :-1] |= front[:, 1:]
        front = wider & free & (steps < 0)
        turn += 1
    return steps


def _largest_part(free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part of the free cells (none: all False)."""
    left, best = free.copy(), np.zeros(free.shape, bool)
    while left.any():
        y, x = np.argwhere(left)[0]
        part = _steps(left, (int(y), int(x))) >= 0
        if part.sum() > best.sum():
            best = part
        left &= ~part
    return best
