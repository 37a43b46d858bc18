from __future__ import annotations

import pytest
from run_records import arm, run_metrics

from augment.plugin.verdict_steps import SPLITS, next_steps


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
