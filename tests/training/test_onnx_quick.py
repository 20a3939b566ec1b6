"""A playtester's file is made quick for engines, and stays the same network."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from levelforge.exporters.onnx_pack import export_model, half_stored
from levelforge.exporters.onnx_quick import quickened
from levelforge.game import load_game
from levelforge.playtest.observation import VIEW_SIZE, view_codes
from levelforge.training.playtester_net import INPUT_NAMES, NetConfig, PlaytesterNet, example_inputs


def plain(game, config):
    """A playtester's file as the exporter writes it, and inputs that the game can show it."""
    torch.manual_seed(0)
    net = PlaytesterNet([a.name for a in game.actions], VIEW_SIZE[game.movement], config)
    axes = {name: {0: "batch"} for name in (*INPUT_NAMES, "q")}
    data = export_model(net, example_inputs(net), INPUT_NAMES, ["q"], axes, {"game": game.name})
    inputs = example_inputs(net, 40, view_codes(game))
    return data, {name: x.numpy() for name, x in zip(INPUT_NAMES, inputs, strict=True)}


def answer(data, inputs):
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(["q"], inputs)[0]


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
@pytest.mark.parametrize("config", [NetConfig(), NetConfig((24, 64), facing=True)], ids=["plain", "facing"])
@pytest.mark.parametrize("stored", [lambda data: data, half_stored], ids=["float32", "float16"])
def test_a_quick_playtester_values_actions_alike(name, config, stored):
    game = load_game(name)
    data, inputs = plain(game, config)
    data = stored(data)
    quick = quickened(data, view_codes(game))
    np.testing.assert_allclose(answer(quick, inputs), answer(data, inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [NetConfig(), NetConfig((24, 64), facing=True)], ids=["plain", "facing"])
def test_a_row_has_the_same_values_alone_among_its_like_and_in_mixed_company(config):
    game = load_game("platformer")
    data, inputs = plain(game, config)
    quick = quickened(data, view_codes(game))
    mixed, of = answer(quick, inputs), inputs["persona"].argmax(axis=1)
    assert set(of) == {0, 1, 2, 3}
    for persona in range(4):
        alike = {name: values[of == persona] for name, values in inputs.items()}
        np.testing.assert_allclose(answer(quick, alike), mixed[of == persona], rtol=1e-5, atol=1e-6)
        alone = {name: values[of == persona][:1] for name, values in inputs.items()}
        np.testing.assert_allclose(answer(quick, alone), mixed[of == persona][:1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "weights", [[0.5, 0.5, 0.0, 0.0], [1.0, 0.0, 0.5, 0.0], [2.0, 0.0, 0.0, 0.0], [0.0] * 4]
)
def test_personas_can_still_be_blended(weights):
    game = load_game("dungeon")
    data, inputs = plain(game, NetConfig())
    inputs["persona"][:] = weights
    quick = quickened(data, view_codes(game))
    np.testing.assert_allclose(answer(quick, inputs), answer(data, inputs), rtol=1e-4, atol=1e-5)


def test_channels_fill_the_kernels_blocks():
    game = load_game("dungeon")
    data, _ = plain(game, NetConfig((24, 64)))
    shapes = []
    for file in (data, quickened(data, view_codes(game))):
        model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(file), data_prop=True)
        dims = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.value_info}
        dims |= {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
        shapes.append(sorted(dims[node.input[1]][:2] for node in model.graph.node if node.op_type == "Conv"))
    of_map = [[16, 9], [32, 16]]
    assert shapes == [sorted([[24, 21], [64, 24], *of_map]), sorted([[32, 16], [64, 32], *of_map])]


def operators(graph):
    """How often a graph has each operator on the way that rows of the first persona take."""
    found = Counter()
    for node in graph.node:
        found[node.op_type] += 1
        found += sum((operators(a.g) for a in node.attribute if a.name == "then_branch"), Counter())
    return found


def test_one_persona_costs_one_pair_of_products_and_nothing_is_read_backwards():
    game = load_game("platformer")
    data, _ = plain(game, NetConfig((24, 64), facing=True))
    before, after = (
        operators(onnx.load_model_from_string(file).graph)
        for file in (data, quickened(data, view_codes(game)))
    )
    assert (before["MatMul"], before["Gemm"], before["If"]) == (4, 1, 0)
    # two that turn view and map; the trunk and a pair of heads
    assert (after["MatMul"], after["Gemm"], after["If"]) == (2, 3, 1)
    assert before["Equal"] == 2  # RIGHT and LEFT
    assert after["Equal"] == 2  # cells with codes, rows with personas
    assert before["Where"] - after["Where"] == 3


def test_the_parameters_stay_as_they_are():
    game = load_game("platformer")
    data, _ = plain(game, NetConfig())
    before, after = (
        {t.name: numpy_helper.to_array(t) for t in onnx.load_model_from_string(file).graph.initializer}
        for file in (data, quickened(data, view_codes(game)))
    )
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])


def test_what_is_quick_already_or_no_playtester_is_returned_as_it_is():
    game = load_game("platformer")
    quick = quickened(plain(game, NetConfig())[0], view_codes(game))
    assert quickened(quick, view_codes(game)) == quick
    assert quickened(half_stored(quick), view_codes(game)) == half_stored(quick)
    generator = (game.folder / "pack" / "generator.onnx").read_bytes()
    assert quickened(generator, view_codes(game)) == generator


@pytest.mark.parametrize("name", ["dungeon", "platformer"])
def test_view_codes_are_all_that_a_game_shows(name):
    from levelforge.corpus import load_corpus
    from levelforge.env import BatchEnv

    game = load_game(name)
    levels = [level.tiles for level in load_corpus(game.folder / "corpus", game).train]
    env = BatchEnv(game, levels, 128, seed=0, shaping=False)
    obs, seen = env.reset(), set()
    for _ in range(100):
        seen |= set(np.unique(obs["view"][:, 0]).tolist())
        obs = env.step(np.random.default_rng(len(seen)).integers(len(game.actions), size=128))[0]
    assert seen == set(view_codes(game))
