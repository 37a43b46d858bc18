import numpy as np
import pytest
import torch
from example_data import images_of
from sklearn.datasets import load_digits

from augment.data import Dataset
from augment.errors import DataError
from augment.plugin.context import Context
from augment_images.network import SmallCnn
from augment_images.probe import Cnn


def stripes(num_rows=80, shape=(8, 8, 1), seed=0):
    """Noisy images: class `up` is brighter in its upper half, class `down` in its lower."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (num_rows, *shape), dtype=np.uint8)
    up = np.arange(num_rows) % 2 == 0
    images[up, : shape[0] // 2] += 100
    images[~up, shape[0] // 2 :] += 100
    return images_of(images, np.where(up, "up", "down").astype(object))


def fit(data, tmp_path, weights=None, seed=3, **params):
    params = {"steps": 40, "batch_size": 16, **params}
    return Cnn(Cnn.Params(**params)).fit(data, Context(seed=seed, folder=tmp_path), weights)


def accuracy(probe, data):
    classes = np.array(data.schema.classes)
    return np.mean(classes[probe.predict(data).argmax(1)] == data.frame.label.astype(str))


@pytest.mark.slow
def test_it_learns_digits(tmp_path):
    digits = load_digits()
    images = (digits.images * 255 / 16).round().astype(np.uint8)[..., None]
    data = images_of(images, digits.target.astype(str))
    order = np.random.default_rng(0).permutation(len(data))
    probe = fit(data.take(order[:700]), tmp_path, steps=200, batch_size=64)
    assert accuracy(probe, data.take(order[700:])) > 0.95


@pytest.mark.parametrize("shape", [(4, 4, 1), (8, 8, 3), (9, 31, 1), (4, 70, 4), (50, 50, 1), (1, 1, 1)])
def test_any_size_gives_probabilities(tmp_path, shape):
    data = stripes(12, shape)
    found = fit(data, tmp_path, steps=3).predict(data)
    assert found.shape == (12, 2)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)


@pytest.mark.slow
def test_it_tells_large_images_apart(tmp_path):
    data = stripes(60, (50, 64, 1))
    assert accuracy(fit(data, tmp_path), stripes(60, (50, 64, 1), seed=1)) > 0.9


def test_mnist_sized_images_take_about_100_000_weights():
    network = SmallCnn((28, 28, 1), 10, max_side=32)
    assert 80_000 < sum(weight.numel() for weight in network.parameters()) < 120_000


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(tmp_path):
    data = stripes()
    first, second, other = (fit(data, tmp_path, seed=seed).predict(data) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_global_random_state_is_neither_used_nor_changed(tmp_path):
    data = stripes()
    torch.manual_seed(1)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first = fit(data, tmp_path).predict(data)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.random.get_state()[1].tolist() == numpy_state  # noqa: NPY002
    torch.manual_seed(2)
    np.testing.assert_array_equal(fit(data, tmp_path).predict(data), first)


def test_a_row_is_judged_alike_alone_and_among_others(tmp_path):
    data = stripes(300)
    probe = fit(data, tmp_path, steps=5)
    whole = probe.predict(data)
    np.testing.assert_array_equal(probe.predict(data.take(slice(280, 281))), whole[280:281])


def test_no_rows_give_no_predictions(tmp_path):
    data = stripes()
    assert fit(data, tmp_path, steps=2).predict(data.take(slice(0, 0))).shape == (0, 2)


def test_predict_needs_no_target(tmp_path):
    data = stripes()
    assert fit(data, tmp_path, steps=2).predict(data.drop_columns(["label"])).shape == (80, 2)


def test_weights_decide_between_rows_that_contradict_each_other(tmp_path):
    images = np.full((40, 8, 8, 1), 100, dtype=np.uint8)
    data = images_of(images, np.array(["a", "b"] * 20, dtype=object))
    weights = np.where(data.frame.label == "a", 9.0, 1.0)
    weighted, plain = (fit(data, tmp_path, w, steps=100, learning_rate=0.02).predict(data) for w in (weights, None))
    assert weighted[0, 0] == pytest.approx(0.9, abs=0.07)
    assert plain[0, 0] == pytest.approx(0.5, abs=0.07)


def test_only_the_proportions_of_weights_count(tmp_path):
    data = stripes()
    one, thousand = (fit(data, tmp_path, np.full(80, value)).predict(data) for value in (1.0, 1024.0))
    np.testing.assert_array_equal(one, thousand)


def test_classes_without_rows_have_a_column(tmp_path):
    data = stripes()
    column = data.schema.columns["label"].model_copy(update={"categories": ("down", "sideways", "up")})
    schema = data.schema.model_copy(update={"columns": {"label": column}})
    found = fit(Dataset.of(data.frame, data.arrays, schema), tmp_path).predict(data)
    assert found.shape == (80, 3)
    assert (found[::2].argmax(1) == 2).mean() > 0.9


def test_rows_without_a_label_teach_nothing(tmp_path):
    data = stripes()
    frame = data.frame.astype("object")
    frame.loc[10:, "label"] = None
    with_gaps = Dataset.of(frame, data.arrays, data.schema)
    np.testing.assert_array_equal(
        fit(with_gaps, tmp_path).predict(data), fit(data.take(slice(0, 10)), tmp_path).predict(data)
    )
    nothing = Dataset.of(frame.assign(label=None), data.arrays, data.schema)
    with pytest.raises(DataError, match="no training row has a value in the target 'label'"):
        fit(nothing, tmp_path)


@pytest.mark.slow
def test_a_numeric_target_is_learnt_in_its_own_units(tmp_path):
    rng = np.random.default_rng(0)
    brightness = rng.uniform(20, 200, 200)
    images = np.clip(brightness[:, None, None, None] + rng.normal(0, 5, (200, 8, 8, 1)), 0, 255).astype(np.uint8)
    data = images_of(images, 1000 + 10 * brightness)
    found = fit(data, tmp_path, steps=150).predict(data)
    assert found.shape == (200,)
    assert np.corrcoef(found, data.frame.label)[0, 1] > 0.95
    assert abs(found.mean() - data.frame.label.mean()) < 100


@pytest.mark.parametrize("num_rows", [1, 2, 5])
def test_fewer_rows_than_a_batch_are_enough(tmp_path, num_rows):
    data = stripes().take(slice(0, num_rows))
    assert np.isfinite(fit(data, tmp_path, steps=3).predict(data)).all()


def test_a_memory_map_will_do(tmp_path):
    data = stripes()
    data.save(tmp_path / "data")
    mapped = Dataset.load(tmp_path / "data")
    np.testing.assert_array_equal(fit(mapped, tmp_path).predict(mapped), fit(data, tmp_path).predict(data))
