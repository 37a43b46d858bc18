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

from augment.data import Levels, narrowed
from augment.toolkit.folders.kinds import FileKind

if TYPE_CHECKING:
    from PIL import Image

Mode = Literal["auto", "L", "RGB", "RGBA"]

# pillow tries only these: others may start programs (EPS), or are no pictures
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
SUFFIXES = frozenset({*JPEG, ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
IMAGES = FileKind(
    "image",
    "images",
    SUFFIXES,
    frozenset({"image", "images", "img", "imgs", "jpegimages", "pictures", "photos", "frames", "mask", "masks"})
    | {"segmentationclass", "segmentationobject"},
)
GREY_MODES = ("1", "L", "LA", "La")
ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
ALL_LEVELS: Levels = (0, 65535)
ORIENTATION = 0x0112  # in EXIF


class BadImageError(Exception):
    """A file cannot be read as one still image; the message says why."""


@dataclass(frozen=True)
class Picture:
    """What a file holds.

    Attributes:
        pixels: (H, W, C) uint8, or uint16 where they have 16 bits and no `levels` are given.
        is_deep: whether they had 16 bits a value.
        is_cut: whether they had, and only the upper 8 are here: of transparent colours, of colours that EXIF turns.
    """

    pixels: np.ndarray
    is_deep: bool = False
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


def decode(path: Path, mode: Mode, size: tuple[int, int] | None, levels: Levels | None = None) -> Picture:
    """Read one file, turned as its EXIF orientation says.

    Args:
        path: the file.
        mode: what to convert to; `auto` keeps grey grey, and alpha only where it is used.
        size: (H, W) to resize to.
        levels: which values of 16 bits become 0 and 255; those beyond become these as well. None: they stay.

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


def _decode(path: Path, mode: Mode, size: tuple[int, int] | None, levels: Levels | None) -> Picture:
    from PIL import Image, ImageOps

    deep = None
    with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        # a phone's JPEG may carry more pictures (MPO) behind the first, which is the one that was taken
        num_frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if num_frames > 1:
            if image.format == "TIFF":
                raise BadImageError(f"{num_frames} pages, save each on its own")
            raise BadImageError(f"animated, {num_frames} frames")
        is_grey = image.mode.startswith("I;16")
        is_colour = not is_grey and any(";16" in str(tile) for tile in image.tile)
        # the one format with checksums, and pillow wants it opened anew after looking at them
        if image.format == "PNG":
            image.verify()
            file.seek(0)
            with Image.open(file, formats=FORMATS) as anew:
                upright, is_turned = ImageOps.exif_transpose(anew), anew.getexif().get(ORIENTATION, 1) != 1
        else:
            upright, is_turned = ImageOps.exif_transpose(image), image.getexif().get(ORIENTATION, 1) != 1
        if is_grey and mode == "RGBA":
            upright = Image.fromarray(narrowed(np.asarray(upright), levels or ALL_LEVELS))
        elif is_grey:
            deep = np.asarray(upright)[:, :, np.newaxis]
        elif is_colour and not is_turned and mode != "RGBA":
            file.seek(0)
            deep = _deep_colours(file.read(), upright)
    if deep is not None:
        deep = _resized(_in_mode(deep, mode), size)
        return Picture(deep.astype(np.uint16) if levels is None else narrowed(deep, levels), is_deep=True)
    upright = _plain(upright)
    if mode != "auto":
        upright = _convert(upright, mode)
    if size is not None and upright.size != (size[1], size[0]):
        upright = upright.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(upright)
    return Picture(pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis], is_cut=is_colour or is_grey)


def _deep_colours(content: bytes, image: Image.Image) -> np.ndarray | None:
    """Colours with 16 bits a channel, (H, W, 3) uint16, of which pillow has the upper 8; None of transparent ones."""
    import cv2

    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.shape[:2] != (image.height, image.width):
        return None
    if values.ndim != 3 or values.shape[2] not in (3, 4) or (values[..., 3:] < ALL_LEVELS[1]).any():
        return None
    return np.ascontiguousarray(values[..., 2::-1])


def _in_mode(values: np.ndarray, mode: Mode) -> np.ndarray:
    """Values of 16 bits (H, W, C) with as many channels as the mode has, which is not `RGBA`."""
    if mode == "L" and values.shape[2] == 3:
        luma: np.ndarray = np.rint(values @ np.array([0.299, 0.587, 0.114]))
        return luma[..., np.newaxis]
    if mode == "RGB" and values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2)
    return values


def _resized(values: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    from PIL import Image

    if size is None or values.shape[:2] == size:
        return values
    channels = [Image.fromarray(values[..., place].astype(np.float32)) for place in range(values.shape[2])]
    small = [np.asarray(one.resize((size[1], size[0]), Image.Resampling.BILINEAR)) for one in channels]
    resized: np.ndarray = np.rint(np.stack(small, axis=2))
    return resized


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
