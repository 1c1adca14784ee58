"""What f = E∘D does to the latents of a run: numbers, figures, and arrays for the pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grounding._progress import progress_bar
from grounding.data import to_bytes, to_unit
from grounding.data.stored import sample
from grounding.dynamics import Portrait, Trails, nearest_image, regrounding, step_lengths, trails
from grounding.dynamics.flow import Map
from grounding.dynamics.memorisation import Nearest
from grounding.dynamics.portrait import LOSS
from grounding.export.arrays import Array, browser_files
from grounding.export.points import placed
from grounding.export.portrait import gallery_figure, retention_figure, spectrum_figure
from grounding.export.report import text_table
from grounding.metrics import nearest
from grounding.metrics.arrays import as_tensor
from grounding.metrics.novelty import auroc_by_kind, odd_images
from grounding.runs.artifacts import LeftOut, Made, Output, made_from
from grounding.runs.exporting import ASSETS, PROJECTION_K, embedding_of
from grounding.runs.run import FOLLOWED, GAUSSIAN_STARTS, SHOWN, Run

ODD_IMAGES = 80  # of each kind, and as many real ones
PATH_LENGTH = 20

CODE = (
    *("dynamics", "metrics", "projection", "export.arrays", "export.points"),
    *("export.portrait", "export.figures"),
)


def dynamics_output(run: Run, path: Path, images: int = FOLLOWED) -> Output:
    """The phase portrait of a run: JSON, arrays for the pages, and three figures as SVG and PNG.

    docs/dynamics.md says what each key of the JSON and each of the arrays is.

    Args:
        run: with a trained decoder.
        path: of the JSON.
        images: test images whose latents are followed, at most.
    """
    settings = run.experiment.analysis
    options = {
        "images": images,
        "gaussian_starts": GAUSSIAN_STARTS,
        "odd_images": ODD_IMAGES,
        "k": settings.k,
        "metric": settings.metric,
        "test_samples": len(run.splits.test),
    }

    def make(head: Mapping[str, Any]) -> Made:
        if run.without_dynamics:
            raise LeftOut(run.without_dynamics)
        with progress_bar("following latents") as bar:
            found = run.dynamics(images, progress=bar.set)
        with progress_bar("following references") as bar:
            further = trails_of_others(run, found, images, bar.set)
        values = {**numbers(run, found), "novelty": novelty(run)}
        shown, of_others = page_arrays(run, found, further, images)
        values["gallery"] += of_others
        files = browser_files(path, {**head, "split": "test", **values}, more=shown)
        names = run.splits.class_names
        figures = {"retention": retention_figure(found), "spectrum": spectrum_figure(found)}
        if len(found.attractors):
            figures["attractors"] = gallery_figure(found, sample(run.splits.train.images), names)
        for name, formats in figures.items():
            for kind, data in formats.items():
                files[path.with_name(f"{path.stem}_{name}.{kind}")] = data
        return Made(files, "\n".join(said(values)), {"split": "test"})

    made = made_from(run, options, *CODE, "runs.dynamics")
    return Output("dynamics", path, made, make)


def numbers(run: Run, found: Portrait) -> dict[str, Any]:
    """What the JSON says of a portrait."""
    settings, reached, flow = run.experiment.analysis, found.attractors, found.flow
    return {
        "images": found.images,
        "gaussian_starts": len(flow.steps) - found.images,
        "steps": len(flow.speeds),
        "scale": flow.scale,
        "speed": [number(v) for v in flow.speeds.tolist()],
        "times": list(found.times),
        "knn_accuracy": list(found.accuracies) or None,
        "k": min(settings.k, len(run.splits.train)),
        "metric": settings.metric,
        "safe_horizon": number(found.safe_horizon),
        "safe_loss": LOSS,
        "converged": found.converged,
        "cycling": found.cycling,
        "diverging": found.diverging,
        "median_steps": number(found.median_steps),
        "attractors": found.reached_from_images,
        "attractors_from_gaussian": len(found.reached_from_gaussian),
        "attractors_in_all": len(reached),
        "effective_attractors": reached.effective_number,
        "purity": number(found.purity),
        "normalized_mutual_information": number(found.mutual_information),
        "memorisation": number(found.memorisation),
        "memorisation_images": found.compared,
        "spectral_radius": {
            "derivative": found.derivative,
            "test_latents": _radii(found.radii_at_data),
            "at_attractors": _radii(found.radii_at_attractors),
        },
        "gallery": [_described(run, found, which) for which in range(len(reached))],
    }


def novelty(run: Run) -> dict[str, Any]:
    """How well the flow tells odd images from real ones, beside the distance to the references."""
    count = min(ODD_IMAGES, len(run.splits.test))
    if count < 2:
        return {"odd_images": count, "path_steps": PATH_LENGTH, "auroc": {}, "mean_auroc": {}}
    chosen = torch.arange(count) * len(run.splits.test) // count
    labels = run.splits.test.labels
    real = to_unit(run.splits.test.images[chosen])
    odd = odd_images(real, None if labels is None else labels[chosen], run.experiment.seed)
    f = _map_of(run)
    references, metric = as_tensor(run.latents_of("train")), run.experiment.analysis.metric

    def scores(images: Tensor) -> dict[str, Tensor]:
        z = as_tensor(run.encode(images.to(run.device)))
        lengths = step_lengths(f, z, PATH_LENGTH)
        return {
            "reference_distance": nearest(z, references, 1, metric=metric).distances[:, 0],
            "first_step": lengths[0],
            "path_length": lengths.sum(dim=0),
        }

    of_real = scores(real)
    of_odd = {kind: scores(images) for kind, images in odd.items()}
    found = {
        score: auroc_by_kind(values, {kind: of_kind[score] for kind, of_kind in of_odd.items()})
        for score, values in of_real.items()
    }
    means = {score: sum(kinds.values()) / len(kinds) for score, kinds in found.items()}
    return {"odd_images": count, "path_steps": PATH_LENGTH, "auroc": found, "mean_auroc": means}


def _map_of(run: Run) -> Map:
    return regrounding(run.model.encode, lambda z: run.model.decode(z.to(run.device)))


def trails_of_others(
    run: Run, found: Portrait, images: int, progress: Callable[[int, int], None] | None = None
) -> Trails:
    """Where those references of the playground go that the portrait has not followed."""
    shown, followed = run.followed(SHOWN), run.followed(images)
    others = shown[~torch.isin(shown, followed)]
    f = _map_of(run)
    return trails(f, as_tensor(run.latents_of("test", others)).clone(), found, progress)


def page_arrays(
    run: Run, found: Portrait, further: Trails, images: int
) -> tuple[dict[str, Array], list[dict[str, Any]]]:
    """What a page needs to show where the references of the playground go.

    Also what the gallery says of attractors that none of those reach whom the portrait follows.
    """
    embedding = embedding_of(run, "test", ASSETS)
    k = min(PROJECTION_K, len(embedding.indices))
    mine = torch.isin(embedding.indices, run.followed(images))
    reached, others, training = found.attractors, further.others, run.splits.train

    def merged(of_portrait: Tensor, of_others: Tensor) -> Tensor:
        both = of_portrait.new_empty(len(mine), *of_portrait.shape[1:])
        both[mine], both[~mine] = of_portrait, of_others
        return both

    paths = merged(found.paths.transpose(0, 1), further.paths.transpose(0, 1))
    places = torch.cat((reached.places, others.places))
    drawn, stored = [found.pictures], [found.nearest_training]
    if len(others):
        drawn.append(run.decoded(others.places).cpu())
        stored.append(nearest_image(drawn[1], sample(training.images)) if len(training) else None)
    arrays = {
        "reference": np.arange(len(mine), dtype=np.int32),
        "reference_points": embedding.points,
        "reference_attractor": _int32(merged(reached.members[: found.images], further.members)),
        "reference_steps": _int32(merged(found.flow.steps[: found.images], further.steps)),
        "reference_path": placed(paths.flatten(0, 1), embedding, k).reshape(*paths.shape[:2], 3),
        "attractor_latents": places.float().cpu().numpy(),
        "attractor_points": placed(places, embedding, k),
        "attractor_images": _bytes(torch.cat(drawn)),
        "attractor_counts": _int32(torch.cat((reached.counts, torch.zeros(len(others)).long()))),
        "attractor_periods": _int32(torch.cat((reached.periods, others.periods))),
        "eigenvalues_at_data": _real_and_imaginary(found.at_data),
        "eigenvalues_at_attractors": _real_and_imaginary(found.at_attractors),
    }
    nearest_ones = [one.indices for one in stored if one is not None]
    if nearest_ones:
        images_of = to_unit(training.images[torch.cat(nearest_ones)])
        arrays["attractor_nearest_images"] = _bytes(images_of)
    described = [
        {
            "share": 0.0,
            "period": int(others.periods[which]),
            "from_gaussian": False,
            **({} if found.basins is None else {"classes": {}}),
            **_nearest(run, stored[1], which),
        }
        for which in range(len(others))
    ]
    return arrays, described


def said(values: Mapping[str, Any]) -> list[str]:
    """What a person reads of it."""
    radius = values["spectral_radius"]["test_latents"]
    rows = [
        ("safe horizon", _shown(values["safe_horizon"], 0), "steps that cost 0.01 of kNN accuracy"),
        ("settled", f"{values['converged']:.3f}", f"share, by step {values['steps']}"),
        ("in a cycle", f"{values['cycling']:.3f}", "share"),
        ("diverging", f"{values['diverging']:.3f}", "share"),
        ("steps to settle", _shown(values["median_steps"], 0), "median of those that settle"),
        ("attractors", str(values["attractors"]), "reached from test images"),
        ("effective number", f"{values['effective_attractors']:.1f}", "of equal basins"),
        ("basin purity", _shown(values["purity"], 3), "share of the basin's largest class"),
        ("mutual information", _shown(values["normalized_mutual_information"], 3), "normalised"),
        ("memorisation", _shown(values["memorisation"], 3), "0.5 is chance"),
        ("spectral radius", _shown(radius["mean"], 3), "mean at test latents"),
        ("below 1", _shown(radius["contracting"], 3), "share of test latents"),
    ]
    for score, value in values["novelty"]["mean_auroc"].items():
        rows.append((f"novelty, {score.replace('_', ' ')}", f"{value:.3f}", "mean AUROC"))
    return text_table("lrl", ("dynamics of E(D(z))", "value", ""), rows)


def _described(run: Run, found: Portrait, which: int) -> dict[str, Any]:
    """One attractor."""
    reached = found.attractors
    one: dict[str, Any] = {
        "share": number(float(reached.shares[which])),
        "period": int(reached.periods[which]),
        "from_gaussian": which in found.reached_from_gaussian.tolist(),
    }
    if found.basins is not None and found.classes is not None:
        of_class = zip(found.classes.tolist(), found.basins[which].tolist(), strict=True)
        one["classes"] = {str(label): count for label, count in of_class if count}
    one |= _nearest(run, found.nearest_training, which)
    if which < len(found.radii_at_attractors):
        one["spectral_radius"] = number(float(found.radii_at_attractors[which]))
    return one


def _nearest(run: Run, found: Nearest | None, which: int) -> dict[str, Any]:
    """The training image that is nearest to the picture of one attractor."""
    if found is None:
        return {}
    image, labels = int(found.indices[which]), run.splits.train.labels
    return {
        "nearest_training_image": image,
        "nearest_training_label": None if labels is None else int(labels[image]),
        "nearest_training_distance": float(found.distances[which]),
    }


def _int32(values: Tensor) -> Array:
    return values.numpy().astype(np.int32)


def _bytes(images: Tensor) -> Array:
    """(N, C * H * W) uint8 of images in [0, 1]."""
    return to_bytes(images.flatten(1)).cpu().numpy()


def _radii(radii: Tensor) -> dict[str, Any]:
    """Spectral radii, less those at which there is none."""
    finite = radii[radii.isfinite()]
    return {
        "count": len(finite),
        "mean": number(float(finite.mean())),
        "contracting": number(float((finite < 1).double().mean())),
    }


def _real_and_imaginary(values: Tensor) -> Array:
    """(N, D, 2) float32; 0 for those that are not finite."""
    return torch.view_as_real(values).nan_to_num(0, 0, 0).float().numpy()


def number(value: float) -> float | None:
    """A number for JSON, which knows no NaN."""
    return value if math.isfinite(value) else None


def _shown(value: float | None, digits: int) -> str:
    return "undefined" if value is None else f"{value:.{digits}f}"
