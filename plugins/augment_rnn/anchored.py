"""`anchored` for tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Context, Cost, Suits
from augment.toolkit.lossless import ENCODED_TYPES
from augment.toolkit.network_generator import NetworkGenerator, Parts
from augment.toolkit.tables.bins import BinTable
from augment_rnn.tables import refuse_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn

    from augment_rnn.additive import Additive
    from augment_rnn.ensembles import MaskedEnsemble
    from augment_rnn.perturber import Perturber

MIN_STEPS, MAX_STEPS, NUM_EPOCHS = 400, 6_000, 40
AVERAGE_DECAY = 0.98
HELD_BACK = 0.15  # of the rows, other ones for each member, so that together they learn from all
STEPS_A_MEASURE, PATIENCE = 12, 10
MAX_MEASURED = 2_000  # rows held back that a member is measured on


class AnchoredTable(NetworkGenerator):
    """Moves training rows: draws some features anew given the others, then the target given all features.

    Both are predicted by an ensemble of small networks that learn to fill in whatever is unknown of a row, and a class
    also by a logistic regression. For tables of a few hundred to a few thousand rows, to help models that cut the
    features into pieces, such as boosted trees: what a smooth model knows is handed to them. It gives no more to models
    that are smooth themselves, such as a logistic regression. Add ten or twenty rows for each real one: labels are
    drawn by chance, and many of them say what a few cannot.

    A generator of its own and no setting of `rnn`, because its rows start from training rows: filters and the report
    treat such rows differently.
    """

    name = "anchored"
    suits = (
        Suits(
            "table",
            rank=10,
            targets=frozenset({"classes"}),
            min_rows=200,
            max_rows=5_000,
            min_class_rows=3,
            reason="of what makes rows for few rows like these, it was measured to help boosted trees most",
            alone="measured on tables as small as this, models gained nothing by its rows, or lost",
            amounts=((1_000, "20x"), (5_000, "5x")),
            amounts_reason="so many helped boosted trees on tables of this size, though not on all: the trial tells",
        ),
    )
    imports = ("torch",)
    origin = "rows"
    accepts = Accepts(
        modalities=frozenset({"table"}),
        columns=ENCODED_TYPES,
        conditional="target",
        min_rows=2,
    )

    class Params(plugin.Params):
        """How far a row is moved, and by what."""

        renamed: ClassVar = {"pieces": "bins", "rate": "learning_rate", "decay": "weight_decay"}

        share: float = Field(0.3, gt=0, le=1)
        """Share of a row's features that are drawn anew; at least one is."""
        temperature: float = Field(1.0, gt=0)
        """How labels are drawn: 1 as the networks predict them, less favours the likeliest, more the others."""
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
        bins: int = Field(32, ge=1)
        """Into how many bins a number is cut at most."""
        dropout: float = Field(0.3, ge=0, lt=1)
        """Share of the hidden units that each training step leaves out."""
        learning_rate: float = Field(5e-3, gt=0)
        """Learning rate."""
        weight_decay: float = Field(0.05, ge=0)
        """Weight decay of AdamW (Loshchilov and Hutter 2019)."""

    table: BinTable
    additive: Additive | None
    _perturber: tuple[Dataset, Perturber] | None = None  # of the training part that was lent last

    @classmethod
    def cost(cls, params: Params, schema: Schema, num_rows: int) -> Cost:
        """As measured, with all steps and the candidates for a label that is asked for."""
        num_columns = len(schema.features)
        weights = params.members * params.width * params.bins * num_columns
        steps = params.steps or float(np.clip(NUM_EPOCHS * num_rows / params.batch_size, MIN_STEPS, MAX_STEPS))
        fit = steps * (4e-3 + 5e-10 * params.batch_size * weights)
        row = 1.3e-5 * params.share * num_columns * params.candidates * params.members
        return Cost(fit, row, memory=16.0 * weights)

    def fit(self, data: Dataset, context: Context) -> Self:
        """Train all members side by side, each on its own rows."""
        import torch

        from augment.toolkit.optimizers import AdamW
        from augment.toolkit.training import EarlyStopping, copy_weights, reproducible, train
        from augment_rnn.additive import Additive
        from augment_rnn.columns import known_cells
        from augment_rnn.ensembles import MaskedEnsemble
        from augment_rnn.perturber import draw_masks, ensemble_loss

        refuse_arrays(self.name, data)
        params = self.params
        self._perturber = None
        self.schema = data.schema
        if not self._features:
            raise DataError(f"{self.name}: there is no column beside the target; nothing could be moved")
        target = [data.schema.target] if data.schema.target else []
        has_target = bool(target)
        self.table = BinTable.fit(data, [*self._features, *target], params.bins)
        bins = self.table.encode(data.frame)
        orders = [context.rng.permutation(len(bins)) for _ in range(params.members)]
        num_held_back = max(1, round(HELD_BACK * len(bins)))
        learnt_EM = np.stack([order[num_held_back:] for order in orders])
        held_back = np.stack([order[: min(num_held_back, MAX_MEASURED)] for order in orders])
        default = NUM_EPOCHS * learnt_EM.shape[1] // params.batch_size
        num_steps = params.steps or int(np.clip(default, MIN_STEPS, MAX_STEPS))
        with reproducible(context):
            device = torch.device(context.device)
            bins_NK = torch.tensor(bins, dtype=torch.int64, device=device)
            learnt = torch.tensor(learnt_EM, device=device)
            network = self._network()
            network.begin(*known_cells(self.table))
            network.to(device)
            optimizer = AdamW(
                network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
            )
            measured_bins = bins_NK[torch.tensor(held_back, device=device)]
            measured_masks = draw_masks(measured_bins, has_target)

            def step(number: int, batch: Tensor) -> dict[str, Tensor]:
                bins_ENK = bins_NK[learnt.gather(1, batch.view(params.members, -1))]
                loss = ensemble_loss(network, bins_ENK, draw_masks(bins_ENK, has_target), has_target)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                return {"loss": loss / params.members}

            def measure(averaged: Mapping[str, nn.Module]) -> Tensor:
                average = averaged["network"]
                assert isinstance(average, MaskedEnsemble)
                loss: Tensor = ensemble_loss(average, measured_bins, measured_masks, has_target) / params.members
                return loss

            outcome = train(
                context,
                step,
                num_steps=num_steps,
                num_rows=learnt_EM.shape[1],
                batch_size=params.batch_size * params.members,
                modules={"network": network},
                optimizers={"network": optimizer},
                averages={"network": AVERAGE_DECAY},
                stopping=EarlyStopping(measure, max(STEPS_A_MEASURE, num_steps // 100), PATIENCE),
            )
        self.weights = copy_weights(outcome.averaged["network"])
        has_classes = data.schema.task == "classes"
        self.additive = Additive.fit(self.table, bins, context.rng) if has_classes else None
        return self

    @property
    def _features(self) -> list[str]:
        return [name for name in self.schema.columns if name != self.schema.target]

    def _network(self) -> MaskedEnsemble:
        from augment.toolkit.tables.column_bins import NUM_FEATURES
        from augment_rnn.ensembles import MaskedEnsemble

        params = self.params
        return MaskedEnsemble(params.members, self.table.num_bins, NUM_FEATURES, params.width, params.dropout)

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        import torch

        from augment.toolkit.training import reproducible

        assert context.train is not None  # the host lends it to every generator
        target = self.schema.target
        asked = None
        if target is not None and target in given:
            asked = self.table.encode(given, [target])[:, 0].astype(np.int64)
        within = context.rng.spawn(1)[0]  # a stream of its own: the perturber takes whole batches from the other
        with reproducible(context), torch.inference_mode():
            chosen, bins, is_new = self._fit_perturber(context.train).draw(asked, len(given), context.rng)
        drawn = self.table.decode(bins, within.random(bins.shape))
        frame = context.train.take(chosen).frame
        for place, name in enumerate(self._features):
            frame[name] = frame[name].where(~is_new[:, place], drawn[name])
        if target is not None:
            frame[target] = given[target].reset_index(drop=True) if target in given else drawn[target]
        return Dataset.of(frame, {}, self.schema)

    def _fit_perturber(self, train: Dataset) -> Perturber:
        from augment.toolkit.training import rebuild
        from augment_rnn.perturber import Perturber

        if self._perturber is None or self._perturber[0] is not train:
            perturber = Perturber(
                # so small that a CPU is quick enough, and gives the same rows wherever the fit was
                rebuild(self._network, self.weights, "cpu"),
                self.table.encode(train.frame).astype(np.int64),
                self.schema.target is not None,
                self.additive,
                share=self.params.share,
                temperature=self.params.temperature,
                num_candidates=self.params.candidates,
            )
            self._perturber = train, perturber
        return self._perturber[1]

    def _parts(self) -> Parts:
        return {"additive": vars(self.additive)} if self.additive else {}

    def _values(self) -> dict[str, Any]:
        return {"bins": self.table.to_state()}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        from augment_rnn.additive import Additive

        self.table = BinTable.from_state(values["bins"])
        self.additive = Additive(**parts["additive"]) if "additive" in parts else None
