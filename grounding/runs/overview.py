"""What an experiment would read: counts, classes, sizes, values, and where the splits come from."""

from __future__ import annotations

import math

from grounding._errors import printable
from grounding.data import ImageSet, Splits
from grounding.data.image_set import times
from grounding.data.stored import blocks
from grounding.export.report import text_table

MOST_CLASSES = 50
NAMES = ("train", "val", "test")


def overview(images: ImageSet, splits: Splits) -> list[str]:
    """Lines about a data set and its splits."""
    low, high, total, count = math.inf, -math.inf, 0.0, 0
    parts = [images.train_images, images.val_images, images.test_images]
    for part in parts:
        for block in blocks(part) if part is not None else ():
            low, high = min(low, int(block.min())), max(high, int(block.max()))
            total, count = total + float(block.sum(dtype=float)), count + block.size
    of = [
        f"{len(part):,} {word}"
        for part, word in zip(parts, ("training", "validation", "test"), strict=True)
        if part is not None
    ]
    drawn = [
        word
        for part, word in ((images.val_images, "validation"), (images.test_images, "test"))
        if part is None
    ]
    channels = {1: "grey", 2: "2 channels", 3: "rgb", 4: "rgba"}[splits.image_shape[0]]
    rows = [
        ("source", printable(images.source)),
        ("there are", f"{' and '.join(of)} images"),
        ("each is", f"{times(splits.image_shape)} (channels x height x width), {channels}"),
        ("values", f"{low} to {high}, mean {total / count:.1f}"),
        ("drawn by the seed", f"{' and '.join(drawn)} images" if drawn else "nothing"),
        ("fingerprint", images.fingerprint[:16]),
        *(("note", note) for note in splits.notes),
    ]
    return [*(f"{key:<18} {value}" for key, value in rows), "", *_classes(splits)]


def _classes(splits: Splits) -> list[str]:
    """A table of how many images of each class each split has."""
    labels = [splits.named(name).labels for name in NAMES]
    rows = []
    for label in splits.classes[:MOST_CLASSES]:
        each = ["" if of is None else f"{int((of == label).sum()):,}" for of in labels]
        rows.append((f"{label} {printable(splits.class_names.get(label, ''))}".strip(), *each))
    every = [f"{len(splits.named(name)):,}" for name in NAMES]
    rows.append(("all", *every))
    more = len(splits.classes) - MOST_CLASSES
    said = [f"... and {more} classes more"] if more > 0 else []
    return [*text_table("lrrr", ("class", *NAMES), rows), *said]
