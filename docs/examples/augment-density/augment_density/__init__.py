"""Numbers from a kernel density estimate for each class, as scikit-learn makes it."""

from typing import Literal

import numpy as np
from pydantic import Field, PositiveFloat

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Generator, hookimpl, read_state, write_state
from augment.toolkit.conditions import Conditions, columns_to_make, in_full_batches, refuse_others
from augment.toolkit.tables.matrix import TableEncoder

BATCH = 256


class Density(Generator):
    """Numbers from a kernel density estimate for each class, as scikit-learn makes it."""

    name = "density"
    origin = "rows"  # a sample of such an estimate is a training row and noise
    accepts = Accepts(frozenset({"table"}), frozenset({"number", "integer"}), conditional="target", missing=False)

    class Params(plugin.Params):
        bandwidth: PositiveFloat | Literal["scott", "silverman"] = Field("scott")
        """Standard deviation of the noise, in standard deviations of the column, or the rule that chooses it."""

    def fit(self, data, context):
        self.encoder = TableEncoder.fit(data, columns_to_make(data.schema))  # means and spreads, and no row
        return self

    def sample(self, given, context):
        from sklearn.neighbors import KernelDensity

        train = context.train  # the estimate is made of its rows, so it is made again here
        conditions, labels = Conditions.of(train)
        refuse_others(conditions, given)
        matrix = self.encoder.encode(train.frame)
        choice, seeds = context.rng.spawn(2)  # a stream each: how many rows are asked for moves neither
        classes, models = conditions.draw(given, choice), {}
        for number in np.unique(classes):
            models[number] = KernelDensity(bandwidth=self.params.bandwidth).fit(matrix[labels == number])

        def make(batch):
            seed, rows = int(seeds.integers(2**31)), np.empty((len(batch), matrix.shape[1]))
            for number in np.unique(batch):  # a full batch of each class, of which some rows are used
                rows[batch == number] = models[number].sample(BATCH, random_state=seed)[batch == number]
            return rows

        rows = self.encoder.decode(in_full_batches(make, classes, BATCH))
        frame = conditions.frame(given.reset_index(drop=True), classes).assign(**dict(rows.items()))
        return Dataset.of(frame[list(train.schema.columns)], {}, train.schema)

    def save(self, folder):
        write_state(folder, *self.encoder.to_state())

    @classmethod
    def load(cls, folder, params):
        made = cls(params)
        made.encoder = TableEncoder.from_state(*read_state(folder))
        return made


@hookimpl
def augment_components():
    return [Density]
