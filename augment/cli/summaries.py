"""What people read about runs and the store, as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.cli.display import duration
from augment.plugin.verdict_steps import next_steps
from augment.statistics.scores import score_format, write_difference
from augment.text import MAX_CLASSES, printable, table

if TYPE_CHECKING:
    from augment.plugin.run_metrics import RunMetrics
    from augment.storage.prune import Entry
    from augment.storage.run_folder import Run
    from augment.storage.run_list import ListedRun

__all__ = ["cache", "evaluation", "pruned", "result", "result_event", "runs", "verdict"]


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
