"""The flow of f = E∘D: where latents go that are decoded and encoded again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from grounding._images import BATCH

Map = Callable[[Tensor], Tensor]

STEPS = 200

# In units of the scale, the mean distance of latents from their mean:
SETTLED = 1e-4  # a step that is shorter leads nowhere
NEAR = 0.02  # places that are nearer to each other are one
FAR = 1e4  # whoever is farther from where it began will not come back
LONGEST_CYCLE = 64


@dataclass(frozen=True, eq=False)
class Flow:
    """Where N latents have gone. Numbers of steps and states are on the CPU.

    Attributes:
        ends: (N, D) the last place of each: of one that diverged, before it did.
        steps: (N,) int64, applications of f after which the next step is shorter than `SETTLED`; -1
            for those that never settle.
        periods: (N,) int64: 1 for those that settle. p > 1 for those that go round: by the end they
            are p steps after back where they were, as near as `SETTLED`, or as `NEAR` if they have
            been farther away; in a closed curve they come by without ever repeating a place. 0 for
            all others.
        diverged: (N,) bool, those that went farther than `FAR` or became infinite or NaN.
        speeds: (T,) float64, v_t, the mean length of the step from t to t + 1 in units of the
            scale, over those that have not diverged by then; who has settled stands still. NaN once
            all have diverged.
        scale: mean distance of latents from their mean, which all lengths are compared with.
    """

    ends: Tensor
    steps: Tensor
    periods: Tensor
    diverged: Tensor
    speeds: Tensor
    scale: float


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Places whose future is known: who comes nearer than `NEAR` need not be followed further.

    Attributes:
        places: (K, D) stable fixed points, and places of cycles.
        eigenvalues: (K,) complex128, of largest modulus, of the Jacobian at a fixed point; its
            modulus is below 1. 0 at a place of a cycle.
        periods: (K,) int64, 1 of a fixed point; of a cycle, see `Flow`.
        speeds: (K,) float64, 0 of a fixed point, mean length of a step of a cycle in units of the
            scale.
    """

    places: Tensor
    eigenvalues: Tensor
    periods: Tensor
    speeds: Tensor


def regrounding(
    encode: Callable[[Tensor], Tensor], decode: Callable[[Tensor], Tensor], batch: int = BATCH
) -> Map:
    """f: E(D(z)) of latents (N, D), a batch at a time.

    Args:
        encode: E, from images (B, C, H, W) in [0, 1] to latents (B, D), on any device.
        decode: D, from latents (B, D) to images.
        batch: B, at most.
    """

    def f(z: Tensor) -> Tensor:
        parts = [encode(decode(part)).to(z.device) for part in z.split(batch)]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    return f


def scale_of(z: Tensor) -> float:
    """Mean distance of latents (N, D) from their mean, in their unit.

    Raises:
        ValueError: they are not (N, D) with N >= 1, or not all finite.
    """
    if z.ndim != 2 or 0 in z.shape:
        raise ValueError(f"latents have shape {tuple(z.shape)}, expected (N, D), N and D >= 1")
    if not bool(z.isfinite().all()):
        raise ValueError("latents hold a value that is not finite")
    centred = z.double() - z.double().mean(dim=0)
    return float(centred.norm(dim=1).mean())


@torch.no_grad()
def flow(
    f: Map,
    z: Tensor,
    scale: float,
    *,
    steps: int = STEPS,
    landmarks: Landmarks | None = None,
    visit: Callable[[int, Tensor], None] | None = None,
) -> Flow:
    """Apply f up to `steps` times to each latent, until it stands still or has diverged.

    One that has settled is left where it is: the steps that it does not take could add up to no
    more than `NEAR`.

    Args:
        f: the map, (B, D) -> (B, D), see `regrounding`.
        z: (N, D), N >= 1, finite.
        scale: see `scale_of`, of the latents of real images; above 0.
        steps: T, how often to apply f at most, at least 1.
        landmarks: who comes near to a fixed point among them is put there, and how many more steps
            it would have taken follows from the eigenvalue; who comes near to a cycle is left
            there, and moves on in `speeds` alone.
        visit: called with t and the latents (N, D) after t steps, t = 0 ... T. They are changed
            after the call.

    Raises:
        ValueError: latents of another shape or not finite, or a scale or number of steps that is
            not above 0.
    """
    scale_of(z)
    if not 0 < scale < float("inf") or steps < 1:
        raise ValueError(f"scale is {scale} and steps is {steps}; both must be above 0")

    def apart(a: Tensor, b: Tensor) -> Tensor:
        lengths: Tensor = (a.double() - b.double()).norm(dim=1)
        return lengths / scale

    here = z.clone()
    taken = torch.full((len(z),), -1, device=z.device)
    periods = torch.zeros_like(taken)
    diverged, left_it = torch.zeros(2, len(z), dtype=torch.bool, device=z.device)
    going_round = 0.0  # what those that are in a known cycle add to each step
    moving = torch.arange(len(z), device=z.device)
    speeds = []
    remembered, since = here, -1
    for t in range(steps):
        if visit is not None:
            visit(t, here)
        if t == max(0, steps - LONGEST_CYCLE):
            remembered, since = here.clone(), t
        there = f(here[moving]) if len(moving) else here[moving]
        lengths = apart(there, here[moving])
        gone = ~(apart(there, z[moving]) < FAR)  # or NaN
        diverged[moving[gone]] = True
        moving, there, lengths = moving[~gone], there[~gone], lengths[~gone]
        left = len(z) - int(diverged.sum())
        speeds.append((float(lengths.sum()) + going_round) / left if left else float("nan"))
        here[moving] = there
        rests = lengths < SETTLED
        taken[moving[rests]], periods[moving[rests]] = t, 1
        moving = moving[~rests]
        if landmarks is not None and len(moving):
            away, which = torch.cdist(here[moving].double(), landmarks.places.double()).min(dim=1)
            met = away / scale < NEAR
            arrived, which, away = moving[met], which[met], away[met] / scale
            periods[arrived] = landmarks.periods[which]
            going_round += float(landmarks.speeds[which].sum())
            fixed = landmarks.periods[which] == 1
            here[arrived[fixed]] = landmarks.places[which[fixed]]
            more = _steps_to_rest(away, landmarks.eigenvalues[which])
            taken[arrived[fixed]] = (t + 1 + more)[fixed]
            moving = moving[~met]
        if since >= 0:
            away = apart(here[moving], remembered[moving])
            back = moving[(away < SETTLED) | (left_it[moving] & (away < NEAR))]
            periods[back[periods[back] == 0]] = t + 1 - since  # 2 or more: it moves
            left_it[moving] |= away >= NEAR
    if visit is not None:
        visit(steps, here)
    found = torch.tensor(speeds, dtype=torch.float64)
    return Flow(here, taken.cpu(), periods.cpu(), diverged.cpu(), found, scale)


def _steps_to_rest(away: Tensor, eigenvalues: Tensor) -> Tensor:
    """Steps until the next is shorter than `SETTLED`: the k-th is |1 - e| |e|^k away long."""
    first = away * (1 - eigenvalues).abs()
    more = ((SETTLED / first).log() / eigenvalues.abs().log()).nan_to_num(0, 0, 0)
    return more.clamp(min=0).ceil().long()


@torch.no_grad()
def step_lengths(f: Map, z: Tensor, steps: int) -> Tensor:
    """Lengths of the first steps of each latent, (steps, N) float64 in the unit of the latents.

    What has become infinite or NaN has steps of infinite length.

    Args:
        f: the map.
        z: (N, D).
        steps: how many, at least 1.
    """
    lengths = []
    for _ in range(steps):
        there = f(z)
        lengths.append((there.double() - z.double()).norm(dim=1).nan_to_num(torch.inf, torch.inf))
        z = there
    return torch.stack(lengths)
