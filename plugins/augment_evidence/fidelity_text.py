"""The metric `fidelity` for texts: are synthetic texts like real ones, varied, and new?

What each number is for real texts stands beside it: by itself none of them means much.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment.toolkit.words import WORD
from augment_evidence.references import Better, scores_beside
from augment_evidence.samples import common_counts, draw_rows, rows_in_shares, target_labels

WORD_OR_SIGN = re.compile(rf"{WORD.pattern}|[^\w\s]")
ORDER = 6  # characters that the language model looks at, the predicted one included
MAX_NGRAM = 4  # words of an n-gram, for novelty and BLEU
MAX_COMPARED = 200  # texts, in BLEU
BETTER: dict[str, Better] = {
    "bits per character": "lower",
    "novel 4-grams": "none",
    "self-BLEU": "none",
    "distinct-2": "none",
}


class FidelityTexts(Metric):
    """Compares synthetic texts with training and held-out ones.

    * `bits per character`: how well a simple language model (n-grams of up to 6 characters, Witten and Bell 1991) of
      the synthetic texts predicts held-out ones; beside it, a model of as many training texts.
    * `novel 4-grams`: the share of sequences of 4 words that no training text has; beside it, that of held-out texts.
    * `self-BLEU` (Zhu et al. 2018): how similar the texts are to each other; a generator that repeats itself scores
      above real texts. Beside it, that of training texts.
    * `distinct-2` (Li et al. 2016): the share of pairs of words that are different; beside it, that of training texts.

    How many texts of each class there are was asked for, not learnt: as many of each are taken from the synthetic and
    the training texts, and held-out ones in the same shares.
    """

    name = "fidelity"
    accepts = Accepts(modalities=frozenset({"text"}))
    default_for = frozenset({"text"})

    class Params(plugin.Params):
        renamed = {"most_texts": "max_texts"}

        max_texts: int = Field(2_000, ge=10)
        """Of each part so many texts at most are looked at, a seeded sample; runs of words are sought in all training
        texts."""

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        labels = [target_labels(part) for part in (synthetic, train, holdout)]
        counts = common_counts(labels[:2], self.params.max_texts)
        sample, real = (
            part.take(context.rng.permutation(draw_rows(own, counts, context.rng))).texts()
            for part, own in zip((synthetic, train), labels[:2], strict=True)
        )
        held_out = holdout.take(rows_in_shares(labels[2], counts, self.params.max_texts, context.rng)).texts()
        known = _known_ngrams([*sample, *held_out], train.texts())  # of all: a copy outside the sample is not novel
        pairs = {
            "bits per character": ("training part", _bits(sample, held_out), _bits(real, held_out)),
            "novel 4-grams": ("hold-out", _novelty(sample, known), _novelty(held_out, known)),
            "self-BLEU": ("training part", _self_bleu(sample), _self_bleu(real)),
            "distinct-2": ("training part", _distinct(sample), _distinct(real)),
        }
        values: dict[str, dict[str, float]] = {"synthetic": {}, "training part": {}, "hold-out": {}}
        for name, (control, value, reference) in pairs.items():
            if value is not None and reference is not None:
                values["synthetic"][name], values[control][name] = value, reference
        return scores_beside(values, BETTER, units={"bits per character": "bits"})


def _bits(read: Sequence[str], predicted: Sequence[str]) -> float | None:
    """Bits per character of the predicted texts, by a model of the others; None where there are none."""
    known, asked = _characters(read), _characters(predicted)
    if len(asked) <= len(predicted):
        return None
    alphabet = np.unique(np.concatenate([known, asked]))
    chances = np.full(len(asked), 1 / len(alphabet))
    for order in range(1, ORDER + 1):  # each order falls back on the one below where it knows little
        contexts, runs = np.roll(_hashed(known, order - 1), 1), _hashed(known, order)
        asked_contexts, asked_runs = np.roll(_hashed(asked, order - 1), 1), _hashed(asked, order)
        num_context = _count(contexts, asked_contexts)
        kinds = np.unique(np.stack([contexts, runs]), axis=1)[0]
        num_kinds, num_run = _count(kinds, asked_contexts), _count(runs, asked_runs)
        seen = num_context > 0
        mixed = (num_run + num_kinds * chances) / np.maximum(num_context + num_kinds, 1)
        chances = np.where(seen, mixed, chances)
    return float(-np.log2(chances).mean())


def _characters(texts: Sequence[str]) -> np.ndarray:
    return np.frombuffer("".join(f"{text}\n" for text in texts).encode("utf-32-le", "surrogatepass"), np.uint32)


def _hashed(characters: np.ndarray, length: int) -> np.ndarray:
    """A number for the run of that length which ends with each character, uint64."""
    hashes = np.zeros(len(characters), np.uint64)
    for back in range(length):
        values = np.zeros(len(characters), np.uint64)
        values[back:] = characters[: len(characters) - back].astype(np.uint64) + np.uint64(1)
        hashes = (hashes ^ values) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    return hashes


def _count(hashes: np.ndarray, asked: np.ndarray) -> np.ndarray:
    values, counts = np.unique(hashes, return_counts=True)
    places = np.minimum(np.searchsorted(values, asked), len(values) - 1)
    return np.where(values[places] == asked, counts[places], 0)


def _known_ngrams(asked: Sequence[str], texts: Sequence[str]) -> set[tuple[str, ...]]:
    """The 4-grams of words of some texts that others have too."""
    wanted = {run for text in asked for run in _ngrams(text, MAX_NGRAM)}
    return {run for text in texts for run in _ngrams(text, MAX_NGRAM) if run in wanted}


def _novelty(texts: Sequence[str], known: set[tuple[str, ...]]) -> float | None:
    runs = [run for text in texts for run in _ngrams(text, MAX_NGRAM)]
    return float(np.mean([run not in known for run in runs])) if runs else None


def _ngrams(text: str, length: int) -> list[tuple[str, ...]]:
    words = WORD_OR_SIGN.findall(text.casefold())
    return list(zip(*(words[start:] for start in range(length)), strict=False))


def _distinct(texts: Sequence[str]) -> float | None:
    pairs = [pair for text in texts for pair in _ngrams(text, 2)]
    return len(set(pairs)) / len(pairs) if pairs else None


def _self_bleu(texts: Sequence[str]) -> float | None:
    """The mean BLEU (Papineni et al. 2002, smoothed by one) of each text against all others."""
    counted = [[Counter(_ngrams(text, length)) for length in range(1, MAX_NGRAM + 1)] for text in texts[:MAX_COMPARED]]
    counted = [counts for counts in counted if counts[-1]]
    if len(counted) < 2:
        return None
    logs = np.zeros(len(counted))
    for length in range(MAX_NGRAM):
        most: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        for row, counts in enumerate(counted):
            for run, count in counts[length].items():
                most[run] = sorted([*most.get(run, []), (count, row)], reverse=True)[:2]
        for row, counts in enumerate(counted):
            matches = 0
            for run, count in counts[length].items():
                of_others = [times for times, other in most[run] if other != row]
                matches += min(count, of_others[0]) if of_others else 0
            logs[row] += np.log((matches + 1) / (counts[length].total() + 1)) / MAX_NGRAM
    return float(np.exp(logs).mean())
