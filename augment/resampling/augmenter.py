"""Generators with the interface of an imbalanced-learn sampler: `fit_resample(X, y)`.

In an imbalanced-learn `Pipeline`, a sampler only works on the data that the pipeline is fitted on. Inside
`cross_val_score`, the generator therefore learns only from each fold's training rows, and the scored rows stay real.

Shapes: N rows, M synthetic rows, F features.
"""

from __future__ import annotations

import sys
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
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import validate_data

from augment.data import MAX_INTEGER_CLASSES as MAX
from augment.data import Dataset, as_written
from augment.engine.executors import InProcess
from augment.errors import AugmentError, DataError
from augment.in_memory import check_labels
from augment.plan.amounts import amounts, training_counts
from augment.plan.chunks import plan
from augment.plan.repeats import Repeats
from augment.plugin.catalog import Catalog
from augment.resampling.training_set import Checked, is_payload, joined, labels_as
from augment.runner.fitting import fit_components
from augment.runner.generate import fit_filters, make_rows
from augment.runner.in_call import bind_in_call, in_call
from augment.runner.session import Session
from augment.spec.load import load
from augment.spec.stages import Bound
from augment.storage.store import Store
from augment.storage.written_rows import REAL

__all__ = ["Augmenter"]

WAYS_OUT = "increase max_rounds, ask for fewer rows, or accept fewer with shortfall='warn'"


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
        rows: the number of synthetic rows: `balance`, a multiple such as `2x`, a number, `{"per_class": n}`, or a
            mapping from label to number. By default `balance`, and `1x` for a numeric y.
        filters: filters, by name or as mappings, as in a pipeline file. Rows outside the data's schema are always
            redrawn, and so are rows equal to an earlier synthetic row, unless so many real rows would repeat too.
        max_rounds: how many times rejected rows are sampled again.
        shortfall: what happens when rows are still missing: `fail`, or `warn` and go on with fewer.
        task: `classes` if y holds labels, `number` if it is a quantity, of which synthetic rows have new values. By
            default labels, and numbers of more than 20 different values are refused.
        schema: declarations of columns, as `schema: {columns: ...}` in a pipeline file.
        device: `cpu`, `cuda`, `cuda:1`.
        random_state: a seed, a RandomState, or None for different rows each time.

    Attributes:
        origin_: `real` or the generator's name for each row of the last result, (N + M,) object. Real rows come first,
            in their original order.
        sampling_strategy_: label to number of synthetic rows; empty for a numeric y.
        n_features_in_: F, if X is a table.
        feature_names_in_: names of the columns, if X is a DataFrame.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "generator": [str],
        "settings": [Mapping, None],
        "rows": [str, Integral, Mapping, None],
        "filters": ["array-like"],
        "max_rounds": [Interval(Integral, 1, None, closed="left")],
        "shortfall": [StrOptions({"fail", "warn"})],
        "task": [StrOptions({"classes", "number"}), None],
        "schema": [Mapping, None],
        "device": [str],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        generator: str = "vae",
        *,
        settings: Mapping[str, Any] | None = None,
        rows: str | int | Mapping[Any, int] | None = None,
        filters: Sequence[Any] = (),
        max_rounds: int = 10,
        shortfall: str = "fail",
        task: str | None = None,
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
        self.task = task
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
            X: (N, F) array, DataFrame, sparse matrix or list of rows; or images, series, texts or tensors, see
                `augment.fit`.
            y: (N,) labels or numbers.

        Raises:
            ValueError: the data, a name or a setting is invalid; the message explains why.
        """
        self._validate_params()
        checked = self._checked(X, y)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        try:
            with in_call():
                synthetic = self._fit_resample(checked, seed)
        except AugmentError as error:
            raise ValueError(str(error)) from error
        self.origin_ = np.repeat(np.array([REAL, self.generator], dtype=object), [len(checked), len(synthetic)])
        labels = checked.labels_with(synthetic)
        if checked.form is not None:
            more, _ = checked.form.restore(synthetic)
            return joined(X, more), labels_as(y, labels)
        assert checked.frame is not None
        columns = synthetic.schema.columns
        features = pd.DataFrame(
            {name: as_written(synthetic.frame[name], columns[name]) for name in synthetic.schema.features}
        )
        if checked.one_vs_all:
            labels = label_binarize(labels, classes=checked.classes)
        if isinstance(X, pd.DataFrame):
            features.columns = X.columns
            more = pd.concat([X, features.astype(X.dtypes.to_dict())], ignore_index=True)
            more, labels = ArraysTransformer(np.empty((0, 1)), y).transform(more, labels)
            return more, labels
        values: Any = np.vstack([checked.frame.to_numpy(), features.to_numpy()]).astype(self._dtype)
        if sparse.issparse(X):
            values = sparse.csr_matrix(values).asformat(X.format)
        values, labels = ArraysTransformer(X, y).transform(values, labels)
        return values, labels

    @property
    def transform(self) -> Any:
        """There is none: a sampler changes the number of rows, and works in the `Pipeline` of imbalanced-learn alone.

        Raises:
            TypeError: a `Pipeline` of scikit-learn looks for it; the message says which pipeline to use.
            AttributeError: anybody else does.
        """
        if sys._getframe(1).f_globals.get("__name__") == "sklearn.pipeline":
            raise TypeError(
                "Augmenter adds rows, which a step of sklearn.pipeline cannot; import Pipeline or make_pipeline from "
                "imblearn.pipeline instead, which leaves it out when it predicts"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute 'transform'")

    def _checked(self, X: Any, y: Any) -> Checked:
        """The features as a table, or as data in memory, and what y is."""
        try:
            y = check_labels(y)
        except DataError as error:
            raise ValueError(str(error)) from error
        is_number = self._is_number(y)
        one_vs_all = False
        if not is_number:
            check_classification_targets(y)
            y, one_vs_all = check_target_type(y, indicate_one_vs_all=True)
        y = np.asarray(y).ravel() if np.ndim(y) == 2 else y  # (N, 1)
        if is_payload(X):
            checked = Checked.of(np.asarray(y), is_number, one_vs_all)
            try:
                return checked.holding(X)
            except DataError as error:
                raise ValueError(str(error)) from error
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
        return Checked.of(y, is_number, one_vs_all, frame)

    def _is_number(self, y: Any) -> bool:
        """Whether y is a quantity.

        Raises:
            ValueError: y has many different numbers, and `task` does not say what they are; or it is no number.
        """
        values = np.asarray(y)
        values = values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values
        kind = type_of_target(values) if values.ndim == 1 and len(values) else ""
        if self.task == "number":
            if values.ndim != 1 or values.dtype.kind not in "iuf":
                raise ValueError(f"task='number': y holds numbers, (N,); got {values.dtype} of shape {values.shape}")
            return True
        if self.task == "classes" and kind != "continuous":
            return False
        if kind == "continuous" or (values.ndim == 1 and values.dtype.kind in "iuf" and len(np.unique(values)) > MAX):
            raise ValueError(
                f"Unknown label type: y has {len(np.unique(values)):,} different numbers in {len(values):,} rows; "
                "task='number' makes rows with new values of it, which needs a generator that takes a numeric target; "
                "for labels, say task='classes', and convert numbers with decimals to text or integers"
            )
        return False

    def _rows(self, checked: Checked) -> Any:
        """`rows` with class numbers instead of labels."""
        rows = self.rows
        if rows is None:
            return "1x" if checked.classes is None else "balance"
        by_class = isinstance(rows, Mapping) or rows == "balance"
        if checked.classes is None and by_class:
            raise ValueError(f"rows={rows!r}: a numeric y has no classes; give a multiple such as '1x', or a number")
        if checked.classes is None or not isinstance(rows, Mapping) or ("per_class" in rows and len(rows) == 1):
            return rows
        number = {str(label): str(code) for code, label in enumerate(checked.classes)}
        if unknown := [label for label in rows if str(label) not in number]:
            raise ValueError(f"rows: y has no class {unknown[0]!r}; it has {', '.join(list(number)[:12])}")
        return {number[str(label)]: int(count) for label, count in rows.items()}

    def _fit_resample(self, checked: Checked, seed: int) -> Dataset:
        """The synthetic rows, from a temporary store and session."""
        catalog = Catalog()
        source = catalog.default_names("source")[0]
        rows = self._rows(checked)
        tree = {
            "seed": seed,
            "source": {"use": source, "with": {"path": "train"}},
            "generators": [{"use": self.generator, "with": dict(self.settings or {})}],
            "filters": list(self.filters),
            "mix": {"rows": rows},
            "trial": False,
            "metrics": [],
            "reporters": [],
        }
        with tempfile.TemporaryDirectory(prefix="augment-") as folder:
            place = Path(folder)
            train = checked.dataset(self.schema or {}, catalog, place)
            train.save(place / "train")
            resolved = load(tree, catalog, base=place)
            (generator,) = bind_in_call(resolved, resolved.select_stages("generator"), train.schema, len(train))
            judging = bind_in_call(resolved, resolved.select_stages("filter"), train.schema, len(train))
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
            wanted = self._wanted(rows, generator, checked.classes, training_counts(train))
            self.sampling_strategy_ = {}
            if checked.classes is not None:
                counts = {checked.classes[int(code)]: count for code, count in wanted.items()}
                self.sampling_strategy_ = {label: count for label, count in counts.items() if count}
            conditional = checked.classes is not None and generator.cls.accepts.conditional != "none"
            chunks = plan(wanted, {generator.id: 1.0}, {generator.id: conditional}, train.schema)
            fitted = [(generator, fit_components(session, [generator], place / "train", "train")[generator.id])]
            filters = fit_filters(session, judging, fitted, chunks, place / "train", "train", place / "pilot")
            mixture = make_rows(
                session, chunks, fitted, place / "train", place / "rows", purpose="mix", filters=filters,
                max_rounds=self.max_rounds, repeats=Repeats(train), shortfall=self.shortfall, ways_out=WAYS_OUT,
            )  # fmt: skip
            if mixture.short and self.shortfall == "warn":
                warnings.warn(session.remarks[-1], stacklevel=3)
            parts = [Dataset.load(part) for part, _ in mixture.parts]
            synthetic = Dataset.concat(parts) if parts else train.take(slice(0, 0))
            arrays = {name: np.array(values) for name, values in synthetic.arrays.items()}  # no memory maps
            return Dataset(synthetic.frame, arrays, synthetic.schema)

    def _wanted(
        self, rows: Any, generator: Bound, classes: np.ndarray | None, counts: Mapping[str, int]
    ) -> dict[str, int]:
        """How many rows of each class number: none of classes that are too small for the generator, with a warning.

        Raises:
            ValueError: no rows can be made, or none of a class that `rows` names.
        """
        wanted = amounts(rows, counts)
        least = generator.cls.accepts.min_class_rows if generator.cls.accepts.conditional != "none" else 0
        left_out = [code for code, num_rows in wanted.items() if code and num_rows and counts[code] < least]
        if not left_out or classes is None:
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


def _holds_words(X: Any) -> bool:
    """Whether these rows (not a DataFrame) contain objects or strings."""
    return not sparse.issparse(X) and np.asarray(X, dtype=None).dtype.kind in "OUS"
