"""The metric `contamination`: do synthetic rows repeat the held-out rows that judge them?

Shapes: S synthetic rows, T training rows, H held-out rows, N rows of a part.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from augment.data import Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.chance import predicted, predicted_at_rate
from augment_evidence.likeness import Likeness, likenesses_of
from augment_evidence.meanings import explain
from augment_evidence.samples import class_weights, sampled, target_labels
from augment_evidence.space import POINTS_OF

__all__ = ["Contamination", "Repeats", "find_repeats"]

LEVEL = 0.01  # with which clean rows are called contaminated, at most, over all tests of one generator's rows
QUANTILES = (0.01, 0.05)  # of the ratios of training rows, as thresholds
MAX_RATIO = 0.7  # a row that lies hardly nearer to a held-out row than to a training row repeats neither
MIN_ROWS = 10  # of each part
MAX_QUERIES = 1_000  # rows of each part that the test looks at
MAX_REFERENCE = 4_000  # real rows of each part that distances are measured to
TENTH = 0.1  # of the synthetic rows: the share of copies that the test should find
SEED = 0  # all that ask look at the same rows, and come to the same end
UNTOLD = (
    "rows that repeat the hold-out could not be told from chance: held-out rows in place of a tenth of the synthetic "
    "ones would have gone unnoticed, because there are too few rows, or because real rows are as alike by nature"
)

log = logging.getLogger("augment.contamination")


class Contamination(Metric):
    """Do synthetic rows repeat held-out rows, equal or nearly so? Then the verdict is void: `contaminated`.

    A row *repeats* a held-out row if it lies much nearer to it than to any training row. The ratio of the two distances
    is what is measured, so a row that was made from a training row is explained by it, however often rows are equal by
    nature. Rows may have been changed since: in tables the distance also is measured without the column that differs
    most, images may be shifted by up to a sixteenth of a side, brightened and made noisy; recordings may come earlier
    or later, be louder or mildly noisy; texts are compared by their letters, series by their course, and histories by
    their items.

    How many repeats are to be expected is read from real rows, which cannot have been copied: training rows as if they
    were synthetic, each against the hold-out and the *other* training rows, and held-out rows against the training
    part and the *other* held-out rows. In classes as the synthetic rows have them. Several rows at one held-out row
    count once. The test looks at four ratios: equal rows, half the lowest ratio of real rows, and the 1 % and 5 %
    quantile of the training rows' ratios, at most 0.7. For each, the limit is what chance stays below having seen the
    real rows, a negative binomial prediction limit, and the levels of all tests add up to 1 % (Bonferroni). So clean
    rows are taken for contaminated once in a hundred times at most, and rarely more where the parts differ, as related
    rows and later rows do: the limit then is that of the part with more repeats.

    Where columns have few distinct values, new combinations equal held-out rows by nature, and copies may hide among
    them. If held-out rows in place of a tenth of the synthetic ones would have stayed below the limits, the run notes
    that they could not be told from chance.

    The comparison of distances to training and held-out rows is that of Meehan et al. 2020, "A non-parametric test to
    detect data-copying in generative models", and Platzer and Reutterer 2021, "Holdout-based empirical assessment of
    mixed-type synthetic data", the other way round.

    The test looks at 1,000 rows of each part, and measures to 4,000 rows. If it finds something, all rows are counted.
    Which rows repeat the hold-out goes into the private file alone.
    """

    name = "contamination"
    imports = ("scipy.special",)
    accepts = Accepts(modalities=POINTS_OF)
    default_for = POINTS_OF
    can_void = True

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        found = find_repeats(synthetic, train, holdout)
        if found is None:
            return []
        if not (found.finds_a_tenth or found.is_contaminated):
            log.warning("%s", UNTOLD)
        count, share = len(found.rows), len(found.rows) / found.num_rows
        reason = (
            f"{count:,} of {found.num_rows:,} rows equal or nearly equal a held-out row; real rows that had not seen "
            f"the hold-out would do so about {found.expected * found.num_rows:,.0f} times"
        )
        detail = {
            "rows": found.num_rows,
            "reference": {"real rows": found.expected},
            "repeated held-out rows, of those looked at": found.num_repeated,
            "which chance stays below": found.limit,
            "copies in place of a tenth of the rows would be found": found.finds_a_tenth,
        }
        name = "repeated held-out rows"
        return [
            Score(
                name,
                share,
                better="lower",
                meaning=explain(name),
                detail=detail,
                private={"synthetic": found.rows.tolist()} if found.is_contaminated else {},
                voids=reason if found.is_contaminated else "",
            )
        ]


@dataclass(frozen=True)
class Repeats:
    """What the test found, at the threshold at which most was found.

    Attributes:
        rows: positions of the synthetic rows that repeat a held-out row.
        num_rows: among so many that were looked at; all of them where the hold-out is contaminated.
        expected: the share that real rows would have.
        num_repeated: distinct held-out rows that were repeated, in the test.
        limit: the number that chance stays below.
        finds_a_tenth: whether held-out rows in place of a tenth of the synthetic rows would have been more than that.
    """

    rows: np.ndarray
    num_rows: int
    expected: float
    num_repeated: int
    limit: int
    finds_a_tenth: bool

    @property
    def is_contaminated(self) -> bool:
        """Whether more held-out rows were repeated than chance explains."""
        return self.num_repeated > self.limit


def find_repeats(synthetic: Dataset, train: Dataset, holdout: Dataset) -> Repeats | None:
    """Look for rows that repeat held-out rows; None where there are too few rows."""
    if min(len(synthetic), len(train), len(holdout)) < MIN_ROWS:
        return None
    rng = np.random.default_rng(SEED)
    parts = {"synthetic": synthetic, "train": train, "held": holdout}
    likenesses = likenesses_of(train, holdout)
    samples = {name: sampled(len(part), MAX_REFERENCE, rng) for name, part in parts.items()}
    queries = {name: sampled(len(rows), MAX_QUERIES, rng) for name, rows in samples.items()}
    labels = {name: target_labels(part.take(samples[name][queries[name]])) for name, part in parts.items()}
    certainty = 1 - LEVEL / (len(likenesses) * (2 + len(QUANTILES)))
    findings = []
    for likeness in likenesses:
        reference = {name: likeness.points(parts[name].take(samples[name])) for name in ("train", "held")}
        ratios = {
            "synthetic": _Ratios.of(
                likeness, likeness.points(synthetic.take(samples["synthetic"][queries["synthetic"]])), reference
            ),
            "train": _Ratios.of(likeness, reference["train"][queries["train"]], reference, {"train": queries["train"]}),
            "held": _Ratios.of(likeness, reference["held"][queries["held"]], reference, {"held": queries["held"]}),
        }
        findings += [(likeness, reference, test) for test in _tests(ratios, labels, certainty, len(holdout))]
    if not findings:  # every real row has an equal one in the training part
        return Repeats(np.empty(0, np.int64), len(synthetic), 0.0, 0, 0, finds_a_tenth=False)
    likeness, reference, test = max(findings, key=lambda finding: finding[2].num_repeated / (finding[2].limit + 1))
    rows = samples["synthetic"][queries["synthetic"]]
    if test.num_repeated > test.limit:  # what was looked at was a sample
        rows = np.arange(len(synthetic))
    batches = [synthetic.take(batch) for batch in np.array_split(rows, -(-len(rows) // MAX_REFERENCE))]
    values = [_Ratios.of(likeness, likeness.points(batch), reference).values for batch in batches]
    repeats = rows[np.concatenate(values) <= test.threshold]
    finds_a_tenth = any(one.finds_a_tenth for _, _, one in findings)
    return Repeats(repeats, len(rows), test.expected, test.num_repeated, test.limit, finds_a_tenth)


@dataclass(frozen=True)
class _Ratios:
    """How much nearer rows lie to held-out than to training rows.

    Attributes:
        values: (N,) distance to the nearest held-out row over that to the nearest training row; infinite where a
            training row is equal, which explains the row.
        held: (N,) position of that held-out row.
    """

    values: np.ndarray
    held: np.ndarray

    @classmethod
    def of(
        cls,
        likeness: Likeness,
        queries: np.ndarray,
        reference: Mapping[str, np.ndarray],
        own: Mapping[str, np.ndarray] | None = None,
    ) -> _Ratios:
        to_train, _ = likeness.nearest(queries, reference["train"], (own or {}).get("train"))
        to_held, held = likeness.nearest(queries, reference["held"], (own or {}).get("held"))
        values = np.divide(to_held, to_train, out=np.full(len(queries), np.inf), where=to_train > 0, dtype=np.float64)
        return cls(values, held)


@dataclass(frozen=True)
class _Test:
    threshold: float
    expected: float
    num_repeated: int
    limit: int
    finds_a_tenth: bool


def _tests(
    ratios: Mapping[str, _Ratios], labels: Mapping[str, np.ndarray], certainty: float, num_held: int
) -> list[_Test]:
    """One test for each threshold; none where every real row has an equal one in the training part."""
    unexplained = {name: np.isfinite(found.values) for name, found in ratios.items()}
    values = {name: found.values[unexplained[name]] for name, found in ratios.items()}
    num_new, wanted = len(values["synthetic"]), labels["synthetic"][unexplained["synthetic"]]
    num_planted = TENTH * len(unexplained["synthetic"])
    num_repeatable = unexplained["held"].mean() * num_held  # held-out rows that no training row explains
    num_hit = num_repeatable * (1 - (1 - 1 / num_held) ** num_planted)
    if not num_new:
        return [_Test(threshold=0.0, expected=0.0, num_repeated=0, limit=0, finds_a_tenth=num_hit >= 1)]
    if not len(values["train"]):
        return []
    known = {name: labels[name][unexplained[name]] for name in ("train", "held")}
    real = np.concatenate([values["train"], values["held"]])
    weights = class_weights(wanted, np.concatenate([known["train"], known["held"]]))
    size = weights.sum() ** 2 / (weights**2).sum()  # of an unweighted sample that tells as much (Kish 1965)
    thresholds = {0.0, min(MAX_RATIO, float(real[real > 0].min(initial=np.inf)) / 2)}
    thresholds |= {min(MAX_RATIO, float(quantile)) for quantile in np.quantile(values["train"], QUANTILES)}
    tests = []
    for threshold in sorted(thresholds):
        expected = float(weights @ (real <= threshold) / weights.sum())
        limits = [predicted(expected * size + 0.5, size, num_new, certainty)]
        for name in ("train", "held"):  # where the parts differ, the one with more repeats
            if len(values[name]):
                own = class_weights(wanted, known[name])
                rate = float(own @ (values[name] <= threshold) / own.sum())
                limits.append(predicted_at_rate(rate, num_new, certainty))
        is_repeat = ratios["synthetic"].values <= threshold
        num_repeated = len(np.unique(ratios["synthetic"].held[is_repeat]))
        limit, share = max(limits), expected * num_new / len(unexplained["synthetic"])
        # copies would be new rows too, of which chance repeats its part, and some would hit what chance has repeated
        with_copies = limit * (1 + unexplained["held"].mean() * num_planted / num_new)
        hit = num_repeated + num_hit * (1 - num_repeated / max(num_repeatable, num_repeated, 1))
        tests.append(_Test(threshold, share, num_repeated, limit, finds_a_tenth=bool(hit > with_copies)))
    return tests
