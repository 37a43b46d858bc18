from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from series_with_gaps import check_gaps, series_with_gaps

from augment.data import ArrayDeclaration, ColumnDeclaration, Dataset, SchemaDeclaration, infer
from augment.plugin.context import Context
from augment_vae.series import SeriesVae

CHANNELS = {
    "volts": ColumnDeclaration(type="number", decimals=3),
    "state": ColumnDeclaration(categories=("low", "high")),
}


@pytest.fixture(scope="module")
def waves():
    """Waves of two pitches, the class; where they are above zero; 20 steps."""
    rng = np.random.default_rng(0)
    labels = np.array(["slow", "fast"])[np.arange(120) % 2]
    pitch = np.where(labels == "slow", 0.3, 0.9)[:, None]
    volts = np.sin(pitch * np.arange(20) + rng.normal(0, 0.2, (120, 1))) + rng.normal(0, 0.05, (120, 20))
    arrays = {"wave": np.stack([np.round(volts, 3), volts > 0], -1).astype(np.float32)}
    frame = pd.DataFrame({"pitch": labels})
    said = SchemaDeclaration(
        target="pitch",
        columns={"pitch": ColumnDeclaration(type="category", categories=("fast", "slow"))},
        arrays={"wave": ArrayDeclaration(type="series", channels=CHANNELS)},
    )
    return Dataset.of(frame, arrays, infer(frame, arrays, said))


@pytest.fixture(scope="module")
def made(waves, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vae")
    vae = SeriesVae(SeriesVae.Params(steps=200, width=32, latent_dim=4, components=1))
    vae.fit(waves, Context(seed=1, folder=folder))
    given = pd.DataFrame({"pitch": pd.Categorical(["slow", "fast"] * 60, categories=["fast", "slow"])})
    return vae.sample(given, Context(seed=2, folder=folder))


@pytest.mark.slow
def test_each_class_has_its_own_waves(waves, made):
    means = [waves.arrays["wave"][number::2, :, 0].mean(0) for number in (0, 1)]
    for number in (0, 1):
        found = made.arrays["wave"][number::2, :, 0].mean(0)
        assert np.abs(found - means[number]).max() < 0.25
        assert np.abs(found - means[number]).mean() < np.abs(found - means[1 - number]).mean()


def test_series_are_as_rough_as_the_real_ones(waves, made):
    rough = [np.abs(np.diff(data.arrays["wave"][..., 0], 2, axis=1)).mean() for data in (waves, made)]
    assert 0.7 < rough[1] / rough[0] < 1.4


def test_categories_follow_the_numbers_beside_them(made):
    volts, state = made.arrays["wave"][..., 0], made.arrays["wave"][..., 1]
    assert ((volts > 0) == state)[np.abs(volts) > 0.3].mean() > 0.9


def test_unequal_lengths_are_refused_in_words(waves):
    frame = waves.frame.assign(steps=np.arange(120) % 20 + 1)
    said = SchemaDeclaration(target="pitch", arrays={"wave": ArrayDeclaration(type="series", length_column="steps")})
    schema = infer(frame, dict(waves.arrays), said)
    assert SeriesVae.accepts.refusal(schema) == (
        "it takes rows of one length only, and column 'steps' says that theirs are not; cut them to one length, or use "
        "a component that takes any"
    )


@pytest.mark.parametrize("equal", [False, True])
def test_gaps_are_like_the_real_ones_and_the_first_is_none(equal, tmp_path):
    data = series_with_gaps(equal)
    vae = SeriesVae(SeriesVae.Params(steps=60, width=16, latent_dim=4, components=1))
    vae.fit(data, Context(seed=1, folder=tmp_path))
    check_gaps(vae.sample(pd.DataFrame(index=range(200)), Context(seed=2, folder=tmp_path)), equal)
