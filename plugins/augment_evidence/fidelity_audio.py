"""The metric `fidelity` for recordings: do they sound like, and vary like, the training part's, without copying?

Shapes: N recordings, T samples, D features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset, as_labels
from augment.errors import DataError
from augment.plugin import Accepts, Context, Metric, Score
from augment.toolkit.audio.recordings import recordings_of
from augment_evidence.agreement import agreement_scores
from augment_evidence.equal_rows import copied_share
from augment_evidence.nearest_neighbors import distance_ratio, nearest
from augment_evidence.point_clouds import cloud_scores
from augment_evidence.references import Better, scores_beside
from augment_evidence.samples import capped, class_weights, common_counts, draw_rows, target_labels
from augment_evidence.similarity import number_similarity
from augment_evidence.sound_properties import PROPERTIES, sound_properties
from augment_evidence.space import Space

__all__ = ["FidelityAudio"]

MAX_ROWS = 2_000
MAX_SAMPLES = 60_000_000  # of a part
MIN_ROWS = 30  # for a classifier
NUM_NEIGHBORS = 10
NOISE = 0.1  # of a recording's own loudness, 20 dB below it, that the control adds to copies
CONTROL = "copies with noise"
SPEAKER_COLUMNS = ("speaker", "speaker_id", "voice")
MAX_SPEAKERS = 200

BETTER: dict[str, Better] = {
    **{f"{name} similarity": "higher" for name in PROPERTIES},
    "nearest-neighbour ratio": "higher",
    "exact copies": "lower",
    "classification accuracy": "higher",
    "speaker entropy": "higher",
}


class FidelityAudio(Metric):
    """How far synthetic recordings agree with the training part's.

    * `loudness`, `length`, `silence`, `clipping` and `spectral centroid similarity`: 1 minus the Kolmogorov-Smirnov
      statistic of what is measured of each recording.
    * `nearest-neighbour ratio`, the median over recordings: the distance to the nearest training recording over the
      mean distance to the ten that follow. Near 0 are copies. Shifted, louder and mildly noisy copies are near.
    * `exact copies`, the share that equals a training recording to 16 bits.

    With classes, through small convolutional networks over time that are trained here on log-mel spectra:

    * `Fréchet distance` of the features of one trained on real recordings (Kilgour et al. 2019), over the variance of
      the training rows' features: 0 is equal; `density` and `coverage` (Naeem et al. 2020, five neighbors).
    * `label agreement`: how often it predicts the class that was asked for.
    * `classification accuracy` (Ravuri and Vinyals 2019): the balanced accuracy, on the hold-out, of one trained on the
      synthetic recordings alone; beside it what equally many training recordings teach.
    * `speaker entropy`, where a column says who speaks: the entropy of the speakers that one trained on the training
      part's speakers hears, over the largest possible.

    The features are not those of a large pretrained network, so figures cannot be compared with published ones, nor
    between datasets. Beside each score stands what the hold-out reaches, and what training recordings reach to which
    noise was added, 20 dB softer: such copies score well everywhere but in the nearest-neighbour ratio, which is why
    no score counts alone. Real rows are weighted to the synthetic rows' classes. Of each part at most 2,000 recordings
    are used, fewer of long ones.
    """

    name = "fidelity"
    imports = ("torch",)
    accepts = Accepts(modalities=frozenset({"audio"}))
    default_for = frozenset({"audio"})

    class Params(plugin.Params):
        """Settings of the metric `fidelity` for recordings."""

        speaker: str | None = None
        """The column that says who speaks. By default a column called `speaker`, `speaker_id` or `voice`, if any."""
        steps: int = Field(200, ge=1)
        """Training steps of each network, of 64 recordings each."""

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        speaker = self._speaker_column(train)
        if not (len(synthetic) and len(train)):
            return []
        rng = context.rng
        limit = min(MAX_ROWS, max(50, MAX_SAMPLES // max(1, recordings_of(train)[0].shape[1])))
        parts = {
            name: capped(part, limit, rng)
            for name, part in (("synthetic", synthetic), ("train", train), ("hold-out", holdout))
            if len(part)
        }
        parts[CONTROL] = _copies_with_noise(parts["train"], target_labels(parts["synthetic"]), rng)
        rows = {name: len(part) for name, part in parts.items() if name != CONTROL}
        scores = scores_beside(_plain_values(parts, train), BETTER, {"rows": rows})
        return [
            *_heard(parts, context, self.params.steps),
            *_spread(parts, speaker, context, self.params.steps),
            *scores,
        ]

    def _speaker_column(self, train: Dataset) -> str | None:
        asked = self.params.speaker
        if asked is not None and asked not in train.frame:
            columns = ", ".join(f"'{name}'" for name in train.frame.columns)
            raise DataError(f"fidelity: the data has no column '{asked}', named as speaker; it has {columns}")
        there = [name for name in SPEAKER_COLUMNS if name in train.frame and name != train.schema.target]
        return asked if asked is not None else next(iter(there), None)


def _copies_with_noise(train: Dataset, wanted: np.ndarray, rng: np.random.Generator) -> Dataset:
    """A training recording of each wanted class, with white noise 20 dB softer: what a score must be read beside."""
    labels = target_labels(train)
    rows = np.empty(len(wanted), np.int64)
    for label in dict.fromkeys(wanted):
        chosen = wanted == label
        of_class = np.flatnonzero(labels == label)
        rows[chosen] = rng.choice(of_class if len(of_class) else len(labels), chosen.sum())
    copies = train.take(rows)
    name = train.schema.find_array("audio")
    waves_NT, lengths, _ = recordings_of(copies)
    loudness = np.sqrt(np.einsum("nt,nt->n", waves_NT, waves_NT, dtype=np.float64) / np.maximum(lengths, 1))
    noise = rng.standard_normal(waves_NT.shape, np.float32) * np.float32(NOISE) * loudness[:, np.newaxis]
    noise[np.arange(waves_NT.shape[1]) >= lengths[:, np.newaxis]] = 0
    noisy = np.clip(waves_NT + noise, -1, 1).astype(np.float32)
    return replace(copies, arrays={**copies.arrays, name: noisy})


def _plain_values(parts: Mapping[str, Dataset], train: Dataset) -> dict[str, dict[str, float]]:
    """What needs no network: part to name of a score to its value."""
    wanted = target_labels(parts["synthetic"])
    properties = {name: sound_properties(part) for name, part in parts.items()}
    weights = {name: class_weights(wanted, target_labels(part)) / len(part) for name, part in parts.items()}
    space = Space.fit(parts["train"])
    points = space.points(parts["train"])
    values: dict[str, dict[str, float]] = {}
    for name, part in parts.items():
        if name == "train":
            continue
        values[name] = {
            f"{title} similarity": number_similarity(
                properties[name][title], weights[name], properties["train"][title], weights["train"]
            )
            for title in PROPERTIES
        }
        if len(points) > NUM_NEIGHBORS + 1:
            ratio = distance_ratio(nearest(space.points(part), points, NUM_NEIGHBORS + 1))
            values[name]["nearest-neighbour ratio"] = float(np.median(ratio))
        values[name]["exact copies"] = copied_share(part, train)
    return values


def _heard(parts: Mapping[str, Dataset], context: Context, num_steps: int) -> list[Score]:
    """What classifiers of the target hear."""
    from augment_evidence.classifiers import network_spectra, train_classifier

    labels = {name: target_labels(part) for name, part in parts.items()}
    known = sorted({label for label in labels["train"] if label is not None})
    if len(known) < 2 or len(parts["train"]) < MIN_ROWS:
        return []
    spectra = {name: network_spectra(part) for name, part in parts.items()}
    codes = {name: _codes(values, known) for name, values in labels.items()}
    labelled = codes["train"] >= 0
    classifier = train_classifier(
        spectra["train"][labelled], codes["train"][labelled], len(known), context, num_steps=num_steps
    )
    names = np.array(known, dtype=object)
    features, predicted = {}, {}
    for name, values in spectra.items():
        features[name], probabilities = classifier.evaluate(values)
        predicted[name] = names[probabilities.argmax(axis=1)]
    scores = [*cloud_scores(features, labels, context.rng), *agreement_scores(predicted, labels)]
    if "hold-out" not in parts:
        return scores
    # equally many of each class teach each network, and classes that were not asked for are not held against it
    teachers = ("synthetic", "train", CONTROL)
    counts = common_counts([labels[name] for name in teachers], MAX_ROWS)
    taught = [known.index(label) for label, count in counts.items() if count and label in known]
    judged = np.isin(codes["hold-out"], taught)
    if len(taught) < 2 or sum(counts.values()) < MIN_ROWS or not judged.any():
        return scores
    accuracy: dict[str, dict[str, float]] = {}
    for name in teachers:
        chosen = draw_rows(labels[name], counts, context.rng)
        student = train_classifier(
            spectra[name][chosen], np.searchsorted(taught, codes[name][chosen]), len(taught), context, num_steps
        )
        seen = np.array(taught)[student.evaluate(spectra["hold-out"][judged])[1].argmax(axis=1)]
        true = codes["hold-out"][judged]
        recalls = [float((seen[true == code] == code).mean()) for code in np.unique(true)]
        accuracy["training rows" if name == "train" else name] = {"classification accuracy": float(np.mean(recalls))}
    detail: dict[str, Any] = {"rows": sum(counts.values()), "held-out rows": int(judged.sum())}
    return [*scores, *scores_beside(accuracy, BETTER, detail)]


def _spread(parts: Mapping[str, Dataset], column: str | None, context: Context, num_steps: int) -> list[Score]:
    """How evenly synthetic recordings spread over the speakers of the training part."""
    from augment_evidence.classifiers import network_spectra, train_classifier

    if column is None:
        return []
    speakers = as_labels(parts["train"].frame[column])
    known = sorted({speaker for speaker in speakers if speaker is not None})
    if not 2 <= len(known) <= MAX_SPEAKERS or len(speakers) < max(MIN_ROWS, 5 * len(known)):
        return []
    codes = _codes(speakers, known)
    labelled = codes >= 0
    classifier = train_classifier(
        network_spectra(parts["train"])[labelled], codes[labelled], len(known), context, num_steps=num_steps
    )
    values = {}
    for name, part in parts.items():
        is_new = name == "hold-out" and (_codes(as_labels(part.frame[column]), known) < 0).any()
        if name == "train" or is_new:  # of speakers that it does not know, a classifier says nothing
            continue
        heard = classifier.evaluate(network_spectra(part))[1].argmax(axis=1)
        shares = np.bincount(heard, class_weights(target_labels(parts["synthetic"]), target_labels(part)), len(known))
        shares = shares[shares > 0] / shares.sum()
        values[name] = {"speaker entropy": float(max(0.0, -(shares * np.log(shares)).sum()) / np.log(len(known)))}
    return scores_beside(values, BETTER, {"speakers": len(known), "column": column})


def _codes(labels: np.ndarray, known: list[str]) -> np.ndarray:
    """The position of each label among the known ones, int64 (N,); -1 for others."""
    position = {label: code for code, label in enumerate(known)}
    return np.array([position.get(label, -1) for label in labels], dtype=np.int64)
