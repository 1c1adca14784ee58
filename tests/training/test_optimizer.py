"""Our optimiser, held against torch's own, and the schedule of its steps."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from grounding._errors import UserError
from grounding.training.optimizer import Adam, one_cycle


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5))


def named(model):
    return dict(model.named_parameters())


def train(model, optimizer, steps, begin=0):
    for step in range(begin, begin + steps):
        draws = torch.Generator().manual_seed(step)
        model(torch.rand(16, 1, 8, 8, generator=draws)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def same(model, other):
    return all(
        torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("decoupled", "theirs"), [(False, torch.optim.Adam), (True, torch.optim.AdamW)]
)
@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("capturable", [False, True])
def test_steps_are_those_of_torch_to_the_bit(decoupled, theirs, decay, layout, capturable):
    model, other = (network().to(memory_format=layout) for _ in range(2))
    optimizer = Adam(
        named(model), 0.01, weight_decay=decay, decoupled=decoupled, capturable=capturable
    )
    first, second = (torch.tensor(size) if capturable else size for size in (0.01, 0.002))
    oracle = theirs(other.parameters(), lr=first, weight_decay=decay, fused=True)
    train(model, optimizer, 5)
    train(other, oracle, 5)
    optimizer.learning_rate = 0.002
    assert optimizer.learning_rate == 0.002
    oracle.param_groups[0]["lr"] = second
    train(model, optimizer, 3, 5)
    train(other, oracle, 3, 5)
    assert same(model, other)
    for name, parameter in other.named_parameters():
        for key, tensor in oracle.state[parameter].items():
            assert torch.equal(optimizer.state[name][key], tensor)


def test_the_first_step_by_hand():
    """After one step both means are corrected back to the gradient: the step is its sign."""
    weights = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = Adam({"w": weights}, 0.1, weight_decay=0.5, decoupled=True)
    weights.grad = torch.tensor([4.0, -0.25])
    optimizer.step()
    # Decay first: 1 * (1 - 0.1 * 0.5) and 2 * (1 - 0.1 * 0.5); then 0.1 against the sign.
    assert torch.allclose(weights, torch.tensor([0.85, 2.0]))


def test_parameters_without_a_gradient_stay():
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = Adam({"unused": unused, "used": used}, 0.1, weight_decay=0.1, decoupled=True)
    used.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(unused, torch.ones(2))
    assert not torch.equal(used, torch.ones(2))
    assert optimizer.state["unused"] == {}
    optimizer.zero_grad()
    assert used.grad is None


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_another_optimiser_goes_on_where_one_stopped(layout):
    model, whole = (network().to(memory_format=layout) for _ in range(2))
    first = Adam(named(model), 0.01)
    train(model, first, 3)
    second = Adam(named(model), 0.01)
    second.load(
        {name: {k: t.contiguous() for k, t in kept.items()} for name, kept in first.state.items()}
    )
    train(model, second, 3, 3)
    train(whole, Adam(named(whole), 0.01), 6)
    assert same(model, whole)


def test_a_state_that_does_not_fit_is_refused():
    weights = nn.Parameter(torch.ones(2, 3))
    kept = {"step": torch.tensor(1.0), "exp_avg": torch.ones(2, 3), "exp_avg_sq": torch.ones(2, 3)}
    optimizer = Adam({"w": weights}, 0.1)
    with pytest.raises(ValueError, match="of w: exp_avg_sq is missing or misshapen"):
        optimizer.load({"w": {**kept, "exp_avg_sq": torch.ones(6)}})
    del kept["step"]
    with pytest.raises(ValueError, match="of w: step is missing"):
        optimizer.load({"w": kept})
    with pytest.raises(ValueError, match="no optimiser state of w"):
        optimizer.load({})


def test_a_state_that_is_missing_is_noticed_once_there_is_a_gradient():
    weights = nn.Parameter(torch.ones(2))
    optimizer = Adam({"w": weights}, 0.1)
    optimizer.load({"w": {}})  # as of a parameter that never had one
    optimizer.step()
    weights.grad = torch.ones(2)
    with pytest.raises(UserError, match="no optimiser state of w; delete it, or train without"):
        optimizer.step()


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 100])
def test_one_cycle_rises_to_one_and_ends_near_zero(steps):
    shares = [one_cycle(step, steps) for step in range(steps)]
    assert max(shares) == 1.0
    top = shares.index(1.0)
    assert top == max(1, round(steps / 4)) - 1
    assert all(a < b for a, b in pairwise(shares[: top + 1]))
    assert all(a > b for a, b in pairwise(shares[top:]))
    if steps > 3:
        assert math.isclose(shares[-1], 4e-6, rel_tol=1e-9)


def test_one_cycle_is_that_of_torch():
    steps = 40
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=steps, pct_start=0.25, div_factor=25, final_div_factor=1e4
    )
    for step in range(steps):
        assert one_cycle(step, steps) == pytest.approx(schedule.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        schedule.step()
