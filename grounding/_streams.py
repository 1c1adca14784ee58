"""Named random streams: each is a function of (seed, purpose, epoch) and of nothing else.

Because no stream depends on how much another has used, the order of the data and its augmentation
are the same whatever ran before.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def stream_seed(seed: int, purpose: str, epoch: int = 0) -> int:
    """63 bits that belong to this seed, purpose and epoch alone."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(
    seed: int, purpose: str, epoch: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A fresh generator for one purpose in one epoch.

    Args:
        seed: the experiment's seed.
        purpose: what is drawn, e.g. "order", "augment", "dropout".
        epoch: which pass; 0 for what is drawn once.
        device: where the numbers are drawn; another device draws other numbers.
    """
    return torch.Generator(device).manual_seed(stream_seed(seed, purpose, epoch))


@contextmanager
def seeded(seed: int, purpose: str, epoch: int = 0) -> Iterator[None]:
    """What is drawn from torch's global state in the block depends on the arguments alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, purpose, epoch))
        yield
