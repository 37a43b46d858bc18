"""The training scripts in docs/examples run, and reach what they are for."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


def _main(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.mark.slow
def test_the_torch_loop_learns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _main("torch_loop")() > 0.8


@pytest.mark.slow
def test_the_pipeline_of_imbalanced_learn_scores_both(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scores = _main("imblearn_pipeline")()
    assert set(scores) == {"nothing", "smote"}
    assert min(scores.values()) > 0.8


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_trainer_learns(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    monkeypatch.chdir(tmp_path)
    assert _main("trainer")() > 0.7
