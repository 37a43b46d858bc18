"""The probe `tfidf`: what people try first on texts."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost
from augment.toolkit.feature_probe import LinearProbe
from augment.toolkit.words import WORD


class Tfidf(LinearProbe):
    """Logistic regression, or ridge regression for a numeric target, on the weighted words of the text.

    The weight of a word grows with how often it occurs in a text and falls with how many texts have it (TF-IDF).
    In Chinese, Japanese, Thai and other scripts without spaces each character counts as a word. Columns beside the text
    are ignored, and a missing text is an empty one.
    """

    name = "tfidf"
    imports = ("sklearn.feature_extraction.text", "sklearn.linear_model")
    accepts = Accepts(modalities=frozenset({"text"}), targets=frozenset({"classes", "number"}))
    default_for = frozenset({"text"})
    ridge_solver = "lsqr"

    class Params(LinearProbe.Params):
        """Which words count, and how strongly the coefficients are regularised."""

        renamed = {"most_words": "max_ngram"}

        max_ngram: int = Field(default=1, ge=1, le=5)
        """Maximum number of words of an n-gram. Above 1, sequences of words are features beside single words."""

    @classmethod
    def cost(cls, params: Params, schema: Schema, num_rows: int) -> Cost:
        """As measured on texts of 20 words."""
        return Cost(fit=0.1 + 5e-4 * params.max_ngram * num_rows, row=2e-5 * params.max_ngram)

    _vectorizer: Any

    def _fit_features(self, data: Dataset, context: Context) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(ngram_range=(1, self.params.max_ngram), token_pattern=WORD.pattern)
        texts = data.texts()
        has_words = any(map(vectorizer.build_analyzer(), texts))
        self._vectorizer = vectorizer.fit(texts) if has_words else None

    def _features(self, data: Dataset) -> Any:
        from scipy.sparse import csr_array

        texts = data.texts()
        return csr_array((len(texts), 0)) if self._vectorizer is None else self._vectorizer.transform(texts)
