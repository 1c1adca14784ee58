"""Where images come from: one file for each kind of place.

A source is a class without arguments, registered by `register.source`, with

- `find(place, name)`: what it can load there, or None; nothing is read. `place` is the file or
  folder that the user named, None if none; `name` what the user called the data, None if nothing;
- `load(found)`: the `ImageSet`, whose images are scaled and made grey or coloured afterwards;
- `looks_for`: the text of "looked for ..." when no source finds anything.

Facts are `datasets`, the names of the data sets that it can tell apart beside its own name, and
`decodes`: its images may be of several sizes, so that `load(found, wanted)` makes them one size.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from grounding import _registry as register
from grounding._errors import UserError
from grounding._paths import given_path
from grounding._registry import Component
from grounding.data.image_set import ImageSet
from grounding.data.pictures import Mode, Wanted, as_wanted
from grounding.data.places import entries

MNIST = "mnist"


def dataset_names() -> tuple[str, ...]:
    """What `source` can be: the names of the sources, and of the data sets that they tell apart."""
    names: list[str] = []
    for component in register.source.components():
        names += [*component.facts.get("datasets", ()), component.name]
    return tuple(dict.fromkeys(names))


def load(
    place: str | Path | None = None,
    *,
    source: str | None = None,
    resize: int | tuple[int, int] | None = None,
    mode: Mode | None = None,
    fallback_to_packaged: bool = False,
) -> ImageSet:
    """Read a data set.

    Args:
        place: a file or folder, in which `~` is the user's; or one of `dataset_names()`, for data
            that need no folder; None for MNIST, which is part of the package. A folder with the
            name of a data set is written as a Path, or "./mnist".
        source: what kind of data it is, one of `dataset_names()`; None to be told by what is there.
            `<folder>/FashionMNIST/raw` is "fashion_mnist", `emnist-letters-...` "emnist_letters".
        resize: height and width to which each image is scaled, or one number for both.
        mode: "grey", "rgb" or "rgba".
        fallback_to_packaged: take the packaged MNIST, with a `note` that says so, if the folder is
            missing or empty. For configs that follow the original system, whose folder `data` is
            filled by a download.

    Raises:
        UserError: there is no such data set, or a file is not what it should be.
    """
    wanted = Wanted((resize, resize) if isinstance(resize, int) else resize, mode)
    if isinstance(place, str) and place in dataset_names() and source in (None, place):
        place, source = None, place
    where = None if place is None else given_path(place)
    return read(where, source, wanted, fallback_to_packaged=fallback_to_packaged)


def read(
    place: Path | None, name: str | None, wanted: Wanted, *, fallback_to_packaged: bool = False
) -> ImageSet:
    """The data set at a place, as it is wanted; see `load`."""
    names = dataset_names()
    if name is not None and name not in names:
        raise UserError(f"data set {name!r} is unknown; known are: {', '.join(names)}")
    hits = list(_find(place, name))
    if len(hits) > 1:
        held = [_called(hit) for hit in hits]
        raise UserError(
            f"data_dir {place} holds data of several kinds, {', '.join(held)}; say which with "
            f"--set data.source={held[0]}"
        )
    if hits:
        component, found = hits[0]
        decodes = component.facts.get("decodes", False)
        images: ImageSet = component.make().load(found, *([wanted] if decodes else []))
        return changed(images, wanted)
    if place is None:
        raise UserError(
            f"data set {name} does not come with the package; name the folder that holds it: "
            "--set data.data_dir=FOLDER"
        )
    problem = "holds no data set" if place.exists() else "does not exist"
    packaged = ""
    if fallback_to_packaged and name in (None, MNIST):
        packaged = "; for the packaged MNIST: --set data.data_dir=null"
        if not place.exists() or (place.is_dir() and not entries(place)):
            note = f"{place} {problem}: MNIST is read, as it comes with the package"
            return replace(read(None, MNIST, wanted), note=note)
    held = [_called(hit) for hit in _find(place, None)] if name else []
    if held:
        raise UserError(
            f"data_dir {place} does not hold {name}, but {', '.join(held)}; "
            f"try --set data.source={held[0]}"
        )
    if not place.exists():
        raise UserError(f"data_dir {place} does not exist; name a folder or file that does")
    looked_for = filter(None, (c.make().looks_for for c in register.source.components()))
    raise UserError(f"data_dir {place} {problem}; looked for {'; or '.join(looked_for)}{packaged}")


def changed(images: ImageSet, wanted: Wanted) -> ImageSet:
    """A data set whose images are as they are wanted."""
    made: dict[str, Any] = {}
    for part in ("train_images", "test_images", "val_images"):
        array = getattr(images, part)
        after = None if array is None else as_wanted(array, wanted, f"{images.source}: {part}")
        if after is not array:
            made[part] = after
    return replace(images, **made, fingerprint="") if made else images


def _find(place: Path | None, name: str | None) -> Iterator[tuple[Component, Any]]:
    """The sources that find something there, with what they have found."""
    for component in register.source.components():
        if name is None or name in (component.name, *component.facts.get("datasets", ())):
            found = component.make().find(place, name)
            if found is not None:
                yield component, found


def _called(hit: tuple[Component, Any]) -> str:
    """What `data.source` calls what was found."""
    component, found = hit
    return str(getattr(found, "dataset", component.name))
