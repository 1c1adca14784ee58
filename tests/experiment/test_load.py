import json
from pathlib import Path

import pytest

from grounding._errors import UserError
from grounding.experiment.load import PACKAGED_CONFIGS, load_experiment, packaged_configs
from grounding.experiment.schema import Experiment, json_schema

MINIMAL = "experiment:\n  name: tiny\nmodel:\n  architecture: naive_conv\n"

# experiments.md: name, architecture, train images, epochs, augmented.
TABLE = {
    "0_naive_autoencoder": ("naive_autoencoder", "vanilla_fc", 55000, 15, False),
    "1_naive_covnet_autoencoder": ("naive_covnet_autoencoder", "naive_conv", 55000, 15, False),
    "2_naive_covnet_autoencoder_low_samples": (
        "naive_covnet_autoencoder_low_samples",
        "naive_conv",
        100,
        30,
        False,
    ),
    "3_regularized_covnet": ("regularized_covnet", "naive_conv", 100, 30, False),
    "4_self_supervised_covnet_aug100": (
        "self_supervised_covnet_aug100",
        "naive_conv",
        100,
        30,
        True,
    ),
    "5_asymmetric_resnet8_autoencoder": (
        "asymmetric_resnet8_autoencoder",
        "asymmetric_resnet",
        100,
        30,
        True,
    ),
}


def write(folder: Path, text: str) -> Path:
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(path: Path, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load_experiment(path, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", TABLE)
def test_the_packaged_configs_say_what_the_experiments_are(name):
    experiment = load_experiment(name)
    told = (
        experiment.name,
        experiment.model.architecture,
        experiment.data.train_samples,
        experiment.training.epochs,
        experiment.self_supervised.enabled,
    )
    assert told == TABLE[name]
    assert experiment.seed == 42
    assert (experiment.data.val_samples, experiment.data.test_samples) == (5000, 10000)
    assert (experiment.training.batch_size, experiment.training.learning_rate) == (128, 0.001)
    assert experiment.model.latent_dim == 32
    assert experiment.regularization.dropout_p == (0.2 if name.startswith("3") else 0)
    assert experiment.checkpoint_path == Path(f"artifacts/{name}_final.pt")
    assert experiment.analysis_path == Path(f"artifacts/{name}_analysis.txt")
    manifold = Path(f"artifacts/{experiment.name}_manifold_metrics.json")
    assert experiment.manifold_analysis_path == manifold
    if experiment.self_supervised.enabled:
        assert experiment.self_supervised.augmentations_per_sample == 100
        assert experiment.self_supervised.refreshes


def test_each_packaged_config_opens_with_its_schema_and_its_command():
    assert [path.stem for path in packaged_configs()[:6]] == list(TABLE)
    for path in packaged_configs():
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# yaml-language-server: $schema=schema.json\n")
        assert f"--config grounding/configs/{path.name}" in text


def test_the_shipped_json_schema_is_that_of_the_models():
    shipped = json.loads((PACKAGED_CONFIGS / "schema.json").read_text(encoding="utf-8"))
    assert shipped == json_schema(), (
        "write it again: grounding schema > grounding/configs/schema.json"
    )


def test_every_setting_is_described():
    def undescribed(schema: dict[str, object]) -> list[str]:
        return [
            f"{name}.{key}"
            for name, section in schema["$defs"].items()
            for key, value in section["properties"].items()
            if not value.get("description")
        ]

    assert undescribed(json_schema()) == []


def test_a_minimal_file_has_sensible_defaults(tmp_path):
    experiment = load_experiment(write(tmp_path, MINIMAL))
    assert experiment.checkpoint_path == Path("artifacts/tiny_final.pt")
    assert experiment.model.build_arguments()["hidden_dims"] == [8, 16]


def test_a_config_is_found_by_name_number_or_documented_path(in_folder):
    for spelling in (
        "5",
        "5_asymmetric_resnet8_autoencoder",
        "5_asymmetric_resnet8_autoencoder.yaml",
        "grounding/configs/5_asymmetric_resnet8_autoencoder.yaml",
    ):
        assert load_experiment(spelling).name == "asymmetric_resnet8_autoencoder"
    write(in_folder, MINIMAL)
    assert load_experiment("x.yaml").name == "tiny"


def test_a_missing_config_names_the_nearest_one(in_folder):
    message = problem(Path("5_asymetric_resnet8_autoencoder.yaml"))
    assert "did you mean 5_asymmetric_resnet8_autoencoder?" in message
    assert "is a folder" in problem(in_folder)
    assert "does not exist" in problem(in_folder / "none.yaml")


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("training:\n  epocs: 3\n", ":6:3: training.epocs: unknown key; did you mean epochs?"),
        ("output:\n  nam: x\ntraining:\n  epochs: 0\n", "output.nam: unknown key"),
        ("trainin:\n  epochs: 3\n", ":5:1: trainin: unknown key; did you mean training?"),
        ("latent_dim: 3\n", ":5:1: latent_dim: unknown key; did you mean model.latent_dim?"),
        ("training:\n  zzz: 3\n", "training.zzz: unknown key; allowed: batch_size, epochs"),
        ("training:\n  epochs: 0\n", ":6:3: training.epochs: should be greater than or equal to 1"),
        ("training:\n  epochs: '3'\n", "training.epochs: should be a valid integer, got '3'"),
        ("training:\n  epochs: 3.5\n", "training.epochs: should be a valid integer, got 3.5"),
        ("training:\n  epochs: true\n", "training.epochs: should be a valid integer, got True"),
        ("training:\n  epochs:\n", "training.epochs: should be a valid integer, got nothing"),
        ("training:\n  device: gpu\n", "should be 'auto', 'cuda', 'mps' or 'cpu', got 'gpu'"),
        ("training:\n  learning_rate: fast\n", "should be a valid number, got 'fast'"),
        ("training: 3\n", ":5:1: training:"),
        ("regularization:\n  dropout:\n    p: 1.0\n", ":7:5: regularization.dropout.p:"),
        ("regularization:\n  dropout:\n    enabled: yes\n", "should be a valid boolean, got 'yes'"),
    ],
)
def test_a_wrong_value_is_named_with_line_and_what_is_allowed(tmp_path, extra, expected):
    path = write(tmp_path, MINIMAL + extra)
    message = problem(path)
    assert message.startswith(str(path))
    assert expected in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("objectives.reconstruction=0", "all weights are 0; give at least one"),
        ("objectives.contrastive=1", "contrastive compares views of an image; set views to 2"),
        ("objectives.close=2", "close 2 is more than near 0"),
        ("objectives.near=2", "near has an effect on contrastive only"),
        ("objectives.mirrored=true", "x.yaml: objectives.mirrored needs new views in each epoch"),
        ("objectives.composites=5", "x.yaml: objectives.composites needs new views in each epoch"),
        ("objectives.views=2", "x.yaml: objectives.views 2 needs views to differ"),
        ("objectives.reconstruction_of=view", "reconstruction_of view needs views: set"),
        ("model.encoder_depth=8", "encoder_depth is only for asymmetric_resnet"),
        ("model.input_dim=784", "input_dim is only for vanilla_fc"),
        ("model.hidden_dims=[]", "model.hidden_dims"),
        ("model.hidden_dims=[8,x]", "model.hidden_dims.1: should be a valid integer, got 'x'"),
        ("experiment.name=../x", "experiment.name"),
        ("experiment.seed=-1", "experiment.seed"),
        ("training.epocs=3", "--set training.epocs=3: training.epocs: unknown key; did you mean"),
        ("training=3", "--set training=3: write it as section.key=value"),
        ("training.epochs", "write it as section.key=value"),
        ("experiment.name.x=1", "experiment.name is a value, not a section"),
        ("training.learning_rate=1e999", "training.learning_rate"),
        ("training.epochs=[", "not valid YAML"),
    ],
)
def test_a_wrong_override_is_named(tmp_path, override, expected):
    assert expected in problem(write(tmp_path, MINIMAL), override)


def test_images_without_a_label_and_labels_exclude_each_other():
    with pytest.raises(
        UserError, match="mirrored makes images without a label; drop it, or labels"
    ):
        load_experiment("7", ["objectives.labels=1"])


def test_resnet_rules(tmp_path):
    path = write(tmp_path, MINIMAL.replace("naive_conv", "asymmetric_resnet"))
    assert "9 is not 6n + 2" in problem(path, "model.encoder_depth=9")
    assert "multiple of 8" in problem(path, "model.base_channels=12")
    assert "two channel counts" in problem(path, "model.hidden_dims=[8]")
    assert load_experiment(path, ["model.encoder_depth=14"]).model.encoder_depth == 14


def test_overrides_win_and_go_through_the_same_checks(tmp_path):
    path = write(tmp_path, MINIMAL)
    experiment = load_experiment(
        path, ["training.learning_rate=1e-4", "model.hidden_dims=[4, 8]", "data.data_dir=/x y"]
    )
    assert experiment.training.learning_rate == 1e-4
    assert experiment.model.hidden_dims == [4, 8]
    assert experiment.data.data_dir == Path("/x y")


def test_precompute_and_refresh_contradict_each_other(tmp_path):
    path = write(tmp_path, MINIMAL + "self_supervised:\n  enabled: true\n  precompute: true\n")
    assert "needs a cache_path" in problem(path)
    cached = "self_supervised.cache_path=x.pt"
    assert not load_experiment(path, [cached]).self_supervised.refreshes
    assert "false" in problem(path, cached, "self_supervised.refresh_each_epoch=true")


def test_unreadable_files_are_refused(tmp_path):
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"experiment: \xff\xfe\n")
    assert "is not UTF-8" in problem(binary)
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * 70_000)
    assert "over 65536 bytes" in problem(big)
    assert "not a mapping" in problem(write(tmp_path, "- 1\n"))


def test_an_experiment_is_frozen_and_survives_being_plain_values():
    experiment = load_experiment("4")
    assert Experiment.model_validate(experiment.as_dict()) == experiment
    with pytest.raises(ValueError, match="frozen"):
        experiment.training.epochs = 3
