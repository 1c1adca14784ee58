import hashlib
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from grounding._errors import UserError
from grounding.export.onnx import export_onnx
from grounding.export.onnx_file import checked_metadata, onnx_metadata
from grounding.models.build import ARCHITECTURES, build_autoencoder


def model(architecture):
    torch.manual_seed(0)
    hidden = (16, 8) if architecture == "vanilla_fc" else (4, 8)
    return build_autoencoder(
        architecture,
        image_shape=(1, 28, 28),
        latent_dim=6,
        hidden_dims=hidden,
        dropout=0.2,
        base_channels=8,
    ).eval()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_both_halves_agree_with_torch_at_any_batch(tmp_path, architecture):
    autoencoder = model(architecture)
    images = torch.rand(40, 1, 28, 28)
    latents = autoencoder.encode(images).detach()
    encoder, decoder = tmp_path / "e.onnx", tmp_path / "d.onnx"
    assert export_onnx(autoencoder.encoder, images, "encoder", encoder, {}) <= 1e-5
    assert export_onnx(autoencoder.decoder, latents, "decoder", decoder, {}) <= 1e-5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.onnx", "e.onnx"]

    first, second = (onnxruntime.InferenceSession(p.read_bytes()) for p in (encoder, decoder))
    assert [i.name for i in first.get_inputs()] == ["input"]
    assert [o.name for o in first.get_outputs()] == ["latent"]
    assert [i.name for i in second.get_inputs()] == ["latent"]
    assert [o.name for o in second.get_outputs()] == ["reconstruction"]
    assert first.get_inputs()[0].shape[1:] == [1, 28, 28]
    assert isinstance(first.get_inputs()[0].shape[0], str)
    for size in (1, 3, 40):
        (z,) = first.run(None, {"input": images[:size].numpy()})
        assert np.abs(z - latents[:size].numpy()).max() < 1e-5
        (x,) = second.run(None, {"latent": z})
        assert np.abs(x - autoencoder(images[:size]).detach().numpy()).max() < 1e-5


def test_the_file_stands_alone_and_tells_nothing_of_this_machine(tmp_path):
    path = tmp_path / "e.onnx"
    facts = {"made_from": json.dumps({"checkpoint_sha256": "abc"})}
    export_onnx(
        model("asymmetric_resnet").encoder, torch.rand(3, 1, 28, 28), "encoder", path, facts
    )
    data = path.read_bytes()
    digest = hashlib.sha256(data[:-76]).hexdigest()
    assert onnx_metadata(path) == checked_metadata(path) == {**facts, "sha256": digest}
    loaded = onnx.load(path, load_external_data=False)
    assert {p.key: p.value for p in loaded.metadata_props} == onnx_metadata(path)
    assert [(o.domain, o.version) for o in loaded.opset_import] == [("", 18)]
    assert all(not tensor.external_data for tensor in loaded.graph.initializer)
    text = path.read_bytes()
    for trace in (b".py", b"site-packages", b"/home", str(tmp_path.parent).encode(), b"torch.nn"):
        assert trace not in text


def test_the_same_model_gives_the_same_file(tmp_path):
    files = [tmp_path / name for name in ("a.onnx", "b.onnx")]
    for file in files:
        export_onnx(model("naive_conv").encoder, torch.rand(2, 1, 28, 28), "encoder", file, {})
    assert files[0].read_bytes() == files[1].read_bytes()


class Unstable(nn.Module):
    """Gives another answer each time, as no ONNX file can."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        return self.linear(x) if torch.onnx.is_in_onnx_export() else self.linear(x) + 1e-4


def test_a_file_that_differs_is_not_left_behind(tmp_path):
    path = tmp_path / "e.onnx"
    path.write_bytes(b"the old one")
    with pytest.raises(UserError, match=r"was not written: onnxruntime differs .* by 0.0001"):
        export_onnx(Unstable().eval(), torch.rand(3, 4), "encoder", path, {})
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_onnx_is_said(tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match="is not an ONNX file"):
        onnx_metadata(path)
