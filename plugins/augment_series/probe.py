"""The probe `kernels`: random convolution kernels and ridge regression, quick and hard to beat on series.

Shapes: N rows, T steps, F channels, C classes, D features.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema, labels_of
from augment.errors import DataError
from augment.plugin import Accepts, Context, Probe
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.matrix import TableEncoder
from augment_series.kernels import Kernels, bridged
from augment_series.ridge import Ridge


class KernelsProbe(Probe):
    """Ridge regression on features of random convolutions (MiniRocket: Dempster et al. 2021).

    It sees several channels, unequal lengths and gaps, which are bridged by straight lines; each channel's mean,
    spread, ends and share of gaps, the lengths, and the columns beside the series. Its probabilities come from what it
    says of training rows that were left out, by which its strength is chosen too.
    """

    name = "kernels"
    accepts = Accepts(modalities=frozenset({"series"}), targets=frozenset({"classes", "number"}))
    default_for = frozenset({"series"})

    class Params(plugin.Params):
        features: int = Field(2_000, ge=84)
        """About how many features the convolutions give."""

    _schema: Schema
    _threads: int
    _scale: np.ndarray  # (2, F): mean and spread of each channel
    _encoder: TableEncoder | None
    _kernels: Kernels
    _model: Ridge | None
    _present: np.ndarray  # positions in schema.classes of the model's classes
    _mean: float

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        from threadpoolctl import threadpool_limits

        self._schema, self._threads = data.schema, context.threads
        target = self._target(data)
        weights = np.ones(len(data)) if weights is None else np.asarray(weights, np.float64)
        usable = (target >= 0 if data.schema.task == "classes" else ~np.isnan(target)) & (weights > 0)
        if not usable.any():
            raise DataError(f"probe kernels: no training row has a value in the target {data.schema.target!r}")
        data, target, weights = data.take(usable), target[usable], weights[usable]
        columns = [name for name in data.schema.features if data.schema.columns[name].type in ENCODED_TYPES]
        self._encoder = TableEncoder.fit(data, columns) if columns else None
        self._model, self._mean = None, float(np.average(target, weights=weights))
        self._present, codes = np.unique(target, return_inverse=True) if self._classed else (np.empty(0), target)
        if self._classed and len(self._present) == 1:
            return self
        name = data.schema.array_of("series")
        values, lengths = data.arrays[name], data.lengths(name)
        is_there = np.arange(values.shape[1]) < lengths[:, np.newaxis]
        steps_MF = np.asarray(values)[is_there].astype(np.float64)
        known = ~np.isnan(steps_MF)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, steps_MF, 0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (steps_MF - mean) ** 2, 0).sum(axis=0) / count)
        self._scale = np.stack([mean, np.where(spread > 0, spread, 1)])
        with threadpool_limits(limits=context.threads):
            self._kernels = Kernels.fit(*self._standard(data), self.params.features, context.rng)
            num_classes = len(self._present) if self._classed else 0
            self._model = Ridge.fit(self._features(data), codes, num_classes, weights)
        return self

    @property
    def _classed(self) -> bool:
        return self._schema.task == "classes"

    def predict(self, data: Dataset) -> np.ndarray:
        from threadpoolctl import threadpool_limits

        if not self._classed:
            assert self._model is not None
            with threadpool_limits(limits=self._threads):
                return self._model.predict(self._features(data))[:, 0]
        probabilities_NC = np.zeros((len(data), len(self._schema.classes)))
        if self._model is None:  # one class only: nothing to tell apart
            probabilities_NC[:, self._present] = 1.0
            return probabilities_NC
        with threadpool_limits(limits=self._threads):
            probabilities_NC[:, self._present] = self._model.probabilities(self._features(data))
        return probabilities_NC

    def _standard(self, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
        """The series standardised and without gaps, padded with zeros, and their lengths, 1 at least."""
        name = self._schema.array_of("series")
        lengths = np.maximum(data.lengths(name), 1)
        values = (data.arrays[name] - self._scale[0].astype(np.float32)) / self._scale[1].astype(np.float32)
        values = bridged(values, lengths)
        values[np.arange(values.shape[1]) >= lengths[:, np.newaxis]] = 0
        return values, lengths

    def _features(self, data: Dataset) -> np.ndarray:
        """(N, D) float64."""
        values, lengths = self._standard(data)
        name = self._schema.array_of("series")
        array = self._schema.arrays[name]
        parts = [self._kernels.transform(values, lengths), _summary(values, lengths)]
        if any(channel.nullable for channel in (array.channels or {}).values()):
            parts.append(np.isnan(data.arrays[name]).sum(axis=1) / lengths[:, np.newaxis])
        if array.length_column is not None:
            parts.append(lengths[:, np.newaxis])
        if self._encoder is not None:
            parts.append(self._encoder.encode(data.frame))
        return np.concatenate(parts, axis=1).astype(np.float64)

    def _target(self, data: Dataset) -> np.ndarray:
        """Class positions or values, (N,)."""
        assert data.schema.target is not None  # `accepts` asks for a target
        values = data.frame[data.schema.target]
        if data.schema.task == "classes":
            labels = pd.Index(labels_of(values), dtype="object")
            return pd.Index(data.schema.classes, dtype="object").get_indexer(labels)
        return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _summary(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Mean, spread, smallest and largest value of each channel, (N, 4F)."""
    there = (np.arange(values.shape[1]) < lengths[:, np.newaxis])[..., np.newaxis]
    mean = values.sum(axis=1) / lengths[:, np.newaxis]
    square = (values**2).sum(axis=1) / lengths[:, np.newaxis]
    low, high = np.where(there, values, np.inf).min(axis=1), np.where(there, values, -np.inf).max(axis=1)
    return np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0)), low, high], axis=1)
