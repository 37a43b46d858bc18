"""The probes `boosting` and `logistic`: what people train on tables, to see what rows are worth.

Shapes: N rows, C classes, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Context, Cost, MeasuredGain, read_gains
from augment.toolkit.feature_probe import FeatureProbe, LinearProbe
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.matrix import TableEncoder

MAX_CATEGORIES = 255  # of a categorical feature, in scikit-learn's boosting
SMALL = {"max_leaf_nodes": 6, "min_samples_leaf": 5}


@cache
def _measured() -> dict[str, tuple[MeasuredGain, ...]]:
    """Model to what was measured with it over public tables; `bench/league_gains.py` writes the file."""
    return read_gains(Path(__file__).with_name("gains.json"))


class _TableProbe(FeatureProbe):
    """Features from the columns and vectors of a table."""

    accepts = Accepts(modalities=frozenset({"table"}), targets=frozenset({"classes", "number"}))

    def _fit_features(self, data: Dataset, context: Context) -> None:
        self._columns = [name for name in data.schema.features if data.schema.columns[name].type in ENCODED_TYPES]
        self._vectors = [name for name, array in data.schema.arrays.items() if array.type == "vector"]
        if not (self._columns or self._vectors):
            raise DataError(
                f"probe {self.name}: no column can be learnt from; columns of type "
                f"{', '.join(sorted(ENCODED_TYPES))} can"
            )


class Boosting(_TableProbe):
    """Gradient-boosted trees (scikit-learn's HistGradientBoosting), always with the same number of trees.

    Categories are used as such up to 255 labels, beyond that in the order of their frequency. Missing values and
    unknown labels go their own way at each split. Text and ids are ignored.
    """

    name = "boosting"
    default_for = frozenset({"table"})
    imports = ("sklearn.ensemble",)
    deterministic = True

    class Params(plugin.Params):
        """How the trees are grown."""

        max_iter: int = Field(default=100, ge=1)
        """Number of trees, for each class where there are more than two."""
        learning_rate: float = Field(default=0.1, gt=0)
        """How much each tree adds."""
        max_leaf_nodes: int = Field(default=31, ge=2)
        """Maximum number of leaves of a tree."""
        min_samples_leaf: int = Field(default=20, ge=1)
        """Minimum number of rows of a leaf."""

    @classmethod
    def settings_to_try(cls, params: Params) -> tuple[dict[str, Any], ...]:
        """Smaller trees, which suit small data better."""
        return ({**SMALL, "learning_rate": 0.05}, {**SMALL, "max_leaf_nodes": 3})

    @classmethod
    def measured_gains(cls, params: Params) -> Sequence[MeasuredGain]:
        """Those of small trees, or of trees as they are by default: whichever are nearer."""
        is_small = params.max_leaf_nodes <= SMALL["max_leaf_nodes"]
        return _measured().get("small boosting" if is_small else "boosting", ())

    @classmethod
    def cost(cls, params: Params, schema: Schema, num_rows: int) -> Cost:
        """As measured: a tree costs as much as its leaves, and by its rows where they are many."""
        num_columns, num_classes = len(schema.features), len(schema.classes)
        num_trees = params.max_iter * (num_classes if num_classes > 2 else 1)
        num_leaves = min(params.max_leaf_nodes, num_rows / params.min_samples_leaf)
        tree = num_leaves * (8e-5 + 1.2e-6 * num_columns) + 1e-8 * num_rows * num_columns
        return Cost(fit=num_trees * tree, row=1e-7 * num_trees)

    _levels: dict[str, dict[str, int]]  # column to label to code

    def _fit_features(self, data: Dataset, context: Context) -> None:
        super()._fit_features(data, context)
        self._levels = {}
        for name in self._columns:
            if data.schema.columns[name].type == "category":
                counts = data.frame[name].value_counts()
                labels = [str(label) for label in counts.index[counts > 0]]
                self._levels[name] = {label: code for code, label in enumerate(labels)}

    def _features(self, data: Dataset) -> np.ndarray:
        columns = []
        for name in self._columns:
            values = data.frame[name]
            if name in self._levels:
                # unknown labels map to NaN, as missing ones do
                codes = np.array([self._levels[name].get(str(c), np.nan) for c in values.cat.categories] + [np.nan])
                columns.append(codes[values.cat.codes.to_numpy()])
            elif self._schema.columns[name].type == "datetime":
                # not in nanoseconds, which end with the year 2262
                moments = values.to_numpy("datetime64[us]") - np.datetime64(0, "us")
                columns.append(moments / np.timedelta64(1, "s"))
            else:
                columns.append(values.to_numpy(dtype=np.float64, na_value=np.nan))
        vectors = [data.arrays[name] for name in self._vectors]
        return np.concatenate([np.empty((len(data), 0)), *(column[:, None] for column in columns), *vectors], axis=1)

    def _fit_model(
        self, features_NF: np.ndarray, target: np.ndarray, weights: np.ndarray | None, context: Context
    ) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        categorical = np.zeros(features_NF.shape[1], dtype=bool)
        categorical[: len(self._columns)] = [
            0 < len(self._levels.get(name, ())) <= MAX_CATEGORIES for name in self._columns
        ]
        kind = HistGradientBoostingClassifier if self._schema.task == "classes" else HistGradientBoostingRegressor
        model = kind(
            max_iter=self.params.max_iter,
            learning_rate=self.params.learning_rate,
            max_leaf_nodes=self.params.max_leaf_nodes,
            min_samples_leaf=self.params.min_samples_leaf,
            categorical_features=categorical,
            early_stopping=False,
            random_state=0,  # it only decides by which of more than 200,000 rows features are binned
        )
        return model.fit(features_NF, target, sample_weight=weights)


class Logistic(LinearProbe, _TableProbe):
    """Logistic regression, or ridge regression for a numeric target, on standardised numbers and one-hot labels.

    Missing values are a label of their own, or the mean beside an indicator. Text and ids are ignored.
    """

    name = "logistic"
    imports = ("sklearn.linear_model",)

    _encoder: TableEncoder

    @classmethod
    def measured_gains(cls, params: LinearProbe.Params) -> Sequence[MeasuredGain]:
        """Those with the default penalty."""
        return _measured().get("logistic", ())

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured."""
        num_cells = num_rows * len(schema.features)
        return Cost(fit=0.02 + 1e-6 * num_cells, row=1e-6 * len(schema.features))

    def _fit_features(self, data: Dataset, context: Context) -> None:
        super()._fit_features(data, context)
        self._encoder = TableEncoder.fit(data, self._columns)

    def _features(self, data: Dataset) -> np.ndarray:
        vectors = [data.arrays[name] for name in self._vectors]
        return np.concatenate([self._encoder.encode(data.frame), *vectors], axis=1)
