"""Encoder and decoder as ONNX files that are checked against PyTorch before they are kept."""

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from grounding._errors import UserError
from grounding._files import replacing
from grounding.export.onnx_file import ONNX_TRAILER

OPSET = 18
TOLERANCE = 1e-5
BATCHES = (1, 2, 257)

Half = Literal["encoder", "decoder"]
NAMES: dict[Half, tuple[str, str]] = {
    "encoder": ("input", "latent"),
    "decoder": ("latent", "reconstruction"),
}


def export_onnx(
    module: nn.Module, examples: Tensor, half: Half, path: Path, metadata: dict[str, str]
) -> float:
    """Write one half of an autoencoder as a single ONNX file with its SHA-256, and check it.

    Args:
        module: the encoder (B, C, H, W) -> (B, D) or the decoder (B, D) -> (B, C, H, W).
        examples: float32 inputs of it, at least one; real images, or latents of real images.
        half: which half it is; decides the names of input and output.
        path: the file to write.
        metadata: strings to put into the file, e.g. the checkpoint's SHA-256.

    Returns:
        The largest difference from PyTorch over batches of 1, 2 and 257 (see `parity`).

    Raises:
        UserError: the file cannot be written, or differs by more than 1e-5; nothing is left then.
    """
    examples = examples.detach().cpu().contiguous()
    # A copy on the CPU: the module may live on another device, and that device stays in use.
    module = copy.deepcopy(module).cpu().eval()
    with replacing(path) as temporary:
        _write(module, examples, half, temporary, metadata)
        difference = parity(module, temporary, examples)
        if not difference <= TOLERANCE:  # also true for NaN
            raise UserError(
                f"{path} was not written: onnxruntime differs from PyTorch by {difference:.2g}, "
                f"allowed is {TOLERANCE:g}; a loss that diverged can do this: check the checkpoint"
            )
    return difference


def parity(module: nn.Module, path: Path, examples: Tensor) -> float:
    """Largest difference between a module and an ONNX file, over batches of `BATCHES`.

    The difference is absolute for outputs up to 1, and relative to the largest output above that:
    latents may be 100 large, where neighbouring float32 numbers are 8e-6 apart.

    Args:
        module: on the CPU, in evaluation mode.
        path: the ONNX file.
        examples: float32 inputs (N, ...); repeated where there are fewer than a batch needs.
    """
    session = _session(path)
    name = session.get_inputs()[0].name
    worst = 0.0
    for size in BATCHES:
        batch = examples[torch.arange(size) % len(examples)]
        with torch.inference_mode():
            expected = module(batch).numpy()
        (found,) = session.run(None, {name: batch.numpy()})
        if found.shape != expected.shape:
            return float("inf")
        scale = max(1.0, float(np.abs(expected).max()))
        worst = float(np.maximum(worst, np.abs(found - expected).max() / scale))
    return worst


def _write(
    module: nn.Module, examples: Tensor, half: Half, path: Path, metadata: dict[str, str]
) -> None:
    import onnx

    input_name, output_name = NAMES[half]
    with _quiet():
        # The exporter that traces: for layers without branches it gives the same graph as the one
        # behind `dynamo=True`, which spends most of a command on importing and running a compiler.
        torch.onnx.export(
            module,
            (examples[torch.arange(2) % len(examples)],),
            path,
            input_names=[input_name],
            output_names=[output_name],
            opset_version=OPSET,
            dynamic_axes={name: {0: "batch"} for name in (input_name, output_name)},
            dynamo=False,
        )
    model = onnx.load(path)
    _strip(model)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    body = model.SerializeToString(deterministic=True)
    path.write_bytes(body + ONNX_TRAILER.of(body))


def _strip(model: Any) -> None:
    """Remove source paths and traces of the export, which hold parts of the file system."""
    del model.metadata_props[:]
    model.doc_string = ""
    for graph in (model.graph, *model.functions):
        graph.doc_string = ""
        del graph.metadata_props[:]
        lists: Sequence[Any] = (graph.node, graph.value_info)
        if graph is model.graph:
            lists = (*lists, graph.initializer, graph.input, graph.output)
        for entry in (entry for entries in lists for entry in entries):
            entry.doc_string = ""
            del entry.metadata_props[:]


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints its steps and warns of its own deprecations; none of it is the user's."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
