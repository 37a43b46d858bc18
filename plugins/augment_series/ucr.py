"""The source `ucr`: text files of the UCR archive, a row a series, its label first, and no header.

Format: https://www.cs.ucr.edu/~eamonn/time_series_data_2018/
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import ColumnDeclaration, Dataset
from augment.errors import DataError
from augment.plugin import Context, Source
from augment.toolkit.text_files import decoded, read_bytes
from augment_series.reading import dataset_of, parsed

MIN_STEPS = 8  # that make a file without a header series, and no table
MIN_LINES = 4
HEAD = 4_096  # bytes that say what is between cells
MAX_LABELS = 0.5  # share of the lines looked at
MAX_SCALE = 10.0  # of a step's standard deviation, in those of the median step: more in a table of several quantities


class UcrSource(Source):
    """Reads a `.tsv` or `.txt` file of the UCR archive: a row a series of one channel, its label first, no header.

    Cells are divided by tabs, blanks or commas. `NaN` or a blank cell is a missing value, and at the end of a row the
    end of the series; series of unequal length are padded, and a column `length` says how long each is. Labels are
    classes, the target; those that are whole numbers are written as such, `1.0000000e+00` as `1`.
    """

    name = "ucr"
    yields = frozenset({"series"})
    endings = (".tsv", ".txt")
    reads_only_paths = True

    class Params(plugin.Params):
        path: Path
        """The file to read."""
        label: str = Field("label", min_length=1)
        """Name of the column of labels."""

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        if super().sniff(path, head) is None:
            return None
        lines = [_cells(line) for line in head.decode("utf-8", errors="replace").splitlines() if line.strip()]
        lines = lines[:-1] if not head.endswith(b"\n") and len(lines) > 1 else lines  # the last may be cut
        if len(lines) < MIN_LINES or len({len(cells) for cells in lines}) > 1 or len(lines[0]) <= MIN_STEPS:
            return None
        try:
            numbers = np.array([[float(cell) for cell in cells] for cells in lines])
        except ValueError:
            return None
        labels = numbers[:, 0]
        is_labels = bool((labels % 1 == 0).all()) and len(set(labels)) <= MAX_LABELS * len(lines)
        if not is_labels or not (numbers[:, 1:] % 1 != 0).any():
            return None
        return 0.9 if path.stem.endswith(("_TRAIN", "_TEST")) or _are_of_one_scale(numbers[:, 1:]) else None

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        with path.open("rb") as file:
            line = file.read(HEAD).decode("utf-8", errors="replace").strip().partition("\n")[0]
        found = next(sign for sign in "\t, " if sign in line)
        return {
            **({"delimiter": found} if found != "\t" else {}),
            **({"ending": ".txt"} if path.suffix.lower() == ".txt" else {}),
        }

    def read(self, context: Context) -> Dataset:
        path = self.params.path
        labels, bodies, lines = [], [], []
        for line, octets in enumerate(read_bytes(path).removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
            if not octets.strip():
                continue
            label, *cells = _cells(decoded(octets, "utf-8", path, line))
            if label == "NaN":
                raise DataError(f"{path}, line {line}: begins with no label; write one before the values")
            while cells and cells[-1].lower() == "nan":
                cells.pop()
            if not cells:
                raise DataError(f"{path}, line {line}: a label and no values; at least one value was expected")
            labels.append(label)
            bodies.append(",".join(cells))
            lines.append(line)
        if not lines:
            raise DataError(f"{path}: there are only blank lines; a label and values were expected in each")
        values, lengths = parsed(bodies, lines, path, ":")
        frame = pd.DataFrame({self.params.label: _labels(labels)})
        channels = {"channel 1": ColumnDeclaration()}
        return dataset_of(values, lengths, channels, frame, context, path, target=self.params.label)


def _are_of_one_scale(steps_NT: np.ndarray) -> bool:
    """Whether columns vary by about as much as each other, as steps of one quantity do."""
    steps_NT = steps_NT[:, ~np.isnan(steps_NT).any(axis=0)]
    deviations_T = steps_NT.std(axis=0)
    return not len(deviations_T) or bool(deviations_T.max() <= MAX_SCALE * np.median(deviations_T))


def _cells(line: str) -> list[str]:
    """The cells of a row; blank ones are missing, as between two tabs or commas in a row."""
    line = line.rstrip(" \r\n")
    between = "\t" if "\t" in line else "," if "," in line else None
    return [cell.strip() or "NaN" for cell in line.split(between)]


def _labels(labels: list[str]) -> pd.Series:
    """Categories; where all are whole numbers, such as `1.0000000e+00`, they are written as such."""
    words = pd.Series(labels, dtype="str")
    numbers = pd.to_numeric(words, errors="coerce")
    if numbers.notna().all() and (numbers % 1 == 0).all():
        words = numbers.astype("int64").astype("str")
    return words.astype("category")
