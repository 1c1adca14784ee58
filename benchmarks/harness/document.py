"""The measured document: benchmarks.json, and what is drawn from it."""

from pathlib import Path
from typing import Any

from harness.chart import line_chart
from harness.table import markdown

from grounding._checksums import json_with_checksum, read_json
from grounding._errors import UserError
from grounding._files import replacing_together

DOCUMENT, TABLE, PICTURES = "benchmarks.json", "benchmarks.md", "benchmarks"
FORMAT = "grounding benchmarks 1"


def read(folder: Path) -> dict[str, Any]:
    """The document in a folder; one without answers if there is none."""
    path = folder / DOCUMENT
    return read_file(path) if path.exists() else {"format": FORMAT, "answers": {}}


def read_file(path: Path) -> dict[str, Any]:
    """A document, after checking its hash and its format.

    Raises:
        UserError: it cannot be read, is damaged or is something else.
    """
    try:
        values, _ = read_json(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        raise UserError(f"{path} is not JSON; measure again into another --output") from None
    if values.get("format") != FORMAT:
        raise UserError(f"{path} is not of the format {FORMAT!r}; measure into another --output")
    return values


def write(folder: Path, answers: dict[str, Any]) -> None:
    """Replace JSON, table and pictures in a folder, all together."""
    document = {"format": FORMAT, "answers": answers}
    files = {
        folder / DOCUMENT: json_with_checksum(document, indent=2),
        folder / TABLE: markdown(document).encode(),
    }
    for answer in answers.values():
        for curve in answer["curves"]:
            drawn = line_chart(answer["rows"], curve, answer["title"])
            if drawn:
                files[folder / PICTURES / f"{curve['name']}.svg"] = drawn.encode()
    with replacing_together(*files) as temporaries:
        for temporary, content in zip(temporaries, files.values(), strict=True):
            temporary.write_bytes(content)
