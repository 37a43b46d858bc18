"""The generator `albumentations`: training images, moved by classical augmentation.

Shapes: N rows, H height, W width, C channels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Context, Cost, Generator, Suits, write_state
from augment_images.transforms import GENTLE_AFFINE, Transforms, compose, starting_rows, try_out


class Albumentations(Generator):
    """Training images moved, turned or recoloured by transforms of albumentations 2.

    Each synthetic row is a training row of the asked class (any row, where no class is asked), drawn with
    replacement, whose image went through `transforms` in their order; its other columns are kept. Only transforms that
    look at nothing but the image are taken, and the last must give back the size that images have.

    Buslaev et al., "Albumentations: fast and flexible image augmentations", Information 11(2), 2020.
    """

    name = "albumentations"
    suits = (Suits("image", rank=20),)
    imports = ("albumentations",)
    origin = "rows"
    accepts = Accepts(modalities=frozenset({"image"}), conditional="target")

    class Params(plugin.Params):
        """Settings of the generator `albumentations`."""

        transforms: Transforms = [{"Affine": dict(GENTLE_AFFINE)}]
        """Transforms by their names in albumentations, in order: `- HorizontalFlip`, or with arguments
        `- Affine: {rotate: [-15, 15], p: 1.0}`. `p` is the probability of each to happen; albumentations takes 0.5
        where it is left out. Or a mapping: albumentations' own serialised form, as `albumentations.to_dict` gives it,
        which may hold compositions such as `OneOf`."""

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost:
        """As measured, with a transform or two."""
        height, width, *_ = schema.arrays[schema.find_array("image")].shape
        return Cost(fit=0.5, row=1e-4 + 3e-8 * height * width)

    def fit(self, data: Dataset, context: Context) -> Self:
        """Check the transforms against the training images; nothing is learnt."""
        images_NHWC = data.arrays[data.schema.find_array("image")]
        if not len(images_NHWC):
            raise DataError("albumentations: there are no training rows to start from")
        try_out(self.params.transforms, images_NHWC)
        return self

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        train = context.train
        assert train is not None, "the host lends the training part to generators that start from rows"
        seed = int(context.rng.integers(2**31))
        # one number a row, drawn in order, and one stream of transform draws, used in order: so the first k rows are
        # the same however many follow
        rows = starting_rows(train, given, context.rng.random(len(given)), self.name)
        picked = train.take(rows)
        array = train.schema.find_array("image")
        move = compose(self.params.transforms, seed)
        images = np.empty_like(picked.arrays[array])
        for row, image in enumerate(picked.arrays[array]):
            images[row] = move(image)
        frame = picked.frame.assign(**{name: given[name].to_numpy() for name in given.columns})
        return Dataset.of(frame, {**picked.arrays, array: images}, train.schema)

    def save(self, folder: Path) -> None:
        write_state(folder, {}, {})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        return cls(params)
