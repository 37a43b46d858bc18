from __future__ import annotations

import pytest

from augment.plugin import AttackResult, MetricScore
from augment.runner.assess import summarise_privacy
from augment.runner.trial import void_if_contaminated
from augment.statistics.verdict_sentence import not_assessable


def attack(of, value, finding):
    facts = {"metric": "privacy", "name": "near copies", "unit": "", "better": "lower", "interval": None}
    return MetricScore(of=of, value=value, detail={}, attack=AttackResult(limit=0.1, finding=finding), **facts)


NO_LEAK, BY_DESIGN, LEAK, ALIKE = "no leak found", "near by design", "leak found", "natural likeness"


@pytest.mark.parametrize(
    ("scores", "verdict", "words"),
    [
        ([], "not assessed", "Privacy was not assessed: no metric"),
        ([attack("gan", 0.0, NO_LEAK)], "no leak found", "does not prove that there is none."),
        (
            [attack("smote", 0.5, BY_DESIGN), attack("all", 0.5, BY_DESIGN)],
            "near by design",
            "Rows of smote start from real rows, so they equal or resemble them by design: do not share",
        ),
        ([attack("gan", 0.05, ALIKE)], "not assessed", "Whether rows were copied cannot be told"),
        ([attack("all", 0.5, BY_DESIGN)], "near by design", "Some synthetic rows start from"),
        (
            [attack("gan", 0.5, LEAK), attack("smote", 0.5, BY_DESIGN)],
            "leak found",
            "Synthetic rows reveal training rows (gan: near copies 50.00%",
        ),
        (
            [attack("smote", 0.5, BY_DESIGN), attack("gan", 0.0, NO_LEAK)],
            "near by design",
            "as if they were anonymous. Beyond that, these attacks found no leak, which does not prove",
        ),
        (
            [attack("smote", 0.5, BY_DESIGN), attack("gan", 0.05, ALIKE)],
            "near by design",
            "as if they were anonymous. Whether rows were copied cannot be told",
        ),
        ([attack("smote", 0.5, BY_DESIGN), attack("smote", 0.5, LEAK)], "near by design", "Beyond that"),
    ],
    ids=[
        *("no attack", "no leak", "near by design", "alike", "mix near by design", "leak"),
        *("the design first", "alike beside near by design", "a leak by design"),
    ],
)
def test_the_privacy_verdict_follows_from_the_attacks_and_calls_nothing_safe(scores, verdict, words):
    result = summarise_privacy(scores)
    assert result.verdict == verdict
    assert words in result.sentence
    assert result.sentence.startswith("Synthetic rows reveal") == (verdict == "leak found")


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ([attack("edits", 0.0, NO_LEAK)], "near by design"),
        ([attack("edits", 0.0, ALIKE)], "near by design"),
        ([attack("gan", 0.5, LEAK), attack("edits", 0.0, NO_LEAK)], "leak found"),
        ([], "not assessed"),
    ],
    ids=["no leak", "alike", "a leak elsewhere", "no attack"],
)
def test_rows_that_start_from_real_ones_are_named_whatever_the_attacks_found(scores, verdict):
    result = summarise_privacy(scores, ["edits"])
    assert result.verdict == verdict
    assert "Rows of edits start from real rows" in result.sentence
    assert not result.sentence.startswith("These attacks found no leak")


def voiding(of, reason):
    facts = {"metric": "mine", "name": "repeats", "value": 0.5, "unit": "", "better": "lower", "interval": None}
    return MetricScore(of=of, detail={}, voids=reason, **facts)


def test_any_metric_can_void_the_verdict_and_the_sentence_names_whose_rows_repeat_the_hold_out():
    trial = not_assessable("no probe").model_copy(update={"assessable": True, "verdict": "helps"})
    scores = [voiding("gan", ""), voiding("vae", "9 of 90 rows"), voiding("vae", "other"), voiding("all", "9 of 180")]
    found = void_if_contaminated(trial, scores)
    assert (found.verdict, found.assessable, found.reason) == ("contaminated", False, "vae: 9 of 90 rows")
    assert "there is no verdict" in found.sentence
    assert "(vae: 9 of 90 rows)" in found.sentence
    assert void_if_contaminated(trial, scores[:1]) == trial
    assert void_if_contaminated(trial, scores[-1:]).reason == "all: 9 of 180"
