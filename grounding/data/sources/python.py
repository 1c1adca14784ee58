"""Arrays that were given from Python: there is nothing to find, and they have to be given again."""

from pathlib import Path

from grounding import _registry as register
from grounding._errors import UserError
from grounding.data.image_set import ImageSet


@register.source("python")
class GivenArrays:
    """Arrays of one's own program: `grounding.train(config, images=..., labels=...)`."""

    looks_for = ""

    def find(self, place: Path | None, name: str | None) -> str | None:
        """They are not in any place; the name alone says so."""
        del place
        return name if name == "python" else None

    def load(self, found: str) -> ImageSet:
        """Say that they are needed."""
        del found
        raise UserError(
            "its images were given from Python, as arrays, and have to be given again: "
            "grounding.load(NAME, images=..., labels=...)"
        )
