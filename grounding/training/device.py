"""Which device to compute on."""

import torch

from grounding._errors import UserError


def resolve_device(name: str) -> torch.device:
    """The device that `training.device` means; "auto" takes CUDA before MPS before CPU.

    On CUDA, convolutions are then float32 where float32 is said, which they are not by default,
    and the same from run to run.

    Raises:
        UserError: the device was asked for by name and is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available[name]:
        there = ", ".join(device for device, here in available.items() if here)
        raise UserError(
            f"training.device {name} is not available here (available: {there}); "
            "try --set training.device=auto"
        )
    if name == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
    return torch.device(name)
