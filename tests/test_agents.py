"""AGENTS.md tells the truth: its keys are those of files just written, its commands run."""

import json
import re

import numpy as np
import pytest
from conftest import REPOSITORY
from test_readme import in_place

GUIDE = (REPOSITORY / "AGENTS.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.*?)\n(.*?)(?=^##|\Z)", GUIDE, re.MULTILINE | re.DOTALL))
TYPES = {"string": str, "int": int, "float": (int, float), "bool": bool, "object": dict}


def keys_of(section):
    """Type and requirement of each key in a section's table."""
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", SECTIONS[section], re.MULTILINE)
    assert rows, section
    parts = re.compile(r"(.*?)(?:, (optional|required))?")
    return {key: parts.fullmatch(kind).groups() for key, kind in rows}


HEAD = keys_of("Head of every report")


@pytest.fixture(scope="module")
def documents(special, tmp_path_factory):
    """A document for each ending, of a run and of embeddings."""
    from conftest import inside

    import grounding

    plain = special("plain")
    folder = plain.folder / "artifacts"
    found = {}
    for path in sorted(folder.glob("*.json")):
        found[path.name.removeprefix("plain").replace("_test_", "_")] = json.loads(path.read_text())
    (log,) = folder.glob("*_metrics.jsonl")
    found["_metrics.jsonl"] = json.loads(log.read_text().splitlines()[-1])
    with inside(tmp_path_factory.mktemp("embeddings")):
        rng = np.random.default_rng(0)
        z, labels = rng.standard_normal((60, 4)), np.array(["a", "b"] * 30)
        made = grounding.evaluate(z, labels, rng.random((60, 5, 7)), name="e")
        for path in made.files[:2]:
            found[f"evaluated{path.name.removeprefix('e')}"] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize(
    ("section", "document", "head"),
    [
        ("`*_interactive_assets.json`", "_interactive_assets.json", True),
        ("`*_latent_points.json`", "_latent_points.json", True),
        ("`*_latent_points.json`", "evaluated_latent_points.json", True),
        ("`*_analysis.json`", "_analysis.json", True),
        ("`*_manifold_metrics.json`", "_manifold_metrics.json", True),
        ("`*_probes.json`", "_probes.json", True),
        ("`*_evaluation.json`", "evaluated_evaluation.json", True),
        ("`*.run.json`, the manifest", ".run.json", False),
        ("`*_metrics.jsonl`", "_metrics.jsonl", False),
    ],
)
def test_every_key_is_told_and_is_what_is_told(documents, section, document, head):
    told = {**(HEAD if head else {}), **keys_of(section)}
    written = documents[document]
    assert written.keys() <= told.keys()
    sizes = {"N": written.get("num_points"), "D": written.get("latent_dim"), "3": 3}
    if "image_shape" in written:
        sizes["C·H·W"] = int(np.prod(written["image_shape"]))
    for key, (kind, requirement) in told.items():
        if key not in written:
            assert requirement == "optional", f"{key} is missing"
            continue
        value = written[key]
        if requirement == "optional" and value is None:
            continue
        if kind == "array of objects":
            assert all(isinstance(one, dict) for one in value)
            continue
        name, _, shape = kind.partition(" [")
        if shape:
            array = np.array(value)
            assert array.dtype.kind in {"int": "iu", "float": "fiu"}[name], key
            wanted = shape.rstrip("]").split(", ")
            assert array.ndim == len(wanted), key
            for size, symbol in zip(array.shape, wanted, strict=True):
                assert size == sizes.setdefault(symbol, size), key
            continue
        assert isinstance(value, TYPES[name]), key
        assert name == "bool" or not isinstance(value, bool), key


def test_parts_of_objects_are_told(documents):
    for section, document, key in [
        ("`*_manifold_metrics.json`", "_manifold_metrics.json", "metrics"),
        ("`*_probes.json`", "_probes.json", "probe_settings"),
        ("`*_evaluation.json`", "evaluated_evaluation.json", "protocol"),
        ("Head of every report", "_probes.json", "versions"),
        ("Head of every report", "_probes.json", "data"),
    ]:
        (row,) = re.findall(rf"^\| `{key}` \|.*$", SECTIONS[section], re.MULTILINE)
        for part in documents[document][key]:
            assert f"`{part}`" in row, f"{key}.{part}"
    (row,) = re.findall(r"^\| `classes` \|.*$", SECTIONS["`*_analysis.json`"], re.MULTILINE)
    assert set(documents["_analysis.json"]["classes"][0]) <= set(re.findall(r"`(\w+)`", row))
    (row,) = re.findall(r"^\| `artifacts` \|.*$", GUIDE, re.MULTILINE)
    one = next(iter(documents[".run.json"]["artifacts"].values()))
    assert set(one) <= set(re.findall(r"`(\w+)`", row))


@pytest.mark.full
def test_the_commands_run_in_this_order(tmp_path):
    blocks = re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)
    commands = [
        line for block in blocks for line in block.splitlines() if "http.server" not in line
    ]
    assert len(commands) == 5
    for command in commands:
        status, complaints = in_place(command, tmp_path)
        assert status == 0, f"{command}: {complaints}"
    name = "naive_covnet_autoencoder_low_samples"
    for ending in re.findall(r"^\d\. `artifacts/<experiment name>(\S+)`$", GUIDE, re.MULTILINE):
        assert (tmp_path / "artifacts" / f"{name}{ending}").exists()


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", GUIDE):
        assert (REPOSITORY / link).exists(), link
