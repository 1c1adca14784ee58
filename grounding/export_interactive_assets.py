r"""Export reference latents, their points and one sample per digit for the playground.

    python grounding/export_interactive_assets.py \
        --config grounding/configs/5_asymmetric_resnet8_autoencoder.yaml \
        --split test --max-points 3000 --l2-normalize \
        --umap-n-neighbors 30 --umap-min-dist 0.1 --projection-k 12

Writes artifacts/<experiment name>_<split>_interactive_assets.json, the same as .safetensors,
and its images as ..._thumbnails.safetensors.
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry("export-assets")
