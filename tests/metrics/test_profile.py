"""The measures of the profile: hand-computed values, other libraries, what they cannot be asked."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from zadu.measures import local_continuity_meta_criteria

from grounding import data, metrics
from grounding.metrics import NotMeasurable, Space, baselines, facts, measure, names
from grounding.metrics.coranking import rnx_values
from grounding.metrics.invariance import answers, responses, strength_r2
from grounding.metrics.novelty import auroc, odd_images, odd_scores
from grounding.metrics.transformations import TRANSFORMATIONS, changed

AXES = ("classes", "geometry", "spread", "decoder", "dynamics", "invariance", "novelty")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6))
Z = X[:, :2] + 0.3 * RNG.normal(size=(120, 2))
DIGITS = torch.tensor(data.load().test_images[:300])


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def area_by_hand(x, z):
    """R_NX by its definition, from all ranks."""
    ranks = []
    for points in (x, z):
        distances = cdist(points, points)
        np.fill_diagonal(distances, np.inf)
        order = distances.argsort(axis=1, kind="stable")
        ranks.append(order.argsort(axis=1) + 1)
    count = len(x)
    k = np.arange(1, count - 1)
    q = np.array([((ranks[0] <= K) & (ranks[1] <= K)).sum() / (K * count) for K in k])
    rnx = ((count - 1) * q - k) / (count - 1 - k)
    return (rnx / k).sum() / (1 / k).sum()


def test_rnx_by_definition_and_by_another_library():
    # zadu's criterion is Q_NX(K) less what chance gives, K / (N - 1).
    k = np.arange(1, len(X) - 1)
    criteria = [local_continuity_meta_criteria.measure(X, Z, int(K))["lcmc"] for K in k]
    rnx = np.array(criteria) / (1 - k / (len(X) - 1))
    expected = (rnx / k).sum() / (1 / k).sum()
    assert metrics.rnx_area(X, Z) == pytest.approx(expected, abs=1e-12)
    assert metrics.rnx_area(X, Z) == pytest.approx(area_by_hand(X, Z), abs=1e-12)
    pixels = DIGITS.flatten(1)
    z = pixels.double() @ drawn(784, 5).double()
    expected = area_by_hand(pixels.double().numpy(), z.numpy())
    assert metrics.rnx_area(pixels, z) == pytest.approx(expected, abs=1e-9)
    assert metrics.rnx_area(pixels, z.float()) == pytest.approx(expected, abs=1e-4)


def test_rnx_is_1_of_the_same_and_0_by_chance_and_of_one_point():
    assert metrics.rnx_area(X, 3 * X + 1) == pytest.approx(1)
    assert abs(metrics.rnx_area(drawn(400, 5), drawn(400, 5, seed=1))) < 0.02
    # All in one place: ties go to the lower index, which has nothing to do with x.
    assert abs(metrics.rnx_area(drawn(400, 5), torch.ones(400, 2))) < 0.02
    assert metrics.rnx_area(X[:3], Z[:3]) == pytest.approx(area_by_hand(X[:3], Z[:3]))
    with pytest.raises(NotMeasurable, match="at least 3"):
        metrics.rnx_area(X[:2], Z[:2])
    with pytest.raises(ValueError, match="same points"):
        metrics.rnx_area(X, Z[:5])


def test_rnx_of_some_points_against_all_has_their_mean(monkeypatch):
    values = rnx_values(X, Z)
    some = torch.tensor([3, 50, 119])
    assert rnx_values(X, Z, anchors=some).tolist() == pytest.approx(values[some].tolist())
    monkeypatch.setattr("grounding.metrics.coranking.MOST_POINTS", 100)
    monkeypatch.setattr("grounding.metrics.coranking.FEWEST", 10)
    found = measure(Space(z=Z, x=X), ["rnx_area"])
    assert found.points["rnx_area"] == 100**2 // 120
    assert abs(found.values["rnx_area"] - float(values.mean())) < 2 * found.margins["rnx_area"]


def test_intrinsic_dimension_by_hand_by_other_libraries_and_of_known_shapes():
    points = np.random.default_rng(0)
    points.normal(size=(120 * 8))
    mixed = points.normal(size=(500, 3)) @ points.normal(size=(3, 10))
    found = metrics.two_nn_dimension(mixed)
    assert found == pytest.approx(3.2294100523291434, abs=1e-9)  # scikit-dimension 0.5.0
    # dadapy 0.3.4, compute_id_2NN(algorithm="base"), whose fit is iterative. It needs NumPy 1 and
    # so cannot be installed beside the tests.
    assert found == pytest.approx(3.2294100529327103, abs=1e-8)
    digits = data.load().test_images[:1000].reshape(1000, -1)
    assert metrics.two_nn_dimension(digits) == pytest.approx(12.465512353712574, abs=1e-6)
    # On a line at 0, 1, 3, 7 ...: r1 and r2 of each by hand, ratios 3, 2, 3/2, 7/4, 15/8, ...
    line = torch.tensor([2.0**i - 1 for i in range(12)])[:, None].double()
    log_mu = np.sort(np.log([3, 2] + [(2**i - 2 ** (i - 2)) / 2 ** (i - 1) for i in range(2, 12)]))
    kept = log_mu[:10]
    expected = (kept * -np.log(1 - np.arange(1, 11) / 12)).sum() / (kept**2).sum()
    assert metrics.two_nn_dimension(line) == pytest.approx(expected)
    for dimension in (1, 2, 5):
        even = torch.rand(3000, dimension, generator=torch.Generator().manual_seed(1))
        turned = even @ drawn(dimension, 9)
        assert metrics.two_nn_dimension(turned) == pytest.approx(dimension, rel=0.12)


def test_duplicates_have_no_dimension(monkeypatch):
    points = drawn(400, 3).double()
    alone = metrics.two_nn_dimension(points)
    assert metrics.two_nn_dimension(torch.cat((points, points[:1]))) == pytest.approx(
        alone, rel=0.02
    )
    with pytest.raises(NotMeasurable, match="0 of 800 points have no duplicate"):
        metrics.two_nn_dimension(points.repeat(2, 1))
    with pytest.raises(NotMeasurable, match="9 points, at least 10"):
        metrics.two_nn_dimension(points[:9])
    monkeypatch.setattr("grounding.metrics.intrinsic_dimension.MOST_POINTS", 300)
    assert metrics.two_nn_dimension(points) == pytest.approx(alone, rel=0.2)
    assert metrics.two_nn_dimension(points, 1) != metrics.two_nn_dimension(points, 2)


def test_rank_me_by_hand():
    assert metrics.rank_me(torch.eye(4)) == pytest.approx(4)
    assert metrics.rank_me(torch.ones(5, 3)) == pytest.approx(1)
    # Singular values 3 and 1: exp of the entropy of 3/4 and 1/4.
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert metrics.rank_me(torch.diag(torch.tensor([3.0, 1.0]))) == pytest.approx(math.exp(entropy))
    assert metrics.rank_me(torch.zeros(3, 2)) == 1


def test_uniformity_by_hand():
    # Two pairs at a right angle and four more: |u - v|^2 is 2, and of opposite ones 4.
    cross = torch.tensor([[1.0, 0], [0, 5.0], [-2.0, 0], [0, -0.1]])
    expected = math.log((4 * math.exp(-4) + 2 * math.exp(-8)) / 6)
    for length in (1.0, 1e-30, 1e37):  # only directions count
        assert metrics.uniformity(cross * length) == pytest.approx(expected, abs=1e-6)
    assert metrics.uniformity(torch.ones(300, 3)) == pytest.approx(0)
    z = drawn(600, 4).double()
    unit = z / z.norm(dim=1, keepdim=True)
    squared = torch.pdist(unit).square()
    assert metrics.uniformity(z) == pytest.approx(float((-2 * squared).exp().mean().log()))
    assert -4.2 < metrics.uniformity(drawn(1000, 200)) < -3.8
    with pytest.raises(NotMeasurable):
        metrics.uniformity(z[:1])


def test_calibration_by_hand():
    votes = torch.tensor([[1, 1, 1], [1, 1, 2], [3, 3, 2], [2, 2, 2]])
    truth = torch.tensor([1, 2, 3, 2])
    groups = metrics.vote_shares(votes, truth)
    assert groups == {2 / 3: (0.5, 2), 1.0: (1.0, 2)}
    space = Space(
        z=torch.tensor([[0.0], [1.0], [2.0]]),
        labels=torch.tensor([0, 1, 1]),
        train_z=torch.tensor([[0.0], [1.0], [2.0]]),
        train_labels=torch.tensor([0, 1, 1]),
        k=3,
    )
    # All three get two votes of three for 1, and two of them are right.
    found = measure(space, ["vote_calibration_error"])
    assert found.values["vote_calibration_error"] == pytest.approx(0)
    space = Space(
        z=space.z, labels=1 - space.labels, train_z=space.z, train_labels=space.labels, k=3
    )
    assert measure(space, ["vote_calibration_error"]).values[
        "vote_calibration_error"
    ] == pytest.approx(1 / 3)


@pytest.mark.parametrize("count", [60, 290])  # fewer and more images than components
def test_errors_of_mean_image_and_components_by_scikit_learn(count):
    small = DIGITS[:, :, 8:20, 8:20]  # 144 values
    train, test = small[:count], small[200:]
    x, y = (part.flatten(1).numpy() / 255 for part in (train, test))
    fitted = PCA(10, svd_solver="full").fit(x)
    redrawn = fitted.inverse_transform(fitted.transform(y)).clip(0, 1)
    assert metrics.pca_error(train, test, 10) == pytest.approx(((redrawn - y) ** 2).mean())
    assert metrics.pca_error(train, test, 0) == pytest.approx(((x.mean(axis=0) - y) ** 2).mean())
    assert metrics.pca_error(train / 255, test / 255, 10) == pytest.approx(
        metrics.pca_error(train, test, 10), rel=1e-4
    )


@pytest.mark.parametrize("count", [60, 290])
def test_components_of_large_images_need_no_covariance(count, monkeypatch):
    train, test = DIGITS[:count], DIGITS[200:]
    exact = [metrics.pca_error(train, test, components) for components in (3, 10, 50)]
    monkeypatch.setattr(baselines, "MOST_BYTES", 0)
    monkeypatch.setattr(baselines, "CHUNK", 40)
    found = [metrics.pca_error(train, test, components) for components in (3, 10, 50)]
    assert found == pytest.approx(exact, rel=5e-3)


def test_auroc_by_scikit_learn_and_with_infinite_scores():
    a, b = drawn(50), drawn(70, seed=1) + 0.5
    expected = roc_auc_score([0] * 50 + [1] * 70, torch.cat((a, b)).numpy())
    assert auroc(a, b) == pytest.approx(expected)
    assert auroc(torch.zeros(3), torch.tensor([math.inf, 0.0])) == pytest.approx(0.75)


def test_odd_images_are_what_they_say():
    images = DIGITS.float() / 255
    labels = torch.tensor(data.load().test_labels[:300])
    odd = odd_images(images, labels, 1)
    assert list(odd) == [
        *("noise", "inverted", "rotated by 90", "rotated by 180", "halves", "two at once"),
    ]
    assert all(one.shape == images.shape for one in odd.values())
    assert all(0 <= one.min() <= one.max() <= 1 for one in odd.values())
    assert torch.equal(odd["inverted"], 1 - images)
    assert torch.equal(odd["rotated by 180"], images.flip(2, 3))
    assert torch.equal(odd["rotated by 90"], images.mT.flip(2))
    assert torch.equal(odd["halves"][:, :, :14], images[:, :, :14])
    assert (odd["two at once"] >= images).all()
    # The lower half is that of an image of another class.
    lower, every = odd["halves"][:, :, 14:].flatten(1), images[:, :, 14:].flatten(1)
    other = torch.cdist(lower, every).argmin(dim=1)
    assert (labels[other] != labels).double().mean() > 0.98
    assert "rotated by 90" not in odd_images(images[:, :, :20], labels)
    assert torch.equal(odd["noise"], odd_images(images, None, 1)["noise"])
    assert not torch.equal(odd["noise"], odd_images(images, None, 2)["noise"])


def test_scores_of_odd_images_on_a_space_of_pixels():
    """E and D are the identity: no error, no drift; only the distance tells."""

    def encode(x):
        return x.flatten(1)

    def decode(z):
        return z.view(-1, 1, 28, 28)

    train = encode(DIGITS[:200].float() / 255)
    found = odd_scores(DIGITS[200:], None, train, encode, decode, most=40)
    assert {len(scores) for scores in found.real.values()} == {40}
    assert found.real["error"].abs().max() < 1e-12
    assert found.real["drift"].abs().max() < 1e-6
    space = Space(
        z=train[:40], train_z=train, test_images=DIGITS[:40], encode=encode, decode=decode
    )
    values = measure(space, ["novelty_distance", "novelty_error"])
    assert values.parts["novelty_distance"]["noise"] == 1  # real ones are at 0 from themselves
    assert values.values["novelty_distance"] == 1
    assert values.values["novelty_error"] == pytest.approx(0.5, abs=0.2)
    less = Space(z=train, train_z=train, test_images=DIGITS[:40], encode=encode)
    assert measure(less, ["novelty_drift"]).left_out == {"novelty_drift": "needs a trained decoder"}


def test_transformations_do_what_they_say():
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 6] = 1  # two to the right of the middle
    places = {
        ("rotation", 90.0): {(6, 4), (2, 4)},
        ("shift", 2 / 9): {(4, 8)},
        ("scale", 1.0): {(4, 8)},
        ("shear", 1.0): {(4, 6)},
    }
    for (name, strength), allowed in places.items():
        moved = TRANSFORMATIONS[name].change(image, torch.tensor([strength]))
        at = divmod(int(moved.argmax()), 9)
        assert at in allowed, (name, at)
    wide = torch.zeros(1, 1, 9, 21)
    wide[0, 0, 4, 13] = 1
    turned = TRANSFORMATIONS["rotation"].change(wide, torch.tensor([90.0]))
    assert divmod(int(turned.argmax()), 21) in {(7, 10), (1, 10)}
    thick = TRANSFORMATIONS["thickness"]
    assert thick.change(image, torch.tensor([1.0])).sum() == 9
    assert thick.change(1 - image, torch.tensor([-1.0])).sum() == 81 - 9
    assert float(TRANSFORMATIONS["brightness"].change(image, torch.tensor([0.5])).max()) == 0.5
    draws = torch.Generator().manual_seed(0)
    images = torch.full((4000, 1, 3, 3), 0.5)
    noisy, strengths = changed(images, TRANSFORMATIONS["noise"], draws)
    high = strengths > 0.2
    measured = (noisy[high] - 0.5).std()
    assert float(measured) == pytest.approx(float(strengths[high].mean()), rel=0.1)
    for one in TRANSFORMATIONS.values():
        assert one.low <= float(changed(images, one, draws)[1].min())


def test_a_latent_that_is_the_pixels_answers_and_a_constant_one_does_not():
    found = answers(DIGITS, lambda x: x.flatten(1), seed=1, most=200)
    assert len(found.before) == 200
    apart = torch.pdist(found.before.double()).median()
    assert found.typical == pytest.approx(float(apart))
    moved = (found.after["rotation"] - found.before).norm(dim=1).mean() / apart
    assert responses(found)["rotation"] == pytest.approx(float(moved), rel=1e-5)
    means = answers(DIGITS, lambda x: x.mean(dim=(1, 2, 3))[:, None], seed=1)
    assert strength_r2(means)["rotation"] < 0.05
    with pytest.raises(NotMeasurable, match="the same latent"):
        responses(answers(DIGITS, lambda x: torch.ones(len(x), 2), seed=1))
    with pytest.raises(NotMeasurable, match="at least 20"):
        answers(DIGITS[:19], lambda x: x.flatten(1), seed=1)


def test_the_strength_can_be_read_where_the_latent_holds_it():
    same = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(0)).repeat(400, 1, 1, 1)
    found = answers(same, lambda x: x.flatten(1)[:, :3], seed=0)
    assert strength_r2(found)["brightness"] == pytest.approx(1, abs=1e-2)
    with pytest.raises(NotMeasurable, match="the same latent"):  # as all images are
        responses(found)


def test_the_profile_has_seven_axes_in_order():
    chosen = names(report="profile")
    axes = list(dict.fromkeys(facts(name).axis for name in chosen))
    assert tuple(axes) == AXES
    assert {"knn_accuracy", "knn_1_accuracy", "linear_probe_accuracy"} <= set(chosen)
    assert "manifold_score" not in chosen
    assert not {"manifold_score", "silhouette", "davies_bouldin"} & set(names(table="index"))
    assert len(set(chosen)) == len(chosen)
