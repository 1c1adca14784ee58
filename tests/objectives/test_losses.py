import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grounding.objectives import (
    classification_loss,
    contrastive_loss,
    kl_divergence,
    reconstruction_error,
    vicreg_loss,
)


def test_reconstruction_error_is_the_mean_over_all_pixels():
    images = torch.tensor([0.0, 1.0, 0.5, 0.5]).view(1, 1, 2, 2)
    assert reconstruction_error(images, torch.zeros(1, 1, 2, 2)).item() == 1.5 / 4


class TestContrastive:
    def test_four_vectors_by_hand(self):
        # Two views of image 0 along x, two of image 1 along y: cosines are 1 to the own other view
        # and 0 to both of the other image.
        projections = torch.tensor([[1.0, 0], [2.0, 0], [0, 3.0], [0, 0.5]])
        loss = contrastive_loss(projections, torch.tensor([7, 7, 9, 9]), 0.5)
        assert loss.item() == pytest.approx(-math.log(math.e**2 / (math.e**2 + 2)))

    def test_three_views_take_the_mean_over_both_positives(self):
        # The third view of image 0 points away: cosine -1 to its own, 0 to nothing else.
        projections = torch.tensor([[1.0, 0], [1.0, 0], [-1.0, 0], [0, 1.0]])
        loss = contrastive_loss(projections, torch.tensor([0, 0, 0, 1]), 1.0)
        e = math.e
        near = math.log(e + 1 / e + 1)  # what the first two views see
        far = math.log(2 / e + 1)
        each = [near - (1 - 1) / 2, near - (1 - 1) / 2, far + 1]
        # The view of image 1 has no positive and does not count.
        assert loss.item() == pytest.approx(sum(each) / 3)

    def test_two_views_are_ntxent(self):
        # NT-Xent written as a classification of 2N - 1 candidates.
        draws = torch.Generator().manual_seed(0)
        a, b = torch.randn(2, 6, 5, generator=draws, dtype=torch.float64)
        unit = F.normalize(torch.cat([a, b]), dim=1)
        similarity = unit @ unit.T / 0.2
        similarity.fill_diagonal_(-1e9)
        partners = torch.arange(12).roll(6)
        expected = F.cross_entropy(similarity, partners)
        found = contrastive_loss(torch.cat([a, b]), torch.arange(6).repeat(2), 0.2)
        assert found.item() == pytest.approx(expected.item(), rel=1e-12)

    def test_without_positives_it_is_zero_and_has_a_gradient(self):
        projections = torch.randn(3, 2, requires_grad=True)
        loss = contrastive_loss(projections, torch.arange(3), 0.1)
        loss.backward()
        assert loss.item() == 0
        assert projections.grad is not None
        assert projections.grad.isfinite().all()

    def test_pseudo_positives_and_ignored_negatives_by_hand(self):
        # Images 0 and 1 with two views each at right angles, and one view of image 2 opposite to
        # image 0: cosines 1 to the own view, 0 and -1 to the others.
        projections = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1], [-1, 0]])
        identities = torch.tensor([0, 0, 1, 1, 2])
        pseudo = torch.zeros(5, 5, dtype=torch.bool)
        pseudo[0, 2] = pseudo[0, 3] = True
        ignored = torch.zeros(5, 5, dtype=torch.bool)
        ignored[0, 3] = ignored[0, 4] = ignored[2, 4] = True
        e = math.e
        # View 0: its own other view and both pseudo positives, which stay in the sum although
        # ignored; view 4 is left out. View 1 sees all. View 2 does not see view 4. View 4 has no
        # positive.
        first = math.log(e + 2) - (1 + 0.25 * 0 + 0.25 * 0) / 1.5
        second = math.log(e + 2 + 1 / e) - 1
        third = math.log(e + 2) - 1
        fourth = math.log(e + 3) - 1
        loss = contrastive_loss(
            projections,
            identities,
            1.0,
            pseudo_positives=pseudo,
            pseudo_weight=0.25,
            ignored_negatives=ignored,
        )
        assert loss.item() == pytest.approx((first + second + third + fourth) / 4)


class TestVicreg:
    def test_by_hand(self):
        # Standard deviations sqrt(2) and sqrt(0.5 / 4 * 2): values 0 and 2; 0 and 0.5.
        a = torch.tensor([[0.0, 0.0], [2.0, 0.5]], dtype=torch.float64)
        b = torch.tensor([[0.0, 0.0], [2.0, 0.5]], dtype=torch.float64) + 1
        variance = max(0, 1 - math.sqrt(2 + 1e-4)) + max(0, 1 - math.sqrt(0.125 + 1e-4))
        covariance = 2 * (1.0 * 0.25 * 2) ** 2 / 2  # both off-diagonal entries, squared, over 2
        expected = 25 * 1 + 25 * variance / 2 + 2 * covariance
        assert vicreg_loss(a, b).item() == pytest.approx(expected, rel=1e-9)

    def test_spread_and_independent_pairs_that_agree_cost_nothing(self):
        a = 2 * torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
        assert vicreg_loss(a, a).item() == 0


class TestVariational:
    def test_by_hand(self):
        assert kl_divergence(torch.zeros(4, 3), torch.zeros(4, 3)).item() == 0
        mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4)]])
        by_hand = (1 + 4 - 1 - math.log(4)) / 2
        assert kl_divergence(mean, log_variance).item() == pytest.approx(by_hand)

    def test_torchs_own_distributions_agree(self):
        draws = torch.Generator().manual_seed(2)
        mean, log_variance = torch.randn(2, 7, 4, generator=draws)
        found = torch.distributions.Normal(mean, (log_variance / 2).exp())
        standard = torch.distributions.Normal(0.0, 1.0)
        expected = torch.distributions.kl_divergence(found, standard).sum(1).mean()
        assert kl_divergence(mean, log_variance).item() == pytest.approx(expected.item(), rel=1e-5)


def test_classification_by_hand():
    logits = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    loss = classification_loss(logits, torch.tensor([0, 1]))
    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


def test_arrays_are_as_good_as_tensors():
    a, b = np.random.default_rng(0).normal(size=(2, 6, 4))
    names = np.arange(3).repeat(2)
    for loss, arguments in (
        (reconstruction_error, (a, b)),
        (contrastive_loss, (a, names, 0.2)),
        (vicreg_loss, (a, b)),
        (kl_divergence, (a, b)),
        (classification_loss, (a, names)),
    ):
        tensors = [torch.as_tensor(x) for x in arguments[:2]]
        assert loss(*arguments).item() == loss(*tensors, *arguments[2:]).item()
