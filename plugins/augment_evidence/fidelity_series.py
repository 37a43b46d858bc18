"""The metric `fidelity` for series: do they take the same values, move and hang together as real ones, without copying?

Shapes: N series, T steps, G channels (a channel of labels counts once for each label), M steps of all series.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from augment.data import Column, Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.column_comparison import ColumnComparison
from augment_evidence.equal_rows import copied_share
from augment_evidence.nearest_neighbors import distance_ratio, nearest
from augment_evidence.references import Better, scores_beside
from augment_evidence.samples import capped, label_shares, target_labels, uniform, weights_for
from augment_evidence.series_points import series_values
from augment_evidence.similarity import correlations, label_similarity, number_similarity
from augment_evidence.space import Space

__all__ = ["FidelitySeries", "copies_with_noise"]

MAX_SERIES = 2_000
MAX_VALUES = 4_000_000  # of a part
NOISE = 0.01  # standard deviations of a channel, that the control adds to copies
NUM_LAGS = 20
NUM_NEIGHBORS = 10
CONTROL = "copies with noise"

BETTER: dict[str, Better] = {
    "value shapes": "higher",
    "autocorrelation error": "lower",
    "cross-correlation error": "lower",
    "column shapes": "higher",
    "nearest-neighbour ratio": "higher",
    "exact copies": "lower",
}


class FidelitySeries(Metric):
    """How far synthetic series agree with the training part's.

    * `value shapes`, mean over channels: for numbers 1 minus the Kolmogorov-Smirnov statistic of the values at all
      steps (missing values count as lower than all others); for labels 1 minus the total variation distance.
    * `autocorrelation error`, mean over channels and up to 20 lags, to half the steps: the absolute difference of the
      correlation of values so many steps apart, each series about its own mean.
    * `cross-correlation error`, mean over pairs of channels: the same of values at one step.
    * `column shapes`: `value shapes` of the columns beside the series, lengths among them.
    * `nearest-neighbour ratio`, the median over series: the distance to the nearest training series over the mean
      distance to the ten that follow. Near 0 are copies.
    * `exact copies`, the share that equals a training series.

    Beside each stands what the real hold-out reaches, and what training series reach to which noise of 1 % was added:
    such copies score well everywhere but in the nearest-neighbour ratio, which is why no score counts alone. How many
    rows of each class there are was asked for, not learnt: real rows are weighted to the synthetic rows' classes.
    Of each part at most 2,000 series are used, fewer of long ones.
    """

    name = "fidelity"
    accepts = Accepts(modalities=frozenset({"series"}))
    default_for = frozenset({"series"})

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        if not (len(synthetic) and len(train)):
            return []
        rng = context.rng
        array = train.schema.arrays[train.schema.find_array("series")]
        limit = min(MAX_SERIES, max(50, MAX_VALUES // max(1, int(np.prod(array.shape)))))
        real, sample, held_out = (capped(part, limit, rng) for part in (train, synthetic, holdout))
        shares = label_shares(target_labels(sample), uniform(sample))
        own = weights_for(target_labels(real), shares)
        own = uniform(real) if own is None else own
        parts = {"synthetic": (sample, uniform(sample))}
        if (weights := weights_for(target_labels(held_out), shares)) is not None:
            parts["hold-out"] = (held_out, weights)
        copies = copies_with_noise(real.take(rng.choice(len(real), len(sample), p=own)), rng)
        parts[CONTROL] = (copies, uniform(copies))

        comparison, expected = ColumnComparison(real, rng), _Course.of(real, own)
        space = Space.fit(train)
        points = space.points(real)
        values: dict[str, dict[str, float]] = {}
        channels: dict[str, float] = {}
        for name, (part, weights) in parts.items():
            course = _Course.of(part, weights)
            by_channel = course.shapes(expected)
            channels = channels or by_channel
            measured = {"value shapes": float(np.mean(list(by_channel.values())))}
            measured |= course.errors(expected)
            if columns := comparison.compare(part, weights)[0]:
                measured["column shapes"] = float(np.mean(list(columns.values())))
            if len(points) > NUM_NEIGHBORS + 1:
                ratio = distance_ratio(nearest(space.points(part), points, NUM_NEIGHBORS + 1))
                measured["nearest-neighbour ratio"] = float(np.median(ratio))
            measured["exact copies"] = copied_share(part, train)
            values[name] = measured
        rows = {"synthetic": len(sample), "train": len(real), "hold-out": len(held_out)}
        return scores_beside(values, BETTER, {"rows": rows}, {"value shapes": {"channels": channels}})


def copies_with_noise(rows: Dataset, rng: np.random.Generator) -> Dataset:
    """The rows with a noise of 1 % on each channel of numbers: the control that a score must be read beside."""
    name = rows.schema.find_array("series")
    channels = list((rows.schema.arrays[name].channels or {}).values())
    is_step = rows.step_mask(name)[..., np.newaxis]
    values = np.asarray(rows.arrays[name], np.float64)
    known = is_step & ~np.isnan(values)
    count = np.maximum(known.sum(axis=(0, 1)), 1)
    mean = np.where(known, values, 0).sum(axis=(0, 1)) / count
    deviation = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(axis=(0, 1)) / count)
    noise = rng.normal(0, NOISE, values.shape) * deviation
    for position, channel in enumerate(channels):
        if channel.type != "number":
            noise[..., position] = 0
    moved = np.where(is_step, values + noise, 0).astype(np.float32)
    return replace(rows, arrays={**rows.arrays, name: moved})


@dataclass(frozen=True)
class _Course:
    """What a part's series look like, weighted.

    Attributes:
        channels: what each is.
        raw: values at all true steps, one array (M,) a channel, NaN where missing.
        step_weights: (M,) summing to 1.
        lagged: correlation of values some steps apart, (lags, G), NaN where it is undefined.
        crossed: correlation of channels at one step, (G, G), NaN where it is undefined.
    """

    channels: dict[str, Column]
    raw: list[np.ndarray]
    step_weights: np.ndarray
    lagged: np.ndarray
    crossed: np.ndarray

    @classmethod
    def of(cls, part: Dataset, weights: np.ndarray) -> _Course:
        name = part.schema.find_array("series")
        array, lengths = part.schema.arrays[name], part.lengths(name)
        is_step = part.step_mask(name)
        steps = np.asarray(part.arrays[name])[is_step].astype(np.float64)
        step_weights = np.repeat(weights, lengths)
        step_weights = step_weights / max(step_weights.sum(), 1e-300)
        values = series_values(part)
        known = ~np.isnan(values)
        mean = np.where(known, values, 0).sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
        away = np.where(known, values - mean, 0)
        lags = np.unique(np.geomspace(1, max(1, array.shape[0] // 2), NUM_LAGS).astype(int))
        lags = lags[lags < array.shape[0]]
        at = weights[:, np.newaxis]
        variance = (at * (away**2).sum(axis=1)).sum(axis=0) / np.maximum((at * known.sum(axis=1)).sum(axis=0), 1e-300)
        lagged = np.full((len(lags), values.shape[2]), np.nan)
        for place, lag in enumerate(lags):
            both = (at * (known[:, lag:] & known[:, :-lag]).sum(axis=1)).sum(axis=0)
            together = (at * (away[:, lag:] * away[:, :-lag]).sum(axis=1)).sum(axis=0)
            usable = (both > 0) & (variance > 1e-12)
            lagged[place, usable] = together[usable] / both[usable] / variance[usable]
        crossed = correlations(values[is_step], step_weights)
        return cls(dict(array.channels or {}), list(steps.T), step_weights, lagged, crossed)

    def shapes(self, expected: _Course) -> dict[str, float]:
        """Channel to how alike its values are."""
        similarities = {}
        for position, (name, channel) in enumerate(self.channels.items()):
            here, there = self.raw[position], expected.raw[position]
            if channel.type in ("category", "boolean"):
                size = len(channel.categories or "ab") + 1  # the last is for what is missing
                a, b = (np.where(np.isnan(one), size - 1, one).astype(np.int64) for one in (here, there))
                similarities[name] = label_similarity(a, self.step_weights, b, expected.step_weights, size)
            else:
                similarities[name] = number_similarity(here, self.step_weights, there, expected.step_weights)
        return similarities

    def errors(self, expected: _Course) -> dict[str, float]:
        """How far correlations are off, where the real series have any."""
        errors = {}
        over = np.isfinite(expected.lagged)
        if over.any():
            apart = np.abs(np.nan_to_num(self.lagged) - expected.lagged)[over]
            errors["autocorrelation error"] = float(apart.mean())
        upper = np.triu(np.isfinite(expected.crossed), k=1)
        if upper.any():
            apart = np.abs(np.nan_to_num(self.crossed) - expected.crossed)[upper]
            errors["cross-correlation error"] = float(apart.mean())
        return errors
