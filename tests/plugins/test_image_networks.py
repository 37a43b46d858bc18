from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from example_data import images_of
from slowly import slowly

from augment.plugin.context import Context
from augment.toolkit import training
from augment_gan.images import ImageGan
from augment_vae.anchored_images import AnchoredImage
from augment_vae.images import ImageVae

QUICK = {
    ImageGan: ImageGan.Params(steps=3, batch_size=8, width=8),
    ImageVae: ImageVae.Params(steps=3, batch_size=8, width=8, latent_dim=4, sharpness=1.0),
}
NETWORKS = [pytest.param(cls, id=cls.name) for cls in QUICK]


def noise(num_rows, *shape):
    return np.random.default_rng(0).integers(0, 256, (num_rows, *shape), dtype=np.uint8)


def context(tmp_path, seed=1, **fields):
    return Context(seed=seed, folder=tmp_path, **fields)


@pytest.fixture(params=NETWORKS, scope="module")
def network(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(network, tmp_path_factory):
    labels = np.arange(20) % 3
    return network(QUICK[network]).fit(images_of(noise(20, 8, 8, 1), labels), context(tmp_path_factory.mktemp("fit")))


def asked(*labels):
    return pd.DataFrame({"label": np.array(labels, dtype=np.int64)})


def saved(generator, folder):
    folder.mkdir()
    generator.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_are_as_asked_under_the_schema_of_the_training_part(fitted, tmp_path):
    given = asked(*([2, 0, 1] * 30))
    rows = fitted.sample(given, context(tmp_path))
    assert rows.frame.label.tolist() == given.label.tolist()
    assert rows.arrays["image"].shape == (90, 8, 8, 1)
    assert rows.arrays["image"].dtype == np.uint8
    assert rows.schema == fitted.schema


def test_fewer_rows_are_a_prefix_of_more(fitted, tmp_path):
    given = asked(*(np.arange(300) % 3))
    whole = fitted.sample(given, context(tmp_path))
    for num_rows in (1, 2, 63, 64, 65, 255, 256, 257):
        part = fitted.sample(given.iloc[:num_rows], context(tmp_path))
        assert part.equals(whole.take(slice(0, num_rows))), num_rows


def test_no_rows_can_be_asked_for(fitted, tmp_path):
    assert len(fitted.sample(asked(), context(tmp_path))) == 0


def test_loaded_generator_makes_the_same_rows(network, fitted, tmp_path):
    saved(fitted, tmp_path / "state")
    loaded = network.load(tmp_path / "state", QUICK[network])
    assert loaded.sample(asked(0, 1, 2), context(tmp_path)).equals(fitted.sample(asked(0, 1, 2), context(tmp_path)))


def test_two_fits_with_one_seed_save_the_same_bytes_and_another_seed_others(network, tmp_path):
    data = images_of(noise(12, 8, 8, 1), np.arange(12) % 2)
    one, again, other = (
        saved(network(QUICK[network]).fit(data, context(tmp_path, seed)), tmp_path / name)
        for seed, name in ((1, "one"), (1, "again"), (2, "other"))
    )
    assert one == again
    assert one != other


@pytest.mark.parametrize("shape", [(9, 7, 3), (1, 5, 1), *slowly([((8, 30, 1),), ((33, 40, 2),)])], ids=str)
def test_pictures_of_odd_sizes_and_many_channels_work(network, tmp_path, shape):
    generator = network(QUICK[network]).fit(images_of(noise(6, *shape), ["a", "b"] * 3), context(tmp_path))
    assert generator.sample(pd.DataFrame({"label": ["b"]}), context(tmp_path)).arrays["image"].shape == (1, *shape)


def test_class_of_one_row_can_be_asked_for(network, tmp_path):
    generator = network(QUICK[network]).fit(images_of(noise(11, 8, 8, 1), ["a"] * 10 + ["b"]), context(tmp_path))
    rows = generator.sample(pd.DataFrame({"label": ["b"] * 4}), context(tmp_path))
    assert rows.frame.label.tolist() == ["b"] * 4


def test_data_without_a_target_is_sampled_unconditionally(network, tmp_path):
    generator = network(QUICK[network]).fit(images_of(noise(10, 8, 8, 1)), context(tmp_path))
    rows = generator.sample(pd.DataFrame(index=pd.RangeIndex(5)), context(tmp_path))
    assert rows.arrays["image"].shape == (5, 8, 8, 1)
    assert rows.frame.shape == (5, 0)


def test_rows_start_from_other_noise_each(fitted, tmp_path):
    pictures = fitted.sample(asked(*[1] * 70), context(tmp_path)).arrays["image"]
    assert len(np.unique(pictures.reshape(70, -1), axis=0)) == 70


def test_read_only_pictures_are_taken_without_a_warning(network, tmp_path):
    images = noise(10, 8, 8, 1)
    images.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(QUICK[network]).fit(images_of(images), context(tmp_path))


@pytest.mark.slow
def test_digits_are_recognised_and_varied(network, tmp_path):
    from sklearn.datasets import load_digits
    from sklearn.svm import SVC

    digits = load_digits()
    images = np.round(digits.images * 255 / 16).astype(np.uint8)[..., None]
    everyone = np.arange(len(images))
    few = np.concatenate([everyone[digits.target == c][: 30 if c >= 5 else 144] for c in range(10)])
    judge = SVC(gamma=0.001).fit(images.reshape(len(images), -1) * (16 / 255), digits.target)
    generator = network().fit(images_of(images[few], digits.target[few]), context(tmp_path))
    rows = generator.sample(asked(*np.repeat(np.arange(10), 100)), context(tmp_path))
    pictures, labels = rows.arrays["image"].reshape(1_000, -1), rows.frame.label.to_numpy()
    assert np.mean(judge.predict(pictures * (16 / 255)) == labels) >= 0.95
    real = images.reshape(len(images), -1)
    for label in range(10):
        assert pictures[labels == label].std(0).mean() >= 0.6 * real[digits.target == label].std(0).mean()


def test_a_gan_whose_pictures_become_alike_stops_and_says_so(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(training, "NUM_RECORDS", 40)  # so that it stops after four measures that are too low
    params = ImageGan.Params(steps=150, batch_size=8, width=8, generator_learning_rate=1e-12)
    with caplog.at_level("WARNING", "augment"):
        ImageGan(params).fit(images_of(noise(40, 8, 8, 1)), context(tmp_path))
    assert re.search(r"gan: training ended at step \d+ of 150, because pictures became alike", caplog.text)


def test_a_short_fit_is_not_ended_for_the_likeness_that_pictures_begin_with(tmp_path, caplog):
    with caplog.at_level("WARNING", "augment"):
        ImageGan(ImageGan.Params(steps=60, batch_size=8, width=8)).fit(images_of(noise(40, 8, 8, 1)), context(tmp_path))
    assert "became alike" not in caplog.text


def slopes(images):
    """How steep pictures are on average, from one pixel to the next."""
    values = images.astype(float)
    return np.abs(np.diff(values, axis=1)).mean() + np.abs(np.diff(values, axis=2)).mean()


def crosses(num_rows):
    """White crosses on black, each with its middle somewhere else."""
    rng = np.random.default_rng(0)
    images = np.zeros((num_rows, 16, 16, 1), np.uint8)
    for image, (down, right) in zip(images, rng.integers(4, 12, (num_rows, 2)), strict=True):
        image[down, 2:14] = image[2:14, right] = 255
    return images


@pytest.fixture(scope="module")
def anchored(tmp_path_factory):
    data = images_of(crosses(120), np.arange(120) % 2)
    folder = tmp_path_factory.mktemp("anchored")
    return AnchoredImage(AnchoredImage.Params(steps=150, width=64)).fit(data, context(folder)), data


@pytest.mark.slow
def test_anchored_pictures_lie_closer_to_real_ones_the_shorter_the_reach(anchored, tmp_path):
    generator, data = anchored
    real = data.arrays["image"].reshape(len(data), -1).astype(float)

    def distance(reach):
        moved = AnchoredImage(generator.params.model_copy(update={"reach": reach}))
        vars(moved).update({name: value for name, value in vars(generator).items() if name != "params"})
        rows = moved.sample(asked(*[0, 1] * 30), context(tmp_path, train=data)).arrays["image"].reshape(60, -1)
        return np.mean([np.linalg.norm(real - row, axis=1).min() for row in rows.astype(float)])

    assert 0 < distance(0.1) < distance(0.5) < distance(1.0)


def test_anchored_pictures_start_from_rows_of_their_class(tmp_path):
    images = np.repeat(np.array([0, 255], np.uint8), 20)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    data = images_of(images, np.repeat([0, 1], 20))
    params = AnchoredImage.Params(steps=3, width=8, latent_dim=4, reach=0.01)
    rows = AnchoredImage(params).fit(data, context(tmp_path)).sample(asked(1, 0, 1, 0), context(tmp_path, train=data))
    assert (rows.arrays["image"].mean((1, 2, 3)).round() > 127).tolist() == [True, False, True, False]


@pytest.mark.slow
def test_sharpness_brings_back_a_part_of_the_texture_that_a_vae_smooths_away(tmp_path):
    from sklearn.datasets import load_digits

    digits = np.kron(load_digits().images[:1_000], np.ones((2, 2)))[..., None] * 11
    data = images_of((digits + np.random.default_rng(0).uniform(0, 76, digits.shape)).astype(np.uint8))
    given = pd.DataFrame(index=pd.RangeIndex(300))

    def drawn(sharpness):
        params = ImageVae.Params(steps=500, width=128, sharpness=sharpness)
        return ImageVae(params).fit(data, context(tmp_path)).sample(given, context(tmp_path)).arrays["image"]

    smooth, crisp, real = slopes(drawn(0.0)), slopes(drawn(10.0)), slopes(data.arrays["image"])
    assert 1.08 * smooth < crisp < real
