"""The optimiser and the size of its steps."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from grounding.experiment.learning import TrainingSection

BETAS, EPSILON = (0.9, 0.999), 1e-8

# Of all steps, those over which one_cycle rises; what it starts from, as a share of the largest
# step size; and what it ends at, as a share of what it starts from.
RISING, FIRST, LAST = 0.25, 1 / 25, 1e-4


class Adam:
    """Adam (Kingma & Ba, 2015), or AdamW (Loshchilov & Hutter, 2019), one fused kernel a step.

    The steps are those of `torch.optim.Adam` and `AdamW` with `fused=True`, to the bit. Making one
    of those imports torch's compiler, which takes two seconds and has nothing to do here.

    Attributes:
        parameters: what is trained, all on one device and of one dtype.
        step_size: of the next step.
        state: "step", "exp_avg" and "exp_avg_sq" of each parameter that has had a gradient.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        step_size: float,
        *,
        weight_decay: float,
        decoupled: bool,
    ) -> None:
        """Begin with no memory of earlier gradients.

        Args:
            parameters: to train.
            step_size: > 0.
            weight_decay: >= 0.
            decoupled: whether weights decay apart from the gradients (AdamW).
        """
        self.parameters = list(parameters)
        self.step_size = step_size
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}
        # The "step" of each parameter is its place in here: one operator counts for all of them.
        self._steps = torch.zeros(len(self.parameters), device=self.parameters[0].device)
        self._weight_decay = weight_decay
        self._update = torch._fused_adamw_ if decoupled else torch._fused_adam_

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient."""
        places = [i for i, one in enumerate(self.parameters) if one.grad is not None]
        changed: list[Tensor] = [self.parameters[i] for i in places]
        gradients = [one.grad for one in changed if one.grad is not None]
        states = [self.state.get(self.parameters[i]) or self._begin(i) for i in places]
        if len(places) == len(self.parameters):
            self._steps += 1
        else:
            self._steps[places] += 1
        self._update(
            changed,
            gradients,
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            lr=self.step_size,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self._weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def remember(self, parameter: nn.Parameter, state: Mapping[str, Tensor]) -> None:
        """Go on from what another optimiser had kept for a parameter, in `state`.

        Raises:
            ValueError: it has other shapes.
            KeyError: something is missing.
        """
        if not state:  # it has never had a gradient
            return
        # The kernel takes for granted that they lie in memory as the parameter does.
        place = next(i for i, one in enumerate(self.parameters) if one is parameter)
        for key, tensor in self._begin(place).items():
            if state[key].shape != tensor.shape:
                raise ValueError(f"{key} has another shape")
            tensor.copy_(state[key])

    def _begin(self, place: int) -> dict[str, Tensor]:
        parameter = self.parameters[place]
        self.state[parameter] = {
            "step": self._steps[place],
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
        return self.state[parameter]


def new_optimizer(settings: TrainingSection, parameters: Iterable[nn.Parameter]) -> Adam:
    """The optimiser that a config asks for."""
    return Adam(
        parameters,
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        decoupled=settings.optimizer == "adamw",
    )


def set_step_size(optimizer: Adam, settings: TrainingSection, step: int, steps: int) -> None:
    """Set what a schedule says for one step.

    Args:
        optimizer: to change; a constant schedule leaves it alone.
        settings: the schedule and its largest step size.
        step: steps that are done.
        steps: of the whole training.
    """
    if settings.schedule == "one_cycle":
        optimizer.step_size = settings.learning_rate * one_cycle(step, steps)


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
