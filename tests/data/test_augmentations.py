from math import cos, radians, sin

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage

from grounding import _registry as register
from grounding.data import Augmentations, augment
from grounding.data.augmentations import AugmentationSettings, per_image
from grounding.data.augmentations.rotation import turned
from grounding.data.warp import Motion, warp

FIVE = {name: {} for name in ("translation", "rotation", "intensity", "noise", "masking")}
STRONG = {
    "rotation": {"max_degrees": 18.0},
    "scaling": {"max_change": 0.18},
    "shear": {"max_shear": 0.35},
    "subpixel_translation": {"max_shift": 2.0},
    "elastic": {"std": 1.6},
    "thickness": {"max_weight": 1.0},
    "intensity": {},
    "noise": {"std": 0.05},
    "masking": {"prob": 0.05},
}


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rotate(images, angles):
    return warp(images, [turned(angles)])


# What version 0.1.0 makes of 9 images: the sum, the sum of value i times cos(0.37 i), and the
# number that its generator gives next.
BEFORE = [
    (FIVE, 1001.7468, -16.8220, 0.0312474),
    (STRONG, 1186.7413, 2.8006, 0.5694187),
    ({**FIVE, "rotation": {"max_degrees": 30.0}, "subpixel_translation": {"max_shift": 1.0},
      "scaling": {"max_change": 0.3}, "shear": {"max_shear": 0.2}, "elastic": {"std": 1.0},
      "thickness": {"max_weight": 0.5}, "cutout": {"side": 4}}, 745.4396, -1.4465, 0.4700271),
    ({"translation": {"max_shift": 3}}, 1073.7500, -8.8504, 0.0566339),
    ({"rotation": {"max_degrees": 40.0}}, 1161.7612, -16.1425, 0.9941847),
    ({"scaling": {"max_change": 0.3}}, 1314.4799, 0.1237, 0.6793862),
    ({"shear": {"max_shear": 0.4}}, 1313.5273, 7.2279, 0.6793862),
    ({"subpixel_translation": {"max_shift": 1.5}}, 1201.5911, 19.0727, 0.9009370),
    ({"elastic": {"std": 1.2}}, 1252.5135, -15.8235, 0.7600324),
    ({"rotation": {"max_degrees": 40.0}, "elastic": {"std": 1.2}}, 1130.6453, -7.0746, 0.7600324),
    ({"thickness": {"max_weight": 0.8}}, 1323.7316, 5.4769, 0.0566339),
    ({"intensity": {"min_scale": 0.7, "max_scale": 1.3}}, 1369.7377, 3.6889, 0.9941847),
    ({"noise": {"std": 0.2}}, 1390.5292, 4.3025, 0.6192070),
    ({"masking": {"prob": 0.2}}, 1108.1761, 12.4551, 0.1264646),
    ({"cutout": {"side": 5}}, 1199.2872, -0.0723, 0.0566339),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "total", "weighted", "following"), BEFORE)
def test_results_are_those_of_the_first_version(settings, total, weighted, following):
    images = torch.rand(9, 2, 11, 14, generator=draws(1))
    generator = draws(5)
    changed = Augmentations(settings)(images, generator).double()
    waves = torch.arange(images.numel(), dtype=torch.float64).mul(0.37).cos().view(images.shape)
    assert changed.sum().item() == pytest.approx(total, abs=2e-3)
    assert (changed * waves).sum().item() == pytest.approx(weighted, abs=2e-3)
    assert torch.rand(1, generator=generator).item() == pytest.approx(following, abs=1e-7)


class TestWhole:
    def test_what_is_off_changes_nothing_and_draws_nothing(self):
        images = torch.rand(2, 1, 28, 28)
        off = {name: register.augmentation[name].settings(enabled=False) for name in FIVE}
        for settings in ({}, off, {"scaling": {"enabled": False, "max_change": 0.3}}):
            generator = draws()
            same = Augmentations(settings)(images, generator)
            assert torch.equal(same, images)
            assert same.data_ptr() != images.data_ptr()
            assert torch.equal(generator.get_state(), draws().get_state())

    def test_five_are_on_by_default(self):
        defaults = {c.name: c.settings() for c in register.augmentation.components()}
        assert set(Augmentations(defaults).settings) == set(FIVE)

    @pytest.mark.parametrize("settings", [FIVE, STRONG, {"noise": {"std": 1.0}}, {"thickness": {}}])
    def test_inputs_stay_as_they_are_and_outputs_in_range(self, settings):
        images = torch.rand(50, 3, 28, 28)
        before = images.clone()
        out = Augmentations(settings)(images, draws())
        assert torch.equal(images, before)
        assert out.shape == images.shape
        assert out.min() >= 0
        assert out.max() <= 1
        other = Augmentations(settings, clamp_min=0.25, clamp_max=0.5)(images, draws())
        assert torch.equal(other, out.clamp(0.25, 0.5))

    def test_the_generator_alone_decides(self):
        images = torch.rand(5, 1, 28, 28)
        torch.manual_seed(1)
        first = Augmentations(STRONG)(images, draws(9))
        torch.manual_seed(2)
        assert torch.equal(first, Augmentations(STRONG)(images, draws(9)))
        assert not torch.equal(first, Augmentations(STRONG)(images, draws(10)))
        assert torch.equal(first, augment(images, 9, **STRONG))
        assert torch.equal(first, augment(images, draws(9), **STRONG))

    def test_the_halves_are_the_whole(self):
        images = torch.rand(5, 1, 28, 28)
        whole, generator = Augmentations({**STRONG, "cutout": {}}), draws()
        deformed = whole.deform(images, generator)
        expected = Augmentations({name: STRONG[name] for name in list(STRONG)[:6]})
        assert torch.allclose(deformed.clamp(0, 1), expected(images, draws()), atol=1e-6)
        assert torch.equal(whole.corrupt(deformed, generator), whole(images, draws()))

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"rotate": {}}, "did you mean rotation"),
            ({"rotation": {"max_degree": 3}}, "rotation.max_degree: "),
            ({"rotation": {"max_degrees": 181}}, "rotation.max_degrees: .*180"),
            ({"noise": {"std": -0.1}}, "noise.std"),
            ({"intensity": {"min_scale": 2}}, "min_scale 2.* is above max_scale 1.15"),
            ({"noise": AugmentationSettings()}, "noise: .* instance of NoiseSettings"),
            ({"translation": {"max_shift": 1.5}}, "max_shift: allowed: whole pixels .* got 1.5"),
            ({"translation": {"max_shift": "7"}}, "a share .* such as 7%; got '7'"),
            ({"elastic": {"std": "101%"}}, "elastic.std: allowed: pixels from 0 to 14, .*'101%'"),
        ],
    )
    def test_wrong_settings_are_told_in_a_line(self, settings, words):
        with pytest.raises(ValueError, match=words) as caught:
            Augmentations(settings)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("fill", ["edgy", 1.5, -1, None])
    def test_what_cannot_come_in_from_outside_is_told(self, fill):
        with pytest.raises(ValueError, match=f"^fill: allowed: .* or edge; got {fill!r}$"):
            augment(torch.zeros(1, 1, 4, 4), fill=fill, rotation={})


# How scipy and numpy call what comes in from outside.
FILLS = {
    0.0: {"mode": "grid-constant", "cval": 0.0},
    0.75: {"mode": "grid-constant", "cval": 0.75},
    "edge": {"mode": "nearest"},
}


class TestMoves:
    @pytest.mark.parametrize("fill", FILLS)
    @pytest.mark.parametrize("most", [2, "50%"])  # of the shorter side
    def test_shifts_move_whole_pixels_and_what_is_asked_for_comes_in(self, fill, most):
        image = torch.arange(1.0, 21).view(1, 1, 4, 5) / 20
        given = image.expand(500, 1, 4, 5)
        shifted = augment(given, fill=fill, translation={"max_shift": most})
        how = {"mode": "edge"} if fill == "edge" else {"constant_values": fill}
        padded = np.pad(image[0, 0].numpy(), 2, **how)
        allowed = {
            tuple(padded[y : y + 4, x : x + 5].flatten().tolist())
            for y in range(5)
            for x in range(5)
        }
        seen = {tuple(s.flatten().tolist()) for s in shifted}
        assert seen == allowed  # 500 draws of 25 shifts show every one

    def test_a_quarter_turn_by_hand(self):
        image = torch.zeros(1, 1, 5, 5)
        image[0, 0, 0, 2] = 1
        turned = rotate(image, torch.tensor([torch.pi / 2]))
        expected = torch.zeros(5, 5)
        expected[2, 4] = 1  # from the top to the right: clockwise
        assert torch.allclose(turned[0, 0], expected, atol=1e-6)


def drawn(settings, count, shape):
    """The numbers of a joint warp, in its order: angle, scale, shear, shift, displacements."""
    generator = draws()
    values = {name: next(iter(given.values())) for name, given in settings.items()}
    bounds = [values.get(name, 0) for name in ("rotation", "scaling", "shear")]
    bounds[0] = radians(bounds[0])
    uniform = [torch.empty(count).uniform_(-b, b, generator=generator) for b in bounds]
    shift, points = torch.zeros(count, 2, 1), torch.zeros(2 * count, 16)
    if most := values.get("subpixel_translation"):
        shift.uniform_(-most, most, generator=generator)
    if std := values.get("elastic"):
        points.normal_(0, std, generator=generator)
    points = points.view(count, 2, 4, 4)
    field = F.interpolate(points, shape, mode="bicubic", align_corners=True)
    return [*uniform, shift.view(count, 2), field]


def one_image(image, angle, scale, shear, shift, field, fill=0.0):
    """What becomes of one image (H, W)."""
    height, width = image.shape
    rows, columns = np.mgrid[:height, :width]
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    x, y = x + shear * y, y  # slanted, then turned, then scaled
    x, y = cos(angle) * x - sin(angle) * y, sin(angle) * x + cos(angle) * y
    x, y = x / (1 + scale) + shift[0] + field[0], y / (1 + scale) + shift[1] + field[1]
    places = [y + (height - 1) / 2, x + (width - 1) / 2]
    return ndimage.map_coordinates(image, places, order=1, **FILLS[fill])


@pytest.mark.parametrize(
    "settings",
    [
        {"scaling": {"max_change": 0.3}},
        {"rotation": {"max_degrees": 25.0}, "shear": {"max_shear": 0.4}},
        {"subpixel_translation": {"max_shift": 1.7}},
        {"elastic": {"std": 1.5}},
        {name: STRONG[name] for name in list(STRONG)[:5]},
    ],
)
@pytest.mark.parametrize("shape", [(12, 12), (9, 14)])
@pytest.mark.parametrize("fill", FILLS)
def test_a_batch_is_moved_as_each_image_would_be(settings, shape, fill):
    images = torch.rand(3, 2, *shape, generator=draws(9))
    found = Augmentations(settings, fill=fill).deform(images, draws())
    each = zip(*(values.double().numpy() for values in drawn(settings, 3, shape)), strict=True)
    for image, moved, numbers in zip(images.numpy(), found.numpy(), each, strict=True):
        for channel in range(2):
            expected = one_image(image[channel], *numbers, fill)
            assert np.abs(moved[channel] - expected).max() < 2e-5


@pytest.mark.parametrize(
    ("name", "key", "share", "amount"),
    [
        ("translation", "max_shift", "20%", 2),  # of 9: 1.8, in whole pixels
        ("subpixel_translation", "max_shift", "12.5%", 1.125),
        ("elastic", "std", "10%", 0.9),
        ("cutout", "side", "50%", 4),  # 4.5, to the even number
    ],
)
def test_an_amount_can_be_a_share_of_the_shorter_side(name, key, share, amount):
    for shape in ((9, 14), (14, 9)):
        images = torch.rand(20, 1, *shape, generator=draws(9))
        found = augment(images, 3, **{name: {key: share}})
        assert torch.equal(found, augment(images, 3, **{name: {key: amount}}))
        assert not torch.equal(found, augment(images, 3, **{name: {key: 0}}))


def test_thickness_is_scipys_morphology():
    images = torch.rand(300, 2, 7, 6, generator=draws(3))
    changed = augment(images, draws(), thickness={})
    generator = draws()
    which, weights = (torch.rand(300, generator=generator) for _ in range(2))
    for image, found, kind, weight in zip(images, changed, which, weights, strict=True):
        other = image.numpy()
        # The window is cut off at the edge: what lies outside is never the extreme.
        if kind < 1 / 3:
            other = ndimage.grey_dilation(other, (1, 3, 3), mode="constant", cval=-9)
        elif kind > 2 / 3:
            other = ndimage.grey_erosion(other, (1, 3, 3), mode="constant", cval=9)
        expected = image + weight * (torch.from_numpy(other) - image)
        assert torch.allclose(found, expected, atol=1e-6)


class TestCorruptions:
    def test_masked_pixels_are_zero_and_as_many_as_asked_for(self):
        for probability in (0.0, 0.08, 0.5, 0.99):
            masked = augment(torch.ones(200, 1, 28, 27), masking={"prob": probability})
            assert set(masked.unique().tolist()) <= {0.0, 1.0}
            assert (masked == 0).float().mean().item() == pytest.approx(probability, abs=0.005)

    def test_apples_gpu_which_draws_no_64_bits_masks_as_many(self):
        class OnMps(torch.Tensor):
            device = torch.device("mps")

            def random_(self, low=0, high=None, *, generator=None):
                assert high is not None
                return super().random_(low, high, generator=generator)

        images = torch.ones(200, 1, 28, 27).as_subclass(OnMps)
        masked = register.augmentation["masking"].make(
            images, register.augmentation["masking"].settings(prob=0.08), draws()
        )
        assert (masked == 0).float().mean().item() == pytest.approx(0.08, abs=0.005)

    @pytest.mark.parametrize("side", [1, 4, 5])
    def test_cutout_is_one_square_anywhere(self, side):
        cut = augment(torch.ones(3000, 2, 8, 11), cutout={"side": side}) == 0
        assert torch.equal(cut[:, 0], cut[:, 1])
        sizes = cut[:, 0].sum((1, 2))
        assert sizes.max() == side**2  # wholly inside
        rows, columns = cut[:, 0].any(2).sum(1), cut[:, 0].any(1).sum(1)
        assert torch.equal(rows * columns, sizes)  # a rectangle
        # Every pixel is the centre of some: centres lie in the image.
        assert cut[:, 0].any(0).all()
        assert sizes.min() >= ((side + 1) // 2 - (side + 1) % 2) ** 2


class TestOfOnesOwn:
    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch):
        register.augmentation.names()
        monkeypatch.setattr(
            register.augmentation, "_components", dict(register.augmentation._components)
        )

    def test_a_corruption_comes_after_ours_and_before_clamping(self):
        class FogSettings(AugmentationSettings):
            most: float = 0.5

        @register.augmentation("fog", settings=FogSettings, stage="corrupt")
        def fog(images, settings, generator):
            """Add a grey veil."""
            return images + per_image(images, 0, settings.most, generator)[:, None, None, None]

        images = torch.rand(4, 1, 6, 6)
        found = Augmentations({"fog": {"most": 2.0}, "noise": {"std": 0.1}})
        generator = draws()
        noisy = images + torch.empty_like(images).normal_(0, 0.1, generator=generator)
        veils = torch.empty(4).uniform_(0, 2.0, generator=generator).view(4, 1, 1, 1)
        assert torch.allclose(found(images, draws()), (noisy + veils).clamp(0, 1))

    def test_a_move_is_told_what_comes_in_if_it_says_that_it_fills(self):
        @register.augmentation(
            "drop_column", settings=AugmentationSettings, stage="move", fills=True
        )
        def drop_column(images, settings, generator, fill):
            """Everything one to the left."""
            return torch.cat([images[..., 1:], torch.full_like(images[..., :1], fill)], -1)

        found = augment(torch.zeros(2, 1, 3, 4), fill=0.5, drop_column={})
        assert found[0, 0].tolist() == [[0, 0, 0, 0.5]] * 3

    def test_a_warp_takes_part_in_the_one_resampling(self):
        @register.augmentation("mirror", settings=AugmentationSettings, stage="warp")
        def mirror(images, settings, generator):
            """Swap left and right."""
            per_image(images, 0, 1, generator)
            return Motion(torch.tensor([[-1.0, 0], [0, 1.0]]).expand(len(images), 2, 2))

        images = torch.rand(4, 2, 6, 9)
        assert torch.allclose(augment(images, mirror={}), images.flip(-1), atol=1e-6)
        turned_too = augment(images, 3, mirror={}, rotation={"max_degrees": 30})
        angles = torch.empty(4).uniform_(-radians(30), radians(30), generator=draws(3))
        # In company a rotation turns the other way, and the image has been mirrored before.
        expected = rotate(images, -angles).flip(-1)
        assert torch.allclose(turned_too, expected, atol=1e-5)
