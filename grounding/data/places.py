"""What lies in a folder of somebody else's."""

import os
from collections.abc import Iterator
from pathlib import Path

from grounding._errors import UserError
from grounding._files import resolved_inside

# Names that mean a part of a data set, in file and folder names.
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
}


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, less hidden files; nothing if it is no folder, or not there.

    Raises:
        UserError: it cannot be read, or a link in it leads round in a circle.
    """
    place = folder
    try:
        with os.scandir(folder) as found:
            shown = [one for one in found if not one.name.startswith((".", "__MACOSX"))]
        for one in shown:
            place = folder / one.name
            one.is_dir()  # which follows links, and is remembered
        return shown
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{place} cannot be read: {error.strerror}") from None


def check_inside(place: Path, paths: Iterator[Path]) -> None:
    """Refuse links that lead out of a folder: what is behind them was not given with it.

    Raises:
        UserError: names the first.
    """
    for path in paths:
        if path.is_symlink() and resolved_inside(path, place) is None:
            raise UserError(
                f"{path} is a link that leads out of {place}, which is not followed; put a copy in "
                "its place"
            )
