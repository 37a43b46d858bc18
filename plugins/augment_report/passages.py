"""Passages that synthetic texts share exactly with training texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from augment.data import Dataset, Schema
from augment.toolkit.substrings import Stock, longest_shared

__all__ = ["marked_texts", "shared_passages"]

MAX_GENERATORS = 5
MAX_ASKED = 100_000  # characters of a generator's texts that are looked at
MAX_TRAINING = 2_000_000  # characters that passages are looked for in
MAX_LENGTH = 10_000  # characters of a text that are looked at
AROUND = 120  # characters shown before and after a passage
MAX_SHOWN = 400  # of it


def shared_passages(
    train: Dataset, test: Dataset, synthetic: Dataset, origin: np.ndarray, schema: Schema
) -> dict[str, Any] | None:
    """For each generator, the lengths of the longest passages shared with training texts, and the longest one.

    Beside them the same of held-out texts: passages of that length are shared by chance, or by custom.
    """
    if schema.modality != "text" or not len(train):
        return None
    known = _texts(train, MAX_TRAINING)
    stock = Stock.of(known)
    parts = {"held-out texts": test}
    for name in list(dict.fromkeys(origin.tolist()))[:MAX_GENERATORS]:
        parts[str(name)] = synthetic.take(np.flatnonzero(origin == name))
    rows = []
    for name, part in parts.items():
        texts = _texts(part, MAX_ASKED)
        longest = stock.usual(texts, None, 0)
        if not longest:
            continue
        begins = stock.shares(texts, longest)
        row = int(np.argmax(begins >= 0))
        shown = _cut(texts[row], int(begins[row]), longest)
        rows.append({"name": name, "median": stock.usual(texts, None, 0.5), "longest": longest, "text": shown})
    return {"rows": rows, "num_compared": len(known), "num_train": len(train)} if rows else None


def marked_texts(data: Dataset, train: Dataset) -> list[dict[str, Any]]:
    """Texts with the longest passage of each that is shared with a training text."""
    known = "\0".join(_texts(train, MAX_TRAINING))
    texts = [text[:MAX_SHOWN] for text in _texts(data, MAX_ASKED)]
    return [_cut(text, *longest_shared(text, known)) for text in texts]


def _texts(data: Dataset, most: int) -> list[str]:
    """Texts spread evenly over the data, with about this many characters in total."""
    texts = [text[:MAX_LENGTH] for text in data.texts()]
    mean = sum(map(len, texts)) / max(1, len(texts))
    rows = np.linspace(0, len(texts) - 1, min(len(texts), max(1, round(most / max(1, mean)))))
    return [texts[row] for row in np.unique(rows.astype(int))]


def _cut(text: str, begins: int, length: int) -> dict[str, Any]:
    """The passage and its context."""
    before, passage, after = text[:begins], text[begins : begins + length], text[begins + length :]
    return {
        "before": "…" * (len(before) > AROUND) + before[-AROUND:],
        "passage": passage[:MAX_SHOWN] + "…" * (len(passage) > MAX_SHOWN),
        "after": after[:AROUND] + "…" * (len(after) > AROUND),
        "length": length,
    }
