"""What people read about checks, runs and the store, as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.cli.display import duration
from augment.cli.table import table
from augment.plugin.kinds import Kind
from augment.plugin.verdict_steps import next_steps
from augment.statistics.scores import score_format, write_difference
from augment.text import listing, printable
from augment.toolkit.yaml_text import dump_flow

if TYPE_CHECKING:
    from augment.data import Schema
    from augment.plugin.run_metrics import RunMetrics
    from augment.runner.check import CheckResult
    from augment.runner.estimate_cost import Estimate
    from augment.spec.load import Resolved
    from augment.spec.stages import Stage
    from augment.storage.prune import Entry
    from augment.storage.run_folder import Run
    from augment.storage.run_list import ListedRun

__all__ = ["cache", "check", "evaluation", "pruned", "result", "result_event", "runs", "verdict"]

MAX_CLASSES = 20  # lines of a table of classes; the rest is counted


def check(result: CheckResult) -> str:
    """What `augment check` says: what a run would read, learn, make and judge."""
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
    words = f"{'at most ' * cost.at_most}about {roughly(cost.total)} CPU-seconds"
    words += f" ({', '.join(f'{name} {roughly(seconds)}' for name, seconds in parts)})" if parts else ""
    words += f" and {roughly(cost.memory / 1e6)} MB of memory a worker, within a factor of two or three"
    return words + (f"; not known for {listing(cost.unknown)}" if cost.unknown else "")


def roughly(number: float) -> str:
    """A number as exact as an estimate is.

    >>> roughly(4.2), roughly(47.1), roughly(1234)
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


def result(run: Run) -> str:
    """What is said when a run has ended: the verdict, the rows, where everything is, and what to do next."""
    folder = _near(run.folder)
    lines = ["done already: nothing has changed since this run was made", ""] if run.already_done else []
    lines += [_sentence(run)]
    searches = (*run.metrics.settings.values(), run.metrics.search)
    lines += [printable(search.sentence) for search in searches if search.sentence]
    lines += [printable(f"privacy: {run.metrics.privacy.sentence}"), ""]
    lines += [*_rows(run.metrics), "", f"folder  {folder}"]
    if run.report is not None:
        lines.append(f"report  {_near(run.report)}")
    if alone := run.manifest.data.written.get("synthetic"):
        files = ", ".join(_near(run.folder / file) for file in alone.values())
        lines.append(f"share   at most {files}: the rest of the folder, and the report, hold real data")
    lines.append(printable(f"advice  {next_steps(run.metrics.trial)[0]}"))
    if first := next((name for name, counts in run.metrics.generators.items() if counts.kept), None):
        out = {"image": "more", "audio": "more"}.get(run.schema.modality, "more.csv")
        lines.append(f"next    augment sample {folder} --generator {first} --rows 1000 -o {out}")
    return "\n".join(lines)


def verdict(run: Run) -> str:
    """The same in one line."""
    return f"{_sentence(run)} ({_near(run.folder)})"


def result_event(run: Run) -> dict[str, Any]:
    """The same for programs: the last line of `augment run --json`."""
    return {
        "event": "result",
        "name": run.name,
        "key": run.key,
        "folder": str(run.folder),
        "report": str(run.report) if run.report else None,
        "status": run.status,
        "exit_code": run.exit_code,
        "already_done": run.already_done,
        "verdict": run.metrics.trial.verdict,
        "sentence": run.metrics.trial.sentence,
        "privacy": run.metrics.privacy.verdict,
        "rows": run.metrics.rows.model_dump(),
    }


def _sentence(run: Run) -> str:
    return printable(f"{run.name}: {run.metrics.trial.sentence}")


def _rows(metrics: RunMetrics) -> list[str]:
    """Rows by class and by where they come from."""
    generators, classes = metrics.generators, metrics.classes
    heads = ["rows", "train", *generators, "test"]
    rows: list[Sequence[object]] = [heads]
    labels = list(classes.train)
    if len(labels) > MAX_CLASSES:
        labels.sort(key=lambda label: -classes.train[label])
    for label in labels[:MAX_CLASSES]:
        synthetic = [counts.per_class.get(label, 0) for counts in generators.values()]
        numbers = [classes.train[label], *synthetic, classes.test.get(label, 0)]
        rows.append([label, *(f"{number:,}" for number in numbers)])
    if len(labels) > MAX_CLASSES:
        rows.append([f"and {len(labels) - MAX_CLASSES} more classes", *[""] * (len(heads) - 1)])
    total = [metrics.rows.train, *(counts.kept for counts in generators.values()), metrics.rows.test]
    rows.append(["all", *(f"{number:,}" for number in total)])
    return table(rows, numbers=True)


def _near(path: Path) -> str:
    """The path from here, where that is shorter."""
    try:
        return printable(path.relative_to(Path.cwd()))
    except ValueError:
        return printable(path)


def runs(listed: Sequence[ListedRun], folder: Path) -> str:
    """The table of `augment runs`."""
    if not listed:
        return f"no runs in {printable(folder)} or below"
    rows: list[Sequence[object]] = [("NAME", "KEY", "FINISHED (UTC)", "STATUS", "VERDICT", "SCORE", "ROWS", "FOLDER")]
    for run in listed:
        when = run.when.strftime("%Y-%m-%d %H:%M")
        place = _near(Path(run.folder).absolute())
        rows.append((run.name, run.key, when, run.status, run.verdict, run.score, run.rows, place))
    return "\n".join(table(rows))


def cache(entries: Sequence[Entry], root: Path) -> str:
    """The table of `augment cache ls`."""
    if not entries:
        return f"{printable(root)}: empty"
    rows: list[Sequence[object]] = [("KEY", "WHAT", "SIZE", "LAST USED", "USED BY")]
    for entry in entries:
        kind, _, digest = entry.key.partition("-")
        users = [Path(run).name for run in entry.runs]
        more = f" and {len(users) - 2} more" if len(users) > 2 else ""
        by = "a run in progress" if entry.in_use else ", ".join(users[:2]) + more or "no run"
        ago = f"{duration(entry.age) if entry.age < 86_400 else f'{entry.age / 86_400:.0f} days'} ago"
        rows.append((f"{kind}-{digest[:8]}", entry.what, size(entry.size), ago, by))
    total = sum(entry.size for entry in entries)
    return "\n".join([*table(rows), "", f"{len(entries)} entries, {size(total)} in {printable(root)}"])


def pruned(removed: Sequence[Entry], in_use: Sequence[Entry], dry_run: bool) -> str:
    """What `augment cache prune` says."""
    verb = "would remove" if dry_run else "removed"
    lines = [f"{verb} {entry.what}, {size(entry.size)}" for entry in removed]
    lines += [f"kept {entry.what}, {size(entry.size)}: a run is using it" for entry in in_use]
    return "\n".join([*lines, f"{verb} {len(removed)} entries, {size(sum(entry.size for entry in removed))}"])


def size(num_bytes: int) -> str:
    """Bytes in the unit that one reads best.

    >>> size(512), size(2_500_000), size(31_000_000_000)
    ('512 B', '2.5 MB', '31.0 GB')
    """
    if num_bytes < 1000:
        return f"{num_bytes} B"
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB")):
        if num_bytes >= 10 ** (3 * power):
            return f"{num_bytes / 10 ** (3 * power):,.1f} {unit}"
    return f"{num_bytes / 1000:,.1f} KB"


def evaluation(metrics: RunMetrics) -> str:
    """The result of `augment evaluate`: verdict, arms, scores beside their controls, notes."""
    trial, rows = metrics.trial, metrics.rows
    lines = [printable(trial.sentence), printable(f"privacy: {metrics.privacy.sentence}"), ""]
    lines.append(f"rows: {rows.train:,} real, {rows.synthetic:,} synthetic, {rows.test:,} held out")
    if trial.arms:
        real = trial.arms[0].mean  # the baseline comes first
        style = score_format(trial.score, real)  # as in the sentence: the same number is written the same everywhere
        arms: list[Sequence[object]] = [(f"{trial.score}, {trial.better} is better", "mean", "difference", "95 %")]
        for arm in trial.arms:
            interval = "" if arm.interval is None else f"{arm.interval[0]:+{style}} to {arm.interval[1]:+{style}}"
            arms.append((arm.label, f"{arm.mean:{style}}", write_difference(arm.mean, real, style), interval))
        lines += ["", *table(arms, numbers=True)]
    if metrics.scores:
        controls = dict.fromkeys(name for score in metrics.scores for name in score.reference)
        scores: list[Sequence[object]] = [("score", "value", *controls, "limit")]
        for score in metrics.scores:
            beside = [f"{score.reference[name]:.4f}" if name in score.reference else "" for name in controls]
            limit = "" if score.attack is None else f"{score.attack.limit:.4f}"
            scores.append((f"{score.metric}: {score.name}", f"{score.value:.4f}", *beside, limit))
        lines += ["", *table(scores, numbers=True)]
    if metrics.notes:
        lines += ["", *(printable(f"note: {note}") for note in metrics.notes)]
    return "\n".join(lines)
