"""Augmentation of whole batches on their device: one file for each kind.

An augmentation is a function of images (B, C, H, W), float in [0, 1], of its settings, and of a
generator on their device from which all its randomness comes:

    @register.augmentation("noise", settings=NoiseSettings, stage="corrupt", order=2)
    def noise(images, settings, generator): ...

The stages follow each other, and in one stage those of ours by `order`, then all others by name:

- "move" brings pixels to other places, in a new tensor;
- "warp" returns a `Motion`: all motions are one resampling, bilinear;
- "stroke" changes the shape of what was written, and may write into the images that it gets;
- "corrupt" changes how well it can be seen, and may do so, too. Values are clamped after that.

What comes in from outside of an image is the `fill` of the augmentations: moves that are registered
with `fills=True` get it as a further argument, warps need not know it. What is off draws no random
numbers.
"""

import reprlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from torch import Tensor

from grounding import _registry as register
from grounding._registry import Settings
from grounding.data.warp import Motion, warp

Change = Callable[[Tensor, Any, torch.Generator], Any]


def one_of(allowed: str) -> WrapValidator:
    """A value that may be of two kinds is refused in one line, which says what is allowed."""

    def check(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError:
            raise ValueError(f"allowed: {allowed}; got {reprlib.repr(value)}") from None

    return WrapValidator(check)


Share = Annotated[str, Field(pattern=r"^(100|[0-9]{1,2}(\.[0-9]+)?)%$")]
"""A share of the shorter side of an image, e.g. "7%"."""
Pixels = Annotated[
    Annotated[float, Field(ge=0, le=1024)] | Share,
    one_of("pixels from 0 to 1024, or a share of the shorter side such as 7%"),
]
WholePixels = Annotated[
    Annotated[int, Field(ge=0, le=1024)] | Share,
    one_of("whole pixels from 0 to 1024, or a share of the shorter side such as 7%"),
]
Fill = Annotated[
    Annotated[float, Field(ge=0, le=1)] | Literal["edge"],
    one_of("a value from 0 to 1, or edge"),
]
"""What comes in from outside of an image: one value, or the pixel at the edge that is nearest."""


class AugmentationSettings(Settings):
    """What the settings of all augmentations have."""

    enabled: bool = False
    """Whether images are changed in this way."""


class Augmentations:
    """Some augmentations, for whole batches.

    Args:
        settings: by name of the augmentation: its settings, or a mapping of what differs from the
            defaults, which switches it on. Those that are not named are off.
        clamp_min: augmented values are at least this.
        clamp_max: augmented values are at most this.
        fill: what comes in from outside: a value in [0, 1], or "edge" for the pixel at the edge
            that is nearest.

    Attributes:
        settings: of those that are on, by name.
        clamp: the two values.
        fill: as given.

    Raises:
        ValueError: there is no such augmentation, it has no such setting, or `fill` is neither.
    """

    def __init__(
        self,
        settings: Mapping[str, AugmentationSettings | Mapping[str, Any]],
        *,
        clamp_min: float = 0.0,
        clamp_max: float = 1.0,
        fill: float | Literal["edge"] = 0.0,
    ) -> None:
        checked = {name: _checked(name, settings[name]) for name in sorted(settings)}
        self.settings = {name: given for name, given in checked.items() if given.enabled}
        if fill != "edge" and not (isinstance(fill, int | float) and 0 <= fill <= 1):
            raise ValueError(f"fill: allowed: a value from 0 to 1, or edge; got {fill!r}")
        self.clamp = (clamp_min, clamp_max)
        self.fill = fill
        components = [register.augmentation[name] for name in self.settings]
        components.sort(key=lambda c: (c.facts.get("order", 1000), c.name))
        self._stages: dict[str, dict[str, Change]] = {
            stage: {} for stage in ("move", "warp", "stroke", "corrupt")
        }
        for c in components:
            make = partial(c.make, fill=fill) if c.facts.get("fills") else c.make
            self._stages[c.facts["stage"]][c.name] = make

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """A randomly changed copy of each image (B, C, H, W), in [clamp_min, clamp_max]."""
        return self.corrupt(self.deform(images, generator), generator)

    def deform(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The first half, in a new tensor: moves, warps and strokes, of what was written.

        The values can leave [0, 1] by rounding errors.
        """
        out = self._changed("move", images, generator)
        if self._stages["warp"]:
            out = warp(out, self._motions(out, generator), self.fill)
        if out is images:
            out = images.clone()
        return self._changed("stroke", out, generator)

    def corrupt(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The second half, which may write into images: corruptions, and clamping."""
        return self._changed("corrupt", images, generator).clamp_(*self.clamp)

    def _changed(self, stage: str, images: Tensor, generator: torch.Generator) -> Tensor:
        for name, change in self._stages[stage].items():
            images = change(images, self.settings[name], generator)
        return images

    def _motions(self, images: Tensor, generator: torch.Generator) -> list[Motion]:
        """What one resampling does.

        A rotation by itself turns clockwise by the angle that it draws, among others it turns the
        other way, and rotation, scaling and shear then draw a number even where they are off. That
        makes no difference, but repeats the trainings of earlier versions.
        """
        warps = self._stages["warp"]
        is_alone = warps.keys() == {"rotation"}
        motions = []
        for name in warps if is_alone else dict.fromkeys(("rotation", "scaling", "shear", *warps)):
            if name not in warps:
                per_image(images, 0, 1, generator)
                continue
            motion = warps[name](images, self.settings[name], generator)
            turns_back = name == "rotation" and not is_alone
            motions.append(Motion(motion.matrix.mT) if turns_back else motion)
        return motions


def augment(
    images: Tensor,
    random: torch.Generator | int = 0,
    *,
    fill: float | Literal["edge"] = 0.0,
    **settings: AugmentationSettings | Mapping[str, Any],
) -> Tensor:
    """Change images once, e.g. `augment(images, 1, rotation={"max_degrees": 30}, noise={})`.

    Args:
        images: (B, C, H, W), float in [0, 1].
        random: a generator on their device, or a seed.
        fill: what comes in from outside, a value or "edge".
        **settings: see `Augmentations`, also for what is raised.
    """
    if isinstance(random, int):
        random = torch.Generator(images.device).manual_seed(random)
    return Augmentations(settings, fill=fill)(images, random)


def pixels(amount: float | str, images: Tensor) -> float:
    """An amount in pixels; of e.g. "7%", that share of the shorter side of images (B, C, H, W)."""
    if isinstance(amount, str):
        return float(amount[:-1]) / 100 * min(images.shape[2:])
    return amount


def per_image(images: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    """One number in [low, high) for each image (B,)."""
    numbers = torch.empty(len(images), dtype=images.dtype, device=images.device)
    return numbers.uniform_(low, high, generator=generator)


def _checked(name: str, given: AugmentationSettings | Mapping[str, Any]) -> AugmentationSettings:
    values = given if isinstance(given, AugmentationSettings) else {"enabled": True, **given}
    try:
        checked = register.augmentation[name].settings.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, (name, *problem["loc"])))
        raise ValueError(f"{place}: {problem['msg'].removeprefix('Value error, ')}") from None
    assert isinstance(checked, AugmentationSettings)
    return checked
