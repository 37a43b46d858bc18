"""What the probe `estimator` calls, and what it refuses to call: each refusal comes before anything has run."""

from __future__ import annotations

import sys

import pytest

from augment.errors import SpecError
from augment.spec.model_errors import validate
from augment_estimator.estimator import Estimator
from augment_estimator.factories import LIBRARIES, NOT_PLAIN, check_arguments, library_class, load_factory

FOREST = "sklearn.ensemble:RandomForestClassifier"


def refusal(**settings) -> str:
    """What is wrong with these settings of the probe; empty if nothing is."""
    _, violations = validate(Estimator.Params, settings)
    return "; ".join(message for _, message in violations)


def ran(folder) -> str:
    """The line of a module that leaves a file when it is imported."""
    return f"from pathlib import Path\nPath({str(folder)!r}, 'PWNED').write_text('ran')"


@pytest.mark.parametrize(
    "factory",
    [
        FOREST,
        "sklearn.svm:SVC",
        "sklearn.calibration:CalibratedClassifierCV",  # has a model of its own by default
        "imblearn.ensemble:BalancedRandomForestClassifier",
    ],
)
def test_a_class_with_fit_and_predict_is_accepted(factory):
    assert not refusal(factory=factory)
    assert library_class(factory).__name__ == factory.partition(":")[2]


@pytest.mark.parametrize(
    "factory",
    [
        "sklearn.pipeline:make_pipeline",  # a function
        "sklearn.datasets:fetch_openml",
        "sklearn.datasets:load_files",
        "sklearn.utils:estimator_html_repr",
        "sklearn.preprocessing:StandardScaler",  # no model
        "sklearn.utils:Bunch",
        "sklearn.base:BaseEstimator",
        "sklearn.ensemble:np",  # no class
        "sklearn.utils.parallel:Parallel",
        "sklearn:show_versions",
    ],
)
def test_nothing_else_of_a_library_is_called(factory):
    assert "is not a class with `fit` and `predict`" in refusal(factory=factory) or "has no class" in refusal(
        factory=factory
    )


@pytest.mark.parametrize(
    "factory",
    [
        "sklearn.utils._testing:check_skip_network",
        "sklearn.ensemble._forest:RandomForestClassifier",
        "sklearn.conftest:pytest_configure",
        "sklearn.ensemble.tests.test_forest:MyBackend",
        "sklearn.ensemble:__builtins__",
        "imblearn.utils.testing:all_estimators",
    ],
)
def test_what_is_private_to_a_library_is_not_imported(factory):
    before = set(sys.modules)
    assert "is not in the public interface of" in refusal(factory=factory)
    assert factory.partition(":")[0] not in set(sys.modules) - before


@pytest.mark.parametrize("factory", ["sklearn.ensemble.numpy:load", "sklearn.nonesuch:X", "sklearn.os:system"])
def test_a_module_that_a_library_does_not_have_is_refused(factory):
    assert "there is no module" in refusal(factory=factory)


@pytest.mark.parametrize("factory", ["os.path:join:x", "sklearn.ensemble:a.b", "sklearn/ensemble:x", ":x", "x:"])
def test_a_factory_is_one_module_and_one_name(factory):
    assert "expected text that matches" in refusal(factory=factory)


def test_a_misspelled_class_is_suggested():
    assert "did you mean 'RandomForestClassifier'?" in refusal(factory="sklearn.ensemble:RandomForestClasifier")


def test_settings_are_the_classs_own():
    assert not refusal(factory=FOREST, arguments={"n_estimators": 5, "class_weight": {"very bad": 2}})
    said = refusal(factory=FOREST, arguments={"n_estimator": 5})
    assert said == "RandomForestClassifier has no setting 'n_estimator'; did you mean 'n_estimators'?"
    assert "has no setting 'estimator'" in refusal(factory=FOREST, arguments={"estimator": 1})  # its base class has it


@pytest.mark.parametrize("folder", ["cache", "/tmp/cache", {"location": "cache"}])
def test_a_cache_which_joblib_would_unpickle_is_refused(folder):
    for factory in ("sklearn.pipeline:Pipeline", "imblearn.pipeline:Pipeline"):
        assert "memory: a pipeline cannot set files" in refusal(factory=factory, arguments={"memory": folder})


@pytest.mark.parametrize(
    ("factory", "arguments", "says"),
    [
        ("sklearn.pipeline:Pipeline", {}, "Pipeline needs another model as its `steps`"),
        (
            "sklearn.pipeline:Pipeline",
            {"steps": [["only", "passthrough"]]},
            "steps: a pipeline cannot put a model into",
        ),
        ("sklearn.model_selection:GridSearchCV", {}, "GridSearchCV needs another model as its `estimator`"),
        ("sklearn.ensemble:VotingClassifier", {}, "VotingClassifier needs another model as its `estimators`"),
        ("sklearn.ensemble:BaggingClassifier", {"estimator": FOREST}, "estimator: a pipeline cannot put a model into"),
    ],
)
def test_a_model_inside_a_model_is_refused_when_the_file_is_read(factory, arguments, says):
    said = refusal(factory=factory, arguments=arguments)
    assert says in said
    assert "write a function of your own" in said
    if not arguments:
        assert refusal(factory=factory) == said


@pytest.fixture
def boosters(tmp_path, monkeypatch):
    """Classes with the settings of LightGBM and CatBoost, installed for one test."""
    text = "class {}:\n    def __init__(self, {}): ...\n    def fit(self, X, y): ...\n    def predict(self, X): ...\n"
    for library, name, settings in (
        ("lightgbm", "LGBMClassifier", "objective=None, num_leaves=31, **kwargs"),
        ("catboost", "CatBoostClassifier", "depth=6, train_dir=None, snapshot_file=None, callback=None"),
    ):
        (tmp_path / f"{library}.py").write_text(text.format(name, settings))
        monkeypatch.delitem(sys.modules, library, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for library in ("lightgbm", "catboost"):
        sys.modules.pop(library, None)  # the tests import them


@pytest.mark.parametrize(
    ("factory", "arguments", "says"),
    [
        ("lightgbm:LGBMClassifier", {"machines": "10.0.0.1:80"}, "has no setting 'machines'"),
        ("lightgbm:LGBMClassifier", {"forcedsplits_filename": "x"}, "has no setting 'forcedsplits_filename'"),
        ("lightgbm:LGBMClassifier", {"objective": "binary machines=10.0.0.1"}, "without spaces and slashes"),
        ("lightgbm:LGBMClassifier", {"objective": ["binary\tsave_binary=true"]}, "without spaces and slashes"),
        ("lightgbm:LGBMClassifier", {"num_leaves": "/etc/passwd"}, "without spaces and slashes"),
        ("catboost:CatBoostClassifier", {"snapshot_file": "x"}, "snapshot_file: a pipeline cannot set files"),
        ("catboost:CatBoostClassifier", {"train_dir": "x"}, "train_dir: a pipeline cannot set files"),
        ("catboost:CatBoostClassifier", {"callback": "os.system"}, "callback: a pipeline cannot set files"),
    ],
)
def test_settings_that_reach_beyond_the_model_are_refused(boosters, factory, arguments, says):
    assert says in refusal(factory=factory, arguments=arguments)


def test_plain_settings_of_other_libraries_are_accepted(boosters):
    check_arguments("lightgbm:LGBMClassifier", {"objective": "quantile:alpha=0.1", "num_leaves": 7})
    check_arguments("catboost:CatBoostClassifier", {"depth": 3})


def test_no_model_of_scikit_learn_opens_a_file_that_a_setting_names():
    """By the names of all settings: a new one that sounds like a file or a cache is to be looked at."""
    from sklearn.utils import all_estimators

    known = {"fit_path", "cache_size", "transform_input", "store_covariance", "store_cv_results", "store_precision"}
    names = {
        name
        for _, cls in all_estimators()
        if hasattr(cls, "predict")
        for name in cls.__init__.__annotations__ or getattr(cls, "_parameter_constraints", {})
        if any(word in name for word in ("file", "path", "dir", "memory", "cache", "url", "input", "output", "store"))
    }
    assert names - known <= NOT_PLAIN


def test_a_file_in_the_current_folder_does_not_stand_for_a_library(tmp_path, monkeypatch):
    (tmp_path / "xgboost.py").write_text(f"{ran(tmp_path)}\nclass XGBClassifier: ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.delitem(sys.modules, "xgboost", raising=False)
    assert "xgboost is not installed" in refusal(factory="xgboost:XGBClassifier")
    assert not (tmp_path / "PWNED").exists()


def test_a_librarys_name_takes_no_file(tmp_path):
    file = tmp_path / "ensemble.py"
    assert "leave `file` out" in refusal(factory=FOREST, file=str(file))


def test_a_module_that_is_not_trusted_is_not_imported(tmp_path):
    file = tmp_path / "models.py"
    file.write_text(f"{ran(tmp_path)}\ndef make(): ...\n")
    for trusted in ((), ("model",), ("models.make",)):
        with pytest.raises(SpecError, match="the module 'models' is not trusted"):
            load_factory("models:make", file, frozenset(trusted))
    assert not (tmp_path / "PWNED").exists()
    assert load_factory("models:make", file, frozenset({"models"})).__name__ == "make"
    assert (tmp_path / "PWNED").exists()


def test_a_file_stands_for_the_module_of_its_name_alone(tmp_path):
    file = tmp_path / "models.py"
    file.write_text("def make(): ...\n")
    for factory in ("subprocess:getoutput", "models.deeper:make", "other:make"):
        with pytest.raises(SpecError, match="is not the file of a module"):
            load_factory(factory, file, frozenset({factory.partition(":")[0].partition(".")[0]}))
    (tmp_path / "time.py").write_text("def make(): ...\n")
    with pytest.raises(SpecError, match="'time' is a module of Python's own"):
        load_factory("time:make", tmp_path / "time.py", frozenset({"time"}))


def test_of_a_trusted_module_only_its_own_functions_and_models_are_called(tmp_path):
    file = tmp_path / "models.py"
    file.write_text(
        "from functools import partial\nfrom os import system\nfrom subprocess import Popen, getoutput\n"
        "from sklearn.tree import DecisionTreeClassifier\ndef make(depth=1): ...\n"
        "shallow, deep = partial(DecisionTreeClassifier, max_depth=1), partial(make, 9)\nrun = partial(getoutput)\n"
    )
    trusted = frozenset({"models"})
    for name in ("system", "Popen", "getoutput", "run", "partial"):
        with pytest.raises(SpecError, match=rf"models:{name} comes from .*, and makes no model"):
            load_factory(f"models:{name}", file, trusted)
    for name in ("make", "DecisionTreeClassifier", "deep", "shallow"):
        assert callable(load_factory(f"models:{name}", file, trusted))


def test_the_libraries_are_named_by_their_first_names():
    assert all(name.isidentifier() for name in LIBRARIES)
    assert not LIBRARIES & set(sys.stdlib_module_names)
