"""Models that were trained elsewhere: as modules and as ONNX files, in every form that is usual."""

import time

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import grounding
from grounding import UserError
from grounding.cli import main
from grounding.models.attached import onnx_session
from grounding.runs.attach import attach

SIZES = {"train_samples": 300, "val_samples": 50, "test_samples": 200}


class Maps(nn.Module):
    """An encoder to maps, with normalised pixels; the mean first, as a variational one gives."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 4, stride=4)

    def forward(self, images):
        maps = self.conv(images)
        return maps, maps.exp()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    return tmp_path


def test_a_pair_of_modules_is_a_run_that_answers_as_they_do(here):
    encoder, decoder = Maps(), nn.Sequential(nn.ConvTranspose2d(2, 1, 4, stride=4))
    run = grounding.attach(encoder, decoder, name="maps", data=SIZES, mean=0.13, std=0.3)
    images = torch.from_numpy(run.images()[:7]).float() / 255
    with torch.no_grad():
        maps = encoder((images - 0.13) / 0.3)[0]
        drawn = (decoder(maps) * 0.3 + 0.13).clamp(0, 1)
    torch.testing.assert_close(run.encode(images), maps.flatten(1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(run.decode(maps.flatten(1)), drawn, atol=1e-5, rtol=1e-5)
    assert run.latents().shape == (200, 98)
    assert run.has_trained_decoder


def test_it_can_be_loaded_without_its_code_and_is_measured_as_its_latents_are(here):
    attach(nn.Sequential(nn.Flatten(), nn.Linear(784, 5)), name="linear", data=SIZES)
    run = grounding.load("linear")
    assert not run.has_trained_decoder
    expected = grounding.metrics.trustworthiness(run.images(), run.latents(), k=5)
    assert run.measure("trustworthiness")["trustworthiness"] == pytest.approx(expected, abs=1e-6)


def test_who_attached_no_decoder_is_told_so_and_how_to_attach_one(here, capsys):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 5))
    run = attach(encoder, name="linear", data=SIZES)
    problem = (
        r"no decoder was attached to linear; attach .* --decoder FILE --force, or grounding\.att"
    )
    with pytest.raises(UserError, match=problem):
        run.decode(torch.zeros(1, 5))
    assert main("export-decoder", ["--config", "linear"]) == 2
    said = capsys.readouterr().err
    assert "no decoder was attached" in said
    assert "objectives" not in said
    decoder = nn.Sequential(nn.Linear(5, 784), nn.Unflatten(1, (1, 28, 28)))
    run = attach(encoder, decoder, name="linear", data=SIZES, force=True)  # as it says
    assert run.decode(torch.zeros(1, 5)).shape == (1, 1, 28, 28)
    assert run.without_decoder == ""


def _calling(path, depth, domain="own"):
    """A model of functions of which each calls the one before twice: 2^depth operators."""
    ops = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    last = [helper.make_node("Identity", ["a"], ["b"])]
    functions = [helper.make_function(domain, "f0", ["a"], ["b"], last, ops)]
    for i in range(1, depth + 1):
        calls = [helper.make_node(f"f{i - 1}", [a], [b], domain=domain) for a, b in ("am", "mb")]
        functions.append(helper.make_function(domain, f"f{i}", ["a"], ["b"], calls, ops))
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node(f"f{depth}", ["flat"], ["y"], domain=domain),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 784])
    graph = helper.make_graph(nodes, "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=ops, functions=functions, ir_version=9), path)
    return path


def test_functions_without_end_are_refused_before_they_are_unfolded(here):
    run = attach(_calling(here / "few.onnx", 3), name="few", data=SIZES)
    np.testing.assert_allclose(run.latents(), run.images().reshape(-1, 784) / 255, atol=1e-6)
    started = time.process_time()
    many = _calling(here / "many.onnx", 40)
    assert many.stat().st_size < 4000
    with pytest.raises(UserError, match=r"its functions stand for .* operators; at most 20,000"):
        attach(many, name="many", data=SIZES)
    with pytest.raises(ValueError, match="its functions stand for"):  # as in a checkpoint
        onnx_session(many.read_bytes())
    assert time.process_time() - started < 5
    model = onnx.load(here / "few.onnx")
    model.functions[0].node[0].op_type, model.functions[0].node[0].domain = "f3", "own"
    onnx.save(model, here / "itself.onnx")
    with pytest.raises(UserError, match="is not an ONNX model: its functions stand for"):
        attach(here / "itself.onnx", name="itself", data=SIZES)


def test_a_file_of_many_small_parts_is_refused_before_they_are_parsed(here):
    nodes = b"\x0a\x00" * 1_000_000  # of a graph, which is field 7
    length = bytes([0x80 | len(nodes) & 127, 0x80 | len(nodes) >> 7 & 127, len(nodes) >> 14])
    for data in (b"\x72\x00" * 1_000_000, b"\x3a" + length + nodes, b"\x0b" + b"\x72\x00" * 9):
        (here / "x.onnx").write_bytes(data)
        started = time.process_time()
        with pytest.raises(UserError, match=r"more than 400,000 parts|it is damaged"):
            attach(here / "x.onnx", name="x", data=SIZES)
        assert time.process_time() - started < 10


@pytest.mark.parametrize("said", [{}, {"length": "4000"}, {"offset": "10"}])
def test_of_a_file_beside_a_model_no_more_is_read_than_its_weights(here, said):
    """A tensor of three numbers that takes gigabytes of a file would be so large in memory."""
    (here / "w.bin").write_bytes(np.float32([1, 2, 3]).tobytes())
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3])
    weights.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "w.bin", **said}.items():
        weights.external_data.add(key=key, value=value)
    nodes = [
        helper.make_node("GlobalMaxPool", ["x"], ["m"]),
        helper.make_node("Flatten", ["m"], ["f"]),
        helper.make_node("Mul", ["f", "w"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "g", [x], [y], [weights])
    ops = [helper.make_opsetid("", 17)]
    (here / "x.onnx").write_bytes(
        helper.make_model(graph, opset_imports=ops, ir_version=9).SerializeToString()
    )
    if not said:
        run = attach(here / "x.onnx", name="x", data=SIZES)
        brightest = run.images().reshape(-1, 784).max(1) / 255
        np.testing.assert_allclose(run.latents(), np.outer(brightest, [1, 2, 3]), rtol=1e-5)
        (here / "w.bin").write_bytes(bytes(1_000_000))
    with pytest.raises(UserError, match=r"w has 12 bytes, and |not an ONNX model"):
        attach(here / "x.onnx", name="other", data=SIZES)


def test_branches_in_branches_are_one_line(here):
    def branches(depth, name="b"):
        out = [helper.make_tensor_value_info(f"o{name}", TensorProto.FLOAT, None)]
        if not depth:
            node = helper.make_node("Identity", ["flat"], [f"o{name}"])
            return helper.make_graph([node], name, [], out)
        both = [branches(depth - 1, f"{name}{side}") for side in "01"]
        both = dict(zip(("then_branch", "else_branch"), both, strict=True))
        return helper.make_graph(
            [helper.make_node("If", ["c"], [f"o{name}"], **both)], name, [], out
        )

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])
    y = helper.make_tensor_value_info("ob", TensorProto.FLOAT, ["n", 784])
    started = time.process_time()
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), *branches(8).node]
    path = _saved(here / "x.onnx", nodes, [numpy_helper.from_array(np.array(True), "c")], [x], [y])
    try:
        assert attach(path, name="branches", data=SIZES).latents().shape == (200, 784)
    except UserError as error:
        assert "\n" not in str(error)
    assert time.process_time() - started < 20


def _saved(path, nodes, weights, inputs, outputs, opset=17):
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


def _linear(path, takes, gives, kind=TensorProto.FLOAT, batch="n"):
    """Flatten -> matrix -> reshape; the matrix counts up in thousandths."""
    size, out = int(np.prod(takes)), int(np.prod(gives))
    matrix = (np.arange(size * out) % 17 / 1000).reshape(size, out)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
        helper.make_node("Reshape", ["y", "shape"], ["z"]),
    ]
    weights = [
        numpy_helper.from_array(matrix.astype(dtype), "w"),
        numpy_helper.from_array(np.array([-1, *gives], np.int64), "shape"),
    ]
    ends = [
        helper.make_tensor_value_info(name, kind, [batch, *shape])
        for name, shape in (("x", takes), ("z", gives))
    ]
    return _saved(path, nodes, weights, ends[:1], ends[1:]), matrix


@pytest.mark.parametrize(
    ("takes", "kind", "batch"),
    [
        ((1, 28, 28), TensorProto.FLOAT, "n"),
        ((784,), TensorProto.DOUBLE, "n"),
        ((28, 28, 1), TensorProto.FLOAT, 1),
        ((784,), TensorProto.FLOAT16, None),
    ],
    ids=["as ours", "flat, double", "channels last, batch of one", "flat, half"],
)
def test_an_onnx_pair_in_any_usual_form(here, takes, kind, batch):
    encoder, w = _linear(here / "e.onnx", takes, (3,), kind, batch)
    decoder, v = _linear(here / "d.onnx", (3,), takes, kind, batch)
    run = attach(encoder, decoder, name="pair", data=SIZES)
    pixels = run.images()[:4].reshape(4, -1) / 255
    digits = 2e-3 if kind == TensorProto.FLOAT16 else 1e-5
    z = run.encode(run.images()[:4])
    np.testing.assert_allclose(z, pixels @ w, rtol=digits, atol=digits)
    drawn = run.decode(z).reshape(4, -1)
    np.testing.assert_allclose(drawn, np.clip(z @ v, 0, 1), rtol=digits, atol=digits)


def test_colours_with_channels_last_come_out_in_their_places(here):
    images = np.random.default_rng(0).integers(0, 256, (40, 3, 6, 8), np.uint8)
    from grounding.export.adapted import adapted

    given = torch.from_numpy(images).float() / 255
    encoder, w = _linear(here / "e.onnx", (6, 8, 3), (4,))
    decoder, v = _linear(here / "d.onnx", (2, 2, 1), (6, 8, 3))
    data, latent = adapted(encoder, "encoder", given, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    assert latent == (4,)
    from grounding.models.attached import onnx_session

    (z,) = onnx_session(data).run(None, {"input": given.numpy()})
    last = (images / 255).transpose(0, 2, 3, 1)
    expected = ((last - (0.1, 0.2, 0.3)) / (0.5, 0.6, 0.7)).reshape(40, -1) @ w
    np.testing.assert_allclose(z, expected, rtol=1e-4, atol=1e-4)
    data, _ = adapted(decoder, "decoder", given, latent_shape=latent)
    (drawn,) = onnx_session(data).run(None, {"latent": z})
    expected = np.clip((z @ v).reshape(40, 6, 8, 3), 0, 1).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(drawn, expected, rtol=1e-4, atol=1e-4)


def test_what_cannot_be_used_is_one_line_with_both_shapes(here):
    def refused(*models, **options):
        with pytest.raises(UserError) as error:
            attach(*models, data=SIZES, **options)
        assert "\n" not in str(error.value)
        assert not (here / "artifacts" / "attached.run.json").exists()
        return str(error.value)

    colour, _ = _linear(here / "colour.onnx", (3, 32, 32), (4,))
    assert "takes 3 x 32 x 32, but the images are 1 x 28 x 28" in refused(colour)
    encoder, _ = _linear(here / "e.onnx", (784,), (4,))
    five, _ = _linear(here / "five.onnx", (5,), (784,))
    assert "takes 5, but the latents are 4" in refused(encoder, five)
    small, _ = _linear(here / "small.onnx", (4,), (100,))
    assert "decoder" in refused(encoder, small)
    (here / "text.onnx").write_text("not ONNX")
    assert "is not an ONNX model" in refused(here / "text.onnx")
    assert "does not exist" in refused(here / "none.onnx")
    assert "cannot take images of 1 x 28 x 28" in refused(nn.Linear(3, 4))
    assert "must be one finite number, or one for each of the 1 channels" in refused(
        encoder, mean=(0.1, 0.2)
    )
    assert "std must not be 0" in refused(encoder, std=0)
    many, _ = _linear(here / "many.onnx", (784,), (5000,))
    assert "a latent has 1 to 4096 numbers" in refused(many)


def test_an_encoder_that_draws_is_refused(here):
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"], axis=1),
        helper.make_node("RandomNormalLike", ["flat"], ["z"]),
    ]
    ends = [
        helper.make_tensor_value_info(n, 1, ["n", *s])
        for n, s in (("x", (1, 28, 28)), ("z", (784,)))
    ]
    path = _saved(here / "e.onnx", nodes, [], ends[:1], ends[1:])
    with pytest.raises(
        UserError, match="answers otherwise each time; export it in evaluation mode"
    ):
        attach(path, data=SIZES)


def test_a_name_stands_for_one_model(here):
    first, other = (nn.Sequential(nn.Flatten(), nn.Linear(784, 4)) for _ in range(2))
    run = attach(first, data=SIZES)
    before = run.path.read_bytes()
    attach(first, data=SIZES)  # the same again
    assert run.path.read_bytes() == before
    with pytest.raises(UserError, match=r"the name attached is taken by a run with model.sha256"):
        attach(other, data=SIZES)
    assert run.path.read_bytes() == before
    replaced = attach(other, data=SIZES, force=True)
    assert replaced.sha256 != run.sha256


def test_the_commands_take_it_to_the_last_output(here, capsys):
    encoder, _ = _linear(here / "e.onnx", (784,), (4,))
    decoder, _ = _linear(here / "d.onnx", (4,), (784,))
    sizes = [f"--set=data.{key}={value}" for key, value in SIZES.items()]
    words = ["attach", "--encoder", str(encoder), "--decoder", str(decoder), "--name", "mine"]
    assert main(argv=[*words, *sizes]) == 0
    assert "grounding run --config mine" in capsys.readouterr().out
    assert main(argv=["run", "--config", "mine"]) == 0
    out = capsys.readouterr().out
    for ending in ("encoder.onnx", "decoder.onnx", "test_interactive_assets.json", "analysis.txt"):
        assert (here / "artifacts" / f"mine_{ending}").exists()
    assert "6,272" in out  # parameters: 784 x 4 and 4 x 784
    assert main(argv=["report", "--config", "mine"]) == 0
    page = (here / "artifacts" / "mine_report.html").read_text()
    assert "PCA-4" in page
    assert "untrained encoder" not in page  # nobody knows what its training began with
    assert main(argv=["verify", "mine"]) == 0
    (here / "artifacts" / "mine_final.pt").unlink()
    capsys.readouterr()
    assert main(argv=["run", "--config", "mine"]) == 2
    assert "attach it again: grounding attach --name mine" in capsys.readouterr().err
