"""The sinks `ts` and `ucr`: series and their labels in the text formats of the archives, which hold nothing else.

Shapes: N series, T steps, F channels.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema, as_labels
from augment.errors import DataError
from augment.plugin import Accepts, Sink

__all__ = ["TsSink", "UcrSink", "only_series", "rows_of", "words_of"]


class TsSink(Sink):
    """Writes `train.ts` and `test.ts`: a line a series, with the header of the format.

    The channels are divided by colons, the values of each by commas, `?` is a missing value, and the target stands at
    the end. Padding is not written. The files hold the series and the target alone, and not which rows are synthetic.

    Format: https://www.sktime.net/en/stable/api_reference/file_specifications/ts.html
    """

    name = "ts"
    accepts = Accepts(modalities=frozenset({"series"}))
    endings = (".ts",)
    holds_origin = False

    class Params(plugin.SinkParams):
        problem: str = Field("series", pattern=r"^\S+$")
        """The name of the data, for the header."""
        labels: tuple[str, ...] = ()
        """The first labels in the header, in order; others that occur stand behind them."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write `<name>.ts`.

        Raises:
            DataError: there are other arrays, a label has a blank, a comma or a colon, or a series has no steps.
        """
        array = schema.arrays[only_series(schema, self.name)]
        path = folder / f"{name}.ts"
        lengths: set[int] = set()
        missing = False
        met: dict[str | None, None] = dict.fromkeys((*self.params.labels, *schema.classes))
        with tempfile.TemporaryFile("w+", dir=folder, encoding="utf-8", newline="\n") as body:
            for batch in batches:
                for series, label in rows_of(batch, self.name):
                    lengths.add(series.shape[0])
                    channels = [words_of(series[:, place], "?") for place in range(series.shape[1])]
                    missing |= any("?" in words for words in channels)
                    met[label] = None
                    target = [] if schema.target is None else ["?" if label is None else label]
                    body.write(":".join([*map(",".join, channels), *target]) + "\n")
            num_channels = array.shape[1]
            header = [f"@problemName {self.params.problem}", "@timeStamps false", f"@missing {_true(missing)}"]
            header.append(f"@univariate {_true(num_channels == 1)}")
            header += [f"@dimensions {num_channels}"] if num_channels > 1 else []
            header.append(f"@equalLength {_true(len(lengths) < 2)}")
            header += [f"@seriesLength {length}" for length in lengths] if len(lengths) == 1 else []
            if schema.task == "number":
                header.append("@targetLabel true")
            else:
                labels = [label for label in met if label is not None]
                header.append(" ".join(["@classLabel", _true(schema.target is not None), *labels]))
            with path.open("w", encoding="utf-8", newline="\n") as file:
                file.write("\n".join([*header, "@data", ""]))
                body.seek(0)
                shutil.copyfileobj(body, file)
        return [path]


class UcrSink(Sink):
    """Writes `train.tsv` and `test.tsv` as the UCR archive has them: a row a series, its label first, and no header.

    A missing value is `NaN`, as is the end of a series that is shorter than others. The files hold series of one
    channel and their labels alone, and not which rows are synthetic.

    Format: https://www.cs.ucr.edu/~eamonn/time_series_data_2018/
    """

    name = "ucr"
    accepts = Accepts(modalities=frozenset({"series"}), targets=frozenset({"classes"}))
    endings = (".tsv", ".txt")
    holds_origin = False

    class Params(plugin.SinkParams):
        ending: Literal[".tsv", ".txt"] = ".tsv"
        """The file extension."""
        delimiter: str = Field("\t", min_length=1, max_length=1)
        """The character between two cells."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write `<name>.tsv`.

        Raises:
            DataError: there are several channels or other arrays, or a label has a blank or a comma.
        """
        array = schema.arrays[only_series(schema, self.name)]
        if array.shape[1] != 1:
            raise DataError(f"sink ucr: series have {array.shape[1]} channels, and such files hold one; use ts")
        path = folder / f"{name}{self.params.ending}"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for batch in batches:
                for series, label in rows_of(batch, self.name):
                    words = words_of(series[:, 0], "NaN") + ["NaN"] * (array.shape[0] - len(series))
                    file.write(self.params.delimiter.join([label or "NaN", *words]) + "\n")
        return [path]


def only_series(schema: Schema, sink: str) -> str:
    """The name of the only array, of numbers."""
    if len(schema.arrays) != 1:
        raise DataError(
            f"sink {sink}: it holds one series a row, and there are {', '.join(schema.arrays)}; use parquet"
        )
    name = schema.find_array("series")
    for channel, column in (schema.arrays[name].channels or {}).items():
        if column.type == "category":
            raise DataError(
                f"sink {sink}: channel {channel!r} holds labels, and such files hold numbers; use series-csv"
            )
    return name


def rows_of(batch: Dataset, sink: str, forbidden: str = " \t,:?\n") -> Iterator[tuple[np.ndarray, str | None]]:
    """Each series without its padding, (T, F), and its label, which has none of the forbidden signs."""
    schema = batch.schema
    name = schema.find_array("series")
    labels = [None] * len(batch) if schema.target is None else as_labels(batch.frame[schema.target]).tolist()
    for values, length, label in zip(batch.arrays[name], batch.lengths(name), labels, strict=True):
        if not length:
            raise DataError(f"sink {sink}: a series has no steps, which no row can say; use npz")
        if label is not None and (not label or any(sign in label for sign in forbidden)):
            raise DataError(f"sink {sink}: the label {label!r} has a sign that divides cells; use series-csv")
        yield values[:length], label


def words_of(values: np.ndarray, missing: str) -> list[str]:
    """Numbers as text, in as few digits as tell them from other float32."""
    return [missing if word == "nan" else word for word in map(str, values.astype(np.float32))]


def _true(value: bool) -> str:
    return "true" if value else "false"
