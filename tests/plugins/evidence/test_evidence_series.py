"""Evidence on series: fidelity, judges, and filters, with unequal lengths, gaps and labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset
from augment.plugin.context import Context
from augment_evidence.fidelity_series import CONTROL, FidelitySeries, copies_with_noise
from augment_evidence.not_a_copy import NotACopy
from augment_evidence.series_scores import SeriesScores
from augment_evidence.space import Space


def waves(num_rows, seed, speed=0.5, phase=0.0, gaps=0.1, shortest=20):
    """Two waves, one behind the other by a phase, with a label at each step that says whether the first is high."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, 41, num_rows)
    angle = speed * np.arange(40) + rng.uniform(0, 6, (num_rows, 1))
    values = np.stack([np.sin(angle), np.sin(angle + phase), np.sin(angle) > 0], axis=2)
    values[..., :2] += rng.normal(0, 0.2, (num_rows, 40, 2))
    values[rng.random((num_rows, 40)) < gaps] = np.nan
    values[np.arange(40) >= lengths[:, None]] = 0
    frame = pd.DataFrame({"length": lengths, "label": np.arange(num_rows) % 2})
    channels = {
        "a": {"nullable": True},
        "b": {"nullable": True},
        "c": {"categories": ["low", "high"], "nullable": True},
    }
    said = {"target": "label", "arrays": {"series": {"length_column": "length", "channels": channels}}}
    arrays = {"series": values.astype(np.float32)}
    return dataset(frame, arrays, **said)


TRAIN, HELD = waves(200, 1), waves(150, 2)


def scores(metric, synthetic, folder, train=TRAIN, held=HELD):
    found = metric.score(synthetic, train, held, Context(seed=1, folder=folder))
    return {score.name: (score.value, score.detail["reference"]) for score in found}


def test_fresh_series_score_as_the_hold_out_does(tmp_path):
    found = scores(FidelitySeries(), waves(200, 3), tmp_path)
    for name in ("value shapes", "autocorrelation error", "cross-correlation error", "nearest-neighbour ratio"):
        assert found[name][0] == pytest.approx(found[name][1]["hold-out"], abs=0.06)


def test_copies_with_noise_score_well_but_for_their_nearness(tmp_path):
    found = scores(FidelitySeries(), copies_with_noise(TRAIN, np.random.default_rng(4)), tmp_path)
    assert found["autocorrelation error"][0] < found["autocorrelation error"][1]["hold-out"]
    assert found["nearest-neighbour ratio"][0] < 0.2 < found["nearest-neighbour ratio"][1]["hold-out"]
    assert found["nearest-neighbour ratio"][1][CONTROL] < 0.2


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"speed": 1.0}, "autocorrelation error"),
        ({"phase": 1.5}, "cross-correlation error"),
        ({"gaps": 0.5}, "value shapes"),
        ({"shortest": 38}, "column shapes"),
    ],
)
def test_each_score_sees_what_it_is_for(tmp_path, settings, name):
    usual, reference = scores(FidelitySeries(), waves(200, 3), tmp_path)[name]
    wrong, _ = scores(FidelitySeries(), waves(200, 3, **settings), tmp_path)[name]
    assert abs(wrong - reference["hold-out"]) > abs(usual - reference["hold-out"]) + 0.1


def test_padding_plays_no_part(tmp_path):
    wider = [np.pad(part.arrays["series"], ((0, 0), (0, 20), (0, 0))) for part in (TRAIN, HELD)]
    parts = []
    for part, values in zip((TRAIN, HELD), wider, strict=True):
        array = part.schema.arrays["series"].model_copy(update={"shape": (60, 3)})
        schema = part.schema.model_copy(update={"arrays": {"series": array}})
        parts.append(Dataset.of(part.frame, {"series": values}, schema))
    narrow = scores(FidelitySeries(), HELD, tmp_path)["value shapes"]
    assert scores(FidelitySeries(), parts[1], tmp_path, parts[0], parts[1])["value shapes"][0] == narrow[0]


def test_series_of_one_step_have_no_course(tmp_path):
    one = [part.take(slice(0, 60)) for part in (TRAIN, HELD)]
    for number, part in enumerate(one):
        schema = part.schema.model_copy(
            update={"arrays": {"series": part.schema.arrays["series"].model_copy(update={"shape": (1, 3)})}}
        )
        one[number] = Dataset.of(part.frame.assign(length=1), {"series": part.arrays["series"][:, :1]}, schema)
    found = scores(FidelitySeries(), one[0], tmp_path, *one)
    assert "autocorrelation error" not in found
    assert "value shapes" in found
    assert set(scores(SeriesScores(SeriesScores.Params(steps=2)), one[0], tmp_path, *one)) == {"discriminative score"}


def test_points_see_lengths_and_labels_and_no_padding():
    space = Space.fit(TRAIN)
    points = space.points(TRAIN)
    assert np.isfinite(points).all()
    row = TRAIN.take(np.array([0, 0]))
    changed = row.arrays["series"].copy()
    step = int(np.flatnonzero(~np.isnan(changed[1, :, 2]))[0])
    changed[1, step, 2] = 1 - changed[1, step, 2]
    one, other = space.points(Dataset.of(row.frame, {"series": changed}, row.schema))
    assert np.linalg.norm(one - other) > 0.4  # of two steps that are averaged one is another
    shorter = Dataset.of(row.frame.assign(length=[30, 29]), {"series": row.arrays["series"]}, row.schema)
    assert np.linalg.norm(np.diff(space.points(shorter), axis=0)) > 0


def test_near_copies_are_thrown_out(tmp_path):
    context = Context(1, tmp_path)
    chosen = NotACopy(NotACopy.Params()).fit(TRAIN, HELD, context)
    copies = copies_with_noise(TRAIN, np.random.default_rng(1))
    assert (chosen.judge(copies, context) < chosen.threshold).mean() > 0.95
    assert (chosen.judge(HELD, context) < chosen.threshold).mean() < 0.1


@pytest.mark.slow
def test_judges_know_noise_from_series_and_are_fooled_by_copies(tmp_path):
    values = np.random.default_rng(1).permuted(TRAIN.arrays["series"], axis=1)
    noise = Dataset.of(TRAIN.frame, {"series": np.nan_to_num(values)}, TRAIN.schema)
    found = scores(SeriesScores(SeriesScores.Params(steps=100, max_steps=8)), noise, tmp_path)
    assert found["discriminative score"][0] > 0.2
    assert found["discriminative score"][1][CONTROL] < 0.2
    assert set(found["predictive score"][1]) == {"training part", CONTROL}


def test_too_few_series_are_not_judged(tmp_path):
    assert scores(SeriesScores(), TRAIN.take(slice(0, 5)), tmp_path) == {}
