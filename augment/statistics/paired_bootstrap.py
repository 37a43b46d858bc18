"""The experiment: the same probe trained on several arms, paired over seeds, judged on rows nobody trained on.

Every arm is compared with real rows alone. The interval of a difference is a paired bootstrap (Efron and Tibshirani,
1993) over the held-out rows and the seeds at once: each resample weighs rows and draws seeds, the same for both arms,
and the interval is the middle 95 % of the resampled differences. A seed is a probe seed and synthetic rows of its own;
that another training part would have given other results is not in the interval.

What is resampled is a unit: rows that depend on each other, such as those of one patient, have one weight together
(the cluster bootstrap). Where rows are independent, each is a unit.

A bootstrap of few things gives intervals that are too narrow, so they are made as wide as few things warrant.

* Weights are Poisson (Hanley and MacGibbon, 2006), with (n - 1) / n drawn on average where n units hold rows of a
  unit's rarest class, which makes the variance unbiased (Rao and Wu, 1988). A class of a few rows is absent from some
  resamples, so that it cannot decide alone.
* What seeds differ by on all rows alike is drawn as well. What they differ by on single rows is not counted again: it
  is in the resampled rows.
* All of that is stretched to the width of Student's interval. Its degrees of freedom are those of the variance
  (Satterthwaite, 1946), which is the less certain the fewer units or seeds the difference comes from: few groups, few
  rows on which the arms disagree, a few large errors, or few seeds that differ much.
* A class on which one arm is never right where the other is wrong would weigh as if it never could be. So in each
  direction in which no row of a class differs, a quarter of a row is taken to: where none differs at all, that is half
  a row, what a Beta(1/2, 1/2) prior (Jeffreys) leaves to expect. Without it, a single row of four that was lost by
  chance would be a sure loss.

Where several differences are looked at together, the intervals are widened until all of them hold at once in 95 % of
the resamples (max-t: Westfall and Young, 1993).

Where rows are many, the scores of resamples are linearised: see `augment.statistics.scores`.

Shapes: S seeds, B resamples, N held-out rows, G units, C classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from augment.plugin.context import derive_seed
from augment.plugin.trial_results import ArmResult, ArmScore, ClassResult, Comparison, ScoreLegend, TrialResult
from augment.statistics.arms import NONE, SYNTHETIC, arm_kind, explain_arm
from augment.statistics.curves import add_class_figures
from augment.statistics.heavy_tails import choose_number_score
from augment.statistics.scores import SCORES, ScoreRule, default_score, recall_rule, scores_for
from augment.statistics.units import Units, degrees_of_freedom, student_stretch
from augment.statistics.verdict import explain_obstacle, judge_interval, worth_having
from augment.statistics.verdict_sentence import add_verdict, not_assessable

__all__ = ["summarise"]

NUM_RESAMPLES = 1000
BLOCK = 2_000_000  # weights held at a time
UNSEEN_ROWS = 0.25  # of a class, that are taken to differ in each direction in which none does
MIN_RANKED = 5  # rows of a class; of fewer, intervals of rankings are too narrow, by simulation
MAX_EXACT = 1_500  # rows times classes up to which every resample is scored anew; above, scores are linearised


def summarise(
    truth: np.ndarray,
    predictions: Mapping[str, Sequence[np.ndarray]],
    *,
    task: str,
    labels: Mapping[str, str],
    rows: Mapping[str, int],
    probe: str,
    score: str | None,
    seed: int,
    classes: Sequence[str] = (),
    chosen: str = SYNTHETIC,
    decisions: Mapping[str, Sequence[np.ndarray]] | None = None,
    units: Units | None = None,
) -> TrialResult:
    """Scores, paired differences with 95 % intervals, and the verdict.

    Args:
        truth: (N,) int64 class numbers, or float values.
        predictions: arm id to its predictions, one array a seed: (N, C) probabilities or (N,) values.
        task: `classes` or `number`.
        labels: arm id to what people read, as `augment.statistics.arms` gives them.
        rows: arm id to how many rows it was trained on.
        probe: the probe's name.
        score: name of the score that decides, one of the task's, or None for its default.
        seed: of the resampling.
        classes: the labels that class numbers stand for; without them there are no results by class.
        chosen: the arm that the verdict is about.
        decisions: arms that do not decide for the most probable class, each with one array (N, C) a seed, whose largest
            value in each row is the decision. Scores of rankings and probabilities do not look at them.
        units: what is independent among the rows; every row by itself where it is None.
    """
    from threadpoolctl import threadpool_limits

    decided = {**predictions, **(decisions or {})}
    units = units or Units.rows(len(truth))
    deciding = default_score(task) if score is None else SCORES[score]
    rng = np.random.default_rng(derive_seed(seed, "trial", "resampling"))
    num_seeds = len(next(iter(predictions.values())))
    drawn_seeds = rng.integers(num_seeds, size=(NUM_RESAMPLES, num_seeds))
    recalls = {label: (number, recall_rule(number)) for number, label in enumerate(classes) if (truth == number).any()}
    rules = [*scores_for(task), *(rule for _, rule in recalls.values())]
    with threadpool_limits(1):  # sums of several threads have other last digits
        scores = _score_arms(truth, predictions, decided, rules, units, rng)
    if deciding.name not in scores:
        return not_assessable(f"{deciding.label} is not defined on these {len(truth)} held-out rows")
    obstacle, remark = explain_obstacle(truth, task, num_seeds, units), ""
    if task == "number" and chosen in predictions:
        influence = {name: by_arm[chosen].influence - by_arm[NONE].influence for name, by_arm in scores.items()}
        deciding, remark, tail = choose_number_score(deciding, score is None, truth, influence)
        obstacle = obstacle or tail

    is_rankable = task != "classes" or np.unique(truth, return_counts=True)[1].min() >= MIN_RANKED

    def compare(rule: ScoreRule, name: str, base: str = NONE) -> _Difference:
        if name == base:
            return _Difference(0.0, None, np.zeros(NUM_RESAMPLES))
        if rule.kind == "ranking" and not is_rankable:
            difference = scores[rule.name][name].values.mean() - scores[rule.name][base].values.mean()
            return _Difference(float(difference), None, np.full(NUM_RESAMPLES, np.nan))
        unseen = _draw_unseen(rule, truth, decided[name], decided[base], derive_seed(seed, "trial", "unseen"))
        most = 1.0 if rule.kind in ("decision", "ranking") else np.inf  # such scores are shares
        return _compare(scores[rule.name][name], scores[rule.name][base], units, drawn_seeds, unseen, most)

    arms = []
    for name in (name for name in labels if name in predictions):
        by_score = {
            rule.name: ArmScore(
                mean=float(scores[rule.name][name].values.mean()),
                **compare(rule, name).figures(),
                better=rule.better,
                kind=rule.kind,
            )
            for rule in scores_for(task)
            if rule.name in scores
        }
        precision_C, f1_C = _precision_and_f1(truth, decided[name])
        by_class = {
            label: ClassResult(
                rows=int((truth == number).sum()),
                recall=float(scores[rule.name][name].values.mean()),
                precision=float(precision_C[number]),
                f1=float(f1_C[number]),
                **compare(rule, name).figures(),
            )
            for label, (number, rule) in recalls.items()
        }
        arms.append(
            ArmResult(
                id=name,
                label=labels[name],
                rows=rows[name],
                values=scores[deciding.name][name].values.tolist(),
                **by_score[deciding.name].model_dump(include={"mean", "difference", "interval"}),
                scores=by_score,
                classes=by_class,
                kind=arm_kind(name),
                meaning=explain_arm(name),
            )
        )
    against = None
    inexpensive = [arm for arm in arms if arm.kind == "inexpensive"]
    sign = 1 if deciding.better == "higher" else -1
    best = max(inexpensive, key=lambda arm: sign * arm.mean).id if inexpensive else NONE
    alone = float(scores[deciding.name][NONE].values.mean())
    margin = worth_having(deciding.better, alone)
    if inexpensive and chosen == SYNTHETIC and SYNTHETIC in predictions:
        # which of them is the best is chosen on the same rows, so all of them are compared at once
        joint = dict(
            zip(
                [arm.id for arm in inexpensive],
                _hold_jointly([compare(deciding, SYNTHETIC, arm.id) for arm in inexpensive]),
                strict=True,
            )
        )
        verdict = judge_interval(joint[best].interval, deciding.better, margin)
        against = Comparison(arm=best, **joint[best].figures(), verdict=verdict)
    worse = []
    if chosen in predictions and chosen != NONE:
        others = [rule for rule in scores_for(task) if rule.name in scores and rule is not deciding]
        joint_others = _hold_jointly([compare(rule, chosen) for rule in others])
        worse = [
            rule.name
            for rule, difference in zip(others, joint_others, strict=True)
            if judge_interval(difference.interval, rule.better, 0.0) == "hurts"
        ]
    if classes:
        shown = {NONE, chosen, best}
        arms = [
            add_class_figures(arm, truth, predictions[arm.id], decided[arm.id], classes) if arm.id in shown else arm
            for arm in arms
        ]
    counts = {label: int((truth == number).sum()) for label, (number, _) in recalls.items()}
    rarest = min(counts, key=lambda label: counts[label], default="")
    trial = TrialResult(
        assessable=not obstacle,
        reason=obstacle,
        probe=probe,
        score=deciding.name,
        better=deciding.better,
        seeds=num_seeds,
        rows=len(truth),
        units=units.count,
        unit=units.name,
        rarest=rarest,
        rarest_rows=counts.get(rarest, 0),
        margin=margin,
        worse=worse,
        remark=remark,
        chosen=chosen,
        against=against,
        arms=arms,
        legend={
            rule.name: ScoreLegend(label=rule.label, meaning=rule.meaning)
            for rule in scores_for(task)
            if rule.name in scores
        },
    )
    return add_verdict(trial, deciding.label)


class _Difference(NamedTuple):
    """The mean difference of an arm to another, its 95 % interval, and its resamples (B,): NaN where not defined."""

    difference: float
    interval: tuple[float, float] | None
    draws: np.ndarray

    def figures(self) -> dict[str, Any]:
        """What `metrics.json` holds of it."""
        return {"difference": self.difference, "interval": self.interval}


def _precision_and_f1(truth: np.ndarray, predictions: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Means over the seeds for each class, (C,); 0 where a class is never predicted. For numbers they say nothing."""
    if predictions[0].ndim == 1:
        return np.zeros(0), np.zeros(0)
    num_classes = predictions[0].shape[1]
    predicted_SN = np.stack([array.argmax(axis=1) for array in predictions])
    of_class = np.bincount(truth, minlength=num_classes)
    named = np.stack([np.bincount(row, minlength=num_classes) for row in predicted_SN])
    right = np.stack([np.bincount(truth[row == truth], minlength=num_classes) for row in predicted_SN])
    precision, f1 = right / np.maximum(named, 1), 2 * right / np.maximum(named + of_class, 1)
    return precision.mean(axis=0), f1.mean(axis=0)


class _Scored(NamedTuple):
    """One score of one arm: of each seed (S,), of each seed under each resample (B, S), and each row's influence on the
    mean over the seeds, (N,)."""

    values: np.ndarray
    resampled: np.ndarray
    influence: np.ndarray


def _score_arms(
    truth: np.ndarray,
    predictions: Mapping[str, Sequence[np.ndarray]],
    decided: Mapping[str, Sequence[np.ndarray]],
    rules: Sequence[ScoreRule],
    units: Units,
    rng: np.random.Generator,
) -> dict[str, dict[str, _Scored]]:
    """Score to arm to what it scored; scores that are not defined on these rows are left out."""
    distinct: dict[bytes, tuple[int, np.ndarray]] = {}  # many probes predict the same with every seed

    def find_columns(arms: Mapping[str, Sequence[np.ndarray]]) -> dict[str, list[int]]:
        columns: dict[str, list[int]] = {}
        for arm, arrays in arms.items():
            digests = [hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest() for array in arrays]
            columns[arm] = [
                distinct.setdefault(digest, (len(distinct), array))[0]
                for digest, array in zip(digests, arrays, strict=True)
            ]
        return columns

    of_probabilities, of_decisions = find_columns(predictions), find_columns(decided)
    different = [array for _, array in distinct.values()]
    columns = {rule.name: of_decisions if rule.kind == "decision" else of_probabilities for rule in rules}
    resamples = _resamples(truth if rules[0].task == "classes" else np.zeros(len(truth), dtype=np.int64), units, rng)
    linear = [rule.linear(truth, predicted) for rule in rules for predicted in different]
    derivatives = np.array([derivative for _, derivative in linear])  # a matrix: its products are quick
    if different[0].size <= MAX_EXACT:

        def exact(weights: np.ndarray) -> np.ndarray:  # (b, N) to (rules, different predictions, b)
            return np.array([[rule.score(truth, predicted, weights) for predicted in different] for rule in rules])

        scores = exact(np.ones((1, len(truth))))
        resampled = np.concatenate([exact(weights) for weights in resamples], axis=2)
    else:
        scores = np.array([score for score, _ in linear]).reshape(len(rules), len(different), 1)
        changes = np.concatenate([derivatives @ weights.T for weights in resamples], axis=1)
        resampled = scores + changes.reshape(len(rules), len(different), -1)
    influence = derivatives.reshape(len(rules), len(different), -1)
    return {
        rule.name: {
            arm: _Scored(scores[n, at, 0], resampled[n, at].T, influence[n, at].mean(axis=0))
            for arm, at in columns[rule.name].items()
        }
        for n, rule in enumerate(rules)
        if all(np.isfinite(scores[n, at]).all() for at in columns[rule.name].values())
    }


def _resamples(classes: np.ndarray, units: Units, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Blocks of bootstrap weights (b, N), of mean 1; all rows of a unit have the same."""
    rates = units.draw_rates(classes)
    size = max(1, BLOCK // len(classes))
    for start in range(0, NUM_RESAMPLES, size):
        drawn = rng.poisson(rates, size=(min(size, NUM_RESAMPLES - start), units.count)) / rates
        yield drawn[:, units.codes]


def _draw_unseen(
    rule: ScoreRule, truth: np.ndarray, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], seed: int
) -> np.ndarray:
    """What rows might add to the difference, of classes and in directions in which no row differs: (B,)."""
    alike = all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))  # as of the same model
    if alike or rule.by_one is None:
        return np.zeros(NUM_RESAMPLES)
    num_classes = theirs[0].shape[1]
    right, theirs_right = (np.stack([array.argmax(axis=1) == truth for array in arm]) for arm in (ours, theirs))
    seen = [  # gains of ours, and losses
        np.bincount(truth[differs.any(axis=0)], minlength=num_classes) > 0
        for differs in (right & ~theirs_right, theirs_right & ~right)
    ]
    rows, named = (np.bincount(labels, minlength=num_classes) for labels in (truth, theirs[0].argmax(axis=1)))
    drawn = np.random.default_rng(seed).poisson(UNSEEN_ROWS, size=(2, NUM_RESAMPLES, num_classes))
    return np.asarray((drawn[0] * ~seen[0] - drawn[1] * ~seen[1]) @ (rule.by_one(rows, named) * (rows > 0)))


def _compare(
    ours: _Scored, theirs: _Scored, units: Units, drawn_seeds: np.ndarray, unseen: np.ndarray, most: float
) -> _Difference:
    """The mean difference, and its 95 % interval; None of one seed, or where hardly any resample has a score.

    No difference is larger than `most`.
    """
    by_seed, observed = ours.resampled - theirs.resampled, ours.values - theirs.values  # (B, S), (S,)
    difference, num_seeds = float(observed.mean()), len(observed)
    known = ~np.isnan(by_seed).any(axis=1)
    if known.sum() < NUM_RESAMPLES // 10 or num_seeds == 1:
        return _Difference(difference, None, np.full(len(by_seed), np.nan))
    by_rows = by_seed.mean(axis=1) - difference
    of_rows, of_seeds = float(by_rows[known].var()), float(observed.var(ddof=1))
    # that seeds differ on single rows is in the resampled rows already; what is left, they differ by on all rows alike
    on_single_rows = float((by_seed[known] - observed).var(axis=1, ddof=1).mean())
    on_all_rows = max(0.0, of_seeds - on_single_rows)
    share = on_all_rows / of_seeds if of_seeds else 0.0
    effects = (observed - difference) * np.sqrt(share * num_seeds / (num_seeds - 1))
    freedom = degrees_of_freedom(np.bincount(units.codes, ours.influence - theirs.influence))
    stretch = student_stretch(
        of_rows + on_all_rows / num_seeds, [(of_rows, freedom), (of_seeds / num_seeds, num_seeds - 1)]
    )
    draws = difference + stretch * (by_rows + effects[drawn_seeds].mean(axis=1)) + unseen
    draws = np.clip(draws, -most, most)
    # a difference of rounding is none: an end of exactly 0 is no effect
    draws[np.abs(draws) <= 1e-12 * np.abs(theirs.values).max()] = 0.0
    low, high = np.quantile(draws[known], [0.025, 0.975])
    return _Difference(difference, (float(low), float(high)), draws)


def _hold_jointly(differences: Sequence[_Difference]) -> list[_Difference]:
    """The same with intervals so wide that all of them hold at once in 95 % of the resamples."""
    middles = [np.mean(one.interval) if one.interval else 0.0 for one in differences]
    halves = [np.ptp(one.interval) / 2 if one.interval else 0.0 for one in differences]
    ratios = [
        np.abs(one.draws - middle) / half
        for one, middle, half in zip(differences, middles, halves, strict=True)
        if half > 0
    ]
    if len(ratios) < 2:
        return list(differences)
    largest = np.fmax.reduce(ratios)
    widening = max(1.0, float(np.quantile(largest[~np.isnan(largest)], 0.95)))
    return [
        one._replace(interval=(float(middle - widening * half), float(middle + widening * half)))
        if one.interval
        else one
        for one, middle, half in zip(differences, middles, halves, strict=True)
    ]
