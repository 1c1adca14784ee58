"""What E∘D does to latents: how far it moves them. Callables and arrays in, numbers out."""

from grounding.dynamics.drift import regrounding_drift

__all__ = ["regrounding_drift"]
