"""Registered metrics of a space: values, margins, what is left out, and a metric of one's own."""

import math

import numpy as np
import pytest
import torch
from operations import blocks_of

from grounding import metrics, register
from grounding.data import load
from grounding.metrics import NotMeasurable, Space, facts, manifold_score, meaning, measure, names
from grounding.metrics.anchors import anchor_count, mean_margin

SHARES = ("knn_test_accuracy", "trustworthiness", "neighbor_label_agreement")
SCORED = dict.fromkeys(SHARES, 0.5) | {
    "silhouette": 0.0,
    "davies_bouldin": 1.0,
    "fisher_ratio": 1.0,
}
MANIFOLD = (
    *("knn_test_accuracy", "silhouette", "calinski_harabasz", "davies_bouldin"),
    *("trustworthiness", "continuity", "neighbor_label_agreement", "fisher_ratio"),
)
PROBES = (
    *("knn_1_accuracy", "linear_probe_accuracy", "augmented_bank_accuracy"),
    *("test_reconstruction_error", "regrounding_drift"),
)


def space_of(n=400, dtype=torch.float32, **changed):
    """x (N, 30), z (N, 8) and labels of five classes with gaps between them."""
    generator = torch.Generator().manual_seed(0)
    classes = torch.randint(0, 5, (n,), generator=generator)
    z = torch.randn(n, 8, generator=generator, dtype=torch.float64) + classes[:, None]
    x = torch.cat((z, torch.rand(n, 22, generator=generator, dtype=torch.float64) * 4), dim=1)
    x, z, labels = x.to(dtype), z.to(dtype), classes * 300 - 7
    training = {"train_z": z[:100] + 0.1, "train_labels": labels[:100]}
    return Space(**({"z": z, "labels": labels, "x": x} | training | changed))


def test_score_by_hand():
    assert manifold_score(**SCORED) == 50.0
    found = manifold_score(0.9, 0.96, 0.84, 0.2, 1.5, 0.25)
    assert found == pytest.approx(100 * (0.9 + 0.96 + 0.84 + 0.6 + 0.4 + 0.2) / 6, abs=1e-12)
    best = SCORED | {"fisher_ratio": math.inf, "davies_bouldin": 0.0}
    assert manifold_score(**best) == pytest.approx(100 * (4 * 0.5 + 2) / 6)
    worst = SCORED | {"davies_bouldin": math.inf}
    assert manifold_score(**worst) == pytest.approx(100 * 2.5 / 6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_latents_as_large_as_float32_can_be_measure_as_others_do(metric):
    """A power of two changes no digit but the exponent; the largest are beyond 2^127."""

    def measured(scale):
        base = space_of(n=200)
        z, labels = base.z * scale, base.labels
        space = Space(
            z=z, labels=labels, x=base.x, train_z=z[100:], train_labels=labels[100:],
            bank_z=z[100:].repeat(30, 1), reconstruction_errors=torch.ones(200),
            encode=lambda images: images * 0.9 * scale, decode=lambda z: z / scale, metric=metric,
        )  # fmt: skip
        assert z.isfinite().all()
        return z.abs().amax(), measure(space, (*metrics.names(), "manifold_score"))

    (_, usual), (largest, found) = measured(1.0), measured(2.0**125)
    assert largest > 2.0**127
    assert found.values == pytest.approx(usual.values, rel=1e-9)
    assert found.left_out == usual.left_out


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [256, 30])
def test_the_metrics_are_those_of_the_functions(dtype, rows):
    calls = []
    space = space_of(dtype=dtype, k=3, progress=lambda *call: calls.append(call))
    with blocks_of(rows):
        found = measure(space, "manifold")
        score = measure(space, ["manifold_score"]).values["manifold_score"]
    x, z, labels = space.x, space.z, space.labels
    expected = {
        "knn_test_accuracy": metrics.knn_accuracy(space.train_z, space.train_labels, z, labels, 3),
        "silhouette": metrics.silhouette(z, labels),
        "calinski_harabasz": metrics.calinski_harabasz(z, labels),
        "davies_bouldin": metrics.davies_bouldin(z, labels),
        "trustworthiness": metrics.trustworthiness(x, z, 5),
        "continuity": metrics.continuity(x, z, 5),
        "neighbor_label_agreement": metrics.neighbor_label_agreement(z, labels, 3),
        "fisher_ratio": metrics.fisher_ratio(z, labels),
    }
    assert tuple(found.values) == MANIFOLD
    assert found.values == pytest.approx(expected, abs=1e-12)
    assert all(type(value) is float for value in found.values.values())
    assert found.left_out == found.margins == {}
    assert score == manifold_score(**{name: found.values[name] for name in SCORED})
    assert calls == [(i, len(calls)) for i in range(1, len(calls) + 1)]  # one pass for all


def test_probes():
    generator = torch.Generator().manual_seed(1)
    bank = torch.randn(300, 8, generator=generator)  # three views of 100 images
    errors = torch.rand(400, generator=generator)
    space = space_of(
        bank_z=bank, reconstruction_errors=errors, encode=lambda x: x, decode=lambda z: z
    )
    found = measure(space, "probes").values
    z, labels, train_z, train_labels = map(space.get, ("z", "labels", "train_z", "train_labels"))
    assert tuple(found) == PROBES
    assert list(found.values()) == [
        metrics.knn_accuracy(train_z, train_labels, z, labels, 1),
        metrics.linear_probe_accuracy(train_z, train_labels, z, labels),
        metrics.knn_accuracy(bank, train_labels.repeat(3), z, labels, 15),
        pytest.approx(errors.double().mean().item()),
        0,
    ]
    analysis = measure(space, "analysis").values
    assert analysis == {"knn_accuracy": metrics.knn_accuracy(train_z, train_labels, z, labels, 5)}


def test_arrays_are_asked_for_once_and_only_when_needed():
    z, calls = space_of().z, []

    def lazily(name, value):
        return lambda: (calls.append(name), value)[1]

    space = space_of(z=lazily("z", z.numpy()), x=lazily("x", z), train_z=lazily("train_z", z[:100]))
    assert measure(space, ["fisher_ratio"]).values["fisher_ratio"] > 0
    assert calls == ["z"]
    assert measure(space, ["knn_accuracy", "knn_1_accuracy"]).values["knn_1_accuracy"] > 0
    assert calls == ["z", "train_z"]


def test_what_needs_labels_is_left_out_without_them():
    found = measure(space_of(labels=None), [*MANIFOLD, "manifold_score"])
    assert set(found.values) == {"trustworthiness", "continuity"}
    assert found.left_out["silhouette"] == found.left_out["manifold_score"] == "needs labels"
    one = measure(space_of(labels=torch.zeros(400, dtype=int)), "manifold")
    assert one.left_out["silhouette"] == "labels hold one class only, at least 2 are needed"
    assert {"trustworthiness", "continuity"} <= set(one.values)
    nothing = measure(Space(z=space_of().z), [*MANIFOLD, *PROBES])
    assert not nothing.values
    assert nothing.left_out["trustworthiness"] == "needs images"
    assert nothing.left_out["regrounding_drift"] == "needs an encoder"
    assert nothing.left_out["linear_probe_accuracy"] == "needs training latents"


def test_what_needs_more_points_is_left_out():
    found = measure(space_of(n=10), "manifold")
    assert set(MANIFOLD) - set(found.values) == {"trustworthiness", "continuity"}
    assert "k is 5, allowed: at least 1 and less than half of 10" in found.left_out["continuity"]
    assert set(measure(space_of(n=11), "manifold").values) == set(MANIFOLD)
    few = measure(space_of(n=4, labels=np.array([0, 0, 1, 1])), "manifold")
    assert few.left_out["neighbor_label_agreement"].startswith("k is 5, allowed: 1 to 3")
    assert "silhouette" in few.values
    space = space_of()
    sparse = space_of(train_z=space.z[:3], train_labels=space.labels[:3])
    found = measure(sparse, ["knn_accuracy", "knn_1_accuracy"])
    assert found.left_out["knn_accuracy"].startswith("k is 5, allowed: 1 to 3")
    assert "knn_1_accuracy" in found.values


def test_what_cannot_be_meant_is_an_error():
    with pytest.raises(ValueError, match="did you mean silhouette"):
        measure(space_of(), ["silhouete"])
    with pytest.raises(ValueError, match="z hold a value that is not finite"):
        measure(space_of(z=torch.full((400, 8), math.nan)), ["fisher_ratio"])
    with pytest.raises(ValueError, match=r"\(400, 8\) and labels \(3,\)"):
        measure(space_of(labels=np.array([0, 1, 2])), ["fisher_ratio"])


@pytest.fixture
def own():
    """A metric that somebody else registers; it has a parameter and needs the labels."""

    @register.metric("own_radius", digits=2, better="lower")
    def radius(z, k, silhouette):
        """Mean length of a latent. It is no use."""
        if k > 50:
            raise NotMeasurable("k is too large")
        return float(z.norm(dim=1).mean()) if k > 1 else math.nan

    yield "own_radius"
    del register.metric._components["own_radius"]


def test_a_metric_of_ones_own_is_in_every_report_and_table(own):
    space = space_of()
    found = measure(space, "manifold")
    assert found.values[own] == pytest.approx(space.z.norm(dim=1).mean().item())
    assert names(report="manifold") == (*MANIFOLD, own)
    assert names(table="index")[-1] == names(table="compare")[-1] == own
    assert (facts(own).title, facts(own).digits) == ("own radius", 2)
    assert meaning(own) == "Mean length of a latent. It is no use, not scored"
    assert measure(space_of(k=60), [own]).left_out == {own: "k is too large"}
    assert measure(space_of(k=1), [own]).left_out[own].startswith("it is undefined")
    assert measure(space_of(labels=None), [own]).left_out == {own: "needs labels"}


def test_the_tables_of_our_metrics():
    assert names(report="analysis") == ("knn_accuracy",)
    assert names(report="probes") == PROBES
    profile = ("rnx_area", "rank_me", "test_reconstruction_error", "safe_horizon")
    assert names(table="seeds") == (
        *("knn_accuracy", "linear_probe_accuracy"),
        *(*profile, "novelty_distance"),
    )
    assert names(table="compare") == (
        *("knn_accuracy", "knn_1_accuracy", "linear_probe_accuracy", "augmented_bank_accuracy"),
        *(*profile, "novelty_distance", "training_seconds"),
    )
    assert facts("knn_test_accuracy").alias_of == "knn_accuracy"
    assert meaning("continuity").endswith(", not scored")
    assert not meaning("trustworthiness").endswith(", not scored")
    assert all(facts(name).title and register.metric[name].summary for name in names())


def test_margin_by_hand_and_how_many_anchors():
    # s^2 = 2.5; 5 of 20 points: 1.96 * sqrt(2.5 / 5) * sqrt(15 / 20).
    values = torch.tensor([1.0, 2, 3, 4, 5], dtype=torch.float64)
    assert mean_margin(values, 20) == pytest.approx(1.959964 * math.sqrt(0.5 * 0.75), rel=1e-6)
    assert mean_margin(values, 5) == 0
    assert mean_margin(torch.full((9,), 0.3, dtype=torch.float64), 1000) == pytest.approx(0)
    assert anchor_count(10_000, None) is anchor_count(70_000, None) is None
    assert anchor_count(70_001, None) == 10_000
    assert anchor_count(70_001, 0) is anchor_count(500, 500) is anchor_count(300, 500) is None
    assert anchor_count(10_000, 500) == 500


@pytest.mark.full
def test_intervals_hold_the_exact_values_as_often_as_they_say():
    """Of real images and a linear map of them to 8 dimensions."""
    data = load()
    x, labels = torch.tensor(data.test_images[:500]).flatten(1), data.test_labels[:500]
    z = x / 255 @ torch.randn(784, 8, generator=torch.Generator().manual_seed(0))
    given = {"z": z, "x": x, "labels": labels, "train_z": z, "train_labels": labels}
    chosen = [*MANIFOLD, "manifold_score"]
    exact = measure(Space(**given), chosen).values
    rounds, covered, errors = 200, {}, {}
    for seed in range(rounds):
        estimate = measure(Space(**given, anchors=100, seed=seed), chosen)
        for name, value in estimate.values.items():
            if name not in estimate.margins:
                assert value == exact[name]  # what needs no pairs stays exact
                continue
            error, margin = value - exact[name], estimate.margins[name]
            covered[name] = covered.get(name, 0) + (abs(error) <= margin)
            errors.setdefault(name, []).append(error / margin)
    of_pairs = {"trustworthiness", "continuity", "neighbor_label_agreement", "silhouette"}
    assert set(covered) == {*of_pairs, "manifold_score"}
    for name, count in covered.items():
        # 95 % of 200 is 190, with a standard deviation of 3; skewed values cost a little.
        assert 180 <= count <= 199, (name, count)
        # Unbiased: the mean of 200 errors, each 1 / 1.96 of its margin, is within 3.5 deviations.
        assert abs(sum(errors[name]) / rounds) < 3.5 / 1.96 / math.sqrt(rounds), name
