"""What was built for the pages."""

from pathlib import Path

import grounding
from grounding._errors import UserError

RUNTIME = "ort-wasm-simd-threaded.wasm.gz"  # of the models
BUILT = Path(grounding.__file__).parent / "web" / "dist"
NOT_BUILT = (
    "The pages are not built: install Node 20 or newer, then run pip install again "
    "(in a clone: pip install -e .)."
)


def built(name: str) -> Path:
    """The path of a file that was built for the pages.

    Raises:
        UserError: it is not there.
    """
    path = BUILT / name
    if not path.is_file():
        raise UserError(NOT_BUILT)
    return path
