r"""Measure a split's manifold metrics and the manifold score.

    python grounding/analyze_manifold.py \
        --config grounding/configs/5_asymmetric_resnet8_autoencoder.yaml --split test

Writes output.manifold_analysis_path, or artifacts/<experiment name>_manifold_metrics.json.
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry("manifold")
