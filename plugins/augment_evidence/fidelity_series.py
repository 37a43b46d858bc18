"""The metric `fidelity` for series: do they take the same values, move and hang together as real ones, without copying?

Shapes: N series, T steps, G channels (a channel of labels counts once for each label), M steps of all series.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from augment.data import Column, Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.fidelity_tables import ColumnJudge, shares_of, weights_for
from augment_evidence.rows import capped, copied_share, distance_ratio, nearest, target_labels
from augment_evidence.series import series_values
from augment_evidence.similarity import correlations, label_similarity, number_similarity
from augment_evidence.space import Space

__all__ = ["FidelitySeries", "copies_with_noise"]

MOST_SERIES = 2_000
MOST_VALUES = 4_000_000  # of a part
NOISE = 0.01  # standard deviations of a channel, that the control adds to copies
NUM_LAGS = 20
NEIGHBOURS = 10
CONTROL = "copies with noise"

Better = Literal["higher", "lower", "none"]


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
        array = train.schema.arrays[train.schema.array_of("series")]
        most = min(MOST_SERIES, max(50, MOST_VALUES // max(1, int(np.prod(array.shape)))))
        real, made, held = (capped(part, most, rng) for part in (train, synthetic, holdout))
        wanted = shares_of(target_labels(made), np.full(len(made), 1 / len(made)))
        own = weights_for(target_labels(real), wanted)
        own = np.full(len(real), 1 / len(real)) if own is None else own
        parts = {"synthetic": (made, np.full(len(made), 1 / len(made)))}
        if (weights := weights_for(target_labels(held), wanted)) is not None:
            parts["hold-out"] = (held, weights)
        copies = copies_with_noise(real.take(rng.choice(len(real), len(made), p=own)), rng)
        parts[CONTROL] = (copies, np.full(len(copies), 1 / len(copies)))

        judge, expected = ColumnJudge(real, rng), _Course.of(real, own)
        space = Space.fit(train)
        points = space.points(real)
        found: dict[str, dict[str, float]] = {}
        channels: dict[str, float] = {}
        for name, (part, weights) in parts.items():
            course = _Course.of(part, weights)
            by_channel = course.shapes(expected)
            channels = channels or by_channel
            measured = {"value shapes": float(np.mean(list(by_channel.values())))}
            measured |= course.errors(expected)
            if columns := judge.compare(part, weights)[0]:
                measured["column shapes"] = float(np.mean(list(columns.values())))
            if len(points) > NEIGHBOURS + 1:
                ratio = distance_ratio(nearest(space.points(part), points, NEIGHBOURS + 1))
                measured["nearest-neighbour ratio"] = float(np.median(ratio))
            measured["exact copies"] = copied_share(part, train)
            found[name] = measured
        rows = {"synthetic": len(made), "train": len(real), "hold-out": len(held)}
        scores = []
        for title, value in found["synthetic"].items():
            reference = {name: measured[title] for name, measured in found.items() if name != "synthetic"}
            detail: dict[str, Any] = {"rows": rows, "reference": reference}
            if title == "value shapes":
                detail["channels"] = channels
            better: Better = "higher" if title.endswith(("shapes", "ratio")) else "lower"
            scores.append(Score(title, value, better=better, detail=detail))
        return scores


def copies_with_noise(rows: Dataset, rng: np.random.Generator) -> Dataset:
    """The rows with a noise of 1 % on each channel of numbers: the control that a score must be read beside."""
    name = rows.schema.array_of("series")
    channels = list((rows.schema.arrays[name].channels or {}).values())
    is_there = (np.arange(rows.arrays[name].shape[1]) < rows.lengths(name)[:, np.newaxis])[..., np.newaxis]
    values = np.asarray(rows.arrays[name], np.float64)
    known = is_there & ~np.isnan(values)
    count = np.maximum(known.sum(axis=(0, 1)), 1)
    mean = np.where(known, values, 0).sum(axis=(0, 1)) / count
    spread = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(axis=(0, 1)) / count)
    noise = rng.normal(0, NOISE, values.shape) * spread
    for position, channel in enumerate(channels):
        if channel.type != "number":
            noise[..., position] = 0
    moved = np.where(is_there, values + noise, 0).astype(np.float32)
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
        name = part.schema.array_of("series")
        array, lengths = part.schema.arrays[name], part.lengths(name)
        is_there = np.arange(array.shape[0]) < lengths[:, np.newaxis]
        steps = np.asarray(part.arrays[name])[is_there].astype(np.float64)
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
        crossed = correlations(values[is_there], step_weights)
        return cls(dict(array.channels or {}), list(steps.T), step_weights, lagged, crossed)

    def shapes(self, expected: _Course) -> dict[str, float]:
        """Channel to how alike its values are."""
        found = {}
        for position, (name, channel) in enumerate(self.channels.items()):
            here, there = self.raw[position], expected.raw[position]
            if channel.type in ("category", "boolean"):
                size = len(channel.categories or "ab") + 1  # the last is for what is missing
                a, b = (np.where(np.isnan(one), size - 1, one).astype(np.int64) for one in (here, there))
                found[name] = label_similarity(a, self.step_weights, b, expected.step_weights, size)
            else:
                found[name] = number_similarity(here, self.step_weights, there, expected.step_weights)
        return found

    def errors(self, expected: _Course) -> dict[str, float]:
        """How far correlations are off, where the real series have any."""
        found = {}
        over = np.isfinite(expected.lagged)
        if over.any():
            apart = np.abs(np.nan_to_num(self.lagged) - expected.lagged)[over]
            found["autocorrelation error"] = float(apart.mean())
        upper = np.triu(np.isfinite(expected.crossed), k=1)
        if upper.any():
            apart = np.abs(np.nan_to_num(self.crossed) - expected.crossed)[upper]
            found["cross-correlation error"] = float(apart.mean())
        return found
