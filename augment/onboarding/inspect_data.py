"""Read a dataset as somebody wishes it, and look at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from augment.data import Dataset, Modality
from augment.detect.formats import Data, list_sources, read
from augment.errors import DataError
from augment.onboarding.choose_target import Look, look_at
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Source

__all__ = ["Ask", "Found", "Wishes", "inspect"]


@dataclass(frozen=True)
class Wishes:
    """What somebody says of the data.

    Attributes:
        target: the column that a model should predict, or None to find it.
        text: the column of texts that the data is about, or None.
        split_by: `group` or `time` to a column.
        source: what reads the data, or None for what is surest to.
    """

    target: str | None = None
    text: str | None = None
    split_by: Mapping[str, str] = field(default_factory=dict)
    source: type[Source] | None = None


@dataclass(frozen=True)
class Found:
    """The data.

    Attributes:
        source: what reads it.
        kinds: kinds of data that it can be read as, each with what reads it; the present one first.
        dataset: N rows, as read.
        settings: of the source, beside the path.
        left_out: column to why it is left out.
        look: what was found in it.
    """

    source: type[Source]
    kinds: Mapping[Modality, type[Source]]
    dataset: Dataset
    settings: dict[str, Any]
    left_out: Mapping[str, str]
    look: Look


Ask = Callable[[Found, Wishes], Wishes]


def inspect(data: Data, catalog: Catalog, given: Mapping[str, Any] | None, wishes: Wishes) -> Found:
    """Read the data and look at it.

    Args:
        data: a file, several of the same columns, or a folder.
        catalog: the components.
        given: settings of the source that are known.
        wishes: what somebody says of it.

    Raises:
        DataError: it cannot be read, or has no such column.
    """
    sources = [wishes.source] if wishes.source else list_sources(data, catalog)
    source = sources[0]
    if wishes.text is not None and wishes.text == wishes.target:
        raise DataError(f"--text: {wishes.text!r} is the target; texts are what it is predicted from")
    dataset, settings, left_out = read(source, data, wishes.target, given, wishes.text)
    if wishes.text is not None and dataset.schema.modality != "text":
        raise DataError(f"--text: {source.name} reads this as data of kind {dataset.schema.modality}, not as texts")
    look = look_at(dataset, wishes.target)
    kinds: dict[Modality, type[Source]] = {look.schema.modality: source}
    has_texts = any(column.type in ("text", "category") for column in look.schema.columns.values())
    if "text" in source.yields and (left_out or has_texts):
        kinds.setdefault("text", source)
    for other in sources:
        offered = other.yields if len(other.yields) == 1 else other.yields & {"table"}  # what more it finds, it decides
        for kind in offered:
            kinds.setdefault(kind, other)
    return Found(source, kinds, dataset, settings, left_out, look)
