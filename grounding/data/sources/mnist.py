"""MNIST as it comes with this package."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from grounding import _registry as register
from grounding._errors import UserError
from grounding.data.image_set import ImageSet
from grounding.data.sources.idx import FILES, Found, IdxFolder

FOLDER = Path(__file__).parents[1] / "mnist"
# Of the four files as they are published, see `IdxFolder.load`.
FINGERPRINT = "ac89dbc26b7b0b5f68ff586bc0579a0c16e78b3436b0c71ccdd0169cbebf9ff7"


@register.source("mnist")
class PackagedMnist:
    """The 70,000 digits of MNIST, part of the package, where no folder is named."""

    looks_for = ""

    def find(self, place: Path | None, name: str | None) -> Path | None:
        """The folder of the packaged files, if the user named none."""
        return FOLDER if place is None and name in (None, "mnist") else None

    def load(self, found: Path) -> ImageSet:
        """Read and check them, once in a process."""
        return _read(found)


@cache
def _read(folder: Path) -> ImageSet:
    paths = [folder / f"{name}.gz" for name in FILES]
    try:
        images = IdxFolder().load(Found("mnist", folder, paths))
        if images.fingerprint != FINGERPRINT:
            raise UserError(f"{folder} does not hold MNIST as it is published")
    except UserError as error:
        raise UserError(
            f"the installation is damaged: {error}; "
            "install grounding again as before, with pip's --force-reinstall --no-deps"
        ) from None
    return replace(images, source="MNIST (packaged)")
