"""X and y of a call as a training part, and more of them in the types in which they came.

Shapes: N rows, M synthetic rows.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data import ColumnDeclaration, Dataset, SchemaDeclaration, infer, observe
from augment.in_memory import Form, InMemory, hold
from augment.plugin.catalog import Catalog
from augment.runner.in_call import in_call
from augment.runner.in_memory_sources import merged_schema
from augment.runner.read_in_memory import read_in_memory

__all__ = ["Checked", "is_payload", "joined", "labels_as"]


@dataclass(frozen=True, eq=False)
class Checked:
    """X and y, checked.

    Attributes:
        labels: (N,) the class number of each row, or the numbers.
        classes: the classes in order; None for a numeric y.
        one_vs_all: whether y came as one column a class.
        frame: X, where it is a table.
        held: X and the labels, where it is not.
    """

    labels: np.ndarray
    classes: np.ndarray | None
    one_vs_all: bool = False
    frame: pd.DataFrame | None = None
    held: InMemory | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, y: np.ndarray, is_number: bool, one_vs_all: bool, frame: pd.DataFrame | None = None) -> Checked:
        """The labels as numbers of classes, of which there are at least two.

        Raises:
            ValueError: there is one class only.
        """
        if is_number:
            return cls(y, None, False, frame)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y holds one class only, {str(classes[0])!r}; at least two are needed")
        return cls(codes, classes, one_vs_all, frame)

    def holding(self, X: Any) -> Checked:
        """The same with X, which is no table.

        Raises:
            DataError: X cannot be held.
        """
        labels = self.labels if self.classes is None else self.labels.astype(str)
        return replace(self, held=hold(X, labels))

    @property
    def form(self) -> Form | None:
        """The form of X, where it is no table."""
        return None if self.held is None else self.held.form

    def labels_with(self, synthetic: Dataset) -> np.ndarray:
        """The labels of all rows, (N + M,), in the type of y."""
        assert synthetic.schema.target is not None
        values = synthetic.frame[synthetic.schema.target]
        if self.classes is None:
            numbers = values.to_numpy(np.float64)
            more = np.round(numbers) if self.labels.dtype.kind in "iu" else numbers
            return np.concatenate([self.labels, more.astype(self.labels.dtype)])
        labels: np.ndarray = self.classes[np.concatenate([self.labels, values.astype("int64").to_numpy()])]
        return labels

    def dataset(self, columns: Mapping[str, Any], catalog: Catalog, folder: Path) -> Dataset:
        """The training part. No column is treated as an id, because every column must be returned.

        Args:
            columns: what the user says of columns.
            catalog: the components there are.
            folder: scratch folder.

        Raises:
            DataError: the data cannot be used as it is.
        """
        if self.frame is None:
            assert self.held is not None
            assert self.held.target is not None
            target = self.held.target
            said = {"columns": {**columns, target: self._target_declaration().model_dump(exclude_none=True)}}
            section = merged_schema(self.held.declared, target, said)
            file = self.held.write(folder)
            with in_call(file):
                whole = read_in_memory(file, SchemaDeclaration.model_validate(section), catalog, folder)
            frame, arrays, inferred = whole.frame, whole.arrays, whole.schema
        else:
            target = _free_name(self.frame)
            declared = {name: ColumnDeclaration.model_validate(dict(said)) for name, said in columns.items()}
            labels = self.labels if self.classes is None else self.labels.astype(str)
            frame, arrays = self.frame.assign(**{target: labels}), {}
            of_target = {target: self._target_declaration()}
            inferred = infer(frame, arrays, SchemaDeclaration(target=target, columns={**declared, **of_target}))
        free = {
            name: column.model_copy(update={"type": "integer" if frame[name].dtype.kind in "iu" else "category"})
            for name, column in inferred.columns.items()
            if column.type == "id"
        }
        types = inferred.model_copy(update={"columns": {**inferred.columns, **free}})
        schema, _ = observe(types, frame, arrays)
        return Dataset.of(frame, arrays, schema)

    def _target_declaration(self) -> ColumnDeclaration:
        if self.classes is None:
            return ColumnDeclaration(type="integer" if self.labels.dtype.kind in "iu" else "number")
        return ColumnDeclaration(type="category", categories=tuple(map(str, range(len(self.classes)))))


def is_payload(X: Any) -> bool:
    """Whether X is a tensor, or images, series or texts: nothing that scikit-learn takes for a table."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(X, torch.Tensor):
        return True
    if isinstance(X, np.ndarray):
        return X.ndim > 2 or (X.ndim == 1 and X.dtype.kind in "UO" and bool(len(X)) and isinstance(X[0], str))
    if isinstance(X, pd.Series):
        return pd.api.types.infer_dtype(X, skipna=True) == "string"
    return isinstance(X, list) and bool(X) and isinstance(X[0], str | np.ndarray)


def joined(X: Any, more: Any) -> Any:
    """X followed by more of the same kind."""
    if isinstance(X, np.ndarray):
        return np.concatenate([X, more])
    if isinstance(X, list):
        return [*X, *more]
    if isinstance(X, pd.Series):
        return pd.concat([X, more.astype(X.dtype).rename(X.name)], ignore_index=True)
    return sys.modules["torch"].cat([X.detach().cpu(), more])


def labels_as(y: Any, labels: np.ndarray) -> Any:
    """Labels (N,) in the kind of y."""
    torch = sys.modules.get("torch")
    if isinstance(y, list):
        return labels.tolist()
    if isinstance(y, pd.Series):
        return pd.Series(labels, name=y.name).astype(y.dtype)
    if torch is not None and isinstance(y, torch.Tensor):
        return torch.from_numpy(labels).to(y.dtype)
    return labels


def _free_name(frame: pd.DataFrame) -> str:
    """A name for the target that differs from all features."""
    name = "class"
    while name in frame.columns:
        name += "_"
    return name
