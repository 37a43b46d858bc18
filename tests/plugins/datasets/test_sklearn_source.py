from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from augment.data import ColumnDeclaration, SchemaDeclaration, as_labels, check
from augment.errors import DataError
from augment.plugin.context import Context
from augment_datasets.sklearn_source import CLASSES, SklearnDataset


def read(tmp_path, declared=None, **params):
    source = SklearnDataset(SklearnDataset.Params(**params))
    return source.read(Context(seed=0, folder=tmp_path, declared=declared or SchemaDeclaration()))


@pytest.mark.parametrize("dataset", sorted(CLASSES))
def test_every_dataset_fits_its_schema_and_has_a_target_with_the_documented_classes(tmp_path, dataset):
    data = read(tmp_path, dataset=dataset)
    assert check(data.frame, data.arrays, data.schema) == []
    found = sorted(set(as_labels(data.frame[data.schema.target]))) if data.schema.task == "classes" else []
    assert found == sorted(CLASSES[dataset])


@pytest.mark.parametrize("dataset", sorted(CLASSES))
def test_reading_twice_gives_the_same_rows(tmp_path, dataset):
    assert read(tmp_path, dataset=dataset).equals(read(tmp_path, dataset=dataset))


def test_digits_are_grey_images_over_the_whole_range(tmp_path):
    data = read(tmp_path, dataset="digits")
    image = data.arrays["image"]
    assert data.schema.modality == "image"
    assert image.shape == (1797, 8, 8, 1)
    assert image.dtype == np.uint8
    assert (image.min(), image.max()) == (0, 255)


def test_diabetes_keeps_human_units_and_a_numeric_target(tmp_path):
    data = read(tmp_path, dataset="diabetes")
    assert data.schema.task == "number"
    assert data.frame["age"].between(18, 100).all()
    assert data.schema.columns["bmi"].unit == "kg/m²"


def test_imbalance_keeps_the_first_rows_of_a_class_and_all_of_the_others(tmp_path):
    whole = read(tmp_path, dataset="digits")
    data = read(tmp_path, dataset="digits", imbalance={3: 5})
    threes = as_labels(whole.frame["digit"]) == "3"
    kept = as_labels(data.frame["digit"]) == "3"
    assert kept.sum() == 5
    assert (~kept).sum() == (~threes).sum()
    np.testing.assert_array_equal(data.arrays["image"][kept], whole.arrays["image"][threes][:5])


def test_a_misspelled_label_gets_a_hint():
    with pytest.raises(ValidationError, match="did you mean 'malignant'"):
        SklearnDataset.Params(dataset="breast-cancer", imbalance={"malignent": 5})


def test_a_numeric_target_cannot_be_lopsided():
    with pytest.raises(ValidationError, match="is a number"):
        SklearnDataset.Params(dataset="diabetes", imbalance={"1": 5})


def test_more_rows_than_a_class_has_are_refused_with_both_numbers(tmp_path):
    with pytest.raises(DataError, match=r"500 rows of 'setosa'.*has 50"):
        read(tmp_path, dataset="iris", imbalance={"setosa": 500})


def test_what_the_pipeline_declares_wins(tmp_path):
    declared = SchemaDeclaration(target="sepal_width", columns={"petal_length": ColumnDeclaration(decimals=2)})
    schema = read(tmp_path, declared, dataset="iris").schema
    assert schema.target == "sepal_width"
    assert (schema.columns["petal_length"].unit, schema.columns["petal_length"].decimals) == ("cm", 2)
