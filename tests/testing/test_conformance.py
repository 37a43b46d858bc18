"""The conformance kit over every component of every installed plugin."""

from __future__ import annotations

import pytest
from installed import COMPONENTS, REPORTS, SETTINGS

from augment.testing import ConformanceError, checks_for
from augment_evidence import classifiers

# By class: what it may break, and why.
ONE_CHANNEL = "files of the UCR archive hold series of one channel, and those of the kit have two"
EXCEPTIONS = {
    "UcrSink": {
        "writes-what-it-says": ONE_CHANNEL,
        "equal-data-gives-equal-bytes": ONE_CHANNEL,
        "never-holds-all-batches": ONE_CHANNEL,
        "the-source-of-the-same-name-reads-it": ONE_CHANNEL,
    }
}


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.offer.name)
def test_every_installed_plugin_can_be_used(report):
    assert not report.error


def test_settings_and_exceptions_are_for_components_that_exist():
    names = {cls.__qualname__ for cls in COMPONENTS}
    assert set(SETTINGS) <= names
    assert set(EXCEPTIONS) <= names
    bases = {cls.__qualname__: {base.__qualname__ for base in cls.__mro__} for cls in COMPONENTS}
    assert all(base in bases[name] for base, name in TRIED_BY_ANOTHER.items())


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Few steps where no setting says so, and checkpoints after each: a killed fit has something to go on from."""
    monkeypatch.setattr("augment.toolkit.training.SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    monkeypatch.setattr(classifiers.train_classifier, "__defaults__", (10,))


def _checks(cls):
    """Those that try each rule once, on the last kind of data, which asks the most of a component; and all others."""
    checks = checks_for(cls, SETTINGS.get(cls.__qualname__), EXCEPTIONS.get(cls.__qualname__))
    once = {check.rule.name: check for check in checks}.values()
    return list(once), [check for check in checks if check not in once]


def _assert_all_pass(checks, tmp_path):
    findings = []
    for position, check in enumerate(checks):
        folder = tmp_path / str(position)
        folder.mkdir()
        try:
            check(folder)
        except ConformanceError as error:
            findings += error.findings
    if findings:
        raise ConformanceError(*findings)


# By class: the one that derives from it, and is tried by default in its place; the tests of the plugin try both.
TRIED_BY_ANOTHER = {"HistoryRnn": "HistoryAnchored", "ImageVae": "AnchoredImage", "TextRnn": "TextAnchored"}

EVERY_COMPONENT = pytest.mark.parametrize("cls", COMPONENTS, ids=lambda cls: f"{cls.kind}-{cls.__qualname__}")


@pytest.mark.parametrize(
    "cls",
    [
        pytest.param(
            cls,
            id=f"{cls.kind}-{cls.__qualname__}",
            marks=[pytest.mark.slow] if cls.__qualname__ in TRIED_BY_ANOTHER else [],
        )
        for cls in COMPONENTS
    ],
)
def test_component_keeps_each_rule_on_one_kind_of_data(cls, tmp_path):
    once, _ = _checks(cls)
    assert once
    _assert_all_pass(once, tmp_path)


@pytest.mark.slow
@EVERY_COMPONENT
def test_component_keeps_the_rules_on_every_other_kind_of_data(cls, tmp_path):
    _, others = _checks(cls)
    _assert_all_pass(others, tmp_path)
