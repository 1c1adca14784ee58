"""What the profile of a latent space holds of its dynamics: one number for each measure."""

from torch import Tensor

from grounding import _registry as register
from grounding.dynamics.portrait import Portrait

FOLLOWED = 750  # test images of a run


@register.metric(
    "safe_horizon",
    axis="dynamics",
    unit="steps",
    digits=0,
    better="higher",
    tables=("index", "compare", "seeds"),
    sample=FOLLOWED,
    place=91,
)
def _safe_horizon(dynamics: Portrait, train_labels: Tensor, test_labels: Tensor) -> float:  # noqa: ARG001
    """How often latents can be decoded and encoded for 0.01 of kNN accuracy."""
    return dynamics.safe_horizon


@register.metric(
    "attractors",
    axis="dynamics",
    digits=0,
    tables=("index",),
    sample=FOLLOWED,
    place=92,
)
def _attractors(dynamics: Portrait) -> float:
    """How many attractors the test images reach under E(D(z))."""
    return float(dynamics.reached_from_images)


@register.metric(
    "effective_attractors",
    axis="dynamics",
    digits=1,
    tables=(),
    sample=FOLLOWED,
    place=93,
)
def _effective_attractors(dynamics: Portrait) -> float:
    """How many attractors of equal basins would be as mixed."""
    return dynamics.attractors.effective_number


@register.metric(
    "memorisation",
    axis="dynamics",
    digits=2,
    better="lower",
    tables=(),
    sample=FOLLOWED,
    place=94,
)
def _memorisation(dynamics: Portrait) -> float:
    """Share of attractors nearer to training images than to as many fresh ones, 0.5 is chance."""
    return dynamics.memorisation


@register.metric(
    "spectral_radius",
    axis="dynamics",
    digits=2,
    better="lower",
    tables=("index",),
    sample=64,
    place=95,
)
def _spectral_radius(dynamics: Portrait) -> float:
    """By how much E(D(z)) stretches the direction it stretches most, at test latents."""
    return float(dynamics.radii_at_data.mean())
