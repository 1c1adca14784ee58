import pytest
import torch
from torch import nn

from grounding import data
from grounding.data import Augmentations, TrainingInputs
from grounding.models import Autoencoder
from grounding.objectives.contrastive import (
    ContrastiveSettings,
    deformation_distances,
    find_neighbors,
    neighbors_among,
)

# Image 0's nearest are 1 and 2, and so on.
NEAREST = torch.tensor([[1, 2], [0, 3], [3, 0], [1, 2]])


def pairs(found):
    return {tuple(pair) for pair in found.nonzero().tolist()}


def test_a_batch_by_hand():
    identities = torch.tensor([0, 1, 2, 3, 0])
    close, near = neighbors_among(NEAREST, 2, identities)
    # Both ways among two: 0 - 1, 0 - 2, 1 - 3, 2 - 3.
    expected = {(0, 1), (1, 0), (0, 2), (2, 0), (1, 3), (3, 1), (2, 3), (3, 2)}
    assert pairs(close[:4, :4]) == expected
    assert torch.equal(near, close)  # here each nearest is so both ways
    assert torch.equal(close[4], close[0])  # another view of the same image
    assert not close[0, 4]
    closest, near = neighbors_among(NEAREST, 1, identities[:4])
    assert pairs(closest) == {(0, 1), (1, 0)}
    assert near.sum() == 8


def test_images_that_nobody_has_compared_have_no_neighbours():
    whole = torch.tensor([0, 1, 2, 3, 7, 4])
    for found, expected in zip(
        neighbors_among(NEAREST, 2, whole), neighbors_among(NEAREST, 2, whole[:4]), strict=True
    ):
        assert torch.equal(found[:4, :4], expected)
        assert found.sum() == expected.sum() > 0
    close, near = neighbors_among(NEAREST, 0, torch.arange(4))
    assert not close.any()
    assert near.any()


def test_images_that_look_alike_are_found_in_latents_of_their_views():
    # The latent is the image itself; images 0, 2 and 4 are bright above, the others below.
    images = torch.zeros(6, 1, 8, 8, dtype=torch.uint8)
    images[::2, :, :4] = 200
    images[1::2, :, 4:] = 200
    identity = Autoencoder(nn.Flatten(), nn.Identity(), image_shape=(1, 8, 8), latent_dim=64)
    changes = {"translation": {"enabled": True}, "noise": {"enabled": True}}

    def found(**loader):
        inputs = TrainingInputs(
            images, seed=0, batch_size=8, augmentations=Augmentations(changes), **loader
        )
        return find_neighbors(identity, inputs, 2, epoch=3)

    assert (found() % 2 == torch.arange(6)[:, None] % 2).all()
    assert (found() != torch.arange(6)[:, None]).all()
    assert torch.equal(found(), found())
    assert not identity.training
    more = found(mirrored=True)
    assert more.shape == (12, 2)  # bright above or below are their own mirror images
    assert (more % 2 == torch.arange(12)[:, None] % 2).all()


def test_deformations_decide_as_much_as_latents_do():
    # Four images whose latents, two bytes, lie on a circle: 0, 20, 50 and 90 degrees.
    angles = torch.tensor([0.0, 20.0, 50.0, 90.0]).deg2rad()
    images = (250 * torch.stack([angles.cos(), angles.sin()], dim=1)).round().byte()
    inputs = TrainingInputs(images.view(4, 1, 1, 2), seed=0, batch_size=2)
    model = Autoencoder(nn.Flatten(), nn.Identity(), image_shape=(1, 1, 2), latent_dim=2)
    assert find_neighbors(model, inputs, 1, 1).tolist() == [[1], [0], [1], [2]]
    # 1 - cos: 0-1 .060, 1-2 .134, 2-3 .234, 0-2 .357, 1-3 .658, 0-3 1; mean with the diagonal .305.
    deformed = torch.zeros(4, 4)
    for i, j, distance in (
        (0, 1, 9.0),
        (1, 2, 2.0),
        (2, 3, 6.0),
        (0, 2, 3.0),
        (1, 3, 4.0),
        (0, 3, 8.0),
    ):
        deformed[i, j] = deformed[j, i] = distance
    # Their mean is 4. Sums: 0-1 2.45, 0-2 1.92, 0-3 5.27, 1-2 .94, 1-3 3.15, 2-3 2.27.
    found = find_neighbors(model, inputs, 3, 1, deformed)
    assert found.tolist() == [[2, 1, 3], [2, 0, 3], [1, 0, 3], [2, 1, 0]]
    # Whatever the unit.
    assert torch.equal(find_neighbors(model, inputs, 3, 1, 1000 * deformed), found)


class WithoutFloat64(torch.Tensor):
    """As on Apple's GPU: there are no such numbers until it has come to the CPU."""

    def cpu(self):
        return self.as_subclass(torch.Tensor)

    def double(self):
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")


def test_latents_are_compared_beside_deformations_on_the_cpu():
    class OnGpu(nn.Module):
        def forward(self, images):
            return images.flatten(1).as_subclass(WithoutFloat64)

    images = torch.randint(256, (6, 1, 2, 3), generator=torch.Generator().manual_seed(0)).byte()
    inputs = TrainingInputs(images, seed=0, batch_size=2)
    deformed = deformation_distances(images)
    found = [
        find_neighbors(
            Autoencoder(encoder, nn.Identity(), image_shape=(1, 2, 3), latent_dim=6),
            *(inputs, 3, 1, deformed),
        ).tolist()
        for encoder in (nn.Flatten(), OnGpu())
    ]
    assert found[0] == found[1]


def test_deformations_of_digits():
    digits = data.cut(data.load(), train=40, val=10, test=10, seed=1).train
    distances = deformation_distances(digits.images)
    assert torch.equal(distances, distances.T)
    assert distances.diagonal().max() < 1e-2 < distances.fill_diagonal_(torch.inf).min()
    named = digits.labels[distances.argmin(dim=1)] == digits.labels
    assert named.float().mean() > 0.7  # chance is 0.1


@pytest.mark.parametrize(
    ("settings", "images", "words"),
    [
        ({"deformation": True}, 100, "deformation has an effect on near only, which is 0"),
        ({"deformation": True, "near": 3}, 501, "at most 500 images, and there are 501"),
        ({"deformation": True, "near": 3}, 500, ""),
        ({"deformation": True, "near": 3}, None, ""),
        ({"near": 3}, 501, ""),
    ],
)
def test_when_deformations_cannot_be_tried(settings, images, words):
    problem = ContrastiveSettings(**settings).problem(1.0, images)
    assert problem.endswith(words)
    assert bool(problem) == bool(words)
