"""Nested columns of Arrow tables as arrays: images, recordings, and lists of equal lengths.

Shapes: N rows, H height, W width, C channels, T steps, F fields.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from augment.errors import DataError
from augment_tables.audio_columns import Recordings, holds_recordings, recordings_of

__all__ = ["array_of", "is_nested"]

# pillow tries only these: others may start programs (EPS), or are no pictures
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")


def is_nested(kind: pa.DataType) -> bool:
    """Whether values of a type become an array: images as Hugging Face stores them, and lists."""
    return (pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0) or any(
        test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    )


def array_of(path: Path | str, name: str, values: pa.ChunkedArray) -> np.ndarray | Recordings:
    """Images (N, H, W, C) uint8, as files or as lists; recordings; lists (N, F) or (N, T, F), float32 or int32.

    Raises:
        DataError: rows differ in shape, or hold what no array can; with column and row.
    """
    if not pa.types.is_struct(values.type):
        return _block(path, name, values)
    return recordings_of(path, name, values) if holds_recordings(values) else _images(path, name, values)


def _images(path: Path | str, name: str, values: pa.ChunkedArray) -> np.ndarray:
    """(N, H, W, C) uint8."""
    from PIL import Image

    blobs = [blob for chunk in values.chunks for blob in chunk.field("bytes").to_pylist()]
    images: np.ndarray | None = None
    for row, blob in enumerate(blobs):
        where = f"{path}: column {name!r}, data row {row + 1}"
        if blob is None:
            raise DataError(f"{where}: has no image bytes; every row needs an image")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)  # such pictures are not decoded
                pixels_HWC = _pixels(Image.open(io.BytesIO(blob), formats=FORMATS))
        except Exception as error:  # pillow's decoders raise whatever they stumble over in a broken file
            raise DataError(f"{where} cannot be read as an image: {str(error)[:200]}") from error
        if images is None:
            images = np.empty((len(blobs), *pixels_HWC.shape), dtype=np.uint8)
        if pixels_HWC.shape != images.shape[1:]:
            raise DataError(
                f"{where}: is (height, width, channels) {pixels_HWC.shape}; the first image is {images.shape[1:]}: "
                "bring all images to one size and mode"
            )
        images[row] = pixels_HWC
    assert images is not None  # no rows was refused before
    return images


def _pixels(image: Any) -> np.ndarray:
    """(H, W, C) uint8: grey stays one channel, transparency a fourth; everything else becomes RGB."""
    if image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _block(path: Path | str, name: str, values: pa.ChunkedArray) -> np.ndarray:
    """Nested lists of equal lengths to (N, F) or (N, T, F), float32 or int32; of bytes also to (N, H, W, C) uint8."""
    array = values.combine_chunks()
    shape: list[int] = [len(array)]
    while pa.types.is_nested(array.type) and not pa.types.is_struct(array.type):
        lengths = array.value_lengths().to_numpy(zero_copy_only=False)
        odd = np.flatnonzero(lengths != lengths[0])  # a missing list has length NaN, which differs from everything
        if len(odd) or np.isnan(lengths[0]):
            row = int(odd[0]) if len(odd) else 0
            raise DataError(
                f"{path}: column {name!r}, data row {row * shape[0] // max(1, len(array)) + 1}: a list of length "
                f"{lengths[row]:g}; the first has {lengths[0]:g}: pad all lists to one length, or leave the column out"
            )
        shape.append(int(lengths[0]))
        array = array.flatten()
    whole = pa.types.is_integer(array.type)
    if not (whole or pa.types.is_floating(array.type)) or array.null_count:
        what = f"holds {array.null_count} missing numbers" if array.null_count else f"holds lists of {array.type}"
        raise DataError(f"{path}: column {name!r} {what}; lists of finite numbers were expected: leave the column out")
    flat = array.to_numpy(zero_copy_only=False)
    if array.type == pa.uint8() and len(shape) == 4:
        pixels: np.ndarray = flat.reshape(shape)
        return pixels
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        block: np.ndarray = flat.reshape(shape).astype(np.int32 if whole else np.float32)
    if whole and not np.array_equal(block.ravel(), flat):
        raise DataError(f"{path}: column {name!r} holds integers that do not fit into 32 bits; leave the column out")
    may_miss = block.ndim == 3  # of a series, values can be missing
    if not whole and (np.isinf(block) if may_miss else ~np.isfinite(block)).any():
        raise DataError(
            f"{path}: column {name!r} holds numbers that are not finite, or too large for float32; lists of finite "
            "numbers were expected"
        )
    return block
