"""What PyTorch was asked to do while a test looked on."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class _Watching(TorchDispatchMode):
    """A mode sees one thread only, so that there must be no others."""

    def __enter__(self):
        self.threads = torch.get_num_threads()
        torch.set_num_threads(1)
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        torch.set_num_threads(self.threads)


class LargestTensor(_Watching):
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


class Products(_Watching):
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
