"""What a verdict says; the intervals that it follows from are tested in `test_paired_bootstrap.py`."""

from __future__ import annotations

import numpy as np
import pytest
from run_records import arm

from augment.plugin import CandidateResult, SearchResult, TrialResult
from augment.statistics.units import Units
from augment.statistics.verdict import explain_obstacle, judge_interval
from augment.statistics.verdict_sentence import not_assessable, void, weigh_search

LABELS = np.arange(40) % 2


def trial(**changes):
    facts = {"assessable": True, "arms": [arm("none", 0.7), arm("synthetic", 0.75)], "chosen": "synthetic"}
    return TrialResult.model_validate({**not_assessable("").model_dump(), **facts, **changes})


def search(**of_winner):
    facts = {"id": "gan-1x", "label": "gan, 1x", "kind": "generator", "share": {"gan": 1.0}, "amount": "1x"}
    figures = {
        "synthetic": 40,
        "values": [0.1],
        "mean": 0.8,
        "expected": 0.01,
        "chance": 0.95,
        "left": None,
        "reason": "",
    }
    winner = CandidateResult.model_validate({**facts, **figures, "difference": 0.02, "error": 0.004, **of_winner})
    changes = {"asked": True, "chosen": winner.id, "seeds": 5, "candidates": [winner]}
    return SearchResult.not_asked().model_copy(update=changes)


@pytest.mark.parametrize(
    ("truth", "task", "seeds", "units", "says"),
    [
        (LABELS, "classes", 2, Units.rows(40), ""),
        (LABELS * 0.5, "number", 2, Units.rows(40), ""),
        (LABELS * 0, "classes", 2, Units.rows(40), "the hold-out has rows of one class only"),
        (LABELS[:9], "classes", 2, Units.rows(9), "9 held-out rows are too few to tell an effect from chance"),
        (LABELS, "classes", 1, Units.rows(40), "one seed does not show how much of a difference is chance"),
        (LABELS, "classes", 2, Units.of(np.arange(40) % 4, "groups"), "4 groups in the hold-out are too few"),
        (LABELS, "classes", 2, Units.of(np.arange(40) % 5, "groups"), ""),
        (
            LABELS,
            "classes",
            2,
            Units.of(np.minimum(np.arange(40), 5), "groups"),
            "6 groups of very different sizes, which say as much as 1.3 equal ones, in the hold-out are too few",
        ),
    ],
    ids=["enough", "a number", "one class", "few rows", "one seed", "few groups", "five groups", "uneven"],
)
def test_an_obstacle_to_a_verdict_is_explained_with_its_figures(truth, task, seeds, units, says):
    found = explain_obstacle(truth, task, seeds, units)
    assert found.startswith(says)
    assert bool(found) == bool(says)


def test_without_an_interval_nobody_can_tell():
    assert judge_interval(None, "higher", 0.05) == "cannot tell"


def test_where_the_hold_out_cannot_tell_the_sentence_has_what_the_search_measured():
    found = weigh_search(trial(verdict="cannot tell", sentence="Who knows."), search())
    assert found.verdict == "cannot tell"
    assert found.sentence.startswith("Who knows. The search, on parts of the training rows, measured +0.020 over 5 ")
    assert "(standard error 0.004). The best of several looks better than it is: expect +0.0" in found.sentence


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        ("helps", search()),
        ("cannot tell", search(difference=None)),
        ("cannot tell", search(error=None)),
        ("cannot tell", SearchResult.not_asked()),
    ],
    ids=["a clear verdict", "no difference", "no error", "no search"],
)
def test_a_search_that_adds_nothing_leaves_the_sentence_alone(verdict, result):
    before = trial(verdict=verdict, sentence="As it was.")
    assert weigh_search(before, result) == before


def test_a_void_trial_keeps_its_figures_and_names_every_reason():
    before = trial(verdict="helps", sentence="It helps.")
    found = void(before, {"gan": "9 of 90 rows equal held-out ones", "all": "9 of 180"})
    assert (found.verdict, found.assessable, found.arms) == ("contaminated", False, before.arms)
    assert found.reason == "gan: 9 of 90 rows equal held-out ones; all: 9 of 180"
    assert f"({found.reason})" in found.sentence
    assert "It helps." not in found.sentence
