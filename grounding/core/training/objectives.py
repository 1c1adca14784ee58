"""What a training step makes smaller. Pure functions: tensors in, one number out."""

import torch.nn.functional as F
from torch import Tensor


def reconstruction_error(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error over all pixels.

    Args:
        reconstructions: (B, C, H, W) in [0, 1].
        images: (B, C, H, W) in [0, 1], clean.

    Returns:
        A scalar in [0, 1].
    """
    return F.mse_loss(reconstructions, images)
