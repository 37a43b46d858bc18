import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import check
from augment.errors import SpecError
from augment.plugin.context import Context
from augment_images.warp import Warp
from augment_images.warp_fields import bend_with, learn_fields, main_modes

HEIGHT, WIDTH = 20, 18


def bars(num_rows=24, seed=0):
    """Upright bars (class a) and lying ones (class b), each somewhere near the middle."""
    rng = np.random.default_rng(seed)
    labels = np.array(["a", "b"], dtype=object)[np.arange(num_rows) % 2]
    images = np.zeros((num_rows, HEIGHT, WIDTH, 1), dtype=np.uint8)
    for image, label, place in zip(images, labels, rng.integers(6, 11, num_rows), strict=True):
        if label == "a":
            image[4:-4, place : place + 3] = 255
        else:
            image[place : place + 3, 4:-4] = 255
    frame = pd.DataFrame({"label": labels, "row": np.arange(num_rows)})
    return dataset(frame, {"image": images}, target="label")


def fitted(data, tmp_path, **params):
    params = Warp.Params(**({"transforms": None, "num_pairs": 64, "share": 1.0} | params))
    return Warp(params).fit(data, Context(seed=1, folder=tmp_path, train=data))


def sample(warp, data, labels, tmp_path, seed=2):
    given = pd.DataFrame({"label": pd.Categorical(labels, categories=data.schema.classes)})
    return warp.sample(given, Context(seed=seed, folder=tmp_path, train=data))


def test_registration_finds_how_far_a_shape_has_moved():
    images = np.zeros((2, 28, 28, 1), dtype=np.uint8)
    images[0, 10:18, 9:15] = 255
    images[1, 10:18, 12:18] = 255  # three pixels further right
    (field,) = learn_fields(images, np.array([[0, 1]]), lambda done: None)
    moved = bend_with(images[:1], field.reshape(1, -1), np.ones((1, 1), np.float32))
    before = np.abs(images[0].astype(int) - images[1]).mean()
    assert np.abs(moved[0].astype(int) - images[1]).mean() < before / 3


def test_a_pair_is_registered_alike_whatever_is_registered_beside_it():
    images = bars().arrays["image"]
    alone = learn_fields(images, np.array([[0, 2], [1, 3]]), lambda done: None)
    among = learn_fields(images, np.array([[0, 2], [1, 3], [4, 6], [5, 7]]), lambda done: None)
    np.testing.assert_allclose(among[:2], alone, atol=1e-3)


def test_modes_come_strongest_first_and_rebuild_the_fields():
    fields = np.random.default_rng(0).normal(size=(30, 2, 7, 7)).astype(np.float32)
    modes = main_modes(fields, 98)
    lengths = np.linalg.norm(modes, axis=1)
    assert (np.diff(lengths) <= 1e-6).all()
    spread = np.einsum("kf,kg->fg", modes, modes)
    flat = fields.reshape(30, -1)
    np.testing.assert_allclose(spread, flat.T @ flat / 30, atol=1e-4)


def test_samples_keep_to_the_schema_and_to_their_class(tmp_path):
    data = bars()
    made = sample(fitted(data, tmp_path), data, ["b", "a", "b", "b"], tmp_path)
    assert check(made.frame, made.arrays, made.schema) == []
    assert made.frame.label.tolist() == ["b", "a", "b", "b"]
    assert (np.asarray(data.frame.label)[made.frame.row] == ["b", "a", "b", "b"]).all()


def test_images_are_bent_and_none_is_a_copy(tmp_path):
    data = bars()
    made = sample(fitted(data, tmp_path), data, ["a"] * 40, tmp_path)
    assert (made.arrays["image"] != data.arrays["image"][made.frame.row]).any(axis=(1, 2, 3)).all()


def test_without_strength_and_transforms_images_stay_as_they_are(tmp_path):
    data = bars()
    made = sample(fitted(data, tmp_path, strength=0), data, ["a", "b"] * 5, tmp_path)
    np.testing.assert_array_equal(made.arrays["image"], data.arrays["image"][made.frame.row])


def test_a_share_of_the_rows_is_bent(tmp_path):
    data = bars()
    made = sample(fitted(data, tmp_path, share=0.3), data, ["a", "b"] * 200, tmp_path)
    is_bent = (made.arrays["image"] != data.arrays["image"][made.frame.row]).any(axis=(1, 2, 3))
    assert 0.2 < is_bent.mean() < 0.4


@pytest.mark.slow
def test_more_strength_bends_further(tmp_path):
    data = bars()

    def change(strength):
        made = sample(fitted(data, tmp_path, strength=strength), data, ["a", "b"] * 20, tmp_path)
        return np.abs(made.arrays["image"].astype(float) - data.arrays["image"][made.frame.row]).mean()

    assert change(0.2) < change(0.7) < change(1.5)


def test_a_class_with_one_image_borrows_the_bends_of_the_others(tmp_path):
    data = bars()
    rows = np.flatnonzero((data.frame.label == "a") | (data.frame.row == 1))
    few = data.take(rows)
    made = sample(fitted(few, tmp_path), few, ["b"] * 10, tmp_path)
    assert len({image.tobytes() for image in made.arrays["image"]}) == 10


def test_transforms_run_after_the_bends(tmp_path):
    data = bars()
    plain = sample(fitted(data, tmp_path), data, ["a", "b"], tmp_path)
    flipped = sample(fitted(data, tmp_path, transforms=[{"VerticalFlip": {"p": 1}}]), data, ["a", "b"], tmp_path)
    np.testing.assert_array_equal(flipped.arrays["image"], plain.arrays["image"][:, ::-1])


def test_transforms_that_cannot_be_used_are_refused_before_anything_is_learnt(tmp_path):
    with pytest.raises(SpecError, match=r"no transform 'Afine'.*did you mean 'Affine'"):
        fitted(bars(), tmp_path, transforms=["Afine"])
