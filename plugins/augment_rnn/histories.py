"""`rnn` and `anchored` for histories: new users, and what known users might have met next.

Shapes: N users, T places for the items of one, K fields of a step, B places of a drawing, V tokens of the first field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field

from augment.data import Dataset
from augment.plugin import Accepts, Context, Suits
from augment.toolkit.conditions import Conditions, refuse_others
from augment.toolkit.lossless import ENCODED_TYPES
from augment_rnn.series import SeriesRnn

if TYPE_CHECKING:
    from augment.toolkit.sequences.sampling import Rule
    from augment.toolkit.sequences.training import Sequences


class HistoryRnn(SeriesRnn):
    """Draws users: their columns, how many items they meet, and one item after the other, with a recurrent network.

    What is known of an event, such as a rating or the time since the one before, is drawn with its item. An item is
    predicted from those before it, so tastes, and what usually follows what, are kept; what only a few users met is
    hardly learnt. Where no training user has an item twice, none gets one twice, and nobody meets what no training
    user met.
    """

    name = "rnn"
    suits = (Suits("tokens", rank=30, min_rows=200),)
    accepts = Accepts(modalities=frozenset({"tokens"}), columns=ENCODED_TYPES, conditional="target", min_rows=10)

    def _rules(self, context: Context) -> list[Rule]:
        from augment.toolkit.sequences.sampling import PLACES

        assert context.train is not None  # the host lends it to every generator
        met, repeats = _met(context.train)
        num_items = len(self.schema.arrays[self.schema.find_array("tokens")].vocabulary or range(int(met.max()) + 1))
        return [MayBeMet(PLACES, self.tokenizer.vocabulary_sizes[0], met, num_items, repeats)]


class HistoryAnchored(HistoryRnn):
    """Continues real users' histories with what the network of `rnn` predicts: longer histories for short ones.

    A training user keeps the first items as they are, all of them by default, and gets more, up to a length drawn
    among those of the training users that are longer. The user's columns and label stay.
    """

    name = "anchored"
    suits = (Suits("tokens", rank=20, min_rows=200),)
    origin = "rows"

    class Params(SeriesRnn.Params):
        """What is kept of a history, and how the rest is learnt and drawn."""

        keep: float = Field(1.0, ge=0, le=1)
        """Share of the items that a user keeps, from the first on; what follows is drawn. The longest histories lose
        their last item all the same, so that something is drawn."""
        shorter_than: int | None = Field(None, ge=1)
        """Only users with fewer items are continued. By default all."""

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment.toolkit.sequences.sampling import draw_uniforms

        assert context.train is not None  # the host lends it to every generator
        refuse_others(self.conditions, given)
        choice, growth = context.rng.spawn(2)  # a stream each, row after row: k rows begin as n rows do
        classes = self.conditions.draw(given, context.rng)
        items = self.schema.find_array("tokens")
        lengths = context.train.lengths(items)
        rows = self._rows(context.train, lengths, classes, choice.random(len(given)))
        real = context.train.take(rows)
        num_kept = np.minimum(np.round(self.params.keep * lengths[rows]).astype(np.int64), lengths.max() - 1)
        ordered = np.sort(lengths)
        firsts = np.searchsorted(ordered, num_kept, side="right")
        wanted = ordered[firsts + (growth.random(len(given)) * (len(ordered) - firsts)).astype(np.int64)]
        frame, length_column = real.frame, self.schema.arrays[items].length_column
        if length_column is not None:
            frame = frame.assign(**{length_column: wanted})
        begun = self._begun(Dataset(frame, real.arrays, self.schema), num_kept)
        drawn = self._drawn(classes, context, begun)
        _, arrays = self.tokenizer.decode(drawn, draw_uniforms(context.seed, drawn.lengths))
        lengths = drawn.lengths - self.tokenizer.num_columns
        if length_column is not None:
            frame = frame.assign(**{length_column: lengths})
        for name, values in arrays.items():  # to the bit, which tokens are not
            is_kept = np.arange(values.shape[1]) < np.minimum(num_kept, lengths)[:, np.newaxis]
            values[is_kept] = real.arrays[name][is_kept]
        return Dataset.of(self.conditions.relabelled(frame, given), arrays, self.schema)

    def _rows(self, train: Dataset, lengths: np.ndarray, classes: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        """The training user that each row starts from, (N,)."""
        _, numbers = Conditions.of(train)
        is_short = lengths < (self.params.shorter_than or np.inf)
        rows = np.empty(len(classes), np.int64)
        for label in np.unique(classes):
            known = np.flatnonzero((numbers == label) & is_short)
            known = known if len(known) else np.flatnonzero(numbers == label)
            asked = classes == label
            rows[asked] = known[(uniforms[asked] * len(known)).astype(np.int64)]
        return rows

    def _begun(self, data: Dataset, num_kept: np.ndarray) -> Sequences:
        """What each sequence begins with: the user's columns, with the length that is wanted, and the items kept."""
        from augment.toolkit.sequences.training import Sequences

        num_fields = len(self.tokenizer.vocabulary_sizes)
        firsts = self.tokenizer.num_columns + num_kept
        parts = self.tokenizer.encode(data).parts()
        return Sequences.of([part[:end, :num_fields] for part, end in zip(parts, firsts, strict=True)], num_fields)


class MayBeMet:
    """No item comes twice where none does in training, and none that nobody met: a rule for `draw`.

    Args:
        num_places: B.
        vocabulary_size: V.
        met: the tokens that training users met.
        num_items: how many items there are; item i is the token i + 1, and other tokens are no items.
        repeats: whether a training user has an item twice.
    """

    def __init__(self, num_places: int, vocabulary_size: int, met: np.ndarray, num_items: int, repeats: bool):
        self.repeats, self.num_items = repeats, num_items
        self.never = np.zeros(vocabulary_size, bool)
        self.never[1 : num_items + 1] = True
        self.never[met + 1] = False
        self.is_forbidden = np.tile(self.never, (num_places, 1))

    def begin(self, places: np.ndarray) -> None:
        """In these places new sequences begin."""
        self.is_forbidden[places] = self.never

    def forbidden(self, field: int) -> np.ndarray | None:
        """Which tokens may not come next, (B, V)."""
        return None if field else self.is_forbidden

    def took(self, tokens_BK: np.ndarray) -> None:
        """These tokens came next."""
        if not self.repeats:
            places = np.flatnonzero((tokens_BK[:, 0] > 0) & (tokens_BK[:, 0] <= self.num_items))
            self.is_forbidden[places, tokens_BK[places, 0]] = True


def _met(data: Dataset) -> tuple[np.ndarray, bool]:
    """The tokens that users met, and whether one met one of them twice."""
    name = data.schema.find_array("tokens")
    tokens, lengths = np.asarray(data.arrays[name]), data.lengths(name)
    met = tokens[data.step_mask(name)].astype(np.int64)
    users = np.repeat(np.arange(len(data)), lengths)
    return np.unique(met), len(np.unique(users << 32 | met)) < len(met)
