r"""Export the encoder as ONNX, checked against PyTorch.

    python grounding/export_encoder_onnx.py \
        --config grounding/configs/5_asymmetric_resnet8_autoencoder.yaml

Writes artifacts/<experiment name>_encoder.onnx: input (batch, C, H, W) -> latent (batch, D).
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry("export-encoder")
