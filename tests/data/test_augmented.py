import pytest
import torch

from grounding._errors import UserError
from grounding.data.augmented import TrainingInputs
from grounding.experiment.load import load_experiment

IMAGES = torch.randint(
    0, 256, (10, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
COUNT = "self_supervised.augmentations_per_sample=3"
FIXED = "self_supervised.refresh_each_epoch=false"


def inputs(*settings, config="4", data="abc"):
    experiment = load_experiment(config, ["training.batch_size=8", *settings])
    return TrainingInputs(IMAGES, experiment, data)


def epoch(source, number):
    batches = list(source.epoch(number))
    return torch.cat([b.inputs for b in batches]), torch.cat([b.targets for b in batches])


def times_shown(targets):
    """How often each image is a target."""
    same = (targets[:, None] == (IMAGES.float() / 255)[None]).flatten(2).all(2)
    assert (same.sum(1) == 1).all()
    return same.sum(0).tolist()


def test_without_augmentation_an_epoch_shows_each_clean_image_once():
    x, y = epoch(inputs(config="2"), 1)
    assert torch.equal(x, y)
    assert times_shown(y) == [1] * 10
    assert [len(batch.inputs) for batch in inputs(config="2").epoch(1)] == [8, 2]


def test_an_epoch_shows_each_image_as_often_as_asked_with_clean_targets():
    source = inputs(COUNT)
    x, y = epoch(source, 1)
    assert source.count == len(x) == 30
    assert times_shown(y) == [3] * 10
    assert not torch.equal(x, y)


def test_a_target_can_be_the_view_before_it_is_corrupted():
    of_view = "objectives.reconstruction_of=view"
    x, y = epoch(inputs(COUNT, of_view), 1)
    plain_x, plain_y = epoch(inputs(COUNT), 1)
    # The same draws: only what the decoder is asked for changes.
    assert torch.equal(x, plain_x)
    assert y.shape == plain_y.shape
    assert not torch.equal(y, plain_y)
    assert not torch.equal(y, x)
    assert y.min() >= 0
    assert y.max() <= 1
    names = ("intensity", "noise_std", "mask_probability")
    uncorrupted = [f"self_supervised.augmentation.{name}=0" for name in names]
    x, y = epoch(inputs(COUNT, of_view, *uncorrupted), 1)
    assert torch.equal(x, y)
    unmoved = [f"self_supervised.augmentation.{name}=0" for name in ("max_shift", "max_rotation")]
    _, y = epoch(inputs(COUNT, of_view, *unmoved), 1)
    assert times_shown(y) == [3] * 10


def test_batches_hold_so_many_views_of_each_of_their_images_one_view_after_the_other():
    views = ("objectives.views=2", "self_supervised.augmentations_per_sample=4")
    source = inputs(*views)
    batches = list(source.epoch(1))
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
    views = ("objectives.views=2", "self_supervised.augmentations_per_sample=4")
    joining = (*views, "objectives.mirrored=true", "objectives.composites=3")
    source, plain = inputs(*joining), inputs(*views)
    batches, plainly = list(source.epoch(1)), list(plain.epoch(1))
    assert len(batches) == len(plainly) == source.steps == plain.steps == 5
    assert sum(len(batch.inputs) for batch in batches) == source.count == 40 * 2 + 5 * 3 * 2
    assert plain.count == 40
    unit = IMAGES.float() / 255
    composites = []
    for batch, without in zip(batches, plainly, strict=True):
        assert len(batch.inputs) == 22
        identities, again = batch.identities.chunk(2)
        targets, same = batch.targets.chunk(2)
        assert torch.equal(identities, again)
        assert torch.equal(targets, same)
        assert torch.equal(identities[:4], without.identities[:4])
        assert torch.equal(identities[4:8], identities[:4] + 10)
        assert identities[8:].tolist() == [20, 21, 22]
        assert torch.equal(targets[:4], unit[identities[:4]])
        assert torch.equal(targets[4:8], unit[identities[:4]].flip(-1))
        one, two = batch.inputs.chunk(2)
        assert not torch.equal(one, two)
        composites.append(targets[8:])
        for corner in targets[8:, 0, 0, 0].tolist():
            assert corner in targets[:4, 0, 0, 0].tolist()
    assert not torch.equal(composites[0], composites[1])
    again = list(inputs(*joining).epoch(1))
    assert torch.equal(again[4].inputs, batches[4].inputs)
    lasting = source.lasting_images()
    assert torch.equal(lasting, torch.cat([IMAGES, IMAGES.flip(-1)]))
    assert torch.equal(plain.lasting_images(), IMAGES)


def test_order_and_augmentation_depend_on_the_epoch_alone():
    source = inputs(COUNT)
    first = epoch(source, 1)
    second = epoch(source, 2)
    again = epoch(inputs(COUNT), 2)
    assert torch.equal(second[0], again[0])
    assert not torch.equal(first[0], second[0])
    assert not torch.equal(first[1], second[1])


def sorted_rows(x):
    return sorted(map(tuple, x.flatten(1).tolist()))


def test_a_fixed_set_is_shown_in_another_order_each_epoch():
    source = inputs(COUNT, FIXED)
    (first, _), (second, _) = epoch(source, 1), epoch(source, 2)
    assert not torch.equal(first, second)
    assert sorted_rows(first) == sorted_rows(second)


def test_a_fixed_set_is_not_the_clean_images_but_close_to_what_refreshing_draws():
    x, y = epoch(inputs(COUNT, FIXED), 1)
    assert times_shown(y) == [3] * 10
    assert not torch.equal(x, y)


def precomputed(path, *settings, data="abc"):
    cached = ["self_supervised.precompute=true", f"self_supervised.cache_path={path}"]
    return inputs(COUNT, "self_supervised.refresh_each_epoch=null", *cached, *settings, data=data)


def test_a_precomputed_set_is_kept_and_equals_the_one_in_memory(tmp_path):
    path = tmp_path / "sub" / "set.pt"
    drawn = epoch(precomputed(path), 1)[0]
    files = list(path.parent.iterdir())
    assert len(files) == 1
    assert files[0].name.startswith("set-")
    written = files[0].stat().st_mtime_ns
    assert torch.equal(epoch(precomputed(path), 1)[0], drawn)
    assert files[0].stat().st_mtime_ns == written
    assert torch.equal(epoch(inputs(COUNT, FIXED), 1)[0], drawn)


def test_the_cache_is_keyed_by_what_made_it(tmp_path):
    path = tmp_path / "set.pt"
    variants = [
        precomputed(path),
        precomputed(path, "experiment.seed=1"),
        precomputed(path, "self_supervised.augmentation.noise_std=0.2"),
        precomputed(path, "self_supervised.augmentations_per_sample=4"),
        precomputed(path, data="other data"),
    ]
    assert len(list(tmp_path.iterdir())) == len(variants)


def test_a_damaged_cache_is_refused_by_name(tmp_path):
    path = tmp_path / "set.pt"
    precomputed(path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:-100], b"not a cache"):
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=r"set-.*is not the augmented set.*delete it"):
            precomputed(path)
    assert file.read_bytes() == b"not a cache"
