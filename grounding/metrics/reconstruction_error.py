"""The error of reconstructions, which the space brings along image by image."""

from torch import Tensor

from grounding import _registry as register


@register.metric(
    "test_reconstruction_error",
    title="reconstruction error",
    report="probes",
    axis="decoder",
    better="lower",
    tables=("index", "compare", "seeds"),
    place=80,
)
def _reconstruction_error(reconstruction_errors: Tensor) -> float:
    """Mean squared error of D(E(x)) over the test images."""
    return float(reconstruction_errors.double().mean())
