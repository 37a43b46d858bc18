"""`rnn` for tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Context, Suits, derive_seed
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.network_generator import NetworkGenerator, Parts
from augment.toolkit.tables.bins import BinTable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from augment_rnn.networks import ColumnGru

MIN_BATCH, MAX_BATCH, BATCHES_AN_EPOCH = 16, 256, 32
MIN_STEPS, MAX_STEPS, NUM_EPOCHS = 300, 8_000, 18
AVERAGE_DECAY = 0.998
MAX_LABELS_APART = 32  # of a target, each of which has distributions of its own to begin with
HELD_BACK, MAX_HELD_BACK = 0.1, 10_000  # of the rows
NUM_MEASURES, PATIENCE = 36, 6  # of the loss on these, in a whole fit


class TableRnn(NetworkGenerator):
    """Draws rows column by column, each given those before it, with a gated recurrent unit (Cho et al. 2014).

    As close to the training rows' distribution as `trees`, at many times the cost: numbers with many modes, repeated
    values, rare labels and missing values are all choices among bins. Any columns may be given. A class is fed in
    first and costs nothing; for other columns each row is chosen among `candidates`, which takes so many times longer.
    """

    name = "rnn"
    suits = (Suits("table", rank=30, min_rows=200, min_class_rows=200),)
    imports = ("torch",)
    origin = "noise"
    accepts = Accepts(
        modalities=frozenset({"table"}),
        columns=ENCODED_TYPES,
        conditional="any",
        min_rows=2,
    )

    class Params(plugin.Params):
        """Settings of the table RNN."""

        renamed: ClassVar = {"rate": "learning_rate", "decay": "weight_decay"}

        steps: int | None = Field(None, ge=1)
        """Training steps at most; training ends before when rows held back say so. By default eighteen times through
        the data, but 300 to 8,000."""
        batch_size: int | None = Field(None, ge=1)
        """Rows per training step. By default a thirty-second of the rows, but 16 to 256."""
        width: int = Field(64, ge=1)
        """Hidden units."""
        dropout: float = Field(0.1, ge=0, lt=1)
        """Share of the inputs and hidden units that each training step leaves out."""
        learning_rate: float = Field(4e-3, gt=0)
        """Learning rate at the start; it falls to zero."""
        weight_decay: float = Field(1e-3, ge=0)
        """Weight decay of AdamW (Loshchilov and Hutter 2019)."""
        candidates: int = Field(32, ge=2, le=1024)
        """Among how many candidates a row is chosen where columns other than a class are given. More follow what is
        given more closely, and take longer."""

    table: BinTable

    def fit(self, data: Dataset, context: Context) -> Self:
        """Train on all rows but a tenth, held back to see when to end."""
        import torch

        from augment.toolkit.optimizers import AdamW
        from augment.toolkit.training import EarlyStopping, autocast, copy_weights, linear_decay, reproducible, train
        from augment_rnn.columns import ROWS_AT_ONCE, known_cells
        from augment_rnn.networks import ColumnGru

        refuse_arrays(self.name, data)
        params = self.params
        self.schema = data.schema
        self.table = BinTable.fit(data, sequence(data.schema))
        learnt, held_back = hold_back(len(data), context.seed)
        batch_size = params.batch_size or int(np.clip(len(learnt) // BATCHES_AN_EPOCH, MIN_BATCH, MAX_BATCH))
        num_steps = params.steps or int(np.clip(NUM_EPOCHS * len(learnt) // batch_size, MIN_STEPS, MAX_STEPS))
        min_between = max(1, len(held_back) // batch_size)  # steps; a short fit does not mostly measure
        with reproducible(context):
            device = torch.device(context.device)
            bins = self.table.encode(data.frame).astype(np.int64)
            bins_NK = torch.tensor(bins, device=device)
            learnt_rows = torch.tensor(learnt, device=device)
            measured = torch.split(torch.tensor(held_back, device=device), ROWS_AT_ONCE)
            network = self._network()
            network.begin(*known_cells(self.table, bins[learnt], self._num_labels))
            network.to(device)
            optimizer = AdamW(
                network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
            )

            def step(number: int, batch: Tensor) -> dict[str, Tensor]:
                with autocast(context):
                    loss = network.losses(bins_NK[learnt_rows[batch]]).sum()
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                return {"loss": loss}

            def measure(averaged: Mapping[str, nn.Module]) -> Tensor:
                average = averaged["network"]
                assert isinstance(average, ColumnGru)
                sums = [average.losses(bins_NK[rows]).sum() * len(rows) for rows in measured]
                return torch.stack(sums).sum() / len(held_back)

            outcome = train(
                context,
                step,
                num_steps=num_steps,
                num_rows=len(learnt),
                batch_size=batch_size,
                modules={"network": network},
                optimizers={"network": optimizer},
                averages={"network": AVERAGE_DECAY},
                schedule=linear_decay(0.9),
                stopping=EarlyStopping(measure, max(num_steps // NUM_MEASURES, min_between), PATIENCE),
            )
        self.weights = copy_weights(outcome.averaged["network"])
        return self

    def _network(self) -> ColumnGru:
        from augment.toolkit.tables.column_bins import NUM_FEATURES
        from augment_rnn.networks import ColumnGru

        width, dropout = self.params.width, self.params.dropout
        return ColumnGru(self.table.num_bins, NUM_FEATURES, width, dropout, self._num_labels)

    @property
    def _num_labels(self) -> int:
        """Labels that have biases of their own."""
        num_labels = self.table.num_bins[0] if self.schema.task == "classes" else 1
        return num_labels if num_labels <= MAX_LABELS_APART else 1

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        import torch

        from augment.toolkit.training import rebuild, reproducible
        from augment_rnn.columns import draw

        names = [name for name in self.table.columns if name in given]
        asked = self.table.encode(given, names).astype(np.int64)
        places = {self.table.columns.index(name): asked[:, place] for place, name in enumerate(names)}
        within = context.rng.spawn(1)[0]  # a stream of its own: `draw` takes whole batches from the other
        with reproducible(context), torch.inference_mode():
            # so small that a CPU is quick enough, and gives the same rows wherever the fit was
            network = rebuild(self._network, self.weights, "cpu")
            bins = draw(network, places, len(given), self.params.candidates, context.rng)
        frame = self.table.decode(bins, within.random(bins.shape))
        for name in names:
            frame[name] = given[name].reset_index(drop=True)
        return Dataset.of(frame, {}, self.schema)

    def _values(self) -> dict[str, Any]:
        return {"bins": self.table.to_state()}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        self.table = BinTable.from_state(values["bins"])


def hold_back(num_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to learn from and those to measure on, at least one of each: int64."""
    order = np.random.default_rng(derive_seed(seed, "held back")).permutation(num_rows)
    num_held_back = min(max(1, round(HELD_BACK * num_rows)), MAX_HELD_BACK)
    return order[num_held_back:], order[:num_held_back]


def sequence(schema: Schema) -> list[str]:
    """The order in which columns are drawn: a class first, since it is what is given most often; a number last."""
    features = [name for name in schema.columns if name != schema.target]
    if schema.target is None:
        return features
    return [schema.target, *features] if schema.task == "classes" else [*features, schema.target]


def refuse_arrays(generator: str, data: Dataset) -> None:
    """Refuse what is not made of columns alone.

    Raises:
        DataError: the data has an array, or no column.
    """
    if data.schema.arrays:
        name = next(iter(data.schema.arrays))
        raise DataError(f"{generator}: cannot make the array {name!r}; it works on columns only: leave the array out")
    if not data.schema.columns:
        raise DataError(f"{generator}: the data has no columns; there is nothing to learn")
