"""Generators with the interface of an imbalanced-learn sampler: `fit_resample(X, y)`."""

from augment.resampling.augmenter import Augmenter

__all__ = ["Augmenter"]
