"""What synthetic rows are worth: classifiers trained on them and judged on real rows, and how many are copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SMALL = {"learning_rate": 0.05, "max_iter": 150, "min_samples_leaf": 5}
SMALL_CHOICES = {"max_leaf_nodes": [3, 6], "l2_regularization": [0.0, 10.0]}
DIGITS = 6  # to which numbers are compared when copies are counted: 39 and 39.0 are the same


class Judge:
    """Classifiers of one kind, trained on any rows and scored on the same real test rows.

    `boosting` is scikit-learn's histogram boosting as it comes. `small boosting` is the same with few leaves, chosen by
    cross-validation on the real training rows. `logistic` is a logistic regression of standardised numbers and labels.
    """

    def __init__(self, kind: str, train: pd.DataFrame, test: pd.DataFrame, discrete: list[str], target: str):
        self.kind, self.target = kind, target
        self.labels = sorted(train[target].unique())
        self.categorical = [name for name in discrete if name != target]
        self.numbers = [name for name in train if name not in discrete]
        self.levels = {name: {v: n for n, v in enumerate(sorted(train[name].unique()))} for name in self.categorical}
        self.test_features, self.test_labels = self._features(test), test[target].to_numpy(dtype=str)
        self.chosen: dict[str, Any] = {}
        if kind == "small boosting":
            search = GridSearchCV(self._model(None), SMALL_CHOICES, scoring="neg_log_loss", cv=3)
            self.chosen = search.fit(self._features(train), train[target].to_numpy(dtype=str)).best_params_

    def __call__(self, rows: pd.DataFrame, class_weight: str | None = None) -> dict[str, float]:
        """AUC (one class against the rest, averaged, where there are more than two) and log loss."""
        model = self._model(class_weight).fit(self._features(rows), rows[self.target].to_numpy(dtype=str))
        found = model.predict_proba(self.test_features)
        chances = np.full((len(found), len(self.labels)), 1e-6)
        chances[:, [self.labels.index(label) for label in model.classes_]] = np.clip(found, 1e-6, 1.0)
        chances /= chances.sum(1, keepdims=True)
        score = chances[:, 1] if len(self.labels) == 2 else chances
        return {
            "auc": float(roc_auc_score(self.test_labels, score, multi_class="ovr", labels=self.labels)),
            "loss": float(log_loss(self.test_labels, chances, labels=self.labels)),
        }

    def _model(self, class_weight: str | None) -> Any:
        if self.kind == "logistic":
            columns = [
                (StandardScaler(), self.numbers),
                (OneHotEncoder(handle_unknown="ignore"), self.categorical),
            ]
            return make_pipeline(
                make_column_transformer(*(part for part in columns if part[1])),
                LogisticRegression(max_iter=500, class_weight=class_weight),
            )
        more = {**SMALL, **self.chosen} if self.kind == "small boosting" else {}
        return HistGradientBoostingClassifier(
            random_state=0, class_weight=class_weight, categorical_features=self.categorical, **more
        )

    def _features(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Numbers as they are, labels by number; one that the training rows do not have is missing."""
        columns = {name: pd.to_numeric(rows[name]).to_numpy(dtype=float) for name in self.numbers}
        for name in self.categorical:
            columns[name] = rows[name].map(self.levels[name]).to_numpy(dtype=float)
        return pd.DataFrame(columns)


def copies(train: pd.DataFrame, rows: pd.DataFrame, discrete: list[str], without: tuple[str, ...] = ()) -> float:
    """Share of rows that equal a training row on all columns but those left out."""

    def keys(frame: pd.DataFrame) -> pd.Series:
        columns = {
            name: frame[name].astype(str) if name in discrete else frame[name].astype(float).round(DIGITS)
            for name in train
            if name not in without
        }
        return pd.util.hash_pandas_object(pd.DataFrame(columns), index=False)

    return float(keys(rows).isin(set(keys(train))).mean())
