r"""Train a convolutional autoencoder (`model.architecture: naive_conv`).

    python grounding/train_naive_covnet_autoencoder.py \
        --config grounding/configs/1_naive_covnet_autoencoder.yaml

Writes the checkpoint at output.checkpoint_path with its SHA-256, one every
output.save_every_n_epochs epochs (..._epochXXX.pt), and one line of metrics an epoch
(..._metrics.jsonl).
"""

from grounding.cli.commands import door

if __name__ == "__main__":
    door("train", architectures=("naive_conv",))
