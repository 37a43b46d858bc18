"""The generator `series-edits`: training series, each changed a little in value or in time.

Shapes: N rows, T steps, F channels, K stretches of a warp.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from augment import plugin
from augment.data import Column, Dataset, Schema
from augment.plugin import Accepts, Context, Cost, Generator, Suits, read_state, write_state
from augment.toolkit.conditions import Conditions, refuse_others
from augment_series.reading import GAP

Edit = Literal["jitter", "scale", "warp", "slice", "mix"]
IN_VALUE = ("jitter", "scale", "mix")  # these change numbers alone
NUM_STRETCHES = 4
MIN_DEVIATION = 1e-12


class SeriesEdits(Generator):
    """Takes a training series and changes it in one of five classical ways (surveyed by Iwana and Uchida 2021).

    * `jitter`: every number gets a little noise.
    * `scale`: swings around the series' mean become larger or smaller, each channel by itself.
    * `warp`: some stretches pass more quickly, others more slowly.
    * `slice`: a window of the series is stretched over its whole length.
    * `mix`: the series moves some way towards another of its class, brought to the same length.

    Lengths, labels and the columns beside the series stay. Numbers keep between the smallest and the largest of the
    training part and to its decimals, whole numbers stay whole; labels move in time only, and a gap stays a gap. With
    a target that is a number, series are not mixed. A channel `time gap`, the time since the step before, moves in
    time only, so that every gap is one that occurs; the first gap of a series is 0.
    """

    name = "series-edits"
    suits = (Suits("series", rank=10),)
    origin = "rows"
    accepts = Accepts(modalities=frozenset({"series"}), conditional="target")

    class Params(plugin.Params):
        edits: dict[Edit, Annotated[float, Field(ge=0)]] = Field(
            {"jitter": 1, "scale": 1, "warp": 1, "slice": 1, "mix": 1}, examples=[{"warp": 2, "mix": 1}]
        )
        """How often each edit is chosen, in proportion; one that is not named is never."""
        times: int = Field(1, ge=1, le=10)
        """How many edits a series goes through."""
        noise: float = Field(0.05, gt=0)
        """Standard deviation of the jitter, in standard deviations of the channel."""
        scale: float = Field(0.15, gt=0)
        """Standard deviation of the logarithm of the factor of `scale`."""
        warp: float = Field(0.3, gt=0)
        """Standard deviation of the logarithm of the speed of a stretch; a series has four."""
        window: float = Field(0.9, gt=0, lt=1)
        """Share of the series that a slice keeps."""
        mix: float = Field(0.5, gt=0, le=1)
        """How far at most a series moves towards the other one; 1 is all the way."""

        @field_validator("edits")
        @classmethod
        def _one_at_least(cls, value: dict[str, float]) -> dict[str, float]:
            if not any(value.values()):
                raise ValueError("no edit is ever chosen; give one of them a number above 0")
            return value

    schema: Schema
    conditions: Conditions
    deviation: np.ndarray  # (F,) float64, standard deviation of each channel
    ends: np.ndarray  # (2, F) float64, smallest and largest values

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured."""
        length, num_channels = schema.arrays[schema.find_array("series")].shape
        return Cost(fit=1e-8 * num_rows * length * num_channels, row=2e-6 + 1e-7 * length * num_channels)

    def fit(self, data: Dataset, context: Context) -> Self:
        self.schema = data.schema
        self.conditions, _ = Conditions.of(data)
        name = data.schema.find_array("series")
        is_there = data.step_mask(name)
        steps_MF = np.asarray(data.arrays[name])[is_there].astype(np.float64)
        steps_MF = np.concatenate([steps_MF, np.zeros((1, steps_MF.shape[1]))]) if not len(steps_MF) else steps_MF
        known = ~np.isnan(steps_MF)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, steps_MF, 0).sum(axis=0) / count
        self.deviation = np.sqrt(np.where(known, (steps_MF - mean) ** 2, 0).sum(axis=0) / count)
        self.ends = np.stack(
            [np.where(known, steps_MF, np.inf).min(axis=0), np.where(known, steps_MF, -np.inf).max(axis=0)]
        )
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        assert context.train is not None  # the host lends it to every generator
        refuse_others(self.conditions, given)
        # a stream for each thing that is drawn, row after row: k rows begin as n rows do
        streams = context.rng.spawn(3 + self.params.times)
        classes = self.conditions.draw(given, streams[0])
        rows, others = self.conditions.rows_and_others(context.train, classes, streams[1], streams[2])
        name = self.schema.find_array("series")
        train = np.asarray(context.train.arrays[name]), context.train.lengths(name)
        values, lengths = train[0][rows].astype(np.float64), train[1][rows]
        if values.shape[1] > 1:  # the first gap is none; moved in time it would become one of 0
            values[:, 0] = np.where(self._are_gaps & (lengths > 1)[:, np.newaxis], values[:, 1], values[:, 0])
        for stream in streams[3:]:
            values = self._edited(values, lengths, train, others, stream)
        real = context.train.take(rows)
        frame = real.frame.assign(**{str(column): given[column].array for column in given})
        return Dataset.of(frame, {name: self._finished(values, lengths)}, self.schema)

    @property
    def _channels(self) -> list[Column]:
        return list((self.schema.arrays[self.schema.find_array("series")].channels or {}).values())

    @property
    def _are_numbers(self) -> np.ndarray:
        return self._are_gaps < np.array([channel.type in ("number", "integer") for channel in self._channels])

    @property
    def _are_gaps(self) -> np.ndarray:
        return np.array([name == GAP for name in self.schema.arrays[self.schema.find_array("series")].channels or {}])

    def _edited(
        self,
        values: np.ndarray,
        lengths: np.ndarray,
        train: tuple[np.ndarray, np.ndarray],
        others: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Each series after one edit, (N, T, F) float64."""
        num_rows, num_steps, num_channels = values.shape
        choice, noise, factors, speeds, starts, amounts = rng.spawn(6)
        edits = self._usable()
        ends = np.cumsum([self.params.edits[edit] for edit in edits])
        chosen = np.searchsorted(ends, choice.random(num_rows) * ends[-1], side="right")
        drawn = {
            "jitter": noise.normal(0, self.params.noise, (num_rows, num_steps, num_channels)),
            "scale": np.exp(factors.normal(0, self.params.scale, (num_rows, 1, num_channels))),
            "warp": np.exp(speeds.normal(0, self.params.warp, (num_rows, NUM_STRETCHES))),
            "slice": starts.random((num_rows, 1)) * (1 - self.params.window),
            "mix": amounts.random((num_rows, 1, 1)) * self.params.mix,
        }
        result = values.copy()
        for place, edit in enumerate(edits):
            rows = np.flatnonzero(chosen == place)
            own, length, amount = values[rows], lengths[rows], drawn[edit][rows]
            when = np.arange(num_steps) / np.maximum(length - 1, 1)[:, np.newaxis]  # 0 at the first step, 1 at the last
            if edit == "jitter":
                result[rows] = np.where(self._are_numbers, own + amount * self.deviation, own)
            elif edit == "scale":
                mean = _mean(own, length)
                result[rows] = np.where(self._are_numbers, mean + (own - mean) * amount, own)
            elif edit == "warp":
                result[rows] = self._at(own, length, _warped(when, amount))
            elif edit == "slice":
                result[rows] = self._at(own, length, amount + self.params.window * when)
            else:
                other = self._at(train[0][others[rows]].astype(np.float64), train[1][others[rows]], when)
                moved = np.where(np.isnan(other), own, own + (other - own) * amount)
                result[rows] = np.where(self._are_numbers, moved, own)
        return result

    def _usable(self) -> list[str]:
        """The edits that are chosen at all; those of values only where there are numbers."""
        named = [edit for edit, weight in self.params.edits.items() if weight > 0]
        can = self._are_numbers.any() and bool((self.deviation[self._are_numbers] > MIN_DEVIATION).any())
        left = [edit for edit in named if can or edit not in IN_VALUE]
        if self.schema.task == "number":
            left = [edit for edit in left if edit != "mix"]
        return left or named

    def _at(self, values: np.ndarray, lengths: np.ndarray, when: np.ndarray) -> np.ndarray:
        """The series at other moments (N, T), 0 the first step and 1 the last: between two steps on a straight line.

        What is not a number is that of the nearest step, and a moment nearest to a gap is a gap.
        """
        last = np.maximum(lengths - 1, 0)[:, np.newaxis]
        moment = np.clip(when, 0, 1) * last
        before = np.floor(moment).astype(np.int64)
        after, share = np.minimum(before + 1, last), (moment - before)[..., np.newaxis]
        low, high = (np.take_along_axis(values, steps[..., np.newaxis], axis=1) for steps in (before, after))
        nearest = np.where(share < 0.5, low, high)
        between = low + (high - low) * share
        return np.where(np.isnan(between) | ~self._are_numbers, nearest, between)

    def _finished(self, values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Within the bounds, rounded as the channels are, padded with zeros, float32."""
        array = self.schema.arrays[self.schema.find_array("series")]
        for position, channel in enumerate(self._channels):
            if channel.type not in ("number", "integer"):
                continue
            low, high = self.ends[:, position]
            for bounds in (array.range, (channel.min, channel.max)):
                low = max(low, bounds[0]) if bounds and bounds[0] is not None else low
                high = min(high, bounds[1]) if bounds and bounds[1] is not None else high
            values[..., position] = np.clip(values[..., position], low, max(low, high))
            decimals = 0 if channel.type == "integer" else channel.decimals
            if decimals is not None:
                values[..., position] = np.round(values[..., position], decimals)
        values[:, :1, self._are_gaps] = 0
        values[np.arange(values.shape[1]) >= lengths[:, np.newaxis]] = 0
        return values.astype(np.float32)

    def save(self, folder: Path) -> None:
        tensors = {"deviation": self.deviation, "ends": self.ends}
        write_state(folder, tensors, self.conditions.to_state(self.schema))

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        edits = cls(params)
        tensors, values = read_state(folder)
        edits.schema, edits.conditions = Conditions.from_state(values)
        edits.deviation, edits.ends = tensors["deviation"], tensors["ends"]
        return edits


def _mean(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Of each series and channel, (N, 1, F); 0 where all is missing."""
    is_there = (np.arange(values.shape[1]) < lengths[:, np.newaxis])[..., np.newaxis] & ~np.isnan(values)
    total = np.where(is_there, values, 0).sum(axis=1, keepdims=True)
    mean: np.ndarray = total / np.maximum(is_there.sum(axis=1, keepdims=True), 1)
    return mean


def _warped(when: np.ndarray, speeds_NK: np.ndarray) -> np.ndarray:
    """Moments (N, T) in [0, 1] at which stretches of equal length pass at their own speeds, first and last kept."""
    passed = np.pad(np.cumsum(speeds_NK, axis=1), ((0, 0), (1, 0)))
    passed /= passed[:, -1:]
    stretch = np.minimum((when * NUM_STRETCHES).astype(np.int64), NUM_STRETCHES - 1)
    begin, end = (np.take_along_axis(passed, stretch + more, axis=1) for more in (0, 1))
    warped: np.ndarray = begin + (end - begin) * (when * NUM_STRETCHES - stretch)
    return warped
