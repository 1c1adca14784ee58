"""Numbers that a space brings along; nothing is left to calculate but a mean."""

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


@register.metric(
    "training_seconds",
    title="training",
    unit="s",
    report="",
    digits=1,
    better="lower",
    tables=("compare",),
    place=200,
)
def _training_seconds(training_seconds: float) -> float:
    """Seconds that the training took."""
    return training_seconds
