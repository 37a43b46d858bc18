from __future__ import annotations

import sys
import textwrap

import numpy as np
import pytest

from augment.errors import PluginError, SpecError
from augment.plugin.context import Context
from augment.runner.run import run
from augment.testing import example
from augment_estimator.estimator import Estimator

FOREST = "sklearn.ensemble:RandomForestClassifier"
QUICK = {"n_estimators": 5}


def probe(factory: str, file=None, **arguments) -> Estimator:
    return Estimator(Estimator.Params(factory=factory, file=file, arguments=arguments))


def numbers(rows: int = 60):
    """A table of numbers alone, with labels."""
    data = example("table", "classes", rows)
    keep = [name for name in data.schema.features if data.schema.columns[name].type == "number"]
    drop = [name for name in data.schema.features if name not in keep]
    return data.drop_columns(drop)


@pytest.fixture
def mine(tmp_path):
    """Writes a module beside a pipeline, and gives its path."""

    def write(text: str, name: str = "models.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


def fitted(model: Estimator, data, folder, weights=None, seed: int = 1) -> Estimator:
    return model.fit(data, Context(seed, folder, trusted=frozenset({"models", "mypackage", "nonesuch"})), weights)


def test_probabilities_stand_in_the_order_of_the_schemas_classes(tmp_path):
    data = numbers()
    found = fitted(probe(FOREST, **QUICK), data, tmp_path).predict(data.drop_columns([data.schema.target]))
    assert found.shape == (len(data), len(data.schema.classes))
    labels = np.array(data.schema.classes)[found.argmax(axis=1)]
    assert (labels == data.frame[data.schema.target].astype(str).to_numpy()).mean() > 0.8


def test_the_trials_seed_decides_and_nothing_else(tmp_path):
    data = numbers()
    features = data.drop_columns([data.schema.target])
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (fitted(probe(FOREST, **QUICK), data, tmp_path, seed=s).predict(features) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("factory", [FOREST, "sklearn.neighbors:KNeighborsClassifier"])
def test_weights_count_whether_the_model_takes_them_or_not(tmp_path, factory):
    data = numbers()
    label = data.schema.classes[0]
    weights = np.where(data.frame[data.schema.target].astype(str) == label, 1.0, 1e-6)
    found = fitted(probe(factory), data, tmp_path, weights).predict(data.drop_columns([data.schema.target]))
    assert found[:, 0].mean() > 0.9


def test_what_is_predicted_without_probabilities_counts_as_certain(tmp_path):
    data = numbers()
    found = fitted(probe("sklearn.linear_model:RidgeClassifier"), data, tmp_path).predict(data)
    assert set(found.ravel()) == {0.0, 1.0}
    np.testing.assert_array_equal(found.sum(axis=1), 1.0)


def test_a_model_of_xgboost_gets_numbers_for_labels(tmp_path, monkeypatch):
    (tmp_path / "xgboost.py").write_text(
        textwrap.dedent("""
            from sklearn.tree import DecisionTreeClassifier

            class XGBClassifier(DecisionTreeClassifier):
                def fit(self, X, y, sample_weight=None):
                    if sorted(set(y)) != list(range(len(set(y)))):
                        raise ValueError(f"Invalid classes inferred from unique values of `y`: {set(y)}")
                    return super().fit(X, y, sample_weight)
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xgboost", raising=False)
    data = numbers()
    label = data.schema.classes[1]
    data = data.take((data.frame[data.schema.target].astype(str) != label).to_numpy())  # of three, one is missing
    found = fitted(probe("xgboost:XGBClassifier"), data, tmp_path).predict(data)
    labels = np.array(data.schema.classes)[found.argmax(axis=1)]
    sys.modules.pop("xgboost")
    assert (labels == data.frame[data.schema.target].astype(str).to_numpy()).mean() > 0.9
    assert (found[:, 1] == 0).all()


def test_one_class_alone_needs_no_model(tmp_path):
    data = numbers()
    label = data.schema.classes[1]
    data = data.take((data.frame[data.schema.target].astype(str) == label).to_numpy())
    found = fitted(probe("sklearn.linear_model:LogisticRegression"), data, tmp_path).predict(data)
    assert (found[:, 1] == 1).all()


@pytest.mark.parametrize(
    ("text", "factory", "message"),
    [
        ("", "models:make", "module models has no function 'make'"),
        ("def maker(): pass", "models:make", "did you mean 'maker'?"),
        ("make = 3", "models:make", "models:make is int, which cannot be called"),
        ("def make(): return 3", "models:make", "gave int, which has no fit and no predict"),
        (
            "import nonesuch",
            "models:make",
            "importing models failed: No module named 'nonesuch'; install what it needs",
        ),
        ("1 / 0", "models:make", "importing models failed: ZeroDivisionError"),
    ],
)
def test_a_wrong_factory_is_told_in_plain_words(mine, tmp_path, text, factory, message):
    with pytest.raises(SpecError) as caught:
        fitted(probe(factory, mine(text)), numbers(), tmp_path)
    assert message in str(caught.value)


def test_a_module_that_is_nowhere_is_told(tmp_path):
    with pytest.raises(
        SpecError, match="there is no module 'nonesuch', neither beside the pipeline file nor installed"
    ):
        fitted(probe("nonesuch.models:make"), numbers(), tmp_path)


MAKE = """
    from helper import Model

    def make(depth=2):
        return Model(max_depth=depth)
"""
HELPER = "from sklearn.tree import DecisionTreeClassifier as Model"


def test_a_module_of_ones_own_may_import_what_lies_beside_it_and_leaves_no_trace(mine, tmp_path):
    file = mine(MAKE, "mypackage/models.py")
    mine(HELPER, "helper.py")
    before, path = set(sys.modules), list(sys.path)
    fitted(probe("mypackage.models:make", file, depth=1), numbers(), tmp_path)
    assert not {"mypackage", "mypackage.models", "helper"} & set(sys.modules)
    assert {"mypackage", "helper"}.isdisjoint(before)
    assert sys.path == path
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_changed_module_is_read_anew(mine, tmp_path):
    data = numbers()
    file = mine("from sklearn.dummy import DummyClassifier\ndef make(): return DummyClassifier(strategy='prior')")
    first = fitted(probe("models:make", file), data, tmp_path).predict(data)
    mine("from sklearn.tree import DecisionTreeClassifier as make")
    assert not np.array_equal(first, fitted(probe("models:make", file), data, tmp_path).predict(data))


PIPELINE = {
    "name": "own",
    "source": {"use": "sklearn", "with": {"dataset": "iris"}},
    "generators": ["bootstrap"],
    "filters": [],
    "metrics": [],
    "reporters": [],
    "sinks": ["csv"],
}


def written(tmp_path, probe):
    from ruamel.yaml import YAML

    path = tmp_path / "own.yaml"
    with path.open("w") as file:
        YAML(typ="safe").dump({**PIPELINE, "trial": {"probe": probe, "seeds": 2}}, file)
    return path


@pytest.mark.slow
def test_a_pipeline_names_it_as_module_and_function_in_a_worker_too(mine, tmp_path):
    mine("from sklearn.tree import DecisionTreeClassifier as make")
    path = written(tmp_path, "models:make")
    done = run(path, workers=1, trust=["models"])
    assert done.metrics.trial.probe == "models:make"
    assert done.metrics.trial.arms[0].mean > 0.8
    assert "models" not in sys.modules
    assert run(path, trust=["models"]).already_done
    mine("from sklearn.naive_bayes import GaussianNB as make")
    assert not run(path, workers=0, trust=["models"]).already_done  # the model is part of the key
    again = run(done.folder / "resolved.yaml", out=tmp_path / "again", workers=0, trust=["models"])
    assert again.metrics.trial.probe == "models:make"


@pytest.mark.parametrize("factory", ["nonesuch:make", "nonesuch.models:make", "a-b:make"])
def test_a_module_that_is_nowhere_is_told_before_anything_runs(tmp_path, factory):
    with pytest.raises(
        SpecError, match=r"trial\.probe\.use: there is no module .*: it is neither in .*, nor installed"
    ):
        run(written(tmp_path, factory), workers=0)


def test_a_model_that_fails_is_named(mine, tmp_path):
    mine("class make:\n    def fit(self, X, y): raise ValueError('too hot')\n    def predict(self, X): ...")
    with pytest.raises(PluginError, match=r"probe 'models:make' \(estimator\) failed in fit: ValueError: too hot"):
        run(written(tmp_path, "models:make"), workers=0, trust=["models"])


def test_texts_are_a_list_and_tables_a_frame(mine, tmp_path):
    file = mine("""
        from sklearn.dummy import DummyClassifier

        class make(DummyClassifier):
            def fit(self, X, y, sample_weight=None):
                self.seen = type(X).__name__, str(y.dtype.kind)
                return super().fit(X, y)
    """)
    kinds = {}
    for modality in ("table", "text", "image"):
        model = fitted(probe("models:make", file), example(modality, "classes", 20), tmp_path)
        kinds[modality] = model._model.seen
    assert kinds == {"table": ("DataFrame", "U"), "text": ("list", "U"), "image": ("ndarray", "U")}
