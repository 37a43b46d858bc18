from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from example_data import dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.data import ArrayDeclaration, ColumnDeclaration, Dataset, infer
from augment.errors import DataError
from augment.toolkit.sequences.network import SequenceNetwork, Shape
from augment.toolkit.sequences.sampling import PLACES, draw, draw_uniforms
from augment.toolkit.sequences.tokenizer import StepTokenizer
from augment.toolkit.sequences.training import Sequences
from augment.toolkit.training import copy_weights

CHANNELS = {
    "height": ColumnDeclaration(type="number"),
    "count": ColumnDeclaration(type="integer"),
    "state": ColumnDeclaration(categories=("off", "on", "broken")),
}


def walks(num_rows=60, steps=15, *, unequal=True, tokens=False, missing=False, seed=0):
    """Walks of two decimals, counts, states; beside them a colour and a target."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, steps + 1, num_rows) if unequal else np.full(num_rows, steps)
    values = np.stack(
        [
            np.round(50 + rng.normal(0, 0.3, (num_rows, steps)).cumsum(1), 2),
            rng.poisson(3, (num_rows, steps)),
            rng.integers(0, 3, (num_rows, steps)),
        ],
        -1,
    ).astype(np.float32)
    if missing:
        values[rng.random(values.shape) < 0.2] = np.nan
    is_there = np.arange(steps) < lengths[:, None]
    arrays = {"walk": np.where(is_there[..., None], values, 0).astype(np.float32)}
    length = "length" if unequal else None
    declared = {"walk": ArrayDeclaration(type="series", channels=CHANNELS, length_column=length)}
    if tokens:
        arrays["items"] = np.where(is_there, rng.integers(0, 4, is_there.shape), 0).astype(np.int32)
        declared["items"] = ArrayDeclaration(type="tokens", vocabulary=tuple("abcd"), length_column=length)
    columns = {"colour": np.array(["red", "blue"], dtype=object)[rng.integers(0, 2, num_rows)], "kind": lengths % 2}
    frame = pd.DataFrame({"length": lengths, **columns} if unequal else columns)
    return dataset(frame, arrays, target="kind", columns={"kind": {"type": "category"}}, arrays=declared)


def drawn_by_chance(tokenizer, num_rows, seed=4):
    """What a network that has learnt nothing draws."""
    shape = Shape(tokenizer.vocabulary_sizes, 1, tokenizer.auxiliary_sizes, width=16, embedding=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SequenceNetwork(shape)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.normal_(0, 0.3)
    classes = np.zeros(num_rows, np.int64)
    inputs = tokenizer.auxiliary(PLACES)
    weights = copy_weights(network)
    return draw(shape, weights, classes, seed, max_length=tokenizer.max_length, min_length=0, auxiliary=inputs)


@settings(max_examples=15)
@given(st.booleans(), st.booleans(), st.booleans())
def test_what_is_drawn_is_what_the_codes_of_it_say(unequal, tokens, missing):
    """Whatever a network draws decodes to data that fits the schema, has these very tokens, and is told the same."""
    data = walks(unequal=unequal, tokens=tokens, missing=missing)
    tokenizer = StepTokenizer.fit(data)
    drawn = drawn_by_chance(tokenizer, 30)
    frame, arrays = tokenizer.decode(drawn, draw_uniforms(4, drawn.lengths))
    made = Dataset.of(frame.assign(kind="0"), arrays, data.schema)
    again = tokenizer.encode(made)
    np.testing.assert_array_equal(again.lengths, drawn.lengths)
    num_fields = len(tokenizer.vocabulary_sizes)
    # a value at the end of its piece may be found in the next one
    assert (again.tokens[:, :num_fields] == drawn.tokens).mean() > 0.97
    inputs, told = tokenizer.auxiliary(len(drawn)), np.zeros((len(drawn.tokens), len(tokenizer.auxiliary_sizes)), int)
    inputs.begin(np.arange(len(drawn)))
    firsts, uniforms = np.cumsum(drawn.lengths) - drawn.lengths, draw_uniforms(4, drawn.lengths)
    for step in range(tokenizer.max_length):
        places = np.minimum(firsts + step, len(drawn.tokens) - 1)
        goes_on = drawn.lengths > step
        found = inputs.compute(drawn.tokens[places].astype(int) * goes_on[:, None], uniforms[places])
        told[places[goes_on]] = found[goes_on]
    np.testing.assert_array_equal(told, again.tokens[:, num_fields:])


def test_values_keep_their_range_decimals_and_categories():
    data = walks(300)
    tokenizer = StepTokenizer.fit(data)
    drawn = drawn_by_chance(tokenizer, 100)
    frame, arrays = tokenizer.decode(drawn, draw_uniforms(4, drawn.lengths))
    lengths = frame["length"].to_numpy()
    is_there = np.arange(15) < lengths[:, None]
    real = data.arrays["walk"][np.arange(15) < data.lengths("walk")[:, None]]
    steps = arrays["walk"][is_there]
    assert not arrays["walk"][~is_there].any()
    assert (steps.min(0) >= real.min(0)).all()
    assert (steps.max(0) <= real.max(0)).all()
    np.testing.assert_array_equal(steps[:, 0], np.round(steps[:, 0].astype(np.float64), 2).astype(np.float32))
    assert set(np.unique(steps[:, 2])) <= {0, 1, 2}
    assert set(frame["colour"]) == {"red", "blue"}
    assert set(lengths) <= set(data.frame["length"])


def test_rows_come_back_from_their_codes():
    data = walks(missing=True, tokens=True)
    tokenizer = StepTokenizer.fit(data)
    sequences = tokenizer.encode(data)
    plain = Sequences(sequences.tokens[:, : len(tokenizer.vocabulary_sizes)], sequences.lengths)
    frame, arrays = tokenizer.decode(plain, np.full(len(plain.tokens), 0.5))
    pd.testing.assert_frame_equal(frame[["colour", "length"]], data.frame[["colour", "length"]])
    np.testing.assert_array_equal(arrays["items"], data.arrays["items"])
    for channel in (1, 2):
        np.testing.assert_array_equal(arrays["walk"][..., channel], data.arrays["walk"][..., channel])
    np.testing.assert_array_equal(np.isnan(arrays["walk"]), np.isnan(data.arrays["walk"]))
    assert np.nanmean(np.abs(arrays["walk"][..., 0] - data.arrays["walk"][..., 0])) < 0.1


def test_state_comes_back():
    data = walks(missing=True)
    tokenizer = StepTokenizer.fit(data)
    again = StepTokenizer.from_state(data.schema, tokenizer.to_state())
    np.testing.assert_array_equal(again.encode(data).tokens, tokenizer.encode(data).tokens)
    assert (again.vocabulary_sizes, again.auxiliary_sizes) == (tokenizer.vocabulary_sizes, tokenizer.auxiliary_sizes)


def test_equal_channels_stay_equal():
    data = walks(100, unequal=False)
    twice = data.arrays["walk"][..., [0, 0]]
    schema = infer(data.frame, {"walk": twice})
    tokenizer = StepTokenizer.fit(Dataset.of(data.frame, {"walk": twice}, schema))
    sequences = tokenizer.encode(Dataset.of(data.frame, {"walk": twice}, schema))
    plain = Sequences(sequences.tokens[:, :2], sequences.lengths)
    _, arrays = tokenizer.decode(plain, draw_uniforms(1, plain.lengths))
    np.testing.assert_array_equal(arrays["walk"][..., 0], arrays["walk"][..., 1])


def test_a_channel_without_any_value_stays_without():
    data = walks(missing=True)
    data.arrays["walk"][..., 0][data.arrays["walk"][..., 0] != 0] = np.nan
    tokenizer = StepTokenizer.fit(data)
    drawn = drawn_by_chance(tokenizer, 20)
    frame, arrays = tokenizer.decode(drawn, draw_uniforms(4, drawn.lengths))
    is_there = np.arange(15) < frame["length"].to_numpy()[:, None]
    assert np.isnan(arrays["walk"][is_there][:, 0]).all()


def test_series_without_a_step_are_refused():
    data = walks(num_rows=5)
    empty = Dataset.of(data.frame.assign(length=0), {"walk": 0 * data.arrays["walk"]}, data.schema)
    with pytest.raises(DataError, match=r"every row of array 'walk' has the length 0; there is nothing to learn"):
        StepTokenizer.fit(empty)


def test_arrays_of_other_lengths_are_refused():
    data = walks(tokens=True)
    arrays = dict(data.schema.arrays)
    arrays["items"] = arrays["items"].model_copy(update={"length_column": None})
    with pytest.raises(DataError, match=r"arrays 'items' and 'walk' have not the same steps: .*must agree"):
        StepTokenizer.fit(Dataset.of(data.frame, data.arrays, data.schema.model_copy(update={"arrays": arrays})))


def test_ranks_follow_the_order_of_values():
    tokenizer = StepTokenizer.fit(walks(missing=True))
    ranks = np.split(tokenizer.ranks(), np.cumsum(tokenizer.vocabulary_sizes)[:-1])
    assert np.isnan(ranks[2]).all()  # states have no order
    for found in ranks[:2]:
        ordered = found[np.isfinite(found)]
        assert (np.diff(ordered) > 0).all()
        assert np.isnan(found[0])
