"""What an earlier implementation of the same experiments costs beside ours.

Measured once; nothing here can measure it again.
"""

TITLE = "Whole commands beside the reference implementation"
TEXT = """\
The reference is an earlier implementation of the same experiments, with the same models and
outputs. Measured once, side by side in one run, medians of two, at commit e3a297e: whole processes
on two cores, start of Python included. It cannot be run here. How a version compares with an
earlier checkout of this repository: `python benchmarks/side_by_side.py CHECKOUT`."""

_SECONDS = {
    "train 0, 15 epochs": (51.2, 12.5, 4.1),
    "train 1, 15 epochs": (62.4, 22.2, 2.8),
    "train 4, 15 of 30 epochs": (35.8, 7.4, 4.8),
    "train 5, 10 of 30 epochs": (70.7, 31.5, 2.2),
    "analyze": (3.8, 1.0, 3.9),
    "manifold, test images": (11.3, 1.85, 6.1),
    "points, 5,000": (48.8, 3.2, 15.3),
    "export-assets, 3,000 points": (19.9, 2.4, 8.4),
    "export-encoder": (4.5, 1.15, 3.9),
    "export-decoder": (4.5, 1.1, 4.0),
}
ROWS = [
    {
        "command": command,
        "reference, s": f"{reference}",
        "ours, s": f"{ours}",
        "times as fast": f"{ratio}",
    }
    for command, (reference, ours, ratio) in _SECONDS.items()
]
