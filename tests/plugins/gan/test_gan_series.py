from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from series_with_gaps import check_gaps, series_with_gaps
from slowly import slowly

from augment.data import ColumnDeclaration, Dataset, SchemaDeclaration, infer
from augment.plugin.context import Context
from augment_gan.series import SeriesGan


def test_each_class_has_its_own_series(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.array(["up", "down"])[np.arange(120) % 2]
    slope = np.where(labels == "up", 0.5, -0.5)[:, None]
    lines = slope * np.arange(12) + rng.normal(0, 0.3, (120, 12))
    arrays = {"line": lines[..., None].astype(np.float32)}
    frame = pd.DataFrame({"way": labels})
    said = SchemaDeclaration(target="way", columns={"way": ColumnDeclaration(type="category")})
    schema = infer(frame, arrays, said)
    schema = schema.model_copy(
        update={"columns": {"way": schema.columns["way"].model_copy(update={"categories": ("down", "up")})}}
    )
    data = Dataset.of(frame, arrays, schema)
    gan = SeriesGan(SeriesGan.Params(steps=150, width=16, batch_size=32))
    gan.fit(data, Context(seed=1, folder=tmp_path))
    given = pd.DataFrame({"way": pd.Categorical(["up", "down"] * 60, categories=["down", "up"])})
    made = gan.sample(given, Context(seed=2, folder=tmp_path)).arrays["line"][..., 0]
    rises = made[:, -3:].mean(1) - made[:, :3].mean(1)
    assert (np.sign(rises) == np.where(given["way"] == "up", 1, -1)).mean() > 0.9
    assert made.std(0).min() > 0.1  # not the same series over and over


@pytest.mark.parametrize("equal", [False, *slowly([True])])
def test_gaps_are_like_the_real_ones_and_the_first_is_none(equal, tmp_path):
    data = series_with_gaps(equal)
    gan = SeriesGan(SeriesGan.Params(steps=100, width=16, batch_size=32)).fit(data, Context(seed=1, folder=tmp_path))
    check_gaps(gan.sample(pd.DataFrame(index=range(200)), Context(seed=2, folder=tmp_path)), equal)
