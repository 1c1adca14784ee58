"""A report as one HTML file: text, tables and pictures that need no network and run nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from jinja2 import Environment, FileSystemLoader, Template

from grounding.export.picture import data_url


class Picture(NamedTuple):
    """A picture of a report.

    Attributes:
        kind: "svg" for a drawing; "png" for images whose pixels are to be seen.
        data: the bytes of the file.
        alt: what it shows, for whoever does not see it.
        caption: what stands below it.
        width: of a PNG, in pixels of the page, at most.
    """

    kind: Literal["svg", "png"]
    data: bytes
    alt: str
    caption: str = ""
    width: int = 900

    @property
    def address(self) -> str:
        """The file as a data URL."""
        return data_url(self.kind, self.data)


class Table(NamedTuple):
    """A table of a report; `numbers` are the columns that are flush right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()


@dataclass(frozen=True)
class Section:
    """One section: paragraphs, then tables, pictures and code."""

    title: str
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    code: Sequence[str] = field(default=())


def report_page(title: str, lines: Sequence[str], sections: Sequence[Section]) -> bytes:
    """The report as HTML, UTF-8.

    Args:
        title: what it is of.
        lines: facts below the title.
        sections: in their order.
    """
    page = _template().render(title=title, lines=lines, sections=sections)
    return page.encode("utf-8", "replace")


@cache
def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(loader=folder, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("report.html.j2")
