"""Measure how well the nearest training latents name the test images.

    python grounding/analyze_autoencoder.py --config grounding/configs/0_naive_autoencoder.yaml

Writes a report at output.analysis_path (parameters, kNN accuracy, scores per class) and the same
numbers as JSON beside it.
"""

from grounding.cli.commands import door

if __name__ == "__main__":
    door("analyze")
