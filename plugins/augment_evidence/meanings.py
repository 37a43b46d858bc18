"""What each score measures, in a sentence for people who have not met it: the report shows it beside the score."""

from __future__ import annotations

__all__ = ["explain"]

MEANINGS = {
    "column shapes": "How alike the values of each column are distributed, column by column: 1 is equal.",
    "pair trends": "How alike pairs of columns go together: 1 is equal.",
    "density": "How densely synthetic rows lie among real ones; about 1 for real rows, more where they crowd.",
    "coverage": "The share of real rows that have a synthetic row nearby; low where kinds of rows are left out.",
    "exact copies": "The share of synthetic rows that equal a training row.",
    "Fréchet distance": "How far apart synthetic and real rows are as clouds of points: 0 is equal.",
    "label agreement": "How often a classifier of real rows sees the class that was asked for.",
    "classification accuracy": "How often a classifier trained on synthetic rows alone is right about held-out rows.",
    "speaker entropy": "How evenly synthetic recordings spread over the speakers that a classifier hears: 1 is evenly.",
    "value shapes": "How alike the values of each channel are distributed over all steps: 1 is equal.",
    "autocorrelation error": "How differently values depend on those some steps before: 0 is equal.",
    "cross-correlation error": "How differently channels go together at the same step: 0 is equal.",
    "nearest-neighbour ratio": "How close a row is to its nearest training row: near 0 is a copy, 1 is usual.",
    "discriminative score": "How far a network tells synthetic from real series: 0 is not at all, 0.5 is always.",
    "predictive score": "The error on real series of a network that has learned the next step from synthetic ones.",
    "bits per character": "How badly a language model of the synthetic texts predicts held-out texts.",
    "novel 4-grams": "The share of runs of four words that no training text has.",
    "self-BLEU": "How similar the texts are to each other; high where a generator repeats itself.",
    "distinct-2": "The share of pairs of words that are different; low where a generator repeats itself.",
    "item popularity error": "How differently often the items occur: 0 is equal.",
    "length error": "How differently long the histories are: 0 is equal.",
    "repeated items": "The share of items that a history has had before.",
    "item bigram error": "How differently often one item follows another: 0 is equal.",
    "repeated held-out rows": "The share of synthetic rows that equal, or nearly equal, a row they are judged by.",
    "exact matches": "The share of synthetic rows that equal a training row which is unique.",
    "near copies": "The share of synthetic rows that are much closer to one training row than real rows are.",
    "membership inference": "The share of training rows that can be recognised as such by their synthetic neighbours.",
}


def explain(name: str) -> str:
    """The sentence about a score, by its name; empty for a name that is not known."""
    if name in MEANINGS:
        return MEANINGS[name]
    if name.startswith("gain in "):
        return "How much better the next item is predicted with the synthetic histories than with real ones alone."
    if name.startswith("NDCG@"):
        return "How high the item that comes next stands in the list of likely ones: 1 is always first."
    if name.endswith(" similarity"):
        return f"How alike the {name.removesuffix(' similarity')} of recordings is distributed: 1 is equal."
    if name.endswith(" error"):
        return f"How differently the values of {name.removesuffix(' error')} are distributed: 0 is equal."
    return ""
