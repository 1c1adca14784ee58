"""Write what a page must compute for one trained run: augmented digit -> latent -> projection.

    python tools/chain_golden.py ARTIFACTS OUT.json [--checkpoint FILE]

ARTIFACTS holds one run's interactive assets, encoder and decoder. For a few digits and sliders
each case holds the augmented image as Python makes it, its latent by PyTorch (where the
checkpoint is there) and by onnxruntime, the projection of that latent, and its reconstruction.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from web_golden import barycentric_projection

import grounding
from grounding.data.augmentations.rotation import turned
from grounding.data.warp import warp
from grounding.metrics import nearest

SLIDERS = ((0, 0, 0.0), (2, -1, 12.0), (-3, 4, -37.5), (0, 0, 180.0))
DIGITS = 8


def main() -> None:
    """Compute all cases and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    arguments = parser.parse_args()
    assets = json.loads(only(arguments.artifacts, "_interactive_assets.json").read_bytes())
    encoder, decoder = (session(arguments.artifacts, name) for name in ("encoder", "decoder"))
    run = trained(arguments.checkpoint, assets) if arguments.checkpoint else None
    cases = [
        case(assets, digit, sliders, encoder, decoder, run)
        for digit in range(len(assets["digit_samples"]))
        for sliders in SLIDERS
    ]
    text = json.dumps({"torch": run is not None, "cases": cases}) + "\n"
    arguments.target.write_text(text, encoding="utf-8")
    print(f"{arguments.target}: {len(cases)} cases, PyTorch {'in' if run else 'left out'}")


def only(folder: Path, end: str) -> Path:
    """The first file in a folder whose name ends so."""
    return sorted(folder.glob(f"*{end}"))[0]


def session(folder: Path, name: str) -> onnxruntime.InferenceSession:
    """A model of the run in onnxruntime."""
    path = only(folder, f"_{name}.onnx")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def trained(checkpoint: Path, assets: dict[str, Any]) -> grounding.Run:
    """The run that was exported."""
    run = grounding.load(checkpoint)
    if run.sha256 != assets["made_from"]["checkpoint"]:
        raise SystemExit(f"{checkpoint} is not the checkpoint that the assets were made from")
    return run


@torch.inference_mode()
def case(
    assets: dict[str, Any],
    digit: int,
    sliders: tuple[int, int, float],
    encoder: onnxruntime.InferenceSession,
    decoder: onnxruntime.InferenceSession,
    run: grounding.Run | None,
) -> dict[str, Any]:
    """One digit with its sliders, all the way through."""
    right, down, degrees = sliders
    sample = torch.tensor(assets["digit_samples"][digit]).reshape(assets["image_shape"])
    moved = F.pad(sample, (right, -right, down, -down))
    image = warp(moved[None], [turned(torch.tensor([math.radians(degrees)]))])
    wanted = encoder.get_inputs()[0]
    shaped = image.reshape([1, *wanted.shape[1:]]).numpy()
    (latent,) = encoder.run(None, {wanted.name: shaped})
    (decoded,) = decoder.run(None, {decoder.get_inputs()[0].name: latent})
    return {
        "digit": digit,
        "sliders": {"shiftX": right, "shiftY": down, "rotation": degrees},
        "image": flat(image),
        "latent": flat(latent),
        "torchLatent": None if run is None else flat(run.encode(image)),
        "position": flat(projection(assets, torch.from_numpy(latent))),
        "decoded": flat(decoded),
    }


def projection(assets: dict[str, Any], latent: Tensor) -> NDArray[np.float64]:
    """Where the references place a latent."""
    references = torch.tensor(assets["reference_latents"], dtype=torch.float32)
    query = F.normalize(latent) if assets["l2_normalized"] else latent
    found = nearest(query, references, assets["projection_k"])
    points = np.asarray(assets["reference_points"], dtype=np.float32)
    return barycentric_projection(found.distances.numpy(), found.indices.numpy(), points)


def flat(values: Any) -> list[float]:
    """All values in order, with float32's precision."""
    return [float(f"{value:.{DIGITS}g}") for value in np.asarray(values).flatten().tolist()]


if __name__ == "__main__":
    main()
