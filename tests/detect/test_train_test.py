from __future__ import annotations

import pytest

from augment.detect.formats import find_source
from augment.detect.train_test import find_pair
from augment.errors import DataError
from augment.plugin.catalog import Catalog

CATALOG = Catalog()


@pytest.fixture
def folder(tmp_path):
    def folder(*names):
        for name in names:
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a,b\n1,2\n")
        return tmp_path / "data"

    return folder


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train.csv", "test.csv"], ("train.csv", "test.csv")),
        (["Train.csv", "TEST.csv", "sample_submission.csv"], ("Train.csv", "TEST.csv")),
        (["Gun_TRAIN.ts", "Gun_TEST.ts", "readme.md"], ("Gun_TRAIN.ts", "Gun_TEST.ts")),
        (["train.csv", "test.csv", "validation.csv"], ("train.csv", "test.csv")),
        (["training.csv", "validation.csv"], ("training.csv", "validation.csv")),
        (["train/cat/1.png", "test/cat/1.png"], ("train", "test")),
        (["train.parquet", "train.csv", "test.csv", "test.parquet"], ("train.csv", "test.csv")),
        (["train/1.png", "test/1.png"], None),  # they may be the classes
        (["train/cat/1.png", "test/1.png"], None),
        (["train/1.png", "test/cat/1.png"], None),
        (["train/cat/1.png", "test"], None),
        (["train.csv", "test.parquet"], None),
        ([".train.csv", ".test.csv"], None),
        (["trains.csv", "tests.csv"], None),
        (["train.weights", "test.weights"], None),
        (["train.csv"], None),
    ],
)
def test_a_pair_is_found_by_its_names(folder, names, expected):
    pair = find_pair(folder(*names), CATALOG)
    assert (pair and tuple(path.name for path in pair)) == expected


def test_several_pairs_are_refused_by_name(folder):
    with pytest.raises(DataError, match=r"x_train\.csv and x_test\.csv; y_train\.csv and y_test\.csv; name the one"):
        find_pair(folder("x_train.csv", "x_test.csv", "y_train.csv", "y_test.csv"), CATALOG)


def test_a_file_is_no_pair(folder):
    assert find_pair(folder("train.csv", "test.csv") / "train.csv", CATALOG) is None


def test_notes_on_the_training_part_are_left_to_whoever_reads_it(folder, caplog):
    rows = "".join(f"{n % 12},2022-{1 + n % 12:02}-{1 + n % 28:02},{n * n % 17}.5,{n * n % 5}\n" for n in range(120))
    path = folder("train.csv", "test.csv") / "train.csv"
    path.write_text("patient,day,dose,visits\n" + rows)
    assert find_source(path, CATALOG).name == "csv"
    assert "train.csv is read as a table, not as series" in caplog.text
    caplog.clear()
    assert find_pair(path.parent, CATALOG) is not None
    assert not caplog.text
