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
from typing import Any

from harness.measure import PeakMemory, alone, compared, in_turns, say
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
    say(f"{count} images")
    taken = in_turns(ways, runs, lambda way: alone(spend, way, count))
    spent = {way: taken.get(way, []) for way in ("ours", "umap-learn")}
    last = {way: each[-1] if each else (None, None, None) for way, each in spent.items()}
    return {
        "images": count,
        **compared({way: [seconds for seconds, _, _ in each] for way, each in spent.items()}),
        **{f"{way}, MB": mb for way, (_, mb, _) in last.items()},
        **{f"{way}, overlap": overlap for way, (_, _, overlap) in last.items()},
        "runs": runs,
    }


def spend(way: str, count: int) -> tuple[float, float | None, float]:
    """Seconds, MB and neighbour overlap of one layout."""
    import torch
    from harness import mnist

    splits = mnist.splits()
    sets = (splits.test.images, splits.train.images, splits.val.images)
    sets = sets[:1] if count <= len(sets[0]) else sets
    latents = torch.cat(list(mnist.stand_ins(*sets)))[:count].contiguous()
    del splits, sets
    lay_out = {"ours": ours, "umap-learn": umap_learn}[way]
    with PeakMemory() as memory:
        started = time.perf_counter()
        layout = lay_out(latents)
        seconds = time.perf_counter() - started
    shared = overlap_of(latents, torch.as_tensor(layout))
    return seconds, memory.mb, shared


def ours(latents: Any) -> Any:
    """Exact neighbours, then the layout."""
    from grounding.metrics import nearest
    from grounding.projection import umap_embedding

    found = nearest(latents, latents, NEIGHBORS - 1, exclude_self=True)
    return umap_embedding(
        latents,
        n_neighbors=NEIGHBORS,
        min_dist=MIN_DIST,
        seed=SEED,
        neighbors=(found.indices, found.distances),
    )


def umap_learn(latents: Any) -> Any:
    """The library's own call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one thread because of the seed
        from umap import UMAP

        model = UMAP(n_components=3, n_neighbors=NEIGHBORS, min_dist=MIN_DIST, random_state=SEED)
        return model.fit_transform(latents.numpy())


def overlap_of(latents: Any, layout: Any) -> float:
    """Mean share of common neighbours, over at most 5,000 images."""
    from grounding.metrics import nearest

    k = OVERLAP_AT + 1  # an image is its own nearest neighbour
    before = nearest(latents[:OVERLAP_OF], latents, k).indices[:, 1:]
    after = nearest(layout[:OVERLAP_OF], layout, k).indices[:, 1:]
    return float((before[:, :, None] == after[:, None]).any(dim=2).double().mean())
