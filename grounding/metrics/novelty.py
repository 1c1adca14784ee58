"""Images that are none of their kind, and how well a score tells them from those that are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from grounding import _registry as register
from grounding._images import Images
from grounding._streams import generator
from grounding.metrics.arrays import NotMeasurable, encoded, unit_images
from grounding.metrics.neighbors import nearest

IMAGES = 500
REDRAWS = 50

NOVELTY: Mapping[str, Any] = {
    "axis": "novelty",
    "unit": "AUROC",
    "digits": 3,
    "better": "higher",
    "sample": IMAGES,
}  # what all scores of odd images have in common

Map = Callable[[Tensor], Tensor]


def odd_images(images: Tensor, labels: Tensor | None = None, seed: int = 0) -> dict[str, Tensor]:
    """Images (N, C, H, W) that are no digits, or whatever the given ones are, by their kind.

    - "noise": each value uniform in [0, 1];
    - "inverted": dark is bright and bright is dark;
    - "rotated by 90", "rotated by 180": degrees, counterclockwise; the former of square images
      only. Some stay what they are, such as a 0;
    - "halves": the upper half of one image above the lower half of another;
    - "two at once": of two images the brighter value at each place.

    The other image is of another class, where there are labels and more than one class.

    Args:
        images: (N, C, H, W) in [0, 1], N >= 2.
        labels: (N,) whole numbers.
        seed: the same is drawn on every device.
    """
    return dict(_odd_kinds(images, labels, seed))


def _odd_kinds(images: Tensor, labels: Tensor | None, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Kinds of odd images, one after the other: of large images, all at once are large."""
    draws = generator(seed, "odd images")
    yield "noise", torch.rand(images.shape, generator=draws).to(images)
    yield "inverted", 1 - images
    if images.shape[2] == images.shape[3]:
        yield "rotated by 90", images.rot90(1, (2, 3))
    yield "rotated by 180", images.rot90(2, (2, 3))
    other = images[_partners(len(images), labels, draws).to(images.device)]
    middle = images.shape[2] // 2
    yield "halves", torch.cat((images[:, :, :middle], other[:, :, middle:]), dim=2)
    yield "two at once", torch.maximum(images, other)


def auroc(scores: Tensor, odd_scores: Tensor) -> float:
    """Area under the ROC curve: how probably an odd image scores higher, ties counting half.

    Args:
        scores: (N,) of images of the kind; may be infinite, not NaN.
        odd_scores: (M,) of odd ones.
    """
    # From the sum of the odd images' ranks, as Mann and Whitney's U: sklearn.metrics says the same,
    # and to import it takes a third of the time of `grounding export-assets`.
    every = torch.cat((scores, odd_scores)).double().cpu()
    _, place, counts = every.unique(return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0) - (counts - 1).double() / 2)[place]  # from 1; ties share theirs
    real, odd = len(scores), len(odd_scores)
    return float((ranks[real:].sum() - odd * (odd + 1) / 2) / (real * odd))


def auroc_by_kind(scores: Tensor, odd_scores: Mapping[str, Tensor]) -> dict[str, float]:
    """`auroc` of each kind of odd images."""
    return {kind: auroc(scores, of_kind) for kind, of_kind in odd_scores.items()}


class OddScores(NamedTuple):
    """Scores of real images and of odd ones.

    Attributes:
        real: by score, (N,).
        odd: by score and by kind, (N,).
    """

    real: Mapping[str, Tensor]
    odd: Mapping[str, Mapping[str, Tensor]]


def odd_scores(
    images: Images,
    labels: Tensor | None,
    train_z: Tensor,
    encode: Map,
    decode: Map | None,
    *,
    metric: str = "euclidean",
    seed: int = 0,
    most: int = IMAGES,
) -> OddScores:
    """How new images look that are what was trained on, and images that are not.

    Scores are "distance", of a latent to the nearest of `train_z`; and with a decoder "error", the
    mean squared error of D(E(x)), and "drift", ||E(D(z)) - z||.

    Args:
        images: (N, C, H, W) real ones, uint8 or in [0, 1], N >= 2.
        labels: (N,) whole numbers, for the odd images that are put together.
        train_z: (M, D), on the device of the latents.
        encode: E.
        decode: D.
        metric: of the distance, "euclidean" or "cosine".
        seed: of which images are taken, and of what is drawn.
        most: so many at most, and as many of each kind.

    Raises:
        NotMeasurable: there is one image only.
    """
    if len(images) < 2:
        raise NotMeasurable("there is one image only, at least 2 are needed")
    some = torch.randperm(len(images), generator=generator(seed, "real images"))[:most]
    real = unit_images(images[some])
    of_some = None if labels is None else labels[some.to(labels.device)]

    def scores(x: Tensor) -> dict[str, Tensor]:
        z = encoded(encode, x)
        distances = nearest(z.to(train_z), train_z, 1, metric=metric).distances[:, 0]
        found = {"distance": distances}
        if decode is not None:
            drawn = encoded(decode, z)
            found["error"] = (drawn - x).double().square().flatten(1).mean(dim=1)
            found["drift"] = (encoded(encode, drawn) - z).double().norm(dim=1)
        return {name: of.nan_to_num(math.inf, math.inf) for name, of in found.items()}

    of_real = scores(real)
    of_odd = {kind: scores(x) for kind, x in _odd_kinds(real, of_some, seed)}
    odd = {name: {kind: of[name] for kind, of in of_odd.items()} for name in of_real}
    return OddScores(of_real, odd)


@register.metric(
    "novelty_distance",
    title="novelty by distance",
    k=1,
    tables=("index", "compare", "seeds"),
    place=110,
    **NOVELTY,
)
def _novelty_distance(scores_of_odd: OddScores) -> dict[str, float]:
    """How well the distance to the nearest training latent tells odd images, 0.5 is chance."""
    return auroc_by_kind(scores_of_odd.real["distance"], scores_of_odd.odd["distance"])


@register.metric("novelty_error", title="novelty by error", tables=(), place=111, **NOVELTY)
def _novelty_error(scores_of_odd: OddScores, decode: Map) -> dict[str, float]:  # noqa: ARG001
    """How well the reconstruction error tells odd images, 0.5 is chance."""
    return auroc_by_kind(scores_of_odd.real["error"], scores_of_odd.odd["error"])


@register.metric("novelty_drift", title="novelty by drift", tables=(), place=112, **NOVELTY)
def _novelty_drift(scores_of_odd: OddScores, decode: Map) -> dict[str, float]:  # noqa: ARG001
    """How well |E(D(z)) - z| tells odd images, 0.5 is chance."""
    return auroc_by_kind(scores_of_odd.real["drift"], scores_of_odd.odd["drift"])


def _partners(count: int, labels: Tensor | None, draws: torch.Generator) -> Tensor:
    """For each image another one, of another class if that can be."""
    others = (torch.arange(count) + torch.randint(1, count, (count,), generator=draws)) % count
    if labels is None or len(labels.unique()) < 2:
        return others
    classes = labels.cpu()
    for _ in range(REDRAWS):
        same = (classes[others] == classes).nonzero()[:, 0]
        others[same] = torch.randint(count, (len(same),), generator=draws)
    return others
