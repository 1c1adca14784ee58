import torch
from torch import nn

from grounding.data.augmented import TrainingInputs
from grounding.experiment.load import load_experiment
from grounding.models.autoencoder import Autoencoder
from grounding.objectives.kinship import Kinship, find_kinship

# Image 0's nearest are 1 and 2, and so on.
NEAREST = torch.tensor([[1, 2], [0, 3], [3, 0], [1, 2]])


def test_a_batch_by_hand():
    identities = torch.tensor([0, 1, 2, 3, 0])
    kin, near = Kinship(NEAREST, 2).of(identities)
    # Both ways among two: 0 - 1, 0 - 2, 1 - 3, 2 - 3.
    pairs = {(0, 1), (1, 0), (0, 2), (2, 0), (1, 3), (3, 1), (2, 3), (3, 2)}
    assert {tuple(pair) for pair in kin[:4, :4].nonzero().tolist()} == pairs
    assert torch.equal(near, kin)  # here each nearest is so both ways
    assert torch.equal(kin[4], kin[0])  # another view of the same image
    assert not kin[0, 4]
    closest, near = Kinship(NEAREST, 1).of(identities[:4])
    assert {tuple(pair) for pair in closest.nonzero().tolist()} == {(0, 1), (1, 0)}
    assert near.sum() == 8


def test_of_images_that_nobody_has_compared_nothing_is_guessed():
    whole = torch.tensor([0, 1, 2, 3, 7, 4])
    kin, near = Kinship(NEAREST, 2).of(whole)
    known, known_near = Kinship(NEAREST, 2).of(whole[:4])
    for found, expected in ((kin, known), (near, known_near)):
        assert torch.equal(found[:4, :4], expected)
        assert found.sum() == expected.sum() > 0


def test_none_is_close():
    kin, near = Kinship(NEAREST, 0).of(torch.arange(4))
    assert not kin.any()
    assert near.any()


def test_images_that_look_alike_are_found_in_latents_of_their_views():
    # The latent is the image itself; images 0, 2 and 4 are bright above, the others below.
    images = torch.zeros(6, 1, 8, 8, dtype=torch.uint8)
    images[::2, :, :4] = 200
    images[1::2, :, 4:] = 200
    identity = Autoencoder(nn.Flatten(), nn.Identity(), image_shape=(1, 8, 8), latent_dim=64)
    experiment = load_experiment("4", ["training.batch_size=8"])
    inputs = TrainingInputs(images, experiment, "data")
    found = find_kinship(identity, inputs, 2, 2, epoch=3)
    assert (found.nearest % 2 == torch.arange(6)[:, None] % 2).all()
    assert (found.nearest != torch.arange(6)[:, None]).all()
    again = find_kinship(identity, inputs, 2, 2, epoch=3)
    assert torch.equal(found.nearest, again.nearest)
    assert not identity.training
    mirrored = load_experiment("4", ["training.batch_size=8", "objectives.mirrored=true"])
    more = find_kinship(identity, TrainingInputs(images, mirrored, "data"), 2, 2, epoch=3)
    assert more.nearest.shape == (12, 2)  # bright above or below are their own mirror images
    assert (more.nearest % 2 == torch.arange(12)[:, None] % 2).all()
