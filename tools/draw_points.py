"""Draw latent points of one or more runs side by side.

    grounding run --config 5
    grounding run --config 6
    python tools/draw_points.py

Writes docs/latent_spaces.svg from artifacts/*_latent_points.json: each point one test digit, seen
from the side on which the points spread most.
"""

import argparse
import json
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from grounding._files import write_text
from grounding.export.picture import HEIGHT, WIDTH, scatter

# Okabe and Ito's eight colours, which colour-blind people can tell apart, and two greys.
COLORS = (
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442",
    "#0072b2", "#d55e00", "#cc79a7", "#999999", "#7a4b1e",
)  # fmt: skip
DEFAULTS = {
    "reconstruction": "artifacts/asymmetric_resnet8_autoencoder_test_latent_points.json",
    "contrastive": "artifacts/contrastive_autoencoder_test_latent_points.json",
}
DRAWN = 2000
TITLE, LEGEND, GAP = 60, 60, 20


def main() -> None:
    """Draw the files named on the command line, or those of experiments 5 and 6."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="latent points (JSON)")
    parser.add_argument("--output", type=Path, default=Path("docs/latent_spaces.svg"))
    arguments = parser.parse_args()
    panels = {f.stem: f for f in arguments.files} or {k: Path(v) for k, v in DEFAULTS.items()}
    width = len(panels) * WIDTH + (len(panels) - 1) * GAP
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {TITLE + HEIGHT + LEGEND}",
            "font-family": "sans-serif",
        },
    )
    SubElement(svg, "style").text = style()
    SubElement(svg, "rect", {"width": "100%", "height": "100%", "fill": "#fff"})
    for number, (title, path) in enumerate(panels.items()):
        values = json.loads(path.read_text(encoding="utf-8"))
        points = np.array(values["points"][:DRAWN], np.float32)
        labels = np.array(values["labels"][:DRAWN], np.int32)
        panel = scatter(points, labels, f"Latent points: {title}")
        left = number * (WIDTH + GAP)
        panel.attrib |= {"x": str(left), "y": str(TITLE), "width": str(WIDTH)}
        panel.set("height", str(HEIGHT))
        text(svg, title, left + WIDTH / 2, 40, 30)
        svg.append(panel)
    for digit in range(10):
        middle = width / 2 + (digit - 4.5) * 60
        height = TITLE + HEIGHT + 30
        dot = {"cx": f"{middle - 14:g}", "cy": str(height - 8), "r": "8", "fill": COLORS[digit]}
        SubElement(svg, "circle", dot)
        text(svg, str(digit), middle + 8, height, 24)
    indent(svg)
    write_text(arguments.output, tostring(svg, encoding="unicode") + "\n")
    print(f"wrote {arguments.output}")


def style() -> str:
    """One colour for each digit, on round dots."""
    classes = "".join(f".c{digit}{{stroke:{color}}}" for digit, color in enumerate(COLORS))
    return f"path{{fill:none;stroke-width:6;stroke-linecap:round;stroke-opacity:.75}}{classes}"


def text(svg: Element, words: str, x: float, y: float, size: int) -> None:
    """Words centred at x."""
    place = {"x": f"{x:g}", "y": f"{y:g}", "font-size": str(size), "text-anchor": "middle"}
    SubElement(svg, "text", place).text = words


if __name__ == "__main__":
    main()
