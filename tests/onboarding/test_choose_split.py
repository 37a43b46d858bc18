from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.onboarding import write_pipeline
from augment.onboarding.choose_effort import Effort
from augment.onboarding.choose_split import choose_trial
from augment.onboarding.choose_target import look_at
from augment.runner.check import check
from augment.spec.document import read


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(num_rows=60, seed=0):
    x = np.random.default_rng(seed).normal(size=num_rows).round(3)
    return pd.DataFrame({"x": x, "town": ["p", "q", "r"] * (num_rows // 3), "label": ["a", "b"] * (num_rows // 2)})


def save(tmp_path, test, train=None):
    (tmp_path / "data").mkdir()
    (table() if train is None else train).to_csv(tmp_path / "data" / "train.csv", index=False, sep=";")
    test.to_csv(tmp_path / "data" / "test.csv", index=False, sep=";")
    return tmp_path / "data"


def test_a_pair_of_files_becomes_source_and_hold_out(tmp_path):
    path = write_pipeline.write(save(tmp_path, table(30, seed=1)))
    tree = read(path).tree
    assert path.name == "data.yaml"
    assert tree["source"]["with"] == {"path": "data/train.csv", "delimiter": ";"}
    assert tree["split"] == {"test": {"use": "csv", "with": {"path": "data/test.csv", "delimiter": ";"}}}
    assert check(path, workers=0).rows == {"read": 90, "train": 60, "test": 30}


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (table(30).drop(columns="label"), "it has no values of the target, label"),
        (table(30).assign(label=None), "it has no values of the target, label"),
        (table(30).drop(columns="x"), "lacks 'x', which the training rows have"),
    ],
)
def test_a_file_that_cannot_be_the_hold_out_is_not_and_the_reason_is_told(tmp_path, test, why, caplog):
    path = write_pipeline.write(save(tmp_path, test), target="label")
    assert read(path).tree["split"] == {"holdout": 0.2}
    assert f"# note: test.csv cannot be the hold-out: {why}" in path.read_text()
    assert why in caplog.text
    assert str(tmp_path) not in path.read_text() + caplog.text
    check(path, workers=0)


def test_folders_of_images_laid_out_as_train_and_test_are_read_as_such(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for part, num_images in (("train", 12), ("test", 6)):
        for number in range(num_images):
            place = tmp_path / "photos" / part / ("cat", "dog")[number % 2] / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(place)
    path = write_pipeline.write(tmp_path / "photos")
    assert read(path).tree["split"] == {"test": {"use": "image-folder", "with": {"path": "photos/test"}}}
    assert check(path, workers=0).rows == {"read": 18, "train": 12, "test": 6}


def test_folders_of_texts_too(tmp_path):
    for part, num_texts in (("train", 20), ("test", 8)):
        for number in range(num_texts):
            place = tmp_path / "mails" / part / ("ham", "spam")[number % 2] / f"{number}.txt"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"a mail of the part {part}, number {number}")
    path = write_pipeline.write(tmp_path / "mails")
    assert read(path).tree["split"] == {"test": {"use": "text-folder", "with": {"path": "mails/test"}}}


@pytest.mark.parametrize(
    ("name", "values", "own"),
    [
        ("fold", [0, 1, 2, 3, 4, 0], "{column: fold, test: [4]}"),
        ("split", ["train", "test", "val"] * 2, "{column: split, test: [test]}"),
        ("is_test", [True, False, False] * 2, '{column: is_test, test: ["True"]}'),
    ],
)
def test_a_column_that_may_be_a_split_is_suggested_in_a_comment_alone(tmp_path, name, values, own):
    table().assign(**{name: values * 10}).to_csv(tmp_path / "all.csv", index=False)
    path = write_pipeline.write(tmp_path / "all.csv")
    tree, text = read(path).tree, path.read_text()
    assert (tree["split"], tree["schema"]["target"]) == ({"holdout": 0.2}, "label")
    assert f"  # Column {name} may be a split of your own." in text
    active = text.replace("\nsplit:\n  holdout", "\n# split:\n#   holdout")
    active = active.replace(f"  # split: {own}", f"split: {own}")
    path.write_text(active)
    assert check(path, workers=0).rows["test"] < 60


def test_a_column_that_may_be_a_split_is_no_target_by_chance(tmp_path):
    frame = table().rename(columns={"label": "kind"}).assign(fold=[0, 1, 2, 3, 4, 0] * 10)
    frame.to_csv(tmp_path / "all.csv", index=False)
    assert read(write_pipeline.write(tmp_path / "all.csv")).tree["schema"]["target"] == "kind"


@pytest.mark.parametrize(
    ("num_rare", "share", "words"),
    [
        (100, 0.2, "held out: these rows only show whether synthetic ones helped"),
        (30, 0.35, "; 0.2 would hold out 6 of the 30 rows of class fraud"),
        (12, 0.2, "# That is 2 of the 12 rows of class fraud, which tells little: see `trial`."),
    ],
    ids=["enough", "a larger one helps", "no hold-out is large enough"],
)
def test_a_rare_class_has_a_larger_hold_out_where_that_helps(tmp_path, num_rare, share, words):
    x = np.random.default_rng(0).normal(size=400)
    label = np.repeat(["fine", "fraud"], [400 - num_rare, num_rare])
    pd.DataFrame({"x": x, "label": label}).to_csv(tmp_path / "rare.csv", index=False)
    path = write_pipeline.write(tmp_path / "rare.csv")
    assert read(path).tree["split"] == {"holdout": share}
    assert read(path).tree.get("trial") == ({"cuts": 5} if num_rare == 12 else None)
    assert words in path.read_text()


def test_of_many_rows_several_splits_are_proposed_but_not_set(tmp_path):
    x = np.random.default_rng(0).normal(size=2_400)
    pd.DataFrame({"x": x, "label": np.repeat(["fine", "fraud"], [2_388, 12])}).to_csv(
        tmp_path / "rare.csv", index=False
    )
    path = write_pipeline.write(tmp_path / "rare.csv")
    assert "trial" not in read(path).tree
    path.write_text(path.read_text().replace("# trial:\n#   cuts", "trial:\n  cuts"))
    assert read(path).tree["trial"] == {"cuts": 5}


@pytest.mark.parametrize("num_rare", [12, 30], ids=["no hold-out is large enough", "a larger one helps"])
@pytest.mark.parametrize("seeds", [5, 2])
def test_several_splits_can_be_had_by_taking_the_signs_of_comments_away(tmp_path, num_rare, seeds):
    frame = pd.DataFrame({"x": np.arange(400) / 7, "label": np.repeat(["fine", "fraud"], [400 - num_rare, num_rare])})
    lines = choose_trial(look_at(dataset(frame), "label"), Effort((), "1x", seeds, 1, "", "which would take long"))
    text = re.sub("^( *)# ( *)(trial|cuts):", r"\1\2\3:", "\n".join(lines), flags=re.MULTILINE)
    (tmp_path / "p.yaml").write_text(text)
    assert read(tmp_path / "p.yaml").tree["trial"] == {"cuts": 5} | ({} if seeds == 5 else {"seeds": seeds})
