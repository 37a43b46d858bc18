"""The conformance kit: the rules for components, as checks that a plugin's own tests can run.

    import pytest
    from augment.testing import checks_for


    @pytest.mark.parametrize("check", checks_for(Jitter), ids=str)
    def test_conformance(check, tmp_path):
        check(tmp_path)

The kit generates small datasets of every kind that the component's `accepts` declares. Importing it imports neither
pytest nor torch. Public: the names listed here keep their meaning between minor versions, but new versions of the kit
can contain more checks.
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
