"""The same playtester, computed the way that ONNX Runtime is quickest at.

Its kernels for convolutions take channels in blocks of 16, and fall back to a far slower way where channels do not
fill them. So the first convolution gets just the cell codes that the game has, and zeros up to the next multiple of
16. Of the codes exactly one holds in a cell, so one of them (empty) can do without a channel: what it adds is added
everywhere, and taken off the others. Cells are compared with each code, which writes the channels where the
convolution reads them; rows of a table would have to be reordered.

Where all rows are of one persona, that one's heads alone are computed; where they are not, each one's.

A network that sees a level and its mirror image as one (``dqn.net.facing``) turns what it sees by a product with the
identity or its mirror image, which is exact and far quicker than to read backwards, and compares codes with others
instead of exchanging the two that have a side. The map's weights bring the factor that the map is to have.

The parameters stay in the file under their names, whole; what is made of them is computed by the graph itself, once,
when an engine opens the file and folds its constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from levelforge.game import Role
from levelforge.playtest.observation import LEFT, RIGHT

if TYPE_CHECKING:
    import onnx

BLOCK = 16
"""Channels that the kernels take at a time."""
MADE = "quick."
"""Begins the names of what is made here; a graph that has some is left as it is."""
NONE = -1
"""A code that no cell has."""
FLOAT, INT64 = 1, 7
"""Types of tensors, as ``onnx.TensorProto`` numbers them."""


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
    made.turns()
    made.scale()
    made.heads()
    made.tidy()
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class _Made:
    """A graph, and nodes added to it."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        from onnx import numpy_helper

        self.graph = graph
        self.fixed: list[onnx.NodeProto] = []
        self.added: list[onnx.NodeProto] = []
        self.number = count()
        self.constants: dict[str, Any] = {}
        self.makers = {name: node for node in graph.node for name in node.output}
        self.takers = {name: node for node in graph.node for name in node.input}
        for tensor in graph.initializer:
            self.constants[tensor.name] = numpy_helper.to_array(tensor)
        for node in graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            elif node.op_type == "Cast" and node.input[0] in self.constants:  # stored as float16
                self.constants[node.output[0]] = self.constants[node.input[0]]

    # --- what is made otherwise ----------------------------------------------------------------

    def view(self, codes: Sequence[int]) -> bool:
        """Fill the blocks of the view's convolutions; whether there are such."""
        first, second = (self.conv(f"view.{layer}.weight") for layer in (0, 2))
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
        self.tell_apart(tables[0], [*codes, *[NONE] * spare])
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

    def tell_apart(self, gather: onnx.NodeProto, codes: Sequence[int]) -> None:
        """A channel a code, 1 where it is and 0 elsewhere, by comparing instead of looking up, which needs no reordering
        after it; in rows where RIGHT and LEFT are exchanged, they are compared in each other's place.
        """
        cells = self.makers[gather.input[1]].input[0]  # before they became whole numbers
        held = np.array(codes, np.float32)
        swap = self.before(gather.input[1], "Cast", "Where")
        away = self.before(swap.input[0], "And", "Reshape") if swap is not None else None
        if swap is not None and away is not None:
            cells = swap.input[2]
            exchanged = np.select([held == RIGHT, held == LEFT], [LEFT, RIGHT], held).astype(np.float32)
            both = self.constant("codes", np.stack([held, exchanged]))
            rows = self.node("Gather", both, self.node("Cast", away.input[0], to=INT64))
            place = self.node("Reshape", rows, self.numbers(-1, len(codes), 1, 1))
        else:
            place = self.constant("codes", held.reshape(1, -1, 1, 1))
        same = self.node("Equal", self.node("Unsqueeze", cells, self.numbers(1)), place)
        apart = self.node("Cast", same, to=FLOAT)
        self.node("Transpose", apart, output=self.taken_from(gather), perm=[0, 2, 3, 1])

    def turns(self) -> None:
        """Turn inputs by a product where they are read backwards."""
        shapes = {entry.name: entry.type.tensor_type.shape.dim for entry in self.graph.input}
        for choice in [node for node in self.graph.node if node.op_type == "Where"]:
            away, back = self.before(choice.input[0], "Reshape"), self.before(choice.input[1], "Slice")
            source = choice.input[2]
            if away is None or back is None or back.input[0] != source or source not in shapes:
                continue
            if [np.ravel(self.constants.get(back.input[k], 0)).tolist() for k in (3, 4)] != [[3], [-1]]:
                continue
            channels, height, width = (axis.dim_value for axis in shapes[source][1:])
            straight = np.eye(width, dtype=np.float32)
            table = self.constant(f"turns_{width}", np.stack([straight, straight[::-1]]))
            turn = self.node("Gather", table, self.node("Cast", away.input[0], to=INT64))
            rows = self.node("Reshape", source, self.numbers(-1, channels * height, width))
            rows = self.node("MatMul", rows, turn)
            shape = self.numbers(-1, channels, height, width)
            self.node("Reshape", rows, shape, output=self.taken_from(choice))

    def scale(self) -> None:
        """Let weights bring the factor that the map is multiplied by."""
        conv = self.conv("map.0.weight")
        product = self.before(conv.input[0], "Transpose", "Mul") if conv is not None else None
        if conv is None or product is None:
            return
        source, factor = product.input
        there = self.before(source, "Cast", "Transpose")
        if there is None or np.size(self.constants.get(factor, ())) != 1:
            return
        conv.input[0] = there.input[0]
        conv.input[1] = self.node("Mul", conv.input[1], factor)

    def heads(self) -> None:
        """Compute one persona's heads alone where all rows are of that one."""
        weighed = self.before("q", "ReduceSum", "Mul")
        if weighed is None or "advantage.first" not in self.takers or "value.first" not in self.takers:
            return
        hidden = self.takers["advantage.first"].input[0]  # (1, N, inputs)
        personas, inputs, _ = self.constants["advantage.first"].shape
        actions = self.constants["advantage.last"].shape[2]
        rows = self.node("Reshape", hidden, self.numbers(-1, inputs))
        values = self.node("Expand", "value.last", self.numbers(1, 1, actions))
        tensors = (
            self.node("Concat", "advantage.first", "value.first", axis=2),  # (P, inputs, 2 h)
            self.node("Concat", "advantage.first_bias", "value.first_bias", axis=2),
            self.node("Concat", self.centred("advantage.last"), values, axis=1),  # (P, 2 h, A)
            self.node("Add", self.centred("advantage.last_bias"), "value.last_bias"),
        )

        def values_of(k: int) -> str:
            # gathered in the branch itself: what a branch reads from around it is not packed for its products
            first, first_bias, last, last_bias = (
                self.node("Gather", tensor, self.constant(f"place_{k}", np.array(k))) for tensor in tensors
            )
            hidden = self.node("Relu", self.node("Gemm", rows, first, first_bias))
            return self.node("Gemm", hidden, last, last_bias)

        def values_from(k: int, output: str | None = None) -> str:
            """By persona ``k`` if it is alone, else by a later one that is; by all of them if none is."""
            if k == personas:
                said = [
                    self.node("Mul", values_of(j), self.node("Gather", "persona", self.numbers(j), axis=1))
                    for j in range(personas)
                ]
                return self.node("Sum", *said)
            then = self.branch(lambda: values_of(k), actions)
            other = self.branch(lambda: values_from(k + 1), actions)
            condition = self.node("Gather", alone, self.constant(f"place_{k}", np.array(k)))
            return self.node("If", condition, output=output, then_branch=then, else_branch=other)

        # how far the rows are from one of which a persona is all
        apart = self.node(
            "Sub",
            self.node("Unsqueeze", "persona", self.numbers(1)),
            self.constant("alone", np.eye(personas, dtype=np.float32)),
        )
        apart = self.node("ReduceMax", self.node("Abs", apart), axes=[0, 2], keepdims=0)
        alone = self.node("Equal", apart, self.constant("none", np.zeros(personas, np.float32)))
        faced = self.before(weighed.input[0], "Where")
        q = self.taken_from(self.makers["q"])
        if faced is None:
            values_from(0, q)
            return
        away, mirrored = self.makers[faced.input[0]].input[0], self.makers[faced.input[1]].input[1]
        found = values_from(0)
        turned = self.node("Gather", found, mirrored, axis=1)
        self.node("Where", self.node("Reshape", away, self.numbers(-1, 1)), turned, found, output=q)

    def centred(self, name: str) -> str:
        """A tensor less its mean over the last axis."""
        return self.node("Sub", name, self.node("ReduceMean", name, axes=[2], keepdims=1))

    # --- reading the graph ---------------------------------------------------------------------

    def conv(self, weight: str) -> onnx.NodeProto | None:
        """The convolution that has these weights."""
        node = self.takers.get(weight)
        return node if node is not None and node.op_type == "Conv" else None

    def before(self, name: str, *kinds: str) -> onnx.NodeProto | None:
        """The node some steps back from a value, by first inputs, if the nodes on the way are of these kinds."""
        node = None
        for kind in kinds:
            node = self.makers.get(name if node is None else node.input[0])
            if node is None or node.op_type != kind:
                return None
        return node

    # --- changing it ---------------------------------------------------------------------------

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node; the name of its output."""
        from onnx import helper

        name = f"{MADE}{next(self.number)}"
        self.added.append(helper.make_node(kind, inputs, [output or name], name, **attributes))
        return output or name

    def branch(self, build: Callable[[], str], actions: int) -> onnx.GraphProto:
        """A graph of the nodes that ``build`` adds, which gives the values ``f32[N, A]`` that it names."""
        from onnx import helper

        around, self.added = self.added, []
        value = helper.make_tensor_value_info(build(), FLOAT, ("batch", actions))
        nodes, self.added = self.added, around
        return helper.make_graph(nodes, f"{MADE}{next(self.number)}", [], [value])

    def constant(self, name: str, values: Any) -> str:
        """Add a constant, as a node, since tensors of the graph are the network's parameters; its name."""
        from onnx import helper, numpy_helper

        name = f"{MADE}{name}"
        if name not in self.constants:
            self.constants[name] = values
            self.fixed.append(
                helper.make_node("Constant", [], [name], name, value=numpy_helper.from_array(values))
            )
        return name

    def numbers(self, *numbers: int) -> str:
        """A constant of whole numbers; its name."""
        return self.constant("_".join(["numbers", *map(str, numbers)]), np.array(numbers, np.int64))

    def padded(self, name: str, pads: Sequence[int]) -> str:
        """A tensor with zeros beside it."""
        return self.node("Pad", name, self.numbers(*pads)) if any(pads) else name

    def taken_from(self, node: onnx.NodeProto) -> str:
        """The name of a node's output, which another is to have."""
        name: str = node.output[0]
        node.output[0] = f"{MADE}unused_{next(self.number)}"
        return name

    def tidy(self) -> None:
        """Put all nodes in order, without those that nobody needs."""
        waiting = [*self.graph.node, *self.fixed, *self.added]
        needed = {output.name for output in self.graph.output}
        makers = {name: node for node in waiting for name in node.output}
        stack = list(needed)
        while stack:
            maker = makers.get(stack.pop())
            for name in _read(maker) if maker is not None else ():
                if name not in needed:
                    needed.add(name)
                    stack.append(name)
        waiting = [node for node in waiting if needed & set(node.output)]
        known = {entry.name for entry in (*self.graph.initializer, *self.graph.input)}
        ordered: list[onnx.NodeProto] = []
        while waiting:
            ready = [node for node in waiting if all(name in known or not name for name in _read(node))]
            ordered += ready
            known |= {name for node in ready for name in node.output}
            waiting = [node for node in waiting if not set(node.output) <= known]
        del self.graph.node[:]
        self.graph.node.extend(ordered)


def _read(node: onnx.NodeProto) -> Iterator[str]:
    """The names a node reads, those that its branches read from around them included."""
    yield from node.input
    for attribute in node.attribute:
        inner = attribute.g.node
        made = {name for one in inner for name in one.output}
        yield from (name for one in inner for name in _read(one) if name not in made)


def _is_identity(table: Any) -> bool:
    return table is not None and table.ndim == 2 and np.array_equal(table, np.eye(len(table)))
