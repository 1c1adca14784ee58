"""The report of a study as one HTML file: several seeds, or experiments beside controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from grounding.experiment import Experiment
from grounding.export.report_page import Picture, Section, Table, report_page
from grounding.metrics.facts import facts
from grounding.studies.figure import FigureRow, spread_figure

DRAWN = "knn_accuracy"


def study_page(
    title: str,
    command: str,
    summary: Table,
    values: Mapping[str, Mapping[int, float]],
    *,
    controls: Sequence[str] = (),
    tables: Mapping[str, tuple[str, Table]] | None = None,
    configs: Sequence[Experiment] = (),
    axis: str = "kNN accuracy on test images",
) -> bytes:
    """A study as HTML, UTF-8, that needs no network.

    Args:
        title: what it is of.
        command: what makes it again.
        summary: every metric over the seeds.
        values: the kNN accuracy by name and seed; {} if it could not be measured.
        controls: which of these names are controls.
        tables: further ones by the title of their section, each with a sentence.
        configs: what was trained, seed by seed.
        axis: what the figure shows.
    """
    sections = []
    drawn = {name: by_seed for name, by_seed in values.items() if by_seed}
    if drawn:
        rows = [FigureRow(name, by_seed, name in controls) for name, by_seed in drawn.items()]
        alt = "kNN accuracy of every seed, with mean and standard deviation"
        sections.append(Section(axis, pictures=[Picture("svg", spread_figure(rows, axis), alt)]))
    said = "Means over the seeds; a seed is a training, and a draw of the splits."
    sections.append(Section("All measures", [said], [summary]))
    sections += [Section(name, [text], [table]) for name, (text, table) in (tables or {}).items()]
    if drawn:
        seeds = sorted({seed for by_seed in drawn.values() for seed in by_seed})
        digits = facts(DRAWN).digits
        cells = [
            [name, *(f"{by[one]:.{digits}f}" if one in by else "-" for one in seeds)]
            for name, by in drawn.items()
        ]
        head = ["", *(f"seed {seed}" for seed in seeds)]
        single = Table(head, cells, range(1, len(head)))
        sections.append(Section("Single seeds", [f"{axis}, seed by seed."], [single]))
    dumped = [yaml.safe_dump(one.as_dict(), sort_keys=False, allow_unicode=True) for one in configs]
    text = ["The command, and each config; the seed in it is replaced by those above."]
    sections.append(Section("How to repeat it", text, code=[command, *dumped]))
    return report_page(title, [], sections)
