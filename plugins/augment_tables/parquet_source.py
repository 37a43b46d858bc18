"""The source `parquet`: Parquet files, nested columns becoming arrays.

Shapes: N rows, H height, W width, C channels, T steps, F fields.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from augment.errors import DataError
from augment.plugin import Context
from augment_tables.reading import check_names, chosen_columns
from augment_tables.table_files import Part, TableFiles

# pillow tries only these: others may start programs (EPS), or are no pictures
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
PANDAS_INDEX = re.compile(r"__index_level_\d+__")


class ParquetSource(TableFiles):
    """Reads a Parquet file, several of the same columns, or a folder of them.

    A column of `struct<bytes, path>` (as Hugging Face writes images) becomes an image array (N, H, W, C) uint8; lists
    of equal length become (N, F), lists of lists (N, T, F), floats as float32 and integers as int32.
    """

    name = "parquet"
    yields = frozenset({"table", "text", "image", "series", "tokens", "audio"})
    endings = (".parquet", "/")
    reads_only_paths = True

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        if path.is_dir():
            return 0.9 if any(path.glob("*.parquet")) else None
        return super().sniff(path, head)

    def _part(self, as_text: Collection[str], context: Context) -> Part:
        path = self.params.path
        try:
            with pq.ParquetFile(path) as file:
                names = [name for name in file.schema_arrow.names if not PANDAS_INDEX.fullmatch(name)]
                check_names(path, names, all_needed=self.params.columns is None)
                chosen = chosen_columns(path, names, self.params.columns)
                table = file.read(columns=chosen, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: is not a whole Parquet file: {str(error)[:200]}") from error
        if not table.num_rows:
            raise DataError(f"{path}: holds no rows; at least one was expected")
        arrays = {}
        for name in chosen:
            kind = table.schema.field(name).type
            if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
                arrays[name] = _images(path, name, table[name])
            elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
                arrays[name] = _block(path, name, table[name])
        return Part(table.drop_columns(list(arrays)), arrays)


def _images(path: Path, name: str, values: pa.ChunkedArray) -> np.ndarray:
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


def _block(path: Path, name: str, values: pa.ChunkedArray) -> np.ndarray:
    """Nested lists of equal lengths to (N, F) or (N, T, F), float32 or int32."""
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
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        block: np.ndarray = flat.reshape(shape).astype(np.int32 if whole else np.float32)
    if whole and not np.array_equal(block.ravel(), flat):
        raise DataError(f"{path}: column {name!r} holds integers that do not fit into 32 bits; leave the column out")
    if not whole and not np.isfinite(block).all():
        raise DataError(
            f"{path}: column {name!r} holds numbers that are not finite, or too large for float32; lists of finite "
            "numbers were expected"
        )
    return block
