"""The trial on the hold-out: the probe trained on every arm with every seed, and judged on rows nobody trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset, Schema, class_positions
from augment.engine.judge_tasks import ArmTask, predict_arm
from augment.plan.amounts import training_counts
from augment.plan.caps import MAX_JUDGED_ROWS
from augment.plugin.context import derive_seed
from augment.plugin.run_metrics import ArmResult, Comparison, MetricScore, TrialResult
from augment.runner.generate import Mixture
from augment.runner.prepare import Prepared
from augment.runner.session import Session
from augment.spec.models import Trial
from augment.spec.stages import Bound
from augment.statistics import paired_bootstrap
from augment.statistics.arms import NONE, OVERSAMPLING, SYNTHETIC, THRESHOLD, arm_kind, label_arms
from augment.statistics.priors import move_threshold
from augment.statistics.verdict import MIN_ROWS, add_verdict, judge_interval, not_assessable, void

__all__ = ["encode_truth", "run_trial", "use_metric_gain", "void_if_contaminated"]


def run_trial(
    session: Session,
    settings: Trial | None,
    probe: Bound | None,
    prepared: Prepared,
    draw: Callable[[int], Mixture],
    chosen: str = SYNTHETIC,
) -> TrialResult:
    """Train the probe on every arm with every seed, and judge it on the hold-out.

    Args:
        session: does the work.
        settings: the pipeline's `trial:` section, or None where it says `false`.
        probe: what is trained, or None where there is none for this kind of data.
        prepared: the data.
        draw: gives the synthetic rows of a seed; seed 0 has those that are written.
        chosen: the arm that the verdict is about; where it is not `synthetic`, no rows are drawn.
    """
    train, test = Dataset.load(prepared.train), Dataset.load(prepared.test)
    schema = train.schema
    if settings is None:
        return not_assessable("the pipeline asks for no trial")
    if schema.target is None or schema.task == "none":
        return not_assessable("no target is named that a model could predict")
    if probe is None:
        return not_assessable(f"there is no probe for this kind of data ({schema.modality})")
    if len(test) > MAX_JUDGED_ROWS:
        rows = np.random.default_rng(derive_seed(session.seed, "trial", "cap")).permutation(len(test))[:MAX_JUDGED_ROWS]
        session.remark(f"the trial judges on {MAX_JUDGED_ROWS:,} of the {len(test):,} held-out rows, drawn at random")
        test = test.take(np.sort(rows))
    truth, known = encode_truth(test, schema)
    if schema.task == "classes" and len(np.unique(truth)) < 2:
        return not_assessable("the hold-out has rows of one class only")
    test.drop_columns([schema.target]).save(session.scratch / "test-features")
    mixtures = [draw(number) if chosen == SYNTHETIC else Mixture() for number in range(settings.seeds)]
    generators = [name for name in mixtures[0].counts if all(mixture.of(name) for mixture in mixtures)]
    labels = label_arms(schema.task, generators)
    places = {
        (arm, number): session.scratch / f"arm-{arm}-{number}.npy"
        for arm in labels
        if arm != THRESHOLD  # the same model as that of real rows alone
        for number in range(len(mixtures))
    }
    tasks = [
        ArmTask(
            bound=probe,
            train=prepared.train,
            test=session.scratch / "test-features",
            seed=session.seed,
            arm=arm,
            trial_seed=number,
            out=place,
            parts=_list_parts(arm, mixtures[number]),
        )
        for (arm, number), place in places.items()
    ]
    trained_on: dict[str, int] = {}
    with session.stage("trial", probe.id) as report:
        job = session.job("trial", probe, predict_arm, tasks)
        for done, (_, index, num_rows) in enumerate(session.map([job]), start=1):
            if tasks[index].trial_seed == 0:
                trained_on[tasks[index].arm] = num_rows
            step = {"step": done, "total": len(tasks), "losses": {}}
            session.emit({"event": "progress", "stage": "trial", "id": probe.id, **step})
        predictions: dict[str, list[np.ndarray]] = {}
        for (arm, _), place in places.items():
            predictions.setdefault(arm, []).append(np.load(place)[known])
        decisions = {}
        if schema.task == "classes":
            predictions[THRESHOLD], trained_on[THRESHOLD] = predictions[NONE], trained_on[NONE]
            counts = np.array(list(training_counts(train).values()))
            decisions[THRESHOLD] = [move_threshold(probabilities, counts) for probabilities in predictions[NONE]]
        report["rows"] = len(truth)
        return paired_bootstrap.summarise(
            truth,
            predictions,
            task=schema.task,
            labels=labels,
            rows=trained_on,
            probe=probe.id,
            score=settings.score,
            seed=session.seed,
            classes=schema.classes,
            chosen=chosen,
            decisions=decisions,
        )


def encode_truth(test: Dataset, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """The target of the held-out rows, and which of them count, (N,) bool.

    The target is (N,) float values, or int64 class numbers of the rows that count: a class that the training part does
    not have cannot be learnt, so its rows do not count.
    """
    values = test.frame[schema.target]
    if schema.task == "number":
        return values.to_numpy(dtype=float), np.ones(len(test), dtype=bool)
    codes = class_positions(values, schema.classes)
    known = codes >= 0
    return codes[known], known


def _list_parts(arm: str, mixture: Mixture) -> tuple[Path, ...]:
    if arm == SYNTHETIC:
        return tuple(folder for folder, _ in mixture.parts)
    return () if arm == NONE else tuple(mixture.of(arm))


def use_metric_gain(
    trial: TrialResult, scores: Sequence[MetricScore], num_train: int, num_synthetic: Mapping[str, int]
) -> TrialResult:
    """The trial; where it could judge nothing and a metric has a `gain` in its detail, that gain in the same form.

    Args:
        trial: as `run_trial` gives it.
        scores: of the metrics.
        num_train: real rows.
        num_synthetic: generator to its rows.
    """
    gains = {score.of: score for score in scores if "gain" in score.detail}
    judged = gains.get("all") or next(iter(gains.values()), None)
    if trial.assessable or judged is None:
        return trial
    gain = judged.detail["gain"]
    if gain["judged"] < MIN_ROWS:
        few = f"{gain['judged']} held-out rows that {judged.metric} can judge by are too few"
        return trial if trial.arms else not_assessable(f"{few}; at least {MIN_ROWS} are needed")

    def arm(name: str, label: str, rows: int, difference: float, interval: Any) -> ArmResult:
        mean = gain["alone"] + difference
        values = {"values": [mean], "mean": mean, "difference": difference, "interval": interval}
        return ArmResult(
            id=name, label=label, rows=num_train + rows, **values, scores={}, classes={}, kind=arm_kind(name)
        )

    total = sum(num_synthetic.values())
    arms = [
        arm(NONE, "real rows alone", 0, 0.0, None),
        arm(OVERSAMPLING, "oversampling", total, **gain["oversampling"]),
        arm(SYNTHETIC, "real + synthetic", total, judged.value, judged.interval),
    ]
    for name, score in gains.items():
        if score is not judged:
            arms.append(arm(name, f"real + {name} alone", num_synthetic[name], score.value, score.interval))
    better = "lower" if judged.better == "lower" else "higher"
    verdict = judge_interval(gain["against"]["interval"], better)
    found = TrialResult(
        assessable=True,
        reason="",
        probe=judged.metric,
        score=gain["score"],
        better=better,
        seeds=1,
        rows=gain["judged"],
        chosen=SYNTHETIC,
        against=Comparison(arm=OVERSAMPLING, **gain["against"], verdict=verdict),
        arms=arms,
    )
    return add_verdict(found, gain["score"], ".3f")


def void_if_contaminated(trial: TrialResult, scores: Sequence[MetricScore]) -> TrialResult:
    """The trial, without a verdict where a metric says that synthetic rows repeat the hold-out."""
    reasons: dict[str, str] = {}
    for score in scores:
        if score.voids:
            reasons.setdefault(score.of, score.voids)
    if len(reasons) > 1:
        reasons.pop("all", None)  # because of the generators that are named
    return void(trial, reasons) if reasons else trial
