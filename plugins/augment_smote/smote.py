"""The generator `smote`, with the samplers of imbalanced-learn.

Shapes: N rows asked for, M training rows, F encoded features.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Context, Cost, Generator, Suits, read_state, write_state
from augment.toolkit.conditions import Conditions, refuse_others
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.matrix import TableEncoder
from augment_smote.bases import Bases, Kind, NoBasesError, find_bases, vote
from augment_smote.rare import find_rare


class Smote(Generator):
    """Rows between a training row and one of its nearest neighbors of the same class, in standardised units.

    With a numeric target, rows lie between training rows whose target is rare: below or above most others, each side by
    itself. Their target lies as far on the way as they do (SMOTER: Torgo, Ribeiro, Pfahringer and Branco 2013). With
    `noise`, rows are moved at random where the neighbor is far away (SMOGN: Branco, Torgo and Ribeiro 2017). `mix:
    {rows: ...}` says how many there are.

    Numbers, integers and datetimes are interpolated; categories and booleans are the most frequent among the
    neighbors (SMOTE-NC, and SMOTEN where all features are such). A run makes no rows of a class with a single training
    row, which has nothing to move towards.

    `kind` chooses the rows to start from, as the samplers of imbalanced-learn with these names do. How many rows there
    are of each class says `mix: {rows: ...}`, in place of their `sampling_strategy`: `rows: balance` is `auto`. Where
    no row of a class is such as a kind starts from, asking for rows of it is an error.

    Neighbors are sought when it is fitted, but those in the most frequent class only once rows of it are asked for.

    Source: N. V. Chawla, K. W. Bowyer, L. O. Hall, W. P. Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling
    Technique", Journal of Artificial Intelligence Research 16, 2002.
    """

    name = "smote"
    # what numeric targets gain was not measured
    suits = (
        Suits(
            "table",
            rank=20,
            targets=frozenset({"classes"}),
            min_class_rows=3,
            reason="on 67 public tables its rows raised the balanced accuracy of boosted trees by 0.014 (standard "
            "error 0.006) in 2 CPU-seconds a table; a moved threshold, which the trial compares, raised it by 0.021",
        ),
    )
    imports = ("sklearn.neighbors",)  # other kinds than `plain` import imbalanced-learn, which takes longer
    origin = "rows"
    accepts = Accepts(
        modalities=frozenset({"table"}),
        columns=ENCODED_TYPES,
        targets=frozenset({"classes", "number"}),
        conditional="target",
        missing=False,
        min_rows=2,
        min_class_rows=2,
    )

    class Params(plugin.Params):
        """Which rows to start from, and how far they may move."""

        renamed = {"k_neighbors": "n_neighbors"}

        n_neighbors: int = Field(default=5, ge=1)
        """How many nearest rows of the class are candidates; fewer where the class has fewer rows, and at most half of
        them where all features are categories or booleans."""
        kind: Kind = "plain"
        """Which rows of a class new ones start from. `plain`: all, equally often. `borderline`: those with more
        neighbors of other classes than of their own (Han, Wang and Mao 2005). `svm`: support vectors; where they have
        mostly neighbors of their class, new rows lie up to half the distance away from a neighbor (Nguyen, Cooper and
        Kamei 2011). Its time grows with the square of the rows. `kmeans`: those in clusters with a large share of the
        class, and more where it is sparse (Last, Douzas and Bacao 2017). `adasyn`: all, in proportion to their
        neighbors of other classes (He, Bai, Garcia and Li 2008). All but `plain` need classes, and a feature of
        numbers."""
        n_clusters: int = Field(default=8, ge=1)
        """Clusters of `kmeans`, which counts those that hold more than `n_neighbors` rows of the class."""
        cluster_balance_threshold: float | Literal["auto"] = "auto"
        """Smallest share of the class in a cluster of `kmeans`; `auto` is 0.5."""

        noise: float = Field(default=0.0, ge=0)
        """With a numeric target: standard deviations, of normal noise that moves the numbers and the target of a row
        whose neighbor is farther away than half the median distance to rare rows of its side. The row is then not
        interpolated. SMOGN has 0.02. 0 interpolates always."""

    _schema: Schema
    _encoder: TableEncoder
    _conditions: Conditions
    _num_rows: int
    _bases: dict[int, Bases]
    _reasons: dict[int, str]  # of classes without bases
    _lent: _Lent | None = None

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured on small tables: the search for neighbours grows with the square of the rows."""
        num_columns = len(schema.features)
        return Cost(fit=0.02 + 1e-6 * num_rows * num_columns + 1e-9 * num_rows**2, row=1e-6 * num_columns)

    def fit(self, data: Dataset, context: Context) -> Self:
        if data.schema.arrays:
            raise DataError(
                f"smote: cannot make the array {next(iter(data.schema.arrays))!r}; it works on columns only"
            )
        if not data.schema.features:
            raise DataError("smote: there is no column beside the target, so rows have no neighbours")
        self._conditions, codes = Conditions.of(data)
        self._schema, self._num_rows = data.schema, len(data)
        is_number = data.schema.task == "number"
        names = [*data.schema.features, str(data.schema.target)] if is_number else data.schema.features
        self._encoder = TableEncoder.fit(data, names, categories="code")
        if self.params.kind != "plain":
            what = f"smote: `kind: {self.params.kind}` needs"
            if is_number:
                raise DataError(f"{what} a target with classes; use `kind: plain`")
            if self._encoder.categorical.all():
                raise DataError(f"{what} a feature of numbers, and all are categories or booleans; use `kind: plain`")
            if np.count_nonzero(self._conditions.counts) == 1:
                raise DataError(f"{what} rows of at least two classes; use `kind: plain`")
        if self.params.noise and not is_number:
            raise DataError("smote: `noise` needs a numeric target; leave it out")
        lent = _Lent(data, self._encoder.encode(data.frame), codes, {})
        self._bases, self._reasons = {}, {}
        if is_number:
            rows_MF, categorical = lent.features_MF, self._encoder.categorical
            self._bases[0] = find_rare(
                rows_MF[:, :-1], categorical[:-1], rows_MF[:, -1], self.params.n_neighbors, self.params.noise > 0
            )
            return self
        # a mix that balances asks for no rows of the most frequent class, whose search would take longest
        for code in set(np.flatnonzero(self._conditions.counts).tolist()) - {int(np.argmax(self._conditions.counts))}:
            try:
                self._bases[code] = self._find(code, lent, context)
            except NoBasesError as error:
                self._reasons[code] = str(error)
        return self

    def _find(self, code: int, lent: _Lent, context: Context) -> Bases:
        from threadpoolctl import threadpool_limits

        settings = self.params.model_dump(include={"n_neighbors", "n_clusters", "cluster_balance_threshold"})
        with threadpool_limits(limits=context.threads):
            return find_bases(
                self.params.kind, lent.features_MF, self._encoder.categorical, lent.codes_M, code, settings
            )

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        refuse_others(self._conditions, given)
        lent = self._look_at(context.train)
        of_classes, of_rows, of_noise = context.rng.spawn(3)  # a stream each, row after row: k rows begin as n rows do
        classes = self._conditions.draw(given, of_classes)
        categorical = self._encoder.categorical
        uniforms = of_rows.random((len(given), 3 + int(categorical.sum())))
        features_NF = np.empty((len(given), len(categorical)))
        for code in np.unique(classes).tolist():
            slots = np.flatnonzero(classes == code)
            rows, towards, near, step = self._bases_of(code, lent, context).draw(uniforms[slots, :3])
            start = lent.features_MF[rows]
            made = start + step[:, None] * (lent.features_MF[towards] - start)
            for number, column in enumerate(np.flatnonzero(categorical)):
                made[:, column] = vote(lent.features_MF[near, column], uniforms[slots, 3 + number])
            if self.params.noise:  # a row has itself in place of neighbors that are far away
                is_moved = (rows == towards)[:, None] & ~categorical
                made += self.params.noise * is_moved * of_noise.standard_normal(made.shape)
            features_NF[slots] = made
        frame = self._encoder.decode(features_NF)
        return Dataset.of(pd.concat([frame, self._conditions.frame(given, classes)], axis=1), {}, self._schema)

    def _look_at(self, train: Dataset | None) -> _Lent:
        """The training part as numbers; the same for all calls that are lent the same one."""
        assert train is not None  # the host lends it to every generator
        if self._lent is None or self._lent.train is not train:
            if len(train) != self._num_rows:
                raise DataError(
                    f"smote: it was fitted on {self._num_rows:,} rows, and is lent {len(train):,}; fit it on these"
                )
            _, codes = Conditions.of(train)
            self._lent = _Lent(train, self._encoder.encode(train.frame), codes, {})
        return self._lent

    def _bases_of(self, code: int, lent: _Lent, context: Context) -> Bases:
        bases = self._bases.get(code) or lent.found_late.get(code)
        if bases is not None:
            return bases
        try:
            if code in self._reasons:
                raise NoBasesError(self._reasons[code])
            lent.found_late[code] = self._find(code, lent, context)
        except NoBasesError as error:
            raise DataError(
                f"smote: `kind: {self.params.kind}` cannot make rows of class {self._conditions.labels[code]!r}: "
                f"{error}. Use `kind: plain`, or ask for no rows of it (`mix: {{rows: {{...}}}}`)"
            ) from error
        return lent.found_late[code]

    def save(self, folder: Path) -> None:
        tensors, encoder = self._encoder.to_state()
        for code, bases in self._bases.items():
            tensors |= {f"{name}.{code}": values for name, values in bases.to_tensors().items()}
        reasons = {str(code): why for code, why in self._reasons.items()}
        own = {"encoder": encoder, "rows": self._num_rows, "without_bases": reasons}
        write_state(folder, tensors, self._conditions.to_state(self._schema) | own)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        tensors, values = read_state(folder)
        smote = cls(params)
        smote._schema, smote._conditions = Conditions.from_state(values)
        smote._encoder = TableEncoder.from_state(tensors, values["encoder"])
        smote._num_rows = values["rows"]
        smote._reasons = {int(code): why for code, why in values["without_bases"].items()}
        codes = sorted(int(name.removeprefix("rows.")) for name in tensors if name.startswith("rows."))
        fields = ("rows", "neighbors", "shares", "reach")
        smote._bases = {code: Bases(*(tensors[f"{name}.{code}"] for name in fields)) for code in codes}
        return smote


class _Lent:
    """The training part as the generator sees it.

    Attributes:
        train: as it is lent.
        features_MF: its features, categories as codes.
        codes_M: its classes.
        found_late: bases that were sought only when rows of their class were asked for.
    """

    def __init__(self, train: Dataset, features_MF: np.ndarray, codes_M: np.ndarray, found_late: dict[int, Bases]):
        self.train, self.features_MF, self.codes_M, self.found_late = train, features_MF, codes_M, found_late
