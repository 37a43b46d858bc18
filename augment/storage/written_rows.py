"""The rows that a run has written, read back: pandas, numpy, Hugging Face. For torch see `augment.loaders`.

Whatever format the rows were written in, they are decoded once, into the store; from then on arrays are memory maps.

Shapes: N rows, F features, H height, W width, C channels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data import (
    ArrayDeclaration,
    Column,
    ColumnDeclaration,
    Dataset,
    Schema,
    SchemaDeclaration,
    as_labels,
    as_written,
    class_positions,
)
from augment.errors import AugmentError, DataError, PluginError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.plugin.contracts import Sink, Source
from augment.storage.atomic_files import disk_errors, remove
from augment.storage.hashes import content_key, source_hash
from augment.storage.store import Store

__all__ = ["REAL", "Part", "WrittenFile", "feature_array", "read_part", "target_array", "to_huggingface"]

REAL = "real"  # what the origin column says of a real row


@dataclass(frozen=True, eq=False)
class Part:
    """Rows that a run has written, and what made each of them.

    Attributes:
        data: the rows, ids included, the origin column left out.
        origin: `real`, or the id of the generator that made the row: (N,) object.
        origin_column: what the origin column is called.
    """

    data: Dataset
    origin: np.ndarray
    origin_column: str = "origin"

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        counts = pd.Series(self.origin).value_counts(sort=False)  # in the order of the rows, the real ones first
        return f"Part({' + '.join(f'{rows:,} {origin}' for origin, rows in counts.items()) or 'no rows'})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the rows of each origin, and the first rows."""
        return f"<p>{escape(repr(self))}</p>{self.frame.head().to_html()}"

    @property
    def schema(self) -> Schema:
        """What each column and array is."""
        return self.data.schema

    @property
    def frame(self) -> pd.DataFrame:
        """All columns as pandas, the origin column last. Dates that the data has as integers are such."""
        columns = self.schema.columns
        frame = self.data.frame.assign(**{name: as_written(self.data.frame[name], columns[name]) for name in columns})
        return frame.assign(**{self.origin_column: pd.Categorical(self.origin)})

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Name to array, (N, ...): memory maps, in the types and ranges that the schema says."""
        return dict(self.data.arrays)

    def only(self, *origins: str) -> Part:
        """The rows of these origins.

        Raises:
            DataError: no row has such an origin.
        """
        known = sorted(set(self.origin))
        for name in origins:
            if name not in known:
                raise DataError(f"no row is of origin {name!r}; there are {', '.join(known)}")
        rows = np.isin(self.origin, origins)
        return self if rows.all() else Part(self.data.take(rows), self.origin[rows], self.origin_column)

    def to_numpy(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Features and target, as `feature_array` and `target_array` give them."""
        return feature_array(self.data), target_array(self.data)

    def to_huggingface(self) -> Any:
        """A `datasets.Dataset`: a column for each column and array, the origin column too.

        Images are of the feature type `Image`; a target with classes is a `ClassLabel`, so that its numbers are
        those of `to_numpy`; other categories are texts.

        Raises:
            ImportError: the library `datasets` is not installed.
        """
        return to_huggingface(self.data, self.frame)


def to_huggingface(data: Dataset, frame: pd.DataFrame) -> Any:
    """Rows as a `datasets.Dataset`, see `Part.to_huggingface`; `frame` has their columns, and those to add as labels.

    Raises:
        ImportError: the library `datasets` is not installed.
    """
    import datasets

    schema = data.schema
    columns: dict[str, Any] = {}
    features: dict[str, Any] = {}
    for name in frame.columns:
        values = frame[name]
        kind = schema.columns[name].type if name in schema.columns else "category"
        if name == schema.target and schema.classes:
            columns[name], features[name] = target_array(data), datasets.ClassLabel(names=list(schema.classes))
        elif kind == "category":
            labels = as_labels(values)
            columns[name], features[name] = labels.tolist(), datasets.Value("string")
        else:
            columns[name] = [None if missing else value for value, missing in zip(values, values.isna(), strict=True)]
            is_count = kind == "datetime" and pd.api.types.is_integer_dtype(values.dtype)
            features[name] = datasets.Value("int64" if is_count else _HUGGINGFACE[kind])
    for name, array in schema.arrays.items():
        rows = data.arrays[name]
        if array.type == "image":
            feature = datasets.Image()
            columns[name] = [feature.encode_example(_as_picture(image)) for image in rows]
            features[name] = feature
        else:
            inner: Any = datasets.Value(array.dtype)
            for size in array.shape[:0:-1]:
                inner = datasets.List(inner, length=size)
            columns[name], features[name] = list(rows), datasets.List(inner, length=array.shape[0])
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


_HUGGINGFACE = {
    "number": "float64",
    "integer": "int64",
    "boolean": "bool",
    "datetime": "timestamp[us]",
    "text": "string",
    "id": "string",
}


def _as_picture(image_HWC: np.ndarray) -> np.ndarray:
    return image_HWC[:, :, 0] if image_HWC.shape[2] == 1 else image_HWC


def feature_array(data: Dataset) -> np.ndarray:
    """What a model learns from, as one array.

    The payload array as it is where there is one: images (N, H, W, C) uint8. Else all features as a matrix, (N, F)
    float64: numbers in their unit; booleans 0 and 1; categories by their position in the schema; dates in seconds since
    1970; NaN where a value is missing.

    Raises:
        DataError: there are several arrays, or a feature is text.
    """
    schema = data.schema
    if len(schema.arrays) == 1:
        return data.arrays[next(iter(schema.arrays))]
    if schema.arrays:
        raise DataError(f"there are several arrays, {', '.join(schema.arrays)}; take the one you mean from `arrays`")
    columns = [_as_numbers(data.frame[name], schema.columns[name]) for name in schema.features]
    return np.column_stack(columns) if columns else np.empty((len(data), 0))


def _as_numbers(values: pd.Series, column: Column) -> np.ndarray:
    match column.type:
        case "category":
            codes: Any = values.cat.codes.to_numpy(dtype=np.float64)
            return np.where(codes < 0, np.nan, codes)
        case "datetime":
            seconds = values.to_numpy().astype("datetime64[us]").astype(np.float64) / 1e6
            return np.where(values.isna(), np.nan, seconds)
        case "text" | "id":
            raise DataError(f"column {values.name!r} is {column.type}, which is not a number; take it from `frame`")
        case _:
            return values.to_numpy(dtype=np.float64, na_value=np.nan)


def target_array(data: Dataset) -> np.ndarray | None:
    """The target: the position of each row's class in `schema.classes`, (N,) int64; else numbers, (N,) float64.

    None without a target.
    """
    schema = data.schema
    if schema.target is None:
        return None
    values = data.frame[schema.target]
    if schema.task == "classes":
        return class_positions(values, schema.classes)
    return _as_numbers(values, schema.columns[schema.target])


@dataclass(frozen=True)
class WrittenFile:
    """One form in which rows were written.

    Attributes:
        sink: what wrote it.
        settings: of the sink.
        path: the file or folder.
        digest: SHA-256 of the content.
    """

    sink: str
    settings: Mapping[str, Any]
    path: Path
    digest: str


def read_part(written: Sequence[WrittenFile], schema: Schema, origin_column: str) -> Part:
    """Read back what a run has written.

    Args:
        written: every form in which the rows were written.
        schema: of the rows, without the origin column.
        origin_column: what the origin column is called.

    Raises:
        DataError: none of the sinks has a source of the same name, or a file is not what its source can read.
    """
    catalog = Catalog()
    for file in written:
        classes = catalog.components(file.sink)
        if not all(cls.holds_origin for cls in classes if issubclass(cls, Sink)):
            continue
        sources = [cls for cls in classes if issubclass(cls, Source)]
        sources = [cls for cls in sources if schema.modality in cls.yields and "path" in cls.Params.model_fields]
        if not sources:
            continue
        for sink in (cls for cls in classes if issubclass(cls, Sink)):
            to_read = sink.settings_to_read(sink.Params.model_validate(file.settings))
            file = replace(file, settings={**file.settings, **to_read})
        store = Store()
        read_by = [file.sink, file.settings, source_hash(sources[0].__module__), source_hash(__name__)]
        key = f"rows-{content_key([*read_by, file.digest, schema.model_dump(mode='json'), origin_column])}"
        with store.making(key, f"{file.path}") as work:
            folder = store.get(key, Dataset.load)
            if folder is None:
                remove(work / "built")
                _decode(sources[0], file, schema, origin_column, work / "built")
                folder = store.publish(key, work / "built")
        data = Dataset.load(folder)
        origin = as_labels(data.frame[origin_column])
        return Part(data.drop_columns([origin_column]), origin, origin_column)
    names = ", ".join(file.sink for file in written) or "none"
    raise DataError(
        f"no sink of this run writes what can be read back ({names}); leave `sinks:` out, or add one that a "
        "source of its name reads"
    )


def _decode(cls: type[Source], file: WrittenFile, schema: Schema, origin_column: str, out: Path) -> None:
    """Write the rows of a file as a dataset folder. A form of file that does not hold when series begin comes back
    without that."""
    columns = {**schema.columns, origin_column: Column(type="category", nullable=False)}
    starts = {array.start_column for array in schema.arrays.values() if array.start_column is not None}
    with tempfile.TemporaryDirectory() as scratch, disk_errors(out, "keeping rows"):
        try:
            read = _read_as(cls, file, schema, columns, Path(scratch))
        except DataError:
            if not starts:
                raise
            columns = {name: column for name, column in columns.items() if name not in starts}
            read = _read_as(cls, file, schema, columns, Path(scratch))
        arrays = {
            name: array.model_copy(
                update={
                    **read.schema.arrays[name].model_dump(include={"shape", "vocabulary"}),
                    "start_column": array.start_column if array.start_column in columns else None,
                }
            )
            for name, array in schema.arrays.items()
        }
        described = schema.model_copy(update={"columns": columns, "arrays": arrays})
        Dataset.of(read.frame, read.arrays, described).save(out)


def _read_as(
    cls: type[Source], file: WrittenFile, schema: Schema, columns: Mapping[str, Column], folder: Path
) -> Dataset:
    """The rows of a file, read with what is known of them."""
    declared = SchemaDeclaration(
        target=schema.target,
        payload=schema.payload,
        columns={name: ColumnDeclaration(**dict(column)) for name, column in columns.items()},
        # tokens are numbered, images scaled and recordings padded as the run has done it
        arrays={
            name: ArrayDeclaration(
                type=array.type,
                vocabulary=array.vocabulary,
                levels=array.levels,
                shape=array.shape if array.type == "audio" else None,
                length_column=array.length_column if array.type == "audio" else None,
            )
            for name, array in schema.arrays.items()
        },
    )
    try:
        shared = {name: value for name, value in file.settings.items() if name in cls.Params.model_fields}
        params = cls.Params.model_validate({**shared, "path": file.path})
        return cls(params).read(Context(seed=0, folder=folder, declared=declared))
    except (AugmentError, OSError):
        raise
    except Exception as error:
        raise PluginError(f"source {cls.name!r} failed in read: {type(error).__name__}: {error}") from error
