"""One augmented set for a whole training, which can be kept in a file."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from grounding import _registry as register
from grounding._errors import UserError
from grounding._files import locked, open_safetensors, remove_leftovers, replacing
from grounding._streams import generator
from grounding.data.augmentations import Augmentations
from grounding.data.splits import to_unit
from grounding.data.stored import ImageTensor

FORMAT = "grounding augmented set 3"
CHUNK = 1024


def augmented_set(
    images: ImageTensor,
    augmentations: Augmentations,
    *,
    each: int,
    seed: int,
    fingerprint: str = "",
    path: Path | None = None,
) -> Tensor:
    """One augmented set, uint8 (N x each, C, H, W): number i shows image i % N.

    Args:
        images: uint8 (N, C, H, W), on the device to draw on.
        augmentations: how they are changed.
        each: how often each image is shown.
        seed: decides on all that is drawn.
        fingerprint: of the data set that the images are from.
        path: names the file to keep it in and to take it from; a key of all that decides on the set
            is added to its name, so that different sets never mix, and the ending .safetensors.

    Raises:
        UserError: there is not enough memory; the file is damaged, or another one, or the place
            cannot be written to.
    """
    if path is None:
        return _drawn(images, augmentations, each, seed)
    changes: dict[str, Any] = {"clamp": augmentations.clamp}
    if augmentations.fill:  # sets that were drawn before there was one keep their names
        changes["fill"] = augmentations.fill
    for name, settings in augmentations.settings.items():
        changes[name] = settings.model_dump(mode="json")
        if not register.augmentation[name].is_ours:
            changes[name]["code"] = register.augmentation[name].code_hash()
    made_from = {
        "format": FORMAT,
        "data": fingerprint,
        "shape": list(images.shape),
        "seed": seed,
        "each": each,
        "augmentations": changes,
        "device": images.device.type,  # another device draws other numbers
    }
    key = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
    path = path.with_name(f"{path.stem}-{key[:12]}.safetensors")
    if not path.exists():
        # Runs may share a set, so that their own locks do not keep its writers apart.
        with locked(path.with_name(f".{path.name}.lock"), "drawing of an augmented set"):
            remove_leftovers(path)
            drawn = _drawn(images, augmentations, each, seed).cpu()
            with replacing(path) as temporary:
                save_file({"images": drawn}, temporary, {"key": key, "sha256": _hash(drawn)})
    try:
        with open_safetensors(path, "pt") as file:
            held = file.get_slice("images")
            shape = [len(images) * each, *images.shape[1:]]
            if (held.get_dtype(), held.get_shape()) == ("U8", shape):
                kept: Tensor = file.get_tensor("images")
                if file.metadata() == {"key": key, "sha256": _hash(kept)}:
                    return kept.to(images.device)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        pass  # refused as any other file
    raise UserError(
        f"{path} is not the augmented set that this experiment needs, or is damaged; delete it, or "
        "set another self_supervised.cache_path"
    )


def kept_set_is_whole(path: Path) -> bool | None:
    """Whether an augmented set is as a training has kept it; None for any other file."""
    try:
        with open_safetensors(path, "pt") as file:
            held = file.metadata() or {}
            named = path.stem.endswith(f"-{held.get('key', '')[:12]}")
            if set(held) != {"key", "sha256"} or not named or list(file.keys()) != ["images"]:
                return None
            is_bytes = file.get_slice("images").get_dtype() == "U8"
            return is_bytes and bool(held["sha256"] == _hash(file.get_tensor("images")))
    except (OSError, ValueError):
        return None


def _drawn(images: ImageTensor, augmentations: Augmentations, each: int, seed: int) -> Tensor:
    count = len(images) * each
    try:
        shape = (count, *images.shape[1:])
        drawn = torch.empty(shape, dtype=torch.uint8, device=images.device)
    except RuntimeError:
        raise UserError(
            f"one augmented set takes {count * images[0].numel() / 1e9:.1f} GB, which cannot be "
            "had; try --set self_supervised.refresh_each_epoch=true --set "
            "self_supervised.precompute=false"
        ) from None
    draws = generator(seed, "augment", 0, images.device)
    for chunk in torch.arange(count, device=images.device).split(CHUNK):
        views = augmentations(to_unit(images[chunk % len(images)]), draws)
        # Rounding to 256 levels is far below the noise that was just added.
        drawn[chunk] = views.mul_(255).round_().byte()
    return drawn


def _hash(images: Tensor) -> str:
    return hashlib.sha256(images.numpy().data).hexdigest()
