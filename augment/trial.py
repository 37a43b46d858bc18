"""The experiment: the same probe trained on several arms, paired over seeds, judged on rows nobody trained on.

Every arm is compared with real rows alone. The interval of a difference is a paired bootstrap (Efron and Tibshirani,
1993) over the held-out rows and the seeds at once: each resample draws rows, within classes, and seeds, the same for
both arms, and the interval is the middle 95 % of the resampled differences. A seed is a probe seed and synthetic rows
of its own; that another training part would have given other results is not in the interval.

Shapes: S seeds, B resamples, N held-out rows, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from augment.components import derive_seed
from augment.judging import CLASS_WEIGHTS, NONE, OVERSAMPLING, SYNTHETIC
from augment.scores import ScoreRule, default_score, scores_for

__all__ = ["arm_labels", "not_assessable", "summarise"]

NUM_RESAMPLES = 1000
BLOCK = 4_000_000  # weights held at a time


def arm_labels(task: str, generators: Sequence[str]) -> dict[str, str]:
    """The arms of the trial on the hold-out: id to what people read, the baseline first.

    Args:
        task: `classes` or `number`; without classes there is nothing to balance.
        generators: ids of those that made rows; each is an arm of its own where there are several.
    """
    arms = {NONE: "real rows alone"}
    if task == "classes":
        arms |= {CLASS_WEIGHTS: "class weights", OVERSAMPLING: "oversampling"}
    if generators:
        arms[SYNTHETIC] = "real + synthetic"
    if len(generators) > 1:
        arms |= {generator: f"real + {generator} alone" for generator in generators}
    return arms


def not_assessable(reason: str) -> dict[str, Any]:
    """The trial's part of `metrics.json` where there was nothing to judge by."""
    return {
        "assessable": False,
        "reason": reason,
        "verdict": "not assessable",
        "sentence": f"Whether augmentation helps could not be assessed: {reason}.",
        "probe": "",
        "score": "",
        "better": "higher",
        "seeds": 0,
        "arms": [],
    }


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
) -> dict[str, Any]:
    """Scores, paired differences with 95 % intervals, and the verdict, as `metrics.json` holds them.

    Args:
        truth: (N,) int64 class numbers, or float values.
        predictions: arm id to its predictions, one array a seed: (N, C) probabilities or (N,) values.
        task: `classes` or `number`.
        labels: arm id to what people read, as `arm_labels` gives them.
        rows: arm id to how many rows it was trained on.
        probe: the probe's name.
        score: name of the score that decides, or None for the default of the task.
        seed: of the resampling.
    """
    deciding = next((rule for rule in scores_for(task) if rule.name == score), default_score(task))
    rng = np.random.default_rng(derive_seed(seed, "trial", "resampling"))
    num_seeds = len(next(iter(predictions.values())))
    drawn_seeds = rng.integers(num_seeds, size=(NUM_RESAMPLES, num_seeds))
    weights = list(_resamples(truth, task, rng))
    arms: list[dict[str, Any]] = [
        {"id": arm, "label": labels[arm], "rows": rows[arm], "values": [], "scores": {}} for arm in predictions
    ]
    best_alternative: tuple[float, str, tuple[float, float, float]] | None = None
    for rule in scores_for(task):
        once = np.ones((1, len(truth)))
        values = {arm: np.concatenate([rule.score(truth, p, once) for p in ps]) for arm, ps in predictions.items()}
        resampled = {arm: _scores(rule, truth, ps, weights) for arm, ps in predictions.items()}
        for arm in arms:
            name = arm["id"]
            found = {"mean": _number(values[name].mean()), "better": rule.better, "difference": 0.0, "interval": None}
            if name != NONE:
                found |= _difference(values[name], values[NONE], resampled[name], resampled[NONE], drawn_seeds)
            arm["scores"][rule.name] = found
            if rule is deciding:
                arm["values"] = [_number(value) for value in values[name]]
        if rule is deciding and SYNTHETIC in predictions:
            sign = 1 if rule.better == "higher" else -1
            cheap = [arm for arm in (CLASS_WEIGHTS, OVERSAMPLING) if arm in predictions]
            if cheap:
                best = max(cheap, key=lambda arm: sign * values[arm].mean())
                against = _difference(
                    values[SYNTHETIC], values[best], resampled[SYNTHETIC], resampled[best], drawn_seeds
                )
                best_alternative = (float(values[best].mean()), labels[best], _span(against))
    for arm in arms:
        arm |= {key: arm["scores"][deciding.name][key] for key in ("mean", "difference", "interval")}
    verdict, sentence = _verdict(arms, deciding, len(truth), num_seeds, best_alternative)
    return {
        "assessable": True,
        "reason": "",
        "verdict": verdict,
        "sentence": sentence,
        "probe": probe,
        "score": deciding.name,
        "better": deciding.better,
        "seeds": num_seeds,
        "arms": arms,
    }


def _resamples(truth: np.ndarray, task: str, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Blocks of bootstrap weights (b, N), rows drawn within classes so that none goes missing."""
    groups = [np.flatnonzero(truth == label) for label in np.unique(truth)] if task == "classes" else []
    groups = groups or [np.arange(len(truth))]
    size = max(1, BLOCK // len(truth))
    for start in range(0, NUM_RESAMPLES, size):
        count = min(size, NUM_RESAMPLES - start)
        block = np.zeros((count, len(truth)), dtype=np.float32)
        for rows in groups:
            block[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=count)
        yield block


def _scores(
    rule: ScoreRule, truth: np.ndarray, predictions: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> np.ndarray:
    """(B, S): every resample's score of every seed. Seeds that predict the same are scored once."""
    columns: list[np.ndarray] = []
    for number, predicted in enumerate(predictions):
        same = next((i for i in range(number) if np.array_equal(predictions[i], predicted)), None)
        if same is not None:
            columns.append(columns[same])
        else:
            columns.append(np.concatenate([rule.score(truth, predicted, block) for block in weights]))
    return np.stack(columns, axis=1)


def _difference(
    ours: np.ndarray, theirs: np.ndarray, our_b: np.ndarray, their_b: np.ndarray, drawn_seeds: np.ndarray
) -> dict[str, Any]:
    differences = np.take_along_axis(our_b - their_b, drawn_seeds, axis=1).mean(axis=1)
    differences = differences[~np.isnan(differences)]
    interval = [float(end) for end in np.quantile(differences, [0.025, 0.975])] if len(differences) else None
    return {"difference": _number((ours - theirs).mean()), "interval": interval}


def _span(difference: Mapping[str, Any]) -> tuple[float, float, float]:
    low, high = difference["interval"] or (float("-inf"), float("inf"))
    return difference["difference"], low, high


def _number(value: Any) -> float:
    return float(value) if np.isfinite(value) else 0.0


def _direction(low: float, high: float, better: str) -> str:
    """What an interval of a difference says: the wording follows from the interval, never from the mean alone."""
    if low > 0:
        return "helps" if better == "higher" else "hurts"
    if high < 0:
        return "hurts" if better == "higher" else "helps"
    return "no measurable effect"


def _verdict(
    arms: Sequence[Mapping[str, Any]],
    rule: ScoreRule,
    num_rows: int,
    num_seeds: int,
    alternative: tuple[float, str, tuple[float, float, float]] | None,
) -> tuple[str, str]:
    by_id = {arm["id"]: arm for arm in arms}
    if SYNTHETIC not in by_id:
        return "no measurable effect", "Nothing was mixed in, so there is nothing to judge."
    real, mixed = by_id[NONE], by_id[SYNTHETIC]
    difference, low, high = _span(mixed)
    verdict = _direction(low, high, rule.better)
    opening = {
        "helps": "Augmentation helps",
        "hurts": "Augmentation hurts",
        "no measurable effect": "Augmentation has no measurable effect",
    }[verdict]
    sentence = (
        f"{opening}: {rule.label} {real['mean']:.3f} with real rows alone, {mixed['mean']:.3f} with synthetic rows "
        f"({difference:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}; {num_rows} held-out rows, {num_seeds} seeds)."
    )
    if alternative is not None:
        mean, label, (_, alternative_low, alternative_high) = alternative
        against = _direction(alternative_low, alternative_high, rule.better)
        words = {
            "helps": "It beats",
            "hurts": "It is worse than",
            "no measurable effect": "It cannot be told apart from",
        }[against]
        sentence += f" {words} the best cheap alternative, {label} ({mean:.3f})."
    return verdict, sentence
