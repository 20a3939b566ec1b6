"""The same playtester, computed the way that ONNX Runtime is quickest at.

Its kernels for convolutions take channels in blocks of 16, and fall back to a far slower way where channels do not
fill them. So the first convolution gets just the cell codes that the game has, and zeros up to the next multiple of
16. Of the codes exactly one holds in a cell, so one of them (empty) can do without a channel: what it adds is added
everywhere, and taken off the others. The personas' heads become two matrix products, instead of four for each.

The parameters stay in the file under their names, whole; what is made of them is computed by the graph itself, once,
when an engine opens the file and folds its constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from levelforge.game import Role

if TYPE_CHECKING:
    import onnx

BLOCK = 16
"""Channels that the kernels take at a time."""
MADE = "quick."
"""Begins the names of what is made here; a graph that has some is left as it is."""


def quickened(data: bytes, codes: Sequence[int]) -> bytes:
    """The same model, quicker; what is no playtester of ours, or quick already, is returned as it is.

    Args:
        data: a playtester's ONNX file.
        codes: the cell codes that its game's views have (see ``playtest/observation.py``); with others in a view, the
            outputs change.
    """
    import onnx

    model = onnx.load_model_from_string(data)
    if any(node.name.startswith(MADE) for node in model.graph.node):
        return data
    made = _Made(model.graph)
    if not made.view(sorted(set(codes) - {int(Role.EMPTY)})):
        return data
    made.heads()
    made.tidy()
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class _Made:
    """A graph, and nodes added to it."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        from onnx import numpy_helper

        self.graph = graph
        self.added: list[onnx.NodeProto] = []
        self.constants: dict[str, Any] = {}
        for tensor in graph.initializer:
            self.constants[tensor.name] = numpy_helper.to_array(tensor)
        for node in graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            elif node.op_type == "Cast" and node.input[0] in self.constants:  # stored as float16
                self.constants[node.output[0]] = self.constants[node.input[0]]

    def view(self, codes: Sequence[int]) -> bool:
        """Fill the blocks of the view's convolutions; whether there are such."""
        convs = {node.input[1]: node for node in self.graph.node if node.op_type == "Conv"}
        first, second = convs.get("view.0.weight"), convs.get("view.2.weight")
        tables = [
            node
            for node in self.graph.node
            if node.op_type == "Gather" and _is_identity(self.constants.get(node.input[0]))
        ]
        if first is None or second is None or len(tables) != 1:
            return False
        known = len(self.constants[tables[0].input[0]])
        channels, inputs = self.constants["view.0.weight"].shape[:2]
        beside = inputs - known
        spare, more = -(len(codes) + beside) % BLOCK, -channels % BLOCK
        table = np.zeros((known, len(codes) + spare), np.float32)
        table[codes, np.arange(len(codes))] = 1.0
        tables[0].input[0] = self.constant("codes", table)
        weight = "view.0.weight"
        empty = self.node(
            "Slice", weight, self.numbers(Role.EMPTY), self.numbers(Role.EMPTY + 1), self.numbers(1)
        )
        kept = self.node("Gather", weight, self.constant("kept", np.array(codes)), axis=1)
        rest = self.node("Slice", weight, self.numbers(known), self.numbers(inputs), self.numbers(1))
        filled = self.padded(self.node("Sub", kept, empty), (0, 0, 0, 0, 0, spare, 0, 0))
        filled = self.node("Concat", filled, rest, axis=1)
        always = self.node("ReduceSum", empty, self.numbers(1, 2, 3), keepdims=0)
        first.input[1] = self.padded(filled, (0, 0, 0, 0, more, 0, 0, 0))
        first.input[2] = self.padded(self.node("Add", first.input[2], always), (0, more))
        second.input[1] = self.padded(second.input[1], (0, 0, 0, 0, 0, more, 0, 0))
        return True

    def heads(self) -> None:
        """Two products for all personas' heads, where each has its own."""
        users = {name: node for node in self.graph.node for name in node.input}
        if "advantage.first" not in users or "value.first" not in users:
            return
        hidden = users["advantage.first"].input[0]  # (1, N, inputs)
        end = users["value.last"]
        while end.op_type != "Transpose":  # (P, N, A) to (N, P, A)
            end = users[end.output[0]]
        personas, inputs, _ = self.constants["advantage.first"].shape
        actions = self.constants["advantage.last"].shape[2]
        both = self.node("Concat", "advantage.first", "value.first", axis=2)
        first = self.node("Transpose", both, perm=[1, 0, 2])
        first = self.node("Reshape", first, self.numbers(inputs, -1))
        bias = self.node("Concat", "advantage.first_bias", "value.first_bias", axis=2)
        bias = self.node("Reshape", bias, self.numbers(-1))
        values = self.node("Expand", "value.last", self.numbers(1, 1, actions))
        last = self.node("Concat", self.centred("advantage.last"), values, axis=1)  # (P, 2 h, A)
        own = self.constant("own", np.eye(personas, dtype=np.float32)[:, None, :, None])
        last = self.node(
            "Mul", self.node("Unsqueeze", last, self.numbers(2)), own
        )  # nothing of another persona
        last = self.node("Reshape", last, self.numbers(-1, personas * actions))
        last_bias = self.node("Add", self.centred("advantage.last_bias"), "value.last_bias")
        last_bias = self.node("Reshape", last_bias, self.numbers(-1))
        rows = self.node("Reshape", hidden, self.numbers(-1, inputs))
        rows = self.node("Relu", self.node("Gemm", rows, first, bias))
        found = self.node("Gemm", rows, last, last_bias)
        self.node("Reshape", found, self.numbers(-1, personas, actions), output=end.output[0])
        end.output[0] = f"{MADE}unused"

    def centred(self, name: str) -> str:
        """A tensor less its mean over the last axis."""
        return self.node("Sub", name, self.node("ReduceMean", name, axes=[2], keepdims=1))

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node; the name of its output."""
        from onnx import helper

        name = f"{MADE}{len(self.added)}"
        self.added.append(helper.make_node(kind, inputs, [output or name], name, **attributes))
        return output or name

    def constant(self, name: str, values: Any) -> str:
        """Add a constant, as a node, since tensors of the graph are the network's parameters; its name."""
        from onnx import numpy_helper

        name = f"{MADE}{name}"
        if name not in self.constants:
            self.constants[name] = values
            self.node("Constant", output=name, value=numpy_helper.from_array(values))
        return name

    def numbers(self, *numbers: int) -> str:
        """A constant of whole numbers; its name."""
        return self.constant("_".join(["numbers", *map(str, numbers)]), np.array(numbers, np.int64))

    def padded(self, name: str, pads: Sequence[int]) -> str:
        """A tensor with zeros beside it."""
        return self.node("Pad", name, self.numbers(*pads)) if any(pads) else name

    def tidy(self) -> None:
        """Put all nodes in order, without those that nobody needs."""
        waiting = [*self.graph.node, *self.added]
        needed = {output.name for output in self.graph.output}
        makers = {name: node for node in waiting for name in node.output}
        stack = list(needed)
        while stack:
            maker = makers.get(stack.pop())
            for name in maker.input if maker is not None else ():
                if name not in needed:
                    needed.add(name)
                    stack.append(name)
        waiting = [node for node in waiting if needed & set(node.output)]
        known = {entry.name for entry in (*self.graph.initializer, *self.graph.input)}
        ordered: list[onnx.NodeProto] = []
        while waiting:
            ready = [node for node in waiting if all(name in known or not name for name in node.input)]
            ordered += ready
            known |= {name for node in ready for name in node.output}
            waiting = [node for node in waiting if not set(node.output) <= known]
        del self.graph.node[:]
        self.graph.node.extend(ordered)


def _is_identity(table: Any) -> bool:
    return table is not None and table.ndim == 2 and np.array_equal(table, np.eye(len(table)))
