"""Encoder and decoder as ONNX models that are checked against PyTorch before they are kept."""

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from grounding._errors import UserError
from grounding.models.attached import onnx_session

OPSET = 18
TOLERANCE = 1e-5
BATCHES = (1, 2, 257)

Half = Literal["encoder", "decoder"]
NAMES: dict[Half, tuple[str, str]] = {
    "encoder": ("input", "latent"),
    "decoder": ("latent", "reconstruction"),
}


def onnx_model(
    module: nn.Module, examples: Tensor, half: Half, metadata: Mapping[str, str]
) -> tuple[bytes, float]:
    """One half of an autoencoder as a single ONNX file, checked.

    Args:
        module: the encoder (B, C, H, W) -> (B, D) or the decoder (B, D) -> (B, C, H, W).
        examples: float32 inputs of it, at least one; real images, or latents of real images.
        half: which half it is; decides the names of input and output.
        metadata: strings to put into the file, e.g. the experiment's name.

    Returns:
        The file's bytes, and the largest difference from PyTorch (see `parity`).

    Raises:
        UserError: it differs by more than 1e-5.
    """
    examples = examples.detach().cpu().contiguous()
    # A copy on the CPU: the module may live on another device, and that device stays in use.
    module = copy.deepcopy(module).cpu().eval()
    data = _exported(module, examples, half, metadata)
    difference = parity(module, data, examples)
    if not difference <= TOLERANCE:
        # onnxruntime adds up a group or a map one by one in float32; over large flat images that
        # rounds hundreds of times as coarsely as PyTorch does.
        _replace_norms(module)
        data = _exported(module, examples, half, metadata, in_short_sums=True)
        difference = parity(module, data, examples)
    if not difference <= TOLERANCE:  # also true for NaN
        raise UserError(
            f"the {half} was not exported: onnxruntime differs from PyTorch in float64 by "
            f"{difference:.3g}, allowed is {TOLERANCE:g}; the checkpoint itself is not affected"
        )
    return data, difference


def parity(module: nn.Module, data: bytes, examples: Tensor) -> float:
    """Largest difference between a module in float64 and an ONNX file, over batches of `BATCHES`.

    The difference is absolute for outputs up to 1, and relative to the largest output above that:
    latents may be 100 large, where neighbouring float32 numbers are 8e-6 apart.

    Args:
        module: on the CPU, in evaluation mode.
        data: the ONNX file.
        examples: float32 inputs (N, ...); repeated where there are fewer than a batch needs.
    """
    session = onnx_session(data)
    exact = copy.deepcopy(module).double()
    name = session.get_inputs()[0].name
    worst = 0.0
    for size in BATCHES:
        batch = examples[torch.arange(size) % len(examples)]
        with torch.inference_mode():
            expected = exact(batch.double()).numpy()
        (found,) = session.run(None, {name: batch.numpy()})
        if found.shape != expected.shape:
            return float("inf")
        scale = max(1.0, float(np.abs(expected).max()))
        worst = float(np.maximum(worst, np.abs(found - expected).max() / scale))
    return worst


class _TwoPassNorm(nn.Module):
    """Normalisation of groups in plain operators: the mean first, then the mean square about it.

    onnxruntime adds up one by one: means are taken axis by axis, so that no sum is long.
    """

    def __init__(self, norm: nn.GroupNorm | nn.InstanceNorm2d) -> None:
        super().__init__()
        self.norm = norm
        self.groups = norm.num_groups if isinstance(norm, nn.GroupNorm) else norm.num_features

    def forward(self, x: Tensor) -> Tensor:
        """Normalised feature maps (B, C, ...)."""
        groups = x.unflatten(1, (self.groups, -1))
        centred = groups - _mean(groups)
        centred = centred - _mean(centred)  # what rounding has left, which counts if all are equal
        out = (centred / (_mean(centred.square()) + self.norm.eps).sqrt()).flatten(1, 2)
        if self.norm.weight is None:
            return out
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        scaled: Tensor = out * self.norm.weight.view(shape) + self.norm.bias.view(shape)
        return scaled


def _mean(groups: Tensor) -> Tensor:
    """Mean of each group (B, G, ...) over all axes behind, which stay."""
    for axis in range(2, groups.ndim):
        groups = groups.mean(axis, keepdim=True)
    return groups


def _replace_norms(module: nn.Module) -> None:
    """Put two-pass norms in place of those that onnxruntime computes in one."""
    found = [
        (parent, name, child)
        for parent in list(module.modules())
        for name, child in parent.named_children()
        if isinstance(child, nn.GroupNorm)
        or (isinstance(child, nn.InstanceNorm2d) and not child.track_running_stats)
    ]
    for parent, name, child in found:
        setattr(parent, name, _TwoPassNorm(child))


def _split_means(graph: Any) -> None:
    """Have means over several axes taken axis by axis, so that no sum is long."""
    from onnx import helper, numpy_helper

    constants = {one.name: one for one in graph.initializer}
    constants |= {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        steps: list[tuple[str, list[str], dict[str, Any]]] = []  # operator, inputs, attributes
        if node.op_type == "AveragePool" and len(kernel := said["kernel_shape"]) == 2:
            for axis in range(2):
                own = {**said, "kernel_shape": [1, 1], "strides": [1, 1], "pads": [0] * 4}
                own["kernel_shape"][axis] = kernel[axis]
                for key, places in (("strides", (axis,)), ("pads", (axis, axis + 2))):
                    for place in places:
                        own[key][place] = said.get(key, own[key])[place]
                steps.append(("AveragePool", [], own))
        axes = [2, 3] if node.op_type == "GlobalAveragePool" else []
        if node.op_type == "ReduceMean" and len(node.input) == 2 and node.input[1] in constants:
            axes = numpy_helper.to_array(constants[node.input[1]]).tolist()
        names = [f"{node.output[0]}_axis{axis}" for axis in axes]
        steps += [("ReduceMean", [name], {"keepdims": 1}) for name in names]
        if len(steps) < 2:
            graph.node.append(node)
            continue
        for name, axis in zip(names, axes, strict=True):
            graph.initializer.append(numpy_helper.from_array(np.array([axis]), name))
        if node.op_type == "ReduceMean" and not said.get("keepdims", 1):
            steps.append(("Squeeze", [node.input[1]], {}))
        source = node.input[0]
        for number, (operator, more, attributes) in enumerate(steps, 1):
            to = node.output[0] if number == len(steps) else f"{node.output[0]}_part{number}"
            graph.node.append(helper.make_node(operator, [source, *more], [to], **attributes))
            source = to


def _exported(
    module: nn.Module,
    examples: Tensor,
    half: Half,
    metadata: Mapping[str, str],
    *,
    in_short_sums: bool = False,
) -> bytes:
    import onnx

    input_name, output_name = NAMES[half]
    buffer = io.BytesIO()
    with _quiet():
        # The exporter that traces: for layers without branches it gives the same graph as the one
        # behind `dynamo=True`, which spends most of a command on importing and running a compiler.
        torch.onnx.export(
            module,
            (examples[torch.arange(2) % len(examples)],),
            buffer,  # type: ignore[arg-type]  # a file as well, says its documentation
            input_names=[input_name],
            output_names=[output_name],
            opset_version=OPSET,
            dynamic_axes={name: {0: "batch"} for name in (input_name, output_name)},
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    if in_short_sums:
        _split_means(model.graph)
    _strip(model)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


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
