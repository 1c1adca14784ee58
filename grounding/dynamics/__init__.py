"""What f = E∘D does to latents, once and again and again: callables and arrays in, numbers out.

`portrait(encode, decode, z)` measures all of it; each measure is a function of its own, too.
"""

from grounding.dynamics.attractors import (
    Attractors,
    attractors,
    class_counts,
    landmarks,
    normalized_mutual_information,
    purity,
)
from grounding.dynamics.drift import regrounding_drift
from grounding.dynamics.flow import Flow, Landmarks, flow, regrounding, scale_of, step_lengths
from grounding.dynamics.memorisation import memorisation, nearest_image
from grounding.dynamics.portrait import Portrait, gaussian, portrait
from grounding.dynamics.spectrum import eigenvalues, is_differentiable, jacobians
from grounding.dynamics.trails import Trails, trails

__all__ = [
    "Attractors",
    "Flow",
    "Landmarks",
    "Portrait",
    "Trails",
    "attractors",
    "class_counts",
    "eigenvalues",
    "flow",
    "gaussian",
    "is_differentiable",
    "jacobians",
    "landmarks",
    "memorisation",
    "nearest_image",
    "normalized_mutual_information",
    "portrait",
    "purity",
    "regrounding",
    "regrounding_drift",
    "scale_of",
    "step_lengths",
    "trails",
]
