"""Whether pictures are training images rather than others of their kind."""

import math

import numpy as np
import pytest
import torch
from systems import drawn

from grounding import data
from grounding.dynamics import memorisation, nearest_image


def test_the_nearest_image_by_direct_differences():
    images = torch.tensor(data.load().test_images[:5000])  # more than are taken at a time
    queries = images[[4999, 17, 4200]].double() / 255
    queries[2] = 1 - queries[2]
    found = nearest_image(queries.float(), images)
    flat = images.flatten(1).numpy() / 255
    for query, distance, index in zip(queries, *found, strict=True):
        apart = np.linalg.norm(flat - query.flatten().numpy(), axis=1)
        assert int(index) == apart.argmin()
        assert float(distance) == pytest.approx(apart.min(), abs=1e-5)
    assert found.indices[:2].tolist() == [4999, 17]


def test_pictures_of_the_training_images_are_memorised():
    training, fresh = drawn(8, 4).view(8, 1, 2, 2), drawn(8, 4, 1).view(8, 1, 2, 2)
    assert memorisation(training + 0.01, training, fresh) == 1
    assert memorisation(fresh + 0.01, training, fresh) == 0
    both = torch.cat((training[:3], fresh[:1]))
    assert memorisation(both, training, fresh) == 0.75
    assert memorisation(both, training, training) == 0.5
    assert math.isnan(memorisation(training[:0], training, fresh))
    # Of the larger set no more are taken than the other has.
    of_many = [memorisation(training[:1], training, fresh[:1], seed=seed) for seed in range(20)]
    assert 0 < sum(of_many) < 20


def test_chance_is_a_half():
    """Of training, fresh and other images from one distribution."""
    images = drawn(6000, 10).view(-1, 1, 2, 5)
    found = memorisation(images[:2000], images[2000:4000], images[4000:])
    assert abs(found - 0.5) < 3.5 * 0.5 / math.sqrt(2000)
