"""What a person reads after an analysis: the text report and the result tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from grounding.metrics.classification import ClassScore

MANIFOLD_NOTES = {
    "knn_test_accuracy": "share of test images named right by their nearest training latents",
    "silhouette": "own class against the nearest other class, -1 to 1",
    "davies_bouldin": "overlap of classes, 0 is best",
    "calinski_harabasz": "between against within classes, not scored",
    "trustworthiness": "neighbours in latent space that are neighbours in pixels, 0 to 1",
    "continuity": "neighbours in pixels that are neighbours in latent space, not scored",
    "neighbor_label_agreement": "share of nearest latents with the same label",
    "fisher_ratio": "between-class over within-class scatter",
}


def analysis_text(
    *,
    experiment: str,
    checkpoint: str,
    parameters: tuple[int, int],
    accuracy: float,
    knn: str,
    classes: Sequence[ClassScore],
) -> str:
    """The report of the kNN analysis.

    Args:
        experiment: its name.
        checkpoint: path of the checkpoint.
        parameters: (total, trainable).
        accuracy: kNN accuracy, 0 to 1.
        knn: how it was measured, e.g. "k = 5, euclidean, 100 train -> 10000 test".
        classes: one score a class.
    """
    total, trainable = parameters
    head = [
        f"experiment            {experiment}",
        f"checkpoint            {checkpoint}",
        f"total parameters      {total}",
        f"trainable parameters  {trainable}",
        f"kNN accuracy          {accuracy:.4f}  ({knn})",
    ]
    rows = [
        (str(label), f"{c.precision:.4f}", f"{c.recall:.4f}", f"{c.f1:.4f}", str(c.support))
        for label, c in enumerate(classes)
    ]
    table = text_table("lrrrr", ("class", "precision", "recall", "f1", "support"), rows)
    return "\n".join([*head, "", *table]) + "\n"


def manifold_lines(document: Mapping[str, Any]) -> list[str]:
    """A table of manifold metrics with what each one means, and the score.

    Args:
        document: of the manifold analysis: `metrics`, `manifold_score` and, if some of them are
            estimated, `estimate`.
    """
    estimate = document.get("estimate")
    margins = estimate["margins"] if estimate else {}
    rows = [
        (
            name,
            "undefined" if value is None else f"{value:.4f}",
            f"+- {margins[name]:.4f}" if name in margins else "",
            MANIFOLD_NOTES[name],
        )
        for name, value in document["metrics"].items()
    ]
    margin = f"+- {estimate['manifold_score_margin']:.1f}" if estimate else ""
    rows.append(("manifold score", f"{document['manifold_score']:.1f}", margin, "of 100"))
    if not estimate:
        return text_table("lrl", ("metric", "value", ""), [(*row[:2], row[3]) for row in rows])
    return [
        *text_table("lrll", ("metric", "value", "", ""), rows),
        "",
        f"+- values are estimated from {estimate['anchors']:,} anchors of "
        f"{estimate['points']:,} images, each against all; {estimate['confidence']:.0%} confidence",
    ]


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
