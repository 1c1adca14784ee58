"""Projection: UMAP against umap-learn.

n test images on 32 principal components, 30 neighbours, minimal distance 0.1, seed 42. Ours:
exact neighbours of our own search, then the default backend. umap-learn: its own search, as most
scripts call it. Each in a process of its own, in turn; importing the library counts, because a
command pays for it, torch and the data do not. Overlap: mean share of an image's 15 nearest latents
that are among its 15 nearest in the layout.
"""

import time
import warnings
from collections.abc import Sequence
from statistics import median
from typing import Any

from harness.measure import PeakMemory, alone, median_ratio, say
from harness.question import Curve, Effort, Row

CURVES = (Curve("projection", "images", ("ours, s", "umap-learn, s")),)
NEIGHBORS, MIN_DIST, SEED = 30, 0.1, 42
OVERLAP_AT, OVERLAP_OF = 15, 5000
ALL_IMAGES = 70_000


def measure(effort: Effort) -> list[Row]:
    counts = effort.pick((200,), (1000, 2000, 3000, 5000, 10_000))
    # umap-learn compiles itself for longer than a quick look may take.
    ways = effort.pick(("ours",), ("ours", "umap-learn"))
    rows = [row(count, ways, effort.pick(1, 3)) for count in counts]
    if effort.name == "full":
        rows.append(row(ALL_IMAGES, ways, 1))
    return rows


def row(count: int, ways: Sequence[str], runs: int) -> Row:
    """Seconds, memory and quality for one number of images."""
    taken: dict[str, list[Any]] = {way: [] for way in ways}
    for number in range(runs):
        for way, spent in taken.items():
            say(f"{count} images, {way}, run {number + 1}")
            spent.append(alone(spend, way, count))
    seconds = {way: [one["seconds"] for one in spent] for way, spent in taken.items()}
    last = {way: spent[-1] for way, spent in taken.items()}
    theirs = last.get("umap-learn", {"mb": None, "overlap": None})
    both = "umap-learn" in last
    return {
        "images": count,
        "ours, s": median(seconds["ours"]),
        "umap-learn, s": median(seconds["umap-learn"]) if both else None,
        "times as fast": median_ratio(seconds["umap-learn"], seconds["ours"]) if both else None,
        "ours, MB": last["ours"]["mb"],
        "umap-learn, MB": theirs["mb"],
        "ours, overlap": last["ours"]["overlap"],
        "umap-learn, overlap": theirs["overlap"],
        "runs": runs,
    }


def spend(way: str, count: int) -> dict[str, Any]:
    """Seconds, MB and neighbour overlap of one layout."""
    import torch
    from harness import mnist

    splits = mnist.splits()
    sets = (splits.test.images, splits.train.images, splits.val.images)
    sets = sets[:1] if count <= len(sets[0]) else sets
    latents = torch.cat(list(mnist.principal_components(*sets)))[:count].contiguous()
    del splits, sets
    lay_out = {"ours": ours, "umap-learn": umap_learn}[way]
    with PeakMemory() as memory:
        started = time.perf_counter()
        layout = lay_out(latents)
        seconds = time.perf_counter() - started
    shared = overlap(latents, torch.as_tensor(layout))
    return {"seconds": seconds, "mb": memory.mb, "overlap": shared}


def ours(latents: Any) -> Any:
    """Exact neighbours, then the layout."""
    from grounding.metrics.neighbors import nearest
    from grounding.projection.umap import umap_embedding

    found = nearest(latents, latents, NEIGHBORS)
    neighbors = found.indices.numpy(), found.distances.numpy()
    return umap_embedding(
        latents.numpy(),
        n_neighbors=NEIGHBORS,
        min_dist=MIN_DIST,
        seed=SEED,
        neighbors=neighbors,
    )


def umap_learn(latents: Any) -> Any:
    """The library's own call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one thread because of the seed
        from umap import UMAP

        model = UMAP(n_components=3, n_neighbors=NEIGHBORS, min_dist=MIN_DIST, random_state=SEED)
        return model.fit_transform(latents.numpy())


def overlap(latents: Any, layout: Any) -> float:
    """Mean share of common neighbours, over at most 5,000 images."""
    from grounding.metrics.neighbors import nearest

    k = OVERLAP_AT + 1  # an image is its own nearest neighbour
    before = nearest(latents[:OVERLAP_OF], latents, k).indices[:, 1:]
    after = nearest(layout[:OVERLAP_OF], layout, k).indices[:, 1:]
    return float((before[:, :, None] == after[:, None]).any(dim=2).double().mean())
