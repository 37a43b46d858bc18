"""From steps to the components for this data: which of them can work with its schema, in words where none can."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from augment.data.schema import Schema
from augment.errors import Problem, did_you_mean
from augment.plugin.contracts import Kind
from augment.spec.bound import Bound, Step
from augment.spec.models import Pipeline
from augment.spec.yaml_tree import Document, Trail
from augment.statistics.scores import scores_for

__all__ = ["Binder"]


class Binder:
    """Picks components for a schema, and collects what is wrong in `problems`."""

    def __init__(
        self, pipeline: Pipeline, steps: Sequence[Step], document: Document, schema: Schema, num_rows: int | None
    ):
        self.pipeline = pipeline
        self.steps = steps
        self.document = document
        self.schema = schema
        self.num_rows = num_rows
        self.problems: list[Problem] = []

    def _complain(self, trail: Trail, message: str) -> None:
        self.problems.append(self.document.problem(trail, message))

    def bound(self, kind: Kind) -> list[Bound]:
        """The components of one kind, in order, without the defaults that cannot work with this data."""
        if kind == "probe" and self.schema.task == "none":
            return []  # nothing to predict, so nothing to try
        found = [self._pick(step) for step in self.steps if step.kind == kind]
        return [bound for bound in found if bound is not None]

    def _pick(self, step: Step) -> Bound | None:
        refusals = []
        for candidate in step.candidates:
            refusal = candidate.cls.accepts.refusal(self.schema, self.num_rows)
            if refusal is None:
                return step.bound(candidate)
            refusals.append(refusal)
        if step.optional:
            return None
        for cls, problems in step.refused:
            if cls.accepts.refusal(self.schema, self.num_rows) is None:
                self.problems += problems
                return None
        reasons = "; ".join(dict.fromkeys(refusals))
        self._complain((*step.trail, "use"), f"{step.use!r} cannot be used on this data: {reasons}")
        return None

    def check_columns(self) -> None:
        """The columns that the pipeline names are there, and the one it adds is not."""
        pipeline, columns = self.pipeline, self.schema.columns
        for key in ("stratify", "group", "time"):
            name = getattr(pipeline.split, key)
            if isinstance(name, str) and name not in columns:
                near = did_you_mean(name, columns) or f"; there are {_listing(columns)}"
                self._complain(("split", key), f"there is no column {name!r}{near}")
        if pipeline.split.stratify is True and self.schema.task != "classes":
            self._complain(("split", "stratify"), "true means the target, which has no classes here; name a column")
        if pipeline.origin_column in [*columns, *self.schema.arrays]:
            self._complain(
                ("origin_column",),
                f"the data has a column {pipeline.origin_column!r} already; write `origin_column: made_by` (or any "
                "name that is free) to call the column that says where a row came from differently",
            )

    def check_score(self) -> None:
        """The score that decides exists and fits the target."""
        trial = self.pipeline.trial
        if trial is None or trial.score is None or self.schema.task == "none":
            return
        names = [rule.name for rule in scores_for(self.schema.task)]
        if trial.score not in names:
            what = "classes" if self.schema.task == "classes" else "a numeric target"
            near = did_you_mean(trial.score, names) or f"; there are {_listing(names)}"
            self._complain(("trial", "score"), f"there is no score {trial.score!r} for {what}{near}")

    def check_rows(self, generators: list[Bound]) -> None:
        """The target has the classes that `mix.rows` names, and the generators can be asked for them."""
        rows = self.pipeline.mix.rows
        if rows != "balance" and not isinstance(rows, dict):
            return
        trail: Trail = ("mix", "rows")
        if self.schema.task != "classes":
            target = {"number": "is numeric", "none": "is missing or not of a type with classes"}[self.schema.task]
            self._complain(
                trail,
                f"amounts per class need a target with classes, and the target {target}; write `2x` "
                "or a number of rows",
            )
            return
        if isinstance(rows, dict) and set(rows) != {"per_class"}:
            for label in rows:
                if label not in self.schema.classes:
                    near = did_you_mean(label, self.schema.classes) or f"; there are {_listing(self.schema.classes)}"
                    self._complain((*trail, label), f"the target {self.schema.target!r} has no class {label!r}{near}")
        for generator in generators:
            if generator.cls.accepts.conditional == "none" and self.pipeline.mix.weight(generator.id) > 0:
                self._complain(
                    trail,
                    f"amounts per class need generators that can be asked for a class, and {generator.id!r} cannot; "
                    "write `2x` or a number of rows, or give it a share of 0",
                )


def _listing(names: Collection[str], most: int = 12) -> str:
    text = ", ".join(repr(name) for name in list(names)[:most])
    return f"{text} and {len(names) - most} more" if len(names) > most else text
