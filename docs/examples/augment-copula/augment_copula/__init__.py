"""Tables from a Gaussian copula: each column's own distribution, and how the columns' normal scores correlate."""

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Generator, hookimpl, read_state, write_state
from augment.toolkit.conditions import Conditions, columns_to_make, in_full_batches, refuse_others
from augment.toolkit.tables.matrix import TableEncoder

BATCH = 256
RIDGE = 1e-6  # makes a matrix of correlations of columns that depend on each other one that has a root


class Copula(Generator):
    """Tables from a Gaussian copula for each class (Nelsen 2006; Patki et al. 2016).

    A column's values become normal scores by their ranks, and the scores' correlations are what is kept of how columns
    depend on each other. Each class has its own distribution of each column; the correlations are those within classes.
    A missing number is a column of zeros and ones, a missing label one more label.
    """

    name = "copula"
    origin = "noise"
    accepts = Accepts(
        modalities=frozenset({"table"}),
        columns=frozenset({"number", "integer", "category", "boolean", "datetime"}),
        conditional="target",
    )

    class Params(plugin.Params):
        quantiles: int = Field(201, ge=2)
        """How many quantiles of a column's distribution in each class are kept."""

    def fit(self, data, context):
        from scipy.special import ndtri
        from scipy.stats import rankdata

        self.schema, (self.conditions, classes) = data.schema, Conditions.of(data)
        self.encoder = TableEncoder.fit(data, columns_to_make(data.schema), "code")
        matrix, codes = self.encoder.encode(data.frame), self.encoder.categorical
        gaps = np.zeros(matrix.shape, dtype=bool)  # amounts beside which the last matrix column says "missing"
        for place in self.encoder.slices.values():
            if codes[place.stop - 1] and not codes[place.start]:
                gaps[:, place.start : place.stop - 1] = matrix[:, [place.stop - 1]] == 1
        scores, grid = np.zeros(matrix.shape), np.linspace(0, 1, self.params.quantiles)
        self.quantiles = np.zeros((len(self.conditions.labels), len(grid), matrix.shape[1]))
        for number, column in np.ndindex(len(self.quantiles), matrix.shape[1]):
            rows = np.flatnonzero((classes == number) & ~gaps[:, column])
            if len(rows):
                values = matrix[rows, column]
                scores[rows, column] = ndtri((rankdata(values) - 0.5) / len(rows))
                method = "inverted_cdf" if codes[column] else "linear"
                self.quantiles[number, :, column] = np.quantile(values, grid, method=method)
        covariance = scores.T @ scores + RIDGE * len(scores) * np.eye(matrix.shape[1])
        spread = np.sqrt(np.diag(covariance))
        self.root = np.linalg.cholesky(covariance / np.outer(spread, spread))
        return self

    def sample(self, given, context):
        refuse_others(self.conditions, given)
        choice, noise = context.rng.spawn(2)  # a stream each: how many rows are asked for moves neither
        classes = self.conditions.draw(given, choice)
        rows = self.encoder.decode(in_full_batches(lambda batch: self._matrix(batch, noise), classes, BATCH))
        frame = self.conditions.frame(given.reset_index(drop=True), classes).assign(**dict(rows.items()))
        return Dataset.of(frame[list(self.schema.columns)], {}, self.schema)

    def _matrix(self, classes, noise):
        """Rows of the encoder's matrix for a full batch of classes."""
        from scipy.special import ndtr

        codes, last = self.encoder.categorical, self.params.quantiles - 1
        places = ndtr(noise.standard_normal((len(classes), len(self.root))) @ self.root.T) * last
        lower = np.where(codes, np.rint(places), np.floor(places)).astype(int)
        below, above = (
            self.quantiles[classes[:, None], np.minimum(step, last), np.arange(len(self.root))]
            for step in (lower, lower + 1)
        )
        return np.where(codes, below, below + (places - lower) * (above - below))

    def save(self, folder):
        values = {**self.conditions.to_state(self.schema), "encoder": self.encoder.to_state()[1]}
        write_state(folder, {"quantiles": self.quantiles, "root": self.root}, values)

    @classmethod
    def load(cls, folder, params):
        made, (tensors, values) = cls(params), read_state(folder)
        made.quantiles, made.root = tensors["quantiles"], tensors["root"]
        made.schema, made.conditions = Conditions.from_state(values)
        made.encoder = TableEncoder.from_state({}, values["encoder"])
        return made


@hookimpl
def augment_components():
    return [Copula]
