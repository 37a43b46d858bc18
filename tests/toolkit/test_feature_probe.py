from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer, observe
from augment.errors import DataError
from augment.toolkit.feature_probe import rows_with_target


def dataset(targets):
    frame = pd.DataFrame({"x": np.arange(len(targets), dtype=float), "y": targets})
    schema, _ = observe(infer(frame, {}, SchemaDeclaration(target="y")), frame, {})
    return Dataset.of(frame, {}, schema)


def test_classes_become_positions_and_rows_without_one_are_left_out():
    data, target, weights = rows_with_target("p", dataset(pd.Categorical(["b", None, "a", "b"])), None)
    assert data.frame["x"].tolist() == [0, 2, 3]
    assert target.tolist() == [1, 0, 1]
    assert weights is None


def test_rows_of_no_weight_are_left_out():
    data, target, weights = rows_with_target("p", dataset([1.5, 2.5, np.nan]), np.array([0.0, 3.0, 1.0]))
    assert (data.frame["x"].tolist(), target.tolist(), weights.tolist()) == ([1], [2.5], [3])


def test_without_any_such_row_the_probe_is_named():
    with pytest.raises(DataError, match="probe p: no training row has a value in the target 'y'"):
        rows_with_target("p", dataset([1.5, 2.5]), np.zeros(2))
