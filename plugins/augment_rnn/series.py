"""`rnn` for time series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost, Suits
from augment.toolkit.conditions import Conditions, refuse_others
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.network_generator import NetworkGenerator, Parts

if TYPE_CHECKING:
    from augment.toolkit.sequences.network import Shape
    from augment.toolkit.sequences.sampling import Rule
    from augment.toolkit.sequences.tokenizer import StepTokenizer
    from augment.toolkit.sequences.training import Sequences

MIN_STEPS, MAX_STEPS, NUM_EPOCHS = 500, 4_000, 30
MIN_A_BATCH, MAX_A_BATCH = 256, 2_048  # steps; a twentieth of all between
MIN_WINDOW, MAX_WINDOW = 32, 256
MANY_STEPS = 50_000  # of all series: a wide network above


class SeriesRnn(NetworkGenerator):
    """Draws time series step by step, each given those before it and the class, with a GRU (Cho et al. 2014).

    Takes series of unequal lengths, several channels, numbers and categories, missing values, and columns beside them:
    all is drawn together. Values keep the range, the decimals and the repeated values of the training series. Where
    it was measured, it was the closest with thousands of series; with some dozens `gan` and `vae` were better, and long
    series lose their beat.
    """

    name = "rnn"
    suits = (Suits("series", rank=30, min_rows=200),)
    imports = ("torch",)
    accepts = Accepts(modalities=frozenset({"series"}), columns=ENCODED_TYPES, conditional="target", min_rows=2)

    class Params(plugin.Params):
        """How series are coded, learnt and drawn."""

        renamed: ClassVar = {"rate": "learning_rate", "decay": "weight_decay"}

        width: int | None = Field(None, ge=16, multiple_of=16)
        """Hidden units of a layer. By default 128, and 64 where all series together have fewer than 50,000 steps."""
        layers: int = Field(1, ge=1)
        """Layers of gated recurrent units."""
        embedding: int = Field(64, ge=1)
        """How many numbers stand for a token."""
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
        learning_rate: float = Field(4e-3, gt=0)
        """Learning rate at its height."""
        weight_decay: float = Field(0.01, ge=0)
        """Weight decay of AdamW (Loshchilov and Hutter 2019)."""
        temperature: float = Field(1.0, gt=0)
        """How values are drawn: 1 as the network predicts them, less favours the likeliest, more the others."""
        guidance: float = Field(0.0, ge=0)
        """How much more a series is to look like its class than it does by itself; 0.5 to 2 are usual, and double the
        time."""

    conditions: Conditions
    tokenizer: StepTokenizer

    @classmethod
    def cost(cls, params: Params, schema: Schema, num_rows: int) -> Cost:
        """As measured, with all training steps."""
        length = schema.arrays[schema.find_array("series")].shape[0]
        together = float(np.clip(num_rows * length / 20, MIN_A_BATCH, MAX_A_BATCH))
        num_steps = params.steps or float(np.clip(NUM_EPOCHS * num_rows * length / together, MIN_STEPS, MAX_STEPS))
        return Cost(fit=6e-5 * together * num_steps, row=5e-5 * length)

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment.toolkit.sequences.tokenizer import StepTokenizer
        from augment.toolkit.sequences.training import Budget, learn

        params = self.params
        self.schema = data.schema
        self.conditions, classes = Conditions.of(data)
        self.tokenizer = StepTokenizer.fit(data)
        sequences = self.tokenizer.encode(data)
        self._size = len(sequences.tokens)
        usual = int(np.median(sequences.lengths)) + 1
        window = params.window or int(np.clip(4 * usual, MIN_WINDOW, MAX_WINDOW))
        together = int(np.clip(self._size // 20, MIN_A_BATCH, MAX_A_BATCH))
        batch_size = params.batch_size or max(1, together // window)
        num_steps = params.steps or int(np.clip(NUM_EPOCHS * self._size // (batch_size * window), MIN_STEPS, MAX_STEPS))
        budget = Budget(num_steps, batch_size, window, params.learning_rate, params.weight_decay)
        self.weights = learn(
            sequences, classes, self.conditions, self._shape(), budget, context, self.tokenizer.ranks()
        )
        return self

    def _shape(self) -> Shape:
        from augment.toolkit.sequences.network import Shape

        params = self.params
        return Shape(
            vocabulary_sizes=self.tokenizer.vocabulary_sizes,
            num_classes=len(self.conditions.labels),
            auxiliary_sizes=self.tokenizer.auxiliary_sizes,
            width=params.width or (64 if self._size < MANY_STEPS else 128),
            layers=params.layers,
            embedding=params.embedding,
            dropout=params.dropout,
        )

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment.toolkit.sequences.sampling import draw_uniforms

        refuse_others(self.conditions, given)
        classes = self.conditions.draw(given, context.rng)
        drawn = self._drawn(classes, context)
        frame, arrays = self.tokenizer.decode(drawn, draw_uniforms(context.seed, drawn.lengths))
        target = self.conditions.frame(given, classes)
        return Dataset.of(pd.concat([frame, target.reset_index(drop=True)], axis=1), arrays, self.schema)

    def _drawn(self, classes: np.ndarray, context: Context, prefixes: Sequences | None = None) -> Sequences:
        """Sequences of these classes, which begin with the prefixes."""
        from augment.toolkit.sequences.sampling import PLACES, SamplingParams, draw

        return draw(
            self._shape(),
            self.weights,
            classes,
            context.seed,
            max_length=self.tokenizer.max_length,
            min_length=0,
            params=SamplingParams(temperature=self.params.temperature, guidance=self.params.guidance),
            prefixes=prefixes,
            rules=self._rules(context),
            auxiliary=self.tokenizer.auxiliary(PLACES),
        )

    def _rules(self, context: Context) -> list[Rule]:
        """What may not follow."""
        return []

    def _values(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.to_state(), "size": self._size}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        from augment.toolkit.sequences.tokenizer import StepTokenizer

        self.tokenizer = StepTokenizer.from_state(self.schema, values["tokenizer"])
        self._size = values["size"]
