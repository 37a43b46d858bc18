"""The conformance kit: what every component must do, as checks that a plugin's own tests can run.

    import pytest
    from augment.testing import checks_for


    @pytest.mark.parametrize("check", checks_for(Jitter), ids=str)
    def test_conformance(check, tmp_path):
        check(tmp_path)

The data is made here, small, of every kind that the component's `accepts` names: what a component declares is tried.
Importing the kit imports neither pytest nor torch. Public: what is listed here keeps its name and meaning from one
minor version to the next; new versions of the kit may hold more checks.
"""

from __future__ import annotations

from augment.testing.examples import example
from augment.testing.kit import Check, check_component, checks_for
from augment.testing.rules import ConformanceError, Finding
from augment.testing.runs import ExampleRun, example_run

__all__ = [
    "Check",
    "ConformanceError",
    "ExampleRun",
    "Finding",
    "check_component",
    "checks_for",
    "example",
    "example_run",
]
