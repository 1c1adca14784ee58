"""The headline figure: what 100 images without a label are worth to experiment 7, cut short."""

import pytest

import grounding


@pytest.mark.full
def test_a_hundred_images_without_labels_name_nine_in_ten_digits(in_folder):
    run = grounding.train("7", training={"epochs": 4}, quiet=True)
    found = run.measure("knn_accuracy", "linear_probe_accuracy", "manifold_score")
    assert found["knn_accuracy"] > 0.9
    assert found["linear_probe_accuracy"] > 0.9
    assert len(run.images("train")) == 100
    assert run.experiment.objective_weights.keys() == {"reconstruction", "contrastive"}
