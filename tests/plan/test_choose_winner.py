from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from augment.plan.candidates import Candidate
from augment.plan.choose_winner import (
    Entrant,
    add_seed,
    choose_winner,
    describe_choice,
    drop_unpromising,
    enter,
    is_settled,
    plan_rounds,
)
from augment.plugin import MeasuredGain
from augment.statistics.scores import SCORES
from augment.statistics.units import degrees_of_freedom

HIGHER, LOWER = SCORES["balanced_accuracy"], SCORES["log_loss"]
LOPSIDED = {"no": 90, "yes": 10}


def known(candidate, mean, spread, score="balanced_accuracy", lopsided=True, **bounds):
    return MeasuredGain(candidate, score, lopsided, mean, spread, 12, **bounds)


def entrants(priors=None, **values):
    """Real rows alone, always scoring 0.5, and candidates with these differences to it."""
    most = max(map(len, values.values()))
    none = Entrant(Candidate("none", "real rows alone", "none"), [0.5] * most)
    others = {
        name: Entrant(Candidate(name, name, "generator"), [0.5 + v for v in seen]) for name, seen in values.items()
    }
    for name, prior in (priors or {}).items():
        others[name].prior = prior
    return [none, *others.values()]


def inside(field):
    return [one.candidate.id for one in field if one.left is None]


@pytest.mark.parametrize(("num_seeds", "ends"), [(2, [2]), (5, [5]), (7, [5, 7]), (10, [5, 10]), (32, [5, 10, 20, 32])])
def test_barriers_stand_where_seeds_have_doubled(num_seeds, ends):
    rounds = plan_rounds(num_seeds)
    assert [one.stop for one in rounds] == ends
    assert [seed for one in rounds for seed in one] == list(range(num_seeds))


# who stays


def test_the_worse_half_leaves_and_real_rows_alone_never():
    field = entrants(a=[0.05, 0.07], b=[0.2, 0.22], c=[0.1, 0.12], d=[0.01, 0.03], e=[0.08, 0.1])
    drop_unpromising(field, HIGHER)
    assert inside(field) == ["none", "b", "c", "e"]
    assert {one.left for one in field if one.left is not None} == {2}


def test_whoever_promises_no_gain_leaves_too():
    field = entrants(a=[-0.1, -0.2], b=[0.1, 0.2], c=[-0.2, -0.1], d=[-0.3, -0.1])
    drop_unpromising(field, HIGHER)
    assert inside(field) == ["none", "b"]


def test_where_lower_is_better_the_higher_half_leaves():
    field = entrants(a=[0.1, 0.12], b=[-0.1, -0.12])
    drop_unpromising(field, LOWER)
    assert inside(field) == ["none", "b"]


def test_of_equals_the_first_stay():
    field = entrants(a=[0.1] * 2, b=[0.1] * 2, c=[0.1] * 2)
    drop_unpromising(field, HIGHER)
    assert inside(field) == ["none", "a", "b"]


def test_what_other_tables_say_decides_who_stays_where_the_seeds_say_little():
    seen = [0.2, -0.1, 0.1]
    field = entrants({"b": known("b", 0.1, 0.02)}, a=seen, b=seen)
    drop_unpromising(field, HIGHER)
    assert inside(field) == ["none", "b"]


def test_a_search_is_settled_when_nobody_is_left_or_somebody_gains_almost_certainly():
    field = entrants(a=[0.1, -0.1, 0.1, -0.05, 0.0])
    assert not is_settled(field, HIGHER)
    assert is_settled(entrants(a=[0.2, 0.21, 0.2, 0.19, 0.2]), HIGHER)
    field[1].leave()
    assert is_settled(field, HIGHER)


# what is expected


def test_the_error_is_that_of_folds_whose_training_parts_overlap():
    none, one = entrants(a=[0.1, 0.3, 0.2, 0.2])
    found = one.standing(none, HIGHER)
    assert found.difference == pytest.approx(0.2)
    assert found.error == pytest.approx(np.std([0.1, 0.3, 0.2, 0.2], ddof=1) * np.sqrt(1 / 4 + 1 / 4))


@pytest.mark.parametrize(("prior", "before", "spread"), [(None, 0.0, 0.2), (known("a", 0.1, 0.03), 0.1, 0.03)])
def test_what_is_expected_weighs_the_seeds_against_what_was_known_before(prior, before, spread):
    none, one = entrants({"a": prior}, a=[0.1, 0.3, 0.2, 0.2])
    found = one.standing(none, HIGHER)
    error = found.error * stats.t.ppf(0.95, 3) / stats.norm.ppf(0.95)
    precision = 1 / spread**2 + 1 / error**2
    expected = (before / spread**2 + 0.2 / error**2) / precision
    assert found.expected == pytest.approx(expected)
    assert found.chance == pytest.approx(stats.norm.cdf(expected * np.sqrt(precision)))


def test_of_an_error_a_tenth_is_worth_having_and_less_is_better():
    none, one = entrants(a=[-0.02, -0.04, -0.03, -0.03])
    found = one.standing(none, LOWER)
    assert -0.03 < found.expected < 0
    assert found.chance > 0.9
    scaled = [Entrant(entrant.candidate, [1000 * value for value in entrant.values]) for entrant in (none, one)]
    assert scaled[1].standing(scaled[0], LOWER).chance == pytest.approx(found.chance)


def test_folds_that_repeat_each_other_say_less():
    field = entrants(a=[0.1, 0.2, 0.0, 0.1, 0.15] * 2)
    alone = field[1].standing(field[0], HIGHER).chance
    field[1].num_folds = 5
    assert field[1].standing(field[0], HIGHER).chance < alone


def test_folds_of_one_block_of_time_each_count_once_however_often_they_are_repeated():
    seen = [0.1, 0.2, 0.0, 0.1, 0.15]
    once, often = entrants(a=seen), entrants(a=seen * 4)
    for field in (once, often):
        field[1].num_folds = 5
    assert often[1].standing(often[0], HIGHER) == pytest.approx(once[1].standing(once[0], HIGHER))


def seeds(predictions, truth, num_seeds=5, num_folds=None, score="accuracy"):
    """Real rows alone and a candidate, after seeds that judge by all rows."""
    field = [Entrant(Candidate(name, name, "generator"), num_folds=num_folds) for name in ("none", "a")]
    for _ in range(num_seeds):
        add_seed(field, predictions, truth, np.arange(len(truth)), len(truth), SCORES[score])
    return field


def right(*rows, num_rows=40):
    """Predictions for rows of class 0 and 1 in turn, of which these are wrong."""
    truth = np.arange(num_rows) % 2
    predicted = np.where(np.isin(np.arange(num_rows), rows), 1 - truth, truth)
    return np.eye(2)[predicted]


def test_the_error_is_that_of_the_rows_on_which_models_differ():
    truth = np.arange(40) % 2
    field = seeds([right(*range(10)), right(8, 9)], truth)
    differs = np.isin(np.arange(40), range(8)).astype(float)
    by_rows = ((differs - differs.mean()) ** 2).sum() * 20 / 19 / 40**2
    standing = field[1].standing(field[0], HIGHER)
    assert standing.difference == pytest.approx(0.2)
    assert standing.error == pytest.approx(np.sqrt(1.5 * by_rows))


def test_a_difference_that_a_few_rows_make_is_no_sure_gain_however_alike_the_seeds_are():
    truth = np.arange(40) % 2
    few, many = seeds([right(0, 1, 2), right()], truth), seeds([right(*range(20)), right()], truth)
    assert len({*few[1].values}) == 1
    assert few[1].standing(few[0], HIGHER).chance < 0.9  # 7/8 by a sign test
    assert many[1].standing(many[0], HIGHER).chance > 0.99


def test_the_error_is_no_less_than_that_of_the_seeds_and_as_uncertain_as_the_rows_are_few():
    none, one = entrants(a=[0.1, 0.3, 0.2, 0.2])
    one.influence = np.full(40, 1e-9)
    assert one.standing(none, HIGHER).error == pytest.approx(np.std([0.1, 0.3, 0.2, 0.2]) / np.sqrt(3))
    one.influence = np.repeat([0.2, -0.2, 0.0], [4, 4, 32])
    found = one.standing(none, HIGHER)
    by_rows = np.sqrt(1.5 * 8 * (0.2 / 4) ** 2)
    assert found.error == pytest.approx(by_rows)
    error = by_rows * stats.t.ppf(0.95, degrees_of_freedom(one.influence)) / stats.norm.ppf(0.95)
    assert found.expected == pytest.approx(0.2 * 0.2**2 / (0.2**2 + error**2))


def test_a_fold_whose_score_is_not_defined_says_nothing_of_rows():
    field = [Entrant(Candidate(name, name, "generator")) for name in ("none", "a")]
    for truth in (np.array([0]), np.array([0, 1, 0, 1])):  # no ranking of a single class
        predictions = [np.eye(2)[[0, 0, 1, 1][: len(truth)]], np.eye(2)[truth]]
        add_seed(field, predictions, truth, np.arange(len(truth)), 8, SCORES["roc_auc"])
    assert np.isnan(field[1].values[0])
    assert np.isfinite(field[1].influence).all()
    assert field[1].influence.any()


@pytest.mark.parametrize("truth", [np.arange(40) == 0, np.arange(40) % 2 == 0])
def test_where_rows_do_not_show_their_chance_the_error_is_that_of_the_seeds(truth):
    truth = truth.astype(np.int64)
    num_folds = None if truth.sum() == 1 else 5  # a single row of its class, and rows that depend on each other
    field = seeds([right(*range(10)), right(8, 9)], truth, num_folds=num_folds)
    gains = np.diff([one.values for one in field], axis=0)[0]
    assert field[1].standing(field[0], HIGHER).error == pytest.approx(gains.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4))


def test_a_seed_whose_score_is_not_defined_counts_for_nobody():
    none, one = entrants(a=[0.1, np.nan, 0.1])
    none.values[1] = np.nan
    assert one.standing(none, HIGHER).difference == pytest.approx(0.1)
    assert one.result(none, HIGHER).values == [0.6, None, 0.6]


# who wins


def test_who_gains_surely_wins_not_the_best_mean():
    field = entrants(wild=[0.5, -0.1, 0.5, -0.1], steady=[0.1, 0.11, 0.1, 0.11])
    assert choose_winner(field, HIGHER).candidate.id == "steady"


@pytest.mark.parametrize("values", [[0.0] * 4, [0.1, -0.1, 0.1, -0.1], [-0.1] * 4, [0.02, 0.0, 0.03, 0.0]])
def test_real_rows_alone_win_unless_somebody_gains_with_a_probability_of_95_percent(values):
    field = entrants(a=values)
    assert choose_winner(field, HIGHER) is field[0]
    said = describe_choice(field, field[0], HIGHER)
    assert "chose real rows alone: of 1 candidate, none is at least 95 % sure to gain" in said


def test_what_other_tables_say_is_not_enough_without_a_gain_in_the_seeds():
    hopeful = {"a": known("a", 0.1, 0.1)}
    assert choose_winner(entrants(hopeful, a=[0.02, -0.02, 0.03, -0.03, 0.0]), HIGHER).candidate.id == "none"
    assert choose_winner(entrants(hopeful, a=[0.1, 0.0, 0.2, 0.05, 0.1]), HIGHER).candidate.id == "a"


def test_who_left_or_was_never_tried_does_not_win():
    field = entrants(gone=[0.4] * 4, here=[0.1, 0.11, 0.1, 0.09])
    field.append(Entrant(Candidate("never", "never", "generator")))
    field[1].leave()
    winner = choose_winner(field, HIGHER)
    assert winner.candidate.id == "here"
    said = describe_choice(field, winner, HIGHER)
    assert "chose here of 2 candidates: balanced accuracy 0.600, +0.100 against real rows alone" in said
    assert said.endswith("1 more was not tried.")


def test_where_lower_is_better_the_lowest_wins():
    assert choose_winner(entrants(a=[0.1, 0.11, 0.1], b=[-0.1, -0.11, -0.1]), LOWER).candidate.id == "b"


def test_one_seed_decides_nothing():
    field = entrants(a=[0.4])
    assert choose_winner(field, HIGHER) is field[0]


# who is not tried


CANDIDATES = [
    Candidate("none", "real rows alone", "none"),
    Candidate("threshold", "threshold", "threshold"),
    Candidate("class-weights", "class weights", "class-weights"),
    Candidate("oversampling", "oversampling", "oversampling"),
    Candidate("mine-1x", "mine, 1x", "generator", {"mine": 1.0}, "1x"),
    Candidate("yours-1x", "yours, 1x", "generator", {"yours": 1.0}, "1x"),
    Candidate("mine-5x", "mine, 5x", "generator", {"mine": 1.0}, "5x"),
    Candidate("blend-1x", "both, 1x", "blend", {"mine": 1.0, "yours": 1.0}, "1x"),
]
NAMES = {"mine": "smote", "yours": "gan"}


def reasons(*gains, rule=HIGHER, counts=LOPSIDED):
    return {one.candidate.id: one.reason for one in enter(CANDIDATES, gains, NAMES, rule, counts) if one.left == 0}


def test_without_figures_everything_is_tried():
    assert reasons() == {}


def test_of_a_generator_that_hardly_gained_on_tables_like_this_one_amount_is_tried_and_no_blend():
    found = reasons(known("smote", -0.01, 0.01), known("gan", 0.0, 0.05))
    said = "smote gained -0.010 on 12 tables like this, so a gain is unlikely"
    assert found == {"mine-5x": said, "blend-1x": said}


def test_figures_of_a_generator_are_of_it_alone_and_not_of_a_blend():
    field = enter(CANDIDATES, [known("smote", 0.1, 0.1)], NAMES, HIGHER, LOPSIDED)
    assert [one.candidate.id for one in field if one.prior is not None] == ["mine-1x", "mine-5x"]


def test_what_gains_no_more_than_a_moved_threshold_is_not_tried_unless_a_generator_does():
    found = reasons(
        known("threshold", 0.1, 0.1),
        known("class-weights", 0.105, 0.1),
        known("oversampling", 0.15, 0.1),
        known("smote", 0.1, 0.1),
    )
    assert found == {"class-weights": "a moved threshold gained as much on 12 tables like this, and trains nothing"}


@pytest.mark.parametrize(
    "other",
    [
        {"score": "roc_auc"},
        {"lopsided": False},
        {"min_rows": 101},
        {"max_rows": 99},
    ],
)
def test_figures_of_other_scores_balances_and_sizes_say_nothing(other):
    assert reasons(known("smote", -0.01, 0.001)) != {}
    assert reasons(known("smote", -0.01, 0.001, **other)) == {}
