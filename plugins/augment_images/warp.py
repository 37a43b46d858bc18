"""The generator `warp`: training images, bent in ways learnt from all of them.

Shapes: N rows, P pairs, K modes, H height, W width, C channels.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema, as_labels
from augment.plugin import Accepts, Context, Cost, Generator, Suits, read_state, write_state
from augment_images.transforms import GENTLE_AFFINE, Transforms, compose, starting_rows, try_out

logger = logging.getLogger("augment")

BATCH = 256  # images bent at once


class Warp(Generator):
    """Training images bent as images of one class differ from each other, then moved by classical augmentation.

    Pairs of training images of the same class are registered; the fields that bend one into the other are summed up in
    a few modes, shared by all classes, so that a class with ten images borrows the ways of the others. A synthetic row
    is a training row of the asked class, drawn with replacement, whose image is bent by a random amount of every mode
    (or, in a part of the rows, not bent at all) and then goes through `transforms`; its other columns are kept. Made
    for images whose subjects have one layout: characters, faces, scans; for photographs of anything, plain
    `albumentations` is the better start.

    After Miller, Matsakis and Viola, "Learning from one example through shared densities on transforms", CVPR 2000, and
    Hauberg et al., "Dreaming more data", AISTATS 2016.
    """

    name = "warp"
    suits = (
        Suits(
            "image",
            rank=10,
            max_shape=(64, 64, 1),
            otherwise="bends suit characters, faces and scans; these images may be photographs of anything",
        ),
    )
    imports = ("torch",)
    origin = "rows"
    accepts = Accepts(modalities=frozenset({"image"}), targets=frozenset({"classes", "none"}), conditional="target")

    class Params(plugin.Params):
        """Settings of the generator `warp`."""

        share: float = Field(0.5, ge=0, le=1)
        """Share of the rows that are bent; the others only go through `transforms`, so where those are `null` it should
        be 1. In trials a classifier learnt most from both side by side."""
        strength: float = Field(1.0, ge=0, le=3)
        """How far images are bent; 1 is as far as two training images of one class lie from each other."""
        num_modes: int = Field(8, ge=1, le=98)
        """How many modes are kept, the strongest first. The weaker ones smudge more than they vary."""
        num_pairs: int = Field(1_000, ge=1)
        """Pairs that are registered at most."""
        transforms: Transforms | None = [{"Affine": dict(GENTLE_AFFINE)}]
        """What bent images go through: albumentations' transforms, as for the generator `albumentations`; `null` for
        none."""

    @classmethod
    def cost(cls, params: Params, schema: Schema, num_rows: int) -> Cost:
        """As measured on small images: the pairs are registered."""
        height, width, *_ = schema.arrays[schema.find_array("image")].shape
        return Cost(fit=0.5 + params.num_pairs * (5e-4 + 3e-6 * height * width), row=2e-4 + 1e-7 * height * width)

    def fit(self, data: Dataset, context: Context) -> Self:
        """Register pairs and keep their modes. Where no class has two images there are none, and that is said."""
        from augment.toolkit.training import reproducible
        from augment_images.warp_fields import NUM_CONTROLS, learn_fields, main_modes

        images_NHWC = data.arrays[data.schema.find_array("image")]
        if self.params.transforms is not None:
            try_out(self.params.transforms, images_NHWC)
        pairs_P2 = _pairs(data, self.params.num_pairs, context.rng)
        if not len(pairs_P2):
            logger.warning("warp: no class has two training images, so no bends are learnt; only transforms are left")
            self.modes = np.empty((0, 2 * NUM_CONTROLS**2), np.float32)
            return self
        with reproducible(context):
            fields = learn_fields(images_NHWC, pairs_P2, lambda done: context.progress(done, len(pairs_P2), {}))
        self.modes = main_modes(fields, self.params.num_modes)
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from scipy.special import ndtri

        from augment_images.warp_fields import bend_with

        train = context.train
        assert train is not None, "the host lends the training part to generators that start from rows"
        seed = int(context.rng.integers(2**31))
        # all numbers of a row stand together, so the first k rows are the same however many follow
        uniform = context.rng.random((len(given), 2 + len(self.modes)))
        rows = starting_rows(train, given, uniform[:, 0], self.name)
        amounts_NK = self.params.strength * ndtri(np.clip(uniform[:, 2:], 1e-6, 1 - 1e-6)).astype(np.float32)
        amounts_NK[uniform[:, 1] >= self.params.share] = 0
        picked = train.take(rows)
        array = train.schema.find_array("image")
        images = np.empty_like(picked.arrays[array])
        for start in range(0, len(rows), BATCH):
            batch = slice(start, start + BATCH)
            images[batch] = bend_with(picked.arrays[array][batch], self.modes, amounts_NK[batch])
        if self.params.transforms is not None:
            move = compose(self.params.transforms, seed)
            for row, image in enumerate(images):
                images[row] = move(image)
        frame = picked.frame.assign(**{name: given[name].to_numpy() for name in given.columns})
        return Dataset.of(frame, {**picked.arrays, array: images}, train.schema)

    def save(self, folder: Path) -> None:
        write_state(folder, {"modes": self.modes}, {})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        warp = cls(params)
        tensors, _ = read_state(folder)
        warp.modes = tensors["modes"]
        return warp


def _pairs(data: Dataset, most: int, rng: np.random.Generator) -> np.ndarray:
    """Pairs of different rows of one class, (P, 2) int64: every class in turn, as long as there are pairs to have."""
    target = data.schema.target
    labels = as_labels(data.frame[target]) if target else np.zeros(len(data), dtype=object)
    members = [np.flatnonzero(labels == label) for label in pd.unique(labels[~pd.isna(labels)])]
    members = [rows for rows in members if len(rows) > 1]
    num_possible = sum(len(rows) * (len(rows) - 1) for rows in members)
    pairs = [rng.choice(members[i % len(members)], 2, replace=False) for i in range(min(most, num_possible))]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
