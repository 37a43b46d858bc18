"""Propose a target and generators for a dataset.

Every choice is based on the data and on what the installed components accept.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from augment.data.dataset import Dataset
from augment.data.schema import Schema, SchemaDeclaration, infer, labels_of, observe
from augment.detect.formats import bare, looks_like_id
from augment.errors import DataError, PluginError
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Component, Generator, Kind
from augment.toolkit.yaml_text import dump_flow

__all__ = ["HOLDOUT", "Choice", "Look", "choose", "choose_target", "look_at"]

# The first that fits is proposed, of each origin: rows moved, rows made from noise. Copies only where nothing else
# fits, since repeated rows are an arm of every trial anyway.
PREFERRED = (
    "warp",
    "albumentations",
    "series-edits",
    "history-edits",
    "anchored",
    "text-edits",
    "smote",
    "rnn",
    "vae",
    "gan",
    "bootstrap",
)
TARGET_NAMES = (
    *("target", "label", "labels", "class", "classes", "y", "outcome", "response", "category", "species", "diagnosis"),
    *("income", "survived", "churn", "churned", "default", "defaulted", "fraud", "isfraud", "spam", "quality", "price"),
)
MOST_TARGET_VALUES = 20
# The sizes of tables at which `anchored` was measured to help models and rows from noise to harm them: bench/results.
LEAST_ROWS_TO_LEARN = 200  # fewer, and a network has nothing to learn from
MOST_ROWS_TO_ANCHOR = 5_000
# The sizes of a class of texts at which `anchored` was measured to help more than edits, and texts from noise to harm.
MOST_TEXTS_TO_ANCHOR = 100
LEAST_TEXTS_TO_INVENT = 500
LEAST_ROWS_OF_CLASS = 3  # the hold-out takes at most one of three, and two are needed to go from one row to another
LARGEST_BENT = 64  # pixels on the longer side of grey images that are likely characters or scans, not photographs
HOLDOUT = 0.2


@dataclass(frozen=True)
class Look:
    """Facts about the data.

    Attributes:
        dataset: N rows, as the source reads them.
        schema: with the target.
        why: the reason for the target, or for having none.
        counts: rows of each class; empty if the target has no classes.
    """

    dataset: Dataset
    schema: Schema
    why: str
    counts: dict[str, int]

    @property
    def missing(self) -> list[str]:
        """The features with missing values."""
        return [name for name in self.schema.features if self.schema.columns[name].nullable]


@dataclass(frozen=True)
class Choice:
    """A proposal for the data.

    Attributes:
        impute: whether to impute missing values.
        generators: the classes to use.
        refused: name of a generator to the reason why it cannot or should not be used.
        filter: whether the default filter suits the generators.
    """

    impute: bool
    generators: list[type[Generator]]
    refused: dict[str, str]
    filter: bool


def choose_target(schema: Schema, frame: pd.DataFrame) -> tuple[str | None, str]:
    """The most likely target, or None, and the reason.

    Args:
        schema: the inferred schema; ids are not considered.
        frame: (N,) rows.
    """
    known = {wanted: place for place, wanted in enumerate(TARGET_NAMES)}
    lengths = {array.length_column for array in schema.arrays.values()}
    complete = [name for name in schema.features if not frame[name].hasnans and name not in lengths]
    named = [name for name in complete if bare(name) in known]
    for name in sorted(named, key=lambda name: known[bare(name)]):
        num_distinct = frame[name].nunique()
        most = len(frame) if schema.columns[name].type in ("number", "integer") else len(frame) // 2
        if 2 <= num_distinct <= most:
            return name, "chosen for its name"
    for name in reversed(complete):
        num_distinct = frame[name].nunique()
        whole = schema.columns[name].type in ("category", "boolean", "integer")
        if whole and 2 <= num_distinct <= MOST_TARGET_VALUES and num_distinct <= len(frame) // 2:
            return name, f"chosen because it is the last column with 2 to {MOST_TARGET_VALUES} values"
    return None, f"No column without missing values is called like a target or has 2 to {MOST_TARGET_VALUES} values"


def look_at(dataset: Dataset, asked: str | None) -> Look:
    """Choose the target and derive the schema.

    Args:
        dataset: as the source reads it.
        asked: the target, if the user has set it.

    Raises:
        DataError: the target is not in the data, or is missing in some rows.
    """
    found, frame = dataset.schema, dataset.frame
    target, why = (asked, "as asked for") if asked is not None else (found.target, "as the source says")
    if target is None:
        target, why = choose_target(found, frame)
    if target in frame and frame[target].hasnans:
        num_missing = int(frame[target].isna().sum())
        raise DataError(f"target {target!r} has no value in {num_missing:,} rows; leave those out, or name another")
    # inferred again, because what the target is depends on its being the target
    known = {name: column for name, column in found.columns.items() if name != target or name == found.target}
    if found.modality == "table":
        for name, column in known.items():
            if column.type == "text" and name != target and looks_like_id(dataset, name):
                known[name] = column.model_copy(update={"type": "id"})
    declared = SchemaDeclaration(target=target, payload=found.payload, columns=dict(known), arrays=dict(found.arrays))
    schema, _ = observe(infer(frame, dataset.arrays, declared), frame, dataset.arrays)
    counts: dict[str, int] = {}
    if target is not None and schema.task == "classes":
        rows = pd.Series(labels_of(frame[target])).value_counts()
        counts = {label: int(rows.get(label, 0)) for label in schema.classes}
    return Look(Dataset.of(frame, dataset.arrays, schema), schema, why, counts)


def choose(look: Look, catalog: Catalog) -> Choice:
    """Whether to impute missing values, and the first suitable generator of each origin."""
    impute = bool(look.missing) and isinstance(_fitting(catalog, "transform", "impute", look.schema), type)
    columns = dict(look.schema.columns)
    if impute:
        columns |= {name: columns[name].model_copy(update={"nullable": False}) for name in look.missing}
    schema = look.schema.model_copy(update={"columns": columns})
    num_rows = round(len(look.dataset) * (1 - HOLDOUT))
    chosen: dict[str, type[Generator]] = {}
    refused: dict[str, str] = {}
    for name in PREFERRED:
        if name not in catalog.names:
            continue
        found = _fitting(catalog, "generator", name, schema, num_rows)
        if found is None:
            continue
        if isinstance(found, str):
            refused[name] = found
            continue
        assert issubclass(found, Generator)
        if why := _reservation(found, look, chosen.get("rows")):
            refused[name] = why
        elif found.origin not in chosen and (found.origin != "copies" or not chosen):
            chosen[found.origin] = found
    if not chosen:
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items()) or "none is for such data"
        raise DataError(f"no installed generator works on this data of kind {schema.modality}: {reasons}")
    needed = any(not generator.accepts.missing for generator in chosen.values())
    copies = _fitting(catalog, "filter", "not-a-copy", schema) if "not-a-copy" in catalog.names else None
    # a row that was moved a little is near the row that it was, and would be thrown out for it
    suits = "rows" not in chosen or not isinstance(copies, type) or "rows" in getattr(copies, "skips", ())
    return Choice(impute and needed, list(chosen.values()), refused, suits)


def _fitting(
    catalog: Catalog, kind: Kind, name: str, schema: Schema, num_rows: int | None = None
) -> type[Component] | str | None:
    """The class with this name that accepts the data, the reason why none does, or None if it is for other data."""
    try:
        candidates = catalog.candidates(kind, name)
    except PluginError as error:
        return " ".join(str(error).split())
    refusals = []
    for candidate in candidates:
        if schema.modality not in candidate.accepts.modalities:
            continue
        if (refusal := candidate.accepts.refusal(schema, num_rows)) is None:
            return candidate
        refusals.append(refusal)
    return " and ".join(refusals) or None


def _reservation(generator: type[Generator], look: Look, mover: type[Generator] | None) -> str:
    """The reason against using a generator that accepts the data; empty if there is none.

    Args:
        generator: the generator.
        look: facts about the data.
        mover: the chosen generator that starts from real rows, if any.
    """
    num_rows = len(look.dataset)
    if num_rows < LEAST_ROWS_TO_LEARN and (generator.origin == "noise" or generator.name == "anchored"):
        return f"{num_rows:,} rows are too few to learn from; it takes {LEAST_ROWS_TO_LEARN} or more"
    if look.schema.modality == "table":
        return _reservation_for_tables(generator, look, mover)
    if look.schema.modality == "text":
        return _reservation_for_texts(generator, look, mover)
    if generator.name == "warp":
        height, width, num_channels = look.schema.arrays[look.schema.array_of("image")].shape
        if num_channels > 1 or max(height, width) > LARGEST_BENT:
            return "bends suit characters, faces and scans; these images may be photographs of anything"
    return ""


def _reservation_for_tables(generator: type[Generator], look: Look, mover: type[Generator] | None) -> str:
    num_rows = len(look.dataset)
    label = min(look.counts, key=lambda label: look.counts[label], default="")
    num_rare = look.counts.get(label, num_rows)
    if generator.origin == "rows" and num_rare < LEAST_ROWS_OF_CLASS:
        return f"class {dump_flow(label)} has too few rows ({num_rare}) to make others between them"
    if generator.name == "anchored" and look.schema.task != "classes":
        return "it was measured to help with targets that have classes, and not with others"
    if generator.name == "anchored" and num_rows > MOST_ROWS_TO_ANCHOR:
        return f"it was measured to help with a few hundred to a few thousand rows, and there are {num_rows:,}"
    if generator.origin == "noise" and mover is not None:
        if mover.name == "anchored":
            return "measured on tables as small as this, models gained nothing by its rows, or lost"
        if num_rare < LEAST_ROWS_TO_LEARN:
            return (
                f"class {dump_flow(label)} has too few rows to learn from ({num_rare}); it takes {LEAST_ROWS_TO_LEARN}"
            )
    return ""


def _reservation_for_texts(generator: type[Generator], look: Look, mover: type[Generator] | None) -> str:
    if generator.name == "anchored" and not look.counts:
        return "it was measured to help models that foretell classes, and there are none"
    num_rare = min(look.counts.values(), default=len(look.dataset))
    if generator.name == "anchored" and num_rare > MOST_TEXTS_TO_ANCHOR:
        return f"edits were measured to help more, from about {MOST_TEXTS_TO_ANCHOR} texts of each class"
    if generator.origin == "noise" and mover is not None and look.counts and num_rare < LEAST_TEXTS_TO_INVENT:
        return f"measured with as few texts of a class as here ({num_rare:,}), models lost by what it writes"
    return ""
