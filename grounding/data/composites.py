"""Images that nobody has written: put together from parts of two."""

import torch
from torch import Tensor


def compose(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """New images (M, C, H, W): two opposite quarters are from one image and two from another.

    The quarters meet at a point drawn from the middle third of each axis.

    Args:
        images: (N, C, H, W), any values.
        count: M, how many to make; the images of each are drawn with replacement.
        generator: on the images' device; all randomness comes from it.
    """
    device = images.device
    one, other = torch.randint(len(images), (2, count), generator=generator, device=device)
    before = []
    for size in images.shape[2:]:
        point = torch.rand(count, 1, generator=generator, device=device).add(1).mul(size / 3)
        before.append(torch.arange(size, device=device) + 0.5 < point)
    rows, columns = before
    from_one = rows[:, None, :, None] ^ columns[:, None, None, :]
    return torch.where(from_one, images[one], images[other])
