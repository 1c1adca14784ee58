"""Manifold analysis: whole processes against scikit-learn.

By `benchmarks/manifold.py`: both load the same checkpoint of experiment 2 and encode the same
images; then `grounding manifold`, or scikit-learn's own function for each metric. In turn.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from harness.measure import Spent, median_ratio, process, say
from harness.question import Effort, Row

SCRIPT = Path(__file__).parents[1] / "manifold.py"
WAYS = {"ours": "ours", "scikit-learn": "yardstick"}
CONFIG = "2"


def measure(effort: Effort) -> list[Row]:
    from grounding.experiment.load import find_config

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / find_config(CONFIG).name
        shutil.copyfile(find_config(CONFIG), config)
        if effort.name == "quick":
            reduce(config)
        say("training")
        process([sys.executable, "-m", "grounding", "train", "--config", str(config)], folder)
        spent: dict[str, list[Spent]] = {way: [] for way in WAYS}
        for number in range(effort.pick(1, 3, 5)):
            for way, called in WAYS.items():
                say(f"{way}, run {number + 1}")
                options = ["--config", str(config), "--way", called]
                spent[way].append(process([sys.executable, str(SCRIPT), *options], folder))
    seconds = {way: [one.seconds for one in runs] for way, runs in spent.items()}
    ratio = median_ratio(seconds["scikit-learn"], seconds["ours"])
    return [
        {
            "way": way,
            "seconds": median(seconds[way]),
            "processor s": median(one.processor_seconds for one in runs),
            "memory, MB": max(one.memory_mb for one in runs),
            "times as fast": ratio if way == "ours" else 1.0,
            "runs": len(runs),
        }
        for way, runs in spent.items()
    ]


def reduce(config: Path) -> None:
    """Write fewer images and epochs into a config."""
    import yaml

    values = yaml.safe_load(config.read_text(encoding="utf-8"))
    values["data"] |= {"val_samples": 200, "test_samples": 300}
    values["training"] |= {"epochs": 1, "learning_rate": 0.001}
    config.write_text(yaml.safe_dump(values), encoding="utf-8")
