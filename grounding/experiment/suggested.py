"""A first config for somebody's own images, from a look at them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from grounding._errors import UserError
from grounding._paths import given_path
from grounding.data import ImageSet, dataset_names
from grounding.data.pictures import UnfitError, Wanted
from grounding.data.sources import read
from grounding.experiment.document import Overrides, document_of
from grounding.experiment.load import load_experiment
from grounding.experiment.sections import DataSection

LARGEST_SIDE = 96
"""Images with a longer side are scaled down: a first run is to take minutes."""
_WORDS = ("null", "true", "false")
STEPS = 2000
MOST_EPOCHS = 200


class Suggested(NamedTuple):
    """A config.

    Attributes:
        name: of the experiment.
        text: YAML.
    """

    name: str
    text: str


def suggested(place: str, overrides: Overrides = ()) -> Suggested:
    """A config for the images at a place, which are made one size and kind if they are not.

    Args:
        place: a file or folder, or the name of a data set that needs none.
        overrides: what is set beside the config. What it says of how images are read, such as
            "data.source=emnist_letters", becomes part of the config.

    Raises:
        UserError: there are no images, or one cannot be read.
    """
    section, name = data_section(place), own_name(place)
    least = {"experiment": {"name": name}, "data": section, "model": {"architecture": "naive_conv"}}
    document = document_of(least, Path(f"{name}.yaml"), {}, overrides)
    said = load_experiment(document).data
    images, wanted, why = _look(said)
    if said.source:
        section["source"] = said.source
    data = [f"  {key}: {_quoted(value)}" for key, value in section.items()]
    if wanted.size:
        height, width = wanted.size
        size = height if height == width else [height, width]
        data.append(f"  resize: {size}  # [height, width] are fine, too")
    if wanted.mode:
        data.append(f"  mode: {wanted.mode}")
    count = len(images.train_images)
    batch = 16 if count < 500 else 32 if count < 5000 else 128
    epochs = min(MOST_EPOCHS, max(1, round(STEPS * batch / count)))
    classes = f" in {len(images.classes)} classes" if images.classes else " without labels"
    lines = [
        f"# A first config for {count:,} images{classes}. Change it as you like, then:",
        "#",
        f"#   grounding run --config {name}.yaml",
        *(["#", *(f"# {line}" for line in why)] if why else []),
        "",
        "experiment:",
        f"  name: {_quoted(name)}",
        "",
        "data:",
        *data,
        "",
        "model:",
        "  architecture: naive_conv",
        "  hidden_dims: [32, 64]",
        "  latent_dim: 32",
        "",
        "training:",
        f"  epochs: {epochs}",
        f"  batch_size: {batch}",
    ]
    return Suggested(name, "\n".join(lines) + "\n")


def data_section(place: str) -> dict[str, str]:
    """What a config's section `data` says of a file or folder, or of a data set's name."""
    if place in dataset_names() and not given_path(place).exists():
        return {"source": place}
    return {"data_dir": str(Path(place))}


def own_name(place: str) -> str:
    """A name for an experiment on the images at a place."""
    if "source" in data_section(place):
        return place
    stem = Path(os.path.realpath(given_path(place))).stem
    return re.sub("[^A-Za-z0-9_.-]+", "_", stem).strip("_.-")[:80] or "own"


def _look(said: DataSection) -> tuple[ImageSet, Wanted, list[str]]:
    """The images, as what they have to be read, and why."""
    size = (said.resize[0], said.resize[1]) if said.resize else None
    wanted, why = Wanted(size, said.mode, largest=LARGEST_SIDE), list[str]()
    while True:
        try:
            return read(said.data_dir, said.source, wanted), wanted, why
        except UnfitError as error:
            if error.wanted == wanted:
                raise
            wanted = error.wanted
            why.append(str(error).split("; try")[0])


def _quoted(text: str) -> str:
    """Text as YAML writes it."""
    if re.fullmatch("[A-Za-z_/][A-Za-z0-9_./-]*", text) and text.lower() not in _WORDS:
        return text
    try:
        text.encode()
    except UnicodeError:
        raise UserError(f"{text} has a name that is no text; rename it") from None
    return json.dumps(text, ensure_ascii=False)
