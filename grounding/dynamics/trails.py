"""Where further latents go, among attractors that are known: for pictures, not for measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from grounding.dynamics.attractors import Attractors, attractors, landmarks, rounds
from grounding.dynamics.flow import NEAR, Flow, Map, flow
from grounding.dynamics.portrait import PATH_TIMES, Portrait


@dataclass(frozen=True, eq=False)
class Trails:
    """Where N latents go, all on the CPU but for the places.

    Attributes:
        paths: (P, N, D), where they are after those of `PATH_TIMES` that are not above T.
        steps: (N,) int64, see `Flow`.
        members: (N,) int64, the attractor that each has reached, below A one of the portrait's,
            from there on one of `others`; -1 for none.
        others: attractors that the portrait does not have, that of the largest basin first.
    """

    paths: Tensor
    steps: Tensor
    members: Tensor
    others: Attractors


@torch.no_grad()
def trails(
    f: Map,
    z: Tensor,
    known: Portrait,
    progress: Callable[[int, int], None] | None = None,
) -> Trails:
    """Follow latents for as long as those of a portrait, and tell in which attractors they end.

    An attractor of the portrait is reached by whoever ends nearer than `NEAR` to an end of one of
    its members or, if it is a cycle, to a place of it.

    Args:
        f: the map of the portrait.
        z: (N, D), finite, N may be 0.
        known: the portrait.
        progress: called with (steps done, T).
    """
    paths = [z.new_zeros(0, z.shape[1])] * sum(t <= len(known.flow.speeds) for t in PATH_TIMES)
    reached, scale = known.attractors, known.flow.scale
    if not len(z):
        nobody = torch.zeros(0).long()
        none = Attractors(reached.places[:0], nobody, nobody, nobody)
        return Trails(torch.stack(paths).cpu(), nobody, nobody, none)
    paths = []

    def look(t: int, here: Tensor) -> None:
        if progress is not None:
            progress(t, len(known.flow.speeds))
        if t in PATH_TIMES:
            paths.append(here.cpu().clone())

    places = landmarks(f, known.flow, reached, known.at_attractors[:, 0])
    found = flow(f, z, scale, steps=len(known.flow.speeds), landmarks=places, visit=look)
    members = _nearest_member(f, found.ends, known)
    members[found.periods == 0] = -1
    left = (found.periods > 0) & (members < 0)
    at = left.to(found.ends.device)
    parts = (found.steps[left], found.periods[left], found.diverged[left])
    others = attractors(f, Flow(found.ends[at], *parts, found.speeds, scale))
    members[left] = torch.where(others.members < 0, -1, others.members + len(reached))
    return Trails(torch.stack(paths), found.steps, members, others)


def _nearest_member(f: Map, ends: Tensor, known: Portrait) -> Tensor:
    """Int64 (N,): whose attractor's end or place is nearest, if it is near; -1 otherwise."""
    of_all = known.attractors.members
    inside = of_all >= 0
    places, owners = [known.flow.ends[inside.to(ends.device)]], [of_all[inside]]
    cycles = (known.attractors.periods > 1).nonzero()[:, 0]
    if len(cycles):
        places_LCD = rounds(f, known.attractors.places[cycles.to(ends.device)])
        places.append(places_LCD.flatten(0, 1))
        owners.append(cycles.repeat(len(places_LCD)))
    if not sum(map(len, owners)):
        return torch.full((len(ends),), -1)
    away, which = torch.cdist(ends.double(), torch.cat(places).double()).min(dim=1)
    near = (away / known.flow.scale < NEAR).cpu()
    return torch.where(near, torch.cat(owners)[which.cpu()], -1)
