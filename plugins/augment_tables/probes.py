"""The probes `boosting` and `logistic`: what people train on tables, to see what rows are worth.

Shapes: N rows, C classes, F features.
"""

from __future__ import annotations

import logging
import warnings
from abc import abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema, labels_of
from augment.errors import DataError
from augment.plugin import Accepts, Context, Probe
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.matrix import TableEncoder

MOST_LEVELS = 255  # that scikit-learn's boosting can tell apart in a categorical feature

log = logging.getLogger("augment")


class _TableProbe(Probe):
    """What both probes share: rows without a usable target are left out, absent classes get probability 0."""

    accepts = Accepts(modalities=frozenset({"table"}), targets=frozenset({"classes", "number"}))

    _schema: Schema
    _threads: int
    _model: Any
    _present: np.ndarray  # positions in schema.classes of the model's classes

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        from threadpoolctl import threadpool_limits

        self._schema, self._threads = data.schema, context.threads
        target, usable = _target(data)
        if not usable.all():
            data = data.take(usable)
            target, weights = target[usable], None if weights is None else weights[usable]
        if not len(data):
            raise DataError(f"probe {self.name}: no training row has a value in the target {data.schema.target!r}")
        self._fit_features(data)
        self._present = np.unique(target) if data.schema.task == "classes" else np.empty(0, dtype=np.int64)
        if len(self._present) == 1:
            self._model = None  # one class only: nothing to tell apart
            return self
        features_NF = self._features(data)
        if not features_NF.shape[1]:
            raise DataError(
                f"probe {self.name}: no column can be learnt from; columns of type "
                f"{', '.join(sorted(ENCODED_TYPES))} can"
            )
        with threadpool_limits(limits=context.threads):
            self._model = self._fit_model(features_NF, target, weights, context)
        return self

    def predict(self, data: Dataset) -> np.ndarray:
        from threadpoolctl import threadpool_limits

        if self._schema.task == "number":
            with threadpool_limits(limits=self._threads):
                values: np.ndarray = self._model.predict(self._features(data))
            return values
        probabilities_NC = np.zeros((len(data), len(self._schema.classes)))
        if self._model is None:
            probabilities_NC[:, self._present] = 1.0
            return probabilities_NC
        with threadpool_limits(limits=self._threads):
            probabilities_NC[:, self._present] = self._model.predict_proba(self._features(data))
        return probabilities_NC

    @abstractmethod
    def _fit_features(self, data: Dataset) -> None: ...

    @abstractmethod
    def _features(self, data: Dataset) -> np.ndarray: ...

    @abstractmethod
    def _fit_model(
        self, features_NF: np.ndarray, target: np.ndarray, weights: np.ndarray | None, context: Context
    ) -> Any: ...


class Boosting(_TableProbe):
    """Gradient-boosted trees (scikit-learn's HistGradientBoosting), always with the same number of trees.

    Categories are told apart as such up to 255 labels, beyond that in the order of their frequency. Missing values and
    unknown labels go their own way at each split. Text and ids are ignored.
    """

    name = "boosting"
    default_for = frozenset({"table"})

    class Params(plugin.Params):
        """How the trees are grown."""

        max_iter: int = Field(default=100, ge=1)
        """Number of trees, for each class where there are more than two."""
        learning_rate: float = Field(default=0.1, gt=0)
        """How much each tree adds."""

    _levels: dict[str, dict[str, int]]  # column to label to code

    def _fit_features(self, data: Dataset) -> None:
        self._levels = {}
        for name in _usable_columns(data.schema):
            if data.schema.columns[name].type == "category":
                counts = data.frame[name].value_counts()
                labels = [str(label) for label in counts.index[counts > 0]]
                self._levels[name] = {label: code for code, label in enumerate(labels)}

    def _features(self, data: Dataset) -> np.ndarray:
        columns = []
        for name in _usable_columns(self._schema):
            values = data.frame[name]
            if name in self._levels:
                # unknown labels map to NaN, as missing ones do
                codes = np.array([self._levels[name].get(str(c), np.nan) for c in values.cat.categories] + [np.nan])
                columns.append(codes[values.cat.codes.to_numpy()])
            elif self._schema.columns[name].type == "datetime":
                columns.append((values - pd.Timestamp(0)).dt.total_seconds().to_numpy(dtype=np.float64))
            else:
                columns.append(values.to_numpy(dtype=np.float64, na_value=np.nan))
        vectors = [data.arrays[name] for name in _vectors(self._schema)]
        return np.concatenate([np.empty((len(data), 0)), *(column[:, None] for column in columns), *vectors], axis=1)

    def _fit_model(
        self, features_NF: np.ndarray, target: np.ndarray, weights: np.ndarray | None, context: Context
    ) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        columns = _usable_columns(self._schema)
        categorical = np.zeros(features_NF.shape[1], dtype=bool)
        categorical[: len(columns)] = [0 < len(self._levels.get(name, ())) <= MOST_LEVELS for name in columns]
        kind = HistGradientBoostingClassifier if self._schema.task == "classes" else HistGradientBoostingRegressor
        model = kind(
            max_iter=self.params.max_iter,
            learning_rate=self.params.learning_rate,
            categorical_features=categorical,
            early_stopping=False,
            random_state=int(context.rng.integers(2**31)),
        )
        return model.fit(features_NF, target, sample_weight=weights)


class Logistic(_TableProbe):
    """Logistic regression, or ridge regression for a numeric target, on standardised numbers and one-hot labels.

    Missing values are a label of their own, or the mean beside an indicator. Text and ids are ignored.
    """

    name = "logistic"

    class Params(plugin.Params):
        """How strongly the weights are held back."""

        C: float = Field(default=1.0, gt=0)
        """Inverse of the strength of the L2 penalty; smaller is stronger."""
        max_iter: int = Field(default=1000, ge=1)
        """Most steps of the solver."""

    _encoder: TableEncoder

    def _fit_features(self, data: Dataset) -> None:
        self._encoder = TableEncoder.fit(data, _usable_columns(data.schema))

    def _features(self, data: Dataset) -> np.ndarray:
        vectors = [data.arrays[name] for name in _vectors(self._schema)]
        return np.concatenate([self._encoder.encode(data.frame), *vectors], axis=1)

    def _fit_model(
        self, features_NF: np.ndarray, target: np.ndarray, weights: np.ndarray | None, context: Context
    ) -> Any:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression, Ridge

        if self._schema.task == "number":
            return Ridge(alpha=1 / self.params.C).fit(features_NF, target, sample_weight=weights)
        model = LogisticRegression(C=self.params.C, max_iter=self.params.max_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # said in the log instead
            model.fit(features_NF, target, sample_weight=weights)
        if (model.n_iter_ >= self.params.max_iter).any():
            log.warning("probe logistic: not converged after %d steps; raise max_iter or lower C", self.params.max_iter)
        return model


def _usable_columns(schema: Schema) -> list[str]:
    return [name for name in schema.features if schema.columns[name].type in ENCODED_TYPES]


def _vectors(schema: Schema) -> list[str]:
    return [name for name, array in schema.arrays.items() if array.type == "vector"]


def _target(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Class positions or values (N,), and which of them are known: bool (N,)."""
    assert data.schema.target is not None  # `accepts` asks for a target
    values = data.frame[data.schema.target]
    if data.schema.task == "classes":
        codes = pd.Index(data.schema.classes, dtype="object").get_indexer(pd.Index(labels_of(values), dtype="object"))
        return codes, codes >= 0
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers, ~np.isnan(numbers)
