from __future__ import annotations

import numpy as np
import pytest

from augment.plugin import ArmResult, ArmScore, TrialResult
from augment.statistics.cuts import over_cuts, resampled_interval


def trial(difference: float, chosen: str = "synthetic", **changes) -> TrialResult:
    """A trial in which synthetic rows change balanced accuracy by that much."""
    arms = [
        ArmResult(
            id=name,
            label=name,
            rows=100,
            values=[0.7 + change],
            mean=0.7 + change,
            difference=change,
            interval=None,
            scores={},
            classes={},
            kind=kind,
        )
        for name, change, kind in (("none", 0.0, "real"), ("synthetic", difference, "synthetic"))
    ]
    facts = {
        "assessable": True,
        "reason": "",
        "probe": "boosting",
        "score": "balanced_accuracy",
        "better": "higher",
        "seeds": 5,
        "rows": 40,
        "chosen": chosen,
        "against": None,
        "arms": arms,
    }
    return TrialResult(**facts | changes)


def test_the_interval_is_that_of_the_corrected_resampled_t_test():
    # Nadeau and Bengio: five cuts, variance 0.00025, 1/5 + 1/4 of it, Student's 0.975 quantile for 4
    low, high = resampled_interval([0.01, 0.02, 0.03, 0.04, 0.05], 0.25)
    reach = 2.7764451 * (0.00025 * 0.45) ** 0.5
    assert (low, high) == pytest.approx((0.03 - reach, 0.03 + reach))


def test_one_cut_has_no_interval():
    assert resampled_interval([0.1], 0.25) is None
    assert over_cuts(trial(0.1), [], 5, 0.25) == trial(0.1)


def test_the_verdict_follows_from_all_cuts_and_not_from_the_written_one():
    written = trial(0.2, verdict="helps")
    found = over_cuts(written, [trial(d) for d in (-0.1, 0.05, -0.15, 0.0)], 5, 0.25)
    assert found.verdict == "cannot tell"
    assert (
        "It is not clear whether augmentation helps or hurts: over 5 splits of the data, with everything learned anew"
        in found.sentence
    )
    assert "On the split that was written, the score goes from 0.700 to 0.900." in found.sentence
    assert found.cuts.arms["synthetic"].values == [0.2, -0.1, 0.05, -0.15, 0.0]


@pytest.mark.parametrize(("sign", "better", "verdict"), [(1, "higher", "helps"), (1, "lower", "hurts")])
def test_the_direction_of_the_score_counts(sign, better, verdict):
    score = "balanced_accuracy" if better == "higher" else "log_loss"
    trials = [trial(sign * d, better=better, score=score) for d in (0.1, 0.11, 0.12, 0.1)]
    assert over_cuts(trials[0], trials[1:], 4, 0.25).verdict == verdict


def test_a_search_is_judged_by_what_it_chose_in_each_cut():
    cuts = [trial(0.1), trial(-0.3, chosen="none"), trial(0.11), trial(0.12)]
    found = over_cuts(cuts[0], cuts[1:], 4, 0.25)
    assert found.cuts.overall.values == [0.1, 0.0, 0.11, 0.12]
    assert found.cuts.chosen == ["synthetic", "none", "synthetic", "synthetic"]
    assert "The search chose synthetic 3 times, real rows alone once." in found.sentence


def test_cuts_that_could_not_be_tried_are_counted():
    found = over_cuts(trial(0.1), [trial(0.1), trial(0.12)], 5, 0.25)
    assert found.cuts.asked == 5
    assert "2 of the 5 splits could not be tried" in found.sentence


def with_alternatives(difference: float, log_loss: float = 0.0, **alternatives: float) -> TrialResult:
    """A trial that has inexpensive alternatives too, and a second score."""
    found = trial(difference, margin=0.05)
    none, synthetic = found.arms
    others = [
        none.model_copy(update={"id": name, "label": name, "kind": "inexpensive", "difference": change})
        for name, change in alternatives.items()
    ]

    def scored(arm, change):
        score = ArmScore(mean=0.5 + change, difference=change, interval=None, better="lower", kind="probability")
        return arm.model_copy(update={"scores": {"log_loss": score}})

    arms = [scored(none, 0.0), *(scored(arm, 0.0) for arm in others), scored(synthetic, log_loss)]
    return found.model_copy(update={"arms": arms})


def test_the_best_alternative_over_all_splits_is_compared_as_by_a_single_split():
    # on the first split oversampling is the best; over all of them, copies are
    changes = [(0.10, 0.15, 0.10), (0.11, 0.02, 0.16), (0.12, 0.01, 0.18), (0.10, 0.02, 0.16)]
    trials = [with_alternatives(d, oversampling=o, copies=c) for d, o, c in changes]
    found = over_cuts(trials[0], trials[1:], 4, 0.25)
    assert found.cuts.against.arm == "copies"
    assert found.cuts.against.difference == pytest.approx(np.mean([d - c for d, _, c in changes]))
    assert found.cuts.against.interval == resampled_interval([d - c for d, _, c in changes], 0.25, num_compared=2)
    assert found.verdict == "helps"
    assert "the best of 2 inexpensive alternatives, copies (+0.150 on average), cannot be told." in found.sentence
    assert "Whether it is better or worse than the best of 2" in found.sentence


@pytest.mark.parametrize(
    ("alternative", "words"),
    [(0.3, "It is worse than the inexpensive alternative, copies (+0.300"), (-0.1, "It beats the inexpensive altern")],
)
def test_a_clear_difference_to_the_alternative_is_said_over_all_splits(alternative, words):
    trials = [with_alternatives(d, copies=alternative) for d in (0.1, 0.11, 0.12, 0.1)]
    found = over_cuts(trials[0], trials[1:], 4, 0.25)
    assert words in found.sentence
    assert ("Use that instead." in found.sentence) == (alternative == 0.3)


def test_scores_that_are_worse_over_all_splits_are_named():
    trials = [with_alternatives(0.1, log_loss) for log_loss in (0.2, 0.21, 0.19, 0.2)]
    found = over_cuts(trials[0], trials[1:], 4, 0.25)
    assert found.cuts.worse == ["log_loss"]
    words = "Decisions gain at the expense of the probabilities: log loss changes by +0.200 on average."
    assert words in found.sentence
    assert over_cuts(trials[0], [with_alternatives(0.1)] * 3, 4, 0.25).cuts.worse == []


def test_intervals_that_are_to_hold_at_once_are_wider():
    one, five = (np.ptp(resampled_interval([0.01, 0.02, 0.05], 0.25, count)) for count in (1, 5))
    assert five > 2 * one


def test_nothing_is_judged_where_the_written_cut_is_not_assessable():
    void = trial(0.1, assessable=False, verdict="contaminated")
    assert over_cuts(void, [trial(0.1)] * 4, 5, 0.25) == void


@pytest.mark.slow
@pytest.mark.parametrize("num_rows", [120, 300])
def test_where_nothing_differs_hardly_any_interval_leaves_zero_out(num_rows):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    wrong = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        label = (rng.random(num_rows) < 0.3).astype(int)
        features = rng.normal(size=(num_rows, 5)) + 0.6 * label[:, None]
        differences = []
        for _ in range(5):
            order = rng.permutation(num_rows)
            test, train = np.split(order, [num_rows // 5])
            halves = np.array_split(train, 2)  # two arms of equal worth
            models = [LogisticRegression(max_iter=50).fit(features[half], label[half]) for half in halves]
            ours, theirs = (balanced_accuracy_score(label[test], model.predict(features[test])) for model in models)
            differences.append(ours - theirs)
        low, high = resampled_interval(differences, 0.25)
        wrong += low > 0 or high < 0
    assert wrong <= 7
