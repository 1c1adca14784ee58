"""How long a training took: a number that the space brings along."""

from grounding import _registry as register


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
