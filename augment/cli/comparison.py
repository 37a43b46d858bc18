"""Finished runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from augment.errors import SpecError
from augment.storage.run_folder import Run
from augment.text import table

__all__ = ["compare", "text"]


def compare(folders: Sequence[Path | str]) -> list[dict[str, Any]]:
    """What matters of each run, as plain data, in the order given; a run named twice, or by its link too, counts once.

    A run has `name`, `key`, `folder`, `source` (fingerprint), `rows`, `generators`, `verdict`, `score`, `better`,
    `probe`; `real`, `mixed`, `difference`, `interval` of that score, or None; `splits`, over how many splits of the
    data the last two are; `inexpensive`, the best of the inexpensive alternatives; `scores`: what its metrics say of
    all synthetic rows; and `privacy`.

    Raises:
        DataError: a folder is not a finished run.
        SpecError: there are fewer than two.
    """
    different: dict[Path, Path | str] = {}
    for folder in folders:
        different.setdefault(Path(folder).resolve(), folder)
    if len(different) < 2:
        raise SpecError("expected the folders of at least two runs to compare")
    return [_row(Run(folder)) for folder in different.values()]


def _row(run: Run) -> dict[str, Any]:
    metrics, trial = run.metrics, run.metrics.trial
    real, mixed = trial.arm("none"), trial.arm(trial.chosen)
    sign = 1 if trial.better == "higher" else -1
    means = [arm.mean for arm in trial.arms if arm.kind == "inexpensive"]
    difference, interval = (None, None) if mixed is None else (mixed.difference, mixed.interval)
    if trial.cuts is not None:  # the verdict is by these
        difference, interval = trial.cuts.overall.mean, trial.cuts.overall.interval
    generators = list(metrics.generators)
    of = "all" if len(generators) > 1 else "".join(generators)
    return {
        "name": run.name,
        "key": run.key,
        "folder": str(run.folder),
        "source": " ".join(one.fingerprint for one in (run.manifest.source, run.manifest.test_source) if one),
        "rows": metrics.rows.model_dump(),
        "generators": generators,
        "verdict": trial.verdict,
        "probe": trial.probe,
        "score": trial.score,
        "better": trial.better,
        "real": None if real is None else real.mean,
        "mixed": None if mixed is None else mixed.mean,
        "difference": difference,
        "interval": interval,
        "splits": len(trial.cuts.chosen) if trial.cuts is not None else 1,
        "inexpensive": max(means, key=lambda mean: sign * mean, default=None),
        "scores": {f"{score.metric}: {score.name}": score.value for score in metrics.scores if score.of == of},
        "privacy": metrics.privacy.verdict,
    }


def text(runs: Sequence[dict[str, Any]]) -> str:
    """The same as a table with a column for each run, and what keeps the figures from being compared."""
    heads = [f"{run['name']}-{run['key'][:8]}" for run in runs]
    lines: list[Sequence[object]] = [("", *heads)]
    lines += [
        ("generators", *(", ".join(run["generators"]) or "none" for run in runs)),
        ("training rows", *(f"{run['rows']['train']:,}" for run in runs)),
        ("synthetic rows", *(f"{run['rows']['synthetic']:,}" for run in runs)),
        ("verdict", *(run["verdict"] for run in runs)),
        ("score", *(run["score"] or "-" for run in runs)),
        ("  real rows alone", *(_number(run["real"]) for run in runs)),
        ("  with synthetic rows", *(_number(run["mixed"]) for run in runs)),
        ("  difference", *(_number(run["difference"], "+") for run in runs)),
        ("  95 % interval", *(_interval(run["interval"]) for run in runs)),
        ("  best inexpensive alternative", *(_number(run["inexpensive"]) for run in runs)),
    ]
    names = dict.fromkeys(name for run in runs for name in run["scores"])
    lines += [(name, *(_number(run["scores"].get(name)) for run in runs)) for name in names]
    lines.append(("privacy", *(run["privacy"] for run in runs)))
    notes = []
    if any(run["splits"] > 1 for run in runs):
        lines.insert(1, ("splits of the data", *(run["splits"] for run in runs)))
        notes.append(
            "Differences and intervals are over all splits of the data; scores are of the one that was written."
        )
    if len({run["source"] for run in runs}) > 1:
        notes.append("The runs read different data, so their scores cannot be compared.")
    if len({(run["probe"], run["score"]) for run in runs}) > 1:
        notes.append("The runs use different probes or scores.")
    return "\n".join([*table(lines, numbers=True), *([""] if notes else []), *notes])


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.4f}" if abs(value) < 1000 else f"{value:{sign}.6g}"


def _interval(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:+.4f} to {interval[1]:+.4f}"
