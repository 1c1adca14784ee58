"""A picture of some images of each class, to see at a glance what was read."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch

from grounding._errors import UserError, printable
from grounding._files import open_regular, replacing
from grounding.data.pictures import in_mode, resized
from grounding.data.splits import Splits

COLUMNS, MOST_ROWS = 10, 20
TILE, GAP, TEXT = 64, 4, 140
_MARK = ("Software", "grounding")


def contact_sheet(splits: Splits) -> bytes:
    """A PNG with ten training images of each class in a row, of the first twenty classes.

    Without labels, the first images of the training split.
    """
    from PIL import Image, ImageDraw, PngImagePlugin

    rows = _rows(splits)
    channels, height, width = splits.image_shape
    del channels
    # Small images are enlarged by whole factors, so that pixels stay pixels.
    factor = max(1, TILE // max(height, width))
    scale = min(1.0, TILE / max(height, width))
    tile = (max(1, round(height * factor * scale)), max(1, round(width * factor * scale)))
    text = TEXT if splits.train.labels is not None else 0
    size = (text + COLUMNS * (tile[1] + GAP) + GAP, len(rows) * (tile[0] + GAP) + GAP)
    sheet = Image.new("RGB", size, (128, 128, 128))
    draw = ImageDraw.Draw(sheet)
    for row, (name, indices) in enumerate(rows):
        top = GAP + row * (tile[0] + GAP)
        draw.text((GAP, top + tile[0] // 2 - 6), printable(name)[:22], fill=(255, 255, 255))
        for column, index in enumerate(indices):
            image = in_mode(splits.train.images[index].numpy(), "rgb")
            image = image.repeat(factor, 1).repeat(factor, 2)
            image = resized(image, tile) if scale < 1 else image
            shown = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
            sheet.paste(shown, (text + GAP + column * (tile[1] + GAP), top))
    marked = PngImagePlugin.PngInfo()
    marked.add_text(*_MARK)
    content = io.BytesIO()
    sheet.save(content, "PNG", pnginfo=marked)
    return content.getvalue()


def write_sheet(path: Path, content: bytes, *, only_over_ours: bool) -> None:
    """Write a contact sheet.

    Args:
        path: where.
        content: PNG.
        only_over_ours: refuse to replace a file that is no contact sheet.

    Raises:
        UserError: it cannot be written, or is somebody else's.
    """
    if only_over_ours and path.exists() and not _is_ours(path):
        raise UserError(f"{path} is there already; say where to write with --output FILE.png")
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _is_ours(path: Path) -> bool:
    from PIL import Image

    try:
        with open_regular(path) as file, Image.open(file, formats=("PNG",)) as image:
            return image.info.get(_MARK[0]) == _MARK[1]
    except (OSError, ValueError, SyntaxError):
        return False


def _rows(splits: Splits) -> list[tuple[str, list[int]]]:
    """What stands in front of each row, and which training images are in it."""
    labels = splits.train.labels
    if labels is None:
        every = range(min(len(splits.train), COLUMNS * MOST_ROWS))
        return [("", list(every[at : at + COLUMNS])) for at in every[::COLUMNS]]
    rows = []
    for label in splits.classes[:MOST_ROWS]:
        of_class = torch.nonzero(labels == label)[:COLUMNS, 0]
        rows.append((splits.class_names.get(label, str(label)), of_class.tolist()))
    return rows
