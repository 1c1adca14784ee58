"""Call one function of a module under benchmarks/ and write what it returns as JSON.

python benchmarks/harness/call.py MODULE FUNCTION ARGUMENTS FILE
"""

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Import, call, write."""
    module, name, arguments, file = sys.argv[1:]
    # In place of this folder, whose modules have ordinary names.
    sys.path[0] = str(Path(__file__).parents[1])
    result = getattr(importlib.import_module(module), name)(*json.loads(arguments))
    Path(file).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # whoever called was interrupted as well, and says so
        raise SystemExit(130) from None
