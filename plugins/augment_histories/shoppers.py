"""The source `shoppers`: users with tastes, made by code, to try things on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Context, Source, derive_seed
from augment_histories.rows import ABOUT, BEGAN, GAP, ITEMS, LENGTH, RATING, group_by_user

TASTES = ("crime", "garden", "space", "cooking", "poetry", "travel", "chess", "opera", "horses", "sailing")
VOLUMES = 4  # of a story that is told in several books
SECONDS_A_DAY = 86_400
SHORTEST = 3


class Shoppers(Source):
    """Users of a bookshop that is no bookshop: each has one taste or two, reads stories in order, and no book twice.

    Four books are the volumes of one story; who has read one is likely to take the next one next. Else few books are
    read by many, and most by few. Half of the users have a second taste, for a quarter of their books. A book has a
    quality that its ratings, 1 to 5, follow, and between two books are some days. So there is something to learn: what
    is liked together, what comes after what, and what is popular. The same settings give the same users.
    """

    name = "shoppers"
    yields = frozenset({"tokens"})
    reads_only_paths = True

    class Params(plugin.Params):
        """How many there are."""

        users: int = Field(400, ge=2)
        """How many users there are."""
        items: int = Field(400, ge=80)
        """How many books there are, of ten kinds together."""
        mean_length: float = Field(8.0, ge=4)
        """How many books a user has read on average; three at least."""
        volume: float = Field(0.6, ge=0, le=1)
        """How likely the next volume of a story comes next."""
        number: int = Field(0, ge=0)
        """Another number gives other users, of the same tastes and books."""

    def read(self, context: Context) -> Dataset:
        params = self.params
        books = params.items // len(TASTES)
        shop = np.random.default_rng(derive_seed("shoppers", "books", params.items))
        quality = shop.normal(3.6, 0.7, (len(TASTES), books))
        wanted = 1.0 / (1.0 + np.argsort(shop.random((len(TASTES), books)), axis=1))  # Zipf's law
        longest = min(round(5 * params.mean_length), books)
        vocabulary = ("", *(f"{taste} {book + 1:02}" for taste in TASTES for book in range(books)))
        arrays = {
            ITEMS: np.zeros((params.users, longest), np.int32),
            ABOUT: np.zeros((params.users, longest, 2), np.float32),
        }
        lengths = np.zeros(params.users, np.int64)
        began = np.zeros(params.users, "datetime64[us]")
        for user in range(params.users):
            rng = np.random.default_rng(derive_seed("shoppers", params.number, user))
            lengths[user] = min(longest, SHORTEST - 1 + rng.geometric(1 / (params.mean_length - SHORTEST + 1)))
            began[user] = np.datetime64("2024-01-01") + rng.integers(300 * SECONDS_A_DAY).astype("timedelta64[s]")
            for step, (taste, book) in enumerate(self._read(wanted, int(lengths[user]), rng)):
                arrays[ITEMS][user, step] = 1 + taste * books + book
                rating = np.clip(np.round(quality[taste, book] + rng.normal(0, 0.6)), 1, 5)
                days = round(rng.lognormal(1.5, 1.0)) if step else 0
                arrays[ABOUT][user, step] = rating, days * SECONDS_A_DAY
        frame = pd.DataFrame({"user": [f"u{user}" for user in range(params.users)], BEGAN: began, LENGTH: lengths})
        channels = {RATING: {"type": "integer", "min": 1, "max": 5}, GAP: {"type": "number", "min": 0, "unit": "s"}}
        return group_by_user(frame, "user", arrays, vocabulary, channels, context.declared)

    def _read(self, wanted: np.ndarray, length: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """The taste and the number of each book that a user reads."""
        tastes = rng.permutation(len(wanted))[:2]
        share = 0.25 if rng.random() < 0.5 else 0.0  # of the second taste
        unread = wanted[tastes].copy()
        books: list[tuple[int, int]] = []
        while len(books) < length:
            if books and rng.random() < self.params.volume:
                place, book = books[-1]
                if book % VOLUMES < VOLUMES - 1 and unread[place, book + 1 : book + 2].any():
                    books.append((place, book + 1))
                    unread[place, book + 1] = 0.0
                    continue
            place = int(rng.random() < share)
            ends = np.cumsum(unread[place])
            book = int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))
            books.append((place, book))
            unread[place, book] = 0.0
        return [(int(tastes[place]), book) for place, book in books]
