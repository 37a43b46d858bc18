"""The metric `series-judges`: the discriminative and the predictive score of series, each beside its controls.

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
from augment_evidence.fidelity_tables import shares_of, weights_for
from augment_evidence.rows import target_labels

__all__ = ["SeriesJudges"]

FEWEST = 20  # series of each part


class SeriesJudges(Metric):
    """Two small recurrent networks (GRU) look at the series; training them takes time.

    * `discriminative score`: how far from 0.5 a network's accuracy is that tells synthetic from training series, on
      some that it has not seen. 0: it cannot; 0.5: at once.
    * `predictive score`: the mean absolute error on held-out series of a network that has learnt from the synthetic
      ones to foretell the next step of the last channel from all channels so far; every channel scaled to its range.

    Beside each stand the real hold-out in the synthetic series' place, and copies of training series with a noise of
    1 %, which fool both judges: a good score by itself is no proof of anything. For the predictive score the training
    part is a control as well. All are measured on equally many series of the same classes; of long series a window is
    looked at.
    """

    name = "series-judges"
    accepts = Accepts(modalities=frozenset({"series"}))

    class Params(plugin.Params):
        steps: int = Field(1_000, ge=1)
        """Training steps of each network, of 128 series each."""
        width: int = Field(16, ge=2)
        """Units of each network."""
        most_series: int = Field(2_000, ge=40)
        """Of each part so many series at most are looked at, a seeded sample."""
        most_steps: int = Field(100, ge=2)
        """Of a longer series a window of so many steps is looked at, somewhere in it."""

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        from augment_evidence.recurrent_judges import foretold, told_apart

        rng = context.rng
        wanted = shares_of(target_labels(synthetic), np.full(len(synthetic), 1 / max(1, len(synthetic))))
        sizes = min(len(synthetic), len(train), self.params.most_series)
        if min(sizes, len(holdout)) < FEWEST:
            return []
        weights = [weights_for(target_labels(part), wanted) for part in (train, holdout)]
        if weights[0] is None or weights[1] is None:
            return []
        made = synthetic.take(np.sort(rng.choice(len(synthetic), sizes, replace=False)))
        real = train.take(_drawn(weights[0], sizes, rng))
        held = holdout.take(_drawn(weights[1], min(sizes, len(holdout)), rng))
        copies = copies_with_noise(train.take(rng.choice(len(train), sizes, p=weights[0])), rng)
        ends = _ends(train)
        seen = {
            name: _windows(part, ends, self.params.most_steps, rng)
            for name, part in {"synthetic": made, "hold-out": held, CONTROL: copies, "training part": real}.items()
        }
        size, steps = self.params.width, self.params.steps
        told = {
            name: told_apart(seen[name], seen["training part"], context, name, size, steps)
            for name in ("synthetic", "hold-out", CONTROL)
        }
        expected = {}
        if seen["hold-out"][0].shape[1] > 1:
            for name in ("synthetic", "training part", CONTROL):
                expected[name] = foretold(seen[name], seen["hold-out"], context, name, size, steps)
        rows = {"synthetic": len(made), "train": len(real), "hold-out": len(held)}
        scores = []
        for title, found in (("discriminative score", told), ("predictive score", expected)):
            if found:
                reference = {name: value for name, value in found.items() if name != "synthetic"}
                detail = {"rows": rows, "reference": reference}
                scores.append(Score(title, found["synthetic"], better="lower", detail=detail))
        return scores


def _drawn(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of rows of these weights; each at most once where there are enough."""
    replace = int((weights > 0).sum()) < count
    return np.sort(rng.choice(len(weights), count, replace=replace, p=weights))


def _ends(train: Dataset) -> np.ndarray:
    """Smallest and largest values of the channels, (2, F)."""
    name = train.schema.array_of("series")
    is_there = np.arange(train.arrays[name].shape[1]) < train.lengths(name)[:, np.newaxis]
    steps = np.asarray(train.arrays[name])[is_there]
    known = ~np.isnan(steps)
    low, high = np.where(known, steps, np.inf).min(axis=0), np.where(known, steps, -np.inf).max(axis=0)
    return np.where(low <= high, np.stack([low, high]), 0.0)


def _windows(part: Dataset, ends: np.ndarray, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The series with every channel in [0, 1], gaps filled with the middle, or windows of them; and their lengths."""
    name = part.schema.array_of("series")
    lengths = np.maximum(part.lengths(name), 1)
    starts = (rng.random(len(part)) * (np.maximum(lengths - most, 0) + 1)).astype(np.int64)
    steps = np.minimum(
        starts[:, np.newaxis] + np.arange(min(most, part.arrays[name].shape[1])), lengths[:, np.newaxis] - 1
    )
    values = np.take_along_axis(np.asarray(part.arrays[name]), steps[..., np.newaxis], axis=1)
    scaled = (values - ends[0]) / np.where(ends[1] > ends[0], ends[1] - ends[0], 1)
    scaled = np.clip(np.nan_to_num(scaled, nan=0.5), -1, 2).astype(np.float32)
    return scaled, np.minimum(lengths, scaled.shape[1])
