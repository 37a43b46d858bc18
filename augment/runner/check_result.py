"""What `augment check` found, and its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from augment.data import Schema
from augment.plugin.kinds import Kind
from augment.runner.estimate_cost import Estimate
from augment.spec.load import Resolved
from augment.spec.stages import Stage
from augment.text import MAX_CLASSES, listing, printable, table
from augment.toolkit.yaml_text import dump_flow

__all__ = ["CheckResult"]


@dataclass(frozen=True)
class CheckResult:
    """What `augment check` found. Shown or printed, it is the text that the command prints.

    Attributes:
        resolved: the pipeline, every name and setting good.
        schema: of the training part, or None without data.
        rows: `read`, `train` and `test`, or None without data.
        notes: warnings and notes.
        plan: (generator id, label or empty, rows) of what would be made.
        candidates: labels of what a search for the mix would try beside real rows alone.
        settings: id of each generator whose settings would be searched for, to labels of what would be tried.
        cost: what the run would use, or None without data.
    """

    resolved: Resolved
    schema: Schema | None = None
    rows: dict[str, int] | None = None
    notes: tuple[str, ...] = ()
    plan: tuple[tuple[str, str, int], ...] = ()
    candidates: tuple[str, ...] = ()
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cost: Estimate | None = None

    def __repr__(self) -> str:
        return _text(self)


def _text(result: CheckResult) -> str:
    """What `augment check` prints: what a run would read, learn, make and judge."""
    resolved, schema = result.resolved, result.schema
    pipeline = resolved.pipeline
    facts: list[tuple[str, str]] = [("run", f"{pipeline.name}, seed {pipeline.seed}")]
    facts += _stages(resolved, schema, "source")
    if schema is not None and result.rows is not None:
        facts += [("data", _data_words(schema, result.rows["read"])), ("target", _target_words(schema))]
        if pipeline.mix.is_auto:
            mix = f"searched for with up to {pipeline.mix.search.seeds} seeds within the training part"
            among = f", among {len(result.candidates)} candidates" if result.candidates else ""
            facts.append(("mix", mix + among))
        for generator, tried in result.settings.items():
            if tried:
                among = f"searched for with up to {pipeline.mix.search.seeds} seeds: {'; '.join(tried)}"
                facts.append(("settings", f"of {generator}, {among}"))
        facts.append(("split", f"{result.rows['train']:,} training rows, {result.rows['test']:,} held out"))
    elif pipeline.split.test is None:
        facts.append(("split", f"{pipeline.split.share:.0%} of the rows held out"))
    elif pipeline.split.column is not None:
        values = ", ".join(pipeline.split.test_values or ())
        facts.append(("split", f"rows with {values} in column {pipeline.split.column} are held out"))
    else:
        facts.append(("split", "the rows of the second source are held out"))
    for kind in ("transform", "generator", "filter", "probe", "metric", "reporter", "sink"):
        facts += _stages(resolved, schema, kind)
    if result.cost is not None:
        facts.append(("cost", _cost(result.cost)))
    lines = table(facts)
    if result.plan:
        lines += ["", *_plan(result.plan)]
    if result.notes:
        lines += ["", *(f"note: {printable(note)}" for note in result.notes)]
    return "\n".join([*lines, "", "no problems found"])


def _cost(cost: Estimate) -> str:
    """What a run would use, as roughly as it is known."""
    parts = sorted(cost.seconds.items(), key=lambda part: -part[1])
    parts = [(name, seconds) for name, seconds in parts if seconds >= 1]
    words = f"{'at most ' * cost.at_most}about {_roughly(cost.total)} CPU-seconds"
    words += f" ({', '.join(f'{name} {_roughly(seconds)}' for name, seconds in parts)})" if parts else ""
    words += f" and {_roughly(cost.memory / 1e6)} MB of memory a worker, within a factor of two or three"
    return words + (f"; not known for {listing(cost.unknown)}" if cost.unknown else "")


def _roughly(number: float) -> str:
    """A number as exact as an estimate is.

    >>> _roughly(4.2), _roughly(47.1), _roughly(1234)
    ('4', '50', '1,000')
    """
    return f"{float(f'{number:.1g}'):,.0f}"


def _stages(resolved: Resolved, schema: Schema | None, kind: Kind) -> list[tuple[str, str]]:
    """One line for each stage of a kind, the first with the kind before it."""
    described = [words for stage in resolved.select_stages(kind) if (words := _stage(stage, schema))]
    return [(kind if place == 0 else "", words) for place, words in enumerate(described)]


def _stage(stage: Stage, schema: Schema | None) -> str:
    """A stage's id, name and settings; empty for a default that is left out on such data."""
    fitting = [
        candidate
        for candidate in stage.candidates
        if schema is None or stage.kind == "source" or candidate.cls.accepts.refusal(schema) is None
    ]
    if not fitting or (stage.kind == "probe" and schema is not None and schema.task == "none"):
        return ""
    if len(fitting) > 1:
        names = dict.fromkeys(candidate.cls.name for candidate in fitting)
        return f"{stage.id}: {' or '.join(names)}; depends on the data"
    use, searched = fitting[0].cls.name, fitting[0].searched
    dumped = [params.model_dump(mode="json", by_alias=True) for params in fitting[0].all_params]
    params = searched.write(dumped) if searched else dumped[0]
    named = use if stage.id in (use, "probe") else f"{stage.id}: {use}"
    return f"{named} {dump_flow(params)}" if params else named


def _data_words(schema: Schema, rows: int) -> str:
    arrays = [f"{name} {' x '.join(map(str, array.shape))}" for name, array in schema.arrays.items()]
    columns = len(schema.columns)
    return ", ".join([f"{rows:,} rows of kind {schema.modality}", *arrays, f"{columns} column{'s' * (columns != 1)}"])


def _target_words(schema: Schema) -> str:
    if schema.task == "none":
        return "none: no trial is possible"
    if schema.task == "number":
        return f"{schema.target}, a number"
    classes = [dump_flow(label) for label in schema.classes]
    more = f" and {len(classes) - MAX_CLASSES} more" if len(classes) > MAX_CLASSES else ""
    return f"{schema.target}, {len(classes)} classes: {', '.join(classes[:MAX_CLASSES])}{more}"


def _plan(plan: Sequence[tuple[str, str, int]]) -> list[str]:
    """Synthetic rows by class and generator."""
    by_generator: dict[str, dict[str, int]] = {}
    for generator, label, rows in plan:
        by_generator.setdefault(generator, {})
        by_generator[generator][label] = by_generator[generator].get(label, 0) + rows
    labels = list(dict.fromkeys(label for counts in by_generator.values() for label in counts if label))
    shown = labels[:MAX_CLASSES]
    lines: list[Sequence[object]] = [("synthetic rows", *by_generator)]
    lines += [(label, *(f"{counts.get(label, 0):,}" for counts in by_generator.values())) for label in shown]
    if len(labels) > len(shown):
        lines.append((f"and {len(labels) - len(shown)} more classes", *[""] * len(by_generator)))
    lines.append(("all", *(f"{sum(counts.values()):,}" for counts in by_generator.values())))
    return table(lines, numbers=True)
