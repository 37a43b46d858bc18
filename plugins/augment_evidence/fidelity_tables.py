"""The metric `fidelity` for tables: do columns, and pairs of columns, look as they do in the training part?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from augment.data import Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.column_comparison import ColumnComparison
from augment_evidence.equal_rows import exact_copies
from augment_evidence.point_clouds import cloud_scores
from augment_evidence.references import Better, scores_beside
from augment_evidence.samples import capped, label_shares, target_labels, uniform, weights_for
from augment_evidence.space import Space

__all__ = ["FidelityTables"]

MAX_ROWS = 10_000
NUM_WORST = 10  # pairs listed in the detail
BETTER: dict[str, Better] = {"column shapes": "higher", "pair trends": "higher"}


class FidelityTables(Metric):
    """How far synthetic columns, and pairs of columns, agree with the training part's.

    * `column shapes`, mean over columns: for numbers, integers and datetimes 1 minus the Kolmogorov-Smirnov statistic
      (missing values count as lower than all others); for labels 1 minus the total variation distance.
    * `pair trends`, mean over pairs: for two numbers 1 - |difference of their correlations| / 2; else 1 minus the
      total variation distance of the two-way table, numbers cut at the training part's deciles.
    * `density` and `coverage` (Naeem et al. 2020, five neighbors), of rows as points (numbers standardised and damped,
      two labels at distance 1): about 1 and nearly 1 for real rows. A high density says that rows crowd where real ones
      are many, a low coverage that kinds of rows are left out.
    * `exact copies`, the share of rows that equal a training row in all features.

    What a perfect generator would reach is not 1, since samples differ; so each score comes with what the real hold-out
    and a bootstrap of the training rows (as many as the synthetic ones) reach. How many rows of each class there are
    was asked for, not learnt: the real rows are weighted to the synthetic rows' classes, and the shape of a classed
    target is not scored. Texts and ids are not looked at. Of each part at most 10,000 rows are used, of pairs 2,000.
    """

    name = "fidelity"
    accepts = Accepts(modalities=frozenset({"table"}))
    default_for = frozenset({"table"})

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        if not (len(synthetic) and len(train)):
            return []
        copies = exact_copies(synthetic, train, holdout)
        rng = context.rng
        real = capped(train, MAX_ROWS, rng)
        sample = capped(synthetic, MAX_ROWS, rng)
        comparison = ColumnComparison(real, rng)
        shares = label_shares(target_labels(sample), uniform(sample))
        parts = {"synthetic": (sample, uniform(sample))}
        held_out = capped(holdout, MAX_ROWS, rng)
        if (weights := weights_for(target_labels(held_out), shares)) is not None:
            parts["hold-out"] = (held_out, weights)
        if (weights := weights_for(target_labels(real), shares)) is not None:
            drawn = real.take(rng.choice(len(real), len(sample), p=weights))
            parts["bootstrap"] = (drawn, uniform(drawn))
        compared = {name: comparison.compare(part, weights) for name, (part, weights) in parts.items()}

        values: dict[str, dict[str, float]] = {name: {} for name in compared}
        for name, (columns, pairs) in compared.items():
            if columns:
                values[name]["column shapes"] = float(np.mean(list(columns.values())))
            if pairs:
                values[name]["pair trends"] = float(np.mean(list(pairs.values())))
        shapes, trends = compared["synthetic"]
        worst = sorted(trends.items(), key=lambda item: (item[1], item[0]))[:NUM_WORST]
        own_details = {
            "column shapes": {"columns": shapes},
            "pair trends": {"worst": {" × ".join(pair): value for pair, value in worst}},
        }
        rows = {"synthetic": len(sample), "train": len(real), "hold-out": len(held_out)}
        scores = scores_beside(values, BETTER, {"rows": rows}, own_details)
        return [*scores, *_clouds({"synthetic": sample, "train": real, "hold-out": held_out}, rng), *copies]


def _clouds(parts: Mapping[str, Dataset], rng: np.random.Generator) -> list[Score]:
    """Whether the rows lie where real rows lie, and whether they lie everywhere there."""
    space = Space.fit(parts["train"])
    points = {name: space.points(part) for name, part in parts.items() if len(part)}
    if not points["train"].shape[1]:
        return []
    labels = {name: target_labels(part) for name, part in parts.items()}
    return cloud_scores(points, labels, rng, wanted=("density", "coverage"))
