from __future__ import annotations

import pytest

from augment import errors
from augment.engine.jobs import error_from_json, error_to_json, open_task
from augment.errors import DataError


class Refused(DataError):
    """A plugin's own error."""


@pytest.mark.parametrize("kind", [name for name in errors.__all__ if name not in ("Problem", "did_you_mean")])
def test_our_errors_cross_the_pipe_with_kind_and_exit_code(kind):
    error = getattr(errors, kind)("what happened")
    back = error_from_json(error_to_json(error, "trace"), "ignored")
    assert (type(back), str(back), back.exit_code) == (type(error), "what happened", error.exit_code)


def test_an_error_derived_from_ours_crosses_the_pipe_as_ours():
    back = error_from_json(error_to_json(Refused("bad cell"), "trace"), "ignored")
    assert (type(back), str(back)) == (DataError, "bad cell")


def test_a_task_is_named_by_module_and_function():
    task = open_task("augment.engine.tasks:devices", {}, lambda event: None)
    assert set(task({})) == {"cuda"}
