"""What a question is: a file in benchmarks/questions/.

Its docstring is the section's heading, in the first line, and its text. `measure(effort)` returns
the rows: the same keys in each, units in the keys. `CURVES`, which it may have, says what to fit
and draw.
"""

import importlib
import inspect
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.machine import machine
from harness.measure import fitted_exponent

Row = dict[str, Any]

QUESTIONS = Path(__file__).parents[1] / "questions"


@dataclass(frozen=True)
class Effort:
    """How long a question may take: quick (seconds), standard (minutes) or full."""

    name: str = "standard"

    def pick(self, quick: Any, standard: Any, full: Any = None) -> Any:
        """The value for this effort; full is standard where nothing else is given."""
        values = {"quick": quick, "standard": standard, "full": standard if full is None else full}
        return values[self.name]


@dataclass(frozen=True)
class Curve:
    """Columns of a question's rows as lines over another column, both axes logarithmic.

    Attributes:
        name: of the picture's file.
        x: the column along which things grow.
        lines: columns that are drawn and whose growth is fitted.
        by: a column whose values have lines of their own.
    """

    name: str
    x: str
    lines: tuple[str, ...]
    by: str | None = None


def names() -> list[str]:
    """All questions there are."""
    return sorted(path.stem for path in QUESTIONS.glob("*.py"))


def answer(name: str, effort: str) -> dict[str, Any]:
    """Measure one question: title, text, rows, fitted curves, and the machine."""
    question = importlib.import_module(f"questions.{name}")
    title, _, text = inspect.cleandoc(question.__doc__ or "").partition("\n")
    rows: list[Row] = question.measure(Effort(effort))
    curves = [asdict(curve) for curve in getattr(question, "CURVES", ())]
    return {
        "title": title.rstrip("."),
        "text": text.strip(),
        "rows": rows,
        "curves": [{**curve, "fits": fits(rows, curve)} for curve in curves],
        "effort": effort,
        "machine": machine(),
    }


def series(rows: Sequence[Row], curve: Row) -> dict[str, tuple[list[float], list[float]]]:
    """Each line's x and y by its label; what is missing or 0 has no place on a logarithmic axis."""
    x, by = curve["x"], curve["by"]
    lines: dict[str, tuple[list[float], list[float]]] = {}
    for row in rows:
        for column in curve["lines"]:
            if row.get(x) and row.get(column):
                xs, ys = lines.setdefault(f"{row[by]}: {column}" if by else column, ([], []))
                xs.append(row[x])
                ys.append(row[column])
    return lines


def fits(rows: Sequence[Row], curve: Row) -> dict[str, float]:
    """The exponent of each line that has at least two points: y grows like x to its power."""
    return {
        label: fitted_exponent(xs, ys)
        for label, (xs, ys) in series(rows, curve).items()
        if len(set(xs)) > 1
    }
