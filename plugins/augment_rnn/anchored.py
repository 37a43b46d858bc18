"""`anchored` for tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Context, read_state, write_state
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.tables.bins import CodeTable
from augment_rnn.tables import refuse_arrays

if TYPE_CHECKING:
    from augment_rnn.additive import Additive
    from augment_rnn.anchoring import Mover


class AnchoredTable(plugin.Generator):
    """Moves training rows: draws some features anew given the others, then the target given all features.

    Both are foretold by an ensemble of small networks that learn to fill in whatever is unknown of a row, and a class
    also by a logistic regression. For tables of a few hundred to a few thousand rows, to help models that cut the
    features into pieces, such as boosted trees: what a smooth model knows is handed to them. It gives no more to models
    that are smooth themselves, such as a logistic regression. Add ten or twenty rows for each real one: labels are
    drawn by chance, and many of them say what a few cannot.

    A generator of its own and no setting of `rnn`, because its rows start from training rows: filters and the report
    treat such rows differently.
    """

    name = "anchored"
    origin = "rows"
    accepts = Accepts(
        modalities=frozenset({"table"}),
        columns=ENCODED_TYPES,
        conditional="target",
        min_rows=2,
    )

    class Params(plugin.Params):
        """How far a row is moved, and by what."""

        share: float = Field(0.3, gt=0, le=1)
        """Share of a row's features that are drawn anew; at least one is."""
        temperature: float = Field(1.0, gt=0)
        """How labels are drawn: 1 as the networks foretell them, less favours the likeliest, more the others."""
        candidates: int = Field(4, ge=1, le=1024)
        """Among how many moved rows one is chosen for a label that is asked for."""
        members: int = Field(6, ge=1)
        """Networks in the ensemble."""
        steps: int | None = Field(None, ge=1)
        """Training steps at most; training ends before when rows held back say so. By default forty times through the
        data, but 400 to 6,000."""
        batch_size: int = Field(64, ge=1)
        """Rows per training step and network."""
        width: int = Field(64, ge=1)
        """Hidden units."""
        pieces: int = Field(32, ge=1)
        """Into how many pieces the range of a number is cut at most."""
        dropout: float = Field(0.3, ge=0, lt=1)
        """Share of the hidden units that each training step leaves out."""
        rate: float = Field(5e-3, gt=0)
        """Learning rate."""
        decay: float = Field(0.05, ge=0)
        """Weight decay."""

    _schema: Schema
    _table: CodeTable
    _weights: dict[str, np.ndarray]
    _additive: Additive | None
    _mover: tuple[Dataset, Mover] | None = None  # of the training part that was lent last

    def fit(self, data: Dataset, context: Context) -> Self:
        from augment_rnn.additive import Additive
        from augment_rnn.anchoring import fit

        refuse_arrays(self.name, data)
        self._schema = data.schema
        if not self._features:
            raise DataError(f"{self.name}: there is no column beside the target; nothing could be moved")
        target = [self._schema.target] if self._schema.target else []
        self._table = CodeTable.fit(data, [*self._features, *target], self.params.pieces)
        codes = self._table.encode(data.frame)
        self._weights = fit(self._table, codes, bool(target), self.params, context)
        has_classes = data.schema.task == "classes"
        self._additive = Additive.fit(self._table, codes, context.rng) if has_classes else None
        self._mover = None
        return self

    @property
    def _features(self) -> list[str]:
        return [name for name in self._schema.columns if name != self._schema.target]

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        import torch

        from augment.toolkit.training import reproducible

        assert context.train is not None  # the host lends it to every generator
        target = self._schema.target
        asked = self._table.encode(given, [target])[:, 0].astype(np.int64) if target in given else None
        within = context.rng.spawn(1)[0]  # a stream of its own: the mover takes whole batches from the other
        with reproducible(context), torch.inference_mode():
            chosen, codes, is_new = self._mover_of(context.train).draw(asked, len(given), context.rng)
        drawn = self._table.decode(codes, within.random(codes.shape))
        frame = context.train.take(chosen).frame
        for place, name in enumerate(self._features):
            frame[name] = frame[name].where(~is_new[:, place], drawn[name])
        if target is not None:
            frame[target] = given[target].reset_index(drop=True) if target in given else drawn[target]
        return Dataset.of(frame, {}, self._schema)

    def _mover_of(self, train: Dataset) -> Mover:
        from augment_rnn.anchoring import Mover

        if self._mover is None or self._mover[0] is not train:
            anchors = self._table.encode(train.frame).astype(np.int64)
            has_target = self._schema.target is not None
            self._mover = train, Mover(anchors, self._table, self._weights, has_target, self._additive, self.params)
        return self._mover[1]

    def save(self, folder: Path) -> None:
        tensors, coding = self._table.to_state()
        tensors |= {f"network/{name}": value for name, value in self._weights.items()}
        if self._additive:
            tensors |= {f"additive/{name}": value for name, value in vars(self._additive).items()}
        schema = self._schema.model_dump(mode="json", exclude_none=True)
        write_state(folder, tensors, {"schema": schema, "codes": coding})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        from augment_rnn.additive import Additive

        tensors, values = read_state(folder)
        anchored = cls(params)
        anchored._schema = Schema.model_validate(values["schema"])
        anchored._table = CodeTable.from_state(tensors, values["codes"])
        anchored._weights = {
            name.removeprefix("network/"): tensors[name] for name in tensors if name.startswith("network/")
        }
        additive = {name.removeprefix("additive/"): tensors[name] for name in tensors if name.startswith("additive/")}
        anchored._additive = Additive(**additive) if additive else None
        return anchored
