"""Images and what a training reads of them: sources, splits, augmentations, batches.

`load` reads a data set, `cut` splits it, `Augmentations` changes batches of it, and
`TrainingInputs` serves those of an epoch.
"""

from grounding.data.augmentations import Augmentations, augment
from grounding.data.image_set import ImageSet
from grounding.data.loader import Batch, TrainingInputs
from grounding.data.sources import dataset_names, load
from grounding.data.splits import Split, Splits, cut, to_unit

__all__ = [
    "Augmentations",
    "Batch",
    "ImageSet",
    "Split",
    "Splits",
    "TrainingInputs",
    "augment",
    "cut",
    "dataset_names",
    "load",
    "to_unit",
]
