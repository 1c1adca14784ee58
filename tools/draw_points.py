"""Draw latent points of one or more runs side by side.

    grounding run --config 5
    grounding run --config 6
    python tools/draw_points.py

Writes docs/latent_spaces.svg from artifacts/*_latent_points.json: each point one test digit, seen
from the side on which the points spread most. One path for each digit keeps the file small.
"""

import argparse
import json
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from grounding._files import write_text
from grounding.export.picture import HEIGHT, WIDTH, scatter

# Okabe and Ito's eight colours, which colour-blind people can tell apart, and two more.
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
DOTS = "path{fill:none;stroke-width:6;stroke-linecap:round;stroke-opacity:.75}"


def main() -> None:
    """Draw the files named on the command line, or those of experiments 5 and 6."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="latent points (JSON)")
    parser.add_argument("--output", type=Path, default=Path("docs/latent_spaces.svg"))
    arguments = parser.parse_args()
    panels = {f.stem: f for f in arguments.files} or {k: Path(v) for k, v in DEFAULTS.items()}
    width, height = len(panels) * (WIDTH + GAP) - GAP, TITLE + HEIGHT + LEGEND
    colors = "".join(f".c{digit}{{stroke:{color}}}" for digit, color in enumerate(COLORS))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" text-anchor="middle">',
        f"<style>{DOTS}{colors}</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, (title, path) in enumerate(panels.items()):
        lines += panel(escape(title), path, number * (WIDTH + GAP))
    for digit, color in enumerate(COLORS):
        middle, below = width / 2 + (digit - 4.5) * 60, TITLE + HEIGHT + 30
        lines.append(f'<circle cx="{middle - 14:g}" cy="{below - 8}" r="8" fill="{color}"/>')
        lines.append(f'<text x="{middle + 8:g}" y="{below}" font-size="24">{digit}</text>')
    write_text(arguments.output, "\n".join([*lines, "</svg>"]) + "\n")
    print(f"wrote {arguments.output}")


def panel(title: str, path: Path, left: int) -> list[str]:
    """One run's points, with a title above."""
    values = json.loads(path.read_text(encoding="utf-8"))
    points = np.array(values["points"][:DRAWN], np.float32)
    labels = np.array(values["labels"][:DRAWN], np.int32)
    return [
        f'<text x="{left + WIDTH / 2:g}" y="40" font-size="30">{title}</text>',
        f'<g transform="translate({left} {TITLE})">',
        *(f'<path class="{kind}" d="{dots}"/>' for kind, dots in scatter(points, labels)),
        "</g>",
    ]


if __name__ == "__main__":
    main()
