"""Numbers from a Gaussian mixture for each class, as scikit-learn fits it."""

import warnings

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, as_labels
from augment.plugin import Accepts, Generator, hookimpl, read_state, write_state

PARTS = ("weights", "means", "roots")


class Mixture(Generator):
    """Numbers from a Gaussian mixture for each class, as scikit-learn fits it."""

    name = "mixture"
    accepts = Accepts(frozenset({"table"}), frozenset({"number", "integer"}), conditional="target", missing=False)

    class Params(plugin.Params):
        components: int = Field(3, ge=1)
        """Number of Gaussians in each class."""

    def fit(self, data, context):
        from sklearn.mixture import GaussianMixture

        values, labels = data.frame[_numbers(data.schema)].to_numpy(dtype=float), _labels(data.frame, data.schema)
        centre, scale = values.mean(axis=0), np.where(np.ptp(values, axis=0) > 0, values.std(axis=0), 1.0)
        self.state = {"centre": centre, "scale": scale}
        for label in np.unique(labels):
            rows = ((values - centre) / scale)[labels == label].repeat(2, axis=0)  # it does not take a single row
            size = min(self.params.components, len(np.unique(rows, axis=0)))
            model = GaussianMixture(size, reg_covar=1e-3, random_state=int(context.rng.integers(2**31)))
            with warnings.catch_warnings(action="ignore"):  # a mixture that has not settled will do
                model.fit(rows)
            learnt = (model.weights_, model.means_, np.linalg.cholesky(model.covariances_))
            self.state |= {f"{label} {part}": array for part, array in zip(PARTS, learnt, strict=True)}
        return self

    def sample(self, given, context):
        schema, choice, noise = context.train.schema, *context.rng.spawn(2)  # a stream each, row after row
        places, draws = choice.random((len(given), 2)), noise.standard_normal((len(given), len(self.state["centre"])))
        like = context.train.frame.take((places[:, 0] * len(context.train)).astype(int)).reset_index(drop=True)
        target = {} if schema.target is None else {schema.target: given.get(schema.target, like[schema.target])}
        labels, rows = _labels(pd.DataFrame(target, index=given.index), schema), np.empty_like(draws)
        for label in np.unique(labels):
            asked, (weights, means, roots) = labels == label, (self.state[f"{label} {part}"] for part in PARTS)
            which = np.minimum(np.searchsorted(weights.cumsum(), places[asked, 1]), len(weights) - 1)
            rows[asked] = means[which] + (roots[which] * draws[asked][:, None, :]).sum(axis=2)
        frame = pd.DataFrame(rows * self.state["scale"] + self.state["centre"], columns=_numbers(schema))
        for name in frame:
            column = schema.columns[name]
            frame[name] = frame[name].round(0 if column.type == "integer" else column.decimals or 12)
        return Dataset.of(frame.assign(**{**target, **dict(frame.items())})[list(schema.columns)], {}, schema)

    def save(self, folder):
        write_state(folder, self.state, {})

    @classmethod
    def load(cls, folder, params):
        made = cls(params)
        made.state = read_state(folder)[0]
        return made


def _numbers(schema):
    return [name for name in schema.columns if name != schema.target or schema.task == "number"]


def _labels(frame, schema):
    return as_labels(frame[schema.target]).astype(str) if schema.task == "classes" else np.full(len(frame), "")


@hookimpl
def augment_components():
    return [Mixture]
