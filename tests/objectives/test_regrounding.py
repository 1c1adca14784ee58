"""The encoder learns to read what the decoder draws."""

import pytest
import torch
import torch.nn.functional as F
from small_trainings import new_model, splits, trained
from torch import nn

from grounding import objectives
from grounding.data import Batch, to_unit
from grounding.models import Autoencoder
from grounding.objectives import Step, check, regrounding_distance

WEIGHTS = {"reconstruction": 1.0, "regrounding": 1.0}


def test_the_distance_by_hand():
    z = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [1.0, 1.0]])
    again = torch.tensor([[5.0, 0.0], [0.0, -1.0], [0.0, 4.0], [1.0, 0.0]])
    expected = (0 + 2 + 1 + 1 - 0.5**0.5) / 4
    assert regrounding_distance(again, z).item() == pytest.approx(expected, rel=1e-6)
    assert regrounding_distance(again.numpy(), z.numpy()).item() == pytest.approx(expected)


def two_numbers():
    """E and D are matrices of two by two, behind which D has no sigmoid."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    decoder = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Unflatten(1, (1, 1, 2)))
    with torch.no_grad():
        encoder[1].weight.copy_(torch.tensor([[1.0, 0.5], [0.0, 1.0]]))
        decoder[0].weight.copy_(torch.tensor([[0.3, 0.1], [0.2, 0.7]]))
    return Autoencoder(encoder, decoder, image_shape=(1, 1, 2), latent_dim=2)


def gradients(share, views=1):
    """Of regrounding alone: the encoder's and the decoder's, and the loss."""
    model = two_numbers()
    images = torch.tensor([[[[0.2, 0.9]]], [[[0.8, 0.1]]]])
    whole = objectives.build(WEIGHTS, model=model, views=views, regrounding_to_decoder=share)
    step = Step(model, Batch(images, images, torch.arange(2) % (2 // views)), whole)
    loss = whole["regrounding"](step)
    loss.backward()
    found = [layer.weight.grad for layer in (model.encoder[1], model.decoder[0])]
    return *(torch.zeros(2, 2) if one is None else one for one in found), loss.item()


def test_the_share_of_the_decoder():
    model = two_numbers()
    images = torch.tensor([[0.2, 0.9], [0.8, 0.1]])
    encode, decode = model.encoder[1].weight, model.decoder[0].weight
    z = (images @ encode.T).detach()
    again = z @ decode.T.detach() @ encode.T
    expected = 1 - F.cosine_similarity(again, z).mean()
    (of_encoder,) = torch.autograd.grad(expected, [encode])

    encoder, decoder, loss = gradients(0.0)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(encoder, of_encoder)  # none by way of z
    assert not decoder.any()

    all_of_it = gradients(1.0)[1]
    assert all_of_it.abs().max() > 1e-3
    torch.testing.assert_close(gradients(0.3)[1], 0.3 * all_of_it)
    assert gradients(0.3)[2] == pytest.approx(loss, rel=1e-6)


def test_one_view_of_each_image_is_drawn_and_read():
    encoder, _, loss = gradients(0.0, views=2)
    model = two_numbers()
    z = model.encode(torch.tensor([[[[0.2, 0.9]]]])).detach()
    expected = regrounding_distance(model.encode(model.decode(z).detach()), z)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    (of_encoder,) = torch.autograd.grad(expected, [model.encoder[1].weight])
    torch.testing.assert_close(encoder, of_encoder)


def test_it_needs_a_decoder_that_is_trained():
    words = "regrounding needs a decoder that is trained; give reconstruction a weight as well"
    with pytest.raises(ValueError, match=words):
        objectives.build({"regrounding": 1.0}, model=new_model("conv"))
    check({**WEIGHTS, "kl": 0.1}, {})
    check({"regrounding": 0.0, "labels": 1.0}, {})


def test_drawings_are_read_better_after_it():
    images = to_unit(splits().val.images[:])

    def misread(**share):
        """How far the latents of drawings are from those that they were drawn from."""
        weight = 1.0 if share else 0.0
        model = new_model("conv")
        whole = objectives.build(
            {**WEIGHTS, "regrounding": weight}, model=model, epochs=20, **share
        )
        trained("conv", epochs=20, model=model, weighted=whole, learning_rate=0.005)
        model.eval()
        with torch.no_grad():
            z = model.encode(images)
            return regrounding_distance(model.encode(model.decode(z)), z).item()

    assert misread(regrounding_to_decoder=0.3) < 0.2 * misread()
