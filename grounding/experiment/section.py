"""What every section of an experiment is made of: its base class and the types of its values."""

import os
import sys
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, le=1_000_000)]

PATHS_ARE_USED = "paths are used"


def _can_be_named(path: Path, info: ValidationInfo) -> Path:
    """Refuse what no file of this system can be called, unless the path is only remembered."""
    if info.context != PATHS_ARE_USED:
        return path
    try:
        named = os.fsencode(path) + str(path).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"not a path here, where names are {sys.getfilesystemencoding()}; "
            "in another locale (LC_ALL=C.UTF-8) it may be one"
        ) from None
    if b"\0" in named:
        raise ValueError("not a path: it holds a null character")
    return path


FilePath = Annotated[Path, Field(strict=False), AfterValidator(_can_be_named)]


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, no conversions."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
