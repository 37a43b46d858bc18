"""Rules for filters, transforms, probes and metrics."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels, check
from augment.plugin.contracts import Component, Probe
from augment.plugin.score import Score
from augment.testing.examples import Recipe
from augment.testing.learners import request, work
from augment.testing.rules import Case, Rule, every, one_a_modality

__all__ = ["rules"]


def rules(component: type[Component]) -> list[Rule]:
    """The rules that apply to this component."""
    match component.kind:
        case "filter":
            return [
                Rule(gives_each_row_a_number, every),
                Rule(judges_each_row_by_itself, one_a_modality),
                Rule(keeps_some_real_rows, one_a_modality),
            ]
        case "transform":
            return [Rule(both_parts_get_the_same_schema, every)]
        case "probe":
            return [
                Rule(predictions_have_the_right_shape, every),
                Rule(predicts_better_than_chance, _without_gaps),
                Rule(a_class_may_be_missing_in_training, _plain_classes),
                Rule(weights_count, _plain_classes),
                Rule(predicts_a_single_row, one_a_modality),
                Rule(takes_the_settings_to_try),
                *([Rule(predicts_the_same_with_every_seed, one_a_modality)] if is_deterministic(component) else []),
            ]
        case "metric":
            return [Rule(scores_are_finite_numbers, every), Rule(two_synthetic_rows_are_enough, one_a_modality)]
        case _:
            return []


def _plain_classes(recipes: list[Recipe]) -> list[Recipe]:
    return [recipe for recipe in one_a_modality(recipes) if recipe.task == "classes"]


def _without_gaps(recipes: list[Recipe]) -> list[Recipe]:
    return [recipe for recipe in recipes if not recipe.missing and recipe.task != "none"]


def gives_each_row_a_number(case: Case) -> None:
    """`judge` returns one float per row.

    Rows are kept if the value reaches the threshold; NaN would be undefined.
    """
    judged = work(case, case.fitted())
    right = isinstance(judged, np.ndarray) and judged.shape == (len(case.other_data),) and judged.dtype.kind == "f"
    case.expect(
        right and not np.isnan(judged).any(),
        done=f"judged {len(case.other_data)} rows",
        happened=f"{judged.dtype} {judged.shape}" if isinstance(judged, np.ndarray) else f"a {type(judged).__name__}",
        expected=f"float ({len(case.other_data)},) without NaN",
        fix="return one float a row; larger is better",
    )


def judges_each_row_by_itself(case: Case) -> None:
    """A row's value does not depend on the other rows in the batch.

    Rejected rows are redrawn and checked in other batches, with the same rule.
    """
    judge, candidates = case.fitted(), case.other_data
    whole = judge.judge(candidates, case.context("work", train=case.data))
    rows = np.arange(len(candidates))[::-3]
    part = judge.judge(candidates.take(rows), case.context("work", train=case.data))
    case.expect(
        np.allclose(whole[rows], part, rtol=1e-3, atol=1e-4),
        done="judged all rows, and then every third of them, backwards",
        happened=f"other numbers for the same rows: up to {np.max(np.abs(whole[rows] - part)):g} apart",
        expected="the same number for the same row",
        fix="compare each row with what `fit` learnt, never with the other candidates",
    )


def keeps_some_real_rows(case: Case) -> None:
    """The filter does not reject all unseen real rows.

    A filter that rejects real rows also rejects good synthetic ones, so no run could finish.
    """
    judge = case.fitted()
    share_kept = float((work(case, judge) >= judge.threshold).mean())
    case.expect(
        share_kept > 0,
        done="judged unseen rows of the same kind as the training part",
        happened=f"all of them are below its threshold of {judge.threshold:g}",
        expected="some that are kept, or no run could ever end",
        fix="set `threshold` in `fit` from the reference rows; kept is what is >= threshold",
    )


def both_parts_get_the_same_schema(case: Case) -> None:
    """The training part and the hold-out have the same structure and fit their schema.

    Generators learn on one part and are evaluated on the other, so both must be comparable.
    """
    transform = case.fitted()
    changed = {"training part": transform.apply(case.data), "hold-out": transform.apply(case.other_data)}
    for name, part in changed.items():
        problems = check(part.frame, part.arrays, part.schema)
        case.expect(
            not problems,
            done=f"applied it to the {name}",
            happened="; ".join(problems),
            expected="rows that fit the schema they come with",
            fix="end `apply` with Dataset.of(frame, arrays, schema), with the schema of the changed columns",
        )
    one, other = changed.values()
    case.expect(
        one.schema == other.schema,
        done="applied it to the training part and to the hold-out",
        happened="results with different schemas",
        expected="the same columns and types in both",
        fix="decide in `fit` what becomes of the columns; in `apply` look at no more than the values",
    )


def predictions_have_the_right_shape(case: Case) -> None:
    """`predict` returns probabilities (N, C) that sum to one, or one finite value per row.

    Every score is computed from these values.
    """
    predicted = work(case, case.fitted())
    num_rows, num_classes = len(case.other_data), len(case.data.schema.classes)
    shape = (num_rows, num_classes) if num_classes else (num_rows,)
    case.expect(
        isinstance(predicted, np.ndarray) and predicted.shape == shape and predicted.dtype.kind == "f",
        done=f"predicted {num_rows} rows" + (f" with {num_classes} classes" if num_classes else ""),
        happened=f"{predicted.dtype} {predicted.shape}" if isinstance(predicted, np.ndarray) else f"{predicted!r}",
        expected=f"float {shape}",
        fix="one column a class, in the order of schema.classes; without classes one value a row",
    )
    sums_to_one = not num_classes or (np.allclose(predicted.sum(axis=1), 1, atol=1e-4) and (predicted >= 0).all())
    case.expect(
        bool(np.isfinite(predicted).all() and sums_to_one),
        done=f"predicted {num_rows} rows",
        happened=f"rows such as {predicted[0]}",
        expected="finite numbers, and rows of probabilities that sum to one" if num_classes else "finite numbers",
        fix="normalise each row",
    )


def predicts_better_than_chance(case: Case) -> None:
    """If the target depends on the features, predictions for unseen rows are better than chance.

    A trial compares probes trained on different rows; a probe that learns nothing shows no difference.
    """
    assert case.recipe is not None
    larger = replace(case.recipe, rows=max(200, case.recipe.rows))
    train, test = larger.build(), larger.build(seed=1)
    target = str(train.schema.target)
    probe = case.new().fit(train, case.context("fit", train=train))
    predicted = probe.predict(test.drop_columns([target]))
    if train.schema.task == "classes":
        classes = np.array(train.schema.classes, dtype=object)
        labels = as_labels(test.frame[target])
        hits = classes[predicted.argmax(axis=1)] == labels
        recall = float(np.mean([hits[labels == label].mean() for label in classes]))
        guessing = 1 / len(classes)
        better, score = recall > guessing + 0.1, f"a balanced accuracy of {recall:.2f}; guessing has {guessing:.2f}"
    else:
        values = test.frame[target].to_numpy(dtype=float)
        error, spread = float(np.mean((predicted - values) ** 2)), float(np.var(values))
        better, score = error < 0.9 * spread, f"a squared error of {error:.4g}; predicting the mean has {spread:.4g}"
    case.expect(
        better,
        done=f"trained it on {len(train)} rows whose target follows the features, and predicted as many new ones",
        happened=score,
        expected="clearly better than guessing",
        fix="see that labels, rows and the order of classes belong together, and that it trains long enough",
    )


def a_class_may_be_missing_in_training(case: Case) -> None:
    """A class without training rows has a column of probabilities.

    A resampled training part can lose a rare class that the hold-out still contains.
    """
    data = case.data
    target, absent = str(data.schema.target), data.schema.classes[0]  # the first: later columns must not move up
    train = data.take(as_labels(data.frame[target]) != absent)
    predicted = case.fit(train).predict(request(case))
    shape = (len(case.other_data), len(data.schema.classes))
    case.expect(
        predicted.shape == shape,
        done=f"trained it without any row of class {absent!r}",
        happened=f"predictions {predicted.shape}",
        expected=f"{shape}: a column for each of schema.classes",
        fix="fill the columns of absent classes with zeros",
    )
    labels = as_labels(case.other_data.frame[target])
    chosen = np.array(data.schema.classes, dtype=object)[predicted.argmax(axis=1)]
    present = labels != absent
    right, for_absent = (chosen[present] == labels[present]).mean(), predicted[:, 0].mean()
    case.expect(
        bool(right > 0.4 and for_absent < 0.5),
        done=f"trained it without any row of class {absent!r}, and predicted rows of the other classes",
        happened=f"{right:.0%} right, and {for_absent:.0%} for {absent!r}",
        expected="the other classes, in their own columns",
        fix="put each probability into the column of its class, by the class's label",
    )


def weights_count(case: Case) -> None:
    """Rows with larger weights have more influence on the predictions.

    Class weighting is one of the inexpensive alternatives that synthetic rows must beat.
    """
    data = case.data
    target, favourite = str(data.schema.target), data.schema.classes[-1]
    # shuffled labels: the weights are all there is to learn
    shuffled = data.frame[target].take(np.random.default_rng(0).permutation(len(data))).reset_index(drop=True)
    data = Dataset(data.frame.assign(**{target: shuffled}), data.arrays, data.schema)
    is_favourite = as_labels(data.frame[target]) == favourite
    shares = []
    for weight in (0.05, 20.0):
        weights = np.where(is_favourite, weight, 1.0)
        probe = case.new().fit(data, case.context("fit", train=data), weights=weights)
        shares.append(float(probe.predict(request(case))[:, -1].mean()))
    case.expect(
        shares[1] > shares[0] + 0.05,
        done=f"trained it on shuffled labels, class {favourite!r} once with weights 0.05, once with 20",
        happened=f"mean probabilities of that class of {shares[0]:.2f} and {shares[1]:.2f}",
        expected="a clearly larger one with the larger weights",
        fix="multiply each row's loss by its weight: `sample_weight=weights` in scikit-learn",
    )


def predicts_a_single_row(case: Case) -> None:
    """The prediction for a row does not depend on the other rows in the batch.

    Otherwise a prediction uses other rows of the hold-out.
    """
    probe, rows = case.fitted(), request(case)
    predictions = probe.predict(rows.take(slice(0, 1))), probe.predict(rows)[:1]
    case.expect(
        predictions[0].shape == predictions[1].shape and np.allclose(*predictions, rtol=1e-3, atol=1e-4),
        done="predicted all rows, and the first alone",
        happened=f"{predictions[1]} and {predictions[0]}",
        expected="the same prediction",
        fix="standardise with what `fit` saw; put networks into evaluation mode",
    )


def is_deterministic(component: type[Component]) -> bool:
    """Whether a probe declares that it is."""
    return issubclass(component, Probe) and component.deterministic


def takes_the_settings_to_try(case: Case) -> None:
    """The settings that a probe declares for the arm `tuned` are settings that it has.

    A trial would fail with every pipeline that uses the probe.
    """
    probe = case.new()
    assert isinstance(probe, Probe)
    for changes in probe.settings_to_try(probe.params):
        try:
            type(probe.params).model_validate(probe.params.model_dump(by_alias=True) | dict(changes))
            problem = ""
        except ValueError as error:
            problem = str(error)
        case.expect(
            not problem,
            done=f"changed its settings by {dict(changes)}",
            happened=problem,
            expected="settings that `Params` accepts",
            fix="return changes of its own settings from `settings_to_try`",
        )


def predicts_the_same_with_every_seed(case: Case) -> None:
    """A probe that is `deterministic` is the same model with another seed.

    A trial fits it once for all seeds, so randomness would be missing from the interval.
    """
    rows = request(case)
    one, other = (
        case.new().fit(case.data, case.context(purpose, train=case.data)).predict(rows) for purpose in ("fit", "refit")
    )
    case.expect(
        np.array_equal(one, other),
        done="fitted it on the same rows with two seeds",
        happened="different predictions",
        expected="equal ones, since `deterministic` is true",
        fix="leave `deterministic` at false",
    )


def scores_are_finite_numbers(case: Case) -> None:
    """`score` returns a list of valid scores.

    Scores are written to metrics.json and the report. JSON has no NaN, and names must be unique.
    """
    _expect_scores(case, work(case, case.fitted()), f"{len(case.other_data)} synthetic rows")


def two_synthetic_rows_are_enough(case: Case) -> None:
    """The metric works on small data.

    A small run or a strict filter can leave a handful of rows.
    """
    few = case.other_data.take(slice(0, 2))
    context = case.context("work", train=case.data)
    _expect_scores(case, case.new().score(few, case.data, case.other_data, context), "2 synthetic rows")


def _expect_scores(case: Case, scores: object, what: str) -> None:
    case.expect(
        isinstance(scores, list) and all(isinstance(score, Score) for score in scores),
        done=f"scored {what}",
        happened=f"a {type(scores).__name__}: {scores!r:.200}",
        expected="a list of augment.plugin.Score",
        fix="return [Score(name, value, ...)]; an empty list where nothing can be said",
    )
    assert isinstance(scores, list)
    for score in scores:
        ends = score.interval or (score.value, score.value)
        case.expect(
            math.isfinite(score.value) and math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] <= ends[1],
            done=f"scored {what}",
            happened=str(score),
            expected="a finite value, and an interval from its lower to its upper end",
            fix="leave a score out where it has no value",
        )
        case.expect(
            score.attack is None or score.attack.is_above_limit == (score.value > score.attack.limit),
            done=f"scored {what}",
            happened=str(score),
            expected="an attack whose finding agrees with its value and limit",
            fix='say "leak found" or "near by design" where the value is above the limit, and nowhere else',
        )
        try:
            json.dumps({"value": score.value, "detail": score.detail}, allow_nan=False)
            problem = ""
        except (TypeError, ValueError) as error:
            problem = str(error)
        case.expect(
            not problem,
            done=f"wrote the score {score.name!r} as JSON",
            happened=problem,
            expected="a value and detail of plain numbers, texts, lists and mappings: they go into metrics.json",
            fix="turn numpy values into Python's: float(x), x.tolist(); leave NaN out",
        )
    names = pd.Series([score.name for score in scores], dtype="str")
    case.expect(
        bool(names.is_unique),
        done=f"scored {what}",
        happened=f"several scores of the name {names[names.duplicated()].tolist()}",
        expected="a name of its own for each",
        fix="say in the name what differs",
    )
