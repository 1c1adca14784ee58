"""Write grounding/web/tests/golden.json: what the pages' arithmetic is checked against.

    python tools/web_golden.py

Augmentation, neighbours and projection are computed by the Python code on fixed inputs; the tests
of the pages compute the same in JavaScript and compare.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from grounding.data.augmentations.rotation import turned
from grounding.data.warp import warp
from grounding.metrics.neighbors import nearest

TARGET = Path(__file__).parents[1] / "grounding" / "web" / "tests" / "golden.json"
SEED = 20
ROTATIONS = (-180.0, -37.5, -12.0, 0.0, 7.0, 12.0, 90.0)
SHIFTS = ((2, 0), (-1, 3), (0, -2))
SHAPES = ((1, 28, 28), (3, 6, 9))


def main() -> None:
    """Compute all vectors and write them."""
    generator = torch.Generator().manual_seed(SEED)
    golden = {
        "augmented": [case for shape in SHAPES for case in augmented(shape, generator)],
        "projected": [projected(generator, unit=unit) for unit in (False, True)],
    }
    TARGET.write_text(json.dumps(golden) + "\n", encoding="utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


def augmented(shape: tuple[int, int, int], generator: torch.Generator) -> list[dict[str, Any]]:
    """An image shifted by whole pixels and rotated, as a training image is."""
    image = torch.rand(shape, generator=generator)
    cases = [(0, 0, degrees) for degrees in ROTATIONS]
    cases += [(right, down, degrees) for right, down in SHIFTS for degrees in (0.0, 12.0)]
    results = []
    for right, down, degrees in cases:
        rotation = turned(torch.tensor([math.radians(degrees)]))
        moved = warp(shifted(image, right, down)[None], [rotation])[0]
        values = {"shiftX": right, "shiftY": down, "rotation": degrees}
        results.append({"shape": shape, "sliders": values, "expected": flat(moved)})
    return [{"image": flat(image), "cases": results}]


def shifted(image: Tensor, right: int, down: int) -> Tensor:
    """Move an image (C, H, W) by whole pixels, zeros moving in."""
    return F.pad(image, (right, -right, down, -down))


def projected(generator: torch.Generator, *, unit: bool) -> dict[str, Any]:
    """Neighbours and projection of a few probes; one probe is a reference, two rows are equal."""
    references = torch.randn((60, 7), generator=generator)
    references[41] = references[13]
    points = torch.randn((60, 3), generator=generator)
    probes = torch.randn((5, 7), generator=generator)
    probes[3] = references[13]
    searched = F.normalize(references) if unit else references
    queries = F.normalize(probes) if unit else probes
    found = nearest(queries, searched, 12)
    distances, indices = found.distances.numpy(), found.indices.numpy()
    return {
        "unit": unit,
        "dim": 7,
        "k": 12,
        "references": flat(searched),
        "points": flat(points),
        "probes": flat(probes),
        "indices": indices.tolist(),
        "distances": distances.tolist(),
        "weights": barycentric_weights(distances).tolist(),
        "positions": barycentric_projection(distances, indices, points.numpy()).tolist(),
    }


def barycentric_weights(distances: NDArray[Any]) -> NDArray[np.float64]:
    """Weights 1 / (d + 1e-6) of distances (Q, k), each row scaled to sum 1."""
    weights = 1 / (distances.astype(np.float64) + 1e-6)
    return weights / weights.sum(axis=1, keepdims=True)


def barycentric_projection(
    distances: NDArray[Any], indices: NDArray[Any], points: NDArray[Any]
) -> NDArray[np.float64]:
    """Places (Q, P) of queries: the weighted means of the places of their references (N, P)."""
    weights_Qk = barycentric_weights(distances)
    return np.einsum("qk,qkp->qp", weights_Qk, points.astype(np.float64)[indices])


def flat(values: Tensor) -> list[float]:
    """All values in order, with float32's precision."""
    return [float(f"{value:.8g}") for value in values.flatten().tolist()]


if __name__ == "__main__":
    main()
