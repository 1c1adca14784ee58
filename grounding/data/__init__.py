"""Images and what a training reads of them: sources, splits, augmentations, batches.

`load` reads a data set, `cut` splits it, `Augmentations` changes batches of it, and
`TrainingInputs` serves those of an epoch.
"""

from grounding.data.arrays import from_arrays
from grounding.data.augmentations import Augmentations, augment
from grounding.data.image_set import ImageSet
from grounding.data.loader import Batch, TrainingInputs
from grounding.data.sources import dataset_names, load
from grounding.data.splits import Split, Splits, cut, to_bytes, to_unit
from grounding.data.stored import ImagesOnDemand, StoredImages

__all__ = [
    "Augmentations",
    "Batch",
    "ImageSet",
    "ImagesOnDemand",
    "Split",
    "Splits",
    "StoredImages",
    "TrainingInputs",
    "augment",
    "cut",
    "dataset_names",
    "from_arrays",
    "load",
    "to_bytes",
    "to_unit",
]
