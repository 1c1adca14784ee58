"""From the measured document to docs/benchmarks.md; it knows nothing but the document."""

from typing import Any

HEAD = """# Benchmarks

Every figure here was measured on one machine, beside a yardstick in the same process or the same
minute; wall times swing with the machine's other work, ratios much less. Medians, unless a section
says otherwise. `make bench` measures all of it again, and
`python benchmarks/suite.py --only NAME` one section: each is one file in `benchmarks/questions/`.
This file is written by that command from `benchmarks.json`: do not edit it.
"""
IDLE = 0.5  # load average up to which a machine counts as quiet
NOTHING = "Nothing has been measured yet: `make bench`.\n"


def markdown(document: dict[str, Any]) -> str:
    """The whole file."""
    answers = document["answers"]
    if not answers:
        return f"{HEAD}\n{NOTHING}"
    common = _commonest([answer["machine"] for answer in answers.values()])
    parts = [HEAD, f"Machine: {machine_line(common)}.\n"]
    parts += [_section(answer, common) for answer in answers.values()]
    return "\n".join(parts)


def machine_line(machine: dict[str, Any]) -> str:
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


def _section(answer: dict[str, Any], common: dict[str, Any]) -> str:
    lines = [f"## {answer['title']}", "", answer["text"], ""]
    quick = " This was a quick look: no figure of it counts." if answer["effort"] == "quick" else ""
    busy = ""
    if (answer["load"] or 0) > IDLE:
        busy = f" The machine was busy with other work (load {number(answer['load'])})."
    lines.append(
        f"`{answer['command']}`, {answer['date']}, {number(answer['seconds'])} s.{quick}{busy}"
    )
    if answer["machine"] != common:
        lines.append(f"On another machine: {machine_line(answer['machine'])}.")
    lines.append("")
    if not answer["rows"]:
        device = "no GPU was there" if not answer["machine"]["gpu"] else "nothing was measured"
        lines.append(f"No rows: {device}.\n")
    else:
        lines += _table(answer["rows"])
        lines.append("")
    for curve in answer["curves"]:
        lines.append(f"![{answer['title']}]({picture(curve)})")
        grown = "; ".join(f"{label} {fit:.2f}" for label, fit in curve["fits"].items())
        lines += ["", f"Exponents over {curve['x']}: {grown}.", ""]
    return "\n".join(lines)


def picture(curve: dict[str, Any]) -> str:
    """Where a curve's picture lies, seen from the table."""
    return f"benchmarks/{curve['name']}.svg"


def _table(rows: list[dict[str, Any]]) -> list[str]:
    columns = list(rows[0])
    texts = [c for c in columns if any(isinstance(row[c], str) for row in rows)]
    rule = ["---" if c in texts else "---:" for c in columns]
    cells = [columns, rule, *([number(row[c]) for c in columns] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in cells]


def _commonest(machines: list[dict[str, Any]]) -> dict[str, Any]:
    return max(machines, key=machines.count)
