"""The nearest rows are those that sorting all distances gives."""

from __future__ import annotations

import numpy as np
import pytest

from augment_evidence.nearest_neighbors import nearest_rows


@pytest.mark.parametrize("num_rows", [12, 300, 1_003, 4_096])
def test_the_nearest_are_found_among_many_as_among_few(num_rows):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(num_rows, 3)).astype(np.float32)
    queries = np.concatenate([reference[-40:], rng.normal(size=(260, 3)).astype(np.float32)])
    distances, positions = nearest_rows(queries, reference, 5)
    everything = np.sqrt(((queries[:, None] - reference) ** 2).sum(axis=2))
    np.testing.assert_array_equal(positions, np.argsort(everything, axis=1, kind="stable")[:, :5])
    np.testing.assert_array_equal(distances, np.take_along_axis(everything, positions, axis=1))


def test_of_equally_near_rows_those_found_come_in_their_order():
    corners = np.random.default_rng(0).integers(0, 2, (3_000, 4)).astype(np.float32)
    distances, positions = nearest_rows(corners[:300], corners, 8)
    assert (distances == 0).all()
    assert (np.diff(positions, axis=1) > 0).all()
