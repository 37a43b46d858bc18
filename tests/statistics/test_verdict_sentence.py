from __future__ import annotations

import re

import pytest

from augment.plugin import ArmResult, TrialResult
from augment.plugin.trial_results import CandidateResult, Comparison, MixChoice, SearchResult
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


def one_arm(id: str, label: str, mean: float, real: float, half_width: float | None = 0.008) -> ArmResult:
    difference = mean - real
    interval = None if half_width is None else (difference - half_width, difference + half_width)
    kind = {"none": "real", "threshold": "inexpensive"}.get(id, "synthetic")
    numbers = {"values": [mean], "mean": mean, "difference": difference, "interval": interval}
    return ArmResult(id=id, label=label, rows=100, kind=kind, scores={}, classes={}, **numbers)


def judged(real: float, synthetic: float, half_width: float = 0.008) -> TrialResult:
    """A trial of synthetic rows beside a moved threshold that changes nothing."""
    arms = [one_arm("none", "real rows alone", real, real, None)]
    arms.append(one_arm("synthetic", "real + synthetic", synthetic, real, half_width))
    arms.append(one_arm("threshold", "threshold at the prior", real, real))
    against = Comparison(arm="threshold", difference=synthetic - real, interval=(0.01, 0.03), verdict="helps")
    facts = {"assessable": True, "reason": "", "probe": "boosting", "score": "balanced_accuracy", "better": "higher"}
    trial = TrialResult(**facts, seeds=5, rows=400, chosen="synthetic", against=against, arms=arms, margin=0.05)
    return add_verdict(trial, "balanced accuracy")


@pytest.mark.parametrize("real", [0.9346, 0.9350, 0.9354])
@pytest.mark.parametrize("synthetic", [0.9566, 0.9570, 0.9574])
def test_the_difference_is_that_of_the_scores_as_they_are_written(real, synthetic):
    found = re.search(r"(0\.\d+) with real .*?, (0\.\d+) with .*? \(([+-]\S+), 95", judged(real, synthetic).sentence)
    assert found is not None
    alone, added, difference = map(float, found.groups())
    assert round(added - alone, 3) == difference


def test_a_perfect_baseline_leaves_nothing_to_gain_and_a_wide_interval_leaves_harm_open():
    open_to_harm, harmless = judged(1.0, 0.981, 0.09), judged(1.0, 0.999, 0.003)
    for found in (open_to_harm, harmless):
        assert found.verdict == "no measurable effect"
        assert found.sentence.startswith("Nothing is left for augmentation to gain on this hold-out: balanced accuracy")
    assert "Whether it hurts cannot be told." in open_to_harm.sentence
    assert "cannot be told" not in harmless.sentence
    assert "Any effect is smaller than 0.050" in harmless.sentence


def test_harm_to_a_perfect_baseline_is_called_harm():
    assert judged(1.0, 0.9, 0.02).sentence.startswith("Augmentation hurts: balanced accuracy 1.000")


def test_a_moved_threshold_is_explained_where_it_is_named():
    assert (
        "threshold at the prior (0.935; the model of real rows alone, deciding for the class whose probability is "
        "highest against its share)."
    ) in judged(0.9352, 0.9566).sentence
