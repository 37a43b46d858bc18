"""`vae-anchored` for images."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import Field

from augment.data import Dataset
from augment.plugin import Context
from augment.toolkit.conditions import Conditions
from augment_vae.images import ImageVae


class AnchoredImage(ImageVae):
    """Training images, moved in what a variational autoencoder learnt of their class.

    Each synthetic row starts from a training row of the asked class: its image is encoded, its code goes a part of the
    way to another place where codes of that class lie, and is decoded; fine details of the image are kept in part.
    Closer to real images than `vae`, and less varied; learning is the same.
    """

    name = "vae-anchored"
    origin = "rows"

    class Params(ImageVae.Params):
        """Settings of the anchored image VAE."""

        reach: float = Field(0.5, gt=0, le=1)
        """How far codes go at most, as a share of the way to another code of their class; each goes at least half of
        that. 1 may end anywhere in the class."""

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        from augment_vae.autoencoding import move

        train = context.train
        assert train is not None, "the host lends the training part to generators that start from rows"
        name = self.schema.array_of("image")
        # a stream of their own, so that the first rows start from the same images however many follow
        starts = np.random.default_rng(context.rng.integers(2**63))
        wanted = self.conditions.draw(given, context.rng)
        _, classes = Conditions.of(train)
        uniform = starts.random(len(given))
        rows = np.empty(len(given), np.int64)
        for number in np.unique(wanted):
            members, chosen = np.flatnonzero(classes == number), wanted == number
            rows[chosen] = members[(uniform[chosen] * len(members)).astype(np.int64)]
        images = move(
            self.weights,
            self.mixture,
            self.curve,
            train.arrays[name],
            len(self.conditions.labels),
            rows,
            classes,
            self.params,
            context,
        )
        return Dataset.of(self.conditions.frame(given, wanted), {name: images}, self.schema)
