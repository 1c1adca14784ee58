"""A stand-in for CUDA graphs on the processor, as strict as they are.

`Tape` records torch's operations with the tensors they were given, by reference, and with all plain
numbers as they were; a replay runs them again and writes what they give into the tensors that they
gave first. As on CUDA, a capture computes nothing (what it has changed is put back, and what it has
made holds NaN), no operation in it may make the host wait, and no generator may be drawn from that
is not registered.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "unique")


def waits(function, arguments):
    """Whether the host would wait for a GPU in an operation: it asks for values, or for a shape."""
    name = function.__name__.partition(".")[0]
    places = arguments[1] if name in ("index", "index_put", "index_put_") else ()
    masks = any(i is not None and i.dtype == torch.bool for i in places)
    return masks or name.startswith(ASKING)


def tensors(values):
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]


def memory(tensor):
    return tensor.untyped_storage()._cdata


class Tape(TorchDispatchMode):
    """In place of `torch.cuda.CUDAGraph`."""

    captures = replays = 0  # of all tapes

    def __init__(self):
        super().__init__()
        self.operations, self.made, self.saved = [], set(), {}
        self.generators = [torch.default_generator]

    def register_generator_state(self, generator):
        self.generators.append(generator)

    def capture_begin(self, pool=None):
        if Stream.current is Stream.default:
            raise RuntimeError("CUDA graphs must be captured on a non-default stream.")
        self.states = [generator.get_state() for generator in self.generators]
        self.__enter__()
        Stream.capturing = True

    def capture_end(self):
        Stream.capturing = False
        self.__exit__(None, None, None)
        for storage, content in self.saved.values():
            storage.copy_(content)
        for generator, state in zip(self.generators, self.states, strict=True):
            generator.set_state(state)
        with torch.no_grad():
            for *_, outputs in self.operations:
                for made in outputs:
                    if made is not None and made.is_floating_point():
                        made.fill_(torch.nan)
        Tape.captures += 1

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        options = options or {}
        given = tensors((arguments, options))
        drawn = options.get("generator")
        if waits(function, arguments):
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        if drawn is not None and drawn._cdata not in {one._cdata for one in self.generators}:
            raise RuntimeError(
                "Attempt to increase offset for a CUDA generator not in capture mode."
            )
        for tensor in given:  # batch normalisation changes what its signature says that it reads
            if memory(tensor) not in self.made and memory(tensor) not in self.saved:
                storage = tensor.untyped_storage()
                self.saved[memory(tensor)] = storage, storage.clone()
        before = {memory(tensor) for tensor in given}
        out = function(*arguments, **options)
        new = [made if memory(made) not in before else None for made in tensors(out)]
        self.made |= {memory(made) for made in new if made is not None}
        if function._schema.is_mutable or any(made is not None for made in new):
            self.operations.append((function, arguments, options, new))
        return out

    def replay(self):
        with torch.no_grad():
            for function, arguments, options, outputs in self.operations:
                again = tensors(function(*arguments, **options))
                for made, now in zip(outputs, again, strict=True):
                    if made is not None:
                        made.copy_(now)
        Tape.replays += 1


class Stream:
    """In place of `torch.cuda.Stream`."""

    default = current = None
    capturing = False

    def wait_stream(self, other):
        pass


Stream.default = Stream.current = Stream()


@contextmanager
def on_stream(stream: Stream) -> Iterator[None]:
    before, Stream.current = Stream.current, stream
    try:
        yield
    finally:
        Stream.current = before


class SaysWaits(TorchDispatchMode):
    """In place of `torch.cuda.set_sync_debug_mode`."""

    now = None

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        if waits(function, arguments):
            warnings.warn("called a synchronizing CUDA operation", stacklevel=2)
        return function(*arguments, **(options or {}))

    @classmethod
    def set(cls, mode):
        if cls.now:
            cls.now.__exit__(None, None, None)
        cls.now = cls().__enter__() if mode == "warn" else None


def put_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, trainings on the processor think that they are on CUDA."""
    monkeypatch.setattr("grounding.training.loop.can_capture", lambda device: True)
    # The layers that CUDA computes with.
    monkeypatch.setattr("grounding.models.strided._by_product", lambda layer, x: False)
    Tape.captures = Tape.replays = 0
    stand_ins = {
        "CUDAGraph": Tape,
        "Stream": Stream,
        "stream": on_stream,
        "current_stream": lambda: Stream.current,
        "graph_pool_handle": lambda: None,
        "get_sync_debug_mode": lambda: 0,
        "set_sync_debug_mode": SaysWaits.set,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(f"torch.cuda.{name}", stand_in)
