"""Propose generators for a dataset, from the data and from what the installed components accept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from augment.data import Modality, Schema
from augment.errors import DataError
from augment.onboarding.choose_target import Look
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Filter, Generator, Transform
from augment.plugin.suits import Suits
from augment.spec.models import HOLDOUT
from augment.toolkit.yaml_text import dump_flow

__all__ = ["Choice", "choose_generators"]


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

    def keep(self, generators: Sequence[type[Generator]], why: str) -> Choice:
        """The choice of these generators alone; the others are refused for a reason."""
        kept = [(cls, suits) for cls, suits in self.generators if cls in generators]
        refused = {cls.name: why for cls, _ in self.generators if cls not in generators}
        return replace(self, generators=kept, refused=self.refused | refused)


def choose_generators(look: Look, catalog: Catalog, holdout: float = HOLDOUT) -> Choice:
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
