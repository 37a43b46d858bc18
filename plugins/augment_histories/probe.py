"""The probe `items`: what sort of user meets such items.

Shapes: N users, M events of all users, V tokens, C classes.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, labels_of
from augment.errors import DataError
from augment.plugin import Accepts, Context, Probe

log = logging.getLogger("augment")


class Items(Probe):
    """Logistic regression on which items a user met, whatever their order.

    An item counts the more, the fewer users met it (inverse document frequency); a user's counts have length 1. Columns
    and what is known of events are ignored, and so is an item that no training user met.
    """

    name = "items"
    accepts = Accepts(modalities=frozenset({"tokens"}), targets=frozenset({"classes"}))
    default_for = frozenset({"tokens"})

    class Params(plugin.Params):
        """How strongly the weights are held back."""

        C: float = Field(default=1.0, gt=0)
        """Inverse of the strength of the L2 penalty; smaller is stronger."""
        max_iter: int = Field(default=1000, ge=1)
        """Most steps of the solver."""

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        self._items, self._threads = data.schema.array_of("tokens"), context.threads
        self._num_tokens = 1 + int(data.arrays[self._items].max(initial=0))
        labels = pd.Index(labels_of(data.frame[str(data.schema.target)]), dtype="object")
        target = pd.Index(data.schema.classes, dtype="object").get_indexer(labels)
        usable = target >= 0
        if not usable.any():
            raise DataError(f"probe items: no training row has a value in the target {data.schema.target!r}")
        target, weights = target[usable], None if weights is None else weights[usable]
        self._present = np.unique(target)
        self._shares = np.bincount(target, weights, len(data.schema.classes))
        counts_NV = self._counts(data.take(usable))
        self._weigh = TfidfTransformer().fit(counts_NV)
        self._model: Any = None
        if len(self._present) > 1:
            model = LogisticRegression(C=self.params.C, max_iter=self.params.max_iter)
            with threadpool_limits(limits=self._threads), warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # said in the log instead
                self._model = model.fit(self._weigh.transform(counts_NV), target, sample_weight=weights)
            if (model.n_iter_ >= self.params.max_iter).any():
                log.warning("probe items: not converged after %d steps; raise max_iter or lower C", model.max_iter)
        return self

    def predict(self, data: Dataset) -> np.ndarray:
        from threadpoolctl import threadpool_limits

        if self._model is None:
            shares: np.ndarray = np.tile(self._shares / self._shares.sum(), (len(data), 1))
            return shares
        probabilities_NC = np.zeros((len(data), len(self._shares)))
        with threadpool_limits(limits=self._threads):
            features_NV = self._weigh.transform(self._counts(data))
            probabilities_NC[:, self._present] = self._model.predict_proba(features_NV)
        return probabilities_NC

    def _counts(self, data: Dataset) -> Any:
        """How often each user met each item, a sparse (N, V)."""
        from scipy.sparse import csr_array

        tokens, lengths = np.asarray(data.arrays[self._items]), data.lengths(self._items)
        is_met = (np.arange(tokens.shape[1]) < lengths[:, np.newaxis]) & (tokens >= 0) & (tokens < self._num_tokens)
        rows, _ = np.nonzero(is_met)
        found = csr_array((np.ones(len(rows)), (rows, tokens[is_met])), shape=(len(data), self._num_tokens))
        found.sum_duplicates()
        return found
