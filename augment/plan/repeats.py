"""Where synthetic rows may equal an earlier synthetic row: where so many real rows would repeat too.

Shapes: N training rows, M of them of one class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from augment.data import Dataset
from augment.data.schema import class_positions
from augment.plan.chunks import PlanRow
from augment.toolkit.tables.possible_rows import count_possible_rows

__all__ = ["Repeats"]


@dataclass(frozen=True)
class _Group:
    """What is known of the training rows of one class, or of all.

    Attributes:
        rows: how many there are, M.
        equal: share of the pairs of these rows that are equal.
        possible: different rows that their values can be combined to, see `count_possible_rows`.
        is_discrete: whether the table has nothing but categories, booleans and integers.
    """

    rows: int
    equal: float
    possible: float
    is_discrete: bool

    def reason(self, num_rows: int, moved: bool) -> str:
        """Why so many synthetic rows may repeat, in words; empty if they may not.

        Args:
            num_rows: synthetic rows that are asked for.
            moved: whether the generator starts from real rows.
        """
        if self.rows < 2:
            return ""  # one row does not show how few are possible
        num_pairs = num_rows * (num_rows - 1) / 2
        if num_pairs * self.equal >= 1:
            return "real rows repeat as well"
        if num_pairs >= self.possible:
            return f"{self.possible:,.0f} different rows are possible"
        if moved and self.is_discrete and num_pairs >= self.rows:
            return f"{self.rows:,} real rows are moved by whole steps"
        return ""


class Repeats:
    """Says which rows of a plan may equal an earlier one.

    Repeats are natural if, among n rows, at least one of the n(n - 1)/2 pairs is expected to be equal. The chance that
    two rows are equal is taken to be the largest of: the share of equal pairs among the training rows of their class;
    one in the number of rows that the values of these training rows can be combined to; and, for a generator that
    starts from real rows, in a table of categories, booleans and integers alone, one in the number of these real rows.
    All values between a column's smallest and largest count as possible, so that it is rather too few rows that may
    repeat. A class of one training row shows nothing of this, so its rows may not repeat. Where the plan asks for no
    classes, all training rows count as one class.
    """

    def __init__(self, train: Dataset):
        self._train = train
        self._groups: dict[str, _Group] = {}

    def reasons(self, plan: Sequence[PlanRow], is_moved: Mapping[str, bool]) -> dict[tuple[str, str], str]:
        """(generator, label) to why its rows may repeat, in words, where they may; the label is empty without classes.

        Args:
            plan: all rows that are asked for.
            is_moved: generator to whether it starts from real rows.
        """
        asked: dict[str, int] = {}
        generators: dict[str, dict[str, None]] = {}
        for row in plan:
            for label, count in _labels(row):
                asked[label] = asked.get(label, 0) + count
                generators.setdefault(label, {})[row.generator] = None
        reasons = {
            (generator, label): self._group(label).reason(asked[label], is_moved[generator])
            for label, names in generators.items()
            for generator in names
        }
        return {key: reason for key, reason in reasons.items() if reason}

    @cached_property
    def _hashes(self) -> np.ndarray:
        return self._train.row_hashes()

    def _group(self, label: str) -> _Group:
        if label not in self._groups:
            data, mine = self._train, np.full(len(self._train), True)
            if label:
                assert data.schema.target is not None  # the plan names classes
                mine = class_positions(data.frame[data.schema.target], [label]) == 0
                data = data.drop_columns([data.schema.target])
            types = {column.type for column in data.schema.columns.values()}
            self._groups[label] = _Group(
                rows=int(mine.sum()),
                equal=_share_of_equal_pairs(self._hashes[mine]),
                possible=count_possible_rows(data, mine),
                is_discrete=types <= {"category", "boolean", "integer"} and not data.arrays,
            )
        return self._groups[label]


def _labels(row: PlanRow) -> Iterator[tuple[str, int]]:
    yield from row.labels or (("", row.rows),)


def _share_of_equal_pairs(hashes: np.ndarray) -> float:
    counts = np.unique(hashes, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1)).sum() / max(1, len(hashes) * (len(hashes) - 1)))
