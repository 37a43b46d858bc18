"""The additive part of what `anchored` predicts of the target: each bin of a feature speaks for or against a label.

With few rows this is closer to the truth than networks are, and it is never surer than so few rows allow.

Shapes: N rows, K features, C bins of all features together, G numbers that are known of them, V labels.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from augment.toolkit.tables.bins import BinTable

__all__ = ["Additive"]

PRIOR_VARIANCE = 0.3  # of a weight: one standard deviation of a feature rarely changes the odds more than threefold
MAX_ROWS = 20_000  # to learn from; more would hardly change so few weights
NUM_ROUNDS = 300
NEVER = -60.0  # the logit of a label that no row has


@dataclass(frozen=True)
class Additive:
    """A multinomial logistic regression, as what each bin adds to the logits.

    Attributes:
        logits_CV: float64 (C, V).
        bias_V: float64 (V,).
    """

    logits_CV: np.ndarray
    bias_V: np.ndarray

    @classmethod
    def fit(cls, table: BinTable, bins: np.ndarray, rng: np.random.Generator) -> Additive:
        """The likeliest weights under a normal prior, from bins (N, K + 1) whose last column is the target."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        num_labels = table.num_bins[-1]
        known_CG, starts = _known(table)
        rows = rng.permutation(len(bins))[:MAX_ROWS]
        labels = bins[rows, -1]
        present = np.unique(labels)
        logits_CV, bias_V = np.zeros((len(known_CG), num_labels)), np.full(num_labels, NEVER)
        bias_V[present] = 0.0
        if len(present) > 1:
            inputs = sum(known_CG[bins[rows, place] + start] for place, start in enumerate(starts))
            model = LogisticRegression(C=PRIOR_VARIANCE, max_iter=NUM_ROUNDS)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # near enough after so many rounds
                model.fit(inputs, labels)
            first = present[1:] if len(present) == 2 else present  # of two labels, one has all the weights
            logits_CV[:, first] = known_CG @ model.coef_.T
            bias_V[first] = model.intercept_
        return cls(logits_CV, bias_V)

    def chances(self, bins: np.ndarray, num_bins: list[int]) -> np.ndarray:
        """p(label | features) of rows whose features have bins (N, K): (N, V) float64."""
        starts = np.cumsum([0, *num_bins[: bins.shape[1] - 1]])
        logits = self.bias_V + sum(self.logits_CV[bins[:, n] + start] for n, start in enumerate(starts))
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances: np.ndarray = odds / odds.sum(axis=1, keepdims=True)
        return chances


def _known(table: BinTable) -> tuple[np.ndarray, np.ndarray]:
    """What is known of each bin, (C, G), each feature with numbers of its own; and each feature's first bin.

    Of numbers where they lie, of labels which they are.
    """
    blocks = []
    for name, num_bins in zip(table.columns[:-1], table.num_bins, strict=False):
        values = table.features(name)[:, :-1]
        blocks.append(values if values.any() else np.eye(num_bins))
    starts = np.cumsum([0, *(len(block) for block in blocks)])
    known = np.zeros((starts[-1], sum(block.shape[1] for block in blocks)))
    column = 0
    for start, block in zip(starts, blocks, strict=False):
        known[start : start + len(block), column : column + block.shape[1]] = block
        column += block.shape[1]
    return known, starts[:-1]
