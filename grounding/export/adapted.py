"""Encoders and decoders that were trained elsewhere, as ONNX models in the form of our own.

An encoder takes images (B, C, H, W) in [0, 1] and gives latents (B, D); a decoder takes those and
gives such images. What a model of somebody else wants besides - normalised pixels, channels last,
another float type, latents that are maps - becomes part of its ONNX model, so that nobody has to
know of it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from grounding._errors import UserError
from grounding._files import open_regular
from grounding._paths import given_path
from grounding.export.onnx import NAMES, Half, onnx_model
from grounding.models.attached import MAX_BYTES, onnx_session, parsed_onnx

OLDEST_OPSET = 13
TOLERANCE = 1e-3  # between an image alone and the same image in a batch, relative to the largest

Shape = tuple[int, ...]


def adapted(
    model: nn.Module | str | Path,
    half: Half,
    images: Tensor,
    *,
    latent_shape: Shape = (),
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
) -> tuple[bytes, Shape]:
    """One half of an autoencoder as an ONNX model in our form.

    Args:
        model: a module, or the file of an ONNX model, with one input and one output; of several
            outputs the first is taken.
        half: which half it is.
        images: float32 (N, C, H, W) in [0, 1], some of those that it is for.
        latent_shape: of a decoder, what its encoder's latent looks like without the batch.
        mean: pixels are normalised as (x - mean) / std for the encoder, and back after the decoder;
            one number, or one for each channel.
        std: see `mean`; none of them 0.

    Returns:
        The ONNX file, and the shape of one latent as the model has it, e.g. (64, 4, 4).

    Raises:
        UserError: it cannot be used; says what it wants and what it gets.
    """
    channels = images.shape[1]
    pixels = [torch.tensor(values, dtype=torch.float32) for values in (mean, std)]
    for name, values in zip(("mean", "std"), pixels, strict=True):
        if values.numel() not in (1, channels) or not values.isfinite().all():
            raise UserError(
                f"{name} {values.tolist()} must be one finite number, or one for each of the "
                f"{channels} channels"
            )
    if (pixels[1] == 0).any():
        raise UserError("std must not be 0")
    shaped = [values.reshape(1, -1, 1, 1) for values in pixels]
    if isinstance(model, nn.Module):
        return _of_module(model, half, images, latent_shape, *shaped)
    return _of_file(given_path(model), half, images, latent_shape, *shaped)


class _Encoder(nn.Module):
    mean: Tensor
    std: Tensor

    def __init__(self, module: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, images: Tensor) -> Tensor:
        return _first(self.module((images - self.mean) / self.std)).flatten(1)


class _Decoder(nn.Module):
    mean: Tensor
    std: Tensor

    def __init__(
        self, module: nn.Module, latent: Shape, image: Shape, mean: Tensor, std: Tensor
    ) -> None:
        super().__init__()
        self.module, self.latent, self.image = module, latent, image
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, latents: Tensor) -> Tensor:
        drawn = _first(self.module(latents.reshape(-1, *self.latent)))
        return (drawn.reshape(-1, *self.image) * self.std + self.mean).clamp(0, 1)


def _first(output: Any) -> Tensor:
    """The first of several outputs, e.g. the mean of a variational encoder."""
    tensor: Tensor = output[0] if isinstance(output, tuple | list) else output
    return tensor


def _of_module(
    module: nn.Module, half: Half, images: Tensor, latent: Shape, mean: Tensor, std: Tensor
) -> tuple[bytes, Shape]:
    module = module.eval()
    where = next((p.device for p in module.parameters()), torch.device("cpu"))
    try:
        with torch.inference_mode():
            if half == "encoder":
                given = (images[:2] - mean) / std
                latent = tuple(_first(module(given.to(where))).shape[1:])
                wrapped: nn.Module = _Encoder(module, mean, std)
                examples = images
            else:
                wrapped = _Decoder(module, latent, tuple(images.shape[1:]), mean, std)
                draws = torch.Generator().manual_seed(0)
                examples = torch.randn(len(images), prod(latent), generator=draws)
                wrapped.to(where)(examples[:2].to(where))
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"the {half} cannot take {_inputs(half, images, latent)}: {_line(error)}"
        ) from None
    _check_latent(latent)
    data, _ = onnx_model(wrapped, examples, half, {})
    _check(data, half, images, latent, "the module")
    return data, latent


def _of_file(
    path: Path, half: Half, images: Tensor, latent: Shape, mean: Tensor, std: Tensor
) -> tuple[bytes, Shape]:
    import onnx

    if not path.is_file():
        raise UserError(f"{half} {path} does not exist, or is no file")
    try:
        with open_regular(path, MAX_BYTES) as file:
            model = parsed_onnx(file.read())
        _load_beside(model, path.parent)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and onnx raise classes of their own
        raise UserError(f"{half} {path} is not an ONNX model: {_line(error)}") from None
    opset = max((one.version for one in model.opset_import if not one.domain), default=0)
    if opset < OLDEST_OPSET:
        raise UserError(
            f"{half} {path} has opset {opset}; export it again with opset {OLDEST_OPSET} or newer"
        )
    weights = {one.name for one in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs) or "none"
        raise UserError(f"{half} {path} must have one input, it has {names}")
    takes, image = _shape_of(inputs[0])[1:], tuple(images.shape[1:])
    if half == "encoder":
        choices = [image, (prod(image),), (*image[1:], image[0])]
    else:
        own = tuple(size or 0 for size in takes)
        choices = [(prod(latent),), latent, *([own] if prod(own) == prod(latent) else [])]
    fits = [shape for shape in choices if _fits(takes, shape)]
    if not fits:
        given = (
            f"images are {_times(image)}" if half == "encoder" else f"latents are {_times(latent)}"
        )
        raise UserError(f"{half} {path} takes {_times(takes)}, but the {given}")
    data = _joined(model, half, image, latent, fits[0], mean, std)
    if half == "encoder":
        latent = tuple(_running(data, half, str(path))(images[:2].numpy()).shape[1:])
        known = onnx.load_from_string(data)
        known.graph.output[0].type.tensor_type.shape.dim[1].dim_value = prod(latent)
        data = known.SerializeToString(deterministic=True)
    _check_latent(latent)
    _check(data, half, images, latent, str(path))
    return data, latent


def _load_beside(model: Any, folder: Path) -> None:
    """Read the weights of a model that are in files beside it, where it has any.

    Raises:
        ValueError: a file does not lie in the folder, or more is to be read of it than the weights.
    """
    from onnx import external_data_helper, helper

    total = 0
    for tensor in external_data_helper._get_all_tensors(model):
        if external_data_helper.uses_external_data(tensor):
            place = external_data_helper.ExternalDataInfo(tensor)
            most = prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            size = place.length
            if not size and (folder / place.location).is_file():
                size = (folder / place.location).stat().st_size - (place.offset or 0)
            total += most
            if (size or 0) > most or total > MAX_BYTES:
                raise ValueError(
                    f"{tensor.name} has {most} bytes, and {size} of {place.location} are to be "
                    f"read for it; at most {MAX_BYTES} are read in all"
                )
    external_data_helper.load_external_data_for_model(model, str(folder))


def _joined(
    model: Any, half: Half, image: Shape, latent: Shape, takes: Shape, mean: Tensor, std: Tensor
) -> bytes:
    """An ONNX model with what it takes to be one of ours before and after it.

    Args:
        model: theirs, of one input.
        half: which half it is.
        image: (C, H, W).
        latent: of a decoder, what it decodes, (D,) or the shape of a map.
        takes: how their model wants its input, without the batch.
        mean: (1, C or 1, 1, 1).
        std: likewise.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    theirs = onnx.compose.add_prefix(model, "theirs_")
    weights = {one.name for one in theirs.graph.initializer}
    (start,) = (one for one in theirs.graph.input if one.name not in weights)
    end = theirs.graph.output[0]
    nodes: list[Any] = []
    constants: list[Any] = []

    def step(operator: str, source: str, *values: Any, **attributes: Any) -> str:
        """Add an operator; the name of its result."""
        names = [source]
        for value in values:
            names.append(f"ours_{len(constants)}")
            constants.append(numpy_helper.from_array(np.asarray(value), names[-1]))
        result = f"our_step_{len(nodes)}"
        nodes.append(helper.make_node(operator, names, [result], **attributes))
        return result

    name_in, name_out = NAMES[half]
    at = name_in
    if half == "encoder":
        at = step("Div", step("Sub", at, mean.numpy()), std.numpy())
        if takes != image and len(takes) == len(image):
            at = step("Transpose", at, perm=[0, 2, 3, 1])
    at = step("Reshape", at, np.array([-1, *takes], np.int64))
    at = step("Cast", at, to=start.type.tensor_type.elem_type)
    nodes.append(helper.make_node("Identity", [at], [start.name]))
    nodes += theirs.graph.node
    at = step("Cast", end.name, to=TensorProto.FLOAT)
    if half == "encoder":
        at = step("Flatten", at, axis=1)
    else:
        gives = _shape_of(end)[1:]
        if not _fits(gives, image) and _fits(gives, (*image[1:], image[0])):
            at = step("Transpose", at, perm=[0, 3, 1, 2])
        at = step("Reshape", at, np.array([-1, *image], np.int64))
        at = step("Add", step("Mul", at, std.numpy()), mean.numpy())
        at = step("Clip", at, np.float32(0), np.float32(1))
    nodes.append(helper.make_node("Identity", [at], [name_out]))
    shapes: list[list[str | int]] = [["batch", *image], ["batch", "dimensions"]]
    if half == "decoder":
        shapes = [["batch", prod(latent)], ["batch", *image]]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip((name_in, name_out), shapes, strict=True)
    ]
    graph = helper.make_graph(
        nodes, half, ends[:1], ends[1:], [*theirs.graph.initializer, *constants]
    )
    graph.sparse_initializer.extend(theirs.graph.sparse_initializer)
    joined = helper.make_model(
        graph,
        opset_imports=theirs.opset_import,
        functions=theirs.functions,
        ir_version=theirs.ir_version,
    )
    if joined.ByteSize() > MAX_BYTES:
        raise UserError(f"the {half} has {joined.ByteSize():,} bytes, at most are {MAX_BYTES:,}")
    data: bytes = joined.SerializeToString(deterministic=True)
    return data


def _check(data: bytes, half: Half, images: Tensor, latent: Shape, what: str) -> None:
    """Find out whether a model in our form answers as one.

    Raises:
        UserError: other shapes, other answers in a batch or a second time, or no finite numbers.
    """
    image = tuple(images.shape[1:])
    size = prod(latent)
    given = images[:3].numpy()
    if half == "decoder":
        given = np.random.default_rng(0).standard_normal((3, size)).astype(np.float32)
    expected = (size,) if half == "encoder" else image
    answers = _running(data, half, what)
    together = answers(given)
    if together.shape != (len(given), *expected):
        raise UserError(
            f"the {half} of {what} gives {_times(together.shape)} for {len(given)} inputs, "
            f"expected {len(given)} x {_times(expected)}"
        )
    if not np.isfinite(together).all():
        raise UserError(f"the {half} of {what} gives numbers that are not finite")
    scale = TOLERANCE * max(1.0, float(np.abs(together).max()))
    if np.abs(answers(given) - together).max() > scale:
        raise UserError(
            f"the {half} of {what} answers otherwise each time; export it in evaluation mode, "
            "without dropout or sampling"
        )
    alone = np.concatenate([answers(given[i : i + 1]) for i in range(len(given))])
    if np.abs(alone - together).max() > scale:
        raise UserError(
            f"the {half} of {what} answers otherwise in a batch than for one input alone; export "
            "it in evaluation mode, with a dynamic batch axis"
        )


def _running(data: bytes, half: Half, what: str) -> Callable[[Any], Any]:
    """What answers as an ONNX model does; raises UserError where it cannot."""
    try:
        session = onnx_session(data)
    except ValueError as error:
        raise UserError(f"the {half} of {what} is {error}") from None

    def answers(inputs: Any) -> Any:
        try:
            (found,) = session.run(None, {NAMES[half][0]: inputs})
        except Exception as error:  # onnxruntime raises classes of its own
            raise UserError(
                f"the {half} of {what} cannot be run on {len(inputs)} inputs: {_line(error)}; if "
                "its batch size is fixed, export it with a dynamic batch axis"
            ) from None
        return found

    return answers


def _shape_of(value: Any) -> list[int | None]:
    """Sizes of an input or output, None where it is open."""
    dims = value.type.tensor_type.shape.dim
    return [d.dim_value if d.HasField("dim_value") else None for d in dims]


def _fits(given: Sequence[int | None], wanted: Shape) -> bool:
    return len(given) == len(wanted) and all(
        size in (None, want) for size, want in zip(given, wanted, strict=True)
    )


def _check_latent(shape: Shape) -> None:
    if not shape or not 1 <= prod(shape) <= 4096:
        raise UserError(
            f"the encoder gives {_times(shape) or 'nothing'} for one image; a latent has 1 to 4096 "
            "numbers"
        )


def _inputs(half: Half, images: Tensor, latent: Shape) -> str:
    if half == "encoder":
        return f"images of {_times(tuple(images.shape[1:]))}"
    return f"latents of {_times(latent)}"


def _times(shape: Sequence[int | None]) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
