"""`import grounding`: runs from Python, and the libraries that need none; arrays and tensors."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import REDUCED, image_set, inside

import grounding

NAME = "naive_covnet_autoencoder_low_samples"
SMALL = dict(setting.split("=") for setting in REDUCED)
SMALL = {key: json.loads(value) if value.isdigit() else value for key, value in SMALL.items()}
TRAINED = [one.name for one in grounding.register.model.components() if one.name != "attached"]
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    """Experiment 2 with few test images, trained from Python, and the folder that it lies in."""
    folder = tmp_path_factory.mktemp("api")
    with inside(folder):
        run = grounding.train("2", quiet=True, data={"test_samples": 300})
    return run, folder


@pytest.fixture
def run(trained_run, monkeypatch):
    """The run, with its folder as the current one."""
    monkeypatch.chdir(trained_run[1])
    return trained_run[0]


def test_the_face_of_the_package_is_a_short_list():
    names = {
        *("train", "load", "attach", "evaluate", "load_config", "Run", "Experiment", "UserError"),
        *("__version__", "datasets", "dynamics", "metrics", "models", "objectives", "register"),
        *("report", "figures", "Sweep"),
    }
    assert set(dir(grounding)) == set(grounding.__all__) == names
    for name in names:
        assert getattr(grounding, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        grounding.trian  # noqa: B018
    assert issubclass(grounding.UserError, ValueError)


def test_importing_is_light():
    script = "import sys, grounding; print(*sorted(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert not {"torch", "numpy", "pydantic", "yaml", "click"} & set(loaded.stdout.split())


def test_a_run_says_what_it_is(run):
    assert repr(run) == (
        f"Run({NAME!r}: naive_conv, 100 training images of 1 x 28 x 28, 32 latent dimensions)"
    )
    assert run.name == NAME
    assert run.experiment.training.epochs == 30
    assert run.has_trained_decoder
    assert f"{NAME}_final.pt" in run.manifest.artifacts


def test_latents_images_and_labels_go_together(run):
    for split, count in (("train", 100), ("val", 5000), ("test", 300)):
        images, labels, latents = run.images(split), run.labels(split), run.latents(split)
        assert (images.shape, images.dtype) == ((count, 1, 28, 28), np.uint8)
        assert (labels.shape, labels.dtype) == ((count,), np.int64)
        assert (latents.shape, latents.dtype) == ((count, 32), np.float32)
    assert (run.latents() == run.encode(run.images())).all()
    with pytest.raises(ValueError, match="'all' is unknown; there are: train, val, test"):
        run.images("all")


def test_encode_and_decode_give_back_what_they_are_given(run):
    images = run.images()[:7]
    z = run.encode(images)
    assert isinstance(z, np.ndarray)
    for same in (images[:, 0], images / 255, (images / 255).astype(np.float32)):
        assert np.allclose(run.encode(same), z, atol=1e-5)
    tensors = run.encode(torch.tensor(images))
    assert isinstance(tensors, torch.Tensor)
    assert not tensors.requires_grad
    assert (tensors.numpy() == z).all()
    drawn = run.decode(z)
    assert (drawn.shape, drawn.dtype) == ((7, 1, 28, 28), np.float32)
    assert 0 <= drawn.min() <= drawn.max() <= 1
    assert (run.decode(torch.tensor(z)).numpy() == drawn).all()
    assert np.allclose(run.decode(z.astype(np.float64)), drawn)
    assert run.encode(images[:0]).shape == (0, 32)
    assert run.decode(z[:0]).shape == (0, 1, 28, 28)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda run: run.encode(np.zeros((2, 1, 28, 27), np.uint8)), r"expected \(N, 1, 28, 28\)"),
        (lambda run: run.encode(np.zeros((28, 28), np.uint8)), r"shape \(28, 28\)"),
        (lambda run: run.encode(np.zeros((2, 28, 28), np.int64)), "int64, expected uint8 or float"),
        (lambda run: run.decode(np.zeros((2, 31), np.float32)), r"expected \(N, 32\)"),
        (lambda run: run.decode(torch.zeros(32)), r"expected \(N, 32\)"),
        (lambda run: run.measure("knn_acuracy"), "knn_acuracy.*did you mean knn_accuracy"),
        (lambda run: run.export("onnx"), "cannot be exported; there are: analysis"),
    ],
)
def test_what_cannot_be_is_a_value_error_of_one_line(run, call, said):
    with pytest.raises(ValueError, match=said) as error:
        call(run)
    assert "\n" not in str(error.value)


def test_measure_agrees_with_the_functions(run):
    found = run.measure("knn_accuracy", "trustworthiness", "silhouette")
    z, x, y = run.latents(), run.images().reshape(300, -1), run.labels()
    metrics = grounding.metrics
    accuracy = metrics.knn_accuracy(run.latents("train"), run.labels("train"), z, y, 5)
    assert found["knn_accuracy"] == accuracy
    assert found["trustworthiness"] == pytest.approx(metrics.trustworthiness(x, z, k=5))
    assert found["silhouette"] == pytest.approx(metrics.silhouette(z, y), abs=1e-6)
    every = run.measure(split="train")
    assert {"manifold_score", "knn_test_accuracy", "fisher_ratio"} <= every.keys()


def test_embed_lays_out_a_split(run):
    points = run.embed(max_points=100)
    assert (points.shape, points.dtype) == ((100, 3), np.float32)
    assert np.isfinite(points).all()
    assert run.embed("train", max_points=0, l2_normalize=True).shape == (100, 3)


def test_export_enters_its_files_in_the_manifest(run):
    paths = run.export("encoder", "weights", "analysis")
    assert [p.name for p in paths] == [
        f"{NAME}_{ending}" for ending in ("encoder.onnx", "weights.safetensors", "analysis.json")
    ]
    assert all(path.name in run.manifest.artifacts for path in paths)
    before = paths[0].stat().st_mtime_ns
    run.export("encoder")
    assert paths[0].stat().st_mtime_ns == before


def test_the_same_run_by_name_manifest_checkpoint_and_number(run, tmp_path, monkeypatch):
    ways = [NAME, f"artifacts/{NAME}.run.json", Path(f"artifacts/{NAME}_final.pt"), "2"]
    for way in ways:
        loaded = grounding.load(way)
        assert (loaded.name, loaded.sha256) == (NAME, run.sha256)
        assert (loaded.latents()[:300] == run.latents()).all()
    here = Path.cwd()
    monkeypatch.chdir(tmp_path)
    for way in ways[1:3]:
        assert grounding.load(here / way).sha256 == run.sha256
    with pytest.raises(grounding.UserError, match=f"no run {NAME}: config .* does not exist"):
        grounding.load(NAME)
    with pytest.raises(grounding.UserError, match=r"no run 2: checkpoint .* does not exist"):
        grounding.load("2")


def test_a_trained_run_is_not_trained_again_and_its_name_is_taken(run):
    before = run.path.read_bytes()
    again = grounding.train("2", quiet=True)
    assert again.sha256 == run.sha256
    for change, said in (
        ({"training": {"epochs": 3}}, "training.epochs=30 .here 3."),
        ({"training.batch_size": 64}, "training.batch_size=128 .here 64."),
        ({"experiment": {"seed": 1}}, "seed=42"),
    ):
        with pytest.raises(grounding.UserError, match=said) as error:
            grounding.train("2", quiet=True, **change)
        assert f"experiment.name={NAME}_2" in str(error.value)
    assert run.path.read_bytes() == before


def test_train_takes_overrides_an_experiment_and_a_folder_of_images(in_folder, capsys):
    experiment = grounding.load_config("3", **SMALL, experiment={"name": "third"})
    assert isinstance(experiment, grounding.Experiment)
    run = grounding.train(experiment)
    assert "epoch 2/2" in capsys.readouterr().out
    assert run.name == "third"
    assert run.experiment.data.train_samples == 100
    with pytest.raises(TypeError, match="overrides need a config by name"):
        grounding.train(experiment, training={"epochs": 3})
    data = {"data_dir": str(image_set(in_folder / "images")), "train_samples": 100}
    data |= {"val_samples": 20, "test_samples": 50}
    other = grounding.train(
        "2", quiet=True, experiment={"name": "own"}, training={"epochs": 1}, data=data
    )
    assert not capsys.readouterr().out
    assert other.splits.image_shape == (1, 12, 12)
    assert set(other.labels().tolist()) == {0, 1, 2, 3}
    first = other.sha256
    forced = grounding.train(
        "2", quiet=True, force=True, experiment={"name": "own"}, data=data, training={"epochs": 2}
    )
    assert forced.checkpoint.epoch == 2
    assert forced.sha256 != first


def test_interrupted_training_is_resumed(in_folder):
    settings = {**SMALL, "experiment.name": "long"}
    grounding.train("2", quiet=True, **settings)
    longer = {**settings, "training.epochs": 3}
    resumed = grounding.train("2", quiet=True, resume=True, **longer)
    whole = grounding.train("2", quiet=True, **{**longer, "experiment.name": "whole"})
    assert [epoch.epoch for epoch in resumed.checkpoint.history] == [1, 2, 3]
    for name, weights in whole.checkpoint.state_dict.items():
        assert torch.equal(resumed.checkpoint.state_dict[name], weights)


def test_load_config_checks_what_it_is_told():
    experiment = grounding.load_config(
        "5", training={"epochs": 3}, **{"data.train_samples": 1000, "model.hidden_dims": (8, 16)}
    )
    assert experiment.training.epochs == 3
    assert experiment.data.train_samples == 1000
    assert experiment.model.hidden_dims == [8, 16]
    with pytest.raises(ValueError, match=r"training.epoch: unknown key; did you mean epochs\?"):
        grounding.load_config("5", training={"epoch": 3})
    with pytest.raises(ValueError, match=r"training.epochs: .* got '3'"):
        grounding.load_config("5", **{"training.epochs": "3"})
    with pytest.raises(ValueError, match="packaged are: 0_naive"):
        grounding.load_config("12")
    with pytest.warns(UserWarning, match="noise_std is now .*noise.std"):
        earlier = grounding.load_config("4", self_supervised={"augmentation": {"noise_std": 0.3}})
    assert earlier.self_supervised.augmentations.noise.std == 0.3


def _clusters():
    """Images, latents that follow them, and labels."""
    y = np.arange(60) % 3
    z = (RNG.normal(size=(60, 4)) + 3 * np.eye(4)[y]).astype(np.float32)
    return z @ RNG.normal(size=(4, 9)).astype(np.float32), z, y


@pytest.mark.parametrize(
    ("name", "asks"),
    [
        ("trustworthiness", "xz"),
        ("continuity", "xz"),
        ("silhouette", "zy"),
        ("davies_bouldin", "zy"),
        ("calinski_harabasz", "zy"),
        ("fisher_ratio", "zy"),
        ("neighbor_label_agreement", "zy"),
        ("knn_accuracy", "zyzy"),
        ("linear_probe_accuracy", "zyzy"),
    ],
)
def test_metrics_take_arrays_and_tensors(name, asks):
    x, z, y = _clusters()
    arrays = [{"x": x, "z": z, "y": y}[what] for what in asks]
    function = getattr(grounding.metrics, name)
    value = function(*arrays)
    assert isinstance(value, float)
    assert function(*(torch.tensor(array) for array in arrays)) == value
    with pytest.raises(ValueError, match=r"\w"):
        function(*(array[:0] for array in arrays))


def test_measure_takes_a_space_from_anywhere():
    x, z, y = _clusters()
    space = grounding.metrics.Space(
        z=z, x=x, labels=y, train_z=torch.tensor(z), train_labels=torch.tensor(y)
    )
    found = grounding.metrics.measure(space, "manifold")
    assert found.values["silhouette"] == pytest.approx(grounding.metrics.silhouette(z, y))
    unlabelled = grounding.metrics.measure(grounding.metrics.Space(z=z, x=x), "manifold")
    assert unlabelled.values.keys() == {"trustworthiness", "continuity"}
    assert unlabelled.left_out["silhouette"] == "needs labels"


@pytest.mark.parametrize("name", TRAINED)
def test_models_of_any_shape(name):
    model = grounding.models.build(name, (3, 17, 20), latent_dim=5)
    images = torch.rand(2, 3, 17, 20)
    assert model.encode(images).shape == (2, 5)
    assert model(images).shape == images.shape
    with pytest.raises(ValueError, match="latent_dims: there is no such setting; did you mean lat"):
        grounding.models.build(name, (1, 28, 28), latent_dims=5)


def test_an_unknown_model_is_named():
    with pytest.raises(ValueError, match=r"'naive_cnov' is unknown; did you mean naive_conv\?"):
        grounding.models.build("naive_cnov", (1, 28, 28))


def test_objectives_are_losses_and_a_sum_of_them():
    a, b = (RNG.normal(size=(6, 5)).astype(np.float32) for _ in range(2))
    objectives = grounding.objectives
    for loss, *arguments in (
        (objectives.vicreg_loss, a, b),
        (objectives.kl_divergence, a, b),
        (objectives.contrastive_loss, a, np.arange(6) % 3, 0.1),
        (objectives.reconstruction_error, a, b),
        (objectives.classification_loss, a, np.arange(6) % 5),
    ):
        tensors = [torch.tensor(v) if isinstance(v, np.ndarray) else v for v in arguments]
        assert float(loss(*arguments)) == pytest.approx(float(loss(*tensors)))
    model = grounding.models.build("naive_conv", (1, 28, 28))
    total = objectives.build({"reconstruction": 2.0, "contrastive": 1.0}, model=model)
    x = torch.rand(8, 1, 28, 28)
    batch = grounding.datasets.Batch(x, x, torch.arange(4).repeat(2))
    total(model, batch).backward()
    assert all(p.grad is not None for p in model.parameters())
    with pytest.raises(ValueError, match=r"temprature: .*did you mean temperature"):
        objectives.build({"contrastive": 1.0}, model=model, temprature=1)
    with pytest.raises(ValueError, match="objective 'contrast' is unknown; did you mean contrast"):
        objectives.build({"contrast": 1.0}, model=model)


def test_a_whole_training_from_the_libraries_alone():
    """No YAML, no name, no file."""
    images = grounding.datasets.load("mnist")
    splits = grounding.datasets.cut(images, train=64, val=32, test=10, seed=1)
    with torch.random.fork_rng(devices=[]):  # the weights are drawn from torch's global state
        torch.manual_seed(0)
        model = grounding.models.build("vanilla_fc", splits.image_shape, latent_dim=4)
    sum_of = grounding.objectives.build({"reconstruction": 1.0}, model=model)
    inputs = grounding.datasets.TrainingInputs(splits.train.images, seed=1, batch_size=16)
    from grounding.training import train

    losses = [
        epoch.train_loss
        for epoch in train(
            model, sum_of, inputs, splits.val.images, epochs=3, learning_rate=0.01
        ).history
    ]
    assert losses == sorted(losses, reverse=True)


def test_datasets_are_arrays(tmp_path):
    mnist = grounding.datasets.load()
    assert mnist.train_images.shape == (60000, 1, 28, 28)
    assert mnist.classes == tuple(range(10))
    own = grounding.datasets.load(image_set(tmp_path))
    assert (own.image_shape, own.classes) == ((1, 12, 12), (0, 1, 2, 3))
    images = torch.rand(4, 1, 28, 28)
    changed = grounding.datasets.augment(images, 1, rotation={"max_degrees": 30}, noise={})
    assert changed.shape == images.shape
    assert torch.equal(
        changed, grounding.datasets.augment(images, 1, rotation={"max_degrees": 30}, noise={})
    )
    with pytest.raises(ValueError, match="'fashion' is unknown"):
        grounding.datasets.load(tmp_path, source="fashion")
    with pytest.raises(ValueError, match="nowhere does not exist"):
        grounding.datasets.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="augmentation 'blurr' is unknown"):
        grounding.datasets.augment(images, blurr={})


def test_names_are_registered_once():
    register = grounding.register
    with pytest.raises(ValueError, match="has letters, digits and _ only"):
        register.metric("my metric")
    with pytest.raises(
        ValueError, match=r"model vgg is registered already, by grounding\.models\.vgg"
    ):
        register.model("vgg")(lambda shape, settings: None)
    with pytest.raises(ValueError, match=r"metric 'knn' is unknown.*there are: "):
        register.metric["knn"]
    assert grounding.metrics.facts("silhouette").title == "silhouette"
    assert "naive_conv" in register.model.names()
