"""What `anchored` knows of the target: logistic regressions, boosted trees and a forest, weighted by rows held back.

With few rows such a pool is closer to the truth than any one of its members. Log-odds are added up, so the logistic
regressions come down to one number for each bin and label, and the boosted trees to one for each leaf.

Shapes: N rows, K features, C bins of all features together, G inputs, V labels or bins of a numeric target, M members.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from augment.toolkit.tables.bins import BinTable
from augment_rnn.decision_trees import DecisionTrees

__all__ = ["Teacher"]

STRENGTHS = (0.1, 1.0, 10.0)  # of the logistic regressions: the variance that their weights are expected to have
NUM_ROUNDS = 300
BOOSTED: dict[str, Any] = {
    "n_estimators": 50,
    "max_depth": 3,
    "min_samples_leaf": 5,
    "subsample": 0.6,
    "max_features": "sqrt",
}
FOREST: dict[str, Any] = {"n_estimators": 50, "max_depth": 8, "min_samples_leaf": 3}
MAX_BOOSTED_LABELS = 10  # each has trees of its own
NUM_FOLDS = 5
MAX_ALL_FOLDS = 2_000  # rows; of more, one fold says enough
MAX_ROWS = 20_000  # to learn from; more would hardly change so small models
PULL = 3.0  # of the weights towards equal ones
MIN_LABEL_ROWS = 3  # of a feature's label, to be looked at
FLOOR = 1e-3  # of a chance by the forest, which cannot know that it is less
NEVER = -60.0  # the logit of a label that no row has
MIN_VARIANCE = 0.01  # of a numeric target's normal score, given the features


@dataclass(frozen=True)
class Teacher:
    """p(target | features).

    Attributes:
        logits_CV: what each bin of a feature adds to the logits, float64.
        bias_V: float64.
        boosted: trees whose leaves add to the logits, or None.
        forest: trees whose leaves have chances, or None.
        share: of the logarithm of the forest's mean chance in the logits: float64 (1,).
    """

    logits_CV: np.ndarray
    bias_V: np.ndarray
    boosted: DecisionTrees | None
    forest: DecisionTrees | None
    share: np.ndarray

    @classmethod
    def fit(cls, table: BinTable, bins: np.ndarray, has_classes: bool, rng: np.random.Generator) -> Self:
        """Learn from bins (N, K + 1) whose last column is the target."""
        rows = rng.permutation(len(bins))[:MAX_ROWS]
        inputs = Inputs(table)
        smooth, split = inputs.smooth(bins[rows]), inputs.split(bins[rows])
        learn = _classes if has_classes else _number
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # near enough after so many rounds; folds without a rare label
            weights_GV, bias_V, boosted, forest, share = learn(smooth, split, bins[rows, -1], table, rng)
        parts = np.split(weights_GV, np.cumsum([block.shape[1] for block in inputs.smooth_blocks])[:-1])
        logits = [block @ part for block, part in zip(inputs.smooth_blocks, parts, strict=True)]
        return cls(np.concatenate(logits), bias_V, boosted, forest, share)

    def logits(self, inputs: Inputs, bins: np.ndarray) -> np.ndarray:
        """Log-chances but for a constant, of rows whose features have bins (N, K) or more columns: (N, V) float64."""
        logits: np.ndarray = self.bias_V + sum(self.logits_CV[bins[:, n] + start] for n, start in inputs.starts)
        split = inputs.split(bins)
        if self.boosted:
            logits = logits + self.boosted.total(split, BOOSTED["max_depth"])
        if self.forest:
            chances = self.forest.total(split, FOREST["max_depth"]) / len(self.forest.roots)
            logits = logits + self.share * np.log(np.maximum(chances, FLOOR))
        return logits

    def state(self) -> dict[str, Mapping[str, np.ndarray]]:
        """Its arrays, part by part."""
        trees = {name: vars(part) for name in ("boosted", "forest") if (part := getattr(self, name))}
        own = {name: getattr(self, name) for name in ("logits_CV", "bias_V", "share")}
        return {"teacher": own, **trees}

    @classmethod
    def of_state(cls, parts: Mapping[str, Mapping[str, np.ndarray]], table: BinTable) -> Self:
        """The inverse of `state`, with the bins that it was fitted on."""
        own = parts["teacher"]
        num_inputs = sum(block.shape[1] for block in Inputs(table).split_blocks)
        boosted, forest = (
            DecisionTrees.of_state(parts[name], num_inputs) if name in parts else None for name in ("boosted", "forest")
        )
        return cls(own["logits_CV"], own["bias_V"], boosted, forest, own["share"])


class Inputs:
    """What models see of the features' bins.

    Logistic regressions see where numbers lie and which labels there are, trees the rank of numbers, and what is
    missing. Labels that few rows have are seen by none.

    Attributes:
        smooth_blocks, split_blocks: for each feature what is known of its bins, (bins, inputs).
        starts: the place of each feature, and its first bin among those of all.
    """

    def __init__(self, table: BinTable):
        self.smooth_blocks: list[np.ndarray] = []
        self.split_blocks: list[np.ndarray] = []
        self.starts = list(enumerate(np.cumsum([0, *table.num_bins[:-2]]).tolist()))
        for name in table.columns[:-1]:
            values = table.features(name).astype(np.float64)
            if values[:, :-1].any():
                self.smooth_blocks.append(values[:, :-1])
                self.split_blocks.append(values[:, [1] if values[-1, -1] else [1, -1]].astype(np.float32))
            else:
                labels = np.eye(len(values))[:, table.rows(name) >= MIN_LABEL_ROWS]
                labels = labels if labels.size else np.zeros((len(values), 1))  # models want something to look at
                self.smooth_blocks.append(labels)
                self.split_blocks.append(labels.astype(np.float32))

    def smooth(self, bins: np.ndarray) -> np.ndarray:
        """(N, G) float64."""
        return np.hstack([block[bins[:, place]] for place, block in enumerate(self.smooth_blocks)])

    def split(self, bins: np.ndarray) -> np.ndarray:
        """(N, G) float32, as scikit-learn's trees take it."""
        return np.hstack([block[bins[:, place]] for place, block in enumerate(self.split_blocks)])


# weights (G, V) of the smooth inputs, then a teacher's attributes but for the first
_Learnt = tuple[np.ndarray, np.ndarray, DecisionTrees | None, DecisionTrees | None, np.ndarray]


def _classes(
    smooth: np.ndarray, split: np.ndarray, labels: np.ndarray, table: BinTable, rng: np.random.Generator
) -> _Learnt:
    """The pool of classifiers."""
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    num_labels = table.num_bins[-1]
    weights_GV, bias_V = np.zeros((smooth.shape[1], num_labels)), np.full(num_labels, NEVER)
    present = np.unique(labels)
    bias_V[present] = 0.0
    if len(present) < 2:
        return weights_GV, bias_V, None, None, np.zeros(1)
    seed = int(rng.integers(2**31))
    models = [(smooth, LogisticRegression(C=strength, max_iter=NUM_ROUNDS)) for strength in STRENGTHS]
    models.append((split, RandomForestClassifier(**FOREST, random_state=seed)))
    if len(present) <= MAX_BOOSTED_LABELS:
        models.append((split, GradientBoostingClassifier(**BOOSTED, random_state=seed)))

    def log_chances(model: Any, inputs: np.ndarray) -> np.ndarray:
        chances = np.full((len(inputs), num_labels), FLOOR)
        chances[:, model.classes_] = np.maximum(model.predict_proba(inputs), FLOOR)
        logs: np.ndarray = np.log(chances)
        return logs

    logs_MNV, truth = _held_back(models, labels, log_chances, rng)
    shares_M = _pool(logs_MNV, truth) if len(truth) else np.full(len(models), 1 / len(models))
    for inputs, model in models:
        model.fit(inputs, labels)
    own = present[1:] if len(present) == 2 else present  # of two labels, one has all the weights
    for (_, model), share in zip(models[: len(STRENGTHS)], shares_M, strict=False):
        weights_GV[:, own] += share * model.coef_.T
        bias_V[own] += share * model.intercept_
    boosted = None
    if len(models) > len(STRENGTHS) + 1:
        model, share = models[-1][1], shares_M[-1]
        bias_V[present] += share * np.log(np.bincount(labels)[present] / len(labels))  # where boosting starts from
        boosted = _boosted(model, [np.eye(num_labels)[label] for label in own], share)
    forest = [tree.tree_ for tree in models[len(STRENGTHS)][1].estimators_]
    chances = [np.zeros((tree.node_count, num_labels)) for tree in forest]
    for tree, chances_of_nodes in zip(forest, chances, strict=True):
        chances_of_nodes[:, present] = tree.value[:, 0] / tree.value[:, 0].sum(axis=1, keepdims=True)
    return weights_GV, bias_V, boosted, DecisionTrees.of(forest, chances), shares_M[[len(STRENGTHS)]]


def _number(
    smooth: np.ndarray, split: np.ndarray, bins: np.ndarray, table: BinTable, rng: np.random.Generator
) -> _Learnt:
    """As `_classes`, of a numeric target, whose normal score given the features is taken to be normal.

    With mean m and variance s, a bin with score z has a chance in proportion to its rows times
    exp(-(z - m)^2 / 2s + z^2 / 2), so that its logit is linear in m, and what adds to m adds to the logits.
    """
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import Ridge

    scores_V = table.features(table.columns[-1])[:, 0].astype(np.float64)
    scores = scores_V[bins]
    seed = int(rng.integers(2**31))
    models: list[tuple[np.ndarray, Any]] = [(smooth, Ridge(alpha=1 / strength)) for strength in STRENGTHS]
    models.append((split, GradientBoostingRegressor(**BOOSTED, random_state=seed)))
    means_MN, truth = _held_back(models, scores, lambda model, inputs: model.predict(inputs), rng)
    num_models = len(models)
    # least squares, pulled towards equal weights
    pulled = np.vstack([means_MN.T, np.sqrt(PULL) * np.eye(num_models)])
    shares_M = np.linalg.lstsq(pulled, np.append(truth, np.full(num_models, np.sqrt(PULL) / num_models)), rcond=None)[0]
    errors = truth - shares_M @ means_MN
    variance = max(MIN_VARIANCE, float(np.mean(errors**2)) if len(errors) else 1.0)
    slopes_V = scores_V / variance
    for inputs, model in models:
        model.fit(inputs, scores)
    weights_G = sum(share * model.coef_ for (_, model), share in zip(models[:-1], shares_M, strict=False))
    mean = sum(share * model.intercept_ for (_, model), share in zip(models[:-1], shares_M, strict=False))
    mean += shares_M[-1] * scores.mean()  # where boosting starts from
    rows = table.rows(table.columns[-1])
    bias_V = np.log(np.maximum(rows, 0.5)) + scores_V**2 / 2 - scores_V**2 / (2 * variance) + mean * slopes_V
    boosted = _boosted(models[-1][1], [slopes_V], shares_M[-1])
    return np.outer(weights_G, slopes_V), bias_V, boosted, None, np.zeros(1)


def _boosted(model: Any, directions: list[np.ndarray], share: float) -> DecisionTrees:
    """The trees of boosting with what each leaf adds to the logits: its value in the direction of its label."""
    trees, values = [], []
    for stage in model.estimators_:
        for tree, direction in zip(stage, directions, strict=True):
            trees.append(tree.tree_)
            values.append(np.outer(share * model.learning_rate * tree.tree_.value[:, 0, 0], direction))
    return DecisionTrees.of(trees, values)


def _held_back(
    models: list[tuple[np.ndarray, Any]],
    targets: np.ndarray,
    predict: Callable[[Any, np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """What each model says of rows that it did not learn from, (M, rows, ...), and the truth, (rows,).

    Every fifth row of those ordered by target is held back, in turn five times; once where there are many.
    """
    order = np.lexsort([rng.random(len(targets)), targets])
    fold = np.empty(len(targets), dtype=np.int64)
    fold[order] = np.arange(len(targets)) % NUM_FOLDS
    said, truth = [], []
    for number in range(NUM_FOLDS if len(targets) <= MAX_ALL_FOLDS else 1):
        learnt, held_back = fold != number, fold == number
        if not held_back.any() or len(np.unique(targets[learnt])) < 2:
            continue
        for inputs, model in models:
            model.fit(inputs[learnt], targets[learnt])
        said.append([predict(model, inputs[held_back]) for inputs, model in models])
        truth.append(targets[held_back])
    if not truth:
        return np.empty((len(models), 0)), np.empty(0)
    return np.concatenate([np.stack(one) for one in said], axis=1), np.concatenate(truth)


def _pool(logs_MNV: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How much each model's log-chances count, (M,), so that their sum makes these labels the likeliest."""
    from scipy.optimize import minimize

    num_models, rows = len(logs_MNV), np.arange(len(labels))
    truth_MN = logs_MNV[:, rows, labels]

    def loss(shares_M: np.ndarray) -> tuple[float, np.ndarray]:
        logits = np.tensordot(shares_M, logs_MNV, 1)
        highest = logits.max(axis=1, keepdims=True)
        chances = np.exp(logits - highest)
        totals = chances.sum(axis=1)
        off = shares_M - 1 / num_models
        value = (highest[:, 0] + np.log(totals) - logits[rows, labels]).sum() + PULL * (off**2).sum()
        expected_M = (logs_MNV * (chances / totals[:, None])).sum(axis=(1, 2))
        return value, expected_M - truth_MN.sum(axis=1) + 2 * PULL * off

    found = minimize(loss, np.full(num_models, 1 / num_models), jac=True, bounds=[(0, None)] * num_models)
    shares: np.ndarray = found.x
    return shares
