"""Images and points as pure code takes them, and how many of them at once."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

CHUNK_BYTES = 32 << 20  # of points that are prepared together, in float64
BATCH = 100
"""Images that are encoded or decoded together: what their layers give stays in a CPU's cache.

The autoencoder of experiment 5 takes 1.6 times as long for each image at 500.
"""


class Images(Protocol):
    """Images (N, C, H, W), uint8 or in [0, 1]: a tensor, or what is indexed like one and reads."""

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""

    def __len__(self) -> int: ...

    def __getitem__(self, which: Any, /) -> Tensor: ...


def rows_at_once(width: int, most: int) -> int:
    """How many points (N, width) to prepare together: `most`, fewer if they have many values."""
    return min(most, max(1, CHUNK_BYTES // (8 * width)))
