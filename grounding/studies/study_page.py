"""The report of a study as one HTML file: several seeds, or experiments beside controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from grounding.experiment import Experiment
from grounding.export.report_page import Picture, Section, Table, report_page
from grounding.metrics.facts import facts
from grounding.studies.figure import FigureRow

DRAWN = "knn_accuracy"
AXIS = "kNN accuracy on test images"


def study_page(
    title: str,
    command: str,
    summary: Table,
    rows: Sequence[FigureRow],
    figure: bytes,
    *,
    tables: Mapping[str, tuple[str, Table]] | None = None,
    configs: Sequence[Experiment] = (),
    axis: str = AXIS,
) -> bytes:
    """A study as HTML, UTF-8, that needs no network.

    Args:
        title: what it is of.
        command: what makes it again.
        summary: every metric over the seeds.
        rows: whose kNN accuracy could be measured; [] if none could.
        figure: an SVG of these rows, see `spread_figure`.
        tables: further ones by the title of their section, each with a sentence.
        configs: what was trained, seed by seed.
        axis: what rows and figure show.
    """
    sections = []
    if rows:
        alt = "kNN accuracy of every seed, with mean and standard deviation"
        sections.append(Section(axis, pictures=[Picture("svg", figure, alt)]))
    said = "Means over the seeds; a seed is a training, and a draw of the splits."
    sections.append(Section("All measures", [said], [summary]))
    sections += [Section(name, [text], [table]) for name, (text, table) in (tables or {}).items()]
    if rows:
        seeds = sorted({seed for row in rows for seed in row.values})
        digits = facts(DRAWN).digits
        cells = [
            [row.name, *(f"{v:.{digits}f}" if v is not None else "-" for v in of_seeds)]
            for row in rows
            if (of_seeds := [row.values.get(seed) for seed in seeds])
        ]
        head = ["", *(f"seed {seed}" for seed in seeds)]
        single = Table(head, cells, range(1, len(head)))
        sections.append(Section("Single seeds", [f"{axis}, seed by seed."], [single]))
    dumped = [yaml.safe_dump(one.as_dict(), sort_keys=False, allow_unicode=True) for one in configs]
    text = ["The command, and each config; the seed in it is replaced by those above."]
    sections.append(Section("How to repeat it", text, code=[command, *dumped]))
    return report_page(title, [], sections)
