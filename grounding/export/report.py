"""What a person reads after a measurement: the text report and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from grounding.metrics import ClassScore


def analysis_text(
    *,
    experiment: str,
    checkpoint: str,
    parameters: tuple[int, int],
    knn: str,
    classes: Sequence[ClassScore],
    names: Mapping[int, str],
) -> str:
    """The report of the kNN analysis.

    Args:
        experiment: its name.
        checkpoint: path of the checkpoint.
        parameters: (total, trainable).
        knn: the kNN accuracy and how it was measured, or why it was not.
        classes: one score a class.
        names: of classes that have one, by label.
    """
    total, trainable = parameters
    head = [
        f"experiment            {experiment}",
        f"checkpoint            {checkpoint}",
        f"total parameters      {total}",
        f"trainable parameters  {trainable}",
        f"kNN accuracy          {knn}",
    ]
    rows = [
        (
            " ".join([str(c.label), *([names[c.label]] if c.label in names else [])]),
            *(f"{value:.4f}" for value in (c.precision, c.recall, c.f1)),
            str(c.support),
        )
        for c in classes
    ]
    columns = ("class", "precision", "recall", "f1", "support")
    table = ["", *text_table("lrrrr", columns, rows)] if rows else []
    return "\n".join([*head, *table]) + "\n"


def metric_lines(results: Mapping[str, Mapping[str, Any]], title: str = "metric") -> list[str]:
    """A table of metrics with what each one means, or why it has no value.

    Args:
        results: by name, with `value`, `digits`, `unit`, `meaning` and, where it is estimated,
            `margin`, or where it was left out, `left_out`.
        title: of the first column.
    """
    rows = []
    estimated = any("margin" in one for one in results.values())
    for name, one in results.items():
        value = one["value"]
        shown = "undefined" if value is None else f"{value:.{one['digits']}f}"
        margin = f"+- {one['margin']:.{one['digits']}f}" if "margin" in one else ""
        says = one["unit"] or one["meaning"]
        if "left_out" in one:
            says = f"left out, {one['left_out']}"
        rows.append((name, shown, *([margin] if estimated else []), says))
    head = (title, "value", *([""] if estimated else []), "")
    return text_table("lrll" if estimated else "lrl", head, rows)


def text_table(align: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table.

    Args:
        align: "l" or "r" for each column.
        head: titles of the columns.
        rows: as many cells each.
    """
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, align, strict=True)
        )
        return "  ".join(cells).rstrip()

    return [line(head), *(line(row) for row in rows)]
