from __future__ import annotations

import numpy as np

from augment.plugin.context import Context
from augment_series.cylinder_bell_funnel import CylinderBellFunnel


def made(folder, **settings):
    return CylinderBellFunnel(CylinderBellFunnel.Params(**settings)).read(Context(1, folder))


def test_as_many_of_each_class_as_asked_for(tmp_path):
    data = made(tmp_path, rows={"bell": 5, "funnel": 2}, steps=32)
    assert data.arrays["series"].shape == (7, 32, 1)
    assert data.frame["shape"].value_counts().to_dict() == {"bell": 5, "funnel": 2}


def test_bells_rise_and_funnels_fall(tmp_path):
    data = made(tmp_path, rows={"bell": 300, "funnel": 300})
    means = data.arrays["series"][..., 0].reshape(2, 300, 128).mean(axis=1)
    time = np.arange(128)
    centres = [(time * np.maximum(mean, 0)).sum() / np.maximum(mean, 0).sum() for mean in means]
    assert centres[0] > centres[1] + 10


def test_another_seed_makes_other_series(tmp_path):
    assert not np.array_equal(made(tmp_path).arrays["series"], made(tmp_path, seed=1).arrays["series"])
