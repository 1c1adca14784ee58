"""What PyTorch was asked to do while a test looked on, and blocks of other sizes."""

from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from grounding.metrics import distances


@contextmanager
def blocks_of(rows):
    """Distances come in blocks of so many rows, and these in tiles of few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "ROWS", rows)
        patch.setattr(distances, "TILE", 10_000)
        yield


class Operations(TorchDispatchMode):
    """Counts multiplications of matrix products and direct distances; the largest tensor's bytes.

    A mode sees one thread only, so that there must be no others.
    """

    def __enter__(self):
        self.threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self.multiplications = self.direct = self.bytes = 0
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        torch.set_num_threads(self.threads)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name == "mm":
            self.multiplications += result.numel() * args[0].shape[-1]
        if name == "_cdist_forward":
            self.direct += result.numel()
        for value in result if isinstance(result, tuple | list) else (result,):
            if isinstance(value, torch.Tensor):
                self.bytes = max(self.bytes, value.numel() * value.element_size())
        return result
