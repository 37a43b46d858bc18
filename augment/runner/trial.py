"""The trial on the hold-out: the probe trained on every arm with every seed, and judged on rows nobody trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset
from augment.engine.judge_tasks import ArmTask, encode_truth, missing_rows, predict_arm
from augment.plan.amounts import apportion, training_counts
from augment.plan.caps import MAX_JUDGED_ROWS
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Probe
from augment.plugin.run_metrics import MetricScore
from augment.plugin.trial_results import ArmResult, Comparison, ScoreLegend, TrialResult
from augment.plugin.verdict_steps import NO_TRIAL
from augment.runner.generate import Mixture
from augment.runner.prepare import Prepared
from augment.runner.session import Session
from augment.runner.tuning import Tuned, tune
from augment.spec.models import Pipeline
from augment.spec.stages import Bound
from augment.statistics import paired_bootstrap
from augment.statistics.arms import (
    COPIES,
    NONE,
    OVERSAMPLING,
    PRIOR_CORRECTION,
    SYNTHETIC,
    THRESHOLD,
    TUNED,
    arm_kind,
    explain_arm,
    label_arms,
)
from augment.statistics.priors import correct_prior, move_threshold, prior_offsets
from augment.statistics.scores import SCORES, default_score
from augment.statistics.verdict import MIN_ROWS, judge_interval, worth_having
from augment.statistics.verdict_sentence import add_verdict, not_assessable, void

__all__ = ["run_trial", "use_metric_gain", "void_if_contaminated"]


def run_trial(
    session: Session,
    pipeline: Pipeline,
    probe: Bound | None,
    prepared: Prepared,
    draw: Callable[[int], Mixture],
    chosen: str = SYNTHETIC,
) -> TrialResult:
    """Train the probe on every arm with every seed, and judge it on the hold-out.

    Args:
        session: does the work.
        pipeline: says how to judge, and how rows are split for the tuning of the probe.
        probe: what is trained, or None where there is none for this kind of data.
        prepared: the data.
        draw: gives the synthetic rows of a seed; seed 0 has those that are written.
        chosen: the arm that the verdict is about; where it is not `synthetic`, no rows are drawn.
    """
    settings = pipeline.trial
    if settings is None:
        return not_assessable(NO_TRIAL)
    train, test = Dataset.load(prepared.train), Dataset.load(prepared.test)
    schema, units = train.schema, prepared.units
    if schema.target is None or schema.task == "none":
        return not_assessable("no target is named that a model could predict")
    if probe is None:
        return not_assessable(f"there is no probe for this kind of data ({schema.modality})")
    if len(test) > MAX_JUDGED_ROWS:
        rows = np.random.default_rng(derive_seed(session.seed, "trial", "cap")).permutation(len(test))[:MAX_JUDGED_ROWS]
        session.remark(f"the trial judges on {MAX_JUDGED_ROWS:,} of the {len(test):,} held-out rows, drawn at random")
        test, units = test.take(np.sort(rows)), units.take(np.sort(rows))
    truth, known = encode_truth(test, schema)
    if schema.task == "classes" and len(np.unique(truth)) < 2:
        return not_assessable("the hold-out has rows of one class only")
    test.drop_columns([schema.target]).save(session.scratch / "test-features")
    mixtures = [draw(number) if chosen == SYNTHETIC else Mixture() for number in range(settings.seeds)]
    rule = default_score(schema.task) if settings.score is None else SCORES[settings.score]
    with session.stage("trial", probe.id) as report:
        (tuned,) = tune(session, pipeline, probe, rule, [(train, session.scratch / "tuning")])
        synthetic = [_count_rows(train, mixture) for mixture in mixtures]
        arms = _Arms(session, probe, prepared, mixtures, tuned, _count_copies(train, synthetic))
        fits = arms.plan(label_arms(schema.task, arms.generators))
        tasks = list({task.out: task for task in fits.values()}.values())
        num_rows: dict[Path, int] = {}
        job = session.job("trial", probe, predict_arm, tasks)
        for done, (_, index, num_fit) in enumerate(session.map([job]), start=1):
            num_rows[tasks[index].out] = num_fit
            step = {"step": done, "total": len(tasks), "losses": {}}
            session.emit({"event": "progress", "stage": "trial", "id": probe.id, **step})
        predictions: dict[str, list[np.ndarray]] = {}
        for (arm, _), task in fits.items():
            predictions.setdefault(arm, []).append(np.load(task.out)[known])
        trained_on = {arm: num_rows[fits[arm, 0].out] for arm in predictions}
        strengths: dict[str, float] = {}
        decisions: dict[str, list[np.ndarray]] = {}
        if schema.task == "classes":
            predictions[THRESHOLD], trained_on[THRESHOLD] = predictions[NONE], trained_on[NONE]
            strengths = {THRESHOLD: 1.0} | ({TUNED: tuned.strength} if tuned else {})
            offsets = [prior_offsets(training_counts(train), rows) for rows in synthetic]
            if SYNTHETIC in predictions and any(offsets):
                predictions[PRIOR_CORRECTION] = [
                    correct_prior(array, np.array([of_seed.get(label, 0.0) for label in schema.classes]))
                    for array, of_seed in zip(predictions[SYNTHETIC], offsets, strict=True)
                ]
                trained_on[PRIOR_CORRECTION] = trained_on[SYNTHETIC]
                decisions[PRIOR_CORRECTION] = predictions[SYNTHETIC]
        counts = np.array(list(training_counts(train).values()))
        report["rows"] = len(truth)
        trial = paired_bootstrap.summarise(
            truth,
            predictions,
            task=schema.task,
            labels=label_arms(schema.task, arms.generators),
            rows=trained_on,
            probe=probe.id,
            score=settings.score,
            seed=session.seed,
            classes=schema.classes,
            chosen=chosen,
            decisions=decisions
            | {
                arm: [move_threshold(array, counts, strength) for array in predictions[arm]]
                for arm, strength in strengths.items()
            },
            units=units.take(known),
        )
    return _add_settings(trial, tuned, strengths)


@dataclass(frozen=True)
class _Arms:
    """What the probe is trained on.

    Attributes:
        mixtures: the synthetic rows of each seed.
        tuned: the probe with the settings that did best, if it can be tuned.
        copies: of each seed, label to the real rows that are repeated instead of synthetic ones; empty for no such arm.
    """

    session: Session
    probe: Bound
    prepared: Prepared
    mixtures: Sequence[Mixture]
    tuned: Tuned | None
    copies: Sequence[Mapping[str, int]]

    @property
    def generators(self) -> list[str]:
        """Those that have made rows for every seed."""
        return [name for name in self.mixtures[0].counts if all(mixture.of(name) for mixture in self.mixtures)]

    def plan(self, arms: Iterable[str]) -> dict[tuple[str, int], ArmTask]:
        """Arm and seed to what predicts for it; the same task where the predictions are the same."""
        left_out = (
            {THRESHOLD, PRIOR_CORRECTION} | (set() if self.copies else {COPIES}) | (set() if self.tuned else {TUNED})
        )
        fits: dict[tuple[str, int], ArmTask] = {}
        for arm in (arm for arm in arms if arm not in left_out):
            for number in range(len(self.mixtures)):
                task = self._fit(arm, number)
                fits[arm, number] = fits.get((arm, 0), task) if self._is_the_same(arm, number) else task
        if self.tuned and not self.tuned.settings:
            fits |= {(TUNED, number): fits[NONE, number] for number in range(len(self.mixtures))}
        return fits

    def _fit(self, arm: str, number: int) -> ArmTask:
        return ArmTask(
            bound=self.tuned.bound if self.tuned and arm == TUNED else self.probe,
            train=self.prepared.train,
            test=self.session.scratch / "test-features",
            seed=self.session.seed,
            arm=NONE if arm == TUNED else arm,
            trial_seed=number,
            out=self.session.scratch / f"arm-{arm}-{number}.npy",
            parts=self._list_parts(arm, number),
            copies=self.copies[number] if arm == COPIES else {},
        )

    def _is_the_same(self, arm: str, number: int) -> bool:
        """Whether a seed gives the same model as the first one."""
        assert issubclass(self.probe.cls, Probe)
        draws_rows = arm in (OVERSAMPLING, COPIES) or self._list_parts(arm, number) != self._list_parts(arm, 0)
        return self.probe.cls.deterministic and not draws_rows

    def _list_parts(self, arm: str, number: int) -> tuple[Path, ...]:
        if arm == SYNTHETIC:
            return tuple(folder for folder, _ in self.mixtures[number].parts)
        return tuple(self.mixtures[number].of(arm))


def _count_rows(train: Dataset, mixture: Mixture) -> dict[str, int]:
    """Label to its synthetic rows, at most as many as an arm takes; all under an empty label without classes."""
    rows = {"": sum(counts.kept for counts in mixture.counts.values())}
    if train.schema.task == "classes":
        rows = dict.fromkeys(train.schema.classes, 0)
        for counts in mixture.per_class(train.schema.target).values():
            for label, count in counts.items():
                rows[label] += count
    if sum(rows.values()) > MAX_JUDGED_ROWS:
        rows = dict(zip(rows, apportion(MAX_JUDGED_ROWS, list(rows.values())), strict=True))
    return {label: count for label, count in rows.items() if count}


def _count_copies(train: Dataset, synthetic: list[dict[str, int]]) -> list[dict[str, int]]:
    """Of each seed, label to real rows to repeat; empty where there are none, or where oversampling is the same."""
    oversampled = {label: count for label, count in missing_rows(training_counts(train)).items() if count}
    is_oversampling = train.schema.task == "classes" and all(rows == oversampled for rows in synthetic)
    return [] if is_oversampling or not any(synthetic) else synthetic


def _add_settings(trial: TrialResult, tuned: Tuned | None, strengths: Mapping[str, float]) -> TrialResult:
    """The trial with the settings and thresholds of its arms."""
    arms = [
        arm.model_copy(
            update={
                "settings": dict(tuned.settings) if tuned and arm.id == TUNED else {},
                "strength": strengths.get(arm.id, 0.0),
            }
        )
        for arm in trial.arms
    ]
    return trial.model_copy(update={"arms": arms})


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
        # there are no classes, so oversampling repeats all rows alike, as copies do
        known = {"kind": arm_kind(name), "meaning": explain_arm(COPIES if name == OVERSAMPLING else name)}
        return ArmResult(id=name, label=label, rows=num_train + rows, **values, scores={}, classes={}, **known)

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
    margin = worth_having(better, gain["alone"])
    meaning = next((score.meaning for score in scores if score.name == gain["score"]), judged.meaning)
    verdict = judge_interval(gain["against"]["interval"], better, margin)
    found = TrialResult(
        assessable=True,
        reason="",
        probe=judged.metric,
        score=gain["score"],
        better=better,
        seeds=1,
        rows=gain["judged"],
        units=gain["judged"],
        margin=margin,
        chosen=SYNTHETIC,
        against=Comparison(arm=OVERSAMPLING, **gain["against"], verdict=verdict),
        arms=arms,
        legend={gain["score"]: ScoreLegend(label=gain["score"], meaning=meaning)},
    )
    return add_verdict(found, gain["score"])


def void_if_contaminated(trial: TrialResult, scores: Sequence[MetricScore]) -> TrialResult:
    """The trial, without a verdict where a metric says that synthetic rows repeat the hold-out."""
    reasons: dict[str, str] = {}
    for score in scores:
        if score.voids:
            reasons.setdefault(score.of, score.voids)
    if len(reasons) > 1:
        reasons.pop("all", None)  # because of the generators that are named
    return void(trial, reasons) if reasons else trial
