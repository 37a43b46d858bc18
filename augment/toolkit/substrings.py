"""Stretches of characters that texts share with others: passages memorised word for word.

    stock = Stock.of(training_texts)
    where = stock.shares(texts, 40)     # where in each text a stretch of 40 characters begins that the stock has too

Instead of a suffix tree, which takes tens of bytes a character: all stretches of one length are hashed and looked for.
Both sides are hashed in blocks, so some 200 MB of memory are enough however long they are.

Shapes: N texts asked about, M characters of the stock, each text after a zero, W different hashes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Self

import numpy as np

__all__ = ["Stock", "longest_shared"]

BLOCK = 1 << 20  # characters that are hashed at a time


class Stock:
    """Texts that stretches are looked for in.

    Attributes:
        codes: of the characters plus one, with a 0 before each text, (M,) uint32; enough to make the stock again.
    """

    def __init__(self, codes: np.ndarray):
        self.codes = codes

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """From texts, any of which may be empty."""
        return cls(_codes(texts))

    def shares(self, texts: Sequence[str], length: int, own: np.ndarray | None = None) -> np.ndarray:
        """Where in each text the first stretch of that length begins that the stock has too, (N,); -1 where none does.

        Args:
            texts: N of them; what is found for one does not depend on the others.
            length: of the stretches, in characters; at least 1.
            own: the place of each text in the stock, (N,), where it does not count; by default all texts there count.
        """
        sizes = np.array([len(text) + 1 for text in texts], np.int64)
        part = (np.cumsum(sizes) - sizes) // BLOCK  # so many texts at a time as begin within a block
        cuts = [0, *(1 + np.flatnonzero(np.diff(part))), len(texts)]
        owns = np.full(len(texts), -1) if own is None else own
        blocks = [self._shares(texts[a:b], length, owns[a:b]) for a, b in itertools.pairwise(cuts)]
        return np.concatenate([np.empty(0, np.int64), *blocks])

    def _shares(self, texts: Sequence[str], length: int, own: np.ndarray) -> np.ndarray:
        codes = _codes(texts)
        hashes, places = _stretches(codes, length)
        asker = np.cumsum(codes == 0)[places] - 1
        wanted, inverse = np.unique(hashes, return_inverse=True)
        first, last = (holder[inverse] for holder in self._holders(wanted, length))
        hits = np.flatnonzero((first <= last) & ((first != own[asker]) | (last != own[asker])))
        texts_hit, firsts = np.unique(asker[hits], return_index=True)
        starts = np.full(len(texts), -1, np.int64)
        starts[texts_hit] = (places[hits] - np.flatnonzero(codes == 0)[asker[hits]] - 1)[firsts]
        return starts

    def usual(self, texts: Sequence[str], own: np.ndarray | None, share: float) -> int:
        """How long a stretch more than `share` of these texts have that the stock has too; 0 where none have any."""
        low, high = 0, max(map(len, texts), default=0)  # a text that shares a stretch shares all shorter ones
        while low < high:
            length = (low + high + 1) // 2
            if (self.shares(texts, length, own) >= 0).mean() > share:
                low = length
            else:
                high = length - 1
        return low

    def _holders(self, wanted: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """The first and the last text of the stock with each of these sorted hashes, (W,); first > last for none."""
        first, last = np.full(len(wanted), len(self.codes)), np.full(len(wanted), -1)
        num_texts = 0  # that began before the block
        for start in range(0, len(self.codes) if len(wanted) else 0, BLOCK):
            block = self.codes[start : start + BLOCK + length - 1]
            hashes, places = _stretches(block, length)
            at = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
            is_wanted = wanted[at] == hashes
            text = num_texts + np.cumsum(block == 0)[places[is_wanted]] - 1
            np.minimum.at(first, at[is_wanted], text)
            np.maximum.at(last, at[is_wanted], text)
            num_texts += int((block[:BLOCK] == 0).sum())
        return first, last


def longest_shared(text: str, stock: str) -> tuple[int, int]:
    """Where in the text its longest stretch that the stock has begins, and how long it is; the first of several."""
    begins, length = 0, 0
    for start in range(len(text)):
        while start + length < len(text) and text[start : start + length + 1] in stock:
            begins, length = start, length + 1
    return begins, length


def _codes(texts: Sequence[str]) -> np.ndarray:
    """The characters of all texts plus one, each text after a zero: uint32."""
    sizes = np.array([len(text) for text in texts], np.int64)
    characters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32) + np.uint32(1)
    return np.insert(characters, np.cumsum(sizes) - sizes, np.uint32(0))


def _stretches(codes: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """A number for each stretch of that length inside one text, uint64, and where it begins in `codes`.

    That of a stretch is made of those of two shorter ones that together cover it.
    """
    hashes, known = codes.astype(np.uint64), 1
    while known < length:
        step = min(known, length - known)
        hashes = _mixed(hashes[:-step]) + hashes[step:]
        known += step
    num_begun = np.concatenate([np.zeros(1, np.int64), np.cumsum(codes == 0)])
    places = np.flatnonzero(num_begun[length:] == num_begun[: max(0, len(num_begun) - length)])
    return _mixed(hashes[places]), places


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Other numbers that differ in all bits where these differ in one (SplitMix64: Steele, Lea and Flood 2014)."""
    numbers = (numbers + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = numbers ^ (numbers >> np.uint64(31))
    return mixed
