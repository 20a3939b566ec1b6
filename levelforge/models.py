"""ONNX Runtime sessions of a pack's networks.

They run in chunks of a fixed size on one thread each, so that what a level gets
depends neither on its neighbours in the batch nor on how many threads share the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from levelforge.errors import LevelForgeError
from levelforge.game import Game

Arrays = Mapping[str, NDArray[Any]]

GENERATOR_CHUNK = 16
PLAYTESTER_CHUNK = 64
CRITIC_CHUNK = 32
GENERATOR_INPUTS = {"latent": 4, "condition": 2, "counts": 2, "noise": 4}  # name: rank
PLAYTESTER_INPUTS = {"view": 4, "map": 4, "scalars": 2, "persona": 2}
CRITIC_INPUTS = {"tiles": 3}
SCORES = ("beatable", "difficulty", "tension", "variety", "exploration", "choice", "reward")
"""What a critic says of a level, in the order of its columns; all from 0 to 1. The last five are the parts of fun."""
TYPICAL_ERROR = 0.1
"""Standard error of a critic's difficulty where nothing is known of it."""


class Generator:
    """The generator: latent, condition, counts and noise in, tiles out.

    Attributes:
        path: the ONNX file.
        latent_channels: Z of the latent ``f32[N, Z, ceil(H/4), ceil(W/4)]``.
        stride: tiles a latent cell stands for, each way.
        temperature: what the noise is to be multiplied by, as found best in training.
        session: the open model.
    """

    def __init__(self, path: Path, game: Game, info: Mapping[str, Any]) -> None:
        self.path = path
        expected = {"terrain": [t.name for t in game.terrain], "entities": [t.name for t in game.entities]}
        for key, names in expected.items():
            if list(info.get(key, names)) != names:
                raise LevelForgeError(
                    f"{path}: makes the {key} {info[key]}, but {game.name} has {names}; train again"
                )
        self.session = open_session(path, GENERATOR_INPUTS, "tiles", "tensor(int32)", "generator")
        shapes = {i.name: i.shape for i in self.session.get_inputs()}
        entities, planes = len(game.entities), len(game.tiles)
        for name, channels in (("condition", 1 + entities), ("counts", entities), ("noise", planes)):
            if isinstance(shapes[name][1], int) and shapes[name][1] != channels:
                raise LevelForgeError(
                    f"{path}: is a generator for another game: its {name!r} has {shapes[name][1]} channels, "
                    f"{game.name} needs {channels}"
                )
        self.latent_channels = int(info.get("latent_channels", shapes["latent"][1]))
        self.stride = int(info.get("stride", 4))
        self.temperature = float(info.get("temperature", 1.0))
        self._tiles = len(game.tiles)

    def __call__(self, inputs: Arrays, pool: ThreadPoolExecutor | None = None) -> NDArray[np.uint8]:
        """Make levels.

        Args:
            inputs: ``latent``, ``condition``, ``counts`` and ``noise``, float32, N first.
            pool: threads to share the chunks among; None runs them in turn.

        Returns:
            ``uint8[N, H, W]`` tile ids.
        """
        height, width = inputs["noise"].shape[2:]
        if not len(inputs["noise"]):
            return np.zeros((0, height, width), np.uint8)
        tiles = run_chunks(self.session, inputs, GENERATOR_CHUNK, pool)
        if tiles.shape[1:] != (height, width) or (
            tiles.size and not 0 <= tiles.min() <= tiles.max() < self._tiles
        ):
            raise LevelForgeError(
                f"{self.path}: gives tiles that are not levels of this game; get or train another pack"
            )
        return tiles.astype(np.uint8)


class Playtester:
    """The playtester's network: observations in, one value an action out.

    Attributes:
        path: the ONNX file.
        session: the open model.
    """

    def __init__(self, path: Path, game: Game) -> None:
        self.path = path
        self.session = open_session(path, PLAYTESTER_INPUTS, "q", "tensor(float)", "playtester")
        self._shapes = {i.name: list(i.shape[1:]) for i in self.session.get_inputs()}
        actions = self.session.get_outputs()[0].shape[-1]
        if isinstance(actions, int) and actions != len(game.actions):
            raise LevelForgeError(
                f"{path}: is a playtester for another game: it knows {actions} actions, {game.name} has "
                f"{len(game.actions)}"
            )

    def __call__(self, inputs: Arrays, pool: ThreadPoolExecutor | None = None) -> NDArray[np.float32]:
        """Values of the actions.

        Args:
            inputs: ``view``, ``map``, ``scalars`` and ``persona`` (see ``playtest/observation.py``); uint8
                arrays are converted to float32.
            pool: threads to share the chunks among; None runs them in turn.

        Returns:
            ``float32[N, A]``.

        Raises:
            LevelForgeError: the network was trained for observations of other shapes.
        """
        for name, shape in self._shapes.items():
            given = inputs[name].shape[1:]
            if any(
                isinstance(wanted, int) and wanted != had for wanted, had in zip(shape, given, strict=True)
            ):
                raise LevelForgeError(
                    f"{self.path}: was trained for another version of levelforge: its {name!r} is {shape}, where "
                    f"this one has {list(given)}; train again or get a newer pack"
                )
        # Where all rows of a chunk are of one persona, that one's heads alone are computed.
        order = inputs["persona"].argmax(axis=1).argsort(kind="stable")
        ordered = {name: inputs[name][order] for name in self._shapes}
        found = run_chunks(self.session, ordered, PLAYTESTER_CHUNK, pool, padded=False)
        values = np.empty_like(found, np.float32)
        values[order] = found
        return values


class Critic:
    """The critic: tiles in, what a playtest would say of them out.

    Attributes:
        path: the ONNX file.
        session: the open model.
        difficulty_error: its standard error of difficulty on levels it did not learn from; :data:`TYPICAL_ERROR` where
            the pack does not say.
    """

    def __init__(self, path: Path, game: Game, info: Mapping[str, Any]) -> None:
        self.path = path
        self.session = open_session(path, CRITIC_INPUTS, "scores", "tensor(float)", "critic")
        names, columns = info.get("scores"), self.session.get_outputs()[0].shape[-1]
        if names != list(SCORES) or (isinstance(columns, int) and columns != len(SCORES)):
            given = f"{columns} scores" if names == list(SCORES) else f"the scores {names}"
            raise LevelForgeError(
                f"{path}: is the critic of another version of levelforge: it gives {given}, where "
                f"{', '.join(SCORES)} are needed; train again or get a newer pack"
            )
        self._game = game
        error = info.get("difficulty_error")
        self.difficulty_error = float(error) if isinstance(error, int | float) else TYPICAL_ERROR

    def __call__(
        self, tiles: NDArray[np.uint8], pool: ThreadPoolExecutor | None = None
    ) -> NDArray[np.float32]:
        """Judge levels.

        Args:
            tiles: ``uint8[N, H, W]`` tile ids.
            pool: threads to share the chunks among; None runs them in turn.

        Returns:
            ``float32[N, 7]`` in [0, 1], columns in the order of :data:`SCORES`.

        Raises:
            LevelForgeError: the network gives no such scores.
        """
        if not len(tiles):
            return np.zeros((0, len(SCORES)), np.float32)
        try:
            scores = run_chunks(self.session, {"tiles": tiles}, CRITIC_CHUNK, pool)
        except Exception:  # noqa: BLE001 - as in open_session
            scores = np.zeros(0, np.float32)
        if scores.shape != (len(tiles), len(SCORES)) or not np.isfinite(scores).all():
            raise LevelForgeError(
                f"{self.path}: gives no scores for levels of {self._game.name!r} "
                f"({tiles.shape[2]}x{tiles.shape[1]} tiles); get or train another pack"
            )
        clipped: NDArray[np.float32] = np.clip(scores, 0.0, 1.0).astype(np.float32, copy=False)
        return clipped


def open_session(
    path: Path, ranks: Mapping[str, int], output: str, kind: str, what: str
) -> ort.InferenceSession:
    """Open an ONNX file on one thread and check its interface.

    Args:
        path: the file.
        ranks: the inputs it must have, each float32, with their ranks.
        output: the output it must have, of the type ``kind``.
        what: what the file should be, for messages.

    Raises:
        LevelForgeError: unreadable, truncated, or another network.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise LevelForgeError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception:  # noqa: BLE001 - ONNX Runtime raises a dozen unrelated types, all meaning the same to a user
        raise LevelForgeError(f"{path}: is truncated or no ONNX model; get or write the pack again") from None
    inputs = {i.name: (len(i.shape), i.type) for i in session.get_inputs()}
    outputs = {o.name: o.type for o in session.get_outputs()}
    if (
        inputs != {name: (rank, "tensor(float)") for name, rank in ranks.items()}
        or outputs.get(output) != kind
    ):
        raise LevelForgeError(
            f"{path}: is an ONNX model, but no {what}: it takes {', '.join(inputs)} and gives {', '.join(outputs)}, "
            f"where {', '.join(ranks)} and {output} are needed"
        )
    return session


def run_chunks(
    session: ort.InferenceSession,
    inputs: Arrays,
    size: int,
    pool: ThreadPoolExecutor | None,
    *,
    padded: bool = True,
) -> NDArray[Any]:
    """Run a session over N >= 1 rows in chunks of ``size``.

    A last chunk that is smaller is padded with its last row, so that all are alike; or not, where rows cost more than
    that is worth. Where a row stands in its chunk, and beside how many, may change the last bit of what comes of it.
    """
    names: Sequence[str] = [i.name for i in session.get_inputs()]
    total = len(inputs[names[0]])

    def chunk(first: int) -> NDArray[Any]:
        feed = {}
        for name in names:
            part = inputs[name][first : first + size]
            feed[name] = np.empty((size if padded else len(part), *part.shape[1:]), np.float32)
            feed[name][: len(part)] = part
            feed[name][len(part) :] = part[-1]
        result: NDArray[Any] = session.run(None, feed)[0]
        return result[: total - first]

    starts = range(0, total, size)
    return np.concatenate(list(pool.map(chunk, starts)) if pool else [chunk(first) for first in starts])
