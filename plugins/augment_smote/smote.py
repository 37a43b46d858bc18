"""The generator `smote`, done by imbalanced-learn.

Shapes: N rows asked for, M training rows of one class, F encoded features.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema, as_labels
from augment.errors import DataError
from augment.plugin import Accepts, Context, Generator, Suits, derive_seed, read_state, write_state
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.matrix import TableEncoder

ROWS_A_BATCH = 1024  # made at a time for each class, whatever was asked: a smaller request is a prefix of a larger one
MAX_NOMINAL_ROWS = 2000  # SMOTEN compares every pair of rows, so memory grows with their square
TIE = 1e-9  # distances that differ by less are equal: they are sums over columns of shares of rows
ROWS_AT_ONCE = 256  # whose neighbors among categories are sought at a time
MEGABYTES = 64  # of distances held at a time by the search for neighbors


class Smote(Generator):
    """Rows between a training row and one of its nearest neighbors of the same class, in standardised units.

    Numbers, integers and datetimes are interpolated; categories and booleans are the most frequent among the
    neighbors (SMOTE-NC). Where all features are such, SMOTEN is used, on at most 2,000 training rows of the class,
    drawn anew for each 1,024 synthetic ones; among rows that are equally near, neighbors are drawn by chance. A run
    makes no rows of a class with a single training row, which has nothing to move towards.

    Source: N. V. Chawla, K. W. Bowyer, L. O. Hall, W. P. Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling
    Technique", Journal of Artificial Intelligence Research 16, 2002.
    """

    name = "smote"
    suits = (Suits("table", rank=20, min_class_rows=3),)
    imports = ("imblearn.over_sampling",)
    origin = "rows"
    accepts = Accepts(
        modalities=frozenset({"table"}),
        columns=ENCODED_TYPES,
        targets=frozenset({"classes"}),
        conditional="target",
        missing=False,
        min_rows=2,
        min_class_rows=2,
    )

    class Params(plugin.Params):
        """How far a row may move."""

        renamed = {"k_neighbors": "n_neighbors"}

        n_neighbors: int = Field(default=5, ge=1)
        """How many nearest rows of the class are candidates; fewer where the class has fewer rows, and at most half of
        them where all features are categories or booleans."""

    _encoder: TableEncoder
    _schema: Schema
    _train: Dataset | None = None
    _classes: dict[str, _Class]

    def fit(self, data: Dataset, context: Context) -> Self:
        if data.schema.arrays:
            raise DataError(
                f"smote: cannot make the array {next(iter(data.schema.arrays))!r}; it works on columns only"
            )
        if not data.schema.features:
            raise DataError("smote: there is no column beside the target, so rows have no neighbours")
        self._schema = data.schema
        self._encoder = TableEncoder.fit(data, data.schema.features, categories="code")
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from threadpoolctl import threadpool_limits

        assert self._schema.target is not None  # `accepts` asks for one
        assert context.train is not None  # the host lends it to every generator
        self._index(context.train)
        target = given[self._schema.target] if self._schema.target in given else self._draw_labels(len(given), context)
        labels = as_labels(target)
        features_NF = np.empty((len(given), self._encoder.num_outputs))
        with threadpool_limits(limits=context.threads):
            for label in dict.fromkeys(labels):
                slots = np.flatnonzero(labels == label)
                features_NF[slots] = self._draw_class(label, len(slots), context)
        frame = self._encoder.decode(features_NF)
        frame[self._schema.target] = target.to_numpy() if isinstance(target, pd.Series) else target
        return Dataset.of(frame, {}, self._schema)

    def _index(self, train: Dataset) -> None:
        """Encode the training rows of each class, once for all calls that are lent the same training part."""
        if self._train is train:
            return
        assert self._schema.target is not None
        names, codes = np.unique(as_labels(train.frame[self._schema.target]).astype(str), return_inverse=True)
        features = self._encoder.encode(train.frame)
        self._classes = {
            str(name): _Class(features, codes, code, self._encoder.categorical) for code, name in enumerate(names)
        }
        self._train = train

    def _draw_labels(self, num_rows: int, context: Context) -> pd.Series:
        """Labels in the proportions of the training rows."""
        ends = np.cumsum([len(rows.features_MF) for rows in self._classes.values()])
        drawn = np.searchsorted(ends, context.rng.random(num_rows) * ends[-1], side="right")
        return pd.Series(np.array(list(self._classes), dtype=object)[drawn], dtype="object")

    def _draw_class(self, label: str, num_rows: int, context: Context) -> np.ndarray:
        """The first rows of the class's own stream: (num_rows, F)."""
        if label not in self._classes:
            raise DataError(
                f"smote: class {label!r} of {self._schema.target!r} has no training row to start from; ask for no rows "
                "of it (`mix: {rows: {...}}`), or leave it to another generator"
            )
        rows = self._classes[label]
        num_batches = -(-num_rows // ROWS_A_BATCH)
        batches = [
            rows.batch(self.params.n_neighbors, derive_seed(context.seed, "smote", label, batch) % 2**32)
            for batch in range(num_batches)
        ]
        return np.concatenate(batches)[:num_rows]

    def save(self, folder: Path) -> None:
        tensors, values = self._encoder.to_state()
        # as text: the state's JSON sorts keys, and columns have an order
        write_state(folder, tensors, {"encoder": values, "schema": self._schema.model_dump_json()})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        tensors, values = read_state(folder)
        smote = cls(params)
        smote._schema = Schema.model_validate_json(values["schema"])
        smote._encoder = TableEncoder.from_state(tensors, values["encoder"])
        return smote


class _Class:
    """The training rows of one class, (M, F), and their neighbors once they are known."""

    def __init__(self, features: np.ndarray, codes: np.ndarray, code: int, categorical: np.ndarray):
        mine = codes == code
        self.features_MF = features[mine]
        self._code = code
        self._categorical = categorical
        self._neighbors: Any = None
        if categorical.all() and not mine.all():
            # SMOTEN measures how far two labels are apart by the classes of all rows that have them
            self._others, self._other_codes = features[~mine], codes[~mine]
        else:
            # imbalanced-learn refuses a single class; a stand-in row is all that it needs of a second
            self._others, self._other_codes = self.features_MF[:1], np.array([code + 1])

    def batch(self, num_neighbors: int, seed: int) -> np.ndarray:
        """ROWS_A_BATCH new rows: (ROWS_A_BATCH, F)."""
        import sklearn
        from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

        rows_MF = self.features_MF
        if len(rows_MF) == 1:
            return np.repeat(rows_MF, ROWS_A_BATCH, axis=0)
        nominal, categorical = self._categorical.all(), self._categorical.any()
        if nominal and len(rows_MF) > MAX_NOMINAL_ROWS:
            rows_MF = rows_MF[np.random.default_rng(seed).choice(len(rows_MF), MAX_NOMINAL_ROWS, replace=False)]
        # the most frequent labels among all rows of a class would be the same each time
        num_neighbors = min(num_neighbors, max(1, (len(rows_MF) - 1) // 2) if nominal else len(rows_MF) - 1)
        settings = {"sampling_strategy": {self._code: len(rows_MF) + ROWS_A_BATCH}, "random_state": seed}
        if nominal:
            sampler = SMOTEN(k_neighbors=_neighbors_with_ties_drawn(num_neighbors + 1, seed), **settings)
        else:
            self._neighbors = self._neighbors or _remembering_neighbors(num_neighbors + 1)  # each row finds itself
            settings["k_neighbors"] = self._neighbors
            sampler = (
                SMOTENC(np.flatnonzero(self._categorical).tolist(), **settings) if categorical else SMOTE(**settings)
            )
        features = np.concatenate([rows_MF, self._others])
        codes = np.concatenate([np.full(len(rows_MF), self._code), self._other_codes])
        with sklearn.config_context(working_memory=MEGABYTES):
            resampled, _ = sampler.fit_resample(features, codes)
        return np.asarray(resampled, dtype=np.float64)[len(features) :]


def _remembering_neighbors(num_neighbors: int) -> Any:
    """A search for neighbors that is done once: batches ask for the same rows' neighbors again and again."""
    from sklearn.neighbors import NearestNeighbors

    class Remembering(NearestNeighbors):  # type: ignore[misc]
        neighbors: np.ndarray | None = None

        def __sklearn_clone__(self) -> Any:
            return self  # imbalanced-learn clones what it is given, and the memory would be lost

        def fit(self, X: Any, y: Any = None) -> Any:
            return self if self.neighbors is not None else super().fit(X, y)

        def kneighbors(self, X: Any = None, n_neighbors: Any = None, return_distance: bool = True) -> Any:
            if self.neighbors is None:
                self.neighbors = super().kneighbors(X, n_neighbors, return_distance=False)
            return self.neighbors

    return Remembering(n_neighbors=num_neighbors)


def _neighbors_with_ties_drawn(num_neighbors: int, seed: int) -> Any:
    """A search for neighbors among distances that draws among equal ones.

    Rows of categories alone are often equally far apart. If the first of them were always taken, as scikit-learn does,
    all rows would have the same neighbors, and all synthetic rows would be equal.
    """
    from sklearn.neighbors import NearestNeighbors

    class Drawing(NearestNeighbors):  # type: ignore[misc]
        def __sklearn_clone__(self) -> Any:
            return self

        def kneighbors(self, X: Any = None, n_neighbors: Any = None, return_distance: bool = True) -> Any:
            rng, nearest = np.random.default_rng(seed), []
            for start in range(0, len(X), ROWS_AT_ONCE):
                distances = X[start : start + ROWS_AT_ONCE].copy()
                distances += rng.random(distances.shape) * TIE
                own = np.arange(len(distances))
                distances[own, start + own] = -1.0  # each row finds itself
                nearest.append(np.argpartition(distances, num_neighbors - 1, axis=1)[:, :num_neighbors])
            return np.concatenate(nearest)

    return Drawing(n_neighbors=num_neighbors)
