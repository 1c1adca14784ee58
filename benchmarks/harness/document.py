"""The measured document: benchmarks.json, and the table and pictures that are made from it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import reference
from harness.chart import line_chart

from grounding._errors import UserError
from grounding._files import write_text

DOCUMENT, TABLE, PICTURES = "benchmarks.json", "benchmarks.md", "benchmarks"
FORMAT = "grounding benchmarks 1"
HEAD = """# Benchmarks

Every figure here was measured on one machine, beside a yardstick in the same process or the same
minute; wall times swing with the machine's other work, ratios much less. Medians, unless a section
says otherwise. `make bench` measures all of it again, and
`python benchmarks/suite.py --only NAME` one section: each is one file in `benchmarks/questions/`.
This file is written by that command from `benchmarks.json`: do not edit it.
"""
IDLE = 0.5  # load average up to which a machine counts as quiet

Answers = Mapping[str, Mapping[str, Any]]


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The answers in a document, by question; none if there is no such file.

    Raises:
        UserError: it cannot be read, or is something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}; measure into another --output") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f"{path} is not of the format {FORMAT!r}; measure into another --output")
    answers: dict[str, dict[str, Any]] = document["answers"]
    return answers


def write(folder: Path, answers: Answers) -> None:
    """Replace JSON, table and pictures in a folder."""
    document = {"format": FORMAT, "answers": answers}
    write_text(folder / DOCUMENT, json.dumps(document, indent=2, allow_nan=False) + "\n")
    write_text(folder / TABLE, markdown(answers))
    for answer in answers.values():
        for curve in answer["curves"]:
            if drawn := line_chart(answer["rows"], curve, answer["title"]):
                write_text(folder / PICTURES / f"{curve['name']}.svg", drawn)


def markdown(answers: Answers) -> str:
    """The whole table."""
    parts = [HEAD]
    machines = [answer["machine"] for answer in answers.values()]
    common = max(machines, key=machines.count, default={})
    if common:
        parts.append(f"Machine: {machine_line(common)}.\n")
    for title, text, rows in reference.SECTIONS:
        parts += [f"## {title}", "", text, "", *table(rows), ""]
    parts += [_section(answer, common) for answer in answers.values()]
    return "\n".join(parts)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a Markdown table with the columns of the first row; numbers to the right."""
    columns = list(rows[0])
    texts = [c for c in columns if any(isinstance(row[c], str) for row in rows)]
    rule = ["---" if c in texts else "---:" for c in columns]
    cells = [columns, rule, *([number(row[c]) for c in columns] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in cells]


def machine_line(machine: Mapping[str, Any]) -> str:
    """A machine in one line."""
    versions = ", ".join(f"{name} {held}" for name, held in machine["versions"].items() if held)
    memory = f", {machine['memory_gb']} GB" if machine["memory_gb"] else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads{memory}; "
        f"{machine['gpu'] or 'no GPU'}; {machine['system']}, Python {machine['python']}, {versions}"
    )


def number(value: Any) -> str:
    """A cell: three digits that count, thousands with commas, a dash for what is not there."""
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{round(value):,}"
    if value == 0:
        return "0"
    return f"{value:#.3g}".rstrip(".") if abs(value) >= 1e-4 else f"{value:.1e}"


def _section(answer: Mapping[str, Any], common: Mapping[str, Any]) -> str:
    measured = f"`{answer['command']}`, {answer['date']}, {number(answer['seconds'])} s."
    if answer["effort"] == "quick":
        measured += " This was a quick look: no figure of it counts."
    if (answer["load"] or 0) > IDLE:
        measured += f" The machine was busy with other work (load {number(answer['load'])})."
    lines = [f"## {answer['title']}", "", answer["text"], "", measured]
    if answer["machine"] != common:
        lines.append(f"On another machine: {machine_line(answer['machine'])}.")
    lines += [
        "",
        *(table(answer["rows"]) if answer["rows"] else ["No rows: no GPU was there."]),
        "",
    ]
    for curve in answer["curves"]:
        grown = "; ".join(f"{label} {fit:.2f}" for label, fit in curve["fits"].items())
        lines.append(f"![{answer['title']}]({PICTURES}/{curve['name']}.svg)")
        lines += ["", f"Exponents over {curve['x']}: {grown}.", ""]
    return "\n".join(lines)
