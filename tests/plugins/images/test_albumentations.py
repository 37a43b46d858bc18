import random

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from augment.data import Dataset, as_labels, check
from augment.errors import DataError, SpecError
from augment.plugin.context import Context
from augment_images.classical import Albumentations

MANY = [
    {"Affine": {"rotate": [-15, 15], "p": 0.5}},
    "HorizontalFlip",
    {"GaussNoise": None},
    {"RandomBrightnessContrast": {"p": 0.7}},
    "CoarseDropout",
]


def noise(num_rows=40, shape=(12, 10, 1), target=None):
    rng = np.random.default_rng(0)
    labels = target if target is not None else np.array(["a", "b", "c"], dtype=object)[np.arange(num_rows) % 3]
    frame = pd.DataFrame({"label": labels, "row": np.arange(num_rows)})
    images = rng.integers(0, 256, (num_rows, *shape), dtype=np.uint8)
    images.flags.writeable = False  # as a memory map of the training part is
    return dataset(frame, {"image": images}, target="label")


def fitted(data, tmp_path, transforms=None):
    params = Albumentations.Params() if transforms is None else Albumentations.Params(transforms=transforms)
    return Albumentations(params).fit(data, Context(seed=1, folder=tmp_path))


def sample(generator, given, data, tmp_path, seed=2):
    return generator.sample(given, Context(seed=seed, folder=tmp_path, train=data))


def asked(data, labels):
    return pd.DataFrame({"label": pd.Categorical(labels, categories=data.schema.classes)})


@pytest.mark.parametrize("shape", [(12, 10, 1), (12, 10, 3), (12, 10, 4), (5, 5, 1)])
def test_rows_keep_to_the_schema_and_what_was_given(tmp_path, shape):
    data = noise(shape=shape)
    given = asked(data, ["c", "a", "c", "b"])
    made = sample(fitted(data, tmp_path), given, data, tmp_path)
    assert check(made.frame, made.arrays, made.schema) == []
    assert made.schema == data.schema
    assert made.frame.label.tolist() == ["c", "a", "c", "b"]


def test_other_columns_come_from_a_row_of_the_asked_class(tmp_path):
    data = noise()
    made = sample(fitted(data, tmp_path), asked(data, ["b"] * 50), data, tmp_path)
    assert (as_labels(data.frame.label)[made.frame.row] == "b").all()
    assert made.frame.row.nunique() > 5


def test_images_are_those_of_the_rows_they_start_from(tmp_path):
    data = noise()
    made = sample(fitted(data, tmp_path, [{"HorizontalFlip": {"p": 1}}]), asked(data, ["b"] * 9), data, tmp_path)
    np.testing.assert_array_equal(made.arrays["image"], data.arrays["image"][made.frame.row][:, :, ::-1])


def test_the_gentle_default_moves_images_but_not_far(tmp_path):
    data = noise(shape=(28, 28, 1))
    blob = np.zeros((len(data), 28, 28, 1), dtype=np.uint8)
    blob[:, 10:18, 10:18] = 255
    data = Dataset.of(data.frame, {"image": blob}, data.schema)
    made = sample(fitted(data, tmp_path), asked(data, ["a"] * 30), data, tmp_path).arrays["image"]
    mass = made.astype(float).sum(axis=(1, 2, 3)) / 255 / 64
    assert (made != blob[:30]).any(axis=(1, 2, 3)).all()
    assert mass.min() > 0.6
    assert mass.max() < 1.5


def test_without_conditions_any_row_is_taken(tmp_path):
    data = noise()
    made = sample(fitted(data, tmp_path), pd.DataFrame(index=pd.RangeIndex(60)), data, tmp_path)
    assert len(made) == 60
    assert set(made.frame.label) == {"a", "b", "c"}
    np.testing.assert_array_equal(as_labels(data.frame.label)[made.frame.row], as_labels(made.frame.label))


@pytest.mark.slow
@settings(max_examples=15)
@given_by(k=st.integers(0, 30), conditional=st.booleans())
def test_fewer_rows_are_the_first_of_many(tmp_path_factory, k, conditional):
    tmp_path = tmp_path_factory.mktemp("scratch")
    data = noise()
    generator = fitted(data, tmp_path, MANY)
    given = asked(data, (["a", "b", "c"] * 10)) if conditional else pd.DataFrame(index=pd.RangeIndex(30))
    whole = sample(generator, given, data, tmp_path)
    assert sample(generator, given[:k], data, tmp_path).equals(whole.take(slice(0, k)))


def test_the_seed_decides_everything_even_after_loading(tmp_path):
    data = noise()
    generator = fitted(data, tmp_path, MANY)
    generator.save(tmp_path)
    loaded = Albumentations.load(tmp_path, generator.params)
    given = asked(data, ["a", "b"] * 10)
    first = sample(generator, given, data, tmp_path)
    assert sample(loaded, given, data, tmp_path).equals(first)
    assert not sample(loaded, given, data, tmp_path, seed=3).equals(first)


def test_global_random_state_is_left_alone(tmp_path):
    data = noise()
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    sample(fitted(data, tmp_path, MANY), asked(data, ["a"] * 5), data, tmp_path)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_training_images_are_left_alone(tmp_path):
    data = noise()
    before = data.fingerprint()
    sample(fitted(data, tmp_path, MANY), asked(data, ["a"] * 20), data, tmp_path)
    assert data.fingerprint() == before


def test_a_class_without_training_rows_is_named(tmp_path):
    data = noise()
    given = pd.DataFrame({"label": ["a", "zebra"]})
    with pytest.raises(DataError, match="class 'zebra' of 'label' has no training rows"):
        sample(fitted(data, tmp_path), given, data, tmp_path)


def test_integer_classes_are_matched_as_labels(tmp_path):
    data = noise(target=np.arange(40) % 2 + 5)
    made = sample(fitted(data, tmp_path), pd.DataFrame({"label": [6, 5, 6]}), data, tmp_path)
    assert made.frame.label.tolist() == [6, 5, 6]


def test_a_pipeline_may_end_with_the_old_size(tmp_path):
    data = noise(shape=(12, 10, 1))
    transforms = [{"RandomCrop": {"height": 8, "width": 8}}, {"Resize": {"height": 12, "width": 10, "p": 1.0}}]
    made = sample(fitted(data, tmp_path, transforms), asked(data, ["a"] * 9), data, tmp_path)
    assert made.arrays["image"].shape == (9, 12, 10, 1)


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        ("HorizontalFlop", "no transform 'HorizontalFlop'; did you mean 'HorizontalFlip'?"),
        ("Compose", "'Compose' cannot be used"),
        ("ToTensorV2", "'ToTensorV2' cannot be used"),
        ("CenterCrop3D", "'CenterCrop3D' cannot be used"),
        ("Lambda", "'Lambda' cannot be used"),
        ({"Affine": {"rotat": 3}}, "Affine has no argument 'rotat'; did you mean 'rotate'?"),
        ({"Affine": {"rotate": "left"}}, "Affine: rotate: Input should be"),
        ({"Affine": {"p": 2}}, "Affine: p: Input should be"),
        ("RandomCrop", "RandomCrop: height: Field required"),
        ("MaskDropout", "MaskDropout needs mask beside the image"),
        ("BBoxSafeRandomCrop", "BBoxSafeRandomCrop fails on images of 12 x 10 x 1 pixels: it needs 'bboxes'"),
        ("FDA", "FDA needs fda_metadata"),
        ("ISONoise", "ISONoise fails on images of 12 x 10 x 1 pixels"),
        ("ToRGB", "ToRGB changed images from 12 x 10 x 1 to 12 x 10 x 3"),
        ("Normalize", "Normalize gives float32"),
        ("Transpose", "Transpose changed images from 12 x 10 x 1 to 10 x 12 x 1"),
        ("RandomRotate90", "RandomRotate90 changed images"),
        ({"RandomCrop": {"height": 8, "width": 8, "p": 0.01}}, "RandomCrop changed images"),
        ({"RandomCrop": {"height": 80, "width": 8}}, "RandomCrop fails on images"),
    ],
)
def test_a_transform_that_cannot_be_used_is_told(tmp_path, transform, said):
    with pytest.raises(SpecError) as caught:
        fitted(noise(), tmp_path, ["HorizontalFlip", transform])
    assert said in str(caught.value)
    assert str(caught.value).startswith("transforms")


@pytest.mark.parametrize("transforms", [[], "Affine", [3], [{"Affine": [1]}], [{"Affine": {}, "Blur": {}}], [{}]])
def test_a_list_of_another_form_is_refused_with_the_settings(transforms):
    with pytest.raises(ValidationError):
        Albumentations.Params(transforms=transforms)


def serialized(*transforms):
    return {"transform": {"__class_fullname__": "Compose", "p": 1.0, "transforms": list(transforms)}}


FLIP = {"__class_fullname__": "HorizontalFlip", "p": 1.0}


def test_the_serialised_form_gives_what_the_list_gives(tmp_path):
    data = noise()
    given = asked(data, ["a", "b"] * 5)
    short = sample(fitted(data, tmp_path, [{"HorizontalFlip": {"p": 1.0}}]), given, data, tmp_path)
    assert sample(fitted(data, tmp_path, serialized(FLIP)), given, data, tmp_path).equals(short)


def test_what_albumentations_serialises_is_taken_with_its_compositions(tmp_path):
    import albumentations

    made = albumentations.Compose(
        [albumentations.OneOf([albumentations.HorizontalFlip(p=1), albumentations.VerticalFlip(p=1)], p=1.0)]
    )
    data = noise()
    moved = sample(fitted(data, tmp_path, albumentations.to_dict(made)), asked(data, ["a"] * 30), data, tmp_path)
    before, after = data.arrays["image"][moved.frame.row], moved.arrays["image"]
    across = (after == before[:, :, ::-1]).all(axis=(1, 2, 3))
    down = (after == before[:, ::-1]).all(axis=(1, 2, 3))
    assert (across ^ down).all()
    assert across.any()
    assert down.any()


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        (serialized({"__class_fullname__": "Afine"}), "no transform 'Afine'"),
        (serialized({"__class_fullname__": "os.system", "command": "true"}), "no transform 'system'"),
        (serialized({"__class_fullname__": "Lambda"}), "'Lambda' cannot be used"),
        (serialized("HorizontalFlip"), "a mapping with __class_fullname__"),
        ({"transform": {**serialized(FLIP)["transform"], "bbox_params": {"format": "coco"}}}, "only images"),
        ({"transform": {"__class_fullname__": "SomeOf", "transforms": [FLIP], "m": 2}}, "transforms.transform"),
    ],
)
def test_a_serialised_form_that_cannot_be_used_is_refused(tmp_path, transforms, message):
    with pytest.raises(SpecError, match=message):
        fitted(noise(), tmp_path, transforms)


def test_a_mapping_that_is_no_serialised_form_is_refused_with_the_two_forms():
    with pytest.raises(ValidationError, match="serialised form"):
        Albumentations.Params(transforms={"Affine": {"rotate": [-15, 15]}})
