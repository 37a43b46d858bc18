"""A fit killed late goes on from there, and ends with the same bytes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset
from augment.plugin.catalog import Catalog
from augment.plugin.context import Checkpoint, Context
from augment.toolkit import training

SECONDS = 60.0  # that the whole fit takes, by a clock that goes on with the steps
GENERATORS = {
    ("gan", "table"): {"steps": 120, "autoencoder_steps": 60, "width": 16, "latent_dim": 4},
    ("vae", "table"): {"steps": 120, "width": 16, "latent_dim": 4},
    ("rnn", "table"): {"steps": 120, "batch_size": 16, "width": 8},
    ("gan", "image"): {"steps": 60, "width": 8},
    ("vae", "image"): {"steps": 60},
}


class Killed(BaseException):
    """In the place of SIGKILL: nothing catches it."""


def data_of(kind: str) -> Dataset:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"label": np.where(np.arange(64) % 3 == 0, "yes", "no")})
    arrays = {}
    if kind == "table":
        frame = frame.assign(x=rng.normal(size=64), y=rng.normal(size=64))
    else:
        arrays = {"image": rng.integers(0, 256, (64, 16, 16, 1), dtype=np.uint8)}
    return dataset(frame, arrays, target="label")


@pytest.fixture
def steps(monkeypatch):
    """Counts the steps of fits, which are all the clock knows, and kills at one of them."""
    found = SimpleNamespace(made=0, kill_at=None, total=None)
    add = training._State.add

    def counted(state, losses):
        if found.made == found.kill_at:
            raise Killed
        found.made += 1
        add(state, losses)

    monkeypatch.setattr(training._State, "add", counted)
    clock = SimpleNamespace(monotonic=lambda: SECONDS * found.made / found.total if found.total else 0.0)
    monkeypatch.setattr(training, "time", clock)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), GENERATORS)
def test_a_fit_of_a_minute_killed_at_four_fifths_needs_less_than_half_of_it_again(tmp_path, steps, name, kind):
    data = data_of(kind)
    (cls,) = [found for found in Catalog().components(name) if kind in found.accepts.modalities]

    def fit(folder, checkpoint=None):
        losses = {}
        context = Context(
            seed=3,
            folder=tmp_path,
            train=data,
            checkpoint=Checkpoint(checkpoint),
            progress=lambda step, total, values: losses.update({step: dict(values)}),
        )
        component = cls(cls.Params(**GENERATORS[name, kind])).fit(data, context)
        folder.mkdir()
        component.save(folder)
        return {path.name: path.read_bytes() for path in folder.iterdir()}, losses

    whole = fit(tmp_path / "whole")
    steps.total, steps.made = steps.made, 0
    steps.kill_at = steps.total * 4 // 5
    with pytest.raises(Killed):
        fit(tmp_path / "killed", tmp_path / "checkpoint")
    steps.kill_at, steps.made = None, 0
    assert fit(tmp_path / "resumed", tmp_path / "checkpoint") == whole
    assert 0 < steps.made < steps.total / 2
