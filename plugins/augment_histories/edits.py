"""The generator `history-edits`: training histories with an edit each.

Shapes: N users, T places for the items of one, V tokens, K neighbors of an item.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost, Suits, derive_seed, read_state, write_state
from augment.toolkit.conditions import Conditions
from augment_histories.rows import GAP

Edit = Literal["crop", "drop", "reorder", "insert", "substitute"]
EDITS: tuple[Edit, ...] = ("crop", "drop", "reorder", "insert", "substitute")
KEEP_LENGTH = ("reorder", "substitute")
BLOCK = 256  # items whose neighbors are looked for at once


class HistoryEdits(plugin.Generator):
    """Takes a training history and changes a part of it, by one of five simple edits.

    A stretch of it is kept and the rest left out, items are dropped, or a stretch is shuffled (CL4SRec: Xie et al.
    2022); items are put in behind, or in place of, an item that they often come with (CoSeRec: Liu et al. 2021). Where
    no training history has an item twice, none gets one twice. What is known of an event, such as its rating, moves
    with it; an item that is put in has what the one before it has. The time since the event before is that of a real
    event, and none for the first one. The user's columns and label stay.
    """

    name = "history-edits"
    suits = (Suits("tokens", rank=10),)
    origin = "rows"
    accepts = Accepts(
        modalities=frozenset({"tokens"}), targets=frozenset({"classes", "none"}), conditional="target", min_rows=2
    )

    class Params(plugin.Params):
        renamed = {"neighbours": "n_neighbors"}

        edits: tuple[Edit, ...] = Field(EDITS, min_length=1)
        """Which edits there are: `crop`, `drop`, `reorder`, `insert`, `substitute`. Chance picks one for each history,
        among those that would change it."""
        share: float = Field(0.3, gt=0, lt=1)
        """Share of the items that the edit leaves out, moves, adds or replaces; at least one, or two to be shuffled."""
        n_neighbors: int = Field(20, ge=1)
        """Number of items that count as similar to each: those whose users are most similar, by the cosine."""

    schema: Schema
    conditions: Conditions
    near: np.ndarray  # (V, K) int32: the items that come often with each, -1 where there are no more
    repeats: bool  # whether a training history has an item twice

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured on histories of 20 items."""
        return Cost(fit=2.5e-4 * num_rows, row=1e-4)

    def fit(self, data: Dataset, context: Context) -> Self:
        self.schema = data.schema
        self.conditions, _ = Conditions.of(data)
        tokens, lengths = data.arrays[self._items], data.lengths(self._items)
        rows = np.repeat(np.arange(len(data)), lengths)
        met = np.asarray(tokens[data.step_mask(self._items)])
        self.near, pairs = _nearest_items(rows, met, self.params.n_neighbors)
        self.repeats = pairs < len(met)
        return self

    @property
    def _items(self) -> str:
        return self.schema.find_array("tokens")

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        assert context.train is not None  # the host lends it to every generator
        train, items = context.train, self._items
        classes = self.conditions.draw(given, context.rng)
        _, numbers = Conditions.of(train)
        rows_by_label = [np.flatnonzero(numbers == label) for label in range(len(self.conditions.labels))]
        lengths = train.lengths(items)
        rows, new_lengths = np.empty(len(given), np.int64), np.empty(len(given), np.int64)
        histories = []
        gaps = self._later_gaps(train)
        for place, label in enumerate(classes):  # a stream of random numbers a row: k rows begin as n rows do
            rng = np.random.default_rng(derive_seed(context.seed, "row", place))
            row = rows[place] = rng.choice(rows_by_label[label])
            histories.append(self._edited(train.arrays[items][row, : lengths[row]], rng))
            new_lengths[place] = len(histories[-1][0])
        real = train.take(rows)
        arrays = {name: values.copy() for name, values in real.arrays.items()}
        length_column = self.schema.arrays[items].length_column
        beside = [
            name
            for name, array in self.schema.arrays.items()
            if name != items and array.type == "series" and array.length_column == length_column
        ]
        for place, (tokens, steps) in enumerate(histories):
            arrays[items][place] = 0
            arrays[items][place, : len(tokens)] = tokens
            for name in beside:
                old = real.arrays[name][place]
                moved = old[steps]
                for channel, known in gaps.get(name, {}).items():
                    # the first event has no gap: where it comes later, it has that of the second, or any
                    later = old[1, channel] if lengths[rows[place]] > 1 else known[place % len(known)]
                    moved[steps == 0, channel] = later
                    moved[0, channel] = old[0, channel]
                arrays[name][place] = 0
                arrays[name][place, : len(steps)] = moved
        frame = real.frame
        if length_column is not None:
            frame = frame.assign(**{length_column: new_lengths})
        return Dataset.of(self.conditions.relabelled(frame, given), arrays, self.schema)

    def _later_gaps(self, train: Dataset) -> dict[str, dict[int, np.ndarray]]:
        """For each array and channel that has times between events, those of all events but the first of each user."""
        gaps: dict[str, dict[int, np.ndarray]] = {}
        for name, array in self.schema.arrays.items():
            for channel in [place for place, title in enumerate(array.channels or {}) if title == GAP]:
                later = np.asarray(train.arrays[name])[:, 1:, channel][train.step_mask(name)[:, 1:]]
                gaps.setdefault(name, {})[channel] = later if len(later) else np.zeros(1, np.float32)
        return gaps

    def _edited(self, tokens: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The new tokens, and the step of the old history that each comes from."""
        steps = np.arange(len(tokens))
        array = self.schema.arrays[self._items]
        edits = [edit for edit in self.params.edits if array.length_column is not None or edit in KEEP_LENGTH]
        for edit in rng.permutation(edits):
            num = max(1, round(self.params.share * len(tokens)))
            match str(edit):
                case "crop":
                    num_kept = max(1, len(tokens) - num)
                    start = int(rng.integers(len(tokens) - num_kept + 1))
                    edited = tokens[start : start + num_kept], steps[start : start + num_kept]
                case "drop":
                    kept_steps = np.sort(rng.permutation(len(tokens))[: max(1, len(tokens) - num)])
                    edited = tokens[kept_steps], kept_steps
                case "reorder":
                    start = int(rng.integers(max(1, len(tokens) - max(2, num) + 1)))
                    order = steps.copy()
                    stretch = order[start : start + max(2, num)]
                    shuffled = rng.permutation(stretch)
                    same = np.array_equal(shuffled, stretch)
                    order[start : start + max(2, num)] = np.roll(stretch, 1) if same else shuffled
                    edited = tokens[order], order
                case "insert":
                    edited = self._with_others(tokens, min(num, array.shape[0] - len(tokens)), rng, in_place=False)
                case _:
                    edited = self._with_others(tokens, num, rng, in_place=True)
            if not np.array_equal(edited[0], tokens):
                return edited
        return tokens, steps

    def _with_others(
        self, tokens: np.ndarray, num: int, rng: np.random.Generator, in_place: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """The history with items beside others that they often come with, or in their place."""
        items, steps = tokens.tolist(), list(range(len(tokens)))
        for step in rng.permutation(len(tokens)):
            near = self.near[tokens[step]]
            near = near[(near >= 0) if self.repeats else (near >= 0) & ~np.isin(near, items)]
            if num <= 0 or not len(near):
                continue
            place = steps.index(step) + (not in_place)
            items[place : place + in_place] = [int(rng.choice(near))]
            steps[place : place + in_place] = [int(step)]
            num -= 1
        return np.array(items, tokens.dtype), np.array(steps)

    def save(self, folder: Path) -> None:
        values = {**self.conditions.to_state(self.schema), "repeats": self.repeats}
        write_state(folder, {"near": self.near}, values)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        edits = cls(params)
        tensors, values = read_state(folder)
        edits.schema, edits.conditions = Conditions.from_state(values)
        edits.near, edits.repeats = tensors["near"], values["repeats"]
        return edits


def _nearest_items(rows: np.ndarray, met: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, int]:
    """The items that come with each most often for how often they come at all; and how many users met which item.

    Args:
        rows: the user of each event.
        met: its token.
        n_neighbors: K.
    """
    from scipy.sparse import csr_array

    num_tokens = int(met.max(initial=0)) + 1
    pairs = np.unique(rows * num_tokens + met)
    users = csr_array((np.ones(len(pairs)), (pairs // num_tokens, pairs % num_tokens)))
    users.resize((int(rows.max(initial=0)) + 1, num_tokens))
    counts = np.maximum(users.sum(axis=0), 1.0)
    near = np.full((num_tokens, n_neighbors), -1, np.int32)
    by_item = users.T.tocsr()
    for start in range(0, num_tokens, BLOCK):
        together = (by_item[start : start + BLOCK] @ users).toarray()
        similarity = together / np.sqrt(counts[start : start + BLOCK, np.newaxis] * counts)
        own = np.arange(len(similarity))
        similarity[own, start + own] = 0.0
        best = np.argsort(-similarity, axis=1, kind="stable")[:, :n_neighbors]
        near[start : start + BLOCK, : best.shape[1]] = np.where(np.take_along_axis(similarity, best, 1) > 0, best, -1)
    return near, len(pairs)
