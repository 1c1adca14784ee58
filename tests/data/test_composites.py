import torch

from grounding.data.composites import compose


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def test_two_opposite_quarters_are_of_one_image_and_two_of_another():
    images = torch.arange(1.0, 7)[:, None, None, None].expand(6, 1, 30, 18)
    made = compose(images, 200, draws())
    assert made.shape == (200, 1, 30, 18)
    for image in made[:, 0]:
        one, other = image[0, 0], image[0, -1]
        assert image[-1, -1] == one
        assert image[-1, 0] == other
        if one == other:  # drawn with replacement
            continue
        rows, columns = int((image[:, 0] == one).sum()), int((image[0] == one).sum())
        assert 10 <= rows <= 20
        assert 6 <= columns <= 12
        expected = torch.full((30, 18), float(one))
        expected[rows:, :columns] = expected[:rows, columns:] = other
        assert torch.equal(image, expected)


def test_all_images_and_places_come_by_and_the_draws_alone_decide():
    images = torch.rand(5, 2, 9, 9, generator=draws())
    made = compose(images, 300, draws(1))
    assert torch.equal(made, compose(images, 300, draws(1)))
    assert not torch.equal(made, compose(images, 300, draws(2)))
    for place in (0, -1):
        corners, sources = (
            {tuple(pixels) for pixels in of[:, :, 0, place].tolist()} for of in (made, images)
        )
        assert corners == sources
