"""What probes share: the rows that teach, the target as numbers, and models of a matrix of features.

Shapes: N rows, C classes, F features.
"""

from __future__ import annotations

import logging
import warnings
from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema, class_positions
from augment.errors import DataError
from augment.plugin.context import Context
from augment.plugin.contracts import Probe

__all__ = ["FeatureProbe", "LinearProbe", "rows_with_target"]

log = logging.getLogger("augment")


def rows_with_target(
    probe: str, data: Dataset, weights: np.ndarray | None
) -> tuple[Dataset, np.ndarray, np.ndarray | None]:
    """The rows that a probe can learn from: those with a target, and a weight above 0.

    Returns:
        the rows; their targets (N,), positions in `schema.classes` int64 or values float64; their weights.

    Raises:
        DataError: there is none. The message names the probe.
    """
    schema = data.schema
    assert schema.target is not None  # `accepts` of each probe asks for a target
    values = data.frame[schema.target]
    if schema.task == "classes":
        target = class_positions(values, schema.classes)
        usable = target >= 0
    else:
        target = values.to_numpy(dtype=np.float64, na_value=np.nan)
        usable = ~np.isnan(target)
    if weights is not None:
        usable &= weights > 0
    if not usable.any():
        raise DataError(
            f"probe {probe}: no training row has a value in the target {schema.target!r} and a weight above 0; "
            "there is nothing to learn from"
        )
    if usable.all():
        return data, target, weights
    return data.take(usable), target[usable], None if weights is None else weights[usable]


class FeatureProbe(Probe):
    """A probe that turns rows into a matrix of features and fits one model to it, with scikit-learn's interface.

    Where there is only one class, or no feature, it predicts the weighted shares of the classes, or the mean. Classes
    that no training row has get probability 0.
    """

    _schema: Schema
    _threads: int
    _model: Any
    _present: np.ndarray  # positions in schema.classes of the model's classes
    _constant: np.ndarray  # what is predicted without a model: shares of the classes (C,), or the mean ()

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        """Fit features and model on the rows that `rows_with_target` gives."""
        from threadpoolctl import threadpool_limits

        self._schema, self._threads, self._model = data.schema, context.threads, None
        data, target, weights = rows_with_target(self.name, data, weights)
        if data.schema.task == "classes":
            self._present = np.unique(target)
            counts = np.bincount(target, weights, len(data.schema.classes))
            self._constant = counts / counts.sum()
            if len(self._present) == 1:
                return self
        else:
            self._constant = np.average(target, weights=weights)
        with threadpool_limits(limits=context.threads):
            self._fit_features(data, context)
            features_NF = self._features(data)
            if features_NF.shape[1]:
                self._model = self._fit_model(features_NF, target, weights, context)
        return self

    def predict(self, data: Dataset) -> np.ndarray:
        """Class probabilities (N, C), or values (N,)."""
        from threadpoolctl import threadpool_limits

        predicted = np.zeros((len(data), *self._constant.shape))
        if self._model is None:
            predicted[:] = self._constant
            return predicted
        with threadpool_limits(limits=self._threads):
            features_NF = self._features(data)
            if self._schema.task == "classes":
                predicted[:, self._present] = self._model.predict_proba(features_NF)
            else:
                predicted[:] = self._model.predict(features_NF)
        return predicted

    @abstractmethod
    def _fit_features(self, data: Dataset, context: Context) -> None:
        """Learn what `_features` needs."""

    @abstractmethod
    def _features(self, data: Dataset) -> Any:
        """The features of rows, an array or a sparse matrix (N, F)."""

    @abstractmethod
    def _fit_model(self, features_NF: Any, target: np.ndarray, weights: np.ndarray | None, context: Context) -> Any:
        """A fitted model with `predict_proba` for classes, its classes in ascending order, and `predict` for values."""


class LinearProbe(FeatureProbe):
    """Logistic regression, or ridge regression for a numeric target."""

    deterministic = True

    class Params(plugin.Params):
        """How strongly the coefficients are regularised."""

        C: float = Field(default=1.0, gt=0)
        """Inverse of the strength of the L2 penalty; smaller is stronger."""
        max_iter: int = Field(default=1000, ge=1)
        """Maximum number of iterations of the solver."""

    ridge_solver: ClassVar[str] = "auto"

    @classmethod
    def settings_to_try(cls, params: Params) -> tuple[dict[str, Any], ...]:
        """Stronger and weaker penalties."""
        return tuple({"C": params.C * factor} for factor in (0.01, 0.1, 10.0))

    def _fit_model(self, features_NF: Any, target: np.ndarray, weights: np.ndarray | None, context: Context) -> Any:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression, Ridge

        if self._schema.task == "number":
            model = Ridge(alpha=1 / self.params.C, solver=self.ridge_solver)
            return model.fit(features_NF, target, sample_weight=weights)
        model = LogisticRegression(C=self.params.C, max_iter=self.params.max_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # logged below
            model.fit(features_NF, target, sample_weight=weights)
        if (model.n_iter_ >= self.params.max_iter).any():
            log.warning(
                "probe %s: not converged after %d iterations; raise max_iter or lower C", self.name, model.max_iter
            )
        return model
