"""The source `image-folder`: a folder for each class, or images with a CSV file such as `metadata.csv`."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from augment import plugin
from augment.data import ArrayDeclaration, Dataset, Levels, infer
from augment.errors import DataError
from augment.plugin import Context, Source
from augment.toolkit.folders import metadata
from augment.toolkit.folders.class_folders import find_table, shown
from augment.toolkit.folders.listing import list_files, report_bad
from augment_images.decoding import (
    ALL_LEVELS,
    IMAGES,
    JPEG,
    SUFFIXES,
    BadImageError,
    Mode,
    Picture,
    decode,
    pixel_limit,
)
from augment_images.stack import Stack

logger = logging.getLogger("augment")

ARRAY = "image"
MAX_LISTED = 10
MAX_THREADS = 8
MAX_SIDE = 128  # pixels that images of several sizes are brought to: larger ones train for days
MAX_SIZES = 2000  # looked at to find the middle one
MIN_GREYS = 64  # fewer that are left of 16 bits are worth a warning
AT_ONCE = 256  # images decoded, and held in memory, between two reports of progress


@dataclass
class _Stacked:
    """What was decoded: N files, the pixels of those that can be used, and what is worth a message."""

    is_read: np.ndarray  # bool (N,)
    pixels: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    bad: list[str] = field(default_factory=list)
    shapes: Counter[tuple[int, int]] = field(default_factory=Counter)
    num_deep: int = 0  # with 16 bits a value
    num_cut: int = 0  # of 16 bits, of which the upper 8 are left
    greys: np.ndarray = field(default_factory=lambda: np.zeros(256, dtype=bool))  # values of theirs that are left


class ImageFolderSource(Source):
    """Images in a folder: one sub-folder for each class, or a `metadata.csv` with a `file_name` column, or another CSV
    file that names them, such as a `labels.csv` with `filename` and `label` (`table`, `file_name`).

    With sub-folders, their names are the labels, whatever they look like, and rows are sorted by file name. Images
    that lie in the folder itself, without sub-folders of images, have no labels. With a
    `metadata.csv` its columns are the data's (labels included; sub-folders then mean nothing) and rows keep the order
    of its lines. The folder may be one that the sink `image-folder` wrote (`data/train`), or Hugging Face's layout.

    All images must have one size, or `size` makes it so. Every file is decoded in full and checked; see `on_bad_image`.
    """

    name = "image-folder"
    yields = frozenset({"image"})
    endings = ("/",)
    reads_only_paths = True

    class Params(plugin.Params):
        """Settings of the source `image-folder`."""

        path: Path
        """The folder that holds the class folders or the `metadata.csv`."""
        label: Annotated[str, Field(min_length=1)] = "label"
        """Name of the target column made from the class folders; with a CSV file, the column that is taken as the
        target where `schema: {target: ...}` names none."""
        table: Annotated[str, Field(pattern=r"^[^/\\]+$", examples=["labels.csv"])] | None = None
        """The CSV file in the folder with a line for each image, cells divided by commas, semicolons or tabs. When not
        given, `metadata.csv` where there is one."""
        file_name: Annotated[str, Field(min_length=1)] = metadata.FILE_NAME
        """Its column with the names of the images: paths below the folder, which may leave out folders and the ending
        and differ in case where only one image is called so."""
        size: tuple[PositiveInt, PositiveInt] | None = None
        """(height, width) in pixels that images are resized to, proportions not kept. Not resized when not given."""
        mode: Mode = "auto"
        """`L` (grey), `RGB`, `RGBA`, or `auto`: the least that holds all images. Transparent parts turn white where
        there is no alpha channel."""
        on_bad_image: Literal["fail", "skip"] = "fail"
        """What to do about files that cannot be read: `fail` lists them all; `skip` goes on without them."""
        levels: Levels | None = None
        """The values of images of 16 bits that become black (0) and white (255), such as `[0, 4095]` for a camera of 12
        bits. By default the lowest and the highest value of the training part; beside images of 8 bits, 0 and 65535."""
        max_pixels: PositiveInt = 64_000_000
        """Most pixels (height times width) an image file may have; larger ones are bad images, never decoded."""

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        return find_table(path, IMAGES) if path.is_dir() else {}

    @classmethod
    def further_settings(cls, path: Path, settings: Mapping[str, Any], data: Dataset | None) -> dict[str, Any]:
        # most likely photographs of several sizes; if they are not the trouble, reading fails in the same way
        return {"size": _median_size(path)} if data is None and "size" not in settings else {}

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        endings = Counter(file.suffix.lower() for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        ending = endings.most_common(1)[0][0] if endings else ".png"
        is_deep = data.arrays[ARRAY].dtype == np.uint16
        written = {} if ending in (".png", ".gif") else {"ending": ".jpg" if ending in JPEG else ending}
        return {**written, **({"originals": path} if is_deep or ending in JPEG else {})}

    def read(self, context: Context) -> Dataset:
        root, label = self.params.path, self.params.label
        listing = list_files(root, label, self.params.table, self.params.file_name, context.declared, IMAGES)
        declared = context.declared
        if declared.target is None and label in listing.frame:
            declared = declared.model_copy(update={"target": label})
        said = declared.arrays.get(ARRAY, ArrayDeclaration())
        levels = self.params.levels or said.levels
        pixels, is_read = self._pixels(root, listing.names, levels, context)
        said = said.model_copy(update={"type": "image", "levels": levels})
        declared = declared.model_copy(update={"arrays": {**declared.arrays, ARRAY: said}})
        frame = listing.frame[is_read].reset_index(drop=True)
        arrays = {ARRAY: pixels}
        return Dataset.of(frame, arrays, infer(frame, arrays, declared))

    def _pixels(
        self, root: Path, names: Sequence[str], levels: Levels | None, context: Context
    ) -> tuple[np.ndarray, np.ndarray]:
        """All good images (M, H, W, C), and which files they are: bool (N,). They are uint16 where all have 16 bits and
        no levels are given: the range of the training part decides."""
        stacked = self._stacked(root, names, levels, context)
        report_bad(root, stacked.bad, len(names), self.params.on_bad_image, "on_bad_image", IMAGES)
        if len(stacked.shapes) > 1:
            raise DataError(_mixed_sizes(root, stacked.shapes))
        if levels is None and 0 < stacked.num_deep < stacked.is_read.sum():
            logger.info("%s: images of 16 bits beside some of 8 are read with the upper 8 of them", root)
            stacked = self._stacked(root, names, ALL_LEVELS, context)
        if stacked.num_cut:
            _report_cut(root, stacked)
        return stacked.pixels, stacked.is_read

    def _stacked(self, root: Path, names: Sequence[str], levels: Levels | None, context: Context) -> _Stacked:
        stack, stacked = Stack(len(names), context.folder), _Stacked(np.ones(len(names), dtype=bool))
        for row, image in enumerate(self._decoded(root, names, levels, context)):
            if isinstance(image, BadImageError):
                stacked.bad.append(f"{shown(names[row])}: {image}")
                stacked.is_read[row] = False
                continue
            stacked.num_deep += image.is_deep
            if image.is_cut:
                stacked.num_cut += 1
                stacked.greys |= np.bincount(image.pixels.ravel(), minlength=256) > 0
            stacked.shapes[image.pixels.shape[:2]] += 1
            is_alike = levels is not None or stacked.num_deep in (0, row + 1 - len(stacked.bad))
            if len(stacked.shapes) == 1 and is_alike:  # else it goes on only to say why, or to be read otherwise
                stack.add(image.pixels)
        stacked.pixels = stack.array()
        return stacked

    def _decoded(
        self, root: Path, names: Sequence[str], levels: Levels | None, context: Context
    ) -> Iterator[Picture | BadImageError]:
        def attempt(name: str) -> Picture | BadImageError:
            try:
                return decode(root / name, self.params.mode, self.params.size, levels)
            except BadImageError as error:
                return error

        # more than `context.threads`: nothing else goes on while a source is read, and the pixels are the same
        num_threads = max(context.threads, min(os.cpu_count() or 1, MAX_THREADS))
        with pixel_limit(self.params.max_pixels), ThreadPoolExecutor(num_threads) as pool:
            for start in range(0, len(names), AT_ONCE):
                yield from pool.map(attempt, names[start : start + AT_ONCE])
                context.progress(min(start + AT_ONCE, len(names)), len(names), {})


def _report_cut(root: Path, stacked: _Stacked) -> None:
    logger.info("%s: %d images with 16 bits a channel are read with the upper 8 of them", root, stacked.num_cut)
    if stacked.greys.sum() < MIN_GREYS:
        logger.warning(
            "%s: only %d levels are left in the images of 16 bits a channel; save them with 8 bits, scaled to "
            "the range 0 to 255",
            root, stacked.greys.sum(),
        )  # fmt: skip


def _mixed_sizes(root: Path, shapes: Counter[tuple[int, int]]) -> str:
    ranked = sorted(shapes.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{height} x {width} ({count} images)" for (height, width), count in ranked[:MAX_LISTED])
    more = f" and {len(ranked) - MAX_LISTED} more sizes" if len(ranked) > MAX_LISTED else ""
    (height, width), _ = ranked[0]
    return (
        f"{root}: images have different sizes (height x width): {listed}{more}; one size is needed: add, for example, "
        f"`size: [{height}, {width}]` under `with:`"
    )


def _median_size(folder: Path) -> list[int]:
    """Height and width of the middle image, no longer than `MAX_SIDE` on its longer side."""
    from PIL import Image, UnidentifiedImageError

    sizes = []
    for path in sorted(folder.rglob("*"))[:MAX_SIZES]:
        try:
            with Image.open(path) as image:
                sizes.append((image.height, image.width))
        except (OSError, UnidentifiedImageError):
            continue
    if not sizes:
        return [MAX_SIDE // 2] * 2
    height, width = (float(pd.Series(side).median()) for side in zip(*sizes, strict=True))
    shrunk = min(1.0, MAX_SIDE / max(height, width))
    return [max(8, 8 * round(side * shrunk / 8)) for side in (height, width)]
