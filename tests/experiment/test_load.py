import json
from pathlib import Path

import pytest

from grounding._errors import UserError
from grounding.experiment.document import packaged_configs, read_document
from grounding.experiment.load import experiment_from_dict, load_config, load_experiment
from grounding.experiment.schema import differences

MINIMAL = "experiment:\n  name: tiny\nmodel:\n  architecture: naive_conv\n"
ORIGINAL = sorted((Path(__file__).parent / "original").glob("*.yaml"))
# What checkpoints of before hold, for experiments whose training is what the packaged config says.
HELD = json.loads((Path(__file__).parent / "earlier_configs.json").read_text(encoding="utf-8"))


@pytest.fixture
def path(in_folder):
    return write(MINIMAL)


def write(text):
    Path("x.yaml").write_text(text, encoding="utf-8")
    return Path("x.yaml")


def problem(path, *overrides):
    with pytest.raises(UserError) as caught:
        load_experiment(path, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("file", ORIGINAL, ids=lambda path: path.stem[0])
def test_files_of_the_original_system_are_the_packaged_experiments(file):
    document = read_document(file)
    given, packaged = load_experiment(document), load_config(file.stem[0])
    assert not document.notes
    assert differences(given, packaged) == {}
    assert (given.name, given.analysis) == (packaged.name, packaged.analysis)
    assert given.data.test_samples == packaged.data.test_samples == 10_000
    assert given.checkpoint_path == Path(f"artifacts/{file.stem}_final.pt")
    assert packaged.checkpoint_path == Path(f"artifacts/{packaged.name}_final.pt")
    assert given.data.falls_back


# What a packaged experiment has been given on purpose since; all else means what it meant.
CHANGED_SINCE = {
    "6": {
        "model.latent_dim": (64, 32),
        "objectives.deformation": (True, False),
        "objectives.near_from": (0.08, 0.2),
        "objectives.regrounding": (1.0, 0.0),
    }
}


@pytest.mark.parametrize("number", HELD)
def test_the_config_in_an_earlier_checkpoint_is_the_same_experiment(number, recwarn):
    held = experiment_from_dict(HELD[number], "x.pt")
    assert differences(load_config(number), held) == CHANGED_SINCE.get(number, {})
    assert held.checkpoint_path == Path(HELD[number]["output"]["checkpoint_path"])
    assert not recwarn.list


def test_each_packaged_config_opens_with_its_schema_and_its_commands():
    assert [path.stem for path in packaged_configs()[:6]] == [path.stem for path in ORIGINAL]
    for path in packaged_configs():
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# yaml-language-server: $schema=schema.json\n")
        assert f"#   grounding run --config {path.stem.split('_')[0]}\n" in text
        assert text.count(f"--config grounding/configs/{path.name}\n") == 2


def test_a_minimal_file_has_sensible_defaults(path):
    experiment = load_config(path)
    assert experiment.manifold_analysis_path == Path("artifacts/tiny_manifold_metrics.json")
    assert experiment.model_arguments()["hidden_dims"] == [8, 16]
    assert experiment.augmentation_settings == {}
    assert (experiment.data.data_dir, experiment.data.train_samples) == (None, None)


def test_a_config_is_found_by_name_number_or_documented_path(path):
    name = "5_asymmetric_resnet8_autoencoder"
    for spelling in ("5", name, f"{name}.yaml", f"grounding/configs/{name}.yaml"):
        assert load_config(spelling).name == "asymmetric_resnet8_autoencoder"
    assert load_config("x.yaml").name == "tiny"
    assert "config elsewhere/5 does not exist; packaged are: 0_n" in problem("elsewhere/5")
    assert "config . is a folder; packaged are: 0_naive" in problem(Path())
    assert "not a mapping of sections" in problem(write("- 1\n"))


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("training:\n  epocs: 3\n", ":6:3: training.epocs: unknown key; did you mean epochs?"),
        ("trainin:\n  epochs: 3\n", ":5:1: trainin: unknown key; did you mean training?"),
        ("latent_dim: 3\n", ":5:1: latent_dim: unknown key; did you mean model.latent_dim?"),
        ("training:\n  zzz: 3\n", "training.zzz: unknown key; allowed: batch_size, epochs"),
        ("objectives:\n  vicregg: 1\n", "vicregg: unknown key; did you mean vicreg? allowed: "),
        (
            "self_supervised:\n  augmentations: {rotation: {max_shift: 3}}\n",
            ":6:30: self_supervised.augmentations.rotation.max_shift: unknown key; did you ",
        ),
        ("data:\n  dataset: mnst\n", ":6:3: data.source: should be "),
        ("training:\n  epochs: 0\n", ":6:3: training.epochs: should be greater than or equal to 1"),
        ("training:\n  epochs: '3'\n", "training.epochs: should be a valid integer, got '3'"),
        ("training:\n  epochs:\n", "training.epochs: should be a valid integer, got nothing"),
        ("training: 3\n", ":5:1: training: a section, with keys of its own, not 3"),
        ("regularization:\n  dropout:\n    p: 1.0\n", ":7:5: regularization.dropout.p:"),
        ("objectives:\n  views: 2\n", ":6:3: objectives.views needs new views"),
    ],
)
def test_a_wrong_value_is_named_with_line_and_what_is_allowed(in_folder, extra, expected):
    message = problem(write(MINIMAL + extra))
    assert message.startswith("x.yaml:")
    assert expected in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("objectives.contrastive=1", "contrastive compares views of an image; set views to 2"),
        ("objectives.close=2", "objectives.close=2: objectives: close 2 is more than near 0"),
        ("objectives.mirrored=true", "--set objectives.mirrored=true: objectives.mirrored needs"),
        ("model.architecture=vg", "architecture: 'vg' is unknown; did you mean vgg? allowed: "),
        ("model.architecture=[]", "--set model.architecture=[]: model.architecture: '[]' is"),
        ("model.encoder.resnet_depth=8", "encoder: is only for asymmetric_resnet; leave it out"),
        ("model.hidden_dims=[8,x]", "model.hidden_dims.1: should be a valid integer, got 'x'"),
        ("data.data_dir=~nobody-at-all/x", "data.data_dir: not a path here: Could not determine"),
        ("trainin.epochs=3", "--set trainin.epochs=3: trainin: unknown key; did you mean training"),
        (
            "self_supervised.augmentations.fill=mirror",
            "augmentations.fill: allowed: a value from 0 to 1, or edge; got 'mirror'",
        ),
        (
            "self_supervised.augmentations.translation.max_shift=2.5",
            "translation.max_shift: allowed: whole pixels from 0 to 1024, or a share of",
        ),
        ("training.epochs", "write it as section.key=value"),
        (
            "experiment.name.x=1",
            "--set experiment.name.x=1: experiment.name: should be a valid str",
        ),
        ("self_supervised.augmentations.clamp_min=1.0", "clamp_min 1.0 is not below clamp_max"),
    ],
)
def test_a_wrong_override_is_named(path, override, expected):
    assert expected in problem(path, override)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("objectives.labels=1", "mirrored makes images without a label; drop it, or labels"),
        ("objectives.near=100", "objectives: near 100 needs more images"),
        ("training.batch_size=201", "training.batch_size 201 is no multiple of objectives.views 2"),
        ("self_supervised.augmentations_per_sample=3", "3 is no multiple of objectives.views 2"),
        ("self_supervised.precompute=true", "precompute keeps one set; set it or refresh"),
        ("training.epochs=90000", "5 makes 18,000 checkpoints of 90,000 epochs, at most 9,000"),
    ],
)
def test_what_sections_say_has_to_fit_together(override, expected):
    assert expected in problem("7", override)


def test_overrides_win_and_go_through_the_same_checks(path, monkeypatch):
    monkeypatch.setenv("HOME", "/homes/me")
    texts = ["training.learning_rate=1e-4", "model.hidden_dims=[4, 8]", "data.data_dir=~/x y"]
    experiment = load_experiment(path, texts)
    assert experiment.training.learning_rate == 1e-4
    assert experiment.model_arguments()["hidden_dims"] == [4, 8]
    assert experiment.data.data_dir == Path("/homes/me/x y")
    values = {"training.learning_rate": 1e-4, "model": {"hidden_dims": (4, 8)}}
    assert load_config(path, data={"data_dir": "/homes/me/x y"}, **values) == experiment
    with pytest.raises(ValueError, match=r"^training\.epochs=0: training\.epochs: should be gr"):
        load_config(path, training={"epochs": 0})
    assert load_experiment(read_document(path, texts)) == experiment


def test_a_folder_data_may_be_empty_as_in_files_of_the_original_system():
    for folder, source, falls_back in (
        ("./data", "mnist", True),
        ("data", "mnist", True),
        ("other", "mnist", False),
        (None, "mnist", False),
        ("data", None, False),  # a folder of one's own: to be missed, not to be replaced
    ):
        experiment = load_config("1", data={"data_dir": folder, "source": source})
        assert experiment.data.falls_back == falls_back


def test_an_augmentation_that_is_given_takes_part_unless_it_says_otherwise():
    given = {"scaling": {"max_change": 0.1}, "rotation": {"enabled": False}, "shear": {}}
    experiment = load_config("4", self_supervised={"augmentations": given})
    usual = {"translation", "intensity", "noise", "masking"}
    assert set(experiment.augmentation_settings) == usual | {"scaling", "shear"}
    assert experiment.self_supervised.refreshes
    fixed = {"precompute": True, "cache_path": "x.pt", "refresh_each_epoch": None}
    assert not load_config("4", self_supervised=fixed).self_supervised.refreshes


@pytest.mark.parametrize(
    "values",
    [{}, {1: 2}, {"model": 3}, {"model": {"architecture": ["a"]}}, {"experiment": {"name": 1}}],
)
def test_plain_values_that_are_no_experiment_are_refused(values):
    with pytest.raises(UserError, match=r"^x\.pt: its config is not readable here: "):
        experiment_from_dict(values, "x.pt")


THEN, NOW = "self_supervised.augmentation", "self_supervised.augmentations"
EARLIER = """experiment: {name: tiny}
model:
  architecture: asymmetric_resnet
  encoder_depth: 14
self_supervised:
  enabled: true
  augmentation:
    max_shift: 3
    intensity: 0.2
    mask_probability: 0
"""


def test_earlier_spellings_mean_the_same_and_each_says_its_new_name(in_folder):
    document = read_document(write(EARLIER))
    experiment = load_experiment(document)
    assert experiment.model_arguments()["encoder"]["resnet_depth"] == 14
    settings = experiment.augmentation_settings
    assert settings["translation"].max_shift == 3
    assert (settings["intensity"].min_scale, settings["intensity"].max_scale) == (0.8, 1.2)
    assert set(settings) == {"translation", "intensity", "rotation", "noise"}
    intensity = f"{NOW}.intensity"
    assert document.notes == [
        "x.yaml:4:3: model.encoder_depth is now model.encoder.resnet_depth: 14",
        f"x.yaml:8:5: {THEN}.max_shift is now {NOW}.translation.enabled: True, "
        f"{NOW}.translation.max_shift: 3",
        f"x.yaml:9:5: {THEN}.intensity is now {intensity}.enabled: True, "
        f"{intensity}.max_scale: 1.2, {intensity}.min_scale: 0.8",
        f"x.yaml:10:5: {THEN}.mask_probability is now {NOW}.masking.enabled: False",
    ]


def test_both_spellings_replace_a_value_of_the_file(in_folder):
    path = write(EARLIER)
    for override in (f"{THEN}.max_shift=1", f"{NOW}.translation.max_shift=1"):
        experiment = load_experiment(path, [override])
        assert experiment.augmentation_settings["translation"].max_shift == 1
    off = load_experiment(path, [f"{THEN}.max_shift=0"])
    assert "translation" not in off.augmentation_settings
    with pytest.warns(UserWarning, match=r"cutout is now .*\.side"):
        assert load_config("4", **{f"{THEN}.cutout": 5}).augmentation_settings["cutout"]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("    zoom: 3\n", "x.yaml:7:3: self_supervised.augmentation: unknown key; did you mean"),
        ("    noise_std: x\n", f"x.yaml:11:5: {NOW}.noise.std: should be a"),
    ],
)
def test_mistakes_in_earlier_spellings_are_told_where_they_are(in_folder, extra, expected):
    assert problem(write(EARLIER + extra)).startswith(expected)


def test_a_config_of_very_many_keys_is_refused_before_each_is_looked_at():
    """A manifest of 12 MB took 500 MB: every unknown key is a mistake of its own."""
    many = {f"k{i}": {"a": i} for i in range(200_000)}
    with pytest.raises(UserError, match=r"^m: its config is not .*: more than 10,000 keys"):
        experiment_from_dict(many, "m")


def test_a_path_that_is_too_long_is_one_line():
    with pytest.raises(UserError, match=r"data\.data_dir.*not a path here: File name too long"):
        load_experiment("2", [f"data.data_dir={'x' * 300}"])
