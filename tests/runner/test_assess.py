from __future__ import annotations

import pytest

from augment.runner.assess import privacy_of


def attack(of, value, finding):
    return {"of": of, "name": "near copies", "value": value, "detail": {"limit": 0.1, "finding": finding}}


NO_LEAK, BY_DESIGN, LEAK = "no leak found", "near real rows by design", "leak found"


@pytest.mark.parametrize(
    ("scores", "verdict", "said"),
    [
        ([], "not assessed", "was not looked at"),
        ([attack("gan", 0.0, NO_LEAK)], "no leak found", "no promise that there is none."),
        (
            [attack("smote", 0.5, BY_DESIGN), attack("all", 0.5, BY_DESIGN)],
            "near by design",
            "Rows of smote start from",
        ),
        ([attack("all", 0.5, BY_DESIGN)], "near by design", "Some synthetic rows start from"),
        ([attack("gan", 0.5, LEAK), attack("smote", 0.5, BY_DESIGN)], "leak found", "(gan: near copies 50.00%"),
    ],
)
def test_what_attacks_found_is_said_and_nothing_is_called_safe(scores, verdict, said):
    found = privacy_of(scores)
    assert found["verdict"] == verdict
    assert said in found["sentence"]
