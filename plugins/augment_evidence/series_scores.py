"""The metric `series-scores`: the discriminative and the predictive score of series, each beside its controls.

Source: Yoon, Jarrett and van der Schaar 2019, "Time-series generative adversarial networks".

Shapes: N series, T steps, F channels.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.fidelity_series import CONTROL, copies_with_noise
from augment_evidence.references import Better, scores_beside
from augment_evidence.samples import label_shares, target_labels, uniform, weights_for

__all__ = ["SeriesScores"]

MIN_SERIES = 20  # of each part


class SeriesScores(Metric):
    """Scores of small recurrent networks (GRU) that are trained on the series; training them takes time.

    * `discriminative score`: how far from 0.5 the accuracy of a network is that tells synthetic from training series,
      on series that it has not seen. 0: it cannot tell them; 0.5: it always can.
    * `predictive score`: the mean absolute error on held-out series of a network that was trained on the synthetic
      ones to predict the next step of the last channel from all channels so far; every channel scaled to its range.

    Beside each stand the real hold-out in the synthetic series' place, and copies of training series with a noise of
    1 %, which score well on both: a good score by itself is no proof of anything. For the predictive score the training
    part is a control as well. All are measured on equally many series of the same classes; of long series a window is
    used.
    """

    name = "series-scores"
    imports = ("torch",)
    accepts = Accepts(modalities=frozenset({"series"}))

    class Params(plugin.Params):
        renamed = {"most_series": "max_series", "most_steps": "max_steps"}

        steps: int = Field(1_000, ge=1)
        """Training steps of each network, of 128 series each."""
        width: int = Field(16, ge=2)
        """Units of each network."""
        max_series: int = Field(2_000, ge=40)
        """Maximum number of series that are used from each part, a seeded sample."""
        max_steps: int = Field(100, ge=2)
        """Maximum number of time steps of a series. Of a longer one, a window at a random place is used."""

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        from augment_evidence.recurrent_scores import discriminative_score, predictive_score

        rng = context.rng
        shares = label_shares(target_labels(synthetic), uniform(synthetic))
        size = min(len(synthetic), len(train), self.params.max_series)
        if min(size, len(holdout)) < MIN_SERIES:
            return []
        train_weights, holdout_weights = (weights_for(target_labels(part), shares) for part in (train, holdout))
        if train_weights is None or holdout_weights is None:
            return []
        sample = synthetic.take(np.sort(rng.choice(len(synthetic), size, replace=False)))
        real = train.take(_drawn(train_weights, size, rng))
        held_out = holdout.take(_drawn(holdout_weights, min(size, len(holdout)), rng))
        copies = copies_with_noise(train.take(rng.choice(len(train), size, p=train_weights)), rng)
        parts = {"synthetic": sample, "hold-out": held_out, CONTROL: copies, "training part": real}
        ends = _ends(train)
        windows = {name: _windows(part, ends, self.params.max_steps, rng) for name, part in parts.items()}
        settings = self.params.width, self.params.steps
        values: dict[str, dict[str, float]] = {name: {} for name in parts}
        for name in ("synthetic", "hold-out", CONTROL):
            score = discriminative_score(windows[name], windows["training part"], context, name, *settings)
            values[name]["discriminative score"] = score
        if windows["hold-out"][0].shape[1] > 1:
            for name in ("synthetic", "training part", CONTROL):
                score = predictive_score(windows[name], windows["hold-out"], context, name, *settings)
                values[name]["predictive score"] = score
        rows = {"synthetic": len(sample), "train": len(real), "hold-out": len(held_out)}
        better: dict[str, Better] = {"discriminative score": "lower", "predictive score": "lower"}
        return scores_beside(values, better, {"rows": rows})


def _drawn(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of rows of these weights; each at most once where there are enough."""
    replace = int((weights > 0).sum()) < count
    return np.sort(rng.choice(len(weights), count, replace=replace, p=weights))


def _ends(train: Dataset) -> np.ndarray:
    """Smallest and largest values of the channels, (2, F)."""
    name = train.schema.find_array("series")
    is_step = train.step_mask(name)
    steps = np.asarray(train.arrays[name])[is_step]
    known = ~np.isnan(steps)
    low, high = np.where(known, steps, np.inf).min(axis=0), np.where(known, steps, -np.inf).max(axis=0)
    return np.where(low <= high, np.stack([low, high]), 0.0)


def _windows(
    part: Dataset, ends: np.ndarray, max_steps: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The series with every channel in [0, 1], gaps filled with the middle, or windows of them; and their lengths."""
    name = part.schema.find_array("series")
    lengths = np.maximum(part.lengths(name), 1)
    starts = (rng.random(len(part)) * (np.maximum(lengths - max_steps, 0) + 1)).astype(np.int64)
    steps = np.minimum(
        starts[:, np.newaxis] + np.arange(min(max_steps, part.arrays[name].shape[1])), lengths[:, np.newaxis] - 1
    )
    values = np.take_along_axis(np.asarray(part.arrays[name]), steps[..., np.newaxis], axis=1)
    scaled = (values - ends[0]) / np.where(ends[1] > ends[0], ends[1] - ends[0], 1)
    scaled = np.clip(np.nan_to_num(scaled, nan=0.5), -1, 2).astype(np.float32)
    return scaled, np.minimum(lengths, scaled.shape[1])
