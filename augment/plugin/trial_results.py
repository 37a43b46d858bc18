"""What the trial and the search report: the models of `trial` and `search` in `metrics.json`."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

__all__ = [
    "ArmResult",
    "ArmScore",
    "CandidateResult",
    "ClassCurves",
    "ClassResult",
    "Comparison",
    "Confusion",
    "CutDifferences",
    "CutsResult",
    "Interval",
    "MixChoice",
    "Part",
    "ScoreKind",
    "ScoreLegend",
    "SearchResult",
    "TrialResult",
    "Verdict",
]

Verdict = Literal["helps", "no measurable effect", "hurts", "cannot tell", "not assessable", "contaminated"]
Direction = Literal["higher", "lower"]
ScoreKind = Literal["decision", "ranking", "probability", "number"]
Interval = tuple[float, float] | None


class Part(BaseModel):
    """A part of `metrics.json`."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class MixChoice(Part):
    """The mix that was chosen, as a pipeline states it."""

    rows: int | str | dict[str, int] | None
    """As `mix.rows`; 0 where real rows alone won."""
    share: dict[str, float]
    """As `mix.share`: generator id to weight."""


class CandidateResult(Part):
    """One candidate of a search. Of one that was never trained, `values` is empty and the numbers are null."""

    id: str
    """Unique among the candidates."""
    label: str
    """The candidate in words."""
    kind: Literal["none", "threshold", "class-weights", "oversampling", "tuned", "generator", "blend"]
    """What it adds to the real rows."""
    share: dict[str, float]
    """Generator id to weight; empty where no rows are made."""
    amount: int | str | dict[str, int]
    """As `mix.rows` states it; empty where no rows are made."""
    synthetic: int
    """Synthetic rows added in the first seed."""
    values: list[float | None]
    """Its score in each seed that it saw; null where the score is not defined."""
    mean: float | None
    """The mean of `values`."""
    difference: float | None
    """The mean difference to `none` over the same seeds."""
    error: float | None
    """The standard error of `difference`."""
    expected: float | None
    """The difference to expect, after `difference` was weighed against what other data says of this candidate, or what
    differences are like where nothing is known."""
    chance: float | None
    """The probability that `expected` is a gain."""
    left: int | None
    """The number of seeds after which it was dropped, 0 where it was not tried; null where it stayed to the end."""
    reason: str
    """Why it was dropped, or not tried, where its score was not the reason."""
    settings: dict[str, Any] = {}
    """In a search for settings, those that this candidate has, by name; else empty."""


class SearchResult(Part):
    """A search for the mix, `mix: {rows: auto}` or `{share: auto}`, or for the settings of a generator."""

    asked: bool
    """Whether the pipeline asks for a search; if not, `candidates` is empty."""
    sentence: str
    """The choice in words, with its gain."""
    chosen: str
    """The id of the winner among `candidates`."""
    mix: MixChoice | None
    """The settings that give the same mix without a search; null where no search for the mix was asked for."""
    probe: str
    """The id of the probe that was trained."""
    score: str
    """The score that decided."""
    better: Direction
    """Which direction of that score is better."""
    seeds: int
    """The number of seeds of the last candidates."""
    complete: bool
    """False where `mix.search.budget` ended the search early."""
    candidates: list[CandidateResult]
    """In order: `none`, the inexpensive alternatives, then each generator and the blend with each amount. In a search
    for settings, each combination of them, the first listed first, and `difference` is to that."""
    settings: dict[str, Any] = {}
    """In a search for settings, those that were chosen, by name; else empty."""

    @classmethod
    def not_asked(cls) -> SearchResult:
        """The result where the pipeline asks for no search."""
        nothing: dict[str, Any] = {"sentence": "", "chosen": "", "mix": None, "probe": "", "score": "", "seeds": 0}
        return cls(asked=False, better="higher", complete=True, candidates=[], **nothing)


class ArmScore(Part):
    """One score of one arm."""

    mean: float
    """Over the seeds."""
    difference: float
    """The difference from `none`."""
    interval: Interval
    """95 % interval of `difference`; null for `none`, and where the held-out rows are too few for one."""
    better: Direction
    """Which direction is better."""
    kind: ScoreKind
    """What it scores: the `decision` for a class, the `ranking` of rows by probability, the `probability` itself, or
    the `number` that is predicted. Moving a threshold changes only scores of decisions."""


class ClassResult(Part):
    """The results of an arm for one class."""

    rows: int
    """Held-out rows of the class."""
    recall: float
    """Mean over the seeds."""
    precision: float
    """Mean over the seeds; 0 where the class is never predicted."""
    f1: float
    """Mean over the seeds; 0 where the class is never predicted."""
    difference: float
    """The difference in recall to `none`."""
    interval: Interval
    """95 % interval of `difference`."""


class Confusion(Part):
    """Held-out rows by true and predicted class, means over the seeds. All counts add up to the rows held out."""

    labels: list[str]
    """The classes of the first rows and columns. Of more than 30, the 29 with the fewest held-out rows."""
    num_others: int
    """Classes that share one more row and column, the last; 0 where there is none."""
    counts: list[list[float]]
    """A list for each true class, with the rows predicted to be of each class."""


class ClassCurves(Part):
    """How the probabilities of one class rank the held-out rows, one class against the rest: means over the seeds."""

    label: str
    """The class."""
    rows: int
    """Its held-out rows."""
    sensitivity: list[float]
    """The ROC curve: the share of its rows found at evenly spaced false positive rates, from 0 to 1."""
    precision: list[float]
    """The precision-recall curve: precision at evenly spaced recalls, from 0 to 1."""


class ArmResult(Part):
    """One arm of the trial. [Evidence](../explanation/evidence.md) describes how its figures are computed."""

    id: str
    """`none`, an inexpensive alternative such as `threshold`, `synthetic`, or the id of a generator."""
    label: str
    """The arm in words."""
    rows: int
    """Rows trained on."""
    values: list[float]
    """The deciding score of each seed."""
    mean: float
    """The mean of `values`."""
    difference: float
    """The mean difference to `none`."""
    interval: Interval
    """95 % interval of `difference`; null for `none`, and where the held-out rows are too few for one."""
    scores: dict[str, ArmScore]
    """By name, every score that fits the task and is defined on the held-out rows."""
    classes: dict[str, ClassResult]
    """By label; empty for a numeric target."""
    kind: Literal["real", "inexpensive", "synthetic"]
    """What it adds to real rows: nothing, what takes a few lines of code and fits no generator, or synthetic rows."""
    meaning: str = ""
    """What is trained in it, in a sentence."""
    confusion: Confusion | None = None
    """For classes, of `none`, the chosen arm and the best inexpensive alternative; else null."""
    curves: list[ClassCurves] = []
    """Of the same arms, for the three classes with the fewest held-out rows; the rarer one of two."""
    settings: dict[str, Any] = {}
    """Of `tuned`, the probe's settings that differ from the pipeline's; empty for all others."""
    strength: float = 0.0
    """The exponent of the classes' shares by which probabilities are divided before the largest is decided for: 0 where
    the most probable class is, 1 where the threshold is at the prior."""


class Comparison(Part):
    """The chosen arm against the better of the inexpensive alternatives."""

    arm: str
    """The id of that alternative."""
    difference: float
    """The difference of the chosen arm from it."""
    interval: Interval
    """95 % interval of `difference`."""
    verdict: Verdict
    """The verdict that follows from the interval."""


class ScoreLegend(Part):
    """What a score of the trial is."""

    label: str
    """Its name as people read it."""
    meaning: str
    """What it measures, in a sentence."""


class CutDifferences(Part):
    """What one arm changed on each split of the data, from real rows alone."""

    values: list[float]
    """The difference on each split, the written one first."""
    mean: float
    """The mean of `values`."""
    interval: Interval
    """95 % interval of the mean difference, which covers other training parts as well."""


class CutsResult(Part):
    """The trial over several splits of the data, each with everything learned anew."""

    asked: int
    """The splits asked for; those that could not be tried are left out below."""
    chosen: list[str]
    """The arm that each split's verdict is about: `synthetic`, or what the search chose there."""
    arms: dict[str, CutDifferences]
    """By arm, for those that all cuts have."""
    overall: CutDifferences
    """Of what was chosen in each split: the verdict follows from its interval."""
    against: Comparison | None = None
    """What was chosen in each split against the best inexpensive alternative over all; null where there is none."""
    worse: list[str] = []
    """Other scores that what was chosen makes worse over all splits."""


class TrialResult(Part):
    """The experiment on the hold-out."""

    assessable: bool
    """Whether a verdict is possible."""
    reason: str
    """The reason if it is not."""
    probe: str
    """The id of the probe that was trained."""
    score: str
    """The score that decides."""
    better: Direction
    """Which direction of that score is better."""
    seeds: int
    """The number of seeds with which each arm was trained."""
    rows: int
    """Held-out rows used, at most 50,000."""
    units: int = 0
    """Independent units among these: rows, or sets of rows that depend on each other."""
    unit: str = "rows"
    """What these units are."""
    rarest: str = ""
    """The class with the fewest held-out rows; empty for a numeric target."""
    rarest_rows: int = 0
    """Its held-out rows."""
    margin: float = 0.0
    """The smallest difference in the deciding score that is taken to be worth having."""
    detectable: float | None = None
    """The difference that a hold-out like this shows in 80 of 100 cases; null without an interval."""
    worse: list[str] = []
    """Other scores that are worse for the chosen arm, with intervals widened for comparing several."""
    remark: str = ""
    """What is special about the way it was judged, in a sentence."""
    chosen: str
    """The arm that the verdict is about: `synthetic`, or what the search chose instead."""
    against: Comparison | None
    """The comparison with the better inexpensive alternative; null where there is none."""
    arms: list[ArmResult]
    """First `none` (real rows alone), then the inexpensive alternatives, then `synthetic` (real rows with all synthetic
    ones), then each generator alone where there are several. Empty where nothing could be trained."""
    cuts: CutsResult | None = None
    """The same over several splits of the data, where `trial.cuts` asks for them."""
    legend: dict[str, ScoreLegend] = {}
    """By name, the scores of the arms."""
    verdict: Verdict = "not assessable"
    """The verdict that follows from the interval of the chosen arm; `contaminated` where a metric has voided it."""
    sentence: str = ""
    """The verdict in words, with its figures."""

    def __repr__(self) -> str:
        arms = ", ".join(arm.id for arm in self.arms) or "none"
        return f"TrialResult({self.verdict!r}, arms: {arms}; {self.sentence or self.reason})"

    __str__ = __repr__

    def arm(self, id: str) -> ArmResult | None:
        """The arm with that id, if there is one."""
        return next((arm for arm in self.arms if arm.id == id), None)

    def difference_of(self, arm: ArmResult) -> tuple[float, Interval]:
        """The difference of an arm from `none` and its 95 % interval, over the splits of the data where there are
        several. Of an arm that not all splits have, it is not a number."""
        if self.cuts is None or arm.id == "none":
            return arm.difference, arm.interval
        over = self.cuts.arms.get(arm.id)
        return (float("nan"), None) if over is None else (over.mean, over.interval)

    def to_frame(self) -> pd.DataFrame:
        """The arms as a frame, one a row by its id: `arm` in words, `kind`, `rows` trained on, the mean of the deciding
        score under its name, its `difference` to `none`, and the `low` and `high` end of that difference's interval.
        With several splits of the data, differences and intervals are over all, and the rest is of the written one."""
        rows = []
        for arm in self.arms:
            difference, interval = self.difference_of(arm)
            low, high = interval or (float("nan"), float("nan"))
            facts = {"arm": arm.label, "kind": arm.kind, "rows": arm.rows, self.score: arm.mean}
            rows.append({**facts, "difference": difference, "low": low, "high": high})
        columns = ["arm", "kind", "rows", self.score, "difference", "low", "high"]
        return pd.DataFrame(rows, index=pd.Index([arm.id for arm in self.arms], name="id"), columns=columns)
