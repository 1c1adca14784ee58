"""Paths as a user writes them."""

import os
from pathlib import Path

from grounding._errors import UserError


def given_path(path: str | Path) -> Path:
    """The path that a user means: `~` is the home folder, `~name` that of another user.

    What a command line gives need not be text: a name of other bytes stays what it is.

    Raises:
        UserError: no file of this system can be called that.
    """
    try:
        if b"\0" in os.fsencode(path):
            raise ValueError("it holds a null character")
        return Path(path).expanduser()
    except (ValueError, RuntimeError) as error:
        raise UserError(f"not a path here: {str(error).rstrip('.')}: {path}") from None
