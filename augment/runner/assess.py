"""What a run and an evaluation find out, built by the same code: trial, scores, privacy and counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from augment.data import Dataset
from augment.engine import judge_tasks
from augment.engine.draw_and_filter import IN_SCHEMA
from augment.errors import DiskError
from augment.plan.amounts import training_counts
from augment.plugin.contracts import Generator
from augment.plugin.kinds import Kind
from augment.plugin.run_metrics import (
    ClassCounts,
    FilterCounts,
    GeneratorCounts,
    MetricScore,
    PrivacyResult,
    RowCounts,
    RunMetrics,
)
from augment.plugin.trial_results import SearchResult
from augment.runner.generate import DUPLICATES, Mixture
from augment.runner.prepare import Prepared
from augment.runner.session import Session
from augment.runner.trial import run_trial, use_metric_gain, void_if_contaminated
from augment.spec.models import Pipeline
from augment.spec.stages import Bound
from augment.statistics.arms import SYNTHETIC
from augment.statistics.verdict_sentence import weigh_search

__all__ = ["assess", "list_origins", "score_rows"]

HOST_FILTERS = {
    IN_SCHEMA: "Rejects rows outside the declared bounds, or with labels that the training part does not have.",
    DUPLICATES: "Rejects rows that equal an earlier synthetic row.",
}


def assess(
    session: Session,
    pipeline: Pipeline,
    components: Mapping[Kind, Sequence[Bound]],
    prepared: Prepared,
    mixture: Mixture,
    draw: Callable[[int], Mixture],
    search: SearchResult,
    chosen: str = SYNTHETIC,
    filters: Sequence[tuple[Bound, Path]] = (),
    settings: Mapping[str, SearchResult] | None = None,
) -> tuple[RunMetrics, list[dict[str, Any]]]:
    """Judge synthetic rows, and count everything.

    Args:
        session: does the work.
        pipeline: says how to judge.
        components: the probe, the metrics, and whatever made and judged the rows.
        prepared: the data.
        mixture: the synthetic rows.
        draw: gives the synthetic rows of a trial seed.
        search: how the mix was chosen.
        chosen: the arm that the verdict is about.
        filters: with the folders of their fitted state.
        settings: by id of a generator, how its settings were chosen.

    Returns:
        What `metrics.json` holds, and what `private.json` holds: mappings that may point at single rows.
    """
    probe = next(iter(components["probe"]), None)
    trial = run_trial(session, pipeline, probe, prepared, draw, chosen)
    origins = list_origins(components)
    scores, private = score_rows(session, components["metric"], prepared, mixture, origins)
    num_synthetic = {name: counts.kept for name, counts in mixture.counts.items()}
    metrics = RunMetrics(
        rows=RowCounts(
            read=prepared.num_read,
            train=prepared.num_train,
            test=prepared.num_test,
            synthetic=sum(num_synthetic.values()),
        ),
        **_count(
            prepared, mixture, components, origins, {bound.id: _load_threshold(folder) for bound, folder in filters}
        ),
        search=search,
        settings=dict(settings or {}),
        trial=void_if_contaminated(
            weigh_search(use_metric_gain(trial, scores, prepared.num_train, num_synthetic), search), scores
        ),
        scores=scores,
        privacy=summarise_privacy(
            scores, [name for name, kept in num_synthetic.items() if kept and origins.get(name) in ("rows", "copies")]
        ),
        notes=session.remarks,
    )
    return metrics, private


def list_origins(components: Mapping[Kind, Sequence[Bound]]) -> dict[str, str]:
    """Generator to what its rows start from."""
    return {bound.id: bound.cls.origin for bound in components.get("generator", ()) if issubclass(bound.cls, Generator)}


def score_rows(
    session: Session, metrics: Sequence[Bound], prepared: Prepared, mixture: Mixture, origins: Mapping[str, Any]
) -> tuple[list[MetricScore], list[dict[str, Any]]]:
    """The scores of each generator's rows, and of all together where there are several; and what must stay private."""
    generators = [name for name in mixture.counts if mixture.of(name)]
    groups = {name: [name] for name in generators} | ({"all": generators} if len(generators) > 1 else {})
    scores, private = [], []
    for metric in metrics:
        tasks = [
            judge_tasks.ScoreTask(
                bound=metric,
                train=prepared.train,
                test=prepared.test,
                seed=session.seed,
                of=name,
                origins=frozenset(origins[one] for one in group if one in origins),
                parts=tuple(folder for folder, origin in mixture.parts if origin in group),
            )
            for name, group in groups.items()
        ]
        with session.stage("score", metric.id), session.remarking():  # what a metric could not find out, too
            results = session.map([session.job("score", metric, judge_tasks.score, tasks)])
            for _, _, found in sorted(results, key=lambda result: result[1]):
                scores += found.scores
                private += found.private
    return scores, private


def summarise_privacy(scores: Sequence[MetricScore], from_rows: Sequence[str] = ()) -> PrivacyResult:
    """What the attacks among the scores found, in a sentence. Nothing is ever called safe.

    Args:
        scores: of all metrics.
        from_rows: the generators whose rows start from real ones, whatever the attacks found.
    """
    attacks = [(score, score.attack) for score in scores if score.attack is not None]
    if not attacks:
        why = "no metric attacks the rows, or there are too few rows to attack"
        design = f" {_by_design(from_rows)}" if from_rows else ""
        return PrivacyResult(verdict="not assessed", sentence=f"Privacy was not assessed: {why}.{design}")
    close = {score.of for score, attack in attacks if attack.finding == "near by design"}
    leaks = [(score, attack) for score, attack in attacks if attack.finding == "leak found" and score.of not in close]
    untold = [score for score, attack in attacks if attack.finding == "natural likeness"]
    sentence = "These attacks found no leak. That does not prove that there is none."
    if untold:
        figures = "; ".join(f"{score.of}: {score.name} {score.value:.2%}" for score in untold)
        sentence = f"Whether rows were copied cannot be told: real rows are alike as often by nature ({figures})."
    if leaks:
        figures = "; ".join(
            f"{score.of}: {score.name} {score.value:.2%}, limit {attack.limit:.2%}" for score, attack in leaks
        )
        sentence = f"Synthetic rows reveal training rows ({figures})."
    close |= set(from_rows)
    if close:
        design = _by_design(sorted(close - {"all"}))  # the mix is close by design because of those
        if not leaks and not untold:
            sentence = "Beyond that, these attacks found no leak, which does not prove that there is none."
        sentence = f"{sentence} {design}" if leaks else f"{design} {sentence}"
    return PrivacyResult(
        verdict="leak found" if leaks else "near by design" if close else "not assessed" if untold else "no leak found",
        sentence=sentence,
    )


def _by_design(generators: Sequence[str]) -> str:
    whose = f"Rows of {', '.join(generators)}" if generators else "Some synthetic rows"
    return (
        f"{whose} start from real rows, so they equal or resemble them by design: do not share them as if they were "
        "anonymous."
    )


def _count(
    prepared: Prepared,
    mixture: Mixture,
    components: Mapping[Kind, Sequence[Bound]],
    origins: Mapping[str, Any],
    thresholds: Mapping[str, float],
) -> dict[str, Any]:
    """The counts by class, generator and filter."""
    train, test = Dataset.load(prepared.train), Dataset.load(prepared.test)
    classed = train.schema.task == "classes"
    per_class = mixture.per_class(train.schema.target if classed else None)
    train_classes, test_classes = (training_counts(part) if classed else {} for part in (train, test))
    filters = {bound.id: bound for bound in components.get("filter", ())}
    uses = {bound.id: bound.use for bound in components.get("generator", ())}
    whats = HOST_FILTERS | {name: (bound.cls.__doc__ or "").strip().split("\n")[0] for name, bound in filters.items()}
    return {
        "classes": ClassCounts(
            train=train_classes,
            test=test_classes,
            synthetic={label: sum(counts.get(label, 0) for counts in per_class.values()) for label in train_classes},
        ),
        "generators": {
            name: GeneratorCounts(
                use=uses.get(name, name), origin=origins.get(name, "unknown"), **vars(counts), per_class=per_class[name]
            )
            for name, counts in mixture.counts.items()
        },
        "filters": {
            name: FilterCounts(
                use=filters[name].use if name in filters else name,
                what=whats.get(name, ""),
                threshold=thresholds.get(name, 1.0),
                judged=judged,
                rejected=mixture.rejected[name],
            )
            for name, judged in mixture.judged.items()
        },
    }


def _load_threshold(folder: Path) -> float:
    """The threshold that a fitted filter wrote down."""
    path = folder / "filter.json"
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["threshold"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DiskError(f"{path}: the state of a fitted filter cannot be read: {error}") from error
