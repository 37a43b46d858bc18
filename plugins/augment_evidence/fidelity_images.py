"""The metric `fidelity` for images: do synthetic images look like, and vary like, the training part's?

Shapes: N rows, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from augment.data import Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.agreement import agreement_scores
from augment_evidence.equal_rows import exact_copies
from augment_evidence.point_clouds import MAX_POINTS, cloud_scores
from augment_evidence.samples import capped, target_labels
from augment_evidence.space import pixels

__all__ = ["FidelityImages"]

MAX_ROWS = 10_000
NUM_COMPONENTS = 32
SIDE = 16  # pixels a side that principal components are taken of

Features = Callable[[np.ndarray], np.ndarray]  # uint8 (N, H, W, C) -> float32 (N, D)


class FidelityImages(Metric):
    """How far synthetic images agree with the training part's.

    * `Fréchet distance` of features (Heusel et al. 2017), over the variance of the training rows' features: 0 is equal.
    * `density` and `coverage` (Naeem et al. 2020, five neighbors): about 1 and nearly 1 for real images. A high
      density says that images crowd where real ones are many, a low coverage that kinds of images are left out.
    * `label agreement`: how often a classifier of real images predicts the class that was asked for.
    * `exact copies`: the share of images that equal a training image.

    The features are not Inception's, so figures cannot be compared with published FIDs, nor between datasets. With
    classes, they are the last hidden layer of a small network that is trained here, on the training part; without, the
    principal components of the pixels. Beside each score stands what the real hold-out reaches, and what training
    images drawn anew reach: distance and coverage depend on the number of images, so all are measured on equally many
    of each class, three draws of at most 2,000. Under 30 they are left out.
    """

    name = "fidelity"
    imports = ("torch",)
    accepts = Accepts(modalities=frozenset({"image"}))
    default_for = frozenset({"image"})

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        if not (len(synthetic) and len(train)):
            return []
        rng = context.rng
        array = train.schema.find_array("image")
        images, labels = {}, {}
        for name, part in (("synthetic", synthetic), ("train", train), ("hold-out", holdout)):
            part = capped(part, MAX_ROWS, rng)
            images[name], labels[name] = part.arrays[array], target_labels(part)
        known = sorted({label for label in labels["train"] if label is not None})
        agreement = []
        if len(known) > 1:
            features, predicted = _evaluate(images, labels, known, context)
            agreement = agreement_scores(predicted, labels)
        else:
            project = _components(images["train"], rng)
            features = {name: project(values) for name, values in images.items() if len(values)}
        return [*cloud_scores(features, labels, rng), *agreement, *exact_copies(synthetic, train, holdout)]


def _evaluate(
    images: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], known: list[str], context: Context
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Features (N, D) and the class seen, (N,) object, of each part, through a network trained on the training part."""
    from augment_evidence.classifiers import network_images, train_classifier

    position = {label: code for code, label in enumerate(known)}
    labelled = np.flatnonzero([label is not None for label in labels["train"]])
    codes = np.array([position[label] for label in labels["train"][labelled]], dtype=np.int64)
    classifier = train_classifier(network_images(images["train"][labelled]), codes, len(known), context)
    names = np.array(known, dtype=object)
    features, predicted = {}, {}
    for name, values in images.items():
        if len(values):
            features[name], probabilities = classifier.evaluate(network_images(values))
            predicted[name] = names[probabilities.argmax(axis=1)]
    return features, predicted


def _components(train: np.ndarray, rng: np.random.Generator) -> Features:
    """The principal components of training images that hold 95 % of the variance, each at standard deviation 1."""
    rows = rng.choice(len(train), min(len(train), MAX_POINTS), replace=False)
    flat = pixels(train[np.sort(rows)], SIDE).reshape(len(rows), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    _, singular, axes = np.linalg.svd(flat - mean, full_matrices=False)
    held = np.cumsum(singular**2)
    count = min(NUM_COMPONENTS, int(np.searchsorted(held, 0.95 * held[-1])) + 1)
    # equal images have a deviation of 0
    scaled = axes[:count].T / np.maximum(singular[:count] / np.sqrt(len(rows)), 1e-6)
    return lambda images: (pixels(images, SIDE).reshape(len(images), -1) - mean) @ scaled
