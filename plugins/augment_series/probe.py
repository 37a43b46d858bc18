"""The probe `kernels`: random convolution kernels and ridge regression, quick and hard to beat on series.

Shapes: N rows, T steps, F channels, C classes, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost
from augment.toolkit.feature_probe import FeatureProbe
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.matrix import TableEncoder
from augment_series.kernels import Kernels, bridged
from augment_series.ridge import Ridge


class KernelsProbe(FeatureProbe):
    """Ridge regression on features of random convolutions (MiniRocket: Dempster et al. 2021).

    It sees several channels, unequal lengths and gaps, which are bridged by straight lines; each channel's mean,
    standard deviation, range and share of gaps, the lengths, and the columns beside the series. The regularisation, and
    the calibration of the probabilities, are chosen by leave-one-out predictions of the training rows.
    """

    name = "kernels"
    accepts = Accepts(modalities=frozenset({"series"}), targets=frozenset({"classes", "number"}))
    default_for = frozenset({"series"})

    class Params(plugin.Params):
        features: int = Field(2_000, ge=84)
        """About how many features the convolutions give."""

    @classmethod
    def cost(cls, params: Params, schema: Schema, num_rows: int) -> Cost:
        """As measured: the convolutions of each series, then a decomposition of the features."""
        length, num_channels = schema.arrays[schema.find_array("series")].shape
        row = 1e-9 * params.features * length * num_channels + 2e-4
        least = min(num_rows, params.features)
        return Cost(
            fit=num_rows * (row + 2e-10 * least * params.features), row=row, memory=32.0 * num_rows * params.features
        )

    _scale: np.ndarray  # (2, F): mean and standard deviation of each channel
    _encoder: TableEncoder | None
    _kernels: Kernels

    def _fit_features(self, data: Dataset, context: Context) -> None:
        columns = [name for name in data.schema.features if data.schema.columns[name].type in ENCODED_TYPES]
        self._encoder = TableEncoder.fit(data, columns) if columns else None
        name = data.schema.find_array("series")
        steps_MF = np.asarray(data.arrays[name])[data.step_mask(name)].astype(np.float64)
        known = ~np.isnan(steps_MF)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, steps_MF, 0).sum(axis=0) / count
        deviation = np.sqrt(np.where(known, (steps_MF - mean) ** 2, 0).sum(axis=0) / count)
        self._scale = np.stack([mean, np.where(deviation > 0, deviation, 1)])
        self._kernels = Kernels.fit(*self._standard(data), self.params.features, context.rng)

    def _fit_model(self, features_NF: Any, target: np.ndarray, weights: np.ndarray | None, context: Context) -> Ridge:
        if self._schema.task == "number":
            return Ridge.fit(features_NF, target, 0, weights)
        return Ridge.fit(features_NF, np.searchsorted(self._present, target), len(self._present), weights)

    def _standard(self, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
        """The series standardised and without gaps, padded with zeros, and their lengths, 1 at least."""
        name = self._schema.find_array("series")
        lengths = np.maximum(data.lengths(name), 1)
        values = (data.arrays[name] - self._scale[0].astype(np.float32)) / self._scale[1].astype(np.float32)
        values = bridged(values, lengths)
        values[np.arange(values.shape[1]) >= lengths[:, np.newaxis]] = 0
        return values, lengths

    def _features(self, data: Dataset) -> np.ndarray:
        """(N, D) float64."""
        values, lengths = self._standard(data)
        name = self._schema.find_array("series")
        array = self._schema.arrays[name]
        parts = [self._kernels.transform(values, lengths), _summary(values, lengths)]
        if any(channel.nullable for channel in (array.channels or {}).values()):
            parts.append(np.isnan(data.arrays[name]).sum(axis=1) / lengths[:, np.newaxis])
        if array.length_column is not None:
            parts.append(lengths[:, np.newaxis])
        if self._encoder is not None:
            parts.append(self._encoder.encode(data.frame))
        return np.concatenate(parts, axis=1).astype(np.float64)


def _summary(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Mean, standard deviation, minimum and maximum of each channel, (N, 4F)."""
    there = (np.arange(values.shape[1]) < lengths[:, np.newaxis])[..., np.newaxis]
    mean = values.sum(axis=1) / lengths[:, np.newaxis]
    square = (values**2).sum(axis=1) / lengths[:, np.newaxis]
    low, high = np.where(there, values, np.inf).min(axis=1), np.where(there, values, -np.inf).max(axis=1)
    return np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0)), low, high], axis=1)
