"""Propose the target of a dataset, by the names and values of its columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from augment.data import MAX_INTEGER_CLASSES, Dataset, Schema, SchemaDeclaration, as_labels, infer, observe
from augment.data.inference import are_few_whole_numbers
from augment.detect.formats import looks_like_id
from augment.errors import DataError

__all__ = ["SPLIT_NAME", "Look", "choose_target", "look_at"]

GENERAL = ("target", "label", "labels", "class", "classes", "y", "outcome", "response")
TARGET_NAMES = (
    *(*GENERAL, "category", "species", "diagnosis"),
    *("income", "survived", "churn", "churned", "default", "defaulted", "fraud", "isfraud", "spam", "quality", "price"),
)
SPLIT_NAME = re.compile(r"(cv_?|k_?)?folds?|split|subset|partition|is_?test|(data_?)?set", re.IGNORECASE)
MAX_MISSING = 0.2  # share of the rows that may lack a target


@dataclass(frozen=True)
class Look:
    """Facts about the data.

    Attributes:
        dataset: N rows, as the source reads them.
        schema: with the target.
        why: the reason for the target, or for having none.
        counts: rows of each class; empty if the target has no classes.
        num_without_target: rows that have no target, left out of all that is said above.
    """

    dataset: Dataset
    schema: Schema
    why: str
    counts: dict[str, int]
    num_without_target: int = 0

    @property
    def missing(self) -> list[str]:
        """The features with missing values."""
        return [name for name in self.schema.features if self.schema.columns[name].nullable]


def choose_target(schema: Schema, frame: pd.DataFrame) -> tuple[str | None, str]:
    """The most likely target, or None, and the reason. By its name, it may be one that few rows lack.

    A column that is a number only without its unit is none unless somebody says so: its words may be classes.

    Args:
        schema: the inferred schema; ids are not considered.
        frame: (N,) rows.
    """
    known = {wanted: place for place, wanted in enumerate(TARGET_NAMES)}
    lengths = {array.length_column for array in schema.arrays.values()}
    missing = {name: frame[name].isna().mean() for name in schema.features if name not in lengths}
    complete = [name for name in missing if not missing[name]]
    named = [
        name
        for name in missing
        if _bare(name) in known and missing[name] <= MAX_MISSING and schema.columns[name].unit is None
    ]

    def likelihood(name: str) -> tuple[bool, bool, int]:
        """Smaller is likelier: an income or a price of many values is a feature where there is `churned`."""
        is_amount = known[_bare(name)] >= len(GENERAL) and frame[name].nunique() > MAX_INTEGER_CLASSES
        return name not in complete, is_amount, known[_bare(name)]

    for name in sorted(named, key=likelihood):
        num_distinct = frame[name].nunique()
        most = len(frame) if schema.columns[name].type in ("number", "integer") else len(frame) // 2
        if 2 <= num_distinct <= most:
            return name, "chosen for its name"
    for name in reversed([name for name in complete if not SPLIT_NAME.fullmatch(name)]):
        num_distinct = frame[name].nunique()
        whole = schema.columns[name].type in ("category", "boolean", "integer")
        whole = whole or (schema.columns[name].type == "number" and are_few_whole_numbers(frame[name]))
        if whole and 2 <= num_distinct <= MAX_INTEGER_CLASSES and num_distinct <= len(frame) // 2:
            return name, f"chosen because it is the last column with 2 to {MAX_INTEGER_CLASSES} values"
    return None, f"No column without missing values is called like a target or has 2 to {MAX_INTEGER_CLASSES} values"


def look_at(dataset: Dataset, asked: str | None) -> Look:
    """Choose the target and derive the schema.

    Args:
        dataset: as the source reads it.
        asked: the target, if the user has set it.

    Raises:
        DataError: the target is not in the data, is missing in all rows, or was set and has one value, or values that
            are no classes or numbers.
    """
    source_schema, frame = dataset.schema, dataset.frame
    target, why = (asked, "as asked for") if asked is not None else (source_schema.target, "as the source says")
    if target is None:
        target, why = choose_target(source_schema, frame)
    num_without_target = int(frame[target].isna().sum()) if target in frame else 0
    if num_without_target == len(frame):
        raise DataError(f"target {target!r} has no value in any row; name another")
    if asked is not None and asked in frame and frame[asked].nunique() < 2:
        raise DataError(f"target {asked!r} has one value in all rows, so there is nothing to predict; name another")
    if num_without_target:
        dataset = dataset.take(np.flatnonzero(frame[target].notna()))
        frame = dataset.frame
    # inferred again, because what the target is depends on its being the target
    known = {
        name: column for name, column in source_schema.columns.items() if name != target or name == source_schema.target
    }
    if source_schema.modality == "table":
        for name, column in known.items():
            if column.type == "text" and name != target and looks_like_id(dataset, name):
                known[name] = column.model_copy(update={"type": "id"})
    declared = SchemaDeclaration(
        target=target, payload=source_schema.payload, columns=dict(known), arrays=dict(source_schema.arrays)
    )
    typed = Dataset.of(frame, dataset.arrays, infer(frame, dataset.arrays, declared))
    frame = typed.frame  # labels as a run has them: 2 where the file has 2.0
    schema, _ = observe(typed.schema, frame, dataset.arrays)
    if asked is not None and schema.task == "none":
        kind = schema.columns[asked].type
        raise DataError(f"target {asked!r} is of type {kind}, and models predict classes or numbers; name another")
    counts: dict[str, int] = {}
    if target is not None and schema.task == "classes":
        rows = pd.Series(as_labels(frame[target])).value_counts()
        counts = {label: int(rows.get(label, 0)) for label in schema.classes}
    return Look(Dataset.of(frame, dataset.arrays, schema), schema, why, counts, num_without_target)


def _bare(name: str) -> str:
    """A column's name without case, spaces and underscores."""
    return re.sub(r"[\W_]+", "", name.casefold())
