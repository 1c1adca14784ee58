"""Train a fully connected autoencoder (`model.architecture: vanilla_fc`).

    python grounding/train_naive_autoencoder.py --config grounding/configs/0_naive_autoencoder.yaml

Writes the checkpoint at output.checkpoint_path with its SHA-256, one every
output.save_every_n_epochs epochs (..._epochXXX.pt), and one line of metrics an epoch
(..._metrics.jsonl).
"""

from grounding.cli.commands import door

if __name__ == "__main__":
    door("train", architectures=("vanilla_fc",))
