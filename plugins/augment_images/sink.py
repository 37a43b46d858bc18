"""The sink `image-folder`: image files in class folders, and a `metadata.csv` that says everything else."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, ValidationInfo, field_validator

from augment.data import Dataset, Schema, as_labels, as_written
from augment.errors import DataError
from augment.plugin import Accepts, Sink, SinkParams
from augment_images import metadata
from augment_images.decoding import Levels, rising_levels, widened

PNG_LEVEL = 6  # zlib's: fixed, so that equal pixels give equal files
MAX_LENGTH = 120  # characters of a folder name, well below what file systems allow (255 bytes)

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_. ")
# Windows keeps these for devices, with any ending
DEVICE = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
# Hugging Face takes a folder with such a word in its name for a split
SPLIT_WORD = re.compile(
    r"(?<![^-._ 0-9])(train|training|validation|valid|dev|val|test|testing|eval|evaluation)(?![^-._ 0-9])",
    re.IGNORECASE,
)


class ImageFolderSink(Sink):
    """Image files: `train/<class>/<number>.png`, and `train/metadata.csv` with every column, `origin` included.

    All forms of files are lossless. JPEG is none of them: pixels of real images would not be what they were.

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

        ending: Literal[".png", ".bmp", ".tif", ".tiff", ".webp"] = ".png"
        """The file extension, which says the form."""
        levels: Annotated[tuple[int, int], AfterValidator(rising_levels)] | None = None
        """Write grey images with 16 bits a pixel: which values black (0) and white (255) become, as in the source. Of
        the values in between, 256 are in use, as images have 8 bits in a run."""

        @field_validator("levels")
        @classmethod
        def _form_has_16_bits(cls, levels: tuple[int, int] | None, info: ValidationInfo) -> tuple[int, int] | None:
            if levels is not None and info.data.get("ending") in (".bmp", ".webp"):
                raise ValueError(f"need 16 bits a pixel, which {info.data['ending']} has not; use .png or .tif")
            return levels

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        array = schema.find_array("image")
        _check(schema, array, self.params.levels is not None)
        top = folder / name
        top.mkdir(parents=True, exist_ok=True)
        with (top / metadata.NAME).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)  # ends lines with \r\n, and so quotes labels that hold either
            writer.writerow([metadata.FILE_NAME, *schema.columns])
            start = 0
            folders: dict[str | None, str] = {}
            for batch in batches:
                names = _file_names(batch, schema, folders, start, self.params.ending)
                for file_name, pixels in zip(names, batch.arrays[array], strict=True):
                    _write_image(top / file_name, pixels, self.params.levels)
                cells = [
                    _cells(as_written(batch.frame[name], column, words=True)) for name, column in schema.columns.items()
                ]
                writer.writerows(zip(names, *cells, strict=True))
                start += len(batch)
        return [top]


def _check(schema: Schema, array: str, deep: bool) -> None:
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
    if deep and num_channels != 1:
        raise DataError(
            f"sink image-folder: images have {num_channels} channels, and `levels` writes grey ones with 16 bits a "
            "pixel; leave it out"
        )


def _file_names(batch: Dataset, schema: Schema, folders: dict[str | None, str], start: int, ending: str) -> list[str]:
    numbers = [f"{number:08d}{ending}" for number in range(start, start + len(batch))]
    if schema.task != "classes":
        return numbers
    labels = as_labels(batch.frame[schema.target])
    for label in set(labels) - set(folders):
        folders[label] = class_folder(label, schema.classes)
    return [f"{folders[label]}/{number}" for label, number in zip(labels, numbers, strict=True)]


def class_folder(label: str | None, classes: Iterable[str]) -> str:
    """A folder name for a label that is safe on every file system; different labels have different names.

    Capitals are escaped where only they tell two of the `classes` apart: some file systems do not see them. A name
    that would be too long ends in a hash of the label.

    >>> class_folder("tabby cat", ()), class_folder("../x", ()), class_folder("", ()), class_folder(None, ())
    ('tabby cat', '%2e.%2fx', '%empty', '%missing')
    >>> class_folder("-rf", ()), class_folder("a-b", ())
    ('%2drf', 'a-b')
    >>> class_folder("A", ("A", "B")), class_folder("A", ("A", "a"))
    ('A', '%41')
    """
    if label is None:
        return "%missing"  # no escape: these three cannot clash with any label's name
    if not label:
        return "%empty"
    alike = [other for other in classes if other.lower() == label.lower() and other != label]
    name = _escaped(label, bool(alike))
    if len(name) > MAX_LENGTH:
        digest = hashlib.sha256(label.encode()).hexdigest()
        return f"{name[: MAX_LENGTH // 2]}%hash-{digest[:40]}"
    return name


def _escaped(label: str, capitals: bool) -> str:
    forced = {match.start() for pattern in (DEVICE, SPLIT_WORD) for match in pattern.finditer(label)}
    # names that begin or end in dots, blanks or underscores are hidden, cut or skipped by one system or other
    # one that begins with a hyphen is taken for an option by commands such as `rm *`
    forced |= {0} if label[0] in "._ -" else set()
    forced |= {len(label) - 1} if label[-1] in ". " else set()
    return "".join(
        character
        if character in PLAIN and position not in forced and not (capitals and character.isupper())
        else "".join(f"%{byte:02x}" for byte in character.encode("utf-8"))
        for position, character in enumerate(label)
    )


def _write_image(path: Path, pixels: np.ndarray, levels: Levels | None) -> None:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    if levels is not None:
        pixels = widened(pixels, levels)
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
    options: dict[str, Any] = {".png": {"compress_level": PNG_LEVEL}, ".webp": {"lossless": True, "exact": True}}
    image.save(path, **options.get(path.suffix, {}))


def _cells(values: pd.Series) -> list[Any]:
    """One field a row: labels as they are, numbers so that reading gives the same bits, missing values empty."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.map(lambda moment: moment.isoformat(), na_action="ignore")
    return [None if missing else value for value, missing in zip(values.tolist(), values.isna(), strict=True)]
