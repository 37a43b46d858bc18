from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from augment.data import Dataset
from augment.plugin.context import Context
from augment.plugin.contracts import Params, Transform
from augment.testing import example


class _Settings(Params):
    size: int = Field(3, ge=1)
    """How many."""
    rate: float = 0.5
    """How fast."""
    path: Path | None = None
    """Where."""


def test_docstrings_of_settings_are_their_descriptions():
    assert _Settings.model_fields["size"].description == "How many."


@pytest.mark.parametrize("wrong", [{"sizes": 3}, {"size": 0}, {"rate": float("nan")}, {"rate": float("inf")}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        _Settings.model_validate(wrong)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        _Settings().size = 4


class _Doubled(Transform):
    name = "doubled"

    def apply(self, data):
        return Dataset(data.frame.assign(height=data.frame.height * 2), data.arrays, data.schema)


def test_a_transform_that_learns_nothing_can_be_kept(tmp_path):
    data = example(rows=10)
    transform = _Doubled().fit(data, Context(1, tmp_path))
    transform.save(tmp_path)
    assert _Doubled.load(tmp_path, transform.params).apply(data).equals(transform.apply(data))


def test_a_component_without_settings_has_the_default_ones():
    assert _Doubled().params == Params()
