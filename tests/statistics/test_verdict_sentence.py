from __future__ import annotations

from augment.plugin import ArmResult, TrialResult
from augment.plugin.trial_results import CandidateResult, MixChoice, SearchResult
from augment.statistics.verdict_sentence import add_verdict, weigh_search


def candidate(name: str, difference: float | None, chance: float | None) -> CandidateResult:
    facts = {"kind": "generator", "share": {}, "amount": "1x", "synthetic": 9, "values": [], "mean": None, "left": None}
    known = {"difference": difference, "error": 0.02, "expected": difference, "chance": chance}
    return CandidateResult(id=name, label=name, reason="", **known, **facts)


def search(*candidates: CandidateResult) -> SearchResult:
    return SearchResult(
        asked=True,
        sentence="",
        chosen="none",
        mix=MixChoice(rows=0, share={}),
        probe="boosting",
        score="balanced_accuracy",
        better="higher",
        seeds=10,
        complete=True,
        candidates=list(candidates),
    )


def nothing_chosen() -> TrialResult:
    numbers = {"values": [0.8], "mean": 0.8, "difference": 0.0, "interval": None, "scores": {}, "classes": {}}
    real = ArmResult(id="none", label="real rows alone", rows=100, kind="real", **numbers)
    trial = TrialResult(
        assessable=True,
        reason="",
        probe="boosting",
        score="balanced_accuracy",
        better="higher",
        seeds=5,
        rows=40,
        chosen="none",
        against=None,
        arms=[real],
    )
    return add_verdict(trial, "balanced accuracy")


def test_where_the_search_chose_nothing_the_numbers_of_its_best_candidate_are_said():
    tried = [candidate("none", 0.0, 0.99), candidate("gan, 1x", 0.09, 0.6), candidate("smote, 2x", 0.01, 0.71)]
    found = weigh_search(nothing_chosen(), search(*tried, candidate("vae, 1x", None, None)))
    assert found.sentence.startswith(
        "Do not augment: of all that the search tried, nothing is at least 95 % sure to beat"
    )
    assert "They reach balanced accuracy 0.800 on 40 held-out rows." in found.sentence
    assert found.sentence.endswith(
        "The best of 2 was smote, 2x: on parts of the training rows it changed balanced accuracy by +0.010 (standard "
        "error 0.020), which is a gain with a probability of 71%."
    )


def test_where_no_candidate_could_be_tried_there_are_no_numbers():
    trial = nothing_chosen()
    assert weigh_search(trial, search(candidate("none", 0.0, 0.0))).sentence == trial.sentence
