"""The phase portrait of a latent space: all that is measured of f = E∘D, by one function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from grounding._images import BATCH, Images
from grounding._streams import generator
from grounding.dynamics.attractors import (
    Attractors,
    attractors,
    class_counts,
    landmarks,
    normalized_mutual_information,
    purity,
)
from grounding.dynamics.flow import STEPS, Flow, Landmarks, Map, flow, regrounding, scale_of
from grounding.dynamics.memorisation import Nearest, memorisation, nearest_image
from grounding.dynamics.spectrum import eigenvalues, is_differentiable, jacobians

# After how many steps the kNN accuracy is measured: the horizon is one of these numbers.
TIMES = (*range(11), 12, 14, 16, 18, 20, 25, 30, 40, 50, 60, 80, 100, 120, 140, 160, 180, 200)
PATH_TIMES = (1, 2, 5, 10, 20, 50)  # after which it is kept where latents are
GAUSSIAN_STARTS = 250
JACOBIANS = 64  # of real latents
SCOUTS = 64  # latents that are followed first
LARGEST = 32  # attractors of which there are Jacobians
LOSS = 0.01  # of kNN accuracy, up to which a number of steps is safe


@dataclass(frozen=True, eq=False, kw_only=True)
class Portrait:
    """What f = E∘D does to N latents of real images and G latents from a Gaussian.

    Attributes:
        flow: of N + G starts, the images first.
        attractors: of all of them; the images count for the shares.
        images: N.
        times: numbers of steps t at which the accuracy was measured, ascending from 0.
        paths: (P, N, D) on the CPU, where the latents of the images are after those of `PATH_TIMES`
            that are not above T.
        accuracies: a_t at these, the share of f^t(E(x)) that is named right; () if nothing
            tells classes.
        classes: (K,) labels that occur; None without labels.
        basins: (A, K) int64, images of each class in each basin; None without labels.
        pictures: (A, C, H, W) float32 in [0, 1] on the CPU, the decoded attractors.
        nearest_training: of each of these, the nearest training image; None without training
            images.
        memorisation: see the function, of the attractors reached from the Gaussian; NaN without
            images to compare with.
        compared: how many training images, and as many fresh ones, it compares with.
        at_data: (M, D) complex128, eigenvalues of J_f at the first M latents, the largest modulus
            first; NaN where they are not finite.
        at_attractors: (B, D), at those of the largest basins.
        derivative: how the Jacobians were found, "reverse mode" or "central differences".
    """

    flow: Flow
    attractors: Attractors
    images: int
    times: tuple[int, ...]
    accuracies: tuple[float, ...]
    paths: Tensor
    classes: Tensor | None
    basins: Tensor | None
    pictures: Tensor
    nearest_training: Nearest | None
    memorisation: float
    compared: int
    at_data: Tensor
    at_attractors: Tensor
    derivative: str

    @property
    def safe_horizon(self) -> float:
        """H, the largest of `times` with a_t >= a_0 - `LOSS`; NaN without accuracies."""
        if not self.accuracies:
            return math.nan
        least = self.accuracies[0] - LOSS - 1e-12  # a difference of 0.01 rounds either way
        return max(t for t, a in zip(self.times, self.accuracies, strict=True) if a >= least)

    @property
    def converged(self) -> float:
        """Share of the images whose latents settle."""
        return float((self.flow.periods[: self.images] == 1).double().mean())

    @property
    def cycling(self) -> float:
        """Share of the images whose latents go round in a cycle."""
        members = self.attractors.members[: self.images]
        reached = self.attractors.periods[members[members >= 0]]
        return int((reached > 1).sum()) / self.images

    @property
    def diverging(self) -> float:
        """Share of the images whose latents diverge."""
        return float(self.flow.diverged[: self.images].double().mean())

    @property
    def median_steps(self) -> float:
        """Median number of steps of the images that settle; NaN if none does."""
        steps = self.flow.steps[: self.images]
        settled = steps[steps >= 0].double()
        return float(settled.quantile(0.5)) if len(settled) else math.nan

    @property
    def reached_from_images(self) -> int:
        """How many attractors the images reach."""
        return int((self.attractors.counts > 0).sum())

    @cached_property
    def reached_from_gaussian(self) -> Tensor:
        """Int64, the attractors that starts from the Gaussian reach."""
        return _reached(self.attractors.members[self.images :])

    @property
    def purity(self) -> float:
        """Share of the settled images that are of their basin's most frequent class.

        NaN without labels of two classes or more.
        """
        if self.basins is None or self.basins.shape[1] < 2:
            return math.nan
        return purity(self.basins)

    @property
    def mutual_information(self) -> float:
        """Normalised mutual information of basins and classes; NaN as `purity` is."""
        if self.basins is None or self.basins.shape[1] < 2:
            return math.nan
        return normalized_mutual_information(self.basins)

    @property
    def radii_at_data(self) -> Tensor:
        """Spectral radii (M,) float64: the largest modulus of an eigenvalue, at real latents."""
        return self.at_data[:, 0].abs()

    @property
    def radii_at_attractors(self) -> Tensor:
        """Spectral radii (B,) float64; below 1 an attractor draws in what is near."""
        return self.at_attractors[:, 0].abs()


def portrait(
    encode: Callable[[Tensor], Tensor],
    decode: Callable[[Tensor], Tensor],
    z: Tensor,
    *,
    labels: Tensor | None = None,
    classify: Callable[[Tensor], Tensor] | None = None,
    training_images: Images | None = None,
    fresh_images: Images | None = None,
    scale: float | None = None,
    gaussian_starts: int = GAUSSIAN_STARTS,
    jacobians_at: int = JACOBIANS,
    steps: int = STEPS,
    times: Sequence[int] = TIMES,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Portrait:
    """Follow latents under f = E∘D, and measure it.

    Fumero, Moschella, Rodolà and Locatello, Navigating the latent space dynamics of neural models,
    arXiv 2505.22785; Radhakrishnan, Belkin and Uhler, Overparameterized neural networks implement
    associative memory, PNAS 2020.

    Args:
        encode: E, from images (B, C, H, W) in [0, 1] to latents (B, D), both on the device of z.
        decode: D, from latents (B, D) to images.
        z: (N, D) float32, latents of real images, finite and not all the same.
        labels: (N,) whole numbers, of the same images.
        classify: names latents (B, D) by labels (B,); with `labels`, for the accuracy.
        training_images: uint8 or in [0, 1], what the model was trained on; a tensor, or what can be
            indexed like one.
        fresh_images: likewise, what it was not trained on; of the larger set as many are drawn as
            the other one has.
        scale: unit of all lengths; default: that of z. See `scale_of`.
        gaussian_starts: G, latents drawn from the normal distribution that has the mean and the
            covariance of z.
        jacobians_at: M, how many of z to differentiate f at, at most.
        steps: T.
        times: t at which the accuracy is measured; those above `steps` are left out.
        seed: of all that is drawn.
        progress: called with (steps done, T).

    Raises:
        ValueError: latents that are not (N, D), not finite, or all the same.
    """
    scale = scale_of(z) if scale is None else scale
    if not scale:
        raise ValueError("all latents are the same: there is no scale to compare steps with")
    f = regrounding(encode, decode)
    times = tuple(t for t in times if t <= steps)
    accuracies: list[float] = []
    paths: list[Tensor] = []

    def look(t: int, here: Tensor) -> None:
        if progress is not None:
            progress(t, steps)
        if labels is not None and classify is not None and t in times:
            named = classify(here[: len(z)]).cpu()
            accuracies.append(float((named == labels.cpu()).double().mean()))
        if t in PATH_TIMES:
            paths.append(here[: len(z)].cpu().clone())

    starts = torch.cat((z, gaussian(z, gaussian_starts, seed)))
    known = _found_by_scouts(f, z[:SCOUTS], scale, steps)
    found = flow(f, starts, scale, steps=steps, landmarks=known, visit=look)
    reached = attractors(f, found, counted=len(z))
    pictures = _decoded(decode, reached.places)
    classes = basins = None
    if labels is not None:
        classes, basins = class_counts(reached.members[: len(z)], labels, len(reached))
    nearest, stored, compared = None, math.nan, 0
    if training_images is not None and len(reached):
        nearest = nearest_image(pictures, training_images)
    if training_images is not None and fresh_images is not None:
        compared = min(len(training_images), len(fresh_images))
        drawn = pictures[_reached(reached.members[len(z) :])]
        stored = memorisation(drawn, training_images, fresh_images, seed)
    return Portrait(
        flow=found,
        attractors=reached,
        images=len(z),
        times=times,
        accuracies=tuple(accuracies),
        paths=torch.stack(paths) if paths else torch.zeros(0, *z.shape),
        classes=classes,
        basins=basins,
        pictures=pictures,
        nearest_training=nearest,
        memorisation=stored,
        compared=compared,
        at_data=eigenvalues(jacobians(f, z[:jacobians_at], scale)),
        at_attractors=eigenvalues(jacobians(f, reached.places[:LARGEST], scale)),
        derivative="reverse mode" if is_differentiable(f, z) else "central differences",
    )


def _found_by_scouts(f: Map, z: Tensor, scale: float, steps: int) -> Landmarks | None:
    """Where few latents end, so that most of the others need be followed only until they are near.

    That is a fifth of the steps to where they stand still.
    """
    scouted = flow(f, z, scale, steps=steps)
    return landmarks(f, scouted, attractors(f, scouted))


def gaussian(z: Tensor, count: int, seed: int) -> Tensor:
    """Latents (count, D) from the normal distribution with the mean and the covariance of z.

    Args:
        z: (N, D).
        count: how many, 0 or more.
        seed: the same numbers are drawn for every device.
    """
    centred = (z.double() - z.double().mean(dim=0)).cpu()
    covariance = centred.T @ centred / max(1, len(z) - 1)
    variances, axes = torch.linalg.eigh(covariance)
    normal = torch.randn(count, z.shape[1], generator=generator(seed, "gaussian"))
    # The symmetric root: it is the same for whichever signs the axes have come with.
    drawn = normal.double() @ (axes * variances.clamp(min=0).sqrt()) @ axes.T
    moved: Tensor = drawn + z.double().mean(dim=0).cpu()
    return moved.to(z)


def _reached(members: Tensor) -> Tensor:
    which: Tensor = members[members >= 0].unique()
    return which


@torch.no_grad()
def _decoded(decode: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    return torch.cat([decode(part).float().cpu() for part in z.split(BATCH)])
