"""One generator, three engines: ONNX Runtime, ONNX Runtime Web in Chromium and OpenCV give the same tiles."""

import base64
from functools import cache

import numpy as np
import pytest

from levelforge.decode import sample_inputs
from levelforge.game import bundled_games
from levelforge.pack import load_pack

by_game = pytest.mark.parametrize("name", bundled_games())
LATENTS = 50
"""Of each of two sizes."""
SHADE = 2e-4
"""Engines add up in different orders, so their scores differ in the sixth digit. A level in which that decides (some
two choices are as good as equal) is left out: it changes with the noise, too, when that is changed by this share."""


def other_size(game):
    """Neither the game's own nor a multiple of the stride."""
    (_, low), (_, high) = game.header.min_size, game.header.max_size
    return game.width + 9, min(max(game.height - 3, low), high)


@cache
def cases(name):
    """Inputs of one level each, and the tiles that ONNX Runtime makes of them."""
    pack, found = load_pack(name), []
    for i, size in enumerate([None, other_size(pack.game)]):
        inputs = sample_inputs(
            pack.game, LATENTS + 20, size, rng=np.random.default_rng([9, i]),
            distribution=pack.info["count_distribution"], temperature=pack.generator.temperature,
        )  # fmt: skip
        tiles = pack.generator(inputs)
        steady = np.ones(len(tiles), bool)
        for share in (1 - SHADE, 1 + SHADE):
            near = pack.generator(inputs | {"noise": inputs["noise"] * np.float32(share)})
            steady &= (near == tiles).all(axis=(1, 2))
        rows = [slice(k, k + 1) for k in np.flatnonzero(steady)[:LATENTS]]
        assert len(rows) == LATENTS
        found += [({key: value[row] for key, value in inputs.items()}, tiles[row]) for row in rows]
    return found


@by_game
def test_the_file_is_plain(name):
    """Opset 15, an IR version that old engines know, float32 in, int32 out, nothing beside it."""
    onnx = pytest.importorskip("onnx")
    pack = load_pack(name)
    for path in pack.folder.glob("*.onnx"):
        model = onnx.load(path, load_external_data=False)
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 15)]
        assert model.ir_version <= 8
        assert {entry.type.tensor_type.elem_type for entry in model.graph.input} == {onnx.TensorProto.FLOAT}
        assert not any(tensor.external_data for tensor in model.graph.initializer)
    generator = onnx.load(pack.folder / "generator.onnx")
    assert [entry.type.tensor_type.elem_type for entry in generator.graph.output] == [onnx.TensorProto.INT32]
    assert {path.name for path in pack.folder.iterdir()} == {
        *pack.info["files"],
        "pack.json",
        "model_card.md",
    }


@by_game
def test_onnxruntime_web_makes_the_same_tiles(name, chromium, node_modules, serve, run_node, tmp_path):
    (tmp_path / "blank.html").write_text('<!doctype html><link rel="icon" href="data:,">')
    (tmp_path / "ort").symlink_to(node_modules / "onnxruntime-web" / "dist")
    (tmp_path / "generator.onnx").symlink_to(load_pack(name).folder.resolve() / "generator.onnx")

    def told(array):
        return {"data": base64.b64encode(array.tobytes()).decode(), "dims": array.shape}

    document = {"origin": serve(tmp_path), "file": "/generator.onnx"}
    document["cases"] = [{key: told(value) for key, value in inputs.items()} for inputs, _ in cases(name)]
    for answer, (_, tiles) in zip(run_node("generator.mjs", document), cases(name), strict=True):
        assert (answer["type"], answer["dims"]) == ("int32", list(tiles.shape))
        assert answer["data"] == tiles.ravel().tolist()


@by_game
def test_opencv_makes_the_same_tiles(name):
    """One network for all: sizes and counts change under it."""
    cv2 = pytest.importorskip("cv2")
    cv2.setNumThreads(1)
    network = cv2.dnn.readNetFromONNX(
        str(load_pack(name).folder / "generator.onnx"), engine=cv2.dnn.ENGINE_NEW
    )
    for inputs, tiles in cases(name):
        for key, value in inputs.items():
            network.setInput(value, key)
        made = network.forward("tiles")
        assert made.dtype == np.int32
        assert np.array_equal(made.reshape(tiles.shape), tiles)
