"""The sink `image-folder`: image files in class folders, and a `metadata.csv` that says everything else."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from augment.data import Dataset, Levels, Schema, as_written, widened
from augment.errors import DataError
from augment.plugin import Accepts, Sink, SinkParams
from augment.toolkit.folders import metadata
from augment.toolkit.folders.names import file_names
from augment_images.originals import Originals

DEEP = (".png", ".tif", ".tiff")  # can have 16 bits a value
PNG_LEVEL = 6  # zlib's: fixed, so that equal pixels give equal files


class ImageFolderSink(Sink):
    """Image files: `train/<class>/<number>.png`, and `train/metadata.csv` with every column, `origin` included.

    All forms of files but JPEG are lossless. Images that had 16 bits a value are written so (PNG and TIFF). Synthetic
    ones have at most 256 of the values, as images have 8 bits in a run. With `originals`, real images are the files
    that they came from, byte by byte, in any form.

    Hugging Face reads it with `load_dataset("imagefolder", data_dir=...)`, splits and columns included, and the source
    `image-folder` reads one split back. Labels are exact in `metadata.csv`; class folders are named so that any label
    is a safe name on every system: what is not plain is written `%` and two hexadecimal digits a byte. Numbers count
    the rows from 0. Without a classed target all files lie beside `metadata.csv`.
    """

    name = "image-folder"
    accepts = Accepts(modalities=frozenset({"image"}))
    endings = ("/",)

    class Params(SinkParams):
        """The form of the files."""

        ending: Literal[".png", ".bmp", ".tif", ".tiff", ".webp", ".jpg"] = ".png"
        """The file extension, which says the form. `.jpg` is lossy: what is learnt from the files is not quite what the
        run has judged."""
        quality: int = Field(default=95, ge=1, le=100)
        """Of JPEG files: higher is larger and closer to the image."""
        originals: Path | tuple[Path, ...] | None = None
        """The folder, or folders, that the images were read from. An image that one of the files there shows, and that
        nothing has changed, is written as that file, with all that it holds beside the pixels, such as EXIF data."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        array = schema.find_array("image")
        levels = self._levels(schema, array)
        originals = self._originals(levels, schema.arrays[array].shape[-1])
        top = folder / name
        top.mkdir(parents=True, exist_ok=True)
        with (top / metadata.NAME).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)  # ends lines with \r\n, and so quotes labels that hold either
            writer.writerow([metadata.FILE_NAME, *schema.columns])
            start = 0
            folders: dict[str | None, str] = {}
            for batch in batches:
                names = file_names(batch, schema, folders, start, self.params.ending)
                for file_name, pixels in zip(names, batch.arrays[array], strict=True):
                    self._write_image(top / file_name, pixels, levels, originals)
                cells = [
                    metadata.cells(as_written(batch.frame[name], column, words=True))
                    for name, column in schema.columns.items()
                ]
                writer.writerows(zip(names, *cells, strict=True))
                start += len(batch)
        return [top]

    def _levels(self, schema: Schema, array: str) -> Levels | None:
        """The levels to write 16 bits with; None for 8 bits."""
        _check(schema, array)
        levels, ending = schema.arrays[array].levels, self.params.ending
        if levels is not None and ending not in DEEP:
            raise DataError(
                f"sink image-folder: the images have 16 bits a value, which {ending} has not; say `ending: .png`"
            )
        return levels

    def _originals(self, levels: Levels | None, num_channels: int) -> Originals | None:
        folders = self.params.originals
        if folders is None or self.params.rows == "synthetic":
            return None
        folders = folders if isinstance(folders, tuple) else (folders,)
        return Originals(folders, self.params.ending, levels, num_channels)

    def _write_image(self, path: Path, pixels: np.ndarray, levels: Levels | None, originals: Originals | None) -> None:
        path.parent.mkdir(exist_ok=True)
        if originals is not None and (content := originals.find(pixels)) is not None:
            path.write_bytes(content)
        elif levels is not None and pixels.shape[2] > 1:
            _write_deep_colours(path, widened(pixels, levels))
        else:
            self._encode(path, pixels if levels is None else widened(pixels, levels))

    def _encode(self, path: Path, pixels: np.ndarray) -> None:
        from PIL import Image

        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
        options: dict[str, Any] = {
            ".png": {"compress_level": PNG_LEVEL},
            ".webp": {"lossless": True, "exact": True},
            ".jpg": {"quality": self.params.quality, "subsampling": 0},
        }
        if path.suffix == ".jpg" and image.mode == "RGBA":
            raise DataError("sink image-folder: JPEG files cannot be transparent, and images are; say `ending: .png`")
        image.save(path, **options.get(path.suffix, {}))


def _check(schema: Schema, array: str) -> None:
    others = [name for name in schema.arrays if name != array]
    if others:
        raise DataError(
            f"sink image-folder: image files cannot hold the array {others[0]!r} beside the images; use another sink"
        )
    if metadata.FILE_NAME in schema.columns:
        raise DataError(
            f"sink image-folder: the data has a column `{metadata.FILE_NAME}`, the name that {metadata.NAME} uses for "
            "paths; rename it"
        )
    num_channels = schema.arrays[array].shape[-1]
    if num_channels not in (1, 3, 4):
        raise DataError(f"sink image-folder: images have {num_channels} channels; image files have 1, 3 or 4")


def _write_deep_colours(path: Path, values: np.ndarray) -> None:
    """Colours (H, W, 3) uint16, which pillow cannot write."""
    import cv2

    _, content = cv2.imencode(path.suffix, np.ascontiguousarray(values[..., ::-1]))
    path.write_bytes(content.tobytes())
