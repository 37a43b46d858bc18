"""Whether the verdict is right where the truth is planted; `bench/truth.py` has forty seeds of the same."""

from __future__ import annotations

import pytest

from augment.runner.run import run
from augment_tables.table_probes import Logistic

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fakes")]


@pytest.mark.parametrize(
    ("real", "made", "right", "least"),
    [(True, True, "helps", 4), (True, False, "hurts", 4), (False, False, "no measurable effect", 3)],
    ids=["true rows", "label noise", "nothing to learn"],
)
def test_the_verdict_is_what_was_planted(spec, monkeypatch, real, made, right, least):
    monkeypatch.setattr(Logistic, "settings_to_try", classmethod(lambda cls, params: ()))  # one arm less
    verdicts = []
    for seed in range(5):
        path = spec(
            f"truth-{seed}",
            source={"use": "fake-planted", "with": {"rows": 1100, "tells": real, "draw": seed}},
            split={"holdout": 1000 / 1100},
            generators=[{"use": "fake-planted-rows", "with": {"tells": made}}],
            mix={"rows": "5x"},
            trial={"probe": "logistic", "seeds": 5},
            metrics=[],
        )
        verdicts.append(run(path, seed=seed, workers=0).metrics.trial.verdict)
    assert verdicts.count(right) >= least
