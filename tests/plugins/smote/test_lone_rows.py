"""A class of a single training row beside others."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from slowly import slowly

from augment.errors import SpecError
from augment.resampling import Augmenter
from augment.runner.check import check
from augment.runner.run import run
from augment.runner.sample_finished_run import sample

WHY = "class 'c' has 1 training row, and 'smote' needs at least 2 of a class"


@pytest.fixture
def pipeline(tmp_path):
    def pipeline(counts, rows="balance", **sections):
        labels = np.repeat(list(counts), list(counts.values()))
        x = np.random.default_rng(0).normal(size=(len(labels), 2))
        pd.DataFrame(x, columns=["x", "y"]).assign(label=labels).to_csv(tmp_path / "data.csv", index=False)
        quick = {"trial": False, "metrics": [], "reporters": [], "sinks": ["csv"], "filters": []}
        return {
            "source": {"use": "csv", "with": {"path": str(tmp_path / "data.csv")}},
            "schema": {"target": "label"},
            "generators": ["smote"],
            "mix": {"rows": rows},
            **quick,
            **sections,
        }

    return pipeline


@pytest.mark.parametrize("rows", ["balance", *slowly(["2x", {"per_class": 10}])])
def test_it_does_not_keep_the_others_from_being_made(pipeline, tmp_path, rows):
    tree = pipeline({"a": 40, "b": 20, "c": 1}, rows)
    found = check(tree, workers=0)
    assert f"{WHY}: no rows of it are made" in found.notes
    done = run(tree, workers=0, out=tmp_path / "run")
    made = {label: count for label, count in done.metrics.classes.synthetic.items() if count}
    assert made == {label: count for _, label, count in found.plan}
    assert set(made) & {"b", "c"} == {"b"}
    assert f"{WHY}: no rows of it are made" in done.metrics.notes
    sample(done.folder, rows=30, out=tmp_path / "more.csv", workers=0)
    assert pd.read_csv(tmp_path / "more.csv")["label"].value_counts().to_dict() == {"a": 20, "b": 10}
    with pytest.raises(SpecError, match=WHY):
        sample(done.folder, rows=30, out=tmp_path / "c.csv", where={"label": "c"}, workers=0)


@pytest.mark.parametrize(
    ("counts", "rows"), [({"a": 40, "c": 1}, "balance"), ({"a": 40, "b": 20, "c": 1}, {"b": 5, "c": 5})]
)
def test_rows_that_cannot_be_made_at_all_are_refused_by_check_and_run(pipeline, counts, rows):
    for attempt in (check, run):
        with pytest.raises(SpecError, match=f"mix.rows: no rows can be made of it: {WHY}; add training rows"):
            attempt(pipeline(counts, rows), workers=0)


def test_another_generator_makes_its_rows(pipeline):
    tree = pipeline({"a": 40, "b": 20, "c": 1}, generators=["smote", "bootstrap"])
    found = check(tree, workers=0)
    assert {generator for generator, label, _ in found.plan if label == "c"} == {"bootstrap"}
    assert f"{WHY}: the other generators make its rows" in found.notes


@pytest.mark.slow
def test_a_search_goes_on_with_the_other_classes(pipeline, tmp_path):
    search = {"rows": "auto", "search": {"seeds": 2, "amounts": ["balance"]}}
    tree = pipeline({"a": 40, "b": 20, "c": 1}, trial={"probe": "logistic", "seeds": 1}, mix=search)
    done = run(tree, workers=0, out=tmp_path / "run")
    assert not [entry.left for entry in done.metrics.search.candidates if entry.left and "smote" in entry.left]


def table(**counts):
    y = np.repeat(list(counts), list(counts.values()))
    return np.random.default_rng(0).normal(size=(len(y), 2)), y


def test_the_augmenter_goes_on_with_a_warning():
    with pytest.warns(UserWarning, match=f"{WHY}: no rows are made of it"):
        _, y = Augmenter("smote").fit_resample(*table(a=40, b=20, c=1))
    assert pd.Series(y).value_counts().to_dict() == {"a": 40, "b": 40, "c": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Augmenter("smote").fit_resample(*table(a=40, b=20, c=2))


@pytest.mark.parametrize(("counts", "rows"), [({"a": 40, "c": 1}, "balance"), ({"a": 4, "b": 2, "c": 1}, {"c": 5})])
def test_the_augmenter_refuses_what_cannot_be_made_at_all(counts, rows):
    with pytest.raises(ValueError, match=f"no rows can be made: {WHY}"):
        Augmenter("smote", rows=rows).fit_resample(*table(**counts))
