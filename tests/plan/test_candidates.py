from __future__ import annotations

import numpy as np
import pytest

from augment.plan.candidates import (
    Candidate,
    Entrant,
    choose_winner,
    describe_choice,
    drop_worse_half,
    list_candidates,
    plan_rounds,
)
from augment.plan.caps import MAX_JUDGED_ROWS
from augment.spec.models import Mix
from augment.statistics.scores import SCORES

HIGHER, LOWER = SCORES["balanced_accuracy"], SCORES["log_loss"]
COUNTS = {"no": 30, "yes": 10}
BOTH = {"gan": True, "smote": True}


NUM_INEXPENSIVE = 4  # of a score of decisions, real rows alone among them


def tried(conditional=BOTH, counts=COUNTS, score="balanced_accuracy", tunable=False, **mix):
    return list_candidates(Mix.model_validate(mix), conditional, counts, SCORES[score], tunable)


def ids(candidates):
    return [one.id for one in candidates]


def entrants(**values):
    """Real rows alone, always scoring 0.5, and candidates with these differences to it."""
    most = max(map(len, values.values()))
    none = Entrant(Candidate("none", "real rows alone", "none"), [0.5] * most)
    return [none, *(Entrant(Candidate(n, n, "generator"), [0.5 + v for v in seen]) for n, seen in values.items())]


# what is tried


def test_every_generator_and_the_blend_are_tried_with_every_amount_after_what_is_cheap():
    assert ids(tried(rows="auto", search={"amounts": ["balance", "1x"]})) == [
        "none",
        "threshold",
        "class-weights",
        "oversampling",
        "gan-balance",
        "smote-balance",
        "blend-balance",
        "gan-1x",
        "smote-1x",
        "blend-1x",
    ]


def test_a_probe_that_can_be_tuned_is_tried_tuned_and_a_threshold_is_moved_for_scores_of_decisions():
    options = {"conditional": {"gan": True}, "rows": "auto", "search": {"amounts": ["1x"]}}
    assert ids(tried(tunable=True, **options)) == [
        "none",
        "threshold",
        "class-weights",
        "oversampling",
        "tuned",
        "gan-1x",
    ]
    assert ids(tried(score="log_loss", **options)) == ["none", "class-weights", "oversampling", "gan-1x"]
    assert ids(tried(score="r2", counts={"": 40}, tunable=True, **options)) == ["none", "tuned", "gan-1x"]


def test_a_single_generator_has_no_blend():
    assert ids(tried({"gan": True}, rows="auto", search={"amounts": ["1x"]}))[NUM_INEXPENSIVE:] == ["gan-1x"]


def test_without_classes_there_is_nothing_to_balance():
    assert ids(tried({"gan": False}, {"": 40}, "r2", rows="auto")) == [
        "none",
        "gan-0.5x",
        "gan-1x",
        "gan-2x",
        "gan-5x",
    ]


def test_who_cannot_be_asked_for_a_class_does_not_balance():
    found = ids(tried({"gan": True, "free": False}, rows="auto", search={"amounts": ["balance", "1x"]}))
    assert found[NUM_INEXPENSIVE:] == ["gan-balance", "gan-1x", "free-1x", "blend-1x"]


def test_where_classes_are_even_balancing_adds_nothing_and_is_not_tried():
    assert "gan-balance" not in ids(tried(counts={"no": 20, "yes": 20}, rows="auto"))


def test_an_amount_that_adds_the_same_rows_as_another_is_tried_once():
    assert ids(tried({"gan": True}, rows="auto", search={"amounts": ["1x", 40]}))[NUM_INEXPENSIVE:] == ["gan-1x"]


def test_shares_that_are_written_down_stay():
    found = tried(rows="auto", share={"gan": 3, "smote": 1}, search={"amounts": ["1x", "2x"]})
    assert ids(found)[NUM_INEXPENSIVE:] == ["blend-1x", "blend-2x"]
    assert found[NUM_INEXPENSIVE].share == {"gan": 3, "smote": 1}


@pytest.mark.parametrize(("rows", "expected"), [("2x", "gan-2x"), (None, "gan-balance"), ({"yes": 5}, "gan-as-given")])
def test_an_amount_that_is_written_down_stays(rows, expected):
    assert ids(tried(rows=rows, share="auto"))[NUM_INEXPENSIVE] == expected
    assert len(tried(rows=rows, share="auto")) == NUM_INEXPENSIVE + 3


def test_no_candidate_asks_for_more_rows_than_a_trial_looks_at():
    wanted = Candidate("gan-5x", "", "generator", {"gan": 1.0}, "5x").wanted({"no": 30_000, "yes": 10_000})
    assert sum(wanted.values()) == MAX_JUDGED_ROWS
    assert wanted["no"] == 3 * wanted["yes"]


# who stays


@pytest.mark.parametrize(("num_seeds", "ends"), [(2, [2]), (5, [5]), (7, [5, 7]), (10, [5, 10]), (32, [5, 10, 20, 32])])
def test_barriers_stand_where_seeds_have_doubled(num_seeds, ends):
    rounds = plan_rounds(num_seeds)
    assert [one.stop for one in rounds] == ends
    assert [seed for one in rounds for seed in one] == list(range(num_seeds))


def test_the_worse_half_leaves_and_real_rows_alone_never():
    field = entrants(a=[-0.1, -0.1], b=[0.2, 0.2], c=[0.1, 0.1], d=[-0.2, -0.2], e=[0.0, 0.0])
    drop_worse_half(field, HIGHER)
    assert [one.candidate.id for one in field if one.left is None] == ["none", "b", "c", "e"]
    assert {one.left for one in field if one.left is not None} == {2}


def test_where_lower_is_better_the_higher_half_leaves():
    field = entrants(a=[0.1, 0.1], b=[-0.1, -0.1])
    drop_worse_half(field, LOWER)
    assert [one.candidate.id for one in field if one.left is None] == ["none", "b"]


def test_of_equals_the_first_stay():
    field = entrants(a=[0.1] * 2, b=[0.1] * 2, c=[0.1] * 2)
    drop_worse_half(field, HIGHER)
    assert [one.candidate.id for one in field if one.left is None] == ["none", "a", "b"]


# who wins


def test_the_error_is_that_of_folds_whose_training_parts_overlap():
    none, one = entrants(a=[0.1, 0.3, 0.2, 0.2])
    found = one.standing(none, HIGHER)
    assert found.difference == pytest.approx(0.2)
    assert found.error == pytest.approx(np.std([0.1, 0.3, 0.2, 0.2], ddof=1) * np.sqrt(1 / 4 + 1 / 4))
    assert found.worst == pytest.approx(found.difference - found.error)
    assert one.standing(none, LOWER).worst == pytest.approx(found.difference + found.error)


def test_the_best_by_mean_less_error_wins_not_the_best_mean():
    field = entrants(wild=[0.5, -0.1, 0.5, -0.1], steady=[0.1, 0.11, 0.1, 0.11])
    assert choose_winner(field, HIGHER).candidate.id == "steady"


@pytest.mark.parametrize("values", [[0.0] * 4, [0.1, -0.1, 0.1, -0.1], [-0.1] * 4, [1e-15] * 4])
def test_real_rows_alone_win_unless_somebody_is_surely_better(values):
    field = entrants(a=values)
    assert choose_winner(field, HIGHER) is field[0]
    assert "chose real rows alone: of 1 candidate none was better" in describe_choice(field, field[0], HIGHER)


def test_with_more_caution_more_standard_errors_count():
    field = entrants(a=[0.1, 0.3, 0.2, 0.0])
    assert choose_winner(field, HIGHER) is field[1]
    for one in field:
        one.caution = 2.13
    assert choose_winner(field, HIGHER) is field[0]
    assert "by more than 2.13 standard errors" in describe_choice(field, field[0], HIGHER)


def test_who_left_or_was_never_tried_does_not_win():
    field = entrants(gone=[0.4] * 4, here=[0.1] * 4)
    field.append(Entrant(Candidate("never", "never", "generator")))
    field[1].leave()
    winner = choose_winner(field, HIGHER)
    assert winner.candidate.id == "here"
    assert "chose here of 3 candidates: balanced accuracy 0.600, +0.100 to real rows alone" in describe_choice(
        field, winner, HIGHER
    )


def test_where_lower_is_better_the_lowest_wins():
    assert choose_winner(entrants(a=[0.1] * 3, b=[-0.1] * 3), LOWER).candidate.id == "b"


def test_a_seed_whose_score_is_not_defined_counts_for_nobody():
    none, one = entrants(a=[0.1, np.nan, 0.1])
    none.values[1] = np.nan
    assert one.standing(none, HIGHER).difference == pytest.approx(0.1)
    assert one.result(none, HIGHER).values == [0.6, None, 0.6]


def test_one_seed_decides_nothing():
    field = entrants(a=[0.4])
    assert choose_winner(field, HIGHER) is field[0]
