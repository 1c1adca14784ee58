"""Figures of the documents show the numbers that stand beside them."""

import importlib.util
import json
import re

from conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
SPEC = importlib.util.spec_from_file_location("draw", REPOSITORY / "tools" / "draw_few_images.py")
draw = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(draw)


def test_the_figure_of_a_hundred_images_shows_the_table_in_front_of_it():
    page = (DOCS / "few_images.md").read_text(encoding="utf-8").partition("](few_images.svg)")[0]
    table = re.findall(r"^\| ([^|]+) \| \d+ \| ([\d.]+ ± [\d.]+) ", page, flags=re.MULTILINE)
    values = [json.loads((DOCS / name).read_text()) for name in ("draws.json", "controls.json")]
    assert (DOCS / "few_images.svg").read_bytes() == draw.drawn(*values)
    shown = re.search(r"<dc:description>(.*?)</dc:description>", draw.drawn(*values).decode())[1]
    found = dict(re.findall(r"(?:: |; )([^;:]+?) ([\d.]+ ± [\d.]+)", shown))
    compared = [name for name, _ in table if name in found]
    assert len(compared) == len(found) == 10
    for name, printed in table:
        if name in found:
            told = [f"{float(number):.3f}" for number in found[name].split(" ± ")]
            assert " ± ".join(told) == printed, name
