"""The probe `tfidf`: what people try first on texts."""

from __future__ import annotations

import logging
import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema, labels_of
from augment.errors import DataError
from augment.plugin import Accepts, Context, Probe

log = logging.getLogger("augment")


class Tfidf(Probe):
    """Logistic regression, or ridge regression for a numeric target, on the weighed words of the text.

    Each word counts by how often it comes in a text and how few texts have it (TF-IDF). Columns beside the text are
    ignored, and a missing text is an empty one.
    """

    name = "tfidf"
    accepts = Accepts(modalities=frozenset({"text"}), targets=frozenset({"classes", "number"}))
    default_for = frozenset({"text"})

    class Params(plugin.Params):
        """Which words count, and how strongly the weights are held back."""

        C: float = Field(default=1.0, gt=0)
        """Inverse of the strength of the L2 penalty; smaller is stronger."""
        most_words: int = Field(default=1, ge=1, le=5)
        """Runs of up to so many words are features as well as single words."""
        max_iter: int = Field(default=1000, ge=1)
        """Most steps of the solver."""

    _schema: Schema
    _threads: int
    _words: Any  # the fitted vectorizer, or None where no text has a word
    _model: Any
    _present: np.ndarray  # positions in schema.classes of the model's classes

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from threadpoolctl import threadpool_limits

        self._schema, self._threads = data.schema, context.threads
        target = self._target(data)
        usable = target >= 0 if data.schema.task == "classes" else ~np.isnan(target)
        if not usable.any():
            raise DataError(f"probe tfidf: no training row has a value in the target {data.schema.target!r}")
        target, weights = target[usable], None if weights is None else weights[usable]
        texts = self._texts(data.take(usable))
        words = TfidfVectorizer(ngram_range=(1, self.params.most_words), token_pattern=r"(?u)\b\w+\b")
        has_words = any(map(words.build_analyzer(), texts))
        self._words = words.fit(texts) if has_words else None
        self._shares = np.bincount(target.astype(np.int64), weights, len(data.schema.classes)) if self._counts else None
        self._mean = float(np.average(target, weights=weights))
        self._present = np.unique(target) if self._counts else np.empty(0)
        self._model = None
        if self._words is not None and (not self._counts or len(self._present) > 1):
            with threadpool_limits(limits=context.threads):
                self._model = self._fit_model(self._words.transform(texts), target, weights)
        return self

    @property
    def _counts(self) -> bool:
        return self._schema.task == "classes"

    def _fit_model(self, features_NF: Any, target: np.ndarray, weights: np.ndarray | None) -> Any:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression, Ridge

        if not self._counts:
            return Ridge(alpha=1 / self.params.C, solver="lsqr").fit(features_NF, target, sample_weight=weights)
        model = LogisticRegression(C=self.params.C, max_iter=self.params.max_iter)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # said in the log instead
            model.fit(features_NF, target, sample_weight=weights)
        if (model.n_iter_ >= self.params.max_iter).any():
            log.warning("probe tfidf: not converged after %d steps; raise max_iter or lower C", self.params.max_iter)
        return model

    def predict(self, data: Dataset) -> np.ndarray:
        from threadpoolctl import threadpool_limits

        if self._model is None:
            if self._shares is None:
                return np.full(len(data), self._mean)
            shares: np.ndarray = np.tile(self._shares / self._shares.sum(), (len(data), 1))
            return shares
        with threadpool_limits(limits=self._threads):
            features_NF = self._words.transform(self._texts(data))
            if not self._counts:
                values: np.ndarray = self._model.predict(features_NF)
                return values
            probabilities_NC = np.zeros((len(data), len(self._schema.classes)))
            probabilities_NC[:, self._present] = self._model.predict_proba(features_NF)
        return probabilities_NC

    def _texts(self, data: Dataset) -> list[str]:
        column = self._schema.text_payload
        assert column is not None  # `accepts` asks for texts
        return data.frame[column].fillna("").astype(object).tolist()

    def _target(self, data: Dataset) -> np.ndarray:
        """Class positions or values, (N,)."""
        assert data.schema.target is not None  # `accepts` asks for a target
        values = data.frame[data.schema.target]
        if data.schema.task == "classes":
            labels = pd.Index(labels_of(values), dtype="object")
            return pd.Index(data.schema.classes, dtype="object").get_indexer(labels)
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
