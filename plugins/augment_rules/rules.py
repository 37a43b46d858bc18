"""The filter `rules`: rejects synthetic rows that break what must hold between columns."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field

from augment import plugin
from augment.data import Dataset, Schema, as_labels
from augment.errors import DataError, Problem, SpecError, did_you_mean
from augment.plugin import Context, Filter, read_state, write_state
from augment_rules.evaluation import broken_by, type_problems, unknown_labels
from augment_rules.grammar import parse

__all__ = ["Rules"]

MAX_RULES = 200

log = logging.getLogger("augment")

Combination = tuple[str | None, ...]


def _parsed(rule: str) -> str:
    parse(rule)
    return rule


def _distinct(columns: list[str]) -> list[str]:
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    if doubled:
        raise ValueError(f"column {doubled[0]!r} stands in the combination twice")
    return columns


class Rules(Filter):
    """Throws out rows that break a rule between columns; they are drawn again.

    A rule is a condition on one row, such as `start <= end`, `net + tax == gross`, `income > 0 when employed == "yes"`,
    `colour in ["red", "blue"]`, `not (a > 1 and b > 1)`, or `end is missing when state == "open"`. A column's name is
    a bare word, or anything in `backticks`; text and dates (`born < "2007-01-31"`) stand in quotes.

    A row breaks a rule only where the rule is false. A comparison with a missing value is neither true nor false, so
    it rejects no row; neither does a division by zero. Numbers are compared as 64-bit floats; after arithmetic,
    numbers that differ by rounding alone are equal.

    Every synthetic row is judged, those that begin as real rows or copy them too. A rule that every training row breaks
    is refused; where some do, the logger `augment` warns, and says how many.
    """

    name = "rules"

    class Params(plugin.Params):
        rules: list[Annotated[str, AfterValidator(_parsed)]] = Field([], max_length=MAX_RULES)
        """What must hold in every row, such as `a <= b` or `x > 0 when y == "yes"`. In YAML, a rule that begins with a
        quote, a backtick or a bracket stands in single quotes."""
        combinations: list[Annotated[list[str], Field(min_length=2), AfterValidator(_distinct)]] = Field(
            [], max_length=MAX_RULES
        )
        """Columns whose values must occur together in a training row, such as `[city, country]`. Here a missing value
        counts as a value."""

    def __init__(self, params: Any = None):
        super().__init__(params)
        self._trees = [parse(rule) for rule in self.params.rules]
        self._known: list[set[Combination]] = []

    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        self._refuse_misfits(reference.schema)
        for rule, tree in zip(self.params.rules, self._trees, strict=True):
            for sentence in unknown_labels(tree, reference.schema):
                log.warning("filter rules: rule %r: in the training part, %s", rule, sentence)
            num_broken = int(broken_by(tree, reference).sum())
            if num_broken == len(reference):
                raise DataError(
                    f"filter rules: rule {rule!r} is broken by every one of the {num_broken} training rows, so no "
                    f"synthetic row that is like them could keep it; mend the rule or the data"
                )
            if num_broken:
                log.warning(
                    "filter rules: rule %r is broken by %d of the %d training rows", rule, num_broken, len(reference)
                )
        self._known = [set(_combinations(reference, columns)) for columns in self.params.combinations]
        return self

    def _refuse_misfits(self, schema: Schema) -> None:
        problems = [
            f"rule {rule!r}: {problem}"
            for rule, tree in zip(self.params.rules, self._trees, strict=True)
            for problem in type_problems(tree, schema)
        ]
        for columns in self.params.combinations:
            for name in columns:
                if name not in schema.columns:
                    known = ", ".join(map(repr, list(schema.columns)[:20])) or "none"
                    hint = did_you_mean(name, schema.columns)
                    problems.append(
                        f"combination {columns}: there is no column {name!r}; the columns are {known}{hint}"
                    )
        if problems:
            raise SpecError([Problem(message, where="filter rules") for message in problems])

    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        passes = np.ones(len(candidates), dtype=bool)
        for tree in self._trees:
            passes &= ~broken_by(tree, candidates)
        for columns, known in zip(self.params.combinations, self._known, strict=True):
            passes &= np.array([row in known for row in _combinations(candidates, columns)], dtype=bool)
        return passes.astype(float)

    def save(self, folder: Path) -> None:
        known = [sorted(rows, key=lambda row: [(value is None, value or "") for value in row]) for rows in self._known]
        write_state(folder, {}, {"known": known})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        loaded = cls(params)
        loaded._known = [{tuple(row) for row in rows} for rows in read_state(folder)[1]["known"]]
        return loaded


def _combinations(data: Dataset, columns: list[str]) -> list[Combination]:
    """The values of these columns as text, a tuple a row; a missing value is None."""
    return list(zip(*(as_labels(_without_negative_zero(data.frame[name])) for name in columns), strict=True))


def _without_negative_zero(values: pd.Series) -> pd.Series:
    return values + 0.0 if values.dtype == np.float64 else values  # -0.0 equals 0.0, and is written otherwise
