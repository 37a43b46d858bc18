from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer
from augment.errors import DataError
from augment.onboarding.choose_generators import choose_generators
from augment.onboarding.choose_target import look_at
from augment.plugin.accepts import Accepts
from augment.plugin.catalog import Catalog, Offer
from augment.plugin.contracts import Generator, Transform
from augment.plugin.hookspecs import hookimpl
from augment.plugin.suits import Suits


def generator(name, *suits, origin="noise", **accepts):
    """A generator that does nothing but accept data."""
    return type(
        name.title().replace("-", ""),
        (Generator,),
        {
            "name": name,
            "origin": origin,
            "suits": suits,
            "accepts": Accepts(**{"conditional": "target", **accepts}),
            "fit": lambda self, data, context: self,
            "sample": lambda self, given, context: None,
            "save": lambda self, folder: None,
            "load": classmethod(lambda cls, folder, params: cls(params)),
        },
    )


class Impute(Transform):
    name = "fill-in"
    fills_missing = True

    def apply(self, data):
        return data


TABLES = frozenset({"table"})
IMAGES = frozenset({"image"})
CLASSES = frozenset({"classes"})
SMOTE = generator(
    "between", Suits("table", 20, min_class_rows=3), origin="rows", modalities=TABLES, targets=CLASSES, missing=False
)
BOOTSTRAP = generator("again", Suits("table"), Suits("image"), origin="copies")
VAE = generator("decoded", Suits("image", 40, min_rows=200), modalities=IMAGES)
GAN = generator("fooled", Suits("image", 50, min_rows=200), modalities=IMAGES)
ANCHORED = generator(
    "nudged",
    Suits("table", 10, targets=CLASSES, min_rows=200, max_rows=5_000, min_class_rows=3, alone="alone is better"),
    origin="rows",
    modalities=TABLES,
)
RNN = generator("learner", Suits("table", 30, min_rows=200, min_class_rows=200), modalities=TABLES)
TEXTS = frozenset({"text"})
WRITERS = (
    generator("edited", Suits("text", 20), origin="rows", modalities=TEXTS),
    generator(
        "nudged", Suits("text", 10, targets=CLASSES, min_rows=200, max_class_rows=100), origin="rows", modalities=TEXTS
    ),
    generator("writer", Suits("text", 30, min_rows=200, min_class_rows=500, otherwise="models lost"), modalities=TEXTS),
)
ALBUMENTATIONS = generator("turned", Suits("image", 20), origin="rows", modalities=IMAGES)
WARP = generator(
    "bent", Suits("image", 10, max_shape=(64, 64, 1), otherwise="photographs"), origin="rows", modalities=IMAGES
)
ALL = (SMOTE, BOOTSTRAP, VAE, GAN, ALBUMENTATIONS, Impute)


@pytest.fixture
def catalog_of(monkeypatch):
    def make(*classes):
        module = ModuleType("fake_components")

        @hookimpl
        def augment_components():
            return classes

        module.augment_components = augment_components
        monkeypatch.setitem(sys.modules, "fake_components", module)
        return Catalog(
            Offer(name, "fake_components", "augment-pipeline", "1") for name in {cls.name for cls in classes}
        )

    return make


def table(num_rows=100, **columns):
    frame = pd.DataFrame({"x": np.linspace(0, 1, num_rows), **columns})
    return Dataset.of(frame, {}, infer(frame))


def images(num_rows, side=4, num_channels=1):
    frame = pd.DataFrame({"label": ["cat", "dog"] * (num_rows // 2)})
    arrays = {"image": np.zeros((num_rows, side, side, num_channels), np.uint8)}
    return Dataset.of(frame, arrays, infer(frame, arrays, SchemaDeclaration(target="label")))


def names(choice):
    return [cls.name for cls, _ in choice.generators]


def test_a_table_with_classes_gets_rows_moved_between_others(catalog_of):
    choice = choose_generators(look_at(table(label=["a", "b"] * 50), None), catalog_of(*ALL))
    assert names(choice) == ["between"]
    assert choice.fill is None


def test_missing_values_are_filled_in_for_those_who_cannot_take_them(catalog_of):
    data = table(label=["a", "b"] * 50, y=[1.5, None] * 50)
    choice = choose_generators(look_at(data, None), catalog_of(*ALL))
    assert names(choice) == ["between"]
    assert choice.fill is Impute


def test_missing_values_stay_where_everybody_takes_them(catalog_of):
    data = table(label=["a", "b"] * 50, y=[1.5, None] * 50)
    assert not choose_generators(look_at(data, None), catalog_of(BOOTSTRAP, Impute)).fill


def test_without_a_transform_missing_values_rule_out_some_and_the_reason_is_kept(catalog_of):
    data = table(label=["a", "b"] * 50, y=[1.5, None] * 50)
    choice = choose_generators(look_at(data, None), catalog_of(SMOTE, BOOTSTRAP))
    assert names(choice) == ["again"]
    assert "missing values" in choice.refused["between"]


def test_classes_of_two_rows_rule_out_moving_rows_between_them(catalog_of):
    data = table(label=["a"] * 98 + ["b"] * 2)
    choice = choose_generators(look_at(data, None), catalog_of(*ALL))
    assert names(choice) == ["again"]
    assert "too few rows (2)" in choice.refused["between"]


@pytest.mark.parametrize(
    ("num_rows", "num_rare", "expected"),
    [(150, 39, ["between"]), (620, 39, ["nudged"]), (620, 2, ["learner"]), (6_000, 39, ["between"])],
)
def test_few_rows_get_what_was_measured_to_help(num_rows, num_rare, expected, catalog_of):
    data = table(num_rows, label=["yes"] * num_rare + ["no"] * (num_rows - num_rare))
    choice = choose_generators(look_at(data, None), catalog_of(*ALL, ANCHORED, RNN))
    assert names(choice) == expected


def test_many_rows_of_each_class_are_learnt_from(catalog_of):
    choice = choose_generators(
        look_at(table(6_000, label=["yes", "no"] * 3_000), None), catalog_of(*ALL, ANCHORED, RNN)
    )
    assert names(choice) == ["between", "learner"]
    assert "up to 5,000 rows, and there are 6,000" in choice.refused["nudged"]


def texts(num_rows, num_rare=0):
    frame = pd.DataFrame({"text": [f"the {n} words of a text" for n in range(num_rows)]})
    if num_rare:
        frame["label"] = ["spam"] * num_rare + ["ham"] * (num_rows - num_rare)
    declared = SchemaDeclaration(payload="text", target="label" if num_rare else None)
    return Dataset.of(frame, {}, infer(frame, {}, declared))


@pytest.mark.parametrize(
    ("num_rows", "num_rare", "expected"),
    [
        (150, 30, ["edited"]),
        (600, 30, ["nudged"]),
        (600, 200, ["edited"]),
        (1_400, 600, ["edited", "writer"]),
        (600, 0, ["edited", "writer"]),
    ],
)
def test_texts_get_what_was_measured_to_help_with_as_many_of_a_class(num_rows, num_rare, expected, catalog_of):
    assert names(choose_generators(look_at(texts(num_rows, num_rare), None), catalog_of(*WRITERS))) == expected


def test_a_numeric_target_gets_nothing_that_was_measured_to_help_with_classes(catalog_of):
    choice = choose_generators(look_at(table(620, price=np.linspace(1, 9, 620)), None), catalog_of(*ALL, ANCHORED, RNN))
    assert names(choice) == ["learner"]
    assert "targets that have classes" in choice.refused["nudged"]


def test_without_a_target_nothing_is_moved_to_foretell_it(catalog_of):
    choice = choose_generators(look_at(table(620, z=np.linspace(5, 6, 620)), None), catalog_of(*ALL, ANCHORED, RNN))
    assert names(choice) == ["learner"]


def test_a_numeric_target_gets_what_accepts_one(catalog_of):
    choice = choose_generators(look_at(table(price=np.linspace(1, 9, 100)), None), catalog_of(*ALL))
    assert names(choice) == ["again"]
    assert "numeric target" in choice.refused["between"]


def test_a_generator_that_learns_is_proposed_as_soon_as_one_for_tables_is_installed(catalog_of):
    data = table(num_rows=250, price=np.linspace(1, 9, 250))
    catalog = catalog_of(BOOTSTRAP, generator("fresh", Suits("table"), modalities=TABLES))
    assert names(choose_generators(look_at(data, None), catalog)) == ["fresh"]


def test_images_get_classical_augmentation_and_one_network_without_copies(catalog_of):
    assert names(choose_generators(look_at(images(200), None), catalog_of(*ALL))) == ["turned", "decoded"]


def test_small_grey_images_are_bent(catalog_of):
    assert names(choose_generators(look_at(images(20, side=28), None), catalog_of(*ALL, WARP))) == ["bent"]


@pytest.mark.parametrize(("side", "num_channels"), [(28, 3), (100, 1)])
def test_what_may_be_photographs_is_not_bent(side, num_channels, catalog_of):
    choice = choose_generators(look_at(images(20, side, num_channels), None), catalog_of(*ALL, WARP))
    assert names(choice) == ["turned"]
    assert "up to 64 x 64 x 1 values; photographs" in choice.refused["bent"]


def test_few_images_are_not_learnt_from(catalog_of):
    choice = choose_generators(look_at(images(198), None), catalog_of(*ALL))
    assert names(choice) == ["turned"]
    assert "198 rows are too few" in choice.refused["decoded"]


def test_generators_for_other_data_are_passed_over_in_silence(catalog_of):
    assert choose_generators(look_at(table(label=["a", "b"] * 50), None), catalog_of(*ALL)).refused == {}


def test_data_that_nobody_can_work_on_is_refused_with_the_reasons(catalog_of):
    with pytest.raises(DataError, match="kind table: between: it needs a target with classes"):
        choose_generators(look_at(table(price=np.linspace(1, 9, 100)), None), catalog_of(SMOTE, VAE))


def test_a_broken_plugin_is_no_reason_to_stop():
    catalog = Catalog(
        [Offer("smote", "no_such_module", "fake", "1"), Offer("bootstrap", "augment_controls", "augment-pipeline", "1")]
    )
    choice = choose_generators(look_at(table(label=["a", "b"] * 50), None), catalog)
    assert names(choice) == ["bootstrap"]
