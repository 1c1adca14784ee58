"""Print the rows of the README's table of experiments from what runs have measured.

for i in 0 1 2 3 4 5 6 7 8 9 10; do grounding run --config $i; done
python tools/profile_rows.py artifacts
"""

import json
import sys
from pathlib import Path

from grounding.experiment import load_config
from grounding.experiment.document import packaged_configs

COLUMNS = {
    "knn_accuracy": ".3f",
    "cycle_accuracy": ".3f",
    "rnx_area": ".2f",
    "rank_me": ".1f",
    "test_reconstruction_error": ".4f",
    "safe_horizon": ".0f",
    "attractors": ".0f",
}


def main(folder: Path) -> None:
    """A line for each packaged experiment whose profile is in a folder."""
    for config in packaged_configs():
        number, _, _ = config.stem.partition("_")
        path = folder / f"{load_config(number).name}_profile.json"
        if not path.exists():
            continue
        profile = json.loads(path.read_text(encoding="utf-8"))["profile"]
        cells = []
        for name, form in COLUMNS.items():
            value = profile[name]["value"]
            cells.append("-" if value is None else f"{value:{form}}")
        print(f"| {number} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "artifacts"))
