"""The component keeps the rules, and works in a pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

import augment
from augment.testing import checks_for
from augment_density import Density

HERE = Path(__file__).parents[1]
SETTINGS = {}  # what makes the checks quick, where the defaults take long


@pytest.mark.parametrize("check", checks_for(Density, SETTINGS), ids=str)
def test_it_keeps_the_rules(check, tmp_path):
    check(tmp_path)


def test_it_works_in_a_pipeline(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))
    run = augment.run(HERE / "example.yaml", out=tmp_path / "run")
    assert run.status == "done"
