"""Image files as arrays: decoded, and made one size and one kind where that is asked for."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from grounding._errors import UserError
from grounding._files import check_writable, replacing
from grounding.data.array_files import read_array
from grounding.data.image_set import times
from grounding.data.stored import (
    AnyImages,
    Images,
    StoredArray,
    StoredImages,
    blocks,
    fits,
)

if TYPE_CHECKING:
    from PIL.Image import Image

Mode = Literal["grey", "rgb", "rgba"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
MAX_PIXELS = 50_000_000
"""Of one image; 300 bytes of PNG can claim as many as they like."""
SMALL_SIDE, USUAL_SIDE = 32, 64
"""Sizes to propose for images of several sizes: the first if none is much larger than that."""
KINDS = {1: "grey", 2: "grey with alpha", 3: "rgb", 4: "rgba"}
_CACHE_FORMAT = 1


@dataclass(frozen=True)
class Wanted:
    """How images shall be.

    Attributes:
        size: height and width to which each is scaled, whatever its own are; None for as they are.
        mode: "grey" (1 channel), "rgb" (3) or "rgba" (4); None for as they are.
        largest: refuse images with a longer side, if no size is wanted; None for no limit.
    """

    size: tuple[int, int] | None = None
    mode: Mode | None = None
    largest: int | None = None


class UnfitError(UserError):
    """Images that are not of one size and kind, or too large.

    Attributes:
        wanted: what they could be read as.
    """

    def __init__(
        self,
        message: str,
        wanted: Wanted,
        size: tuple[int, int] | None = None,
        mode: Mode | None = None,
    ) -> None:
        typed = [f"--set data.resize={size[0]}"] if size else []
        typed += [f"--set data.mode={mode}"] if mode else []
        super().__init__(f"{message}; try {' '.join(typed)}")
        self.wanted = replace(wanted, size=size or wanted.size, mode=mode or wanted.mode)


class Picture(NamedTuple):
    """An encoded image: what to call it in a message, and how to open it."""

    name: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def decoded(picture: Picture, wanted: Wanted) -> Images:
    """An image file as uint8 (C, H, W); of an animation, its first frame.

    Grey images have 1 channel, with transparency 2; images in colour 3 or 4. Photographs are
    turned as their camera says. 16 bits a channel become 8.

    Raises:
        UserError: it cannot be read, is broken, of another format, or too large.
    """
    from PIL import Image, ImageOps

    try:
        with picture.open() as file, Image.open(file, formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise UserError(
                    f"{picture.name} claims {opened.height} x {opened.width} pixels; at most "
                    f"{MAX_PIXELS:,} are read of an image: make it smaller, or remove it"
                )
            if wanted.size:
                opened.draft(None, (2 * max(wanted.size),) * 2)  # a JPEG is decoded that small
            image = _plain(ImageOps.exif_transpose(opened))
            array = np.asarray(image)
    except UserError:
        raise
    except OSError as error:
        said = error.strerror or str(error)
        if "cannot identify" in said:
            said = f"not an image in {', '.join(FORMATS)}"
        raise UserError(f"{picture.name} cannot be read: {said}; remove or replace it") from None
    except Exception as error:  # a decoder can stumble over a stranger's bytes in any way
        said = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{picture.name} cannot be decoded: {said}; remove or replace it") from None
    return fitted(array[None] if array.ndim == 2 else array.transpose(2, 0, 1), wanted)


def fitted(image: Images, wanted: Wanted) -> Images:
    """An image (C, H, W) as it is wanted."""
    if wanted.mode:
        image = in_mode(image, wanted.mode)
    if wanted.size and image.shape[1:] != wanted.size:
        image = resized(image, wanted.size)
    return image


def in_mode(image: Images, mode: Mode) -> Images:
    """An image (C, H, W) with 1 to 4 channels as grey, rgb or rgba.

    The last of 2 or 4 channels is how opaque it is: without it, what shines through is white. Grey
    is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    """
    colours, alpha = image, np.full_like(image[:1], 255)
    if len(image) in (2, 4):
        colours, alpha = image[:-1], image[-1:]
    if mode != "rgba" and len(image) in (2, 4):
        over = colours.astype(np.uint32) * alpha + 255 * (255 - alpha.astype(np.uint32))
        colours = ((over + 127) // 255).astype(np.uint8)
    if mode == "grey":
        if len(colours) == 1:
            return colours
        red, green, blue = colours[:, None].astype(np.uint32)
        grey: Images = ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)
        return grey
    colours = np.broadcast_to(colours, (3, *colours.shape[1:]))
    return np.concatenate([colours, alpha]) if mode == "rgba" else colours


def resized(image: Images, size: tuple[int, int]) -> Images:
    """An image (C, H, W) scaled to a height and width, each pixel a mean over what it covers."""
    from PIL import Image

    height, width = size
    scaled = [
        Image.fromarray(np.ascontiguousarray(channel)).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for channel in image
    ]
    return np.stack([np.asarray(channel) for channel in scaled])


def collected(
    pictures: Iterable[Picture], count: int, wanted: Wanted, key: str, place: str
) -> AnyImages:
    """Image files as one array uint8 (N, C, H, W), which is kept in a file for the next time.

    Args:
        pictures: the files, N of them.
        count: N.
        wanted: how they shall be.
        key: stands for all that decides what is in the array, see `key_of`.
        place: where they come from; of each place, as wanted, one array is kept.

    Raises:
        UnfitError: they are not of one size or kind, or too large.
        UserError: one cannot be read, or there are not `count`.
    """
    place = f"{place} {wanted.size} {wanted.mode}"
    return _kept(_alike(pictures, count, wanted), count, key, place)


def key_of(files: Iterable[Path], wanted: Wanted, *more: object) -> str:
    """A hash over the names of files, their sizes, and when they were last changed.

    Raises:
        UserError: one is not there.
    """
    import PIL

    what = (_CACHE_FORMAT, PIL.__version__, wanted.size, wanted.mode, more)
    digest = hashlib.sha256(repr(what).encode())
    for path in files:
        try:
            state = path.stat()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from None
        # Who changes a file can set its mtime, but not its ctime.
        changed = (state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        digest.update(os.fsencode(path) + repr(changed).encode())
    return digest.hexdigest()


def as_wanted(images: AnyImages, wanted: Wanted, name: str) -> AnyImages:
    """Images uint8 (N, C, H, W) of one size, as they are wanted.

    Raises:
        UnfitError: they are too large.
    """
    shape = images.shape[1:]
    _check_largest(shape, wanted, name)
    after = fitted(np.zeros(shape, np.uint8), wanted).shape
    if after == shape:
        return images
    changed = (fitted(image, wanted) for block in blocks(images) for image in block)
    if fits(len(images) * prod(after)):
        made = np.empty((len(images), *after), np.uint8)
        for at, image in enumerate(changed):
            made[at] = image
        return made
    what = (_CACHE_FORMAT, wanted.size, wanted.mode, images.shape)
    digest = hashlib.sha256(repr(what).encode())
    for block in blocks(images):
        digest.update(np.ascontiguousarray(block).data)
    return _kept(changed, len(images), digest.hexdigest(), name)


def _kept(images: Iterable[Images], count: int, key: str, place: str) -> AnyImages:
    """Images of one shape as an array, from the cache if it has that of this key."""
    kept = _kept_path(key, place)
    if kept is None:
        return np.stack(list(images))
    found = _read_kept(kept, count) if kept.exists() else None
    if found is None:
        with replacing(kept) as temporary, temporary.open("wb") as file:
            for number, image in enumerate(images):
                if not number:
                    header = {"descr": "|u1", "fortran_order": False}
                    shape = (count, *image.shape)
                    np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
                file.write(np.ascontiguousarray(image).data)
        for other in kept.parent.glob(f"{kept.name.split('-')[0]}-*.npy"):
            if other != kept:
                other.unlink(missing_ok=True)
        found = _read_kept(kept, count)
    if found is None:
        raise UserError(f"{kept} cannot be read back; remove it and try again")
    return found


def _alike(pictures: Iterable[Picture], count: int, wanted: Wanted) -> Iterator[Images]:
    """The images, all of one shape; on a terminal, with a bar."""
    from grounding._progress import progress_bar

    first: tuple[str, tuple[int, ...]] | None = None
    number = 0
    # Images of many pixels are refused by `decoded`; what else is warned of is refused, too.
    with warnings.catch_warnings(), progress_bar("reading images", count) as bar:
        warnings.simplefilter("ignore")
        for picture in pictures:
            image = decoded(picture, wanted)
            if first is None:
                _check_largest(image.shape, wanted, picture.name)
                first = picture.name, image.shape
            elif image.shape != first[1]:
                raise _unlike(first, (picture.name, image.shape), wanted)
            number += 1
            if number % 100 == 0:
                bar.set(number, count)
            yield image
    if number != count:
        raise UserError(f"{number} images were found where {count} were announced")


def _unlike(
    one: tuple[str, tuple[int, ...]], other: tuple[str, tuple[int, ...]], wanted: Wanted
) -> UnfitError:
    """What to say of two images that are not alike."""
    (name, a), (name_b, b) = one, other
    said: list[str] = []
    size: tuple[int, int] | None = None
    mode: Mode | None = None
    if a[1:] != b[1:]:
        said.append(f"{name} is {times(a[1:])} pixels and {name_b} {times(b[1:])}")
        side = SMALL_SIDE if max(a[1:] + b[1:]) <= 1.5 * SMALL_SIDE else USUAL_SIDE
        size = (side, side)
    if a[0] != b[0]:
        said.append(f"{name} is {KINDS[a[0]]} and {name_b} {KINDS[b[0]]}")
        mode = "rgb"
    text = f"the images are not alike: {', and '.join(said)}"
    return UnfitError(text, wanted, size, mode)


def _check_largest(shape: tuple[int, ...], wanted: Wanted, name: str) -> None:
    if wanted.largest and not wanted.size and max(shape[1:]) > wanted.largest:
        message = f"{name} is {times(shape[1:])} pixels, which is large"
        raise UnfitError(message, wanted, size=(USUAL_SIDE, USUAL_SIDE))


def _plain(image: Image) -> Image:
    """An image in one of the modes L, LA, RGB and RGBA."""
    from PIL import Image

    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image
    if image.mode.startswith("I"):  # 16 bits
        values = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.mode == "1":
        return image.convert("L")
    has_alpha = "transparency" in image.info or image.mode in ("PA", "La", "RGBa")
    return image.convert("RGBA" if has_alpha else "RGB")


def _kept_path(key: str, place: str) -> Path | None:
    """The file of the cache that an array is kept in; None where nothing can be kept."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser()
        folder = base / "grounding"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}-{key[:32]}.npy"
        check_writable(path)
    except (OSError, RuntimeError, UserError):
        return None
    return path


def _read_kept(path: Path, count: int) -> AnyImages | None:
    """What a file of the cache holds; None if it is not so many images."""
    try:
        found = read_array(path)
    except UserError:
        return None
    if found.dtype != np.uint8 or found.ndim != 4 or len(found) != count:
        return None
    return StoredImages(found, lambda block: block) if isinstance(found, StoredArray) else found
