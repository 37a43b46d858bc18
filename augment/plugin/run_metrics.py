"""The model of `metrics.json`: all counts and measurements of a run.

`augment run` and `augment evaluate` build the same model, `Run.metrics` and `RunView.metrics` give it, and
`docs/reference/run-files.md` is generated from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import FiniteFloat, model_validator

from augment.plugin.trial_results import Interval, Part, SearchResult, TrialResult

__all__ = [
    "AttackFinding",
    "AttackResult",
    "ClassCounts",
    "FilterCounts",
    "GeneratorCounts",
    "MetricScore",
    "PrivacyResult",
    "RowCounts",
    "RunMetrics",
]

AttackFinding = Literal["no leak found", "natural likeness", "near by design", "leak found"]


class RowCounts(Part):
    """Rows of each part."""

    read: int
    """Read from the source."""
    train: int
    """In the training part."""
    test: int
    """Held out."""
    synthetic: int
    """Synthetic rows kept."""


class ClassCounts(Part):
    """Label to rows, in each part; all empty where the target has no classes."""

    train: dict[str, int]
    """In the training part."""
    test: dict[str, int]
    """Held out."""
    synthetic: dict[str, int]
    """Synthetic rows kept."""


class GeneratorCounts(Part):
    """Rows of one generator: requested, kept and rejected."""

    use: str
    """The name of the component."""
    origin: Literal["noise", "rows", "copies", "unknown"]
    """What its rows start from; `unknown` in an evaluation of rows from another tool."""
    asked: int
    """Rows requested."""
    kept: int
    """Rows kept."""
    rounds: int
    """The maximum number of sampling rounds of a chunk."""
    rejected: dict[str, int]
    """Filter id to rows rejected."""
    per_class: dict[str, int]
    """Label to rows kept."""


class FilterCounts(Part):
    """Rows that one filter checked and rejected."""

    use: str
    """The name of the component. `in-schema` and `duplicates` (rows equal to an earlier synthetic row, where real rows
    would not repeat as often) are built in."""
    what: str
    """What it rejects."""
    threshold: float
    """Rows with at least this value are kept."""
    judged: int
    """Rows checked."""
    rejected: int
    """Rows rejected."""


class AttackResult(Part):
    """What an attack on privacy found, beside its score."""

    limit: FiniteFloat
    """The value that chance stays below."""
    finding: AttackFinding
    """Up to the limit `no leak found`, or `natural likeness` where real rows are alike so often that copies cannot be
    distinguished. Above it `leak found`, or `near by design` where generators start from real rows."""

    @property
    def is_above_limit(self) -> bool:
        """Whether it says that the score is above the limit."""
        return self.finding in ("leak found", "near by design")


class MetricScore(Part):
    """One score of a metric."""

    metric: str
    """The id of the metric."""
    of: str
    """The generator whose rows were scored, or `all`."""
    name: str
    """What was measured."""
    value: float
    """The score."""
    unit: str
    """Its unit; empty for a share or a count."""
    better: Literal["higher", "lower", "none"]
    """Which direction is better."""
    meaning: str = ""
    """What it measures, in a sentence; empty where the metric does not say."""
    interval: Interval
    """95 % interval, or null."""
    detail: dict[str, Any]
    """Further values. `reference` maps controls such as `hold-out` to their scores."""
    attack: AttackResult | None = None
    """What an attack on privacy found; null for other scores."""
    voids: str = ""
    """Why the verdict of the trial is void, for example because rows repeat held-out ones; empty where it is not."""

    @property
    def reference(self) -> Mapping[str, float]:
        """Control to what it scores; empty where the metric names none."""
        known = self.detail.get("reference")
        return known if isinstance(known, Mapping) else {}

    @model_validator(mode="after")
    def _finding_agrees_with_value(self) -> Self:
        if self.attack is not None and self.attack.is_above_limit != (self.value > self.attack.limit):
            raise ValueError(
                f"the finding {self.attack.finding!r} does not agree with {self.value}, for a limit of "
                f"{self.attack.limit}"
            )
        return self


class PrivacyResult(Part):
    """The result of the privacy attacks."""

    verdict: Literal["no leak found", "near by design", "leak found", "not assessed"]
    """The verdict in short."""
    sentence: str
    """The verdict in words, with its figures."""


class RunMetrics(Part):
    """All counts and measurements of a run or an evaluation. All keys are always present."""

    rows: RowCounts
    """Rows of each part."""
    classes: ClassCounts
    """Rows of each class."""
    generators: dict[str, GeneratorCounts]
    """By id, in the order of the pipeline."""
    filters: dict[str, FilterCounts]
    """By id, in the order in which they are applied, `in-schema` first."""
    search: SearchResult
    """The search for the mix."""
    settings: dict[str, SearchResult] = {}
    """By id of a generator, the search for its settings, where one was asked for; in the form of `search`."""
    trial: TrialResult
    """The experiment on the hold-out."""
    scores: list[MetricScore]
    """The scores of all metrics."""
    privacy: PrivacyResult
    """The result of the privacy attacks."""
    notes: list[str]
    """Warnings and notes, as sentences."""

    def __repr__(self) -> str:
        rows = f"{self.rows.train:,} + {self.rows.synthetic:,} training rows, {self.rows.test:,} held out"
        return f"RunMetrics({self.trial.verdict!r}, {rows}; has {', '.join(type(self).model_fields)})"

    __str__ = __repr__
