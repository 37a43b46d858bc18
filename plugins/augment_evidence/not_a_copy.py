"""The filter `not-a-copy`: rejects synthetic rows that are too near a single training row."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.plugin import Accepts, Context, Cost, Filter, read_state, write_state
from augment.toolkit.substrings import Stock
from augment.toolkit.tables.possible_rows import count_possible_rows
from augment_evidence.equal_rows import row_hashes
from augment_evidence.nearest_neighbors import distance_ratio, leave_one_out, nearest
from augment_evidence.samples import sampled
from augment_evidence.space import POINTS_OF, Space

if TYPE_CHECKING:
    from augment_evidence.image_descriptor import Descriptor

__all__ = ["NotACopy"]

log = logging.getLogger("augment")

MAX_CALIBRATION_ROWS = 4_000  # training rows that the threshold is read from: enough for a quantile of 0.01
MAX_CHARACTERS = 1_000_000  # of these rows, where they are texts
LONGEST = 10_000  # characters of each; what is judged is hardly longer


class NotACopy(Filter):
    """Rejects rows that lie much nearer to one training row than training rows lie to each other.

    A row's score is its distance to the nearest training row, divided by the mean distance to the next ones (Carlini
    et al. 2023): about 1 for a row among others, near 0 for one that sits on top of a single other. The threshold is
    the `quantile` of the scores that the training rows have among each other, so about that share of fresh real rows
    would be rejected as well.

    A row equal to a training row scores -1 and is always rejected, however few training rows the distances are measured
    to. The one exception: in a table, of texts and of histories, a row that occurs at least `common` times in the
    training part is nobody's in particular, scores 1 and is kept. Where equal rows are natural (few columns, few
    values), more than `quantile` of fresh real rows are lost, the rarer ones, and synthetic rows are drawn away from
    those; `common: 1` accepts equality altogether. The filter does so itself, and notes it, for a table that holds at
    least half of the rows that its values can be combined to, none of them `common` times: such a table lists the
    possible rows, as a designed experiment does. An equal image or recording is always a copy.

    A text that shares a longer stretch of characters with a training text than training texts share with each other
    scores -1 too, however else it goes on: a passage was memorised. How long is too long is read from the
    training texts, of which half the `quantile` share a longer one; the distances have the other half. So where many
    texts follow a form, as advertisements do, only what goes beyond the form is rejected.

    The target and ids do not count. Of images, the array alone counts, through features in which an image that was
    shifted, brightened, blurred or made noisy stays near itself (a small network learns them here, on the training part
    averaged down to at most 16 pixels a side); of recordings, the array alone, as what rises above silence in each mel
    band, wherever in time it comes, so that an equal sound that comes later, is louder, or has some noise in it stays
    near; of series, the array, as means and standard deviations of at most 32 stretches; of texts, n-grams of three and
    four letters; of histories, the items and the pairs of items in a row; in tables, numbers are standardised and
    damped beyond a standard deviation, and categories are equal or not.
    """

    name = "not-a-copy"
    skips = frozenset({"copies", "rows"})  # what starts from a real row is near it by design, and says so
    accepts = Accepts(modalities=POINTS_OF, min_rows=10)
    default_for = POINTS_OF

    class Params(plugin.Params):
        renamed = {"neighbours": "n_neighbors"}

        quantile: float = Field(0.01, gt=0, lt=1)
        """Share of fresh real rows that would be taken for copies. Higher is stricter."""
        n_neighbors: int = Field(10, ge=1)
        """Number of further neighbors whose mean distance is the usual distance around a row."""
        common: int = Field(5, ge=1)
        """Minimum number of equal training rows from which equality is natural, of tables, texts and histories. 5 is a
        usual minimum cell size of published statistics."""
        max_reference: int = Field(20_000, ge=100)
        """Maximum number of training rows that distances are measured to, a seeded sample: near copies of the others
        are not found. Equality is checked against all. Run time grows in proportion."""

        steps: int = Field(600, ge=1)
        """Training steps of the network that computes features of images, of 64 images each."""

    @classmethod
    def cost(cls, params: Params, schema: Schema, num_rows: int) -> Cost | None:
        """As measured on tables: distances to each row of the sample, of as many dimensions as there are numbers and
        labels. What texts, images and the like take is not known without them."""
        if schema.modality != "table":
            return None
        columns = [schema.columns[name] for name in schema.features if schema.columns[name].type != "text"]
        num_dimensions = sum(len(column.categories or "1") for column in columns)
        num_reference = min(num_rows, params.max_reference)
        row = 4e-6 + num_reference * (3.8e-9 + 2.4e-11 * num_dimensions)
        return Cost(fit=1e-6 * num_rows + min(num_rows, MAX_CALIBRATION_ROWS) * row, row=row)

    def fit(self, reference: Dataset, pilot: Dataset, context: Context) -> Self:
        hashes, row_group, counts = np.unique(row_hashes(reference), return_inverse=True, return_counts=True)
        can_be_common = reference.schema.modality in ("table", "text", "tokens")
        common = counts >= self.params.common if can_be_common else np.zeros(len(counts), dtype=bool)
        others = [name for name in reference.schema.columns if name not in reference.schema.features]
        possible = count_possible_rows(reference.drop_columns(others))
        self._is_list = can_be_common and not common.any() and len(hashes) >= possible / 2
        if self._is_list:
            common[:] = True
        self._common, self._rare = hashes[common], hashes[~common]
        rows = sampled(len(reference), self.params.max_reference, context.rng)
        sample = reference.take(rows)
        if reference.schema.modality == "image":
            from augment_evidence.image_descriptor import Descriptor

            self._space: Space | Descriptor = Descriptor.fit(sample, context, self.params.steps)
        else:
            self._space = Space.fit(reference)
        self._reference = self._space.points(sample)
        self._count = 1 + min(self.params.n_neighbors, len(rows) - 2)
        # a row with a twin has a score of 0, which says nothing about how near is too near
        single = np.flatnonzero(counts[row_group[rows]] == 1)
        single = single[sampled(len(single), MAX_CALIBRATION_ROWS, context.rng)]
        usual = distance_ratio(leave_one_out(self._reference, single, self._count))
        is_text = reference.schema.modality == "text"
        quantile = self.params.quantile / 2 if is_text else self.params.quantile
        self.threshold = float(np.quantile(usual, quantile)) if len(usual) else 0.0
        self._stock, self._usual = Stock.of([]), 0
        if is_text:
            texts = sample.texts()
            self._stock = Stock.of(texts)
            mean = sum(min(len(text), LONGEST) for text in texts) / len(texts)
            few = single[sampled(len(single), round(MAX_CHARACTERS / max(1, mean)), context.rng)]
            self._usual = self._stock.usual([texts[row][:LONGEST] for row in few], few, quantile)
        return self

    def judge(self, candidates: Dataset, context: Context) -> np.ndarray:
        scores = distance_ratio(nearest(self._space.points(candidates), self._reference, self._count))
        if len(self._stock.codes):
            scores[self._stock.shares(candidates.texts(), self._usual + 1) >= 0] = -1.0
        if self._is_list:
            log.info(
                "not-a-copy: the training part holds at least half of the rows that its values can be combined to, so "
                "synthetic rows may equal training rows"
            )
        hashes = row_hashes(candidates)
        scores[np.isin(hashes, self._common)] = 1.0
        scores[np.isin(hashes, self._rare)] = -1.0
        return scores

    def save(self, folder: Path) -> None:
        tensors, space = self._space.to_state()
        tensors |= {
            "reference": self._reference,
            "common": self._common,
            "rare": self._rare,
            "texts": self._stock.codes,
        }
        values = {
            "threshold": self.threshold,
            "count": self._count,
            "usual": self._usual,
            "space": space,
            "list": self._is_list,
        }
        write_state(folder, tensors, values)

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        tensors, values = read_state(folder)
        loaded = cls(params)
        loaded.threshold, loaded._count = values["threshold"], values["count"]
        loaded._reference, loaded._common, loaded._rare = tensors["reference"], tensors["common"], tensors["rare"]
        loaded._is_list = values["list"]
        loaded._stock, loaded._usual = Stock(tensors["texts"]), values["usual"]
        if "descriptor" in values["space"]:
            from augment_evidence.image_descriptor import Descriptor

            loaded._space = Descriptor.from_state(tensors, values["space"])
        else:
            loaded._space = Space.from_state(tensors, values["space"])
        return loaded
