"""The metric `privacy`: do synthetic rows give training rows away, more than chance and likeness explain?

Shapes: S synthetic rows, T training rows, H held-out rows, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from augment.data import Dataset
from augment.plugin import Accepts, AttackResult, Context, Metric, Score
from augment_evidence.chance import predicted
from augment_evidence.contamination import find_repeats
from augment_evidence.equal_rows import row_hashes
from augment_evidence.meanings import explain
from augment_evidence.nearest_neighbors import distance_ratio, leave_one_out, nearest
from augment_evidence.samples import class_weights, sampled, target_labels
from augment_evidence.space import POINTS_OF, Space

__all__ = ["Privacy"]

MAX_REFERENCE = 20_000  # rows that distances are measured to
MAX_QUERIES = 4_000  # rows that distances are measured from
NUM_NEIGHBORS = 10  # further rows whose mean distance is the usual distance around a row
NEAR_QUANTILE = 0.01
QUANTILES = (0.001, 0.01, 0.05)
FALSE_ALARMS = 0.01
MAX_LIKENESS = 1 / 3  # a larger share is never called harmless, however often real rows are alike
MIN_ROWS = 20  # of each part
MIN_HELD_OUT = 100  # fewer show no false alarm rate of 1 %


class Privacy(Metric):
    """Attacks that look for training rows in the synthetic ones, each with a limit measured on this very data.

    * `exact matches`: the share of distinct synthetic rows that equal a training row which is one of a kind.
    * `near copies`: the share of rows that equal none, and yet lie much nearer to one training row than to the next:
      below the 1 % quantile of the nearest-neighbour distance ratio of real rows.
    * `membership inference`: the share of training rows that an attacker tells from held-out rows at 1 % false alarms,
      by how near a synthetic row lies, measured in usual distances around that row.

    The limits come from rows that were held out, which nobody can have copied: how often real rows (held-out ones, and
    training rows among each other) match and lie near; how often the same synthetic rows match and lie near the
    hold-out, where one of both is the larger counts; and which rate of recognition chance would reach. Chance passes
    a limit once in a hundred times. What is above is a leak. What is not is *no leak found by these attacks*, or,
    where a third of the rows are found and real rows are alike as often, copies *cannot be told from natural likeness*.
    Rows that repeat the hold-out (see `contamination`) are set aside before, because they would raise the limits.
    Neither is a promise: other attacks exist, and few held-out rows give wide limits. Rows of one person on both
    sides, or a hold-out that comes later in time, break the comparison.

    Rows of generators that start from real rows are near them by design; this is said, and is not memorising. Which
    rows it is about goes into the private file alone.

    Up to 4,000 rows of each part are looked at, up to 20,000 are compared with; equality is looked for in all.
    """

    name = "privacy"
    imports = ("scipy.special",)
    accepts = Accepts(modalities=POINTS_OF)
    default_for = POINTS_OF

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        if min(len(synthetic), len(train), len(holdout)) < MIN_ROWS:
            return []
        # rows that repeat the hold-out tell nothing of training rows, and would raise the limits
        repeats = find_repeats(synthetic, train, holdout)
        kept = np.arange(len(synthetic))
        if repeats is not None and repeats.is_contaminated:
            kept = np.setdiff1d(kept, repeats.rows)
            synthetic = synthetic.take(kept)
            if len(synthetic) < MIN_ROWS:
                return []
        counts = {"synthetic": len(synthetic), "train": len(train), "hold-out": len(holdout)}
        by_design = bool({"rows", "copies"} & set(context.origins))
        attacks = [_exact(synthetic, train, holdout)]
        distances = _Distances.of(synthetic, train, holdout, context.rng)
        if distances is not None:
            attacks += [_near(distances), *_members(distances)]
        return [attack.score(counts, by_design, kept) for attack in attacks]


@dataclass(frozen=True)
class _Attack:
    """What one attack found, in counts of `num_rows` rows."""

    name: str
    count: int
    num_rows: int
    limit: int
    reference: Mapping[str, float]
    offending: Mapping[str, np.ndarray]  # part to positions of rows, of the synthetic ones among those attacked
    more: Mapping[str, Any]

    def score(self, rows: Mapping[str, int], by_design: bool, attacked: np.ndarray) -> Score:
        """The finding as shares; `attacked` has the positions of the synthetic rows that were attacked."""
        is_above = self.count > self.limit
        is_alike = self.count >= MAX_LIKENESS * self.num_rows
        detail = {
            "rows": dict(rows),
            "compared": self.num_rows,
            "reference": dict(self.reference),
            **self.more,
        }
        offending = {
            name: (attacked[positions] if name == "synthetic" else positions).tolist()
            for name, positions in self.offending.items()
        }
        return Score(
            self.name,
            self.count / self.num_rows,
            better="lower",
            detail=detail,
            attack=AttackResult(
                limit=min(1.0, self.limit / self.num_rows),
                finding=(
                    ("near by design" if by_design else "leak found")
                    if is_above
                    else ("natural likeness" if is_alike else "no leak found")
                ),
            ),
            private=offending if is_above else {},
            meaning=explain(self.name),
        )


def _exact(synthetic: Dataset, train: Dataset, holdout: Dataset) -> _Attack:
    distinct, first = np.unique(row_hashes(synthetic), return_index=True)
    real, held = row_hashes(train), row_hashes(holdout)
    values, group, counts = np.unique(real, return_inverse=True, return_counts=True)
    alone = values[counts == 1]
    alone_held = np.unique(held)[np.unique(held, return_counts=True)[1] == 1]
    matches, matches_held = np.isin(distinct, alone), int(np.isin(distinct, alone_held).sum())

    # what real rows do: a held-out row that equals one of the training part, a training row with a single twin
    hits = np.concatenate([np.isin(held, alone), counts[group] == 2])
    weights = class_weights(target_labels(synthetic), np.concatenate([target_labels(holdout), target_labels(train)]))
    limit = predicted(float(weights @ hits) + 0.5, len(hits), len(distinct))
    if matches_held:  # and what these very rows do to rows that they cannot have been copied from
        limit = max(limit, predicted(matches_held + 0.5, len(alone_held), len(alone)))
    matched = np.flatnonzero(np.isin(real, distinct[matches]) & (counts[group] == 1))
    return _Attack(
        "exact matches",
        int(matches.sum()),
        len(distinct),
        limit,
        {"hold-out": float(np.isin(held, alone).mean())},
        {"synthetic": np.sort(first[matches]), "train": matched},
        {},
    )


@dataclass(frozen=True)
class _Distances:
    """How far samples of all parts lie from each other; `count` neighbors, ascending. Positions are in whole parts."""

    synthetic_rows: np.ndarray  # (S,) positions of the synthetic rows
    train_rows: np.ndarray  # (T,) positions of the training rows
    synthetic: np.ndarray  # (S, count) from synthetic rows to training rows
    synthetic_to_held: np.ndarray  # (S, count) from the same rows to held-out ones
    train: np.ndarray  # (T, count) from training rows to the others
    held: np.ndarray  # (H, count) from held-out rows to training rows
    train_to_held: np.ndarray  # (T, count) from training rows to held-out rows
    train_to_synthetic: np.ndarray  # (T,) to the nearest synthetic row
    held_to_synthetic: np.ndarray  # (H,)
    num_reference: tuple[int, int]  # training and held-out rows that distances are measured to
    weights: np.ndarray  # (H + T,) weights of real rows that give them the classes of the synthetic ones

    @classmethod
    def of(cls, synthetic: Dataset, train: Dataset, holdout: Dataset, rng: np.random.Generator) -> _Distances | None:
        """Measure; None where rows have nothing to measure, such as a table of texts alone."""
        space = Space.fit(Dataset.concat([train, holdout]))  # in the same way, or one part would lie nearer
        reference = {"synthetic": synthetic, "train": train, "held": holdout}
        kept = {name: sampled(len(part), MAX_REFERENCE, rng) for name, part in reference.items()}
        points = {name: space.points(part.take(kept[name])) for name, part in reference.items()}
        if not points["train"].shape[1]:
            return None
        queried = {name: sampled(len(part), MAX_QUERIES, rng) for name, part in points.items()}
        queries = {name: points[name][rows] for name, rows in queried.items()}
        labels = [target_labels(reference[name].take(kept[name][queried[name]])) for name in ("held", "train")]
        count = 1 + min(NUM_NEIGHBORS, len(points["train"]) - 2, len(points["held"]) - 2)
        return cls(
            synthetic_rows=kept["synthetic"][queried["synthetic"]],
            train_rows=kept["train"][queried["train"]],
            synthetic=nearest(queries["synthetic"], points["train"], count),
            synthetic_to_held=nearest(queries["synthetic"], points["held"], count),
            train=leave_one_out(points["train"], queried["train"], count),
            held=nearest(queries["held"], points["train"], count),
            train_to_held=nearest(queries["train"], points["held"], count),
            train_to_synthetic=nearest(queries["train"], points["synthetic"], 1)[:, 0],
            held_to_synthetic=nearest(queries["held"], points["synthetic"], 1)[:, 0],
            num_reference=(len(points["train"]), len(points["held"])),
            weights=class_weights(target_labels(synthetic), np.concatenate(labels)),
        )


def _near(distances: _Distances) -> _Attack:
    real = np.concatenate([distances.held, distances.train])
    near = _nearer(distances.synthetic, real)
    # the hold-out has fewer rows, among which ratios are others
    to_held = int(_nearer(distances.synthetic_to_held, distances.train_to_held).sum())
    limit = predicted(float(distances.weights @ _nearer(real, real)) + 0.5, len(real), len(near))
    if to_held:
        # several synthetic rows crowd around one held-out row, so this count is less certain than a Poisson count
        num_held = distances.num_reference[1]
        shape = to_held / (1 + 2 * to_held / num_held)
        limit = max(limit, predicted(shape, shape, to_held))
    quantiles = {
        f"{quantile:g}": [float(np.quantile(distance_ratio(rows), quantile)) for rows in (distances.synthetic, real)]
        for quantile in QUANTILES
    }
    reference = {"hold-out": float(_nearer(distances.held, real).mean()), "to the hold-out": to_held / len(near)}
    offending = {"synthetic": distances.synthetic_rows[near]}
    more = {"distance ratio, synthetic and real rows, at quantiles": quantiles}
    return _Attack("near copies", int(near.sum()), len(near), limit, reference, offending, more)


def _nearer(measured: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Which rows, (M,) bool, lie nearer to one other than nearly all real rows do; equal rows are left to `_exact`."""
    ratio, apart = distance_ratio(usual), usual[:, 0] > 0
    threshold = float(np.quantile(ratio[apart], NEAR_QUANTILE)) if apart.any() else 0.0
    return (measured[:, 0] > 0) & (distance_ratio(measured) < threshold)


def _members(distances: _Distances) -> list[_Attack]:
    """Carlini et al. 2022, "Membership inference attacks from first principles": true positives at few false alarms."""
    num_held, num_train = len(distances.held), len(distances.train)
    if num_held < MIN_HELD_OUT:
        return []

    def strangeness(to_synthetic: np.ndarray, to_real: np.ndarray) -> np.ndarray:
        usual = to_real.mean(axis=1, dtype=np.float64)
        ratios: np.ndarray = np.divide(to_synthetic, usual, out=np.ones(len(to_synthetic)), where=usual > 0)
        return ratios

    held = strangeness(distances.held_to_synthetic, distances.held)
    train = strangeness(distances.train_to_synthetic, distances.train)
    num_alarms = int(FALSE_ALARMS * num_held)
    recognised = train < np.sort(held)[num_alarms - 1]
    # the rate of false alarms is itself known from so many held-out rows only
    limit = predicted(num_alarms, num_held + 1, num_train)
    reference = {"chance": num_alarms / num_held}
    offending = {"train": distances.train_rows[recognised]}
    return [_Attack("membership inference", int(recognised.sum()), num_train, limit, reference, offending, {})]
