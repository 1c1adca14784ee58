"""Where images come from: one file for each kind of place.

A source is a class without arguments, registered by `register.source`, with

- `find(folder, dataset)`: what it can load of that data set there, or None; `folder` is None if the
  user named none; nothing is read;
- `load(found)`: the `ImageSet`;
- `looks_for`: the text of "looked for ..." when no source finds anything.

The fact `datasets` names the data sets that it can tell apart; its own name is always one.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from grounding import _registry as register
from grounding._errors import UserError
from grounding._paths import given_path
from grounding.data.image_set import ImageSet


def dataset_names() -> tuple[str, ...]:
    """The data sets that `load` knows by name; a folder may hold others."""
    names: list[str] = []
    for component in register.source.components():
        names += [*component.facts.get("datasets", ()), component.name]
    return tuple(dict.fromkeys(names))


def load(
    name_or_folder: str | Path | None = None,
    *,
    dataset: str = "mnist",
    fallback_to_packaged: bool = False,
) -> ImageSet:
    """Read a data set into memory.

    Args:
        name_or_folder: a folder, in which `~` is the user's; or one of `dataset_names()`, for data
            that need no folder; None for MNIST, which is part of the package. A folder with the
            name of a data set is written as a Path, or "./mnist".
        dataset: which of the data sets that a folder holds: `<folder>/FashionMNIST/raw` is
            "fashion_mnist", `emnist-letters-...` is "emnist_letters". Files that lie in the folder
            itself by the names of MNIST are taken for any of them.
        fallback_to_packaged: take the packaged MNIST, with a `note` that says so, if the folder is
            missing or empty. For configs that follow the original system, whose folder `data` is
            filled by a download.

    Raises:
        UserError: there is no such data set, or a file is not what it should be.
    """
    names = dataset_names()
    if isinstance(name_or_folder, str) and name_or_folder in names:
        dataset, name_or_folder = name_or_folder, None
    if dataset not in names:
        raise UserError(f"data set {dataset!r} is unknown; known are: {', '.join(names)}")
    folder = None if name_or_folder is None else given_path(name_or_folder)
    read = _find(folder, dataset)
    if read is not None:
        return read()
    if folder is None:
        raise UserError(
            f"data set {dataset} does not come with the package; name the folder that holds it: "
            "--set data.data_dir=FOLDER"
        )
    problem = "holds no data set" if folder.exists() else "does not exist"
    if fallback_to_packaged and dataset == "mnist" and not _holds_anything(folder):
        note = f"{folder} {problem}: MNIST is read, as it comes with the package"
        return replace(load(), note=note)
    held = [name for name in names if _find(folder, name)]
    if held:
        raise UserError(
            f"data_dir {folder} does not hold {dataset}, but {', '.join(held)}; "
            f"try --set data.dataset={held[0]}"
        )
    looked_for = filter(None, (c.make().looks_for for c in register.source.components()))
    packaged = "" if dataset != "mnist" else "; for the packaged MNIST: --set data.data_dir=null"
    raise UserError(f"data_dir {folder} {problem}; looked for {'; or '.join(looked_for)}{packaged}")


def _holds_anything(folder: Path) -> bool:
    """Whether a folder holds files or folders that are not hidden."""
    return folder.exists() and any(path.name[0] != "." for path in folder.iterdir())


def _find(folder: Path | None, dataset: str) -> Callable[[], ImageSet] | None:
    """What reads a data set; None if it is not there."""
    for component in register.source.components():
        source = component.make()
        found = source.find(folder, dataset)
        if found is not None:
            return partial(source.load, found)
    return None
