"""Cases of a parametrized test that `pytest -m slow` alone tries, where the others show the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slowly(cases: Iterable[Any]) -> list[Any]:
    """The cases, each marked as slow; a tuple is several arguments."""
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow) for case in cases]
