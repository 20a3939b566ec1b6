"""One generator, three engines: ONNX Runtime, ONNX Runtime Web in Chromium and OpenCV give the same tiles.

Every level is compared. Engines add up in different orders, so their scores differ by up to 1e-5, and where the two
best choices of a cell (or of an entity's place) are nearer to each other than that, either is right: about one level
in 10,000 (docs/embedding.md). No rounding mends that, for it only moves the line on which scores may fall. So a level
may differ here only if ONNX Runtime itself finds two choices of it tied, and no more than one level may.
"""

import base64
from functools import cache

import numpy as np
import pytest

from levelforge.decode import sample_inputs
from levelforge.env import BatchEnv
from levelforge.game import bundled_games
from levelforge.pack import load_pack

by_game = pytest.mark.parametrize("name", bundled_games())
LATENTS = 100
"""Of each of two sizes."""
TIE = 2e-5
"""Scores that are nearer to each other than this may change places from engine to engine."""


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
            pack.game, LATENTS, size, rng=np.random.default_rng([9, i]),
            distribution=pack.info["count_distribution"], temperature=pack.generator.temperature,
        )  # fmt: skip
        tiles = pack.generator(inputs)
        rows = [slice(k, k + 1) for k in range(LATENTS)]
        found += [({key: value[row] for key, value in inputs.items()}, tiles[row]) for row in rows]
    return found


@cache
def scorer(name):
    """The generator in ONNX Runtime, and what each of its choices is made from: terrain, then each entity."""
    onnx = pytest.importorskip("onnx")
    import onnxruntime as ort

    pack = load_pack(name)
    model = onnx.load(pack.folder / "generator.onnx")
    scores = [node.input[0] for node in model.graph.node if node.op_type in ("ArgMax", "TopK")]
    assert len(scores) == 1 + len(pack.game.entities)
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(each) for each in scores)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]), scores


def closest_call(name, inputs):
    """The least lead with which anything in a level was chosen."""
    session, scores = scorer(name)
    terrain, *entities = session.run(scores, inputs)
    ranked = np.sort(terrain, axis=1)
    leads = [(ranked[:, -1] - ranked[:, -2]).min()]
    for places, count in zip(entities, inputs["counts"][0].astype(int), strict=True):
        ranked = np.sort(places.ravel())[::-1]
        if 0 < count < ranked.size:
            leads.append(ranked[count - 1] - ranked[count])
    return min(leads)


def compare(name, made):
    """All levels are the same, but for one that is a tie."""
    other = [
        inputs for (inputs, tiles), theirs in zip(cases(name), made, strict=True)
        if not np.array_equal(np.reshape(theirs, tiles.shape), tiles)
    ]  # fmt: skip
    assert [lead for lead in (closest_call(name, inputs) for inputs in other) if lead >= TIE] == []
    assert len(other) <= 1


@by_game
def test_ties_are_rare(name):
    """Else they would excuse anything."""
    assert len(cases(name)) == 200
    assert sum(closest_call(name, inputs) < TIE for inputs, _ in cases(name)) <= 10


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
    answers = run_node("generator.mjs", document)
    for answer, (_, tiles) in zip(answers, cases(name), strict=True):
        assert (answer["type"], answer["dims"]) == ("int32", list(tiles.shape))
    compare(name, [answer["data"] for answer in answers])


@by_game
def test_opencv_makes_the_same_tiles(name):
    """One network for all: sizes and counts change under it."""
    cv2 = pytest.importorskip("cv2")
    cv2.setNumThreads(1)
    network = cv2.dnn.readNetFromONNX(
        str(load_pack(name).folder / "generator.onnx"), engine=cv2.dnn.ENGINE_NEW
    )
    made = []
    for inputs, _ in cases(name):
        for key, value in inputs.items():
            network.setInput(value, key)
        made.append(network.forward("tiles").copy())
        assert made[-1].dtype == np.int32
    compare(name, made)


@by_game
def test_opencv_runs_the_critic(name):
    cv2 = pytest.importorskip("cv2")
    cv2.setNumThreads(1)
    pack = load_pack(name)
    if pack.critic is None:
        pytest.skip("this pack has no critic")
    network = cv2.dnn.readNetFromONNX(str(pack.folder / "critic.onnx"), engine=cv2.dnn.ENGINE_NEW)
    for _, tiles in cases(name)[:3]:
        network.setInput(tiles.astype(np.float32), "tiles")
        assert network.forward("scores").ravel() == pytest.approx(pack.critic(tiles)[0], abs=1e-4)


@by_game
def test_opencv_runs_the_playtesters(name):
    """Each of them, from episodes that all four personas play."""
    cv2 = pytest.importorskip("cv2")
    cv2.setNumThreads(1)
    pack, rng = load_pack(name), np.random.default_rng(3)
    tiles = np.concatenate([tiles for _, tiles in cases(name)[:4]])
    env = BatchEnv(pack.game, tiles, 12, seed=1, shaping=False)
    env.set_persona(np.eye(4, dtype=np.float32)[np.arange(12) % 4])
    obs = env.reset()
    for _ in range(10):
        obs = env.step(rng.integers(len(pack.game.actions), size=12))[0]
    for playtester in pack.playtesters:
        network = cv2.dnn.readNetFromONNX(str(playtester.path), engine=cv2.dnn.ENGINE_NEW)
        values = []
        for row in range(12):
            for key, value in obs.items():
                network.setInput(value[row : row + 1].astype(np.float32), key)
            values.append(network.forward("q").ravel().copy())
        np.testing.assert_allclose(values, playtester(obs), atol=1e-4)
