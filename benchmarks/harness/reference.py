"""What an earlier implementation costs beside ours, and what was tried to make a step faster.

Measured once. What `side_by_side.py` can measure again is said there.
"""

TITLE = "Whole commands beside the reference implementation"
TEXT = """\
The reference is an earlier implementation of the same experiments, with the same models and
outputs. Measured once, side by side in one run, medians of two, at commit e3a297e: whole processes
on two cores, start of Python included. It cannot be run here. How a version compares with an
earlier checkout of this repository: `python benchmarks/side_by_side.py CHECKOUT`."""

TRIED_TITLE = "What was tried on a training step"
TRIED_TEXT = """\
Steps of the loop on an AMD EPYC (Zen 4, bfloat16 in AVX-512) of two cores, one thread unless said
otherwise, measured once. "Busy": other programs use half of the processor or more, or all of it.
There OpenMP's threads sleep soon now, instead of spinning. Whole trainings, in seconds, are those
of commit e3a297e and of now, with all else that has changed, and can be measured again by
`python benchmarks/side_by_side.py CHECKOUT --only train-4 --set training.epochs=4`; nothing here
repeats the other rows. Sleeping soon alone made two epochs of experiment 4 1.4 and 3.0 times as
fast. Convolutions are 71 % of a step of experiment 6 and 63 % of one of 7, and
run about as fast as the core multiplies large matrices (203 to 211 GFLOP/s): they are the limit."""
_TRIED = {
    "train 4, 4 epochs, busy": ("61.8 s", "28.6 s", "1.87, kept"),
    "train 1, 1 epoch, busy": ("65.8 s", "28.8 s", "2.31, kept"),
    "train 5, 2 epochs of 16 steps, busy": ("88.0 s", "58.7 s", "1.54, kept"),
    "train 7, 1 epoch of 10 steps, busy": ("35.3 s", "29.1 s", "1.21, kept"),
    "4: sleeping soon, two idle cores": ("6.21 ms", "5.93 ms", "1.05, the same"),
    "4: sleeping at once, two idle cores": ("8.1 ms", "13.7 ms", "0.59, no"),
    "4: augmentation on a second thread, idle": ("8.2 ms", "7.15 ms", "1.15, too little"),
    "4: two threads and one more for it, idle": ("7.97 ms", "8.43 ms", "0.95, no"),
    "5: convolutions alone, channels last": ("49.1 ms", "40.1 ms", "at most 1.12 of a step, no"),
    "5: its group norms, channels last": ("1.21 ms", "41.8 ms", "0.03, no"),
}
TRIED = [
    {"what": what, "before": before, "after": after, "times as fast": ratio}
    for what, (before, after, ratio) in _TRIED.items()
]

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
SECTIONS = ((TITLE, TEXT, ROWS), (TRIED_TITLE, TRIED_TEXT, TRIED))
