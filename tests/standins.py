"""Tiny hand-made networks with the interface of the trained ones, for tests of what lies around them.

The generator opens a room, strews walls by noise and puts exactly the requested entities where noise is
highest (on the ground row, for a platformer). The playtester walks towards the goal's compass. The critic
finds a level the harder the more of its tiles are dangers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from levelforge.decode import DANGERS
from levelforge.game import Game, load_game, read_game
from levelforge.models import SCORES
from levelforge.pack import Pack, write_pack
from levelforge.playtest.observation import VIEW_CHANNELS, VIEW_SIZE


def generator_onnx(game: Game) -> bytes:
    ids = np.array([*(t.id for t in game.entities), game.empty.id], np.int32)
    entities, planes = len(game.entities), len(game.tiles)
    topdown = game.movement == "topdown"
    constants = {
        "interior_from": np.array([1, 1]),
        "interior_to": np.array([-1, -1]),
        "axes": np.array([2, 3]),
        "ids": ids,
        "n_entities": np.array(entities),
        "first": np.array(0),
        "second": np.array(1),
        "one": np.array(1),
        "flat": np.array([0, -1]),
        "last_axis": np.array([2]),
        "entity_axis": np.array([1]),
        "pads": np.array([0, 1, 1, 0, 1, 1]),
        "solid": np.array(game.solid.id, np.int32),
        "empty": np.array(game.empty.id, np.int32),
        "threshold": np.array(2.0 if topdown else 99.0, np.float32),
        "row": np.array([-1]),
        "row_end": np.array([2**31]),
        "row_axis": np.array([1]),
    }
    node = helper.make_node
    nodes = [
        node("Slice", ["noise", "interior_from", "interior_to", "axes"], ["inside"]),
        node("Gather", ["inside", "first"], ["walls"], axis=1),
        node("Gather", ["inside", "second"], ["spots"], axis=1),
        node("Greater", ["walls", "threshold"], ["wall"]),
        node("Where", ["wall", "solid", "empty"], ["terrain"]),
        node("Shape", ["terrain"], ["shape"]),
        node("Reshape", ["terrain", "flat"], ["cells"]),
        node("CumSum", ["counts", "one"], ["ends"]),
        node("ReduceMax", ["ends"], ["most"], keepdims=0),
        node("Cast", ["most"], ["k0"], to=TensorProto.INT64),
        node("Reshape", ["k0", "row"], ["k"]),
    ]
    if topdown:
        nodes += [
            node("Reshape", ["spots", "flat"], ["scores"]),
            node("TopK", ["scores", "k"], ["best", "where"], axis=1),
        ]
    else:  # the ground row's cells are the last of the flat ones
        nodes += [
            node("Slice", ["spots", "row", "row_end", "row_axis"], ["ground"]),
            node("Reshape", ["ground", "flat"], ["scores"]),
            node("TopK", ["scores", "k"], ["best", "column"], axis=1),
            node("Shape", ["cells"], ["cells_shape"]),
            node("Gather", ["cells_shape", "one"], ["area"]),
            node("Shape", ["scores"], ["scores_shape"]),
            node("Gather", ["scores_shape", "one"], ["columns"]),
            node("Sub", ["area", "columns"], ["offset"]),
            node("Add", ["column", "offset"], ["where"]),
        ]
    nodes += [
        node("Range", ["first", "k0", "one"], ["slots0"]),
        node("Cast", ["slots0"], ["slots"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["ends", "last_axis"], ["ends3"]),
        node("LessOrEqual", ["ends3", "slots"], ["before"]),
        node("Cast", ["before"], ["before_i"], to=TensorProto.INT64),
        node("ReduceSum", ["before_i", "entity_axis"], ["entity"], keepdims=0),
        node("Gather", ["ids", "entity"], ["drawn"], axis=0),
        # slots beyond a level's own counts keep what is there, whatever its neighbours need
        node("GatherElements", ["cells", "where"], ["there"], axis=1),
        node("Less", ["entity", "n_entities"], ["counted"]),
        node("Where", ["counted", "drawn", "there"], ["placed"]),
        node("ScatterElements", ["cells", "where", "placed"], ["full"], axis=1),
        node("Reshape", ["full", "shape"], ["room"]),
        node("Pad", ["room", "pads", "solid"], ["tiles"]),
    ]
    inputs = [
        helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["N", 4, "h", "w"]),
        helper.make_tensor_value_info("condition", TensorProto.FLOAT, ["N", 1 + entities]),
        helper.make_tensor_value_info("counts", TensorProto.FLOAT, ["N", entities]),
        helper.make_tensor_value_info("noise", TensorProto.FLOAT, ["N", planes, "H", "W"]),
    ]
    return _bytes(
        nodes, inputs, helper.make_tensor_value_info("tiles", TensorProto.INT32, ["N", "H", "W"]), constants
    )


def playtester_onnx(game: Game, view_channels: int = VIEW_CHANNELS) -> bytes:
    names = [a.name for a in game.actions]
    weights = np.zeros((20, len(names)), np.float32)  # 13, 14: compass (dy, dx)
    for action, (dy, dx) in {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}.items():
        if action in names:
            weights[13, names.index(action)], weights[14, names.index(action)] = dy, dx
    if "jump+right" in names:
        weights[14, names.index("jump+right")] = 0.9
    rows, columns = VIEW_SIZE[game.movement]
    inputs = [
        helper.make_tensor_value_info("view", TensorProto.FLOAT, ["N", view_channels, rows, columns]),
        helper.make_tensor_value_info("map", TensorProto.FLOAT, ["N", 9, 12, 16]),
        helper.make_tensor_value_info("scalars", TensorProto.FLOAT, ["N", 20]),
        helper.make_tensor_value_info("persona", TensorProto.FLOAT, ["N", 4]),
    ]
    output = helper.make_tensor_value_info("q", TensorProto.FLOAT, ["N", len(names)])
    return _bytes(
        [helper.make_node("MatMul", ["scalars", "weights"], ["q"])], inputs, output, {"weights": weights}
    )


def critic_onnx(game: Game, scores: int = len(SCORES)) -> bytes:
    """Beatable 1, difficulty 20 times the share of dangers (at most 1), every part of fun 1 - difficulty."""
    dangers = np.array([t.role in DANGERS for t in game.tiles], np.float32)
    constants = {
        "dangers": dangers,
        "twenty": np.array(20.0, np.float32),
        "zero": np.array(0.0, np.float32),
        "one": np.array(1.0, np.float32),
        "last": np.array([1]),
        "rest": np.array([1, scores - 2]),
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["tiles"], ["ids"], to=TensorProto.INT64),
        node("Gather", ["dangers", "ids"], ["danger"], axis=0),
        node("ReduceMean", ["danger"], ["share"], axes=[1, 2], keepdims=0),
        node("Mul", ["share", "twenty"], ["raw"]),
        node("Min", ["raw", "one"], ["hard"]),
        node("Unsqueeze", ["hard", "last"], ["difficulty"]),
        node("Sub", ["one", "difficulty"], ["easy"]),
        node("Tile", ["easy", "rest"], ["fun"]),
        node("Mul", ["difficulty", "zero"], ["nothing"]),
        node("Add", ["nothing", "one"], ["sure"]),
        node("Concat", ["sure", "difficulty", "fun"], ["scores"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("tiles", TensorProto.FLOAT, ["N", "H", "W"])]
    return _bytes(
        nodes, inputs, helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", scores]), constants
    )


def pack_info(game: Game) -> dict[str, object]:
    def uniform(low: int, high: int) -> list[float]:
        return [0.0] * low + [1 / (high - low + 1)] * (high - low + 1)

    return {
        "generator": {
            "latent_channels": 4,
            "stride": 4,
            "entities": [t.name for t in game.entities],
            "terrain": [t.name for t in game.terrain],
            "temperature": 1.0,
        },
        "playtester": {"actions": [a.name for a in game.actions]},
        "count_distribution": {name: uniform(*ends) for name, ends in game.count_ranges.items()},
        "figures": {},
    }


def make_pack(folder: Path, game_name: str, *, critic: bool = False, time_limit: int | None = None) -> Pack:
    """A pack of stand-ins; a short time limit spares tests what a playtester that walks against walls would spend."""
    game = load_game(game_name)
    if time_limit is not None:
        assert game.path is not None
        source = folder.parent / f"{folder.name}-game.toml"
        source.parent.mkdir(parents=True, exist_ok=True)
        text = game.path.read_text(encoding="utf-8")
        source.write_text(text.replace("time_limit = 600", f"time_limit = {time_limit}"), encoding="utf-8")
        game = read_game(source)
        assert game.rules.time_limit == time_limit
    info = pack_info(game) | ({"critic": {"scores": list(SCORES)}} if critic else {})
    judge = critic_onnx(game) if critic else None
    return write_pack(folder, game, generator_onnx(game), playtester_onnx(game), info, "# Stand-in\n", judge)


def _bytes(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    output: onnx.ValueInfoProto,
    constants: dict[str, np.ndarray],
) -> bytes:
    used = {name for n in nodes for name in n.input}
    initializers = [numpy_helper.from_array(a, k) for k, a in constants.items() if k in used]
    graph = helper.make_graph(nodes, "standin", inputs, [output], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()
