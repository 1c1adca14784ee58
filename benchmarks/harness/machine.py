"""What the measurements ran on."""

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "numpy", "scikit-learn", "umap-learn", "umapers", "onnxruntime")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, threads, device and versions; no name, no path."""
    import torch

    processor, memory, cores = platform.processor() or platform.machine(), None, os.cpu_count()
    with suppress(OSError, AttributeError, ValueError):  # what only Linux says
        cores = len(os.sched_getaffinity(0))
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        processor = next(named, processor)
    return {
        "processor": processor,
        "cores": cores,
        "memory_gb": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": {name: _installed(name) for name in PACKAGES},
    }


def load() -> float | None:
    """Processes that wanted to run during the last minute, on average."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
