"""The words on the page that a newcomer may not know, each in one or two sentences."""

from __future__ import annotations

__all__ = ["TERMS"]

TERMS = {
    "real rows": "The rows of your data, as they were read.",
    "synthetic rows": "Rows that a generator has made up after the example of the real training rows.",
    "augmentation": "Adding synthetic rows to the real training rows.",
    "training rows": "The real rows that generators and models learn from.",
    "hold-out": "Real rows that were set aside before anything was trained. They only judge the result.",
    "probe": "The model that is trained once with and once without synthetic rows, to see which is better.",
    "generator": "A method that learns from the training rows and makes synthetic rows.",
    "inexpensive alternative": "A way to improve the model that takes a few lines of code and needs no synthetic rows, "
    "such as weighting rare classes more. Synthetic rows should beat it to be worth the effort.",
    "seed": "One repetition of the training with other random numbers and other synthetic rows.",
    "split": "One division of the data into training rows and hold-out. Several splits show how much depends on it.",
    "interval": "The range that contains the true difference with 95 % confidence. If 0 is in it, "
    "the difference may be chance.",
    "recall": "Of the rows that are of a class, the share that the model recognises.",
    "precision": "Of the rows that the model assigns to a class, the share that is right.",
    "F1": "One number for recall and precision together; it is only high if both are.",
    "confusion matrix": "A table that counts which class the model predicted for the rows of each true class.",
    "ROC curve": "How many rows of the class are found (recall) as more rows of other classes are wrongly taken for it "
    "(false positive rate). The diagonal is guessing; further up is better.",
    "precision-recall curve": "How many of the rows taken for the class are right (precision) as more of its rows are "
    "found (recall). The dashed line is guessing; further up is better.",
    "gap": "How different a column is in real and synthetic rows: 0 % is equal, 100 % has nothing in common.",
    "association": "How strongly two columns go together: 0 is not at all, 1 is completely. For two numbers, negative "
    "values mean that one falls as the other rises.",
    "filter": "A check that rejects unsuitable synthetic rows before they are written.",
    "attack": "An attempt to find training rows among the synthetic rows, as somebody might who only has those.",
    "standard error": "How far a mean is typically off by chance.",
    "reference": "The same score for real rows. A score as good as its reference is as good as real rows are.",
}
"""Id of a term to what it means."""
