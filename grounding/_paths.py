"""Paths as a user writes them."""

import os
from contextlib import suppress
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
        found = Path(path).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            found.lstat()  # finds out whether a name is too long, or a folder may not be entered
    except (ValueError, RuntimeError) as error:
        raise UserError(f"not a path here: {str(error).rstrip('.')}: {path}") from None
    except OSError as error:
        raise UserError(f"not a path here: {error.strerror or error}: {path}") from None
    return found
