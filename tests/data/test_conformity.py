from __future__ import annotations

import pandas as pd
import pytest

from augment.data import Column, Schema
from augment.data.conformity import conform, made_by
from augment.errors import PluginError


def test_a_component_may_give_truth_values_as_labels_and_no_other_words():
    schema = Schema(columns={"owner": Column(type="boolean")})
    with made_by("generator 'g'"):
        given = conform(pd.DataFrame({"owner": ["True", "False"]}), schema)
        assert given["owner"].tolist() == [True, False]
        with pytest.raises(PluginError, match=r"generator 'g': column 'owner', data row 1: 'perhaps' is not of type"):
            conform(pd.DataFrame({"owner": ["perhaps", "True"]}), schema)
