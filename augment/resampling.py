"""Generators with the interface of an imbalanced-learn sampler: `fit_resample(X, y)`.

In an imbalanced-learn `Pipeline`, a sampler only works on the data that the pipeline is fitted on. Inside
`cross_val_score`, the generator therefore learns only from each fold's training rows, and the scored rows stay real.

Shapes: N rows, M synthetic rows, F features.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from imblearn.base import BaseSampler
from imblearn.utils import check_target_type
from imblearn.utils._validation import ArraysTransformer
from scipy import sparse
from sklearn.preprocessing import label_binarize
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from augment.data import ColumnDeclaration, Dataset, Schema, SchemaDeclaration, as_written, infer, observe
from augment.engine.executors import InProcess
from augment.errors import AugmentError
from augment.plan.amounts import amounts, training_counts
from augment.plan.chunks import plan
from augment.plan.repeats import Repeats
from augment.plugin.catalog import Catalog
from augment.runner.fitting import fit_components
from augment.runner.generate import make_rows
from augment.runner.session import Session
from augment.spec.bind import bind
from augment.spec.load import load
from augment.spec.stages import Bound
from augment.storage.store import Store
from augment.storage.written_rows import REAL

__all__ = ["Augmenter"]


class Augmenter(BaseSampler):  # type: ignore[misc]  # imbalanced-learn has no types
    """Adds synthetic rows from a generator that is fitted on the training set.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[:110], y[:110]  # 50, 50 and 10 flowers
    >>> X_more, y_more = Augmenter("smote", random_state=0).fit_resample(X, y)
    >>> np.bincount(y_more).tolist()
    [50, 50, 50]

    Args:
        generator: name of a generator, as in a pipeline file.
        settings: its settings, as under `with:`.
        rows: the number of synthetic rows, as `mix: {rows: ...}` in a pipeline file: `balance`, a multiple such as
            `2x`, a number, `{"per_class": n}`, or a mapping from label to number.
        filters: filters, by name or as mappings, as in a pipeline file. Rows outside the data's schema are always
            redrawn, and so are rows equal to an earlier synthetic row, unless so many real rows would repeat too.
        max_rounds: how many times rejected rows are sampled again.
        shortfall: what happens when rows are still missing: `fail`, or `warn` and go on with fewer.
        schema: declarations of columns, as `schema: {columns: ...}` in a pipeline file.
        device: `cpu`, `cuda`, `cuda:1`.
        random_state: a seed, a RandomState, or None for different rows each time.

    Attributes:
        origin_: `real` or the generator's name for each row of the last result, (N + M,) object. Real rows come first,
            in their original order.
        sampling_strategy_: label to number of synthetic rows.
        n_features_in_: F.
        feature_names_in_: names of the columns, if X is a DataFrame.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "generator": [str],
        "settings": [Mapping, None],
        "rows": [str, Integral, Mapping],
        "filters": ["array-like"],
        "max_rounds": [Interval(Integral, 1, None, closed="left")],
        "shortfall": [StrOptions({"fail", "warn"})],
        "schema": [Mapping, None],
        "device": [str],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        generator: str = "vae",
        *,
        settings: Mapping[str, Any] | None = None,
        rows: str | int | Mapping[Any, int] = "balance",
        filters: Sequence[Any] = (),
        max_rounds: int = 10,
        shortfall: str = "fail",
        schema: Mapping[str, Any] | None = None,
        device: str = "cpu",
        random_state: Any = None,
    ):
        self.generator = generator
        self.settings = settings
        self.rows = rows
        self.filters = filters
        self.max_rounds = max_rounds
        self.shortfall = shortfall
        self.schema = schema
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Augmenter:
        """Only check the data: `fit_resample` does the work."""
        self._validate_params()
        self._checked(X, y)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """The rows of X followed by synthetic ones, and their labels, in the types of the input.

        Args:
            X: (N, F) array, DataFrame, sparse matrix or list of rows.
            y: (N,) labels.

        Raises:
            ValueError: the data, a name or a setting is invalid; the message explains why.
        """
        self._validate_params()
        frame, codes, classes, one_vs_all = self._checked(X, y)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        try:
            synthetic_data = self._fit_resample(frame, codes, classes, seed)
        except AugmentError as error:
            raise ValueError(str(error)) from error
        target = synthetic_data.schema.target
        columns = synthetic_data.schema.columns
        synthetic = pd.DataFrame(
            {name: as_written(synthetic_data.frame[name], columns[name]) for name in synthetic_data.schema.features}
        )
        label = synthetic_data.frame[target].astype("int64").to_numpy()
        self.origin_ = np.repeat(np.array([REAL, self.generator], dtype=object), [len(frame), len(synthetic_data)])
        labels = classes[np.concatenate([codes, label])]
        if one_vs_all:
            labels = label_binarize(labels, classes=classes)
        if isinstance(X, pd.DataFrame):
            synthetic.columns = X.columns
            more = pd.concat([X, synthetic.astype(X.dtypes.to_dict())], ignore_index=True)
            more, labels = ArraysTransformer(np.empty((0, 1)), y).transform(more, labels)
            return more, labels
        values: Any = np.vstack([frame.to_numpy(), synthetic.to_numpy()]).astype(self._dtype)
        if sparse.issparse(X):
            values = sparse.csr_matrix(values).asformat(X.format)
        values, labels = ArraysTransformer(X, y).transform(values, labels)
        return values, labels

    def _checked(self, X: Any, y: Any) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, bool]:
        """The features with plain names, the class number of each row, the classes, and whether y was one-vs-all."""
        check_classification_targets(y)
        y, one_vs_all = check_target_type(y, indicate_one_vs_all=True)
        y = np.asarray(y).ravel() if np.ndim(y) == 2 else y  # (N, 1)
        is_frame = isinstance(X, pd.DataFrame)
        options = {"dtype": None if is_frame or _holds_words(X) else "numeric", "ensure_all_finite": "allow-nan"}
        values, y = validate_data(self, X=X, y=y, accept_sparse=["csr", "csc"], **options)
        if is_frame:
            frame = X.reset_index(drop=True)
            sparse_names = [name for name in frame if isinstance(frame[name].dtype, pd.SparseDtype)]
            frame = frame.assign(**{name: frame[name].sparse.to_dense() for name in sparse_names})
        else:
            values = values.toarray() if sparse.issparse(values) else values
            self._dtype = values.dtype
            frame = pd.DataFrame(values).infer_objects()
        named = all(isinstance(name, str) for name in frame.columns)
        frame.columns = list(frame.columns) if named else [f"x{number}" for number in range(len(frame.columns))]
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y holds one class only, {classes[0]!r}; at least two are needed")
        return frame, codes, classes, one_vs_all

    def _rows(self, classes: np.ndarray) -> Any:
        """`rows` with class numbers instead of labels."""
        if not isinstance(self.rows, Mapping) or ("per_class" in self.rows and len(self.rows) == 1):
            return self.rows
        number = {str(label): str(code) for code, label in enumerate(classes)}
        if unknown := [label for label in self.rows if str(label) not in number]:
            raise ValueError(f"rows: y has no class {unknown[0]!r}; it has {', '.join(list(number)[:12])}")
        return {number[str(label)]: int(count) for label, count in self.rows.items()}

    def _fit_resample(self, frame: pd.DataFrame, codes: np.ndarray, classes: np.ndarray, seed: int) -> Dataset:
        """The synthetic rows, from a temporary store and session."""
        train = self._dataset(frame, codes)
        catalog = Catalog()
        (source,) = catalog.default_names("source")  # a pipeline has one; nothing reads it
        tree = {
            "seed": seed,
            "source": {"use": source, "with": {"path": "train"}},
            "generators": [{"use": self.generator, "with": dict(self.settings or {})}],
            "filters": list(self.filters),
            "mix": {"rows": self._rows(classes)},
        }
        with tempfile.TemporaryDirectory(prefix="augment-") as folder:
            place = Path(folder)
            train.save(place / "train")
            components = bind(load(tree, catalog, base=place), train.schema, len(train), ("generator", "filter"))
            session = Session(
                seed=seed,
                device=self.device,
                threads=1,
                executor=InProcess(),
                store=Store(place / "store"),
                scratch=place,
                catalog=catalog,
                listeners=[],
            )
            (generator,) = components["generator"]
            fitted = [(generator, fit_components(session, [generator], place / "train", "train")[generator.id])]
            wanted = self._wanted(generator, classes, training_counts(train))
            self.sampling_strategy_ = {classes[int(code)]: count for code, count in wanted.items() if count}
            conditional = {generator.id: generator.cls.accepts.conditional != "none"}
            rows = plan(wanted, {generator.id: 1.0}, conditional, train.schema)
            filters = []
            if components["filter"] and rows:
                pilot = make_rows(
                    session, rows[:1], fitted, place / "train", place / "pilot", purpose="pilot", filters=[],
                    max_rounds=1, repeats=None,
                )  # fmt: skip
                pilot_rows = Dataset.concat([Dataset.load(part) for part, _ in pilot.parts])
                pilot_rows.save(place / "pilot" / "all")
                judges = fit_components(
                    session, components["filter"], place / "train", "train", place / "pilot" / "all", "pilot"
                )
                filters = [(bound, judges[bound.id]) for bound in components["filter"]]
            mixture = make_rows(
                session, rows, fitted, place / "train", place / "rows", purpose="mix", filters=filters,
                max_rounds=self.max_rounds, repeats=Repeats(train), shortfall=self.shortfall,
            )  # fmt: skip
            if mixture.short and self.shortfall == "warn":
                warnings.warn(session.remarks[-1], stacklevel=3)
            parts = [Dataset.load(part) for part, _ in mixture.parts]
            synthetic = Dataset.concat(parts) if parts else train.take(slice(0, 0))
            return Dataset(synthetic.frame, {}, synthetic.schema)

    def _wanted(self, generator: Bound, classes: np.ndarray, counts: Mapping[str, int]) -> dict[str, int]:
        """How many rows of each class number: none of classes that are too small for the generator, with a warning.

        Raises:
            ValueError: no rows can be made, or none of a class that `rows` names.
        """
        rows = self._rows(classes)
        wanted = amounts(rows, counts)
        least = generator.cls.accepts.min_class_rows if generator.cls.accepts.conditional != "none" else 0
        left_out = [code for code, num_rows in wanted.items() if num_rows and counts[code] < least]
        if not left_out:
            return wanted
        why = "; ".join(
            f"class {str(classes[int(code)])!r} has {counts[code]} training row{'s' * (counts[code] != 1)}"
            for code in left_out
        )
        why += f", and {self.generator!r} needs at least {least} of a class"
        feasible = {code: 0 if code in left_out else num_rows for code, num_rows in wanted.items()}
        if not any(feasible.values()) or (isinstance(rows, Mapping) and set(left_out) & set(rows)):
            raise ValueError(f"no rows can be made: {why}; add rows of it, or use another generator")
        warnings.warn(f"{why}: no rows are made of it", stacklevel=4)
        return feasible

    def _dataset(self, frame: pd.DataFrame, codes: np.ndarray) -> Dataset:
        """The training part. No column is treated as an id, because every column must be returned."""
        columns = {name: ColumnDeclaration.model_validate(dict(said)) for name, said in (self.schema or {}).items()}
        target = _free_name(frame)
        whole = frame.assign(**{target: codes.astype(str)})
        columns[target] = ColumnDeclaration(type="category", categories=tuple(map(str, range(codes.max() + 1))))
        inferred = infer(whole, {}, SchemaDeclaration(target=target, columns=columns))
        free = {
            name: column.model_copy(update={"type": "integer" if frame[name].dtype.kind in "iu" else "category"})
            for name, column in inferred.columns.items()
            if column.type == "id"
        }
        schema, _ = observe(Schema(columns={**inferred.columns, **free}, target=target), whole)
        return Dataset.of(whole, {}, schema)


def _free_name(frame: pd.DataFrame) -> str:
    """A name for the target that differs from all features."""
    name = "class"
    while name in frame.columns:
        name += "_"
    return name


def _holds_words(X: Any) -> bool:
    """Whether these rows (not a DataFrame) contain objects or strings."""
    return not sparse.issparse(X) and np.asarray(X, dtype=None).dtype.kind in "OUS"
