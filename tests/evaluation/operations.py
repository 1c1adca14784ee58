"""What PyTorch was asked to do while a test looked on."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class LargestTensor(TorchDispatchMode):
    """Remembers the size of the largest tensor any operation returned."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else (result,):
            if isinstance(value, torch.Tensor):
                self.bytes = max(self.bytes, value.numel() * value.element_size())
        return result


class Products(TorchDispatchMode):
    """Counts the multiplications of all matrix products, and the direct distances."""

    def __init__(self):
        super().__init__()
        self.multiplications = 0
        self.direct = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm", "bmm", "baddbmm"):
            left = args[0] if name in ("mm", "bmm") else args[1]
            self.multiplications += result.numel() * left.shape[-1]
        if name == "_cdist_forward":
            self.direct += result.numel()
        return result
