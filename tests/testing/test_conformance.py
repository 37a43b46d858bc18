"""The conformance kit over every component of every installed plugin."""

from __future__ import annotations

import pytest
from installed import COMPONENTS, REPORTS, SETTINGS

from augment.testing import checks_for

# By class: what it may break, and why.
EXCEPTIONS = {}


def _parameters():
    found = []
    for cls in COMPONENTS:
        name = cls.__qualname__
        for check in checks_for(cls, SETTINGS.get(name), EXCEPTIONS.get(name)):
            found.append(pytest.param(check, id=f"{cls.kind}-{name}-{check}"))
    return found


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.offer.name)
def test_every_installed_plugin_can_be_used(report):
    assert not report.error


def test_settings_and_exceptions_are_for_components_that_exist():
    names = {cls.__qualname__ for cls in COMPONENTS}
    assert set(SETTINGS) <= names
    assert set(EXCEPTIONS) <= names


@pytest.fixture(autouse=True)
def _checkpoints_after_every_step(monkeypatch):
    """So few steps as here would end before the first checkpoint, and a killed fit would have nothing to go on from."""
    monkeypatch.setattr("augment.toolkit.training.SECONDS_BETWEEN_CHECKPOINTS", 0.0)


@pytest.mark.parametrize("check", _parameters())
def test_component_keeps_the_rules(check, tmp_path):
    check(tmp_path)
