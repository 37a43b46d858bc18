from __future__ import annotations

import pytest

from augment.plan.candidates import Candidate, choose_amounts, list_candidates, list_settings
from augment.plan.caps import MAX_JUDGED_ROWS
from augment.plugin import Suits
from augment.spec.models import Mix
from augment.statistics.scores import SCORES

COUNTS = {"no": 30, "yes": 10}
BOTH = {"gan": True, "smote": True}


NUM_INEXPENSIVE = 4  # of a score of decisions, real rows alone among them


def tried(conditional=BOTH, counts=COUNTS, score="balanced_accuracy", tunable=False, **mix):
    return list_candidates(Mix.model_validate(mix), conditional, counts, SCORES[score], tunable)


def ids(candidates):
    return [one.id for one in candidates]


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
        "gan-1x",
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


def test_without_amounts_of_its_own_a_search_tries_those_that_the_generators_suit():
    suits = [Suits("table", amounts=((1_000, "20x"), (5_000, "5x"))), Suits("table")]
    assert choose_amounts(suits, 900) == ["balance", "1x", "5x", "20x"]
    assert choose_amounts(suits, 1_100) == choose_amounts(suits, 10**6) == ["balance", "1x", "5x"]


# settings


@pytest.mark.parametrize(
    ("mix", "conditional", "counts", "amount"),
    [
        ({"rows": "2x"}, True, COUNTS, "2x"),
        ({"rows": 7, "share": "auto"}, True, COUNTS, 7),
        ({}, True, COUNTS, "balance"),
        ({}, False, COUNTS, "1x"),
        ({"rows": "auto"}, True, COUNTS, "balance"),  # 20 rows for 40
        ({"rows": "auto"}, True, {"no": 25, "yes": 15}, "1x"),
        ({"rows": "auto"}, False, COUNTS, "1x"),
    ],
)
def test_settings_are_tried_with_the_amount_of_the_mix(mix, conditional, counts, amount):
    settings = [{"steps": 100}, {"steps": 500, "beta": 0.5}]
    found = list_settings("gan", settings, Mix.model_validate(mix), conditional, counts, "classes")
    assert [(one.id, one.label, one.variant, one.amount) for one in found] == [
        ("settings-1", "steps: 100", 0, amount),
        ("settings-2", "steps: 500, beta: 0.5", 1, amount),
    ]
    assert [(dict(one.share), one.settings) for one in found] == [({"gan": 1.0}, one) for one in settings]


@pytest.mark.parametrize(
    ("mix", "counts"),
    [({"rows": 0}, COUNTS), ({"share": {"gan": 0}}, COUNTS), ({"rows": "balance"}, {"no": 5, "yes": 5})],
)
def test_who_makes_no_rows_has_no_settings_to_try(mix, counts):
    settings = [{"steps": 100}, {"steps": 500}]
    assert list_settings("gan", settings, Mix.model_validate(mix), True, counts, "classes") == []
