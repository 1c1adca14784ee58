"""Latents in three dimensions."""

from grounding.projection.aligned import laid_on
from grounding.projection.components import principal_components
from grounding.projection.layout import Layout, layout
from grounding.projection.umap import umap_embedding

__all__ = ["Layout", "laid_on", "layout", "principal_components", "umap_embedding"]
