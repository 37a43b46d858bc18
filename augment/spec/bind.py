"""The second reading of a pipeline, once the schema is known: one component for each stage, or why none works."""

from __future__ import annotations

from collections.abc import Collection

from augment.data import Schema
from augment.errors import Problem, SpecError, did_you_mean
from augment.plugin.contracts import Reporter, Sink
from augment.plugin.kinds import KINDS, Kind
from augment.spec.load import Resolved
from augment.spec.messages import KeyPath
from augment.spec.stages import Bound, Stage, class_name
from augment.statistics.scores import scores_for

__all__ = ["bind", "check_columns"]


def bind(
    resolved: Resolved, schema: Schema, num_rows: int | None = None, kinds: Collection[Kind] = KINDS
) -> dict[Kind, list[Bound]]:
    """Pick the component of every stage for this data, and check what the pipeline says of its columns and classes.

    Args:
        resolved: the pipeline.
        schema: of the data that these kinds get: before the transforms for transforms, after them for the others.
        num_rows: training rows, when known.
        kinds: bind these only. `mix` is looked at with generators, the score of `trial` with probes.

    Returns:
        Kind to its components, in order; every kind that was asked for is a key. Defaults that cannot work with this
        data are left out.

    Raises:
        SpecError: a component refuses the data, or the pipeline names columns or classes that are not there.
    """
    binder = _Binder(resolved, schema, num_rows)
    components = {
        kind: resolved.sources() if kind == "source" else binder.bind(kind) for kind in KINDS if kind in kinds
    }
    if "generator" in kinds:
        binder.check_rows(components["generator"])
    if "probe" in kinds:
        binder.check_score()
    binder.refuse()
    return components


def check_columns(resolved: Resolved, schema: Schema) -> None:
    """Check that the data has the columns that `split` names, and none that is called as the one that is added.

    Args:
        resolved: the pipeline.
        schema: of the data as read.

    Raises:
        SpecError: it is not so.
    """
    binder = _Binder(resolved, schema, None)
    binder.check_columns()
    binder.refuse()


class _Binder:
    """Picks components for a schema, and collects what is wrong in `problems`."""

    def __init__(self, resolved: Resolved, schema: Schema, num_rows: int | None):
        self.pipeline = resolved.pipeline
        self.stages = resolved.stages
        self.document = resolved.document
        self.schema = schema
        self.num_rows = num_rows
        self.problems: list[Problem] = []

    def _report(self, key_path: KeyPath, message: str) -> None:
        self.problems.append(self.document.problem(key_path, message))

    def refuse(self) -> None:
        """Raise if there are problems."""
        if self.problems:
            raise SpecError(sorted(self.problems, key=lambda problem: problem.line))

    def bind(self, kind: Kind) -> list[Bound]:
        """The components of one kind, in order, without the defaults that cannot work with this data."""
        if kind == "probe" and self.schema.task == "none":
            return []  # nothing to predict, so nothing to try
        picked = [self._pick(stage) for stage in self.stages if stage.kind == kind]
        components = [bound for bound in picked if bound is not None]
        if kind in ("sink", "reporter"):
            self._check_files(kind, components)
        if kind == "probe" and len(components) > 1:
            names = " and ".join(repr(bound.use) for bound in components)
            self._report(
                ("trial",), f"{names} are both the default for {self.schema.modality} data; name one as `probe:`"
            )
        if kind == "sink" and not components and self.pipeline.sinks is None:
            missing = f"no installed sink is the default for {self.schema.modality} data"
            self._report((), f"{missing}; name one under `sinks:`")
        return components

    def _check_files(self, kind: Kind, components: list[Bound]) -> None:
        """No two sinks, and no two reporters, write the same files."""
        stages = {stage.id: stage for stage in self.stages if stage.kind == kind}
        authors: dict[tuple[str, str], Stage] = {}
        for bound in components:
            stage = stages[bound.id]
            for file in _files(bound):
                author = authors.setdefault(file, stage)
                if author is not stage:
                    self._report(
                        stage.key_path,
                        f"{bound.use!r} writes the same files as {author.where}, {author.use!r}; remove one of them",
                    )
                    break

    def _pick(self, stage: Stage) -> Bound | None:
        if stage.default_for is not None and self.schema.modality not in stage.default_for:
            return None
        refusals = []
        for candidate in stage.candidates_for(self.schema.modality):
            refusal = candidate.cls.accepts.refusal(self.schema, self.num_rows)
            if refusal is None:
                return stage.bind(candidate)
            refusals.append(refusal)
        if stage.default_for is not None:
            return None
        for cls, problems in stage.refused:
            if cls.accepts.refusal(self.schema, self.num_rows) is None:
                self.problems += problems
                return None
        reasons = "; ".join(dict.fromkeys(refusals))
        self._report((*stage.key_path, "use"), f"{stage.use!r} cannot be used on this data: {reasons}")
        return None

    def check_columns(self) -> None:
        """The columns that the pipeline names are there, and the one it adds is not."""
        pipeline, columns = self.pipeline, self.schema.columns
        for key in ("stratify", "group", "time", "column"):
            name = getattr(pipeline.split, key)
            if isinstance(name, str) and name not in columns:
                near = did_you_mean(name, columns) or f"; the columns are {_listing(columns)}"
                self._report(("split", key), f"there is no column {name!r}{near}")
        if pipeline.split.stratify is True and self.schema.task != "classes":
            self._report(("split", "stratify"), "`true` means the target, which has no classes here; name a column")
        split, arrays = pipeline.split, self.schema.arrays.values()
        cut_from = next((array.group_column for array in arrays if array.group_column is not None), None)
        if cut_from is not None and not any((split.group, split.time, split.column, split.test)):
            self._report(
                ("split",),
                f"rows with one {cut_from!r} are parts of the same one, and would be on both sides of the split, which "
                f"makes every score too good; add `group: {cut_from}` under `split:`, or another column that keeps "
                "them together",
            )
        if pipeline.origin_column in [*columns, *self.schema.arrays]:
            self._report(
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
            target = "a target with classes" if self.schema.task == "classes" else "a numeric target"
            near = did_you_mean(trial.score, names) or f"; the scores are {_listing(names)}"
            self._report(("trial", "score"), f"there is no score {trial.score!r} for {target}{near}")

    def check_rows(self, generators: list[Bound]) -> None:
        """The target has the classes that `mix.rows` names, and the generators can be asked for them."""
        rows = self.pipeline.mix.rows
        if rows != "balance" and not isinstance(rows, dict):
            return
        key_path: KeyPath = ("mix", "rows")
        if self.schema.task != "classes":
            target = {"number": "is numeric", "none": "is missing or not of a type with classes"}[self.schema.task]
            self._report(
                key_path,
                f"amounts per class need a target with classes, but the target {target}; write `2x` "
                "or a number of rows",
            )
            return
        if isinstance(rows, dict) and set(rows) != {"per_class"}:
            for label in rows:
                if label not in self.schema.classes:
                    near = (
                        did_you_mean(label, self.schema.classes) or f"; the classes are {_listing(self.schema.classes)}"
                    )
                    self._report((*key_path, label), f"the target {self.schema.target!r} has no class {label!r}{near}")
        for generator in generators:
            if generator.cls.accepts.conditional == "none" and self.pipeline.mix.weight(generator.id) > 0:
                self._report(
                    key_path,
                    f"amounts per class need generators that can be asked for a class, and {generator.id!r} cannot; "
                    "write `2x` or a number of rows, or give it a share of 0",
                )


def _listing(names: Collection[str], max_names: int = 12) -> str:
    text = ", ".join(repr(name) for name in list(names)[:max_names])
    return f"{text} and {len(names) - max_names} more" if len(names) > max_names else text


def _files(bound: Bound) -> list[tuple[str, str]]:
    """What tells the files of a sink or a reporter from those of another one."""
    if issubclass(bound.cls, Reporter):
        # some file systems do not tell `a` from `A`; of unknown files, equal settings write the same
        names = [name.casefold() for name in bound.cls.files]
        return [(name, "") for name in names] or [(class_name(bound.cls), bound.params.model_dump_json())]
    assert issubclass(bound.cls, Sink)  # it names them after the part or its rows, with its ending
    endings = bound.cls.endings or (class_name(bound.cls),)  # at least not the same one twice
    if "ending" in type(bound.params).model_fields:  # it writes one of them, the first if nothing else is said
        endings = (getattr(bound.params, "ending", None) or endings[0],)
    return [(ending, getattr(bound.params, "rows", "all")) for ending in endings]
