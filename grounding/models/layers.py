"""Layers that every architecture shares: activations and dropout with its own random stream."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
}


def activation(name: str) -> nn.Module:
    """A fresh activation module: "relu", "gelu" or "tanh"."""
    return ACTIVATIONS[name]()


class Dropout(nn.Module):
    """Dropout of whole channels (B, C, H, W) or of single units (B, D).

    Kept values are scaled by 1 / (1 - p), so evaluation needs no scaling (Srivastava et al., 2014;
    for channels: Tompson et al., 2015). Unlike `torch.nn.Dropout` it can draw from a generator of
    its own (`generator`, set by the training loop), so that what is dropped does not depend on how
    much randomness anything else has used.

    Args:
        p: probability of dropping, in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout p = {p} is not in [0, 1)")
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return x with channels or units dropped while training, x itself otherwise."""
        if not self.training or self.p == 0:
            return x
        shape = x.shape[:2] + (1,) * (x.dim() - 2)
        keep = torch.empty(shape, dtype=x.dtype, device=x.device)
        keep.bernoulli_(1 - self.p, generator=self.generator)
        return x * keep.div_(1 - self.p)

    def extra_repr(self) -> str:
        """Show p when the module is printed."""
        return f"p={self.p}"


class Conv2d(nn.Conv2d):
    """torch's convolution, which computes in float32 on maps of width 1.

    In bfloat16 on a CPU, torch 2.13 gives a strided convolution over such maps a gradient of random
    memory, NaN among it.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps (B, after, h, w) of maps (B, before, H, W)."""
        if x.shape[-1] > 1 or not torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())
