"""`grounding` and `python -m grounding`: the doors as subcommands, and `run` for the whole chain.

grounding run --config 4
"""

from typing import NoReturn

from grounding.core.commands import main
from grounding.core.process import leave


def door() -> NoReturn:
    """Run the command that the process was started with."""
    leave(main())


if __name__ == "__main__":
    door()
