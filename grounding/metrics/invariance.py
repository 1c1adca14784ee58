"""How latents answer to changes of the images: by how far, and whether the strength can be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from grounding import _registry as register
from grounding._images import Images
from grounding._streams import generator
from grounding.metrics.arrays import NotMeasurable, encoded, unit_images
from grounding.metrics.transformations import TRANSFORMATIONS, changed

IMAGES = 1000
FEWEST = 20
RIDGE = 1.0  # of standardised latents: the scale of one image more


class Answers(NamedTuple):
    """What latents do when their images are changed.

    Attributes:
        before: (N, D) latents of N images.
        typical: median distance between two of them.
        after: by transformation, (N, D) latents of the changed images.
        strengths: by transformation, (N,), by how much each was changed.
    """

    before: Tensor
    typical: float
    after: Mapping[str, Tensor]
    strengths: Mapping[str, Tensor]


def answers(
    images: Images, encode: Callable[[Tensor], Tensor], seed: int, most: int = IMAGES
) -> Answers:
    """Change some images by every transformation, and encode them.

    Args:
        images: (N, C, H, W), uint8 or in [0, 1].
        encode: E.
        seed: of which images are taken, and of the strengths.
        most: so many at most.

    Raises:
        NotMeasurable: there are fewer than 20.
    """
    if len(images) < FEWEST:
        raise NotMeasurable(f"there are {len(images)} images, at least {FEWEST} are needed")
    draws = generator(seed, "transformations")
    some = torch.randperm(len(images), generator=draws)[:most]
    chosen = unit_images(images[some])
    before = encoded(encode, chosen)
    after, strengths = {}, {}
    for name, one in TRANSFORMATIONS.items():
        moved, strengths[name] = changed(chosen, one, draws)
        after[name] = encoded(encode, moved)
    typical = float(torch.pdist(before.cpu().double()).median())
    return Answers(before, typical, after, strengths)


def responses(found: Answers) -> dict[str, float]:
    """Mean ||E(T x) - E(x)|| by transformation, in median distances between images; 0 is none.

    Raises:
        NotMeasurable: most images have the same latent.
    """
    if not found.typical:
        raise NotMeasurable("most images have the same latent")
    return {
        name: float((z - found.before).double().norm(dim=1).mean()) / found.typical
        for name, z in found.after.items()
    }


def strength_r2(found: Answers) -> dict[str, float]:
    """R^2 of the strength of each transformation, as a linear function of the latent; at most 1.

    Ridge regression on standardised latents, fitted on the first half of the images and judged on
    the second: 1 if the strength can be read, 0 or less if not.
    """
    return {name: _r2(z, found.strengths[name]) for name, z in found.after.items()}


def _r2(z: Tensor, strengths: Tensor) -> float:
    half = len(z) // 2
    z, y = z.cpu().double(), strengths.double()
    mean, deviation = z[:half].mean(dim=0), z[:half].std(dim=0)
    x = (z - mean) / torch.where(deviation > 0, deviation, 1.0)
    centred = y - y[:half].mean()
    gram = x[:half].T @ x[:half] + RIDGE * torch.eye(x.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, x[:half].T @ centred[:half])
    left = centred[half:] - x[half:] @ weights
    spread = y[half:] - y[half:].mean()
    return 1 - float(left.square().sum() / spread.square().sum())


@register.metric(
    "response",
    title="response to changes",
    axis="invariance",
    unit="median distances",
    digits=2,
    better="lower",
    tables=("index",),
    sample=IMAGES,
    place=100,
)
def _response(changed_latents: Answers) -> dict[str, float]:
    """How far a change of its image moves a latent, in median distances between images."""
    return responses(changed_latents)


@register.metric(
    "strength_r2",
    title="strength of changes, R²",
    axis="invariance",
    digits=2,
    tables=("index",),
    sample=IMAGES,
    place=101,
)
def _strength_r2(changed_latents: Answers) -> dict[str, float]:
    """How well the strength of a change can be read from the latent, 0 not to 1 exactly."""
    return strength_r2(changed_latents)
