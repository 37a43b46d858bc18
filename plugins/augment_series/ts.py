"""The source `ts`: the format of the UCR and UEA archives, as sktime and aeon read and write it.

Format: https://www.sktime.net/en/stable/api_reference/file_specifications/ts.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import ColumnDeclaration, Dataset
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source
from augment.toolkit.text_files import decoded, read_bytes
from augment_series.reading import dataset_of, parsed

logger = logging.getLogger("augment")

KNOWN = (
    *("problemname", "timestamps", "missing", "univariate", "dimension", "dimensions", "equallength", "serieslength"),
    *("classlabel", "targetlabel", "data"),
)


class TsSource(Source):
    """Reads a `.ts` file of time series: several channels, unequal lengths, missing values, class labels.

    A line is a series: its channels divided by colons, the values of each by commas, `?` where one is missing, the
    label at the end where the header says `@classLabel true` or `@targetLabel true`. Labels become the target. Series
    of unequal length are padded, and a column `length` says how long each is. The channels are called `channel 1` and
    so on.
    """

    name = "ts"
    yields = frozenset({"series"})
    endings = (".ts",)
    reads_only_paths = True

    class Params(plugin.Params):
        path: Path
        """The file to read."""
        label: str = Field("label", min_length=1)
        """Name of the column of labels."""

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        header = _split(path)[2]
        words, labels = header.get("problemname", []), header.get("classlabel", [])[1:]
        usual = sorted(data.frame[data.schema.target].dropna().unique()) if labels else []
        return {
            **({"problem": words[0]} if len(words) == 1 else {}),
            **({"labels": labels} if labels != usual else {}),
        }

    def read(self, context: Context) -> Dataset:
        path = self.params.path
        rows, lines, header = _split(path)
        classed, numeric = (_is_true(header.get(name, [])) for name in ("classlabel", "targetlabel"))
        labels = None
        if classed or numeric:
            labels = []
            for place, (row, line) in enumerate(zip(rows, lines, strict=True)):
                body, colon, label = row.rpartition(":")
                if not colon:
                    raise DataError(f"{path}, line {line}: no label; values, a colon and a label were expected")
                rows[place] = body
                labels.append(label.strip())
        values, lengths = parsed(rows, lines, path, ":")
        if _is_true(header.get("equallength", [])) and (lengths != lengths[0]).any():
            odd = int((lengths != lengths[0]).argmax())
            logger.warning(
                "%s, line %d: the series has %d steps, the first one %d, though the header says `@equalLength true`; "
                "they are read with unequal lengths",
                path, lines[odd], lengths[odd], lengths[0],
            )  # fmt: skip
        expected = header.get("dimensions", header.get("dimension", []))
        if expected and expected != [str(values.shape[2])]:
            raise DataError(
                f"{path}, line {lines[0]}: the series has {values.shape[2]} channels; the header says {expected[0]}"
            )
        frame, column = pd.DataFrame(index=pd.RangeIndex(len(rows))), self.params.label
        if labels is not None:
            frame[column] = _numbers(labels, lines, path) if numeric else _labels(labels, lines, header, path)
        channels = {f"channel {number}": ColumnDeclaration() for number in range(1, values.shape[2] + 1)}
        target = column if labels is not None else None
        return dataset_of(values, lengths, channels, frame, context, path, target=target)


def _split(path: Path) -> tuple[list[str], list[int], dict[str, list[str]]]:
    """The lines of series, where they stand, and what the header says: name in lower case to its words."""
    rows, lines, header = [], [], {}
    for number, octets in enumerate(read_bytes(path).removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        line = octets.strip()
        if not line or line.startswith(b"#"):  # comments may be in any encoding
            continue
        text = decoded(line, "utf-8", path, number)
        if "data" in header:
            rows.append(text)
            lines.append(number)
        elif text.startswith("@"):
            name, *words = text[1:].split()
            if name.lower() not in KNOWN:
                near = did_you_mean(name.lower(), KNOWN)
                raise DataError(f"{path}, line {number}: '@{name}' is not a part of a .ts header{near}")
            header[name.lower()] = words
            if name.lower() == "timestamps" and _is_true(words):
                raise DataError(
                    f"{path}, line {number}: series with time stamps are not read; write the values alone with "
                    "`@timeStamps false`, or a CSV file with a column of times for the source `series-csv`"
                )
        else:
            raise DataError(
                f"{path}, line {number}: a header of lines that begin with '@' was expected, came {text[:40]!r}"
            )
    if "data" not in header:
        raise DataError(f"{path}: there is no line '@data'; the series are expected after it")
    if not rows:
        raise DataError(f"{path}: there are no series after '@data'; at least one was expected")
    return rows, lines, header


def _is_true(words: list[str]) -> bool:
    return bool(words) and words[0].lower() == "true"


def _labels(labels: list[str], lines: list[int], header: dict[str, list[str]], path: Path) -> Any:
    known = header["classlabel"][1:] or sorted(set(labels))
    for label, line in zip(labels, lines, strict=True):
        if label not in known:
            near = did_you_mean(label, known)
            raise DataError(f"{path}, line {line}: the label {label!r} is not among those of @classLabel{near}")
    return pd.Categorical(labels, categories=known)


def _numbers(labels: list[str], lines: list[int], path: Path) -> np.ndarray:
    found = np.empty(len(labels))
    for place, (label, line) in enumerate(zip(labels, lines, strict=True)):
        try:
            found[place] = np.nan if label == "?" else float(label)
        except ValueError:
            raise DataError(
                f"{path}, line {line}: the target {label!r} is not a number, as @targetLabel says"
            ) from None
    return found
