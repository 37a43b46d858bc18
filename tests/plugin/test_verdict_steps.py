from __future__ import annotations

import pytest
from run_records import arm, run_metrics

from augment.plugin.verdict_steps import NO_TRIAL, SPLITS, next_steps


def trial(interval=(0.02, 0.04), **content):
    """A trial in which synthetic rows were tried on one split, by default with a clear gain."""
    arms = [arm("none", 0.7), arm("synthetic", 0.73) | {"interval": interval}]
    facts = {"assessable": True, "verdict": "helps", "chosen": "synthetic", "arms": arms, "seeds": 5}
    return run_metrics(trial=facts | content).trial


OVER = {"values": [0.03, 0.03], "mean": 0.03, "interval": (0.01, 0.05)}
CUTS = {"asked": 2, "chosen": ["synthetic"] * 2, "arms": {}, "overall": OVER}
PREFERRED = {"arm": "none", "difference": 0.0, "interval": (-0.1, 0.1), "verdict": "no measurable effect"}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, None),
        ({"interval": (0.001, 0.06)}, 0),
        ({"interval": (-0.06, -0.001), "better": "lower"}, 0),
        ({"rarest": "yes", "rarest_rows": 12}, 0),
        ({"rarest": "yes", "rarest_rows": 400}, None),
        ({"interval": (0.001, 0.06), "cuts": CUTS}, None),
        ({"interval": (0.001, 0.06), "verdict": "cannot tell"}, None),
        ({"interval": (0.001, 0.06), "against": PREFERRED}, 1),
    ],
    ids=[
        "clear",
        "close",
        "lower is better",
        "rare",
        "not so rare",
        "several splits",
        "no gain",
        "after the preferred",
    ],
)
def test_a_gain_that_hangs_on_one_split_is_to_be_judged_over_several(changes, place):
    steps = next_steps(trial(**changes))
    assert (steps.index(SPLITS) if SPLITS in steps else None) == place


def test_a_trial_that_was_not_asked_for_is_no_obstacle():
    void = {"assessable": False, "verdict": "not assessable", "chosen": "", "arms": []}
    steps = next_steps(trial(**void, reason=NO_TRIAL))
    assert "`trial: false`" in steps[0]
    assert not any("obstacle" in step for step in steps)
    assert "obstacle" in next_steps(trial(**void, reason="one class only"))[0]


@pytest.mark.parametrize(("interval", "first"), [((0.01, 0.03), "Use tuned"), ((-0.01, 0.03), "Do not decide")])
def test_a_better_alternative_is_a_decision_where_the_synthetic_rows_allow_none(interval, first):
    arms = [arm("none", 0.7), arm("tuned", 0.72) | {"interval": interval}, arm("synthetic", 0.71)]
    unclear = {"verdict": "cannot tell", "arms": arms, "against": PREFERRED | {"arm": "tuned"}}
    steps = next_steps(trial(**unclear))
    assert steps[0].startswith(first)
    assert any("Do not decide" in step for step in steps) == (first == "Do not decide")
    assert "hold out more rows" in steps[1].lower()


@pytest.mark.parametrize(("over_splits", "first"), [((0.01, 0.03), "Use tuned"), ((-0.01, 0.03), "Do not decide")])
def test_over_several_splits_an_alternative_is_judged_by_all_of_them(over_splits, first):
    alone = (-0.02, 0.05) if over_splits[0] > 0 else (0.01, 0.05)  # of the written split, which says the opposite
    arms = [arm("none", 0.7), arm("tuned", 0.72) | {"interval": alone}, arm("synthetic", 0.71)]
    over = {"tuned": {"values": [0.02, 0.02], "mean": 0.02, "interval": over_splits}}
    cuts = CUTS | {"arms": over, "against": PREFERRED | {"arm": "tuned"}}
    steps = next_steps(trial(verdict="cannot tell", arms=arms, against=PREFERRED | {"arm": "tuned"}, cuts=cuts))
    assert steps[0].startswith(first)
