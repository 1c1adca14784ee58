"""The manifold metrics by estimate: what is said, shown and written."""

import json

import pytest

from grounding.cli.commands import main
from grounding.runs import steps

ESTIMATED = {"trustworthiness", "continuity", "neighbor_label_agreement", "silhouette"}


@pytest.fixture
def analysed(trained, tmp_path, monkeypatch, capsys):
    """Run the analysis of a small run and return its JSON and what was printed."""
    run = trained("2")
    monkeypatch.chdir(run.folder)

    def analyse(*options):
        path = tmp_path / "manifold.json"
        assert main("manifold", [*run.arguments, "--output", str(path), *options]) == 0
        return json.loads(path.read_text()), capsys.readouterr().out

    return analyse


def test_anchors_are_announced_shown_and_written(analysed):
    exact, shown = analysed()
    assert "estimate" not in exact
    assert "+-" not in shown
    found, shown = analysed("--anchors", "120")
    estimate = found["estimate"]
    assert (estimate["anchors"], estimate["points"], estimate["confidence"]) == (120, 300, 0.95)
    assert set(estimate["margins"]) == ESTIMATED
    assert list(found["metrics"]) == list(exact["metrics"])
    for name, value in exact["metrics"].items():
        error = abs(found["metrics"][name] - value)
        assert 0 < error < 2 * estimate["margins"][name] if name in ESTIMATED else error == 0
    assert found["options"]["anchors"] == 120
    assert set(found) - set(exact) == {"estimate"}
    first, *_, last = shown.strip().splitlines()
    assert first.startswith("manifold: 300 images, estimating from 120 of them")
    assert first.endswith("--exact measures all")
    assert "estimated from 120 anchors of 300 images" in shown
    margin = estimate["margins"]["continuity"]
    assert f"{found['metrics']['continuity']:.4f}  +- {margin:.4f}" in shown
    assert last.startswith("manifold: done")


def test_the_same_anchors_again(analysed):
    (first, _), (again, _) = (analysed("--anchors", "120") for _ in range(2))
    assert first["metrics"] == again["metrics"]
    assert first["estimate"] == again["estimate"]


def test_many_images_are_estimated_unless_all_are_asked_for(analysed, monkeypatch):
    monkeypatch.setattr("grounding.metrics.anchors.EXACT_POINTS", 250)
    monkeypatch.setattr("grounding.metrics.anchors.DEFAULT_ANCHORS", 200)
    found, shown = analysed()
    assert found["estimate"]["anchors"] == 200
    assert "estimating from 200 of them" in shown
    found, shown = analysed("--exact")
    assert "estimate" not in found
    assert "+-" not in shown


def test_at_least_a_hundred_anchors(trained, capsys):
    arguments = trained("2").arguments
    with pytest.raises(SystemExit, match="2"):
        main("manifold", [*arguments, "--anchors", "99"])
    assert "--anchors: 99 is less than 100" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main("manifold", [*arguments, "--anchors", "200", "--exact"])
    assert "--exact: not allowed with argument --anchors" in capsys.readouterr().err


def test_the_chain_shows_its_estimates(trained, monkeypatch, tmp_path):
    run = trained("2")
    monkeypatch.chdir(run.folder)
    from grounding.experiment.load import load_experiment
    from grounding.runs.run import load_run

    settings = run.arguments[3::2]
    loaded, _ = load_run(load_experiment("2", settings))
    step = steps.manifold_step(loaded, "test", tmp_path / "m.json", 150)
    assert "+-" in step.do()
    analysis = steps.analysis_step(loaded, tmp_path / "a.txt")
    analysis.do()
    lines = steps.result_lines(loaded, [analysis, step])
    assert any("estimated from 150 anchors" in line for line in lines)
    assert step.reason_to_make() is None
    other = steps.manifold_step(loaded, "test", tmp_path / "m.json")
    assert other.reason_to_make() == ""
