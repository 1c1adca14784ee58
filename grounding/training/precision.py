"""In which arithmetic a training step multiplies."""

import torch


def has_native_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 numbers in one instruction, as far as torch can tell."""
    capabilities = torch.cpu.get_capabilities()
    # torch was told to use older instructions than there are: then so do we.
    told_otherwise = "AVX512" not in torch.backends.cpu.get_cpu_capability()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return bool(native) and not told_otherwise


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """The arithmetic that `training.precision` means on a device.

    Args:
        name: "float32", "bfloat16", or "auto": bfloat16 on a CPU that has it in hardware, where a
            step takes two thirds of the time, and float32 elsewhere.
        device: where the training computes.
    """
    if name == "auto":
        native = device.type == "cpu" and has_native_bfloat16()
        return torch.bfloat16 if native else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
