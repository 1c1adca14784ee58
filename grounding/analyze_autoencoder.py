"""Measure how well the nearest training latents name the test images.

    python grounding/analyze_autoencoder.py --config grounding/configs/0_naive_autoencoder.yaml

Writes the report artifacts/<experiment name>_analysis.txt (parameters, kNN accuracy, scores per
class) and the same numbers as JSON beside it.
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry("analyze")
