import numpy as np
import pytest
import torch

from grounding._errors import UserError
from grounding.data import ImageSet, cut, load, to_unit


def image_set(labels, test_labels=(0, 1, 2), **more):
    """One image of one pixel for each label; without labels, give numbers of images."""

    def part(of):
        count, known = (of, None) if isinstance(of, int) else (len(of), np.array(of, np.int64))
        return np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1), known

    (train, train_labels), (test, known) = part(labels), part(test_labels)
    return ImageSet(train, test, "dots", train_labels, known, **more)


def sizes(splits):
    return [len(split) for split in (splits.train, splits.val, splits.test)]


def test_splits_are_cut_from_the_seeded_permutation():
    whole = load()
    splits = cut(whole, train=100, val=40, test=30, seed=42)
    order = torch.randperm(60_000, generator=torch.Generator().manual_seed(42)).numpy()
    assert np.array_equal(splits.train.images.numpy(), whole.train_images[order[:100]])
    assert np.array_equal(splits.train.labels.numpy(), whole.train_labels[order[:100]])
    assert np.array_equal(splits.train.indices.numpy(), order[:100])
    assert np.array_equal(splits.val.labels.numpy(), whole.train_labels[order[100:140]])
    assert np.array_equal(splits.val.indices.numpy(), order[100:140])
    assert np.array_equal(splits.test.images.numpy(), whole.test_images[:30])
    assert splits.test.indices.tolist() == list(range(30))
    assert splits.train.images.dtype == torch.uint8
    assert splits.image_shape == (1, 28, 28)
    assert splits.classes == tuple(range(10))
    assert splits.named("val") is splits.val
    assert splits.notes == ("the test images have none of class 8",)


def test_sizes_left_out_are_what_is_there():
    assert sizes(cut(load(), seed=1)) == [55_000, 5000, 10_000]
    assert sizes(cut(image_set(200), seed=1)) == [180, 20, 3]
    assert sizes(cut(image_set(2), seed=1)) == [1, 1, 3]
    assert sizes(cut(image_set(200), train=195, seed=1)) == [195, 5, 3]
    assert sizes(cut(image_set(200), val=50, test=2, seed=1)) == [150, 50, 2]


@pytest.mark.parametrize(
    ("asked", "sizes", "working"),
    [
        ({"train": 60, "val": 50}, (60, 50, 3), (50, 50, 3)),
        ({"train": 100}, (100, 1, 3), (99, 1, 3)),
        ({"test": 4}, (90, 10, 4), (90, 10, 3)),
        ({"val": 100, "train": 20}, (20, 100, 3), (20, 10, 3)),
        ({"val": 100}, (90, 100, 3), (90, 10, 3)),
        ({"train": 55_000, "val": 5000, "test": 10_000}, (55_000, 5000, 10_000), (90, 10, 3)),
        ({"val": 0}, (90, 0, 3), (90, 10, 3)),
        ({"train": -1, "test": 0}, (-1, 10, 0), (1, 10, 1)),
    ],
)
def test_sizes_that_do_not_fit_are_refused_with_those_that_do(asked, sizes, working):
    with pytest.raises(UserError) as caught:
        cut(image_set(100), **asked, seed=1)
    assert str(caught.value) == (
        "dots has 100 training and 3 test images: they cannot be {} to train on, {} for validation "
        "and {} to test; ".format(*sizes)
        + "try --set data.train_samples={} --set data.val_samples={} "
        "--set data.test_samples={}".format(*working)
    )
    cut(image_set(100), **dict(zip(("train", "val", "test"), working, strict=True)), seed=1)


def test_one_training_image_is_too_few():
    with pytest.raises(UserError, match="dots has 1 training image"):
        cut(image_set(1), seed=1)


def test_labels_stay_whole_numbers_of_any_kind():
    splits = cut(image_set([-3, 700, 12] * 20, [12, 5], class_names={12: "dozen"}), seed=3)
    assert splits.classes == (-3, 5, 12, 700)
    assert set(splits.train.labels.tolist()) == {-3, 12, 700}
    assert splits.class_names == {12: "dozen"}


def test_what_is_worth_telling_is_told():
    assert cut(image_set([0, 1, 2] * 50), val=50, seed=1).notes == ()
    notes = cut(image_set([0, 1] * 50), seed=1).notes
    assert [n for n in notes if "train" in n] == ["the train images have none of class 2"]
    named = image_set([0, 1] * 50, class_names={2: "bag"})
    assert "the train images have none of class 2 bag" in cut(named, seed=1).notes
    many = cut(image_set(list(range(15)) * 9), test=1, seed=1).notes[-1]
    assert many == "the test images have none of class 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 4 more"
    (one,) = cut(image_set([4] * 9, [4]), seed=1).notes
    assert one.startswith("all labels are 4")
    assert "the test images have no labels" in cut(image_set([0, 1] * 50, 9), seed=1).notes
    note, none = cut(image_set(50, 9, note="from nowhere"), seed=1).notes
    assert (note, none) == ("from nowhere", "the images have no labels")


def test_without_labels_there_are_none():
    splits = cut(image_set(50, 9), seed=1)
    assert splits.train.labels is None
    assert splits.classes == ()
    assert sizes(splits) == [45, 5, 9]


def test_pixels_become_fractions():
    assert to_unit(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx(
        [0, 0.2, 1]
    )


def test_scaled_images_have_plain_strides():
    """Images of one channel may also be called channels-last, which makes group norms slow."""
    images = torch.zeros(5, 28, 28, 1, dtype=torch.uint8).permute(0, 3, 1, 2)
    assert images.stride() == (784, 1, 28, 1)
    assert to_unit(images).stride() == (784, 784, 28, 1)
