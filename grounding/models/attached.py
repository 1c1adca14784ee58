"""`attached`: encoder and decoder as ONNX models, which somebody else has trained."""

from __future__ import annotations

import os
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from grounding import _registry as register
from grounding._errors import UserError
from grounding._registry import Settings
from grounding.models.autoencoder import Autoencoder

MAX_BYTES = 2**31 - 1  # of one ONNX file
MOST_NODES = 20_000  # of a graph that calls functions, with these in place of their calls
MOST_PARTS = 400_000  # fields of all messages of an ONNX file, each of which takes 100s of bytes


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
        gives: the shape of its answer to one input.
    """

    onnx: Tensor

    def __init__(self, size: int, gives: tuple[int, ...]) -> None:
        super().__init__()
        self.gives = gives
        self.register_buffer("onnx", torch.zeros(size, dtype=torch.uint8))
        self._session: Any = None

    def forward(self, batch: Tensor) -> Tensor:
        """The output (B, ...) float32 for a batch of inputs, on their device.

        Raises:
            UserError: the bytes are no ONNX model that can be run here, or that answers so.
        """
        inputs = batch.detach().to("cpu", torch.float32).contiguous().numpy()
        try:
            if self._session is None:
                self._session = onnx_session(self.file_bytes())
            (name,) = (one.name for one in self._session.get_inputs())
            found = torch.from_numpy(self._session.run(None, {name: inputs})[0])
        except Exception as error:  # onnxruntime raises classes of its own
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"an attached model cannot be run: {reason}") from None
        if (found.dtype, tuple(found.shape)) != (torch.float32, (len(batch), *self.gives)):
            raise UserError(
                f"an attached model gives {found.dtype} {tuple(found.shape)} for {len(batch)} "
                f"inputs, expected float32 {(len(batch), *self.gives)}; attach it again"
            )
        return found.to(batch.device)

    def file_bytes(self) -> bytes:
        """The ONNX file."""
        return self.onnx.cpu().numpy().tobytes()

    def __deepcopy__(self, memo: dict[int, Any]) -> OnnxModule:
        copied = OnnxModule(len(self.onnx), self.gives)
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
        OnnxModule(settings.encoder_bytes, (settings.latent_dim,)),
        OnnxModule(settings.decoder_bytes, image_shape)
        if settings.decoder_bytes
        else nn.Identity(),
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
        model = parsed_onnx(data)
        if any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
            raise ValueError("its weights are in another file")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # it would write a stranger's text to the terminal
        # Nor may a branch of the graph read files: those of the current folder, if nothing is said.
        folder = "session.model_external_initializers_file_folder_path"
        options.add_session_config_entry(folder, os.devnull)
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # protobuf and onnxruntime raise classes of their own
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"not an ONNX model that can be run here: {reason}") from None


def parsed_onnx(data: bytes) -> Any:
    """The `onnx.ModelProto` of an ONNX file, without weights that are in other files.

    Raises:
        ValueError: it is damaged, or what it says in few bytes takes much memory.
        Exception: it is none; protobuf raises classes of its own.
    """
    import onnx

    _check_parts(data, onnx.ModelProto.DESCRIPTOR)
    model = onnx.load_from_string(data)
    check_nodes(model)
    return model


def _check_parts(data: bytes, kind: Any) -> None:
    """Refuse a protocol buffer of so many fields that its parsed form is large.

    Args:
        data: the message; a field of two bytes takes up to 400 once it is parsed.
        kind: its descriptor, which tells what of it are messages.

    Raises:
        ValueError: it has more than `MOST_PARTS`, or is damaged.
    """
    parts, at, waiting = 0, 0, [(0, len(data), kind)]

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while shift < 70:
            byte = data[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value
        raise IndexError

    try:
        while waiting:
            at, end, kind = waiting.pop()
            while at < end:
                parts += 1
                if parts > MOST_PARTS:
                    raise ValueError(f"it has more than {MOST_PARTS:,} parts")
                tag = varint()
                size = {0: 0, 1: 8, 5: 4}.get(tag & 7, -1)
                if tag & 7 == 0:
                    varint()
                elif tag & 7 == 2:
                    size = varint()
                    field = kind.fields_by_number.get(tag >> 3)
                    if field is not None and field.message_type is not None:
                        waiting.append((at, at + size, field.message_type))
                at += size
                if size < 0 or at > end:
                    raise IndexError
    except IndexError:
        raise ValueError("it is damaged, or of another kind") from None


def check_nodes(model: Any) -> None:
    """Refuse an ONNX model whose functions call each other so often that it has no end.

    A function that calls another twice, and that one a third twice, and so on, stands for twice as
    many operators with every hundred bytes.

    Raises:
        ValueError: it stands for more than `MOST_NODES` operators, or a function calls itself.
    """
    functions = {(one.domain, one.name): one for one in model.functions}
    counted: dict[tuple[str, str], int] = {}

    def count(nodes: Any) -> int:
        total = 0
        for node in nodes:
            called = node.domain, node.op_type
            if called in functions:
                if called not in counted:
                    counted[called] = MOST_NODES + 1  # if it is called before it is counted
                    counted[called] = count(functions[called].node)
                total += counted[called]
            branches = (graph for of in node.attribute for graph in (of.g, *of.graphs))
            total += 1 + sum(count(graph.node) for graph in branches)
        return total

    if functions and (total := count(model.graph.node)) > MOST_NODES:
        raise ValueError(f"its functions stand for {total:,} operators; at most {MOST_NODES:,}")
