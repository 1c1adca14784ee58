r"""Lay a split's latents out in three dimensions for the viewer.

    python grounding/generate_latent_points.py \
        --config grounding/configs/5_asymmetric_resnet8_autoencoder.yaml \
        --split test --max-points 5000 --l2-normalize \
        --umap-n-neighbors 30 --umap-min-dist 0.1

Writes artifacts/<experiment name>_<split>_latent_points.json, the same as .safetensors,
and its images as ..._thumbnails.safetensors.
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry("points")
