r"""Export the decoder as ONNX, checked against PyTorch.

    python grounding/export_decoder_onnx.py \
        --config grounding/configs/5_asymmetric_resnet8_autoencoder.yaml

Writes artifacts/<experiment name>_decoder.onnx: latent (batch, D) -> reconstruction
(batch, C, H, W).
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry("export-decoder")
