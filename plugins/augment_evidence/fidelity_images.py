"""The metric `fidelity` for images: do synthetic images look like, and spread like, the training part's?

Shapes: N rows, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from augment.data import Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.clouds import MOST_POINTS, cloud_scores
from augment_evidence.rows import capped, copied_share, pixels, target_labels

__all__ = ["FidelityImages"]

MOST_ROWS = 10_000
NUM_COMPONENTS = 32
SIDE = 16  # pixels a side that principal components are taken of

Features = Callable[[np.ndarray], np.ndarray]  # uint8 (N, H, W, C) -> float32 (N, D)


class FidelityImages(Metric):
    """How far synthetic images agree with the training part's.

    * `Fréchet distance` of features (Heusel et al. 2017), over the variance of the training rows' features: 0 is equal.
    * `density` and `coverage` (Naeem et al. 2020, five neighbours): about 1 and nearly 1 for real images. A high
      density says that images crowd where real ones are many, a low coverage that kinds of images are left out.
    * `label agreement`: how often a classifier of real images sees the class that was asked for.
    * `exact copies`: the share of images that equal a training image.

    The features are not Inception's, so figures cannot be compared with published FIDs, nor between datasets. With
    classes, they are the last hidden layer of a small network that is trained here, on the training part; without, the
    principal components of the pixels. Beside each score stands what the real hold-out reaches, and what training
    images drawn anew reach: distance and coverage depend on the number of images, so all are measured on equally many
    of each class, three draws of at most 2,000. Under 30 they are left out.
    """

    name = "fidelity"
    accepts = Accepts(modalities=frozenset({"image"}))
    default_for = frozenset({"image"})

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        if not (len(synthetic) and len(train)):
            return []
        reference = {"hold-out": copied_share(holdout, train)} if len(holdout) else {}
        detail = {"rows": len(synthetic), "reference": reference}
        copies = Score("exact copies", copied_share(synthetic, train), better="lower", detail=detail)

        rng = context.rng
        array = train.schema.array_of("image")
        images, labels = {}, {}
        for name, part in (("synthetic", synthetic), ("train", train), ("hold-out", holdout)):
            part = capped(part, MOST_ROWS, rng)
            images[name], labels[name] = part.arrays[array], target_labels(part)
        known = sorted({label for label in labels["train"] if label is not None})
        agreement = []
        if len(known) > 1:
            features, seen = _look(images, labels, known, context)
            agreement = _agreement(seen, labels)
        else:
            project = _components(images["train"], rng)
            features = {name: project(values) for name, values in images.items() if len(values)}
        return [*cloud_scores(features, labels, rng), *agreement, copies]


def _look(
    images: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], known: list[str], context: Context
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Features (N, D) and the class seen, (N,) object, of each part, through a network trained on the training part."""
    from augment_evidence.judges import pictures, train_judge

    position = {label: code for code, label in enumerate(known)}
    labelled = np.flatnonzero([label is not None for label in labels["train"]])
    codes = np.array([position[label] for label in labels["train"][labelled]], dtype=np.int64)
    judge = train_judge(pictures(images["train"][labelled]), codes, len(known), context)
    found = {name: judge.look(pictures(values)) for name, values in images.items() if len(values)}
    names = np.array(known, dtype=object)
    return {name: both[0] for name, both in found.items()}, {
        name: names[both[1].argmax(axis=1)] for name, both in found.items()
    }


def _agreement(seen: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> list[Score]:
    """The share of synthetic rows that are seen as what was asked, and the hold-out's share at the same classes."""
    asked = labels["synthetic"]
    right = seen["synthetic"] == asked
    classes, counts = np.unique([label for label in asked if label is not None], return_counts=True)
    if not len(classes):
        return []
    per_class = {str(label): float(right[asked == label].mean()) for label in classes}
    reference = {}
    real = {label: labels["hold-out"] == label for label in classes}
    if all(rows.any() for rows in real.values()):
        shares = [(seen["hold-out"][rows] == label).mean() for label, rows in real.items()]
        reference["hold-out"] = float(np.average(shares, weights=counts))
    detail = {"rows": int(counts.sum()), "reference": reference, "classes": per_class}
    return [Score("label agreement", float(np.average(list(per_class.values()), weights=counts)), detail=detail)]


def _components(train: np.ndarray, rng: np.random.Generator) -> Features:
    """The principal components of training images, each divided by its spread: those that hold 95 % of the variance."""
    rows = rng.choice(len(train), min(len(train), MOST_POINTS), replace=False)
    flat = pixels(train[np.sort(rows)], SIDE).reshape(len(rows), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    _, spread, axes = np.linalg.svd(flat - mean, full_matrices=False)
    held = np.cumsum(spread**2)
    count = min(NUM_COMPONENTS, int(np.searchsorted(held, 0.95 * held[-1])) + 1)
    # equal images have no spread at all
    scaled = axes[:count].T / np.maximum(spread[:count] / np.sqrt(len(rows)), 1e-6)
    return lambda images: (pixels(images, SIDE).reshape(len(images), -1) - mean) @ scaled
