"""The conformance kit over every component of every installed plugin."""

from __future__ import annotations

import pytest

from augment.plugins import Catalog
from augment.testing import checks_for

CATALOG = Catalog()
REPORTS = CATALOG.reports()
COMPONENTS = sorted(
    {cls for report in REPORTS if not report.error for cls in CATALOG.components(report.offer.name)},
    key=lambda cls: (cls.kind, cls.name, cls.__qualname__),
)

# Settings that make a component quick enough to be checked, or that it cannot do without; by its class's name.
SETTINGS = {}

# (class, rule) to the reason why a component may break a rule.
EXCEPTIONS = {}


def _parameters():
    found = []
    for cls in COMPONENTS:
        for check in checks_for(cls, SETTINGS.get(cls.__qualname__)):
            reason = EXCEPTIONS.get((cls.__qualname__, check.rule))
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            found.append(pytest.param(check, id=f"{cls.kind}-{cls.__qualname__}-{check}", marks=marks))
    return found


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.offer.name)
def test_every_installed_plugin_can_be_used(report):
    assert not report.error


@pytest.mark.parametrize("check", _parameters())
def test_component_keeps_the_rules(check, tmp_path):
    check(tmp_path)
