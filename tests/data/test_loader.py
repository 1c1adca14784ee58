import os

import pytest
import torch

from grounding._errors import UserError
from grounding.data import Augmentations, TrainingInputs
from grounding.data.cache import augmented_set
from grounding.data.composites import compose

IMAGES = torch.randint(
    0, 256, (10, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
FIVE = {name: {} for name in ("translation", "rotation", "intensity", "noise", "masking")}
AUGMENTED = Augmentations(FIVE)


def inputs(each=3, images=IMAGES, **changed):
    arguments = {"seed": 42, "batch_size": 8, "augmentations": AUGMENTED}
    return TrainingInputs(images, each=each, **{**arguments, **changed})


def plain(images=IMAGES, **changed):
    return inputs(1, images, augmentations=None, **changed)


def fixed(
    path=None, augmentations=FIVE, each=3, seed=42, fingerprint="abc", images=IMAGES, fill=0.0
):
    augmented = Augmentations(augmentations, fill=fill)
    return augmented_set(
        images, augmented, each=each, seed=seed, fingerprint=fingerprint, path=path
    )


def epoch(source, number=1):
    batches = list(source.epoch(number))
    return torch.cat([b.inputs for b in batches]), torch.cat([b.targets for b in batches])


def times_shown(targets):
    """How often each image is a target."""
    same = (targets[:, None] == (IMAGES.float() / 255)[None]).flatten(2).all(2)
    assert (same.sum(1) == 1).all()
    return same.sum(0).tolist()


def test_without_augmentation_an_epoch_shows_each_clean_image_once():
    x, y = epoch(plain())
    assert torch.equal(x, y)
    assert times_shown(y) == [1] * 10
    assert [len(batch.inputs) for batch in plain().epoch(1)] == [8, 2]
    assert (plain().count, plain().steps) == (10, 2)


def test_an_epoch_shows_each_image_as_often_as_asked_with_clean_targets():
    source = inputs()
    x, y = epoch(source)
    assert source.count == len(x) == 30
    assert times_shown(y) == [3] * 10
    assert not torch.equal(x, y)


def test_order_and_augmentation_are_those_of_the_first_version():
    """Of version 0.1.0: who comes first, and the sum of all inputs."""
    source = inputs(each=4, views=2, mirrored=True, composites=3)
    for number, total, order in (
        (1, 35235.5503, [4, 5, 8, 3, 14, 15, 18, 13]),
        (2, 35559.2349, [7, 9, 8, 0, 17, 19, 18, 10]),
    ):
        batches = list(source.epoch(number))
        assert batches[0].identities.tolist()[:8] == order
        assert sum(b.inputs.sum().item() for b in batches) == pytest.approx(total, rel=1e-6)


def test_a_target_can_be_the_view_before_it_is_corrupted():
    x, y = epoch(inputs(target="view"))
    # The same draws: only what the decoder is asked for changes.
    assert torch.equal(x, epoch(inputs())[0])
    assert not torch.equal(y, x)
    assert 0 <= y.min() < y.max() <= 1
    moved = Augmentations({"translation": {}, "rotation": {}})
    x, y = epoch(inputs(target="view", augmentations=moved))
    assert torch.equal(x, y)
    _, y = epoch(inputs(target="view", augmentations=Augmentations({"noise": {}})))
    assert times_shown(y) == [3] * 10


def test_batches_hold_so_many_views_of_each_of_their_images_one_view_after_the_other():
    batches = list(inputs(each=4, views=2).epoch(1))
    assert [len(batch.inputs) for batch in batches] == [8] * 5
    shown = torch.cat([batch.identities for batch in batches])
    assert torch.bincount(shown).tolist() == [4] * 10
    for batch in batches:
        first, second = batch.identities.chunk(2)
        assert torch.equal(first, second)
        one, two = batch.inputs.chunk(2)
        assert not torch.equal(one, two)
        assert torch.equal(batch.targets, IMAGES[batch.identities].float() / 255)
    # All images come by before one comes again.
    halves = torch.cat([batch.identities.chunk(2)[0] for batch in batches])
    assert sorted(halves[:10].tolist()) == list(range(10))


def test_mirror_images_and_composites_join_each_batch_as_images_of_their_own():
    source = inputs(each=4, views=2, mirrored=True, composites=3)
    alone = inputs(each=4, views=2)
    batches, plainly = list(source.epoch(1)), list(alone.epoch(1))
    assert len(batches) == len(plainly) == source.steps == 5
    assert sum(len(batch.inputs) for batch in batches) == source.count == 40 * 2 + 5 * 3 * 2
    unit = IMAGES.float() / 255
    for batch, without in zip(batches, plainly, strict=True):
        for both in (batch.identities, batch.targets):
            assert torch.equal(*both.chunk(2))
        assert not torch.equal(*batch.inputs.chunk(2))
        known = without.identities[:4]
        assert batch.identities[:11].tolist() == [*known, *(known + 10), 20, 21, 22]
        assert torch.equal(batch.targets[:8], torch.cat([unit[known], unit[known].flip(-1)]))
        corners = batch.targets[8:11, 0, 0, 0].tolist()
        assert set(corners) <= set(unit[known, 0, 0, 0].tolist())
    assert not torch.equal(batches[0].targets[8:11], batches[1].targets[8:11])
    assert torch.equal(source.lasting_images(), torch.cat([IMAGES, IMAGES.flip(-1)]))
    assert torch.equal(alone.lasting_images(), IMAGES)


def test_two_opposite_quarters_of_a_composite_are_of_one_image_and_two_of_another():
    images = torch.arange(1.0, 7)[:, None, None, None].expand(6, 1, 30, 18)
    made = compose(images, 200, torch.Generator().manual_seed(0))
    assert made.shape == (200, 1, 30, 18)
    for place in (0, -1):
        assert set(made[:, 0, 0, place].tolist()) == {1, 2, 3, 4, 5, 6}
    for image in made[:, 0]:
        one, other = image[0, 0], image[0, -1]
        if one == other:  # drawn with replacement
            continue
        rows, columns = int((image[:, 0] == one).sum()), int((image[0] == one).sum())
        assert 10 <= rows <= 20
        assert 6 <= columns <= 12
        expected = torch.full((30, 18), float(one))
        expected[rows:, :columns] = expected[:rows, columns:] = other
        assert torch.equal(image, expected)


@pytest.mark.parametrize(
    ("source", "sizes"),
    [
        (plain(IMAGES[:9]), [8, 1]),
        (plain(IMAGES[:9], smallest_batch=2), [9]),
        (plain(smallest_batch=2), [8, 2]),
        (plain(IMAGES[:1], smallest_batch=2), [1]),  # there is no step before
        (inputs(2, IMAGES[:5], views=2, smallest_batch=2), [10]),
        (inputs(2, IMAGES[:6], views=2, smallest_batch=2), [8, 4]),
        (inputs(4, IMAGES[:9], views=2, composites=1, smallest_batch=3), [10, 10, 10, 14]),
    ],
)
def test_a_last_step_of_few_images_can_be_avoided(source, sizes):
    batches = list(source.epoch(1))
    assert [len(batch.inputs) for batch in batches] == sizes
    assert source.steps == len(sizes)
    assert source.count == sum(sizes)
    for batch in batches:
        first = batch.identities.chunk(source.views)
        assert all(torch.equal(first[0], other) for other in first)


def test_order_and_augmentation_depend_on_the_epoch_alone():
    first, second, again = epoch(inputs(), 1), epoch(inputs(), 2), epoch(inputs(), 2)
    assert torch.equal(second[0], again[0])
    assert not torch.equal(first[0], second[0])
    assert not torch.equal(first[1], second[1])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"views": 3}, "views 3 must divide batch_size 8 and each 3"),
        ({"views": 2, "each": 4, "fixed_set": IMAGES}, "need new augmentations"),
        ({"target": "view", "fixed_set": IMAGES}, "need new augmentations"),
        ({"fixed_set": IMAGES}, "has shape"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changed, words):
    with pytest.raises(ValueError, match=words):
        inputs(**changed)


class TestFixedSet:
    def test_it_is_shown_in_another_order_each_epoch(self):
        source = inputs(fixed_set=fixed())
        (first, targets), (second, _) = epoch(source, 1), epoch(source, 2)
        assert times_shown(targets) == [3] * 10
        assert not torch.equal(first, targets)
        assert not torch.equal(first, second)
        rows = [sorted(map(tuple, x.flatten(1).tolist())) for x in (first, second)]
        assert rows[0] == rows[1]

    def test_it_is_drawn_once_if_it_is_kept(self, tmp_path):
        path = tmp_path / "sub" / "set.pt"
        assert torch.equal(fixed(path), fixed())
        (file,) = path.parent.iterdir()
        assert file.name == "set-a7b20d7b466f.safetensors"  # as of the first version
        written = file.stat().st_mtime_ns
        assert torch.equal(fixed(path), fixed())
        assert file.stat().st_mtime_ns == written

    def test_files_are_keyed_by_what_made_them(self, tmp_path):
        for changed in (
            {},
            {"seed": 1},
            {"augmentations": {**FIVE, "noise": {"std": 0.2}}},
            {"each": 4},
            {"fingerprint": "other data"},
            {"images": IMAGES[:9]},
            {"fill": 0.5},
            {"fill": "edge"},
        ):
            fixed(tmp_path / "set.pt", **changed)
        assert len(list(tmp_path.iterdir())) == 8

    def test_a_damaged_or_foreign_file_is_refused_by_name(self, tmp_path):
        path = tmp_path / "set.pt"
        fixed(path)
        (file,) = tmp_path.iterdir()
        whole = bytearray(file.read_bytes())
        other = tmp_path / "other"
        fixed(other / "set.pt", seed=1)
        foreign = next(other.iterdir()).read_bytes()
        flips = []
        for at in (len(whole) // 2, len(whole) - 1, 30):
            flipped = whole.copy()
            flipped[at] ^= 4
            flips.append(flipped)
        for damaged in (b"", whole[:-100], whole + b"0", b"not a cache", foreign, *flips):
            file.write_bytes(damaged)
            with pytest.raises(UserError, match=r"set-.*is not the augmented set.*delete it"):
                fixed(path)
            assert file.read_bytes() == damaged
        file.unlink()
        os.mkfifo(file)
        with pytest.raises(UserError, match=r"cannot read .*not a regular file"):
            fixed(path)
