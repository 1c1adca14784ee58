"""Attractors: the places in which the flow ends, and who ends where."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from grounding.dynamics.flow import NEAR, SETTLED, Flow, Landmarks, Map
from grounding.dynamics.spectrum import eigenvalues, jacobians

ROUND = 256  # steps, which leave no gaps in a closed curve that is never repeated
FEWEST = 4  # cycles are gone round by so many starts at first, then by twice as many


@dataclass(frozen=True, eq=False)
class Attractors:
    """Fixed points and cycles, that of the largest basin first.

    Attributes:
        places: (A, D), of each the end of one of its members, on the device of the flow.
        periods: (A,) int64, 1 for a fixed point; of a cycle, see `Flow`.
        members: (N,) int64, the attractor that each start has reached; -1 for none.
        counts: (A,) int64, how many of the starts that count have reached it.
    """

    places: Tensor
    periods: Tensor
    members: Tensor
    counts: Tensor

    def __len__(self) -> int:
        return len(self.periods)

    @property
    def shares(self) -> Tensor:
        """Basin shares (A,) float64: of the starts that count and have reached any attractor."""
        return self.counts.double() / self.counts.sum()

    @property
    def effective_number(self) -> float:
        """How many equal basins are as mixed: the exponential of the shares' entropy; 0 of none."""
        shares = self.shares[self.counts > 0]
        return float((-shares * shares.log()).sum().exp()) if len(shares) else 0.0


@torch.no_grad()
def attractors(f: Map, found: Flow, counted: int | None = None) -> Attractors:
    """What the starts of a flow have settled in, or go round in.

    Ends in a chain whose neighbours are nearer than `NEAR` are one fixed point. Starts whose ends
    are that near to a place of another one's round are in the same cycle. Rounds are gone for
    `ROUND` more steps: who comes to rest meanwhile was only slow, and has reached nothing yet.

    Args:
        f: the map, to go round the cycles.
        found: of which starts.
        counted: the first so many starts count for the basin shares; default: all.
    """
    from scipy.sparse.csgraph import connected_components

    members = torch.full((len(found.periods),), -1)
    settled = (found.periods == 1).nonzero()[:, 0]
    device = found.ends.device
    if len(settled):
        ends = found.ends[settled.to(device)].double().cpu()
        joined = torch.cdist(ends, ends) < NEAR * found.scale
        _, chains = connected_components(joined.numpy(), directed=False)
        members[settled] = torch.from_numpy(chains).long()
    loose, together = found.periods > 1, FEWEST
    while bool(loose.any()):
        rest = loose.nonzero()[:, 0]
        ends = found.ends[rest.to(device)]
        places_LBD = rounds(f, ends[:together]).double()
        last = (places_LBD[-1] - places_LBD[-2]).norm(dim=1) / found.scale
        for number, start in enumerate(rest[:together]):
            if loose[start] and last[number] >= SETTLED:
                away = torch.cdist(ends.double(), places_LBD[:, number]).amin(dim=1).cpu()
                same = rest[(away / found.scale < NEAR) & loose[rest]]
                members[same] = int(members.amax()) + 1
                loose[same] = False
            loose[start] = False
        together *= 2
    everyone, ours = members[members >= 0], members[:counted]
    every = torch.bincount(everyone)
    counts = torch.bincount(ours[ours >= 0], minlength=len(every))
    order = every.argsort(descending=True, stable=True)
    order = order[counts[order].argsort(descending=True, stable=True)]
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    members[members >= 0] = rank[everyone]
    middle = torch.zeros_like(order)
    for number in range(len(order)):
        of_it = (members == number).nonzero()[:, 0]
        ends = found.ends[of_it.to(device)].double()
        middle[number] = of_it[(ends - ends.mean(dim=0)).norm(dim=1).argmin().cpu()]
    places_AD = found.ends[middle.to(device)]
    return Attractors(places_AD, found.periods[middle], members, counts[order])


@torch.no_grad()
def landmarks(
    f: Map, found: Flow, reached: Attractors, known: Tensor | None = None
) -> Landmarks | None:
    """The stable ones among attractors, for those that come after; None if there are none.

    Args:
        f: the map.
        found: the flow that has led to them.
        reached: the attractors.
        known: (B,) complex128, the eigenvalues of largest modulus at the first B of them, if they
            have been found before.
    """
    fixed, cycles = reached.periods == 1, reached.periods > 1
    z = reached.places[fixed.to(reached.places.device)]
    largest = torch.zeros(0, dtype=torch.complex128) if known is None else known
    largest = largest[fixed[: len(largest)]]
    rest = eigenvalues(jacobians(f, z[len(largest) :], found.scale))[:, 0]
    largest = torch.cat((largest, rest))
    stable = largest.abs() < 1  # not where it is NaN
    places, values = [z[stable.to(z.device)]], [largest[stable]]
    periods, speeds = [torch.ones(int(stable.sum())).long()], [torch.zeros(int(stable.sum()))]
    z = reached.places[cycles.to(reached.places.device)]
    for period, round_LD in zip(reached.periods[cycles], rounds(f, z).unbind(1), strict=True):
        steps = (round_LD[1:].double() - round_LD[:-1].double()).norm(dim=1) / found.scale
        places.append(round_LD)
        values.append(torch.zeros(len(round_LD), dtype=torch.complex128))
        periods.append(period.expand(len(round_LD)))
        speeds.append(steps.mean().cpu().expand(len(round_LD)))
    if not sum(map(len, places)):
        return None
    device = reached.places.device
    return Landmarks(*(torch.cat(part).to(device) for part in (places, values, periods, speeds)))


def rounds(f: Map, z: Tensor) -> Tensor:
    """Latents (B, D) and where they are after each of `ROUND` steps, (1 + ROUND, B, D)."""
    places = [z]
    for _ in range(ROUND if len(z) else 0):
        places.append(f(places[-1]))
    return torch.stack(places)


def class_counts(members: Tensor, labels: Tensor, attractors: int) -> tuple[Tensor, Tensor]:
    """How many starts of each class have reached each attractor.

    Args:
        members: (N,) int64, see `Attractors`; -1 are left out.
        labels: (N,) whole numbers, of the same starts.
        attractors: how many there are.

    Returns:
        The classes (K,) that occur, and int64 (A, K).
    """
    classes, which = labels.cpu().unique(return_inverse=True)
    inside = members >= 0
    flat = members[inside] * len(classes) + which[inside]
    counts = torch.bincount(flat, minlength=attractors * len(classes))
    return classes, counts.view(attractors, len(classes))


def purity(counts: Tensor) -> float:
    """Share of starts that are of their basin's most frequent class; NaN of none.

    Args:
        counts: (A, K), see `class_counts`.
    """
    return float(counts.amax(dim=1).sum() / counts.sum()) if counts.sum() else float("nan")


def normalized_mutual_information(counts: Tensor) -> float:
    """2 I / (H + H'): what basin and class tell of each other, in [0, 1]; NaN of no starts.

    0 where all are in one basin or of one class: neither tells anything.

    Args:
        counts: (A, K), see `class_counts`.
    """
    if not counts.sum():
        return float("nan")
    joint = counts.double() / counts.sum()

    def entropy(shares: Tensor) -> float:
        return float(torch.special.entr(shares).sum())

    of_each = entropy(joint.sum(dim=0)) + entropy(joint.sum(dim=1))
    return 2 * (of_each - entropy(joint)) / of_each if of_each else 0.0
