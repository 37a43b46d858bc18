"""Propose a target and generators for a dataset.

Every choice is based on the data and on what the installed components accept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from augment.data import MAX_INTEGER_CLASSES, Dataset, Modality, Schema, SchemaDeclaration, as_labels, infer, observe
from augment.detect.formats import looks_like_id
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Filter, Generator, Transform
from augment.plugin.suits import Suits
from augment.toolkit.yaml_text import dump_flow

__all__ = ["HOLDOUT", "SPLIT_NAME", "Choice", "Look", "choose", "choose_target", "look_at"]

TARGET_NAMES = (
    *("target", "label", "labels", "class", "classes", "y", "outcome", "response", "category", "species", "diagnosis"),
    *("income", "survived", "churn", "churned", "default", "defaulted", "fraud", "isfraud", "spam", "quality", "price"),
)
SPLIT_NAME = re.compile(r"(cv_?|k_?)?folds?|split|subset|partition|is_?test|(data_?)?set", re.IGNORECASE)
HOLDOUT = 0.2
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


@dataclass(frozen=True)
class Choice:
    """A proposal for the data.

    Attributes:
        fill: the transform that fills in missing values, where one is needed.
        generators: the classes to use, each with what it says of such data.
        refused: name of a generator to why it cannot be used, or is not proposed.
        unfit_filter: the filter that pipelines have by default, where it does not suit the generators.
    """

    fill: type[Transform] | None
    generators: list[tuple[type[Generator], Suits]]
    refused: dict[str, str]
    unfit_filter: type[Filter] | None


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
    for name in sorted(named, key=lambda name: (name not in complete, known[_bare(name)])):
        num_distinct = frame[name].nunique()
        most = len(frame) if schema.columns[name].type in ("number", "integer") else len(frame) // 2
        if 2 <= num_distinct <= most:
            return name, "chosen for its name"
    for name in reversed([name for name in complete if not SPLIT_NAME.fullmatch(name)]):
        num_distinct = frame[name].nunique()
        whole = schema.columns[name].type in ("category", "boolean", "integer")
        if whole and 2 <= num_distinct <= MAX_INTEGER_CLASSES and num_distinct <= len(frame) // 2:
            return name, f"chosen because it is the last column with 2 to {MAX_INTEGER_CLASSES} values"
    return None, f"No column without missing values is called like a target or has 2 to {MAX_INTEGER_CLASSES} values"


def look_at(dataset: Dataset, asked: str | None) -> Look:
    """Choose the target and derive the schema.

    Args:
        dataset: as the source reads it.
        asked: the target, if the user has set it.

    Raises:
        DataError: the target is not in the data, or is missing in all rows.
    """
    source_schema, frame = dataset.schema, dataset.frame
    target, why = (asked, "as asked for") if asked is not None else (source_schema.target, "as the source says")
    if target is None:
        target, why = choose_target(source_schema, frame)
    num_without_target = int(frame[target].isna().sum()) if target in frame else 0
    if num_without_target == len(frame):
        raise DataError(f"target {target!r} has no value in any row; name another")
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
    counts: dict[str, int] = {}
    if target is not None and schema.task == "classes":
        rows = pd.Series(as_labels(frame[target])).value_counts()
        counts = {label: int(rows.get(label, 0)) for label in schema.classes}
    return Look(Dataset.of(frame, dataset.arrays, schema), schema, why, counts, num_without_target)


def choose(look: Look, catalog: Catalog, holdout: float = HOLDOUT) -> Choice:
    """Whether to fill in missing values, and the first generator that fits of each origin.

    Args:
        look: what was found in the data.
        catalog: the components there are.
        holdout: share of these rows that will not be learned from.
    """
    schema, modality = look.schema, look.schema.modality
    fill = None
    if look.missing:
        transforms = [cls for cls in catalog.classes("transform") if issubclass(cls, Transform) and cls.fills_missing]
        fill = next((cls for cls in transforms if cls.accepts.refusal(schema) is None), None)
    if fill:
        columns = dict(schema.columns)
        columns |= {name: columns[name].model_copy(update={"nullable": False}) for name in look.missing}
        schema = schema.model_copy(update={"columns": columns})
    num_rows = round(len(look.dataset) * (1 - holdout))
    chosen: dict[str, tuple[type[Generator], Suits]] = {}
    refused: dict[str, str] = {}
    for cls, suits in _in_order(catalog, modality):
        if why := cls.accepts.refusal(schema, num_rows) or _reservation(cls, suits, look, chosen.get("rows")):
            refused[cls.name] = why
        elif cls.origin not in chosen and (cls.origin != "copies" or not chosen):
            chosen[cls.origin] = (cls, suits)
    if not chosen:
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items()) or "none is for such data"
        raise DataError(f"no installed generator works on this data of kind {modality}: {reasons}")
    needed = any(not cls.accepts.missing for cls, _ in chosen.values())
    # a row that was moved a little stays near its original, and would be rejected for that
    filters = _default_filters(catalog, schema) if "rows" in chosen else []
    unfit = next((cls for cls in filters if "rows" not in cls.skips), None)
    return Choice(fill if needed else None, list(chosen.values()), refused, unfit)


def _in_order(catalog: Catalog, modality: Modality) -> list[tuple[type[Generator], Suits]]:
    """The generators that say they are for such data, in the order in which they are considered; copies last, since
    repeated rows are an arm of every trial anyway."""
    generators = [cls for cls in catalog.classes("generator") if issubclass(cls, Generator)]
    entries = [
        (cls, suits)
        for cls in generators
        for suits in cls.suits
        if modality == suits.modality and modality in cls.accepts.modalities
    ]
    return sorted(entries, key=lambda entry: (entry[0].origin == "copies", entry[1].rank, entry[0].name))


def _default_filters(catalog: Catalog, schema: Schema) -> list[type[Filter]]:
    """The filters that a pipeline has on such data that names none."""
    names = catalog.defaults("filter", [schema.modality])
    classes = [cls for name in names for cls in catalog.candidates("filter", name) if issubclass(cls, Filter)]
    return [cls for cls in classes if cls.accepts.refusal(schema) is None]


def _reservation(
    generator: type[Generator], suits: Suits, look: Look, mover: tuple[type[Generator], Suits] | None
) -> str:
    """Why a generator that could be used is not proposed; empty when it is fine.

    Args:
        generator: what could be used.
        suits: what it says of such data.
        look: what was found in the data.
        mover: the generator that moves real rows, where one is chosen already.
    """
    num_rows, schema = len(look.dataset), look.schema
    label = min(look.counts, key=lambda label: look.counts[label], default="")
    num_rare = look.counts.get(label, num_rows)
    if num_rows < suits.min_rows:
        return f"{num_rows:,} rows are too few to learn from; it takes {suits.min_rows:,} or more"
    if generator.origin == "noise" and mover is not None and mover[1].alone:
        return mover[1].alone
    beside = generator.origin != "noise" or mover is not None
    bound = ""
    if look.counts and num_rare < suits.min_class_rows and beside:
        bound = f"class {dump_flow(label)} has too few rows ({num_rare:,}); it takes {suits.min_class_rows:,} or more"
    elif schema.task not in suits.targets:
        wanted = {"classes": "targets that have classes", "number": "numeric targets", "none": "data without a target"}
        bound = f"it suits {' and '.join(wanted[task] for task in sorted(suits.targets))}"
    elif suits.max_rows is not None and num_rows > suits.max_rows:
        bound = f"it suits up to {suits.max_rows:,} rows, and there are {num_rows:,}"
    elif suits.max_class_rows is not None and num_rare > suits.max_class_rows:
        bound = f"it suits up to {suits.max_class_rows:,} rows of a class, and the rarest has {num_rare:,}"
    elif suits.max_shape is not None:
        shape = next(array.shape for array in schema.arrays.values() if array.type == schema.modality)
        if any(size > most for size, most in zip(shape, suits.max_shape, strict=False)):
            bound = f"it suits up to {' x '.join(map(str, suits.max_shape))} values"
    return f"{bound}; {suits.otherwise}" if bound and suits.otherwise else bound


def _bare(name: str) -> str:
    """A column's name without case, spaces and underscores."""
    return re.sub(r"[\W_]+", "", name.casefold())
