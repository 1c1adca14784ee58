"""Draw docs/few_images.svg: experiments 6 and 7 on draws of 100 images, beside the controls.

    python tools/draw_few_images.py

takes the experiments from docs/draws.json, which benchmarks/draws.py writes, and the controls from
docs/controls.json. Controls that are missing there are measured on seeds 0 to 4 first, one after
the other, all of it in about ten minutes of processor time; those of before are kept.
"""

import json
from pathlib import Path

from grounding._files import write_text
from grounding.experiment import load_experiment
from grounding.runs.building import load_splits
from grounding.studies.controls import CONTROLS
from grounding.studies.figure import FigureRow, spread_figure

DOCS = Path(__file__).parents[1] / "docs"
SEEDS = range(5)
AS_SMALL = ["model.latent_dim=32"]  # as many principal components as the other experiments have
ROWS = {
    "config 6": "experiment 6",
    "the encoder of 6 of before, labels": "its encoder, trained with the 100 labels",
    "config 7": "experiment 7",
    "untrained encoder": "the encoder of 6, untrained",
}


def main() -> None:
    """Measure what is missing and draw."""
    values = DOCS / "controls.json"
    found = json.loads(values.read_text()) if values.exists() else {}
    for control in CONTROLS:
        for seed in SEEDS:
            experiment = load_experiment("6", [f"experiment.seed={seed}", *AS_SMALL])
            draws = found.setdefault(control.name(experiment), {})
            if str(seed) not in draws:
                experiment, splits = load_splits(experiment)
                draws[str(seed)] = control.measure(experiment, splits, False)
                write_text(values, json.dumps(found, indent=1) + "\n")
    (DOCS / "few_images.svg").write_bytes(
        drawn(json.loads((DOCS / "draws.json").read_text()), found)
    )


def drawn(
    draws: dict[str, dict[str, dict[str, float]]], controls: dict[str, dict[str, dict[str, float]]]
) -> bytes:
    """The figure, with a row for each that was measured; the most accurate control comes first."""

    def row(
        name: str, of_seed: dict[str, dict[str, float]], key: str, is_control: bool
    ) -> FigureRow:
        return FigureRow(name, {int(s): one[key] for s, one in of_seed.items()}, is_control)

    rows = [row(ROWS[name], draws[name], "knn_5", False) for name in ROWS if name in draws]
    beside = [
        row(ROWS.get(name, name), of_seed, "knn_accuracy", True)
        for name, of_seed in controls.items()
        if all("knn_accuracy" in one for one in of_seed.values())
    ]
    beside.sort(key=lambda one: -sum(one.values.values()) / len(one.values))
    return spread_figure([*rows, *beside], "kNN accuracy on test images, k = 5")


if __name__ == "__main__":
    main()
