from __future__ import annotations

import os
from pathlib import Path

import pytest

import augment.engine

EXTRA = Path(__file__).parent / "extra"
augment.engine.__path__.append(str(EXTRA))


@pytest.fixture(scope="module")
def tasks():
    """The tasks of `extra/tasks_of_tests.py`, in worker processes too."""
    from augment.engine import tasks_of_tests

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(EXTRA), os.environ.get("PYTHONPATH")])))
        yield tasks_of_tests
