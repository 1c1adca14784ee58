import pytest
import torch
from torch import nn

from grounding.models.layers import Dropout, activation


def test_activations_are_torchs():
    x = torch.linspace(-2, 2, 9)
    assert torch.equal(activation("gelu")(x), nn.functional.gelu(x))


def test_whole_channels_are_dropped_and_the_rest_scaled():
    dropout = Dropout(0.25)
    dropout.generator = torch.Generator().manual_seed(1)
    out = dropout(torch.ones(400, 10, 3, 3))
    per_channel = out.flatten(2)
    assert torch.equal(per_channel.amin(2), per_channel.amax(2))
    assert out.unique().tolist() == pytest.approx([0, 4 / 3])
    assert out.mean().item() == pytest.approx(1, abs=0.05)


def test_units_are_dropped_one_by_one():
    out = Dropout(0.5)(torch.ones(50, 40))
    assert 0.3 < (out == 0).float().mean() < 0.7


def test_dropout_draws_from_its_own_generator_only():
    dropout = Dropout(0.5)
    drawn = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        dropout.generator = torch.Generator().manual_seed(7)
        drawn.append(dropout(torch.ones(20, 20)))
    assert torch.equal(*drawn)


def test_evaluation_drops_nothing():
    x = torch.rand(3, 4)
    assert Dropout(0.9).eval()(x) is x
