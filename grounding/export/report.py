"""What a person reads after a measurement: the text report and tables."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grounding._errors import printable
from grounding.metrics import ClassScore

WIDEST = 120  # a table, in characters


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
        margin = f"+- {one['margin']:.{one['digits']}f}" if one.get("margin") is not None else ""
        says = one["unit"] or one["meaning"]
        if "left_out" in one:
            says = f"left out, {one['left_out']}"
        rows.append((name, shown, *([margin] if estimated else []), says))
    head = (title, "value", *([""] if estimated else []), "")
    return text_table("lrll" if estimated else "lrl", head, rows)


def profile_table(results: Mapping[str, Mapping[str, Any]], images: int) -> str:
    """The profile of a latent space, axis by axis.

    Args:
        results: by name, as `metric_lines` takes them, with `axis`, `title`, `images` and, of a
            metric that is the mean of a few, `parts`.
        images: test images; numbers of fewer say so.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("axis", "measure", "value"):
        table.add_column(title, justify="right" if title == "value" else "left", no_wrap=True)
    table.add_column("")
    for row in profile_rows(results, images):
        table.add_row(*map(printable, row))
    text = io.StringIO()
    # What a manifest says is neither markup nor an emoji.
    width = min(WIDEST, Console().width)
    Console(file=text, width=width, markup=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines() if line.strip())


def profile_rows(
    results: Mapping[str, Mapping[str, Any]], images: int
) -> Iterator[tuple[str, str, str, str]]:
    """Axis, where it changes, title, value and what there is to say of each number of a profile.

    Args:
        results: see `profile_table`.
        images: likewise.
    """
    axis = ""
    for one in results.values():
        form = f".{one['digits']}f"
        value = "-" if one["value"] is None else f"{one['value']:{form}}"
        if one.get("margin") is not None:
            value += f" ± {one['margin']:{form}}"
        says = [one["unit"]] if one["unit"] else []
        if one["images"] < images:
            says.append(f"{one['images']:,} images")
        for part, number in one.get("parts", {}).items():
            says.append(f"{part} {'-' if number is None else f'{number:{form}}'}")
        if one["value"] is None:
            says = [f"left out, {one['left_out']}" if "left_out" in one else "undefined"]
        yield "" if one["axis"] == axis else one["axis"], one["title"], value, ", ".join(says)
        axis = one["axis"]


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
