"""`rnn` for time series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, read_state, write_state
from augment.toolkit.conditions import Conditions, refuse_others, unconditional_if_no_classes
from augment.toolkit.lossless import ENCODED_TYPES

if TYPE_CHECKING:
    from augment.toolkit.sequences.codec import StepCodes
    from augment.toolkit.sequences.network import Shape

LEAST_STEPS, MOST_STEPS, NUM_EPOCHS = 500, 4_000, 30
FEWEST_A_BATCH, MOST_A_BATCH = 256, 2_048  # steps; a twentieth of all between
SHORTEST_WINDOW, LONGEST_WINDOW = 32, 256
MANY_STEPS = 50_000  # of all series: a wide network above


class SeriesRnn(plugin.Generator):
    """Draws time series step by step, each given those before it and the class, with a recurrent network.

    Takes series of unequal lengths, several channels, numbers and categories, missing values, and columns beside them:
    all is drawn together. Values keep the range, the decimals and the repeated values of the training series. Where
    it was measured, it was the closest with thousands of series; with some dozens `gan` and `vae` were better, and long
    series lose their beat.
    """

    name = "rnn"
    origin = "noise"
    accepts = Accepts(modalities=frozenset({"series"}), columns=ENCODED_TYPES, conditional="target", min_rows=2)

    class Params(plugin.Params):
        """How series are coded, learnt and drawn."""

        cell: Literal["gru", "lstm", "mingru"] = "gru"
        """The recurrent unit. `mingru` is quick to train on long series, and needs layers."""
        width: int | None = Field(None, ge=16, multiple_of=16)
        """Hidden units of a layer. By default 128, and 64 where all series together have fewer than 50,000 steps."""
        layers: int | None = Field(None, ge=1)
        """Layers; by default 1, and 3 of `mingru`."""
        embedding: int = Field(64, ge=1)
        """How many numbers stand for a code."""
        dropout: float = Field(0.1, ge=0, lt=1)
        """Share of the inputs and hidden units that each training step leaves out."""
        steps: int | None = Field(None, ge=1)
        """Training steps at most; training ends before when series held back say so. By default thirty times through
        the data, but 500 to 4,000."""
        batch_size: int | None = Field(None, ge=1)
        """Pieces of series per training step. By default so many that they have a twentieth of all steps together, but
        256 to 2,048 steps."""
        window: int | None = Field(None, ge=2)
        """Steps of each such piece. By default four times the length of a usual series, but 32 to 256."""
        rate: float = Field(4e-3, gt=0)
        """Learning rate at its height."""
        decay: float = Field(0.01, ge=0)
        """Weight decay."""
        temperature: float = Field(1.0, gt=0)
        """How values are drawn: 1 as the network foretells them, less favours the likeliest, more the others."""
        guidance: float = Field(0.0, ge=0)
        """How much more a series is to look like its class than it does by itself; 0.5 to 2 are usual, and double the
        time."""

    schema: Schema
    conditions: Conditions
    codes: StepCodes
    weights: dict[str, np.ndarray]

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment.toolkit.sequences.codec import StepCodes
        from augment.toolkit.sequences.training import Budget, learn

        params = self.params
        self.schema = data.schema
        self.conditions, classes = Conditions.of(Dataset(data.frame, {}, unconditional_if_no_classes(data.schema)))
        self.codes = StepCodes.fit(data)
        sequences = self.codes.encode(data)
        self._size = len(sequences.codes)
        usual = int(np.median(sequences.lengths)) + 1
        window = params.window or int(np.clip(4 * usual, SHORTEST_WINDOW, LONGEST_WINDOW))
        together = int(np.clip(self._size // 20, FEWEST_A_BATCH, MOST_A_BATCH))
        batch_size = params.batch_size or max(1, together // window)
        num_steps = params.steps or int(
            np.clip(NUM_EPOCHS * self._size // (batch_size * window), LEAST_STEPS, MOST_STEPS)
        )
        budget = Budget(num_steps, batch_size, window, params.rate, params.decay)
        self.weights = learn(sequences, classes, self.conditions, self._shape(), budget, context, self.codes.ranks())
        return self

    def _shape(self) -> Shape:
        from augment.toolkit.sequences.network import Shape

        params = self.params
        return Shape(
            num_codes=self.codes.num_codes,
            num_classes=len(self.conditions.labels),
            num_told=self.codes.num_told,
            cell=params.cell,
            width=params.width or (64 if self._size < MANY_STEPS else 128),
            layers=params.layers or (3 if params.cell == "mingru" else 1),
            embedding=params.embedding,
            dropout=params.dropout,
        )

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment.toolkit.sequences.sampling import PLACES, Choice, draw, uniforms_of

        refuse_others(self.conditions, given)
        classes = self.conditions.draw(given, context.rng)
        drawn = draw(
            self._shape(),
            self.weights,
            classes,
            context.seed,
            most=self.codes.most,
            least=0,
            choice=Choice(temperature=self.params.temperature, guidance=self.params.guidance),
            teller=self.codes.teller(PLACES),
        )
        frame, arrays = self.codes.decode(drawn, uniforms_of(context.seed, drawn.lengths))
        target = self.conditions.frame(given, classes)
        return Dataset.of(pd.concat([frame, target.reset_index(drop=True)], axis=1), arrays, self.schema)

    def save(self, folder: Path) -> None:
        tensors, codes = self.codes.to_state()
        tensors |= {f"network/{name}": value for name, value in self.weights.items()}
        values = {
            "schema": self.schema.model_dump(mode="json", exclude_none=True),
            "counts": self.conditions.counts,
            "codes": codes,
            "size": self._size,
        }
        write_state(folder, tensors, values)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment.toolkit.sequences.codec import StepCodes

        rnn = cls(params)
        tensors, values = read_state(folder)
        rnn.weights = {name.removeprefix("network/"): tensors[name] for name in tensors if name.startswith("network/")}
        rnn.schema = Schema.model_validate(values["schema"])
        rnn.conditions = Conditions.of_schema(unconditional_if_no_classes(rnn.schema), values["counts"])
        rnn.codes = StepCodes.from_state(rnn.schema, tensors, values["codes"])
        rnn._size = values["size"]
        return rnn
