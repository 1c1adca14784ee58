"""`labels`: a control with the labels that the other objectives never see."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grounding import _registry as register
from grounding._registry import Settings
from grounding.objectives.base import Array, Context, Objective, Step


@register.objective("labels", uses_labels=True)
class Labels(Objective):
    """Cross entropy of a linear classifier on the latents: a control, for it alone sees labels."""

    train_classes: Tensor

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        labels = context.train_labels
        if labels is None:
            raise ValueError("labels needs training images with labels, and these have none")
        classes = torch.tensor(context.classes, device=labels.device)
        # Labels can be any whole numbers; the classifier has one output for each that occurs.
        self.register_buffer("train_classes", torch.searchsorted(classes, labels), persistent=False)
        self.classifier = nn.Linear(context.model.latent_dim, len(classes))

    def forward(self, step: Step) -> Tensor:
        """The loss of one step, a scalar."""
        classes = self.train_classes[step.batch.identities]
        return classification_loss(self.classifier(step.latents), classes)


def classification_loss(logits: Array, classes: Array) -> Tensor:
    """Cross entropy of classes.

    Args:
        logits: (B, K).
        classes: int64 (B,), in 0..K - 1.

    Returns:
        A scalar >= 0, in nats.
    """
    return F.cross_entropy(torch.as_tensor(logits), torch.as_tensor(classes))
