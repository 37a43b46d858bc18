"""Texts as sequences of tokens and back: by character, by byte, by word, or by pairs of bytes' larger cousins (BPE).

Token 0 is the end of a text and stands for nothing. Every way can spell whatever the training texts hold, so nothing is
ever unknown but characters rarer than the 1,000 most frequent ones, which are left out.
"""

from __future__ import annotations

import functools
import itertools
import re
import sys
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

MAX_CHARACTERS = 1_000
WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s+")  # a word with the space before it, signs, or white space
WORD_OF_KINDS = re.compile(r" ?w+| ?-+|[s ]+")  # the same, of the kinds of characters


class Tokenizer(ABC):
    """One way of cutting texts up."""

    vocabulary_size: int

    @abstractmethod
    def encode(self, text: str) -> np.ndarray:
        """Tokens from 1 on, (steps,) int32."""

    @abstractmethod
    def decode(self, tokens: np.ndarray) -> str:
        """The inverse of `encode`."""

    @abstractmethod
    def to_state(self) -> dict[str, Any]:
        """What `load_tokenizer` takes: JSON values."""


class Bytes(Tokenizer):
    """The bytes of UTF-8. Of any text, with 257 tokens; `Utf8` keeps what is drawn valid."""

    vocabulary_size = 257

    def encode(self, text: str) -> np.ndarray:
        return np.frombuffer(text.encode(errors="replace"), np.uint8).astype(np.int32) + 1

    def decode(self, tokens: np.ndarray) -> str:
        # only the last character can be incomplete, where the length limit cut it
        return (tokens - 1).astype(np.uint8).tobytes().decode(errors="ignore")

    def to_state(self) -> dict[str, Any]:
        return {"kind": "bytes"}


class Utf8:
    """Only such bytes follow as make valid UTF-8 (Unicode 16, table 3-7): a rule for `draw`."""

    # what is expected next: (first byte, last byte, what is expected after it); row 0 is between characters
    EXPECTED = (
        ((0x00, 0x7F, 0), (0xC2, 0xDF, 1), (0xE0, 0xE0, 4), (0xE1, 0xEC, 2), (0xED, 0xED, 5), (0xEE, 0xEF, 2),
         (0xF0, 0xF0, 6), (0xF1, 0xF3, 3), (0xF4, 0xF4, 7)),
        ((0x80, 0xBF, 0),),
        ((0x80, 0xBF, 1),),
        ((0x80, 0xBF, 2),),
        ((0xA0, 0xBF, 1),),
        ((0x80, 0x9F, 1),),
        ((0x90, 0xBF, 2),),
        ((0x80, 0x8F, 2),),
    )  # fmt: skip

    def __init__(self, num_places: int):
        self.expects = np.zeros(num_places, np.int64)
        self.is_forbidden = np.ones((len(self.EXPECTED), 257), bool)
        self.is_forbidden[0, 0] = False
        self.after = np.zeros((len(self.EXPECTED), 257), np.int64)
        for state, ranges in enumerate(self.EXPECTED):
            for first, last, after in ranges:
                self.is_forbidden[state, first + 1 : last + 2] = False
                self.after[state, first + 1 : last + 2] = after

    def begin(self, places: np.ndarray) -> None:
        self.expects[places] = 0

    def forbidden(self, field: int) -> np.ndarray:
        return self.is_forbidden[self.expects]

    def took(self, tokens_BK: np.ndarray) -> None:
        self.expects = self.after[self.expects, tokens_BK[:, 0]]


class WholeWords:
    """No word grows onto the end of another, as "the" onto "of" to "ofthe": a rule for `draw`.

    A word that is one piece ends with it; a word that is spelled goes on letter by letter.
    """

    def __init__(self, num_places: int, pieces: Sequence[str]):
        goes_on = np.array([False, *(_kind(piece) == "w" for piece in pieces)])
        parts = [_characters(piece) for piece in pieces]
        is_whole = np.array([False, *(len(part) > 1 and _kind(part[-1]) == "w" for part in parts)])
        self.is_forbidden = np.stack([np.zeros_like(goes_on), goes_on & is_whole, goes_on])
        self.after = np.where(is_whole, 2, goes_on.astype(int))  # 1 after a letter by itself
        self.state = np.zeros(num_places, np.int64)

    def begin(self, places: np.ndarray) -> None:
        self.state[places] = 0

    def forbidden(self, field: int) -> np.ndarray:
        return self.is_forbidden[self.state]

    def took(self, tokens_BK: np.ndarray) -> None:
        self.state = self.after[tokens_BK[:, 0]]


class Pieces(Tokenizer):
    """Characters, each with the marks that belong to it, and longer pieces that are put together from them.

    Without longer pieces texts are spelled. Words that are pieces are taken whole, and others spelled. With merges
    (pairs of pieces, the most frequent first) words are put together from characters pair by pair (byte-pair encoding:
    Sennrich et al. 2016).
    """

    def __init__(self, pieces: Sequence[str], is_spelled: bool, merges: Sequence[tuple[str, str]] = ()):
        self.pieces, self.is_spelled, self.merges = list(pieces), is_spelled, list(merges)
        self.vocabulary_size = 1 + len(self.pieces)
        self._numbers = {piece: token for token, piece in enumerate(self.pieces, start=1)}
        self._rank = {pair: rank for rank, pair in enumerate(self.merges)}
        self._word = functools.lru_cache(maxsize=100_000)(self._tokenize_word)

    @property
    def has_words(self) -> bool:
        """Whether words are pieces, and none is put together of others but letter by letter."""
        return not self.is_spelled and not self.merges

    @classmethod
    def characters(cls, texts: Sequence[str]) -> Self:
        return cls(_frequent_characters(texts), is_spelled=True)

    @classmethod
    def words(cls, texts: Sequence[str], most: int) -> Self:
        characters = _frequent_characters(texts)
        counts = Counter(word for text in texts for word in _words(text))
        spelled = set(characters)
        frequent = [word for word, _ in _by_frequency(counts) if word not in spelled]
        return cls([*characters, *frequent[: max(0, most - len(characters))]], is_spelled=False)

    @classmethod
    def pairs(cls, texts: Sequence[str], most: int) -> Self:
        characters = _frequent_characters(texts)
        counts = Counter(word for text in texts for word in _words(text))
        merges = _merges(counts, set(characters), most - len(characters))
        return cls(list(dict.fromkeys([*characters, *("".join(pair) for pair in merges)])), False, merges)

    def encode(self, text: str) -> np.ndarray:
        if self.is_spelled:
            tokens = [self._numbers.get(character, 0) for character in _characters(text)]
        else:
            tokens = [token for word in _words(text) for token in self._word(word)]
        known = np.array(tokens, np.int32)
        return known[known > 0]

    def decode(self, tokens: np.ndarray) -> str:
        return "".join([self.pieces[token - 1] for token in tokens.tolist()])

    def to_state(self) -> dict[str, Any]:
        return {"kind": "pieces", "pieces": self.pieces, "is_spelled": self.is_spelled, "merges": self.merges}

    def _tokenize_word(self, word: str) -> tuple[int, ...]:
        if not self.merges and word in self._numbers:
            return (self._numbers[word],)
        parts = _characters(word)
        while len(parts) > 1 and self._rank:
            ranks = [self._rank.get(pair, sys.maxsize) for pair in itertools.pairwise(parts)]
            best = min(ranks)
            if best == sys.maxsize:
                break
            parts = _merged(parts, self.merges[best])
        return tuple(self._numbers.get(part, 0) for part in parts)


def load_tokenizer(state: Mapping[str, Any]) -> Tokenizer:
    """The inverse of `to_state`."""
    if state["kind"] == "bytes":
        return Bytes()
    return Pieces(state["pieces"], state["is_spelled"], [tuple(pair) for pair in state["merges"]])


def _frequent_characters(texts: Sequence[str]) -> list[str]:
    counts = Counter(character for text in texts for character in _characters(text))
    return [character for character, _ in _by_frequency(counts)[:MAX_CHARACTERS]]


def _by_frequency(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _characters(text: str) -> list[str]:
    """The characters as people see them: a letter with its accents, an emoji with what is joined to it, a flag."""
    return list(text) if text.isascii() else _cluster().findall(text)


def _kind(character: str) -> str:
    if character[0].isspace():
        return " " if character == " " else "s"
    return "w" if character[0].isalnum() or character[0] == "_" else "-"


def _words(text: str) -> list[str]:
    """Words, each with the space before it, signs, and white space; no character is cut from its marks."""
    if text.isascii():
        return WORD.findall(text)
    characters = _characters(text)
    kinds = "".join([_kind(character) for character in characters])
    return ["".join(characters[slice(*match.span())]) for match in WORD_OF_KINDS.finditer(kinds)]


@functools.cache
def _cluster() -> re.Pattern[str]:
    """Nearly the extended grapheme clusters of Unicode Standard Annex 29."""
    marks = [
        chr(point) for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point)) in ("Mn", "Me", "Mc")
    ]
    extending = "".join(map(re.escape, marks)) + "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    return re.compile(f"(?:{flag}|.)(?:[{extending}]|\u200d.)*\u200d?", re.DOTALL)


def _merges(counts: Counter[str], characters: set[str], most: int) -> list[tuple[str, str]]:
    """The pairs to merge, the most frequent first; pairs that come once are not worth it."""
    words = [(_characters(word), count) for word, count in _by_frequency(counts)]
    words = [(parts, count) for parts, count in words if all(part in characters for part in parts)]
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, (parts, count) in enumerate(words):
        _count(parts, count, number, pairs, where)
    merges: list[tuple[str, str]] = []
    while len(merges) < most and pairs:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 2:
            break
        merges.append(best)
        for number in sorted(where[best]):
            parts, count = words[number]
            _count(parts, -count, number, pairs, where)
            words[number] = (_merged(parts, best), count)
            _count(words[number][0], count, number, pairs, where)
        pairs.pop(best, None)
    return merges


def _count(
    parts: list[str],
    count: int,
    number: int,
    pairs: Counter[tuple[str, str]],
    where: dict[tuple[str, str], set[int]],
) -> None:
    for pair in itertools.pairwise(parts):
        pairs[pair] += count
        where[pair].add(number)


def _merged(parts: Iterable[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in parts:
        # the part before may itself be a merge of this pair only if it was equal to the first half already
        if merged and (merged[-1], part) == pair:
            merged[-1] = "".join(pair)
        else:
            merged.append(part)
    return merged
