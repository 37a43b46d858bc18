from __future__ import annotations

import pytest

from augment.plugin import MetricScore
from augment.runner.assess import summarise_privacy


def attack(of, value, finding):
    facts = {"metric": "privacy", "name": "near copies", "unit": "", "better": "lower", "interval": None}
    return MetricScore(of=of, value=value, detail={"limit": 0.1, "finding": finding}, **facts)


NO_LEAK, BY_DESIGN, LEAK = "no leak found", "near real rows by design", "leak found"


@pytest.mark.parametrize(
    ("scores", "verdict", "words"),
    [
        ([], "not assessed", "Privacy was not assessed: no metric"),
        ([attack("gan", 0.0, NO_LEAK)], "no leak found", "does not prove that there is none."),
        (
            [attack("smote", 0.5, BY_DESIGN), attack("all", 0.5, BY_DESIGN)],
            "near by design",
            "Rows of smote start from",
        ),
        ([attack("all", 0.5, BY_DESIGN)], "near by design", "Some synthetic rows start from"),
        ([attack("gan", 0.5, LEAK), attack("smote", 0.5, BY_DESIGN)], "leak found", "(gan: near copies 50.00%"),
    ],
    ids=["no attack", "no leak", "near by design", "mix near by design", "leak"],
)
def test_the_privacy_verdict_follows_from_the_attacks_and_calls_nothing_safe(scores, verdict, words):
    result = summarise_privacy(scores)
    assert result.verdict == verdict
    assert words in result.sentence
