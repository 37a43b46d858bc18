"""Small classifiers of rows, trained on the spot: one for features of images and recordings, three for filters.

Shapes: N rows, B of a batch, C channels, H and W at most 32, M mel bands and T windows of a recording, D dimensions, F
features, K classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from augment.data import Dataset
from augment.plugin import Context
from augment.toolkit.audio.network import OverTime
from augment.toolkit.audio.recordings import recordings_of
from augment.toolkit.audio.spectra import log_mel
from augment.toolkit.optimizers import AdamW
from augment.toolkit.training import cosine_decay, reproducible
from augment_evidence.space import Space, pixels

__all__ = ["Classifier", "Ensemble", "network_images", "network_spectra", "train_classifier"]

SIDE = 32
MAX_WINDOWS = 128  # of a recording; of more, neighbours are averaged
SPECTRUM_SCALE = 2.0  # nats: about the standard deviation of a normalised log-mel spectrum
NUM_FEATURES = 32
WIDTH = 64  # of the hidden layer over points
NUM_STEPS = 500
BATCH = 64
SEED = 0  # fixed, so that all generators of a run are compared by the same features
NUM_MEMBERS = 3


class Classifier(nn.Module):
    """A body with a layer of `NUM_FEATURES` features, and the classes.

    It takes images (N, C, H, W), spectra (N, M, T) or points (N, D).
    """

    def __init__(self, shape: tuple[int, ...], num_classes: int):
        super().__init__()
        self.shape, self.num_classes = shape, num_classes
        make_body = {3: _image_body, 2: _spectrum_body, 1: _point_body}[len(shape)]
        self.body = make_body(shape)
        self.head = nn.Linear(NUM_FEATURES, num_classes)

    @torch.inference_mode()
    def evaluate(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 inputs to features float32 (N, F) and probabilities float32 (N, K)."""
        features, probabilities = (
            [np.zeros((0, NUM_FEATURES), np.float32)],
            [np.zeros((0, self.num_classes), np.float32)],
        )
        for start in range(0, len(x), BATCH):
            batch = x[start : start + BATCH]
            padded = np.zeros((BATCH, *batch.shape[1:]), dtype=np.float32)  # a short batch gives other bits
            padded[: len(batch)] = batch
            hidden = self.body(torch.from_numpy(padded))
            features.append(hidden[: len(batch)].numpy())
            probabilities.append(self.head(hidden).softmax(dim=1)[: len(batch)].numpy())
        return np.concatenate(features), np.concatenate(probabilities)


def _image_body(shape: tuple[int, ...]) -> nn.Sequential:
    num_channels, *sides = shape
    return nn.Sequential(
        nn.Conv2d(num_channels, 16, 3, stride=2 if max(sides) > 16 else 1, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(256, NUM_FEATURES),
        nn.ReLU(),
    )


def _spectrum_body(shape: tuple[int, ...]) -> nn.Sequential:
    return nn.Sequential(OverTime(shape[0], NUM_FEATURES), nn.ReLU())


def _point_body(shape: tuple[int, ...]) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(shape[0], WIDTH), nn.ReLU(), nn.Dropout(0.1), nn.Linear(WIDTH, NUM_FEATURES), nn.ReLU()
    )


def train_classifier(
    x: np.ndarray, classes: np.ndarray, num_classes: int, context: Context, num_steps: int = NUM_STEPS
) -> Classifier:
    """Train on float32 inputs as a `Classifier` takes them and int64 (N,) classes, each class seen equally often."""
    inputs, y = torch.from_numpy(x), torch.from_numpy(classes)
    weight = torch.from_numpy(1.0 / np.bincount(classes, minlength=num_classes)[classes])
    with reproducible(dataclasses.replace(context, seed=SEED, device="cpu")):
        classifier = Classifier(tuple(x.shape[1:]), num_classes).train()
        optimizer = AdamW(classifier.parameters(), lr=3e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine_decay(step / num_steps))
        for _ in range(num_steps):
            rows = torch.multinomial(weight, BATCH, replacement=True)
            loss = functional.cross_entropy(classifier.head(classifier.body(inputs[rows])), y[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return classifier.eval()


def network_images(images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, C) to float32 (N, C, H, W), at most 32 pixels a side."""
    return np.ascontiguousarray(pixels(images, SIDE).transpose(0, 3, 1, 2))


def network_spectra(data: Dataset) -> np.ndarray:
    """Normalised log-mel spectra of recordings, float32 (N, M, T), T at most 128."""
    spectra = log_mel(*recordings_of(data)).transpose(0, 2, 1) / SPECTRUM_SCALE
    num_windows = spectra.shape[2]
    step = -(-num_windows // MAX_WINDOWS)
    starts = np.arange(0, num_windows, step)
    return np.ascontiguousarray(np.add.reduceat(spectra, starts, axis=2) / np.diff([*starts, num_windows]), np.float32)


class Ensemble:
    """Classifiers that were each trained on all but one part of the rows, so that each row has one that is unbiased."""

    def __init__(self, space: Space | None, members: list[Classifier]):
        self._space, self._members = space, members

    @classmethod
    def train(
        cls, data: Dataset, classes: np.ndarray, num_classes: int, context: Context, num_steps: int
    ) -> tuple[Self, np.ndarray]:
        """Train on rows and int64 (N,) classes; also float64 (N, K): what the one says that saw no such row."""
        space = None if data.schema.modality in ("image", "audio") else Space.fit(data)
        ensemble = cls(space, [])
        x = ensemble._inputs(data)
        part = context.rng.permutation(np.arange(len(data)) % NUM_MEMBERS)
        unseen = np.zeros((len(data), num_classes))
        for number in range(NUM_MEMBERS):
            out = part == number
            # a class of few rows may lie in one part alone; a classifier that knows it not gives it no probability
            classifier = train_classifier(x[~out], classes[~out], num_classes, context, num_steps)
            ensemble._members.append(classifier)
            unseen[out] = classifier.evaluate(x[out])[1]
        return ensemble, unseen

    def probabilities(self, data: Dataset) -> np.ndarray:
        """The mean of all members' probabilities, float64 (N, K)."""
        x = self._inputs(data)
        members = [classifier.evaluate(x)[1] for classifier in self._members]
        return np.asarray(np.mean(members, axis=0, dtype=np.float64))

    def _inputs(self, data: Dataset) -> np.ndarray:
        if self._space is not None:
            return self._space.points(data)
        if data.schema.modality == "audio":
            return network_spectra(data)
        return network_images(data.arrays[data.schema.find_array("image")])

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Tensors and JSON values, for `augment.plugin.write_state`."""
        tensors, space = self._space.to_state() if self._space is not None else ({}, None)
        for number, classifier in enumerate(self._members):
            tensors |= {f"member-{number}/{name}": value.numpy() for name, value in classifier.state_dict().items()}
        first = self._members[0]
        return tensors, {"space": space, "shape": list(first.shape), "num_classes": first.num_classes}

    @classmethod
    def from_state(cls, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> Self:
        """The inverse of `to_state`."""
        space = None if values["space"] is None else Space.from_state(tensors, values["space"])
        members = []
        for number in range(NUM_MEMBERS):
            with torch.random.fork_rng(devices=[]):  # layers draw weights, which are replaced
                classifier = Classifier(tuple(values["shape"]), values["num_classes"])
            prefix = f"member-{number}/"
            own: dict[str, Tensor] = {
                name.removeprefix(prefix): torch.from_numpy(value.copy())
                for name, value in tensors.items()
                if name.startswith(prefix)
            }
            classifier.load_state_dict(own)
            members.append(classifier.eval())
        return cls(space, members)
