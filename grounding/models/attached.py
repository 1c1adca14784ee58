"""`attached`: encoder and decoder as ONNX models, which somebody else has trained."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from grounding import _registry as register
from grounding._registry import Settings
from grounding.models.autoencoder import Autoencoder

MAX_BYTES = 2**31 - 1  # of one ONNX file


class AttachedSettings(Settings):
    """Settings of `attached`; `grounding attach` writes them."""

    latent_dim: Annotated[int, Field(ge=1, le=4096)]
    """Numbers in one latent vector."""
    encoder_bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)]
    """Size of the encoder's ONNX model."""
    decoder_bytes: Annotated[int, Field(ge=0, le=MAX_BYTES)] = 0
    """Size of the decoder's ONNX model; 0 without a decoder."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = "0" * 64
    """Of both ONNX models, one after the other: which model it is."""
    parameters: Annotated[int, Field(ge=0)] = 0
    """Numbers that were trained, encoder and decoder together."""


class OnnxModule(nn.Module):
    """An ONNX model of one input and one output as a module; it has no gradient.

    Attributes:
        onnx: uint8 (bytes,), the model's file.
    """

    onnx: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("onnx", torch.zeros(size, dtype=torch.uint8))
        self._session: Any = None

    def forward(self, batch: Tensor) -> Tensor:
        """The output (B, ...) float32 for a batch of inputs, on their device.

        Raises:
            ValueError: the bytes are no ONNX model that can be run here.
        """
        if self._session is None:
            self._session = onnx_session(self.file_bytes())
        (name,) = (one.name for one in self._session.get_inputs())
        inputs = batch.detach().to("cpu", torch.float32).contiguous().numpy()
        (found, *_) = self._session.run(None, {name: inputs})
        return torch.from_numpy(found).to(batch.device)

    def file_bytes(self) -> bytes:
        """The ONNX file."""
        return self.onnx.cpu().numpy().tobytes()

    def __deepcopy__(self, memo: dict[int, Any]) -> OnnxModule:
        copied = OnnxModule(len(self.onnx))
        copied.onnx.copy_(self.onnx)
        return copied


class Attached(Autoencoder):
    """An autoencoder that was trained elsewhere.

    Attributes:
        parameter_count: numbers that were trained.
    """

    parameter_count: int


@register.model("attached", settings=AttachedSettings, trains=False)
def attached(
    image_shape: tuple[int, int, int], settings: AttachedSettings, *, dropout: float = 0.0
) -> Autoencoder:
    """Encoder and decoder of your own, from `grounding attach`; cannot be trained here.

    Args:
        image_shape: (C, H, W).
        settings: D and how large the two ONNX models are.
        dropout: has no effect.
    """
    del dropout
    model = Attached(
        OnnxModule(settings.encoder_bytes),
        OnnxModule(settings.decoder_bytes) if settings.decoder_bytes else nn.Identity(),
        image_shape=image_shape,
        latent_dim=settings.latent_dim,
    )
    model.parameter_count = settings.parameters
    return model


def onnx_session(data: bytes) -> Any:
    """An onnxruntime session on the CPU of an ONNX file that needs no other file.

    Raises:
        ValueError: it is none; says why.
    """
    import onnx
    import onnxruntime

    try:
        model = onnx.load_from_string(data)
        if any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
            raise ValueError("its weights are in another file")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # protobuf and onnxruntime raise classes of their own
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"not an ONNX model that can be run here: {reason}") from None
