"""Training steps as CUDA graphs: the work of one step is captured, the next ones replay it.

A step of a small model is some hundred kernels of a few microseconds each, and to launch them takes
the host longer than they take. A graph launches all of them with one call, in the same order, on
the same addresses.

A graph lasts for one epoch. What an epoch prepares anew, such as random numbers, the nearest images
or an objective that begins to use them, is thereby captured as it is, and nothing has to find out
what has changed.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from grounding.data.loader import Batch

ORDINARY_STEPS = 2
"""Of each epoch and size, before one is captured: torch's workspaces and the optimiser's state come
to be in them."""
FEWEST_STEPS = 8
"""In an epoch that is worth it: capturing takes as long as an ordinary step or two."""

# A capture that failed may leave an allocator behind that asks its graph for it.
_failed: list[torch.cuda.CUDAGraph] = []


def can_capture(device: torch.device) -> bool:
    """Whether there are graphs for a device."""
    return device.type == "cuda"


class GraphedStep:
    """Training steps, most of which are replayed; what they come to is the same to the bit.

    A step is not captured, but taken as it is, if it makes the host wait for the device (a replay
    could not), or if it keeps something in an attribute of a module (a replay runs no Python).

    Args:
        step: changes the parameters by a batch on the device, leaves no gradients, and returns the
            loss, a scalar.
        parts: the modules that it computes with, by a name for messages.
        warn: called with a line if steps cannot be captured.
    """

    def __init__(
        self,
        step: Callable[[Batch], Tensor],
        parts: Mapping[str, nn.Module],
        warn: Callable[[str], None],
    ) -> None:
        self._step, self._warn = step, warn
        self._parts = nn.ModuleDict(parts)
        # Everything but replays is on one stream of its own, as a capture has to be.
        self._stream = torch.cuda.Stream()
        self._pool = torch.cuda.graph_pool_handle()
        self._taken: Counter[tuple[torch.Size, ...]] = Counter()
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Batch | None = None  # what the graph reads
        self._loss = torch.empty(0)  # what it writes
        self._is_refused = False

    def in_epoch(self, steps: int) -> Callable[[Batch], Tensor]:
        """What takes the steps of an epoch of so many; the loss holds until the next one."""
        self._inputs = None
        self._taken.clear()
        return self._step if self._is_refused or steps < FEWEST_STEPS else self._take

    def _take(self, batch: Batch) -> Tensor:
        shapes = tuple(tensor.shape for tensor in batch)
        if not (self._inputs or self._is_refused) and self._taken[shapes] == ORDINARY_STEPS:
            self._capture(batch)
        if self._is_refused:
            return self._step(batch)
        if self._inputs is not None and shapes == tuple(held.shape for held in self._inputs):
            assert self._graph
            for held, given in zip(self._inputs, batch, strict=True):
                held.copy_(given)
            self._graph.replay()
            return self._loss
        self._taken[shapes] += 1
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            watched = self._taken[shapes] == ORDINARY_STEPS
            loss = self._watched_step(batch) if watched else self._step(batch)
        here.wait_stream(self._stream)
        return loss

    def _watched_step(self, batch: Batch) -> Tensor:
        """Take an ordinary step and see whether it can be captured."""
        before, mode = self._attributes(), torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                loss = self._step(batch)
            finally:
                torch.cuda.set_sync_debug_mode(mode)
        after = self._attributes()
        changed = [name for name, value in after.items() if before.get(name) is not value]
        if any("called a synchronizing" in str(one.message) for one in seen):
            self._refuse("it waits for the device")
        elif changed:
            self._refuse(f"it sets {changed[0]}, which a replay would not")
        return loss

    def _attributes(self) -> dict[str, object]:
        return {
            f"{path}.{name}": value
            for path, module in self._parts.named_modules()
            for name, value in {**vars(module), **dict(module.named_buffers(recurse=False))}.items()
        }

    def _capture(self, batch: Batch) -> None:
        """Capture a step, which computes nothing: whether it fails or not, all is as before."""
        graph, inputs = torch.cuda.CUDAGraph(), Batch(*(tensor.clone() for tensor in batch))
        generators = {v for v in self._attributes().values() if isinstance(v, torch.Generator)}
        for generator in generators:
            graph.register_generator_state(generator)
        spare = [(one, one.clone_state()) for one in (*generators, *torch.cuda.default_generators)]
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        try:
            with torch.cuda.stream(self._stream):
                graph.capture_begin(pool=self._pool)
                try:
                    loss = self._step(inputs)
                finally:
                    graph.capture_end()
        except Exception as error:  # whatever a step of somebody else raises
            _failed.append(graph)
            self._parts.zero_grad()  # which lie in memory that is nobody's
            for one, state in spare:  # torch may take them for still being captured
                if one.device.type == "cuda":
                    one.graphsafe_set_state(state)
            first = error.__context__ or error  # how a capture ends then says nothing of it
            self._refuse(str(first).partition("\n")[0] or type(first).__name__)
            return
        here.wait_stream(self._stream)
        # The graph before it ends here: while it lasts, their memory is shared.
        self._graph, self._inputs, self._loss = graph, inputs, loss

    def _refuse(self, why: str) -> None:
        self._is_refused, self._inputs = True, None
        self._warn(f"a training step cannot be captured as a CUDA graph, and takes longer: {why}")
