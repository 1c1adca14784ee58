"""Numbers that a space brings along; nothing is left to calculate but a mean."""

from torch import Tensor

from grounding import _registry as register


@register.metric(
    "test_reconstruction_error",
    title="reconstruction error",
    report="probes",
    better="lower",
    place=40,
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
    place=50,
)
def _training_seconds(training_seconds: float) -> float:
    """Seconds that the training took."""
    return training_seconds
