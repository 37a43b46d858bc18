from __future__ import annotations

import json

import numpy as np
import pytest

from augment.plugin import TrialResult
from augment.statistics import paired_bootstrap
from augment.statistics.arms import INEXPENSIVE, NONE, PRIOR_CORRECTION, SYNTHETIC, label_arms
from augment.statistics.priors import move_threshold
from augment.statistics.scores import SCORES, scores_for
from augment.statistics.units import Units
from augment.statistics.verdict import judge_interval, worth_having
from augment.statistics.verdict_sentence import add_verdict, not_assessable

NUM_ROWS = 120
NUM_SEEDS = 5
PLANTED = {"none": 0.7, "synthetic": 0.8}


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    """As many as tell these verdicts apart."""
    monkeypatch.setattr(paired_bootstrap, "NUM_RESAMPLES", 300)


def classed(rng: np.random.Generator, num_rows: int = NUM_ROWS) -> np.ndarray:
    return np.r_[0, 0, 1, 1, rng.integers(2, size=num_rows - 4)]


def predicted(truth: np.ndarray, accuracy: float, rng: np.random.Generator) -> np.ndarray:
    """Probabilities (N, 2) whose larger one is right in that share of the rows."""
    label = np.where(rng.random(len(truth)) < accuracy, truth, 1 - truth)
    sure = rng.uniform(0.55, 0.95, len(truth))
    return np.where(np.arange(2) == label[:, None], sure[:, None], 1 - sure[:, None])


def summary(truth, predictions, task: str = "classes", score: str | None = None, seed: int = 1, **options):
    generators = [arm for arm in predictions if arm not in {NONE, SYNTHETIC, PRIOR_CORRECTION, *INEXPENSIVE}]
    labels = label_arms(task, generators or ["gan"])
    return paired_bootstrap.summarise(
        truth,
        predictions,
        task=task,
        labels=labels,
        rows={arm: 10 * (n + 1) for n, arm in enumerate(predictions)},
        probe="boosting",
        score=score,
        seed=seed,
        **options,
    )


def planted(accuracies, num_seeds: int = NUM_SEEDS, seed: int = 0, num_rows: int = NUM_ROWS, **options):
    """The summary of arms that are right as often as `accuracies` says."""
    rng = np.random.default_rng(seed)
    truth = classed(rng, num_rows)
    predictions = {arm: [predicted(truth, share, rng) for _ in range(num_seeds)] for arm, share in accuracies.items()}
    return summary(truth, predictions, **options)


def arm_of(found, name: str):
    return found.arm(name)


# arms


def test_arms_stand_in_their_order_with_real_rows_alone_first():
    assert list(label_arms("classes", ["gan", "vae"])) == [
        "none",
        "threshold",
        "class-weights",
        "oversampling",
        "copies",
        "tuned",
        "synthetic",
        "prior-correction",
        "gan",
        "vae",
    ]


def test_a_single_generator_is_no_arm_beside_the_mix():
    assert list(label_arms("classes", ["gan"])) == [
        "none",
        "threshold",
        "class-weights",
        "oversampling",
        "copies",
        "tuned",
        "synthetic",
        "prior-correction",
    ]


def test_without_classes_there_is_nothing_to_balance():
    assert list(label_arms("number", ["gan"])) == ["none", "copies", "tuned", "synthetic"]


def test_without_synthetic_rows_there_is_no_arm_of_them():
    assert list(label_arms("number", [])) == ["none", "copies", "tuned"]


def test_the_summary_keeps_the_order_of_the_labels_whatever_came_first():
    found = planted({"synthetic": 0.8, "oversampling": 0.8, "none": 0.8})
    assert [arm.id for arm in found.arms] == ["none", "oversampling", "synthetic"]
    assert [arm.rows for arm in found.arms] == [30, 20, 10]


def test_arms_that_matter_have_a_confusion_matrix_and_curves():
    """Real rows alone, the chosen arm and the best of the inexpensive ones."""
    accuracies = {"none": 0.6, "class-weights": 0.9, "oversampling": 0.6, "synthetic": 0.8, "gan": 0.8, "vae": 0.8}
    found = planted(accuracies, num_rows=40, classes=["a", "b"])
    assert [arm.id for arm in found.arms if arm.confusion] == ["none", "class-weights", "synthetic"]
    assert [arm.kind for arm in found.arms] == ["real", *["inexpensive"] * 2, *["synthetic"] * 3]
    assert all(arm.meaning.endswith(".") for arm in found.arms)
    for arm in found.arms:
        assert len(arm.curves) == (arm.confusion is not None)
        if arm.confusion:
            counts = np.array(arm.confusion.counts)
            assert counts.sum() == pytest.approx(40)
            shares = counts.diagonal() / counts.sum(axis=1)
            assert shares == pytest.approx([result.recall for result in arm.classes.values()])


# the verdict


@pytest.mark.parametrize(
    ("accuracy", "verdict", "opening"),
    [
        (0.9, "helps", "Augmentation helps: balanced accuracy 0."),
        (0.4, "hurts", "Augmentation hurts: balanced accuracy 0."),
    ],
)
def test_the_verdict_is_what_was_planted(accuracy, verdict, opening):
    found = planted({"none": 0.65, "synthetic": accuracy})
    assert found.assessable
    assert found.verdict == verdict
    assert found.sentence.startswith(opening)


def test_arms_of_equal_worth_are_mostly_not_told_apart():
    # a 95 % interval is wrong once in twenty times, so no single draw may decide this test
    found = [planted({"none": 0.65, "synthetic": 0.65}, seed=seed) for seed in range(20)]
    none = [one for one in found if one.verdict == "cannot tell"]
    assert len(none) >= 16
    for one in none:
        assert one.sentence.startswith("The hold-out cannot tell whether augmentation helps or hurts: balanced acc")
        assert one.detectable > one.margin == 0.05


@pytest.mark.parametrize("score", [rule.name for rule in scores_for("classes")])
@pytest.mark.parametrize(("accuracy", "verdict"), [(0.95, "helps"), (0.3, "hurts")])
def test_the_verdict_follows_the_score_whichever_way_is_better(score, accuracy, verdict):
    found = planted({"none": 0.65, "synthetic": accuracy}, score=score)
    assert (found.verdict, found.score, found.better) == (verdict, score, SCORES[score].better)
    raises = arm_of(found, "synthetic").difference > 0
    assert raises == ((verdict == "helps") == (found.better == "higher"))


@pytest.mark.parametrize(
    ("interval", "better", "verdict"),
    [
        ((0.01, 0.2), "higher", "helps"),
        ((0.01, 0.2), "lower", "hurts"),
        ((-0.2, -0.01), "higher", "hurts"),
        ((-0.2, -0.01), "lower", "helps"),
        ((-0.04, 0.05), "higher", "no measurable effect"),
        ((0.0, 0.05), "lower", "no measurable effect"),
        ((0.0, 0.0), "higher", "no measurable effect"),
        ((-0.01, 0.06), "higher", "cannot tell"),
        ((-0.06, 0.01), "higher", "cannot tell"),
        ((0.0, 0.9), "lower", "cannot tell"),
        (None, "higher", "cannot tell"),
    ],
)
def test_the_words_follow_from_the_interval_and_what_is_worth_having(interval, better, verdict):
    assert judge_interval(interval, better, 0.05) == verdict


def test_of_errors_a_tenth_is_worth_having():
    assert worth_having("lower", 20.0) == pytest.approx(2.0)
    assert worth_having("higher", 0.9) == 0.05


@pytest.mark.parametrize(
    ("inexpensive", "words"),
    [
        (0.5, "It beats the best of 2 inexpensive alternatives, oversampling ("),
        (0.95, "It is worse than the best of 2 inexpensive alternatives, oversampling ("),
        (
            0.8,
            "Whether it is better or worse than the best of 2 inexpensive alternatives, oversampling (",
        ),
    ],
)
def test_the_sentence_compares_with_the_best_inexpensive_alternative(inexpensive, words):
    found = planted({"none": 0.4, "class-weights": 0.3, "oversampling": inexpensive, "synthetic": 0.8})
    assert words in found.sentence
    assert ("Use that instead." in found.sentence) == (inexpensive == 0.95)


@pytest.mark.parametrize(
    ("score", "lead"),
    [("roc_auc", "Decisions gain at the expense of the ranking"), ("macro_f1", "Other scores are worse")],
    ids=["of another kind", "of the same kind"],
)
def test_scores_that_are_worse_are_named_by_their_kind(score, lead):
    found = planted({"none": 0.65, "synthetic": 0.9})
    content = found.model_dump() | {"worse": [score]}
    for id, mean in (("none", 0.9), ("synthetic", 0.7)):
        next(arm for arm in content["arms"] if arm["id"] == id)["scores"][score]["mean"] = mean
    changed = add_verdict(TrialResult.model_validate(content), "balanced accuracy")
    assert changed.verdict == "helps"
    label = SCORES[score].label
    assert f" {lead}: {label} goes from 0.900 to 0.700." in changed.sentence


def test_a_score_that_did_not_decide_and_is_surely_worse_is_named():
    rng = np.random.default_rng(0)
    truth = classed(rng)
    none = [predicted(truth, 0.8, rng)] * 3
    sure = [np.where(array > 0.5, 0.999, 0.001) for array in none]  # the same decisions, and bad probabilities
    found = summary(truth, {"none": none, "synthetic": sure})
    assert found.worse == ["log_loss"]
    assert "Other scores are worse: log loss goes from 0." in found.sentence


def test_the_best_alternative_is_the_lowest_where_lower_is_better():
    found = planted({"none": 0.5, "class-weights": 0.9, "oversampling": 0.4, "synthetic": 0.6}, score="log_loss")
    assert "It is worse than the best of 2 inexpensive alternatives, class weights (" in found.sentence


def test_nothing_mixed_in_is_no_effect():
    found = planted({"none": 0.7, "class-weights": 0.9, "oversampling": 0.9})
    assert found.verdict == "no measurable effect"
    assert found.sentence.startswith("No synthetic rows were added")


def test_what_cannot_be_assessed_says_why():
    found = not_assessable("no target is named")
    assert (found.verdict, found.assessable, found.arms) == ("not assessable", False, [])
    assert "no target is named" in found.sentence


def test_a_deciding_score_that_is_not_defined_on_the_hold_out_is_not_assessable():
    found = summary(np.ones(6), {"none": [np.zeros(6)], "synthetic": [np.ones(6)]}, task="number", score="r2")
    assert found.verdict == "not assessable"
    assert "R² is not defined on these 6 held-out rows" in found.sentence


def test_another_score_that_is_not_defined_is_left_out():
    found = summary(np.ones(6), {"none": [np.zeros(6)], "synthetic": [np.ones(6)]}, task="number", score="mae")
    assert [set(arm.scores) for arm in found.arms] == [{"mae", "rmse"}] * 2


# what the numbers are


def test_values_and_means_are_the_plain_scores_of_the_seeds():
    rng = np.random.default_rng(3)
    truth = classed(rng)
    predictions = {arm: [predicted(truth, 0.7, rng) for _ in range(3)] for arm in ("none", "synthetic")}
    found = summary(truth, predictions, score="accuracy")
    expected = [(p.argmax(axis=1) == truth).mean() for p in predictions["synthetic"]]
    arm = arm_of(found, "synthetic")
    np.testing.assert_allclose(arm.values, expected)
    np.testing.assert_allclose(arm.mean, np.mean(expected))
    np.testing.assert_allclose(arm.difference, arm.mean - arm_of(found, "none").mean, atol=1e-12)
    assert found.seeds == 3


def test_every_score_of_the_task_is_there_and_the_deciding_one_stands_beside_it():
    found = planted({"none": 0.7, "synthetic": 0.8}, score="roc_auc")
    arm = arm_of(found, "synthetic")
    assert list(arm.scores) == [rule.name for rule in scores_for("classes")]
    for key in ("mean", "difference", "interval"):
        assert getattr(arm, key) == getattr(arm.scores["roc_auc"], key)
    assert arm.scores["log_loss"].better == "lower"


def test_moved_decisions_change_scores_of_decisions_alone():
    rng = np.random.default_rng(0)
    truth = np.arange(NUM_ROWS) // 100  # one row in six is of class 1
    none = [predicted(truth, 0.8, rng) for _ in range(2)]
    moved = [move_threshold(probabilities, np.bincount(truth)) for probabilities in none]
    found = summary(
        truth,
        {"none": none, "threshold": none, "synthetic": moved},
        decisions={"threshold": moved},
        classes=("no", "yes"),
    )
    real, threshold, decided = (arm_of(found, name) for name in ("none", "threshold", "synthetic"))
    for name, score in threshold.scores.items():
        of_decisions = score.kind == "decision"
        assert (score == real.scores[name].model_copy(update={"interval": (0.0, 0.0)})) != of_decisions, name
        assert score.mean == (decided if of_decisions else real).scores[name].mean, name
    assert threshold.classes == decided.classes != real.classes


def test_probabilities_that_synthetic_rows_have_worsened_are_to_be_corrected():
    rng = np.random.default_rng(0)
    truth = classed(rng)
    label = np.where(rng.random(NUM_ROWS) < 0.8, truth, 1 - truth)

    def sure(probability):
        return [np.where(np.arange(2) == label[:, None], probability, 1 - probability)] * 2

    arms = {"none": sure(0.8), "synthetic": sure(0.999)}
    worse = summary(truth, {**arms, "prior-correction": sure(0.75)}, decisions={"prior-correction": sure(0.999)})
    log_loss = arm_of(worse, "prior-correction").scores["log_loss"].mean
    assert "for the real shares of the classes: then log loss is" in worse.sentence
    before, decided = (arm_of(worse, "synthetic").scores[name].mean for name in ("log_loss", "balanced_accuracy"))
    assert f"is {log_loss:.3f} instead of {before:.3f}. Take decisions from" in worse.sentence
    assert f"balanced accuracy stays {decided:.3f}." in worse.sentence
    useless = summary(truth, {**arms, "prior-correction": sure(0.999)}, decisions={"prior-correction": sure(0.999)})
    assert "Correct" not in useless.sentence  # it would change nothing
    better = summary(truth, {"none": sure(0.999), "synthetic": sure(0.8), "prior-correction": sure(0.75)})
    assert "Correct" not in better.sentence
    assert "Correct" not in summary(truth, arms).sentence  # there is nothing that corrects


def test_real_rows_alone_differ_by_nothing_from_themselves():
    arm = arm_of(planted({"none": 0.7, "synthetic": 0.8}), "none")
    assert (arm.difference, arm.interval) == (0.0, None)


def test_an_interval_surrounds_its_difference():
    for arm in planted({"none": 0.6, "synthetic": 0.7, "gan": 0.8, "vae": 0.5}).arms[1:]:
        for scores in arm.scores.values():
            low, high = scores.interval
            assert low < scores.difference < high


def test_the_summary_is_json_and_the_same_every_time():
    first, again = (
        json.dumps(planted({"none": 0.6, "synthetic": 0.7}).model_dump(), allow_nan=False) for _ in range(2)
    )
    assert first == again


def test_another_seed_draws_other_resamples():
    rng = np.random.default_rng(0)
    truth = classed(rng)
    predictions = {arm: [predicted(truth, 0.7, rng)] * 2 for arm in ("none", "synthetic")}
    intervals = {tuple(arm_of(summary(truth, predictions, seed=seed), "synthetic").interval) for seed in (1, 2)}
    assert len(intervals) == 2


@pytest.mark.parametrize("num_rows", [NUM_ROWS, 6000])
def test_identical_predictions_differ_by_nothing_for_sure(num_rows):
    rng = np.random.default_rng(1)
    truth = classed(rng, num_rows)
    same = [predicted(truth, 0.7, rng) for _ in range(3)]
    found = summary(truth, {"none": same, "synthetic": [array.copy() for array in same]})
    for scores in arm_of(found, "synthetic").scores.values():
        assert (scores.difference, scores.interval) == (0.0, (0.0, 0.0))
    assert found.verdict == "no measurable effect"


@pytest.mark.parametrize("finds", [False, True])
def test_a_rare_class_on_which_arms_agree_might_yet_tell_them_apart(finds):
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1], [392, 8])
    named = np.where(finds, truth, 0)
    more = [np.where((truth == 0) & (rng.random(400) < 0.03), 1, named) for _ in range(3)]  # and 3 % false alarms
    predictions = {
        arm: [np.eye(2)[row] * 0.8 + 0.1 for row in rows] for arm, rows in (("none", [named] * 3), ("synthetic", more))
    }
    found = summary(truth, predictions, classes=["no", "yes"])
    arm = arm_of(found, "synthetic")
    assert arm.difference < -0.01
    assert found.verdict != "hurts"  # one of the eight rows is worth more than all the alarms
    assert arm.classes["no"].interval[1] < 0
    low, high = arm.classes["yes"].interval
    assert -0.5 < low < 0 < high < 0.5


def test_a_numeric_target_is_judged_by_its_own_scores():
    rng = np.random.default_rng(2)
    truth = rng.normal(1e5, 1e4, 100)
    predictions = {
        arm: [truth + rng.normal(0, noise, 100) for _ in range(3)] for arm, noise in (("none", 8e3), ("synthetic", 2e3))
    }
    assert summary(truth, predictions, task="number").score == "r2"
    found = summary(truth, predictions, task="number", score="rmse")
    assert (found.verdict, found.better) == ("helps", "lower")
    assert arm_of(found, "synthetic").interval[1] < 0
    assert "root mean squared error (lower is better) 8195 with real rows alone" in found.sentence
    assert "inexpensive alternative" not in found.sentence


def test_tiny_units_keep_their_digits_in_the_sentence():
    truth = np.arange(20) * 1e-7
    found = summary(truth, {"none": [truth + 2e-8], "synthetic": [truth + 1e-8]}, task="number", score="mae")
    assert (
        "mean absolute error (lower is better) 2e-08 with real rows alone, 1e-08 with synthetic rows added"
        in found.sentence
    )


# what the search chose


@pytest.mark.parametrize(("accuracy", "verdict"), [(0.9, "helps"), (0.65, "cannot tell"), (0.4, "hurts")])
def test_where_the_search_chose_oversampling_the_verdict_is_about_it(accuracy, verdict):
    arms = {"none": 0.65, "class-weights": 0.65, "oversampling": accuracy}
    found = planted(arms, chosen="oversampling", seed=1)
    assert (found.verdict, found.chosen, found.against) == (verdict, "oversampling", None)
    opening = "The hold-out cannot tell whether oversampling " if verdict[0] == "c" else f"Oversampling {verdict}: "
    assert found.sentence.startswith(opening)
    assert "with oversampling (" in found.sentence
    assert "The search preferred it to synthetic rows, so only real rows were written." in found.sentence


def test_class_weights_are_several():
    found = planted({"none": 0.6, "class-weights": 0.9, "oversampling": 0.6}, chosen="class-weights")
    assert found.sentence.startswith("Class weights help: ")


def test_where_the_search_chose_nothing_the_sentence_says_do_not_augment():
    found = planted({"none": 0.6, "class-weights": 0.9, "oversampling": 0.6}, chosen="none")
    assert found.verdict == "no measurable effect"
    assert found.sentence.startswith(
        "Do not augment: of all that the search tried, nothing is at least 95 % sure to beat"
    )


def test_the_comparison_with_the_best_inexpensive_alternative_stands_among_the_facts():
    found = planted({"none": 0.4, "class-weights": 0.3, "oversampling": 0.6, "synthetic": 0.95})
    against = found.against
    assert (against.arm, against.verdict) == ("oversampling", "helps")
    low, high = against.interval
    assert 0 < low < against.difference < high


# by class


@pytest.mark.parametrize("num_rows", [NUM_ROWS, 6000])
def test_results_by_class_are_the_plain_ones(num_rows):
    rng = np.random.default_rng(3)
    truth = classed(rng, num_rows)
    predictions = {arm: [predicted(truth, share, rng) for _ in range(3)] for arm, share in PLANTED.items()}
    found = summary(truth, predictions, classes=["no", "yes"])
    arm = arm_of(found, "synthetic")
    assert list(arm.classes) == ["no", "yes"]
    for number, label in enumerate(arm.classes):
        one = arm.classes[label]
        named = [p.argmax(axis=1) == number for p in predictions["synthetic"]]
        assert one.rows == (truth == number).sum()
        np.testing.assert_allclose(one.recall, np.mean([n[truth == number].mean() for n in named]))
        np.testing.assert_allclose(one.precision, np.mean([(truth[n] == number).mean() for n in named]))
        assert min(one.recall, one.precision) <= one.f1 <= max(one.recall, one.precision)
        low, high = one.interval
        assert low < one.difference < high
    assert arm_of(found, "none").classes["yes"].interval is None


def test_a_class_that_was_not_held_out_has_no_results():
    rng = np.random.default_rng(1)
    truth = classed(rng)
    found = summary(truth, {arm: [predicted(truth, 0.7, rng)] * 2 for arm in PLANTED}, classes=["no", "yes", "never"])
    assert list(arm_of(found, "synthetic").classes) == ["no", "yes"]


# certainty


def test_one_seed_is_not_assessable_however_large_the_difference():
    found = planted({"none": 0.6, "synthetic": 0.99}, num_seeds=1)
    assert (found.verdict, found.assessable, found.seeds) == ("not assessable", False, 1)
    assert arm_of(found, "synthetic").interval is None
    assert "could not be assessed: one seed does not show how much of a difference is chance" in found.sentence
    assert "with real rows alone" in found.sentence  # the numbers are there all the same


def test_very_few_held_out_rows_are_not_assessable():
    found = planted({"none": 0.1, "synthetic": 0.99}, num_rows=8)
    assert found.verdict == "not assessable"
    assert "8 held-out rows are too few" in found.sentence


def test_seeds_that_all_predict_the_same_add_nothing_to_the_interval():
    rng = np.random.default_rng(4)
    truth = classed(rng)
    one = {arm: [predicted(truth, 0.7, rng)] for arm in ("none", "synthetic")}
    alone, repeated = (
        summary(truth, {arm: n * p for arm, p in one.items()}, score="accuracy", seed=1) for n in (2, NUM_SEEDS)
    )
    widths = [np.diff(arm_of(found, "synthetic").interval)[0] for found in (alone, repeated)]
    np.testing.assert_allclose(widths[1], widths[0], rtol=0.1)


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(5)
    truth = classed(rng, 2000)
    none = [predicted(truth, 0.7, np.random.default_rng(9))] * 5

    def width(accuracies) -> float:
        ours = [predicted(truth, share, np.random.default_rng(10)) for share in accuracies]
        return float(np.diff(arm_of(summary(truth, {"none": none, "synthetic": ours}), "synthetic").interval)[0])

    assert width([0.6, 0.65, 0.7, 0.75, 0.8]) > 2 * width([0.7] * 5)


def test_seeds_that_disagree_on_single_rows_alone_narrow_the_interval():
    # what is chance on each row averages out over the seeds, and is in the resampled rows already
    ratios = []
    for draw in range(10):
        rng = np.random.default_rng(draw)
        truth = classed(rng)
        predictions = {arm: [predicted(truth, 0.7, rng) for _ in range(5)] for arm in ("none", "synthetic")}
        one = {arm: arrays[:1] * 2 for arm, arrays in predictions.items()}  # the same seed twice: nothing averages out
        of_one, of_five = (arm_of(summary(truth, p), "synthetic").interval for p in (one, predictions))
        ratios.append(np.ptp(of_five) / np.ptp(of_one))
    assert np.mean(ratios) < 0.65  # 5 ** -0.5 = 0.45 were it all; counted twice it is 0.77


def repeated(times: int, with_units: bool, num_rows: int = 40):
    """Arms judged on rows that are each there several times."""
    rng = np.random.default_rng(2)
    truth = classed(rng, num_rows)
    predictions = {
        arm: [np.repeat(predicted(truth, share, rng), times, axis=0)] * 2
        for arm, share in (("none", 0.6), ("synthetic", 0.7))
    }
    units = Units.of(np.repeat(np.arange(num_rows), times), "different rows") if with_units else None
    return summary(np.repeat(truth, times), predictions, units=units)


def test_rows_of_a_unit_have_one_weight_so_repeating_rows_says_nothing_new():
    once, repeats, as_rows = repeated(1, False), repeated(5, True), repeated(5, False)
    assert arm_of(repeats, "synthetic").interval == pytest.approx(arm_of(once, "synthetic").interval)
    width = [np.ptp(arm_of(found, "synthetic").interval) for found in (repeats, as_rows)]
    assert width[1] < 0.6 * width[0]
    assert "200 held-out rows in 40 different rows" in repeats.sentence


def test_few_groups_are_not_assessable():
    rng = np.random.default_rng(3)
    truth = classed(rng)
    predictions = {arm: [predicted(truth, share, rng)] * 2 for arm, share in (("none", 0.5), ("synthetic", 0.95))}
    thirds = Units.of(np.arange(NUM_ROWS) % 3, "groups by 'clinic'")
    found = summary(truth, predictions, units=thirds)
    assert found.verdict == "not assessable"
    assert "3 groups by 'clinic' in the hold-out are too few" in found.sentence
    lopsided = Units.of(np.r_[np.zeros(100), np.arange(1, 21)], "groups by 'clinic'")
    assert "of very different sizes" in summary(truth, predictions, units=lopsided).reason
    assert summary(truth, predictions, units=Units.of(np.arange(NUM_ROWS) % 5, "groups")).assessable


# several at once


def test_intervals_that_hold_at_once_are_wider_the_less_they_have_in_common():
    rng = np.random.default_rng(0)

    def widths(draws) -> list[float]:
        differences = []
        for column in draws.T:
            low, high = np.quantile(column, [0.025, 0.975])
            differences.append(paired_bootstrap._Difference(0.0, (float(low), float(high)), column))
        return [np.ptp(one.interval) for one in paired_bootstrap._hold_jointly(differences)]

    draws = rng.normal(size=(4000, 5))
    assert widths(draws)[0] / widths(draws[:, :1])[0] == pytest.approx(2.57 / 1.96, rel=0.05)  # Bonferroni's, nearly
    assert widths(np.repeat(draws[:, :1], 5, axis=1))[0] == pytest.approx(widths(draws[:, :1])[0], rel=0.01)


def test_the_best_alternative_is_compared_at_once_with_the_others():
    rng = np.random.default_rng(1)
    truth = classed(rng)
    shares = {"none": 0.5, "class-weights": 0.5, "oversampling": 0.75, "synthetic": 0.8}
    predictions = {arm: [predicted(truth, share, rng)] * 2 for arm, share in shares.items()}
    found = summary(truth, predictions)
    del predictions["class-weights"]
    alone = summary(truth, predictions)
    assert found.against.arm == alone.against.arm == "oversampling"
    assert np.ptp(found.against.interval) > 1.05 * np.ptp(alone.against.interval)
    assert "the best of 2 inexpensive alternatives, oversampling" in found.sentence
    assert "the inexpensive alternative, oversampling" in alone.sentence


# what a few rows carry


def heavy_tailed():
    """Log-normal values, and predictions that know the better part of their logarithm."""
    rng = np.random.default_rng(8)
    latent = rng.normal(size=200)
    predictions = {}
    for arm, known in (("none", 0.7), ("synthetic", 0.8)):
        noise = np.sqrt(1 - known**2) * rng.normal(size=200)
        predictions[arm] = [np.exp(1.85 * known * (known * latent + noise))] * 2
    return np.exp(1.85 * latent), predictions


def test_where_a_few_errors_decide_r2_the_mean_absolute_error_does_instead_and_says_so():
    truth, predictions = heavy_tailed()
    found = summary(truth, predictions, task="number")
    assert found.score == "mae"
    assert "The mean absolute error is compared, because a few large errors decide R², as if only " in found.sentence


def test_where_the_user_chose_that_score_there_is_no_verdict():
    truth, predictions = heavy_tailed()
    found = summary(truth, predictions, task="number", score="r2")
    assert found.verdict == "not assessable"
    assert "use `trial: {score: mae}`" in found.sentence


# what a hold-out can show


def test_a_large_difference_by_four_positives_cannot_be_told_and_the_class_is_counted():
    truth = np.repeat([0, 1], [196, 4])
    none, ours = right_in(truth, np.arange(196)), right_in(truth, np.r_[np.arange(190), 196, 197, 198])
    found = summary(truth, {"none": [none] * 3, "synthetic": [ours] * 3}, classes=["no", "yes"])
    assert found.verdict == "cannot tell"
    assert "200 held-out rows, 4 of the rarest class 'yes', 3 seeds)." in found.sentence
    assert found.sentence.endswith(" Other training rows may give another result: the interval does not cover that.")
    assert f"only a difference above {found.detectable:.3f} is likely to be seen (80 % power)" in found.sentence


@pytest.mark.parametrize("score", ["roc_auc", "average_precision"])
def test_rankings_of_fewer_than_five_rows_of_a_class_have_no_interval(score):
    for few in (4, 5):
        truth = np.repeat([0, 1], [60 - few, few])
        rng = np.random.default_rng(0)
        arms = {
            arm: [predicted(truth, share, rng) for _ in "ab"] for arm, share in {"none": 0.6, "synthetic": 0.9}.items()
        }
        found = summary(truth, arms, score=score, classes=["no", "yes"])
        arm = found.arm("synthetic")
        assert arm.difference == pytest.approx(arm.mean - found.arm("none").mean)
        assert (arm.interval is None) == (few == 4)
        assert arm.scores["balanced_accuracy"].interval is not None
        if few == 4:
            assert found.verdict == "cannot tell"
            assert (
                "too few held-out rows for an interval; 60 held-out rows, 4 of the rarest class 'yes'" in found.sentence
            )


def test_where_real_rows_alone_are_perfect_nothing_is_left_to_gain():
    truth = np.arange(40) % 2
    perfect, nearly = right_in(truth, np.arange(40)), right_in(truth, np.arange(39))
    found = summary(truth, {"none": [perfect] * 2, "synthetic": [nearly] * 2})
    assert found.verdict == "no measurable effect"
    assert found.sentence.startswith(
        "Nothing is left for augmentation to gain on this hold-out: balanced accuracy 1.000 with real rows alone, 0.975"
    )
    assert "Whether it hurts cannot be told." in found.sentence
    assert "no measurable effect" not in found.sentence


def test_a_hold_out_that_could_have_shown_an_effect_measures_none():
    found = planted({"none": 0.8, "synthetic": 0.8}, num_rows=6000)
    assert found.verdict == "no measurable effect"
    assert found.detectable < found.margin


def right_in(truth: np.ndarray, rows) -> np.ndarray:
    """Predictions that are right in these rows only."""
    label = np.where(np.isin(np.arange(len(truth)), rows), truth, 1 - truth)
    return np.where(np.arange(2) == label[:, None], 0.9, 0.1)


@pytest.mark.parametrize("num_rare", [1, 2, 3, 4])
def test_a_class_of_a_few_rows_does_not_decide_alone(num_rare):
    truth = np.r_[np.zeros(50, dtype=int), np.ones(num_rare, dtype=int)]
    none, ours = right_in(truth, np.arange(50)), right_in(truth, np.arange(50 + num_rare))
    found = summary(truth, {"none": [none] * 5, "synthetic": [ours] * 5})
    assert arm_of(found, "synthetic").difference == 0.5
    assert found.verdict == "cannot tell"


def test_four_positives_that_were_not_won_by_chance_are_no_sure_loss():
    # twenty negatives more are lost for sure; of the four positives one is lost with one seed, and none is won
    truth = np.repeat([0, 1], [116, 4])
    none = [right_in(truth, np.r_[np.arange(116), 117])] * 5
    ours = [right_in(truth, np.arange(20, 116)), *[right_in(truth, np.r_[np.arange(20, 116), 117])] * 4]
    found = summary(truth, {"none": none, "synthetic": ours})
    low, high = arm_of(found, "synthetic").interval
    assert low < 0 < high
    assert found.verdict == "cannot tell"


def test_no_interval_is_wider_than_what_a_share_can_differ_by():
    # two seeds that differ by all rows: Student's interval with one degree of freedom
    truth = np.repeat([0, 1], 10)
    predictions = {"none": [right_in(truth, np.arange(12))] * 2}
    predictions["synthetic"] = [right_in(truth, np.arange(20)), right_in(truth, np.arange(4))]
    found = summary(truth, predictions)
    assert arm_of(found, "synthetic").interval == (-1.0, 1.0)
    assert " With so few rows, no difference is likely to be seen; one of 0.050 is worth having." in found.sentence


def test_where_hardly_a_resample_has_a_score_there_is_no_interval(monkeypatch):
    rng = np.random.default_rng(1)
    truth = classed(rng)
    monkeypatch.setattr(
        paired_bootstrap, "_resamples", lambda classes, units, rng: iter([np.zeros((300, len(classes)))])
    )
    found = summary(truth, {arm: [predicted(truth, 0.7, rng)] * 2 for arm in ("none", "synthetic")})
    assert arm_of(found, "synthetic").interval is None
    assert found.verdict == "cannot tell"
    assert "too few held-out rows for an interval" in found.sentence


@pytest.mark.parametrize("task", ["classes", "number"])
@pytest.mark.parametrize("side", [-1, 1], ids=["below", "above"])
def test_intervals_are_alike_on_both_sides_of_the_limit_of_exact_scoring(monkeypatch, task, side):
    rng = np.random.default_rng(6)
    num_rows = paired_bootstrap.MAX_EXACT // (2 if task == "classes" else 1) + side
    truth = classed(rng, num_rows) if task == "classes" else rng.normal(size=num_rows)
    predictions = {
        arm: [
            predicted(truth, share, rng) if task == "classes" else truth + rng.normal(0, 1.1 - share, num_rows)
            for _ in range(3)
        ]
        for arm, share in (("none", 0.7), ("synthetic", 0.75))
    }
    as_used = summary(truth, predictions, task=task)
    found = []
    for most in (0, 10**9):
        monkeypatch.setattr(paired_bootstrap, "MAX_EXACT", most)
        found.append(summary(truth, predictions, task=task))
    linear, exact = found
    assert as_used == (exact if side < 0 else linear)
    for name, score in arm_of(exact, "synthetic").scores.items():
        other = arm_of(linear, "synthetic").scores[name]
        np.testing.assert_allclose(other.mean, score.mean)
        np.testing.assert_allclose(other.interval, score.interval, atol=0.04 * np.ptp(score.interval))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("num_rows", "num_seeds", "seed_effect", "row_effect"),
    [(30, 5, 0.0, 0.5), (100, 5, 0.2, 0.0), (100, 3, 0.1, 0.5), (100, 10, 0.0, 0.0), (1500, 5, 0.2, 0.5)],
)
@pytest.mark.parametrize("score", ["balanced_accuracy", "roc_auc"])
def test_arms_of_equal_worth_are_told_apart_about_once_in_twenty(
    num_rows, num_seeds, seed_effect, row_effect, score, monkeypatch
):
    monkeypatch.setattr(paired_bootstrap, "NUM_RESAMPLES", 400)
    monkeypatch.setattr(paired_bootstrap, "scores_for", lambda task: [SCORES[score]])
    monkeypatch.setattr(paired_bootstrap, "MAX_EXACT", 2000)  # the scores of 1500 rows are linearised
    rng = np.random.default_rng(0)
    num_trials, told_apart = 100, 0
    for number in range(num_trials):
        truth = np.arange(num_rows) % 2
        side = 2 * truth - 1
        base = rng.normal(0, 1, num_rows) + 0.6 * side
        predictions = {}
        for arm in ("none", "synthetic"):
            of_arm = base + row_effect * rng.normal(size=num_rows)
            predictions[arm] = []
            for _ in range(num_seeds):
                shifts = seed_effect * (rng.normal() + rng.normal() * side)
                chance = 1 / (1 + np.exp(-(of_arm + shifts + 0.6 * rng.normal(size=num_rows))))
                predictions[arm].append(np.c_[1 - chance, chance])
        told_apart += summary(truth, predictions, score=score, seed=number).verdict in ("helps", "hurts")
    assert told_apart / num_trials < 0.13  # 0.05 is meant; 0.1 is what so few seeds and rows can come to


@pytest.mark.slow
def test_false_alarms_alone_are_no_harm_where_a_rare_class_has_few_held_out_rows(monkeypatch):
    monkeypatch.setattr(paired_bootstrap, "NUM_RESAMPLES", 400)
    monkeypatch.setattr(paired_bootstrap, "scores_for", lambda task: [SCORES["balanced_accuracy"]])
    truth = np.repeat([0, 1], [400, 8])
    rng = np.random.default_rng(0)
    num_trials, told_apart = 100, 0
    for number in range(num_trials):
        # 3 % of either class more are named 1: of equal worth, but of eight rows that is mostly none
        more = np.where(rng.random(len(truth)) < 0.03, 1, 0)
        named = {"none": np.zeros(len(truth), dtype=np.int64), "synthetic": more}
        predictions = {arm: [np.eye(2)[row]] * 3 for arm, row in named.items()}
        told_apart += summary(truth, predictions, seed=number).verdict in ("helps", "hurts")
    assert told_apart / num_trials < 0.1
