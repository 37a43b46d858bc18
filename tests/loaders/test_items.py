"""Items of data sets of the user's, and the form of batches in words."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from augment.loaders.encoding import Items, form_of


class Several(TorchDataset):
    """Gives several items at once, and none alone."""

    def __getitems__(self, places):
        return [(torch.full((2,), float(place)), place) for place in places]


def test_items_are_collated_as_tuples_or_mappings():
    places = np.array([2, 0])
    numbers, targets = Items(Several()).take(places)
    assert (numbers.tolist(), targets.tolist()) == ([[2, 2], [0, 0]], [2, 0])
    (alone,) = Items([torch.tensor(float(place)) for place in range(3)]).take(places)
    assert alone.tolist() == [2, 0]
    named = Items([{"x": place, "y": -place} for place in range(3)]).take(places)
    assert {name: values.tolist() for name, values in named.items()} == {"x": [2, 0], "y": [-2, 0]}


def test_the_form_of_a_batch_does_not_depend_on_its_number_of_rows():
    for num_rows in (1, 3):
        assert form_of((torch.zeros(num_rows, 2), torch.zeros(num_rows).long())) == "(0: float32 (2,), 1: int64 ())"
        assert form_of({"x": torch.zeros(num_rows, 2), "t": ("a",) * num_rows}) == "(x: float32 (2,), t: tuple)"
