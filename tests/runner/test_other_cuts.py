from __future__ import annotations

import numpy as np
import pytest
from slowly import slowly

from augment.errors import DataError
from augment.runner import other_cuts
from augment.runner.run import run

pytestmark = pytest.mark.usefixtures("fakes")

TRIAL = {"probe": "fake-centroids", "seeds": 2}


def test_each_split_holds_out_other_rows_and_the_written_ones_stay(spec, monkeypatch):
    prepared = []

    def prepare(session, resolved):
        prepared.append(original(session, resolved))
        return prepared[-1]

    original = other_cuts.prepare
    monkeypatch.setattr(other_cuts, "prepare", prepare)
    one = run(spec(name="one", trial=TRIAL), workers=0)
    several = run(spec(name="several", trial={**TRIAL, "cuts": 4}), workers=0)
    assert several.metrics.trial.cuts.against.arm in ("threshold", "class-weights", "oversampling", "copies")
    parts = [tuple(part.cut.test) for part in prepared]
    assert len(set(parts)) == 3
    assert tuple(several.split["test"]) not in parts
    assert several.split == one.split
    for name in ("train.csv", "test.csv"):
        assert (several.folder / "data" / name).read_bytes() == (one.folder / "data" / name).read_bytes()
    found = several.metrics.trial
    assert len(found.cuts.overall.values) == 4
    assert found.cuts.overall.values[0] == one.metrics.trial.arm("synthetic").difference
    assert len(set(found.cuts.overall.values)) > 1
    assert one.metrics.trial.cuts is None


@pytest.mark.slow
def test_a_split_that_cannot_be_tried_is_left_out_and_said(spec, monkeypatch):
    calls = []

    def bind_components(resolved, prepared):
        calls.append(resolved)
        if len(calls) == 2:
            raise DataError("this training part lacks a class")
        return original(resolved, prepared)

    original = other_cuts.bind_components
    monkeypatch.setattr(other_cuts, "bind_components", bind_components)
    done = run(spec(trial={**TRIAL, "cuts": 4}), workers=0)
    assert len(done.metrics.trial.cuts.overall.values) == 3
    assert "split 3 of 4 could not be tried: this training part lacks a class" in done.metrics.notes


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"arms": [], "reason": "the hold-out has rows of one class only"}, "the hold-out has rows of one class only"),
        *slowly([({"score": "accuracy"}, "it was judged by accuracy, not by balanced_accuracy")]),
    ],
    ids=["nothing to judge", "another score"],
)
def test_a_split_that_gives_no_comparable_result_is_said_with_its_reason(spec, monkeypatch, change, reason):
    calls = []

    def run_trial(*arguments):
        calls.append(arguments)
        found = original(*arguments)
        return found.model_copy(update=change) if len(calls) == 1 else found

    original = other_cuts.run_trial
    monkeypatch.setattr(other_cuts, "run_trial", run_trial)
    done = run(spec(trial={**TRIAL, "cuts": 3}), workers=0)
    assert len(done.metrics.trial.cuts.overall.values) == 2
    assert f"split 2 of 3 could not be tried: {reason}" in done.metrics.notes


@pytest.mark.slow
def test_rows_that_repeat_the_hold_out_of_another_split_void_the_verdict(spec, monkeypatch):
    # the alarm goes off for a row that is held out in one of the other splits alone
    values, prepared = np.random.default_rng(5).normal(size=(2, 60))[1], []

    def prepare(session, resolved):
        prepared.append(original(session, resolved))
        return prepared[-1]

    original = other_cuts.prepare
    monkeypatch.setattr(other_cuts, "prepare", prepare)
    trial = {**TRIAL, "cuts": 3}
    clean = run(spec(trial=trial, metrics=[{"use": "fake-alarm", "with": {"y": 99.0}}, "fake-means"]), workers=0)
    assert clean.metrics.trial.cuts is not None
    second, third = (set(part.cut.test) for part in prepared)
    only = min(third - second - set(clean.split["test"]))
    metrics = [{"use": "fake-alarm", "with": {"y": float(values[only])}}]
    found = run(spec(name="void", trial=trial, metrics=metrics), workers=0).metrics.trial
    assert (found.verdict, found.assessable, found.cuts) == ("contaminated", False, None)
    assert "split 3 of 3: fake-move: 1 of 60 rows" in found.sentence
