"""The filter `not-a-copy` for texts: throws out what repeats a training text, whole or in long runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from augment import components
from augment.components import Accepts, Context, Filter
from augment.dataset import Dataset
from augment.state import read_state, write_state

BASE = np.uint64(0x9E3779B97F4A7C15)  # of the rolling hash; odd
GROWTH = 1.1  # between the lengths of runs that are looked for: each text's is rounded down to one of them
END = 0x110000  # after each training text: no character


class NotACopyText(Filter):
    """Throws out texts that share a long run of characters with one training text.

    Such a run is longer than `share` of the text and at least `least` characters; case and the amount of white space do
    not count. A text that equals a training text is thrown out however short it is, unless at least `common` training
    texts are like that: it is nobody's in particular.
    """

    name = "not-a-copy"
    skips = frozenset({"copies", "rows"})  # what starts from a real text shares much with it by design, and says so
    accepts = Accepts(modalities=frozenset({"text"}))

    class Params(components.Params):
        share: float = Field(0.6, gt=0, le=1)
        """How much of a text may be one run of a training text."""
        least: int = Field(20, ge=2)
        """Shorter runs never count, in characters."""
        common: int = Field(5, ge=1)
        """From how many equal training texts on equality is natural."""

    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        self.threshold = 0.5
        texts = _plain(reference)
        whole, counts = np.unique(_hashes_of(texts), return_counts=True)
        self._rare = whole[counts < self.params.common]
        ended = "".join(texts), np.cumsum([len(text) for text in texts])
        self._characters = np.insert(_numbers(ended[0]), ended[1], END)
        self._runs: dict[int, np.ndarray] = {}
        return self

    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        texts = _plain(candidates)
        scores = np.where(np.isin(_hashes_of(texts), self._rare), 0.0, 1.0)
        for row, text in enumerate(texts):
            if scores[row] and len(text) >= self.params.least:
                length = self._length(len(text))
                runs = _runs(_numbers(text), length)
                scores[row] = 0.0 if np.isin(runs, self._known(length), kind="sort").any() else 1.0
        return scores

    def _length(self, num_characters: int) -> int:
        """How long a run is too long in a text of so many characters."""
        wanted = max(self.params.least, int(self.params.share * num_characters))
        steps = np.floor(np.log(wanted / self.params.least) / np.log(GROWTH))
        return int(self.params.least * GROWTH**steps)

    def _known(self, length: int) -> np.ndarray:
        if length not in self._runs:
            self._runs[length] = np.unique(_runs(self._characters, length))
        return self._runs[length]

    def save(self, folder: Path) -> None:
        write_state(folder, {"characters": self._characters, "rare": self._rare}, {})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        made = cls(params)
        tensors, _ = read_state(folder)
        made.threshold, made._runs = 0.5, {}
        made._characters, made._rare = tensors["characters"], tensors["rare"]
        return made


def _plain(data: Dataset) -> list[str]:
    """The texts without case, and with single spaces."""
    column = data.schema.text_payload
    assert column is not None  # `accepts` asks for texts
    return [" ".join(text.casefold().split()) for text in data.frame[column].fillna("").astype(object)]


def _numbers(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int32)


def _runs(characters: np.ndarray, length: int) -> np.ndarray:
    """A number for each run of that length, uint64: equal runs have equal ones (a polynomial modulo 2**64, mixed)."""
    if len(characters) < length:
        return np.empty(0, np.uint64)
    # characters as random numbers first: plain polynomials modulo powers of two have known collisions
    values = _mixed(characters.astype(np.uint64))
    sums, shift = values.copy(), 1
    total, done = np.zeros(len(values), np.uint64), 0
    while True:  # by doubling: runs of 1, 2, 4, ... characters are put together to `length`
        if length & shift:
            later = np.zeros_like(sums)
            later[: len(sums) - done] = sums[done:]
            total = total + later * _power(done)
            done += shift
        if shift * 2 > length:
            break
        moved = np.zeros_like(sums)
        moved[:-shift] = sums[shift:]
        sums = sums + moved * _power(shift)
        shift *= 2
    return total[: len(characters) - length + 1]


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(BASE), exponent, 2**64))


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _hashes_of(texts: list[str]) -> np.ndarray:
    return np.array([_runs(_numbers(text), len(text))[0] if text else 0 for text in texts], np.uint64)
