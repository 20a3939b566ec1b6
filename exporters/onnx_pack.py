"""Write one network as one ONNX file that engines can run.

The training wing hands over a module and example inputs; this module knows what engines need:
opset 15, IR version 8, one file without external data, names that stay, no random operators and
no transposed convolution that readers disagree on. torch is imported inside
:func:`export_model` alone.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from levelforge.errors import LevelForgeError, MissingExtraError

if TYPE_CHECKING:
    import onnx
    import torch

OPSET = 15
IR_VERSION = 8
FLOAT_INPUTS_ONLY = "inputs must be float32, since several engines feed nothing else"
SMALL_TENSOR = 256
"""Numbers below which a tensor is not worth halving."""
HALF = ".half"
"""Ends the name of a tensor that is stored as float16; without it, it is the name of the widened one."""
RANDOM_OPERATORS = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)


def export_model(
    module: torch.nn.Module,
    example_inputs: Sequence[torch.Tensor],
    input_names: Sequence[str],
    output_names: Sequence[str],
    dynamic_axes: Mapping[str, Mapping[int, str]],
    metadata: Mapping[str, Any],
    *,
    opset: int = OPSET,
) -> bytes:
    """Trace a module into the bytes of one self-contained ONNX file.

    Args:
        module: the network; traced in evaluation mode, its mode is restored afterwards.
        example_inputs: one float32 tensor an input, in the order of ``input_names``.
        input_names: the inputs' names in the file.
        output_names: the outputs' names in the file.
        dynamic_axes: for each input or output, its variable axes: ``{"latent": {0: "batch"}}``.
        metadata: written to ``metadata_props``; values that are not text are written as JSON. Every parameter
            is a tensor of its own name in the file; where equal ones share a tensor, an entry ``shared`` says which.
        opset: the operator set of the file.

    Returns:
        The file's bytes: checked by ``onnx.checker``, IR version at most 8, no external data, no
        doc strings, so that the same network always gives the same bytes.

    Raises:
        MissingExtraError: torch or onnx is not installed.
        LevelForgeError: the network breaks the contract (see :func:`check_model`).
    """
    try:
        import onnx
        import torch
    except ImportError:
        raise MissingExtraError("writing an ONNX model", "train") from None
    if len(example_inputs) != len(input_names):
        raise LevelForgeError(f"{len(example_inputs)} example inputs for the names {', '.join(input_names)}")
    buffer = io.BytesIO()
    target: Any = buffer  # a file object works, though the signature knows only paths
    training = module.training
    module.eval()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # The tracer warns of every Python branch on a shape and of its own retirement; what it
            # wrote is checked below and by the callers' parity tests.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                tuple(example_inputs),
                target,
                input_names=list(input_names),
                output_names=list(output_names),
                dynamic_axes={name: dict(axes) for name, axes in dynamic_axes.items()},
                opset_version=opset,
                do_constant_folding=True,
                dynamo=False,
            )
    finally:
        module.train(training)
    model = onnx.load_model_from_string(buffer.getvalue())
    model.ir_version = min(model.ir_version, IR_VERSION)
    _strip_doc_strings(model.graph)
    model.doc_string = ""
    del model.metadata_props[:]
    shared = _shared(module, model)
    metadata = {**metadata, **({"shared": shared} if shared else {})}
    facts = {key: _text(value) for key, value in sorted(metadata.items())}
    onnx.helper.set_model_props(model, facts)
    check_model(model, input_names, output_names, opset=opset)
    return bytes(model.SerializeToString(deterministic=True))


def check_model(
    model: onnx.ModelProto,
    input_names: Sequence[str],
    output_names: Sequence[str],
    *,
    opset: int = OPSET,
) -> None:
    """Check a model against the contract of the pack.

    Raises:
        LevelForgeError: wrong opset or IR version, other names, an input that is not float32, a
            random operator, external data, or anything ``onnx.checker`` refuses.
    """
    import onnx

    onnx.checker.check_model(model, full_check=True)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets != {"": opset}:
        raise LevelForgeError(f"model: operator sets {opsets} where only opset {opset} is allowed")
    if model.ir_version > IR_VERSION:
        raise LevelForgeError(f"model: IR version {model.ir_version} is above {IR_VERSION}")
    names = [i.name for i in model.graph.input], [o.name for o in model.graph.output]
    if names != (list(input_names), list(output_names)):
        raise LevelForgeError(
            f"model: has inputs {names[0]} and outputs {names[1]} where {list(input_names)} and "
            f"{list(output_names)} are needed (an input that the network never reads is dropped)"
        )
    for entry in model.graph.input:
        if entry.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
            raise LevelForgeError(f"model: input {entry.name!r}: {FLOAT_INPUTS_ONLY}")
    for entry in model.graph.output:
        if entry.type.tensor_type.elem_type == onnx.TensorProto.INT64:
            raise LevelForgeError(
                f"model: output {entry.name!r} is int64, a BigInt in JavaScript; cast it to int32"
            )
    for graph in _graphs(model.graph):
        for tensor in graph.initializer:
            if tensor.external_data:
                raise LevelForgeError(f"model: tensor {tensor.name!r} is kept in another file")
        for node in graph.node:
            _check_node(node)


def half_stored(data: bytes) -> bytes:
    """The same model with its weights kept as float16 and widened as it is loaded: half the size, about the same outputs.

    Args:
        data: an ONNX file without external data.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_model_from_string(data)
    graph = model.graph
    for place, tensor in enumerate(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALL_TENSOR:
            continue
        name = tensor.name
        graph.initializer[place].CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + HALF))
        graph.node.insert(0, helper.make_node("Cast", [name + HALF], [name], to=TensorProto.FLOAT))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _shared(module: torch.nn.Module, model: onnx.ModelProto) -> dict[str, str]:
    """Parameters that have no tensor of their name, since the exporter keeps equal ones once, and that one's name."""
    from onnx import numpy_helper

    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    shared = {}
    for name, parameter in module.named_parameters():
        value = parameter.detach().cpu().numpy()
        equal = (n for n, other in kept.items() if other.shape == value.shape and (other == value).all())
        same = None if name in kept else next(equal, None)
        if same is not None:
            shared[name] = same
    return shared


def _check_node(node: onnx.NodeProto) -> None:
    if node.op_type in RANDOM_OPERATORS:
        raise LevelForgeError(f"model: operator {node.op_type} is random; make the noise an input")
    if node.op_type == "ConvTranspose":
        for attribute in node.attribute:
            grouped = attribute.name == "group" and attribute.i != 1
            if grouped or (attribute.name == "dilations" and any(d != 1 for d in attribute.ints)):
                raise LevelForgeError(
                    "model: ConvTranspose with groups or dilations is read differently by engines"
                )


def _graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """The graph and all graphs inside its nodes (branches and loop bodies)."""
    found = [graph]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found += _graphs(attribute.g)
            for inner in attribute.graphs:
                found += _graphs(inner)
    return found


def _strip_doc_strings(graph: onnx.GraphProto) -> None:
    """Doc strings hold stack traces with the paths of the machine that exported."""
    for part in _graphs(graph):
        part.doc_string = ""
        for item in [*part.node, *part.input, *part.output, *part.value_info, *part.initializer]:
            item.doc_string = ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
