r"""Train any model but vanilla_fc, with dropout and augmentations if asked for.

    python grounding/train_covnet.py \
        --config grounding/configs/5_asymmetric_resnet8_autoencoder.yaml

Writes the checkpoint artifacts/<experiment name>_final.pt, one every
output.save_every_n_epochs epochs (..._epochXXX.pt), one line of metrics an epoch
(..._metrics.jsonl), and the manifest artifacts/<experiment name>.run.json.
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry("train", but_not=("vanilla_fc",))
