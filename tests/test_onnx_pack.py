"""Models are written as engines need them: opset 15, IR 8, one file, the same bytes each time."""

import json

import numpy as np
import onnxruntime
import pytest

from levelforge.errors import LevelForgeError

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
from levelforge.exporters.onnx_pack import check_model, export_model  # noqa: E402 (needs the extra)


class Net(torch.nn.Module):
    def __init__(self, dtype=torch.int32, *, random=False):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 3, padding=1)
        self.dtype, self.random = dtype, random

    def forward(self, latent, noise):
        x = torch.nn.functional.interpolate(self.conv(latent), scale_factor=4.0)
        x = x[:, :, : noise.shape[2], : noise.shape[3]] + noise
        x = x + torch.rand_like(x) if self.random else x
        return x.argmax(1).to(self.dtype)


AXES = {
    "latent": {0: "n", 2: "h", 3: "w"},
    "noise": {0: "n", 2: "H", 3: "W"},
    "tiles": {0: "n", 1: "H", 2: "W"},
}


def export(net, **changes):
    inputs = [torch.zeros(1, 2, 2, 3), torch.zeros(1, 3, 7, 11)]
    known = {"input_names": ["latent", "noise"], "output_names": ["tiles"], "dynamic_axes": AXES}
    return export_model(net, inputs, metadata={"kind": "test", "words": ["a", "b"]}, **known | changes)


def test_a_model_is_self_contained_and_runs_at_any_size():
    net = Net()
    data = export(net)
    model = onnx.load_model_from_string(data)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 15)]
    assert model.ir_version <= 8
    assert not any(node.doc_string for node in model.graph.node)
    facts = {p.key: p.value for p in model.metadata_props}
    assert facts["kind"] == "test"
    assert json.loads(facts["words"]) == ["a", "b"]
    assert data == export(net)
    assert net.training
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    latent, noise = rng.normal(size=(2, 2, 4, 3)).astype("f"), rng.normal(size=(2, 3, 13, 10)).astype("f")
    (tiles,) = session.run(None, {"latent": latent, "noise": noise})
    assert (tiles.dtype, tiles.shape) == (np.int32, (2, 13, 10))
    with torch.no_grad():
        assert np.array_equal(tiles, net.eval()(torch.from_numpy(latent), torch.from_numpy(noise)).numpy())


@pytest.mark.parametrize(
    ("net", "words"), [(Net(torch.int64), "int64"), (Net(random=True), "is random")], ids=["int64", "random"]
)
def test_what_engines_cannot_run_is_refused(net, words):
    with pytest.raises(LevelForgeError, match=words):
        export(net)


def test_other_names_and_versions_are_refused():
    model = onnx.load_model_from_string(export(Net()))
    with pytest.raises(LevelForgeError, match="are needed"):
        check_model(model, ["latent", "nois"], ["tiles"])
    with pytest.raises(LevelForgeError, match="only opset 13 is allowed"):
        check_model(model, ["latent", "noise"], ["tiles"], opset=13)
