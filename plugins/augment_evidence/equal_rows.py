"""Which rows equal a training row.

Shapes: N rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels
from augment.plugin import Score
from augment.toolkit.audio.wav import to_16_bits
from augment_evidence.history_points import flatten_items
from augment_evidence.references import scores_beside

__all__ = ["copied_share", "exact_copies", "row_hashes"]


def row_hashes(data: Dataset) -> np.ndarray:
    """A hash of what each row is, the target and ids left out: uint64 (N,). Equal rows have equal hashes.

    Where there are arrays they alone count; of histories, the items in their order; recordings count to 16 bits, as
    files hold them. Numbers count to 14 digits: that a number was scaled and scaled back makes no other row.
    """
    if data.schema.modality == "tokens":
        items, lengths = flatten_items(data)
        firsts = np.cumsum(lengths) - lengths
        return _hashes((items[first : first + length],) for first, length in zip(firsts, lengths, strict=True))
    if data.arrays:
        as_stored = [
            map(to_16_bits, data.arrays[name]) if data.schema.arrays[name].type == "audio" else data.arrays[name]
            for name in sorted(data.arrays)
        ]
        return _hashes(zip(*as_stored, strict=True))
    columns = {}
    for name in data.schema.features:
        values = data.frame[name]
        if data.schema.columns[name].type in ("number", "integer"):
            mantissa, exponent = np.frexp(values.to_numpy(dtype=np.float64, na_value=np.nan))
            # adding 0.0 makes one zero of 0.0 and -0.0
            columns[name] = np.ldexp(np.rint(mantissa * 2.0**46) + 0.0, exponent)
        elif data.schema.columns[name].type == "datetime":
            columns[name] = values.to_numpy().view(np.int64)
        else:
            columns[name] = pd.Categorical(as_labels(values))
    if not columns:
        return np.zeros(len(data), dtype=np.uint64)
    return pd.util.hash_pandas_object(pd.DataFrame(columns), index=False).to_numpy()


def _hashes(rows: Iterable[Iterable[np.ndarray]]) -> np.ndarray:
    """A hash of each row's numbers, uint64 (N,)."""
    hashes = []
    for row in rows:
        digest = hashlib.blake2b(digest_size=8)
        for values in row:
            digest.update(np.ascontiguousarray(values).data)
        hashes.append(int.from_bytes(digest.digest(), "little"))
    return np.array(hashes, dtype=np.uint64)


def copied_share(data: Dataset, train: Dataset) -> float:
    """The share of rows that equal a training row."""
    return float(np.isin(row_hashes(data), row_hashes(train)).mean())


def exact_copies(synthetic: Dataset, train: Dataset, holdout: Dataset) -> list[Score]:
    """The share of rows that equal a training row, beside the hold-out's, as one score."""
    parts = {"synthetic": synthetic, "hold-out": holdout}
    shares = {name: {"exact copies": copied_share(part, train)} for name, part in parts.items() if len(part)}
    return scores_beside(shares, {"exact copies": "lower"}, {"rows": len(synthetic)})
