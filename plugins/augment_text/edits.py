"""The generator `text-edits`: training texts with a few words changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError, PluginError
from augment.plugin import Accepts, Context, Cost, Suits, derive_seed, read_state, write_state
from augment.toolkit.conditions import Conditions
from augment.toolkit.words import characters, has_spaces

LETTER = re.compile(r"\w")
MAX_DRAWS = 100  # of a text that is new


class TextEdits(plugin.Generator):
    """Takes a training text and changes some of its words: four simple edits (EDA: Wei and Zou 2019).

    A word is replaced by a synonym, one is inserted, two change places, or one is left out; which edit is left to
    chance, and how many follows from the length of the text. Without synonyms, the inserted word is one of the text's
    own, and none is replaced. The label is that of the text it began as. A text of one word without synonyms is not
    used. No text is equal to a training text, or is one twice over, white space aside.

    With `unit: character`, for languages without spaces between words, the edits are of characters: one is left out or
    inserted, or two neighbours change places; synonyms replace what they can stand for. Latin words
    stay whole, but for a text of one.
    """

    name = "text-edits"
    suits = (Suits("text", rank=20),)
    origin = "rows"
    accepts = Accepts(
        modalities=frozenset({"text"}),
        targets=frozenset({"classes", "none"}),
        conditional="target",
    )

    class Params(plugin.Params):
        unit: Literal["word", "character"] = "word"
        """What is edited: words between spaces, or characters."""
        share: float = Field(0.1, gt=0, le=1)
        """Share of a text's words or characters that are edited; at least one is."""
        synonyms: Path | None = None
        """A UTF-8 file of words that can stand for each other: one group a line, commas between them."""
        wordnet: bool = False
        """Whether synonyms are looked up in WordNet (English), where `nltk` and its `wordnet` data are installed."""

    schema: Schema
    conditions: Conditions
    synonyms: dict[str, list[str]]

    @classmethod
    def settings_for(cls, data: Dataset) -> dict[str, tuple[Any, str]]:
        texts = data.texts()
        if not has_spaces(texts):
            return {"unit": ("character", "these texts have hardly any spaces between words")}
        if 2 * sum(len(text.split()) > 1 for text in texts) < len(texts):
            return {"unit": ("character", "most of these texts are single words")}
        return {}

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured on texts of 20 words."""
        return Cost(fit=4e-6 * num_rows, row=8e-5)

    def fit(self, data: Dataset, context: Context) -> Self:
        self.schema = data.schema
        self.conditions, _ = Conditions.of(data)
        words = {word.casefold() for text in data.frame[self._column].dropna() for word in text.split()}
        self.synonyms = {}
        if self.params.synonyms is not None:
            self.synonyms = _read_groups(self.params.synonyms)
        if self.params.wordnet:
            self.synonyms |= _of_wordnet(words - self.synonyms.keys())
        return self

    @property
    def _column(self) -> str:
        column = self.schema.text_payload
        assert column is not None  # `accepts` asks for texts
        return column

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        assert context.train is not None  # the host lends it to every generator
        classes = self.conditions.draw(given, context.rng)
        _, numbers = Conditions.of(context.train)
        texts = context.train.texts()
        split = self._splitter()
        can_change = np.array([self._can_change(split(text)) for text in texts])
        rows_by_label = {label: np.flatnonzero((numbers == label) & can_change) for label in np.unique(classes)}
        known = {_bare(text) for text in texts}
        rows = np.empty(len(given), np.int64)
        edited = []
        for place, label in enumerate(classes):  # a stream of random numbers a row: k rows begin as n rows do
            rng = np.random.default_rng(derive_seed(context.seed, "row", place))
            for _ in range(MAX_DRAWS if len(rows_by_label[label]) else 0):
                rows[place] = rng.choice(rows_by_label[label])
                text = texts[rows[place]]
                new = self._edited(split(text), rng)
                if _bare(new) not in known and _bare(new) != 2 * _bare(text):
                    edited.append(new)
                    break
            else:
                raise self._cannot_change(label, len(rows_by_label[label]))
        real = context.train.take(rows)
        frame = real.frame.assign(**{self._column: pd.Series(edited, dtype="str")})
        return Dataset.of(self.conditions.relabelled(frame, given), {}, self.schema)

    def _splitter(self) -> Callable[[str], list[str]]:
        """What splits a text into the units that are edited; joined by `_glue` they are the text again."""
        if self.params.unit == "word":
            return lambda text: text.split(" ")
        longest_first = sorted(self.synonyms, key=len, reverse=True)
        known = re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})", re.IGNORECASE)

        def split(text: str) -> list[str]:
            parts = known.split(text)
            units = [unit for part in parts for unit in ([part] if self._known(part) else characters(part))]
            return units if self._can_change(units) else characters(text, whole_words=False)

        return split

    @property
    def _glue(self) -> str:
        return " " if self.params.unit == "word" else ""

    def _can_change(self, units: Sequence[str]) -> bool:
        places = [unit for unit in units if LETTER.search(unit)]
        return len(places) > 1 or any(map(self._known, places))

    def _cannot_change(self, label: int, num_texts: int) -> DataError:
        unit = self.params.unit
        whose = "" if self.schema.target is None else f" of class {self.conditions.labels[label]!r}"
        other = "use `unit: character`, or name `synonyms`" if unit == "word" else "use another generator"
        if not num_texts:
            return DataError(f"text-edits: no training text{whose} has two {unit}s that could be edited; {other}")
        return DataError(
            f"text-edits: {MAX_DRAWS} edits of the {num_texts} training texts{whose} gave nothing but training texts, "
            f"because they are short; ask for fewer rows, or {other}"
        )

    def _edited(self, units: list[str], rng: np.random.Generator) -> str:
        places = [place for place, unit in enumerate(units) if LETTER.search(unit)]
        edits: list[Callable[[list[str], list[int], np.random.Generator], None]] = [self._insert, self._swap, _delete]
        if any(self._known(units[place]) for place in places):
            edits.append(self._replace)
        for _ in range(max(1, round(self.params.share * len(places)))):
            places = [place for place, unit in enumerate(units) if LETTER.search(unit)]
            edits[rng.integers(len(edits))](units, places, rng)
        return self._glue.join(units)

    def _known(self, word: str) -> list[str]:
        return self.synonyms.get(word.casefold(), [])

    def _replace(self, words: list[str], places: list[int], rng: np.random.Generator) -> None:
        known = [place for place in places if self._known(words[place])]
        if known:
            place = int(rng.choice(known))
            words[place] = _as_written(words[place], str(rng.choice(self._known(words[place]))))

    def _insert(self, words: list[str], places: list[int], rng: np.random.Generator) -> None:
        word = words[int(rng.choice(places))]
        new = str(rng.choice(self._known(word))) if self._known(word) else word
        words.insert(int(rng.integers(len(words) + 1)), new)

    def _swap(self, words: list[str], places: list[int], rng: np.random.Generator) -> None:
        if len(places) < 2:
            return
        one, other = (int(place) for place in rng.choice(len(places), 2, replace=False))
        if self.params.unit == "character":  # neighbours: further apart, little would be left of the words
            one, other = min(one, len(places) - 2), min(one, len(places) - 2) + 1
        words[places[one]], words[places[other]] = words[places[other]], words[places[one]]

    def save(self, folder: Path) -> None:
        write_state(folder, {}, {**self.conditions.to_state(self.schema), "synonyms": self.synonyms})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        edits = cls(params)
        _, values = read_state(folder)
        edits.schema, edits.conditions = Conditions.from_state(values)
        edits.synonyms = values["synonyms"]
        return edits


def _delete(words: list[str], places: list[int], rng: np.random.Generator) -> None:
    if len(places) > 1:  # a text keeps its last word
        del words[int(rng.choice(places))]


def _bare(text: str) -> str:
    """A text without white space, which decides whether two are the same."""
    return "".join(text.split())


def _as_written(word: str, other: str) -> str:
    """The other word with the capitals of this one."""
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other[:1].upper() + other[1:] if word[:1].isupper() else other


def _read_groups(path: Path) -> dict[str, list[str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path}: the synonyms cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise DataError(f"{path}: the synonyms are not UTF-8; save the file as UTF-8") from None
    synonyms: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        group = list(dict.fromkeys(word.strip() for word in line.split(",") if word.strip()))
        if len(group) == 1:
            raise DataError(f"{path}, line {number}: {group[0]!r} stands alone; words divided by commas are expected")
        for word in group:
            others = synonyms.setdefault(word.casefold(), [])
            others += [other for other in group if other != word and other not in others]
    if not synonyms:
        raise DataError(f"{path}: holds no synonyms; a group of words a line, divided by commas, is expected")
    return synonyms


def _of_wordnet(words: set[str]) -> dict[str, list[str]]:
    try:
        from nltk.corpus import wordnet

        wordnet.ensure_loaded()
    except (ImportError, LookupError) as error:
        raise PluginError(
            "text-edits: `wordnet: true` needs the package nltk and its data: `pip install nltk`, then "
            "`python -m nltk.downloader wordnet`; or name a file of your own with `synonyms:`"
        ) from error
    synonyms = {}
    for word in sorted(words):
        lemmas = {lemma.replace("_", " ") for synset in wordnet.synsets(word) for lemma in synset.lemma_names()}
        if others := sorted(lemma for lemma in lemmas if lemma.casefold() != word):
            synonyms[word] = others
    return synonyms
