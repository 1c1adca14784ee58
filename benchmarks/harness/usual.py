"""The usual way of writing it: the yardstick for training and augmentation.

A Dataset that prepares one image at a time, a DataLoader, a plain loop over the same architecture
in torch's own layers, Adam, validation each epoch.
"""

import math
import random

import torch
import torch.nn.functional as F
from harness.step import Parts
from torch import Tensor, nn

from grounding.models import strided
from grounding.models.asymmetric_resnet import Subsampled


def train(parts: Parts) -> None:
    """Train an experiment's model on the CPU; nothing is written."""
    model, splits, settings = plain_layers(parts.model), parts.splits, parts.experiment.training
    changed = OneByOne(
        splits.train.images, parts.inputs.each, parts.inputs.augmentations is not None
    )
    training = torch.utils.data.DataLoader(changed, settings.batch_size, shuffle=True)
    clean = OneByOne(splits.val.images, 1, False)
    validation = torch.utils.data.DataLoader(clean, settings.batch_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate)
    for _ in range(settings.epochs):
        model.train()
        for batch, targets in training:
            loss = F.mse_loss(model(batch), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        model.eval()
        with torch.no_grad():
            sum(F.mse_loss(model(batch), targets).item() for batch, targets in validation)


class OneByOne(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """A map-style dataset of (input, clean image), float (C, H, W), each prepared on its own."""

    def __init__(self, images: Tensor, each: int, augmented: bool) -> None:
        self.images, self.each, self.augmented = images, each, augmented

    def __len__(self) -> int:
        return len(self.images) * self.each

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[index % len(self.images)].float() / 255
        return (augment_one(image) if self.augmented else image), image


def augment_one(image: Tensor) -> Tensor:
    """Change one image (C, H, W) as experiment 4 changes batches, the per-image way."""
    height, width = image.shape[1:]
    down, right = random.randint(-2, 2), random.randint(-2, 2)
    padded = F.pad(image, (2, 2, 2, 2))
    image = padded[:, 2 - down : 2 - down + height, 2 - right : 2 - right + width]
    turn = math.radians(random.uniform(-12, 12))
    theta = torch.tensor(
        [[math.cos(turn), math.sin(turn), 0.0], [-math.sin(turn), math.cos(turn), 0.0]]
    )
    grid = F.affine_grid(theta[None], [1, *image.shape], align_corners=False)
    image = F.grid_sample(image[None], grid, align_corners=False)[0]
    image = image * random.uniform(0.85, 1.15)
    image = image + torch.randn_like(image) * 0.08
    return (image * (torch.rand_like(image) >= 0.08)).clamp(0, 1)


def plain_layers(model: nn.Module) -> nn.Module:
    """The same model with torch's own layers in place of ours; changes it and returns it."""
    for name, layer in model.named_children():
        if isinstance(layer, strided.StridedConv2d | strided.StridedConvTranspose2d):
            layer.__class__ = type(layer).__bases__[0]
        elif isinstance(layer, Subsampled):
            plain = nn.Conv2d(
                layer.in_channels, layer.out_channels, 1, stride=layer.every, bias=False
            )
            plain.weight = layer.weight
            setattr(model, name, plain)
        else:
            plain_layers(layer)
    return model
