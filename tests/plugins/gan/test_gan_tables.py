from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from example_data import dataset

from augment.plugin.context import Checkpoint, Context
from augment_gan.table_networks import Generator, Scale
from augment_gan.tables import TableGan

QUICK = TableGan.Params(steps=4, batch_size=8, width=8, autoencoder_steps=4, latent_dim=4)


def mixed():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=60), "kind": rng.choice(["a", "b"], 60), "label": ["good", "bad"] * 30})
    return dataset(frame, target="label")


def context(tmp_path, seed=1, **fields):
    return Context(seed=seed, folder=tmp_path, **fields)


def asked(num_rows):
    return pd.DataFrame({"label": np.array(["good", "bad", "bad"] * num_rows, dtype=object)[:num_rows]})


def test_progress_counts_both_parts_of_the_training(tmp_path):
    seen = []
    TableGan(QUICK).fit(mixed(), context(tmp_path, progress=lambda step, total, losses: seen.append((step, total))))
    assert seen == [(step, 8) for step in range(1, 9)]


@pytest.mark.parametrize("num_saves", [1, 6])
def test_fit_killed_in_either_part_ends_with_the_same_rows(tmp_path, monkeypatch, num_saves):
    monkeypatch.setattr("augment.toolkit.training.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    data, left = mixed(), [num_saves]

    class Dying(Checkpoint):
        def save(self, tensors, values):
            super().save(tensors, values)
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TableGan(QUICK).fit(data, context(tmp_path, checkpoint=Dying(tmp_path / "kept")))
    resumed = TableGan(QUICK).fit(data, context(tmp_path, checkpoint=Checkpoint(tmp_path / "kept")))
    whole = TableGan(QUICK).fit(data, context(tmp_path))
    assert resumed.sample(asked(50), context(tmp_path)).equals(whole.sample(asked(50), context(tmp_path)))


def test_untrained_generator_draws_the_gaussian_of_each_class():
    noise, classes = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    assert torch.equal(Generator(3, 2, 8)(noise, classes), noise)


def test_scale_has_the_mean_of_each_class_and_the_spread_about_them():
    rng = np.random.default_rng(0)
    classes = np.repeat([0, 2], 4_000)
    vectors = rng.normal(size=(8_000, 2)) * [3, 0.5] + np.where(classes == 0, 10, -10)[:, None]
    scale = Scale.fit(vectors, classes, 3)
    assert scale.means == pytest.approx(np.array([[10, 10], [0, 0], [-10, -10]]), abs=0.2)
    assert scale.factor == pytest.approx(np.diag([3, 0.5]), abs=0.1)
