"""The digits that come with scikit-learn: a second data set that is always there."""

from pathlib import Path

import numpy as np

from grounding import _registry as register
from grounding.data.image_set import ImageSet


@register.source("digits")
class Digits:
    """1,797 digits of 8 x 8 pixels (Alpaydin and Kaynak, 1998), part of scikit-learn.

    It keeps the test half of the original set only: test images are drawn by the seed.
    """

    looks_for = ""

    def find(self, place: Path | None, name: str | None) -> str | None:
        """They are there if they are named, and no folder is."""
        return name if place is None and name == "digits" else None

    def load(self, found: str) -> ImageSet:
        """Read them; their 17 levels become 0 to 255."""
        del found
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        levels = np.rint(images * (255 / 16)).astype(np.uint8)
        return ImageSet(
            levels.reshape(-1, 1, 8, 8),
            None,
            "digits (scikit-learn)",
            labels.astype(np.int64),
        )
