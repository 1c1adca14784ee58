"""What an earlier implementation of the same experiments cost, on two processor cores.

Wall seconds and peak memory of whole processes, measured once, lowest and highest. It cannot be run
beside ours, so these figures are a scale, not a yardstick.
"""

from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds, lowest and highest, and peak memory in MB."""

    lowest: float
    highest: float
    memory_mb: float | None


TRAINING = {
    "0": Cost(95, 95, None),
    "1": Cost(112, 112, None),
    "4": Cost(127, 127, None),
    "5": Cost(313, 313, None),
}
# By command, and for `analyze` by the number of training images.
ANALYZE = {100: Cost(5, 8, 500), 55_000: Cost(20, 34, 800)}
COMMANDS = {
    "manifold": Cost(15, 18, 2500),
    "points": Cost(45, 60, 900),
    "export-assets": Cost(25, 28, 750),
    "export-encoder": Cost(6, 6, 400),
    "export-decoder": Cost(5, 5, 400),
}
AUGMENTATION_PASS = 3.1  # seconds for 100 x 100 images
