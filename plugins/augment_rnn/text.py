"""`rnn` and `anchored` for texts: new ones, and how training texts might have gone on."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Context, Cost, Suits
from augment.toolkit.conditions import Conditions
from augment.toolkit.network_generator import NetworkGenerator, Parts
from augment_rnn.text_tokens import Bytes, Pieces, Tokenizer, Utf8, WholeWords, load_tokenizer

if TYPE_CHECKING:
    from augment.toolkit.sequences.network import Shape

FEW_CHARACTERS, MANY_CHARACTERS = 200_000, 2_000_000  # of all texts: spelled below; a large network above
CHARACTERS_A_PIECE, MIN_PIECES, MAX_PIECES = 500, 500, 4_000
MAX_WORDS = 10_000
LONGEST = 2_000  # tokens of a text that is made, where longer ones are not asked for
MIN_STEPS, MAX_STEPS, NUM_EPOCHS = 1_000, 12_000, 20
SHORT_WINDOW = 64


class TextParams(plugin.Params):
    """How texts are cut up, learnt and written."""

    renamed: ClassVar = {"rate": "learning_rate", "decay": "weight_decay", "no_repeat": "no_repeat_ngram_size"}

    tokens: Literal["characters", "bytes", "words", "bpe"] | None = None
    """What is written at a time. By default characters where all texts together have fewer than 200,000, and
    pieces of words (`bpe`) of more."""
    vocabulary: int | None = Field(None, ge=2)
    """How many different words or pieces there are at most. By default 10,000 words; and a piece for each 500
    characters of text, but 500 to 4,000."""
    width: int | None = Field(None, ge=16, multiple_of=16)
    """Hidden units of a layer. By default 128 for up to 50,000 characters of text, 256 up to two million, 512
    beyond."""
    layers: int = Field(1, ge=1)
    """Layers of gated recurrent units."""
    embedding: int = Field(128, ge=1)
    """How many numbers stand for a token."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Share of the hidden units that each training step leaves out."""
    steps: int | None = Field(None, ge=1)
    """Training steps at most; training ends before when texts held back say so. By default twenty times through
    the data, but 1,000 to 12,000."""
    batch_size: int = Field(16, ge=1)
    """Pieces of text per training step."""
    window: int = Field(SHORT_WINDOW, ge=2)
    """Tokens of each such piece."""
    learning_rate: float = Field(4e-3, gt=0)
    """Learning rate at its height."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay of AdamW (Loshchilov and Hutter 2019)."""
    temperature: float = Field(1.0, gt=0)
    """How tokens are drawn: 1 as the network predicts them, less favours the likeliest, more the others."""
    top_k: int | None = Field(None, ge=1)
    """Only the so many likeliest tokens are drawn."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Only the likeliest tokens that together have this chance are drawn."""
    min_p: float | None = Field(None, ge=0, le=1)
    """Only tokens with at least this share of the likeliest one's chance are drawn."""
    guidance: float = Field(0.0, ge=0)
    """How much more a text is to look like its class than it does by itself; 0.5 to 2 are usual, and double the
    time."""
    no_repeat_ngram_size: int | None = Field(None, ge=2)
    """No run of so many tokens comes twice in a text."""
    min_length: int = Field(1, ge=0)
    """Tokens that a text has at least."""
    max_length: int | None = Field(None, ge=1)
    """Tokens that a text has at most; it may be cut in the middle. By default as many as the longest training
    text, but no more than 2,000."""


class TextRnn(NetworkGenerator):
    """Writes texts token by token, each given those before it and the class, with a GRU (Cho et al. 2014).

    All classes are learnt together, so a rare one shares what is common to all, and then seen more often. What it
    writes is like the training texts in letters, words and turns of phrase; it has no knowledge of the world, and with
    few or long texts no thread beyond a sentence or two.
    """

    name = "rnn"
    suits = (
        Suits(
            "text",
            rank=30,
            min_rows=200,
            min_class_rows=500,
            otherwise="measured with fewer, models lost by what it writes",
        ),
    )
    imports = ("torch",)
    accepts = Accepts(
        modalities=frozenset({"text"}),
        columns=frozenset({"text"}),
        targets=frozenset({"classes", "none"}),
        conditional="target",
        min_rows=10,
    )

    class Params(TextParams):
        prefix: str = ""
        """What every text begins with."""

    conditions: Conditions
    tokenizer: Tokenizer

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured on texts of 20 words; longer ones take longer."""
        num_steps = params.steps or MIN_STEPS * max(1.0, num_rows / 2_500)
        return Cost(fit=0.05 * num_steps, row=4e-3)

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment.toolkit.sequences.training import Budget, Sequences, learn

        self.schema = data.schema
        if len(data.schema.features) > 1:
            others = [name for name in data.schema.features if name != self._column]
            raise DataError(
                f"{self.name}: column {others[0]!r} stands beside the text {self._column!r}; it makes the text and the "
                f"target only: leave the column out of the source"
            )
        is_there = data.frame[self._column].notna().to_numpy()
        texts = [str(text) for text in data.frame[self._column][is_there]]
        if not any(texts):
            raise DataError(f"{self.name}: every text in column {self._column!r} is empty; there is nothing to learn")
        self.conditions, classes = Conditions.of(data)  # a label whose texts are all missing can be asked for too
        classes = classes[is_there]
        self._size = sum(map(len, texts))
        self.tokenizer = self._cut(texts)
        sequences = Sequences.of([self.tokenizer.encode(text) for text in texts])
        self._longest = int(sequences.lengths.max())
        params = self.params
        a_step = params.batch_size * params.window
        num_steps = params.steps or int(np.clip(NUM_EPOCHS * len(sequences.tokens) // a_step, MIN_STEPS, MAX_STEPS))
        budget = Budget(num_steps, params.batch_size, params.window, params.learning_rate, params.weight_decay)
        self.weights = learn(sequences, classes, self.conditions, self._shape(), budget, context)
        return self

    @property
    def _column(self) -> str:
        column = self.schema.text_payload
        assert column is not None  # `accepts` asks for texts
        return column

    def _cut(self, texts: list[str]) -> Tokenizer:
        kind = self.params.tokens or ("characters" if self._size < FEW_CHARACTERS else "bpe")
        if kind == "bytes":
            return Bytes()
        if kind == "characters":
            return Pieces.characters(texts)
        if kind == "words":
            return Pieces.words(texts, self.params.vocabulary or MAX_WORDS)
        pieces = int(np.clip(self._size // CHARACTERS_A_PIECE, MIN_PIECES, MAX_PIECES))
        return Pieces.pairs(texts, self.params.vocabulary or pieces)

    def _shape(self) -> Shape:
        from augment.toolkit.sequences.network import Shape

        params = self.params
        width = params.width or (128 if self._size <= 50_000 else 256 if self._size <= MANY_CHARACTERS else 512)
        return Shape(
            vocabulary_sizes=(self.tokenizer.vocabulary_size,),
            num_classes=len(self.conditions.labels),
            width=width,
            layers=params.layers,
            embedding=params.embedding,
            dropout=params.dropout,
        )

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        classes = self.conditions.draw(given, context.rng)
        prefix = self.tokenizer.encode(self.params.prefix)
        if len(prefix) >= self._most:
            raise DataError(
                f"rnn: the prefix has {len(prefix)} tokens, and a text {self._most} at most; raise max_length"
            )
        return self._written(given, classes, [prefix] * len(classes), context)

    @property
    def _most(self) -> int:
        """Tokens of a text."""
        return self.params.max_length or min(self._longest, LONGEST)

    def _written(
        self, given: pd.DataFrame, classes: np.ndarray, prefixes: list[np.ndarray], context: Context
    ) -> Dataset:
        """Texts of these classes that begin with these tokens."""
        from augment.toolkit.sequences.sampling import PLACES, NoRepeat, Rule, SamplingParams, draw
        from augment.toolkit.sequences.training import Sequences

        params = self.params
        rules: list[Rule] = [Utf8(PLACES)] if isinstance(self.tokenizer, Bytes) else []
        if isinstance(self.tokenizer, Pieces) and self.tokenizer.has_words:
            rules.append(WholeWords(PLACES, self.tokenizer.pieces))
        if params.no_repeat_ngram_size:
            rules.append(NoRepeat(params.no_repeat_ngram_size, self.tokenizer.vocabulary_size))
        drawn = draw(
            self._shape(),
            self.weights,
            classes,
            context.seed,
            max_length=self._most,
            min_length=min(params.min_length, self._most),
            params=SamplingParams(params.temperature, params.top_k, params.top_p, params.min_p, params.guidance),
            prefixes=Sequences.of(prefixes) if any(map(len, prefixes)) else None,
            rules=rules,
        )
        texts = [self.tokenizer.decode(part[:, 0]) for part in drawn.parts()]
        frame = self.conditions.frame(given, classes).assign(**{self._column: pd.Series(texts, dtype="str")})
        return Dataset.of(frame, {}, self.schema)

    def _values(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.to_state(), "size": self._size, "longest": self._longest}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        self.tokenizer = load_tokenizer(values["tokenizer"])
        self._size, self._longest = values["size"], values["longest"]


class TextAnchored(TextRnn):
    """Begins as a training text does and goes on as the network of `rnn` would.

    How much of the text stays is drawn for each row, at least `keep` of it; its label stays too. So a class keeps words
    of its own even where it has too few texts for a network to learn them.
    """

    name = "anchored"
    suits = (
        Suits(
            "text",
            rank=10,
            targets=frozenset({"classes"}),
            min_rows=200,
            max_class_rows=100,
            reason="of what makes texts for classes as rare as here, it was measured to help most",
            otherwise="edits were measured to help more there",
        ),
    )
    origin = "rows"

    class Params(TextParams):
        keep: float = Field(0.5, ge=0, lt=1)
        """Share of a training text's tokens that stays at least, from the first on."""

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        assert context.train is not None  # the host lends it to every generator
        choice, cut = context.rng.spawn(2)  # a stream each, row after row: k rows begin as n rows do
        classes = self.conditions.draw(given, context.rng)
        _, numbers = Conditions.of(context.train)
        texts = context.train.frame[self._column].fillna("").astype(object)
        numbers[texts.str.len() == 0] = -1
        rows_by_label = [np.flatnonzero(numbers == label) for label in range(len(self.conditions.labels))]
        encode = functools.cache(lambda row: self.tokenizer.encode(texts[row]))
        shares = self.params.keep + (1 - self.params.keep) * cut.random(len(given))
        prefixes = []
        for label, share, chance in zip(classes, shares, choice.random(len(given)), strict=True):
            rows = rows_by_label[label]  # none where the texts of a label are all missing
            tokens = encode(rows[int(chance * len(rows))]) if len(rows) else np.empty(0, np.int32)
            prefixes.append(tokens[: min(int(share * len(tokens)), self._most - 1)])
        return self._written(given, classes, prefixes, context)
