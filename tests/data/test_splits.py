import numpy as np
import pytest
import torch

from grounding._errors import UserError
from grounding.data.catalog import load
from grounding.data.idx import write_idx
from grounding.data.splits import load_splits, to_unit
from grounding.experiment.schema import DataSection

SMALL = DataSection(train_samples=100, val_samples=40, test_samples=30, data_dir="no such folder")


def test_splits_are_cut_from_the_seeded_permutation():
    splits = load_splits(SMALL, 42)
    whole = load("mnist", None)
    order = torch.randperm(60_000, generator=torch.Generator().manual_seed(42)).numpy()
    assert np.array_equal(splits.train.images.numpy(), whole.train_images[order[:100]])
    assert np.array_equal(splits.train.labels.numpy(), whole.train_labels[order[:100]])
    assert np.array_equal(splits.val.labels.numpy(), whole.train_labels[order[100:140]])
    assert np.array_equal(splits.test.images.numpy(), whole.test_images[:30])
    assert splits.train.images.dtype == torch.uint8
    assert splits.image_shape == (1, 28, 28)
    assert splits.num_classes == 10
    assert splits.is_standard


def test_the_first_100_training_images_do_not_depend_on_how_many_follow():
    more = SMALL.model_copy(update={"train_samples": 500})
    assert torch.equal(load_splits(SMALL, 7).train.images, load_splits(more, 7).train.images[:100])


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        ({"train_samples": 55_001, "val_samples": 5000}, "= 60001, but the training set"),
        ({"test_samples": 10_001}, "--set data.test_samples=10000"),
    ],
)
def test_more_samples_than_there_are(sizes, problem):
    with pytest.raises(UserError, match=problem):
        load_splits(SMALL.model_copy(update=sizes), 42)


def test_own_files_come_first_whatever_their_shape(tmp_path):
    rng = np.random.default_rng(0)
    for name, count in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 10, 12, 3), dtype=np.uint8)
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", images)
        labels = (np.arange(count) % 4).astype(np.uint8)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", labels)
    data = DataSection(data_dir=tmp_path, train_samples=50, val_samples=10, test_samples=20)
    splits = load_splits(data, 1)
    assert splits.image_shape == (3, 10, 12)
    assert splits.num_classes == 4
    assert splits.source == str(tmp_path)
    assert not splits.is_standard


def test_pixels_become_fractions():
    assert to_unit(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx(
        [0, 0.2, 1]
    )


def test_scaled_images_have_plain_strides():
    """Images of one channel may also be called channels-last, which makes group norms slow."""
    images = torch.zeros(5, 28, 28, 1, dtype=torch.uint8).permute(0, 3, 1, 2)
    assert images.stride() == (784, 1, 28, 1)
    assert to_unit(images).stride() == (784, 784, 28, 1)
