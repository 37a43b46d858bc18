"""Image files turned into pixels. No file is trusted: header first, checksums next, then every pixel.

Shapes: H height, W width, C channels (1 grey, 3 RGB, 4 RGBA).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

Mode = Literal["auto", "L", "RGB", "RGBA"]

# pillow tries only these: others may start programs (EPS), or are no pictures
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
GREY_MODES = ("1", "L", "LA", "La")
ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
Levels = tuple[int, int]
NUM_VALUES = 65536  # of 16 bits
ALL_LEVELS: Levels = (0, NUM_VALUES - 1)


class BadImageError(Exception):
    """A file cannot be read as one still image; the message says why."""


@dataclass(frozen=True)
class Picture:
    """What a file holds.

    Attributes:
        pixels: (H, W, C) uint8.
        values: which values of 16 bits a grey file holds, bool (65536,), before they were scaled.
        is_cut: whether colours had 16 bits a channel, of which pillow keeps the upper 8.
    """

    pixels: np.ndarray
    values: np.ndarray | None = None
    is_cut: bool = False


@contextmanager
def pixel_limit(max_pixels: int) -> Iterator[None]:
    """Make pillow refuse pictures of more than `max_pixels` pixels before it decodes them, inside the block."""
    from PIL import Image

    Image.init()  # here, so that no two threads do it at once
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            # pillow warns at once the limit and raises at twice the limit
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # oddities in EXIF and TIFF tags, which say nothing of the pixels
            warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def decode(path: Path, mode: Mode, size: tuple[int, int] | None, levels: Levels = ALL_LEVELS) -> Picture:
    """Read one file, turned as its EXIF orientation says.

    Args:
        path: the file.
        mode: what to convert to; `auto` keeps grey grey, and alpha only where it is used.
        size: (H, W) to resize to.
        levels: which values of 16 bits become 0 and 255; those beyond become these as well.

    Raises:
        BadImageError: it is empty, cut short, no image, too large (see `pixel_limit`), or holds several frames.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        return _decode(path, mode, size, levels)
    except BadImageError:
        raise
    except UnidentifiedImageError as error:
        if not path.stat().st_size:
            raise BadImageError("empty file") from error
        raise BadImageError("not an image, or its header is broken") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise BadImageError(f"{str(error).split(',')[0]}, see `max_pixels`") from error
    except Exception as error:  # pillow's decoders raise whatever they stumble over in a broken file
        raise BadImageError(f"cannot be decoded: {str(error) or type(error).__name__}") from error


def _decode(path: Path, mode: Mode, size: tuple[int, int] | None, levels: Levels) -> Picture:
    from PIL import Image, ImageOps

    with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        # a phone's JPEG may carry more pictures (MPO) behind the first, which is the one that was taken
        num_frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if num_frames > 1:
            if image.format == "TIFF":
                raise BadImageError(f"{num_frames} pages, save each on its own")
            raise BadImageError(f"animated, {num_frames} frames")
        is_deep = image.mode.startswith("I;16")
        is_cut = not is_deep and any(";16" in str(tile) for tile in image.tile)
        # the one format with checksums, and pillow wants it opened anew after looking at them
        if image.format == "PNG":
            image.verify()
            file.seek(0)
            with Image.open(file, formats=FORMATS) as anew:
                upright = ImageOps.exif_transpose(anew)
        else:
            upright = ImageOps.exif_transpose(image)
    values = None
    if is_deep:
        deep = np.asarray(upright)
        values = np.bincount(deep.ravel(), minlength=NUM_VALUES) > 0
        upright = Image.fromarray(scaled(deep, levels))
    else:
        upright = _plain(upright)
    if mode != "auto":
        upright = _convert(upright, mode)
    if size is not None and upright.size != (size[1], size[0]):
        upright = upright.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(upright)
    return Picture(pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis], values, is_cut)


def scaled(values: np.ndarray, levels: Levels) -> np.ndarray:
    """Values of 16 bits as 8 bits, uint8: `levels` become 0 and 255.

    >>> scaled(np.array([90, 100, 150, 200]), (100, 200)).tolist()
    [0, 0, 128, 255]
    """
    low, high = levels
    span = max(1, high - low)
    steps = ((np.clip(values.astype(np.int64), low, high) - low) * 510 + span) // (2 * span)
    return steps.astype(np.uint8)


def widened(pixels: np.ndarray, levels: Levels) -> np.ndarray:
    """The inverse of `scaled`, uint16, as far as there are as many values.

    >>> widened(np.array([0, 128, 255], np.uint8), (100, 4095)).tolist()
    [100, 2105, 4095]
    """
    low, high = levels
    return (low + (pixels.astype(np.int64) * (high - low) * 2 + 255) // 510).astype(np.uint16)


def rising_levels(levels: tuple[int, int]) -> tuple[int, int]:
    """The same two values of 16 bits, the first the smaller one.

    Raises:
        ValueError: they are not.
    """
    low, high = levels
    if not 0 <= low < high <= ALL_LEVELS[1]:
        raise ValueError(f"two rising whole numbers from 0 to {ALL_LEVELS[1]} are expected")
    return levels


def _plain(image: Image.Image) -> Image.Image:
    """The same picture in mode L, RGB or RGBA: the least that holds it."""

    if image.mode in ("I", "F"):
        raise BadImageError("has 32 bits a pixel, or a sign; save it with 8 or 16 bits, scaled to their range")
    plain = "L" if image.mode in GREY_MODES else "RGB"
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        if with_alpha.getchannel("A").getextrema() != (255, 255):
            return with_alpha
        image = with_alpha
    return image.convert(plain)


def _convert(image: Image.Image, mode: str) -> Image.Image:
    from PIL import Image

    if image.mode == "RGBA" and mode != "RGBA":
        # seen through, as on a white page: the colours under full transparency mean nothing
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def widen(pixels: np.ndarray, num_channels: int) -> np.ndarray:
    """Pixels (..., C) with more channels: grey repeated, alpha opaque."""
    if pixels.shape[-1] == num_channels:
        return pixels
    if pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    if pixels.shape[-1] < num_channels:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)
    return pixels
