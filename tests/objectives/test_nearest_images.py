import torch
from torch import nn

from grounding.data import Augmentations, TrainingInputs
from grounding.models import Autoencoder
from grounding.objectives.contrastive import find_neighbors, neighbors_among

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
