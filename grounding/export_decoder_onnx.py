r"""Export the decoder as ONNX, checked against PyTorch.

    python grounding/export_decoder_onnx.py \
        --config grounding/configs/5_asymmetric_resnet8_autoencoder.yaml

Writes artifacts/<experiment name>_decoder.onnx: latent (batch, D) -> reconstruction
(batch, C, H, W).
"""

from grounding.core.commands import main
from grounding.core.process import leave

if __name__ == "__main__":
    leave(main("export-decoder"))
