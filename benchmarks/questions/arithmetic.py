"""What limits a training step.

FLOP: two for each multiplication with a weight in convolutions, transposed convolutions and linear
layers, forward times three. Against them, on the same threads and in turn: a product of two
matrices of 1024 x 1024 in the step's arithmetic, which is about what the cores can do; copies of
blocks as large as what the step's calls handle on average; and calls that do nothing worth
mentioning. So three times that the step would take at least, if it did nothing but compute, move
its tensors, or call operators, as shares of the time it takes. They overlap on several threads and
need not add up to 100; the largest is called the limit, or neither, if all are small: then the
kernels are slower than their arithmetic and their memory need.
"""

from collections.abc import Callable
from itertools import islice
from statistics import median
from typing import Any, NamedTuple

import torch
from harness.measure import alternate, say
from harness.question import Effort, Row
from harness.step import bare_steps, config_numbers, parts_of, with_long_epochs
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

MATRIX = 1024
CALLS = 1000
SMALL_SHARE = 30.0  # percent; below it nothing is called the limit


def measure(effort: Effort) -> list[Row]:
    return [row(config, effort) for config in config_numbers()]


def row(config: str, effort: Effort) -> Row:
    """One experiment's step against the three times it would take at least."""
    say(f"experiment {config}")
    parts = parts_of(with_long_epochs(config), torch.device("cpu"))
    batches = list(islice(parts.batches(), 2))
    step = bare_steps(parts)
    step(batches)
    traffic = traffic_of(lambda: step(batches[:1]))
    seconds = _in_turn(lambda: step(batches), traffic, parts.precision, effort.pick(2, 15))
    took = seconds["step"] / len(batches)
    flop = 3 * len(batches[0].inputs) * forward_flop(parts.model, parts.splits.image_shape)
    peak = 2 * MATRIX**3 / seconds["product"]
    shares = {
        "multiplying": 100 * flop / peak / took,
        "memory": 100 * seconds["copies"] / took,
        "calls": 100 * traffic.calls * seconds["calls"] / CALLS / took,
    }
    limit = max(shares, key=lambda name: shares[name])
    return {
        "experiment": config,
        "arithmetic": str(parts.precision).removeprefix("torch."),
        "step, ms": took * 1e3,
        "MFLOP": flop / 1e6,
        "GFLOP/s": flop / took / 1e9,
        "matrix product, GFLOP/s": peak / 1e9,
        "of the matrix product, %": shares["multiplying"],
        "moved, MB": traffic.bytes / 1e6,
        "moving, %": shares["memory"],
        "operators": traffic.calls,
        "calling, %": shares["calls"],
        "limit": limit if shares[limit] >= SMALL_SHARE else "kernels",
    }


class Traffic(NamedTuple):
    """Operators called, and bytes of the tensors that they read and wrote."""

    calls: int
    bytes: int


def _in_turn(
    step: Callable[[], None], traffic: Traffic, precision: torch.dtype, runs: int
) -> dict[str, float]:
    """Median seconds of steps, matrix product, copies that move as much, and empty calls."""
    left, right = torch.rand(2, MATRIX, MATRIX).to(precision)
    product = torch.empty(MATRIX, MATRIX, dtype=precision)
    block = torch.rand(max(1, traffic.bytes // max(1, traffic.calls) // 8))  # read + written
    copy = torch.empty_like(block)
    one = torch.zeros(1)
    ways: dict[str, Callable[[], Any]] = {
        "step": step,
        "product": lambda: torch.mm(left, right, out=product),
        "copies": lambda: [copy.copy_(block) for _ in range(traffic.calls)],
        "calls": lambda: [one.add_(0) for _ in range(CALLS)],
    }
    return {name: median(times) for name, times in alternate(ways, runs).items()}


def forward_flop(model: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Operations of one image's forward pass."""
    # In evaluation all layers are torch's own, which is what the counter knows.
    was_training = model.training
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, *image_shape))
    model.train(was_training)
    return counter.get_total_flops()


def traffic_of(work: Callable[[], Any]) -> Traffic:
    """What some work calls and moves, forward and backward; views move nothing."""
    with _Count() as count:
        work()
    return Traffic(count.calls, count.bytes)


class _Count(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls = self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.calls += 1
        returns = func._schema.returns
        is_view = any(one.alias_info and not one.alias_info.is_write for one in returns)
        if not is_view and not func._schema.name.startswith(("aten::empty", "aten::detach")):
            self.bytes += _bytes(args) + _bytes(out)
        return out


def _bytes(values: Any) -> int:
    if isinstance(values, torch.Tensor):
        return values.numel() * values.element_size()
    if isinstance(values, tuple | list):
        return sum(_bytes(value) for value in values)
    return 0
