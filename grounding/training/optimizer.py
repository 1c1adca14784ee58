"""The optimiser and the size of its steps."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from grounding._errors import UserError

BETAS, EPSILON = (0.9, 0.999), 1e-8

# Of all steps, those over which one_cycle rises; what it starts from, as a share of the largest
# step size; and what it ends at, as a share of what it starts from.
RISING, FIRST, LAST = 0.25, 1 / 25, 1e-4


class Adam:
    """Adam (Kingma & Ba, 2015), or AdamW (Loshchilov & Hutter, 2019), by torch's function for it.

    The steps are those of `torch.optim.Adam` and `AdamW` with `fused=True`, to the bit. To make an
    object of these classes imports torch's compiler, which has nothing to do here: 1.5 processor
    seconds, which made the training of experiment 2 a quarter slower (7.0 s for 5.5 s on one core).

    Args:
        parameters: what is trained, by name, all on one device.
        learning_rate: > 0.
        weight_decay: >= 0.
        decoupled: whether weights decay apart from the gradients (AdamW).
        capturable: whether a CUDA graph can hold a step: the step size is then read from the
            parameters' device, as a float32, when the step is computed.

    Attributes:
        state: "step", "exp_avg" and "exp_avg_sq" of each parameter, by its name; {} until it has
            had a gradient.
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        learning_rate: float,
        *,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        capturable: bool = False,
    ) -> None:
        self.parameters = dict(parameters)
        self._on_device: Tensor | None = None
        if capturable:
            self._on_device = torch.empty((), device=next(iter(self.parameters.values())).device)
        self.learning_rate = learning_rate
        self.state: dict[str, dict[str, Tensor]] = {name: {} for name in parameters}
        self._weight_decay = weight_decay
        self._decoupled = decoupled
        self._has_begun = False

    @property
    def learning_rate(self) -> float:
        """Size of the next step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, size: float) -> None:
        self._learning_rate = size
        if self._on_device is not None:
            self._on_device.fill_(size)

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient.

        Raises:
            UserError: one has a gradient, and `load` was not given its state.
        """
        changed = {name: p for name, p in self.parameters.items() if p.grad is not None}
        for name in changed:
            if not self.state[name]:
                if self._has_begun:
                    raise UserError(
                        f"the checkpoint has no optimiser state of {name}; delete it, or train "
                        "without --resume"
                    )
                self.state[name] = _initial_state(changed[name])
        states = [self.state[name] for name in changed]
        adam(
            list(changed.values()),
            [p.grad for p in changed.values() if p.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            maximize=False,
            lr=self._learning_rate if self._on_device is None else self._on_device,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self._weight_decay,
            eps=EPSILON,
            decoupled_weight_decay=self._decoupled,
        )

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    @torch.no_grad()
    def load(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Go on from another optimiser's `state`.

        Raises:
            ValueError: it does not fit.
        """
        for name, parameter in self.parameters.items():
            if name not in state:
                raise ValueError(f"there is no optimiser state of {name}")
            if not state[name]:  # has never had a gradient; `step` sees whether that is so
                continue
            self.state[name] = _initial_state(parameter)
            for key, tensor in self.state[name].items():
                if key not in state[name] or state[name][key].shape != tensor.shape:
                    raise ValueError(f"optimiser state of {name}: {key} is missing or misshapen")
                tensor.copy_(state[name][key])
        self._has_begun = True


def one_cycle(step: int, steps: int) -> float:
    """Share of the largest step size at one step (Smith & Topin, 2018, with cosines).

    Args:
        step: in 0..steps - 1.
        steps: of the whole training, at least 1.

    Returns:
        In (0, 1]: from 1/25 up to 1 after a quarter of the steps, then down to almost 0.
    """
    # The highest step is a whole one, so that a short training has it as well.
    top = max(1, round(RISING * steps)) - 1
    if step <= top:
        return _between(FIRST, 1.0, step / top if top else 1.0)
    return _between(1.0, FIRST * LAST, (step - top) / max(1, steps - 1 - top))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _initial_state(parameter: nn.Parameter) -> dict[str, Tensor]:
    # The fused kernel takes for granted that the means lie in memory as the parameter does.
    return {
        "step": torch.zeros((), device=parameter.device),
        "exp_avg": torch.zeros_like(parameter),
        "exp_avg_sq": torch.zeros_like(parameter),
    }
