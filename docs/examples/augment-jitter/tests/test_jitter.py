"""The component passes the conformance kit and works in a pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

import augment
from augment.testing import checks_for
from augment_jitter.generator import Jitter

HERE = Path(__file__).parents[1]
SETTINGS = {}  # settings for faster checks, if the defaults are slow


@pytest.mark.parametrize("check", checks_for(Jitter, SETTINGS), ids=str)
def test_it_keeps_the_rules(check, tmp_path):
    check(tmp_path)


def test_it_works_in_a_pipeline(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))
    run = augment.run(HERE / "example.yaml", out=tmp_path / "run")
    assert run.status == "done"
