r"""Train a convolutional autoencoder (`model.architecture: naive_conv`).

    python grounding/train_naive_covnet_autoencoder.py \
        --config grounding/configs/1_naive_covnet_autoencoder.yaml

Writes the checkpoint artifacts/<experiment name>_final.pt, one every
output.save_every_n_epochs epochs (..._epochXXX.pt), one line of metrics an epoch
(..._metrics.jsonl), and the manifest artifacts/<experiment name>.run.json.
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry("train", architectures=("naive_conv",))
