"""The rows that new ones start from and move towards, found once for each class.

Shapes: M training rows, N new rows, B bases, K neighbors, F encoded features, W columns of the matrix for distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["Bases", "Kind", "NoBasesError", "find_bases", "vote"]

Kind = Literal["plain", "borderline", "svm", "kmeans", "adasyn"]
MAX_DENSE = 50_000_000  # entries of a matrix that is searched as it is, which is fast; a larger one is made sparse
MAX_NOMINAL_ROWS = 2_000  # compared pair by pair, so memory grows with their square
MIN_NOMINAL_BASES = 1_000  # wherever rows are often equally far apart
TIE = 1e-9  # distances that differ by less are equal: they are sums over columns of shares of rows
NEW_ROWS = 1_000_000  # that imbalanced-learn divides among bases: as many as it takes for exact shares
MAX_COMPARED = 2**22  # pairs of neighbors compared at a time


class NoBasesError(Exception):
    """No row of a class is such as the kind starts from; the text says why."""


@dataclass(frozen=True)
class Bases:
    """Training rows of one class that new rows start from.

    Attributes:
        rows: (B,) int32, their places in the training part.
        neighbors: (B, K) int32, the places of the rows that each may move towards.
        shares: (B,) float64, how many of the new rows start from each; their sum is 1.
        reach: (B,) float32, how much of the way to the neighbor a row goes at most; below 0 it goes away from it.
    """

    rows: np.ndarray
    neighbors: np.ndarray
    shares: np.ndarray
    reach: np.ndarray

    def draw(self, uniforms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Places of bases (N,), of the neighbors they move towards (N,) and of all their neighbors (N, K), and which
        part of the way they go (N,), from numbers in [0, 1): (N, 3)."""
        ends = np.cumsum(self.shares)
        chosen = np.searchsorted(ends, uniforms[:, 0] * ends[-1], side="right")
        near = self.neighbors[chosen]
        towards = near[np.arange(len(near)), (uniforms[:, 1] * near.shape[1]).astype(np.int64)]
        return self.rows[chosen], towards, near, self.reach[chosen] * uniforms[:, 2]

    def to_tensors(self) -> dict[str, np.ndarray]:
        """Its four arrays by name."""
        return {"rows": self.rows, "neighbors": self.neighbors, "shares": self.shares, "reach": self.reach}


def find_bases(
    kind: Kind, features: np.ndarray, categorical: np.ndarray, codes: np.ndarray, code: int, settings: dict[str, Any]
) -> Bases:
    """The bases of one class.

    Distances are those of SMOTE-NC: of standardised numbers, where each category that differs counts as much as the
    median standard deviation of the numbers. Where all features are categories they are those of SMOTEN.

    Args:
        kind: which rows are bases; all but `plain` and `adasyn` are chosen by imbalanced-learn.
        features: of all training rows, (M, F) float64, categories as codes.
        categorical: which features are categories, bool (F,).
        codes: class of each training row, (M,).
        code: of this class.
        settings: `n_neighbors`, and of `kmeans` the `n_clusters` and the `cluster_balance_threshold`.

    Raises:
        NoBasesError: no row of the class is such a base.
    """
    own = np.flatnonzero(codes == code)
    num_neighbors = min(settings["n_neighbors"], len(own) - 1)
    if len(own) == 1:  # it has nothing to move towards
        return _equal(own, own[:, None])
    if categorical.all():
        return _nominal(features, codes, own, num_neighbors)
    if kind == "plain":
        matrix = _matrix(features[own], categorical)
        return _equal(own, own[_nearest(matrix, matrix, num_neighbors)])
    matrix = _matrix(features, categorical)
    if kind == "adasyn":
        return _adasyn(matrix, codes, code, own, num_neighbors)
    return _by_imbalanced_learn(kind, matrix, codes, code, own, {**settings, "n_neighbors": num_neighbors})


def _equal(rows: np.ndarray, neighbors: np.ndarray) -> Bases:
    """All rows are bases, and new rows start from each of them equally often."""
    num_rows = len(rows)
    shares, reach = np.full(num_rows, 1 / num_rows), np.ones(num_rows, np.float32)
    return Bases(rows.astype(np.int32), neighbors.astype(np.int32), shares, reach)


def _matrix(features: np.ndarray, categorical: np.ndarray) -> Any:
    """Numbers, and a column a category, (M, W): dense, or sparse where that would take too much memory."""
    from scipy import sparse

    amounts, labels = features[:, ~categorical], features[:, categorical].astype(np.int64)
    ends = np.cumsum([amounts.shape[1], *(labels.max(axis=0, initial=0) + 1)])
    places = ends[:-1] + labels
    weight = np.median(amounts.std(axis=0)) / np.sqrt(2)  # two entries differ where two categories do
    if len(features) * ends[-1] <= MAX_DENSE:
        matrix = np.zeros((len(features), ends[-1]))
        matrix[:, : ends[0]] = amounts
        np.put_along_axis(matrix, places, weight, axis=1)
        return matrix
    every = np.concatenate([np.broadcast_to(np.arange(ends[0]), amounts.shape), places], axis=1)
    entries = np.concatenate([amounts, np.full(labels.shape, weight)], axis=1)
    row_ends = np.arange(len(features) + 1) * every.shape[1]
    return sparse.csr_matrix((entries.ravel(), every.ravel(), row_ends), shape=(len(features), ends[-1]))


def _nearest(matrix: Any, wanted: Any, num_neighbors: int) -> np.ndarray:
    """Places of the nearest rows but the first, which is the row itself: (number wanted, K)."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=num_neighbors + 1).fit(matrix)
    nearest: np.ndarray = search.kneighbors(wanted, return_distance=False)[:, 1:]
    return nearest


def _adasyn(matrix: Any, codes: np.ndarray, code: int, own: np.ndarray, num_neighbors: int) -> Bases:
    """Bases by the share of other classes among their neighbors (He, Bai, Garcia and Li 2008)."""
    known = np.flatnonzero(codes >= 0)
    others = (codes[known[_nearest(matrix[known], matrix[own], num_neighbors)]] != code).mean(axis=1)
    if not others.any():
        raise NoBasesError("no row of it has neighbors of another class")
    chosen = np.flatnonzero(others)
    neighbors = own[_nearest(matrix[own], matrix[own], num_neighbors)]
    bases = _equal(own[chosen], neighbors[chosen])
    return Bases(bases.rows, bases.neighbors, others[chosen] / others.sum(), bases.reach)


def _by_imbalanced_learn(
    kind: Kind, matrix: Any, codes: np.ndarray, code: int, own: np.ndarray, settings: dict[str, Any]
) -> Bases:
    """The bases, neighbors and amounts from which imbalanced-learn would make rows.

    Its samplers choose them, and then pass them to one method that makes the rows, all at once. Here that method takes
    note of them instead, so that rows can be made at any time, some thousand at a time.
    """
    from imblearn import over_sampling

    places = {_octets(matrix, row): row for row in own[::-1]}
    found: list[tuple[np.ndarray, np.ndarray, int, float]] = []

    def note(
        sampler: Any,
        X: Any,
        y_dtype: Any,
        y_type: Any,
        nn_data: Any,
        nn_num: np.ndarray,
        n_samples: int,
        step_size: float = 1.0,
        y: None = None,
    ) -> tuple[Any, np.ndarray]:
        rows, others = (np.array([places[_octets(part, row)] for row in range(part.shape[0])]) for part in (X, nn_data))
        found.append((rows, others[nn_num], n_samples, step_size))
        return X[:0], np.zeros(0, y_dtype)

    name = {"borderline": "BorderlineSMOTE", "svm": "SVMSMOTE", "kmeans": "KMeansSMOTE"}[kind]
    more: dict[str, Any] = {}
    if kind == "kmeans":
        more["kmeans_estimator"] = settings["n_clusters"]
        more["cluster_balance_threshold"] = settings["cluster_balance_threshold"]
    noting = type(name, (getattr(over_sampling, name),), {"_make_samples": note})
    sampler = noting(
        sampling_strategy={code: len(own) + NEW_ROWS}, random_state=0, k_neighbors=settings["n_neighbors"], **more
    )
    known = np.flatnonzero(codes >= 0)
    try:
        sampler.fit_resample(matrix[known], codes[known])
    except (RuntimeError, ValueError) as error:  # it has no exception of its own for data that does not suit it
        raise NoBasesError(str(error)) from error
    if not found:
        raise NoBasesError("no row of it lies between rows of other classes")
    counts = np.array([len(rows) for rows, *_ in found])
    amounts = np.array([amount for _, _, amount, _ in found], dtype=np.float64)
    return Bases(
        np.concatenate([rows for rows, *_ in found]).astype(np.int32),
        np.concatenate([neighbors for _, neighbors, *_ in found]).astype(np.int32),
        np.repeat(amounts / counts / amounts.sum(), counts),
        np.repeat([step for *_, step in found], counts).astype(np.float32),
    )


def _octets(matrix: Any, row: int) -> bytes:
    """A row, to find it again."""
    part = matrix[row]
    octets: bytes = part.tobytes() if isinstance(part, np.ndarray) else part.indices.tobytes() + part.data.tobytes()
    return octets


def _nominal(features: np.ndarray, codes: np.ndarray, own: np.ndarray, num_neighbors: int) -> Bases:
    """Bases among categories alone, by SMOTEN's distance: how differently classes are spread over rows with a label.

    Rows are compared with at most 2,000 others, drawn by chance. So are neighbors among rows that are equally near: if
    the first of them were always taken, all rows would have the same ones, and all new rows would be equal.
    """
    from imblearn.metrics.pairwise import ValueDifferenceMetric

    labels = features.astype(np.int64)
    distance = ValueDifferenceMetric(n_categories=labels.max(axis=0) + 1).fit(labels, codes)
    rng = np.random.default_rng(0)
    num_groups = -(-len(own) // MAX_NOMINAL_ROWS)
    # few rows are drawn for several times, so that all that are equally near come in
    groups = [
        group
        for _ in range(max(1, MIN_NOMINAL_BASES // len(own)))
        for group in np.array_split(rng.permutation(own), num_groups)
    ]
    # the most frequent labels among all rows of a class would be the same each time
    num_neighbors = min(num_neighbors, max(1, (min(map(len, groups)) - 1) // 2))
    nearest = []
    for group in groups:
        distances = distance.pairwise(labels[group])
        distances += rng.random(distances.shape) * TIE
        np.fill_diagonal(distances, np.inf)
        nearest.append(group[np.argpartition(distances, num_neighbors - 1, axis=1)[:, :num_neighbors]])
    return _equal(np.concatenate(groups), np.concatenate(nearest))


def vote(codes: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """The most frequent code of each row, (N, K) to (N,); among equally frequent ones, numbers in [0, 1) decide."""
    num_rows, num_neighbors = codes.shape
    chosen = np.empty(num_rows, np.int64)
    rows_at_once = max(1, MAX_COMPARED // num_neighbors**2)
    for start in range(0, num_rows, rows_at_once):
        rows = slice(start, start + rows_at_once)
        counts = (codes[rows, :, None] == codes[rows, None, :]).sum(axis=2, dtype=np.int32)
        is_most = counts == counts.max(axis=1, keepdims=True)
        # an equally frequent code is as often among the candidates as the others: one candidate is drawn
        wanted = (uniforms[rows] * is_most.sum(axis=1)).astype(np.int64) + 1
        chosen[rows] = (is_most.cumsum(axis=1) == wanted[:, None]).argmax(axis=1)
    voted: np.ndarray = codes[np.arange(num_rows), chosen]
    return voted
