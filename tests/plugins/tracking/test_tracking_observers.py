"""The observers that log a run elsewhere, by a run of fakes; their libraries are stood in for by small modules."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
from fake_pipeline import ASSESSED
from run_records import arm, run_metrics

import augment
from augment_tracking import library, results, settings

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def mlflow(monkeypatch):
    """A module `mlflow` that keeps what it is told."""
    told = SimpleNamespace(params={}, metrics=[], artifacts=[], status=None, run_name=None, experiment=None)

    class Client:
        def get_experiment_by_name(self, name):
            told.experiment = name

        def create_experiment(self, name):
            return "1"

        def create_run(self, experiment_id, run_name):
            told.run_name = run_name
            return SimpleNamespace(info=SimpleNamespace(run_id="r"))

        def log_batch(self, run_id, metrics=(), params=()):
            assert len(metrics) <= 100
            assert len(params) <= 100
            told.params |= {param.key: param.value for param in params}
            told.metrics += metrics

        def log_artifact(self, run_id, path):
            told.artifacts.append(path.rpartition("/")[2])

        def set_terminated(self, run_id, status):
            told.status = status

    module, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    module.MlflowClient = Client
    entities.Metric = lambda key, value, timestamp, step: SimpleNamespace(key=key, value=value, step=step)
    entities.Param = lambda key, value: SimpleNamespace(key=key, value=value)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    return told


@pytest.fixture
def tensorboard(monkeypatch):
    """A module `torch.utils.tensorboard` that keeps what it is told."""
    told = SimpleNamespace(scalars={}, texts={}, place=None, closed=False)

    class Writer:
        def __init__(self, place):
            told.place = place

        def add_scalar(self, name, value, step):
            told.scalars[name, step] = value

        def add_text(self, name, text):
            told.texts[name] = text

        def close(self):
            told.closed = True

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return told


def test_mlflow_gets_settings_results_and_the_report(spec, mlflow, monkeypatch):
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    run = augment.run(spec(observers=["mlflow"], **ASSESSED), workers=0)
    assert mlflow.experiment == "augment"
    assert mlflow.run_name == f"fake-{run.key[:8]}"
    assert mlflow.params["generators.0.use"] == "fake-move"
    numbers = {metric.key: metric.value for metric in mlflow.metrics}
    assert numbers["rows/train"] == run.metrics.rows.train
    assert numbers["trial/none"] == run.metrics.trial.arms[0].mean
    assert any(name.startswith("seconds/") for name in numbers)
    assert mlflow.artifacts == ["resolved.yaml"]
    assert mlflow.status == "FINISHED"


def test_tensorboard_gets_settings_and_results_beside_the_run(spec, tensorboard):
    run = augment.run(spec(observers=["tensorboard"], **ASSESSED), workers=0)
    assert tensorboard.place == str(run.folder.parent / "tensorboard" / f"fake-{run.key[:8]}")
    assert "generators.0.use: fake-move" in tensorboard.texts["pipeline"]
    assert tensorboard.scalars["rows/train", 0] == run.metrics.rows.train
    assert tensorboard.closed


def test_losses_are_logged_by_step(mlflow, tensorboard, tmp_path):
    from augment_tracking import to_mlflow, to_tensorboard

    run = SimpleNamespace(name="a", key="k" * 64, folder=tmp_path, pipeline={})
    for observer in (to_mlflow, to_tensorboard):
        observer.augment_run_started(run=run)
        observer.augment_progress(run=run, id="gan", step=3, total=9, losses={"loss (d)": 0.5})
        observer.augment_run_finished(run=run, error=ValueError())
    assert [(metric.key, metric.value, metric.step) for metric in mlflow.metrics] == [("gan/loss _d_", 0.5, 3)]
    assert mlflow.status == "FAILED"
    assert tensorboard.scalars == {("gan/loss (d)", 3): 0.5}


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_without_its_library_a_run_goes_on_and_says_what_to_install(spec, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    notes = []
    run = augment.run(spec(observers=[name]), workers=0, events=notes.append)
    assert run.status == "done"
    (said,) = [event["message"] for event in notes if "observer" in event.get("message", "")]
    assert f"{name} is not installed; pip install 'augment-pipeline[{name}]'" in said


def test_what_a_library_lacks_is_not_taken_for_the_library(tmp_path, monkeypatch):
    (tmp_path / "half.py").write_text("import the_other_half")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'the_other_half'"):
        library("half", "half")


def test_settings_are_paths_and_texts():
    tree = {"seed": 7, "generators": [{"use": "gan", "with": {"layers": [8, 8]}}], "empty": None}
    assert dict(settings(tree)) == {
        "seed": "7",
        "generators.0.use": "gan",
        "generators.0.with.layers": "[8, 8]",
        "empty": "null",
    }


def test_results_are_those_of_metrics_json(tmp_path):
    score = {"metric": "fidelity", "of": "gan", "name": "shapes", "value": 0.9, "unit": "", "better": "higher"}
    metrics = run_metrics(
        rows={"train": 5}, trial={"arms": [arm("none", 0.5)]}, scores=[{**score, "interval": None, "detail": {}}]
    )
    (tmp_path / "metrics.json").write_text(metrics.model_dump_json(), encoding="utf-8")
    rows = {"rows/read": 0.0, "rows/train": 5.0, "rows/test": 0.0, "rows/synthetic": 0.0}
    assert results(tmp_path) == {**rows, "trial/none": 0.5, "fidelity/gan/shapes": 0.9}
