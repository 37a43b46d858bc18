"""The probe `items`: what sort of user meets such items.

Shapes: N users, M events of all users, V tokens, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from augment.data import Dataset
from augment.plugin import Accepts, Context
from augment.toolkit.feature_probe import LinearProbe


class Items(LinearProbe):
    """Logistic regression on the items that a user met, whatever their order.

    An item has the more weight, the fewer users met it (inverse document frequency); a user's features have length 1.
    Columns and what is known of events are ignored, and so is an item that no training user met.
    """

    name = "items"
    imports = ("sklearn.feature_extraction.text", "sklearn.linear_model")
    accepts = Accepts(modalities=frozenset({"tokens"}), targets=frozenset({"classes"}))
    default_for = frozenset({"tokens"})

    def _fit_features(self, data: Dataset, context: Context) -> None:
        from sklearn.feature_extraction.text import TfidfTransformer

        self._items = data.schema.find_array("tokens")
        self._num_tokens = 1 + int(data.arrays[self._items].max(initial=0))
        self._tfidf = TfidfTransformer().fit(self._counts(data))

    def _features(self, data: Dataset) -> Any:
        return self._tfidf.transform(self._counts(data))

    def _counts(self, data: Dataset) -> Any:
        """How often each user met each item, a sparse (N, V)."""
        from scipy.sparse import csr_array

        tokens = np.asarray(data.arrays[self._items])
        is_met = data.step_mask(self._items) & (tokens >= 0) & (tokens < self._num_tokens)
        rows, _ = np.nonzero(is_met)
        counts = csr_array((np.ones(len(rows)), (rows, tokens[is_met])), shape=(len(data), self._num_tokens))
        counts.sum_duplicates()
        return counts
