r"""Train a conv model (naive_conv, asymmetric_resnet, vgg), with augmentations if asked for.

    python grounding/train_covnet.py \
        --config grounding/configs/5_asymmetric_resnet8_autoencoder.yaml

Writes the checkpoint at output.checkpoint_path with its SHA-256, one every
output.save_every_n_epochs epochs (..._epochXXX.pt), and one line of metrics an epoch
(..._metrics.jsonl).
"""

from grounding.cli.commands import door

if __name__ == "__main__":
    door("train", architectures=("naive_conv", "asymmetric_resnet", "vgg"))
