"""Rows as clouds of points: is one as wide as the other, and does it lie in the same place?

Shapes: N rows, D dimensions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from augment.plugin import Score
from augment_evidence.references import Better, scores_beside
from augment_evidence.samples import common_counts, draw_rows
from augment_evidence.similarity import density_and_coverage, frechet

__all__ = ["MAX_POINTS", "cloud_scores"]

MAX_POINTS = 2_000  # rows of each part
MIN_POINTS = 30
NUM_DRAWS = 3
NUM_NEIGHBORS = 5
BETTER: dict[str, Better] = {
    "Fréchet distance": "lower",
    "density": "none",
    "coverage": "higher",
}


def cloud_scores(
    points: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    rng: np.random.Generator,
    wanted: Collection[str] = tuple(BETTER),
) -> list[Score]:
    """Fréchet distance, density and coverage against the training rows, as many of each class from every part.

    They depend on the number of rows, so all are measured on equally many, three draws of at most `MAX_POINTS`. Beside
    each stands what held-out rows reach (if there are 30 of the same classes), what other parts reach, and training
    rows drawn anew.

    Args:
        points: float32 (N, D) of the parts `synthetic`, `train`, if there are any, `hold-out`, and of others, which
            have as many rows of each class as `synthetic`.
        labels: the class of each row, (N,).
        rng: draws rows.
        wanted: which of the three.

    Returns:
        Nothing where fewer than 30 rows can be compared.
    """
    for parts in (("synthetic", "hold-out"), ("synthetic",)):  # without the hold-out where it is too small
        counts = common_counts([labels[name] for name in (*parts, "train")], MAX_POINTS)
        num_points = sum(counts.values())
        if num_points >= MIN_POINTS:
            break
    else:
        return []
    others = [name for name in points if name not in ("synthetic", "train", "hold-out")]
    variance = max(float(points["train"].var(axis=0, dtype=np.float64).sum()), 1e-12)
    draws: dict[str, list[dict[str, float]]] = {name: [] for name in (*parts, *others, "bootstrap")}
    for _ in range(NUM_DRAWS):
        real = points["train"][draw_rows(labels["train"], counts, rng)]
        for name, measured in draws.items():
            of = "train" if name == "bootstrap" else name
            other = points[of][draw_rows(labels[of], counts, rng, replace=name == "bootstrap")]
            values = dict(zip(("density", "coverage"), density_and_coverage(real, other, NUM_NEIGHBORS), strict=True))
            if "Fréchet distance" in wanted:
                values["Fréchet distance"] = frechet(other, real) / variance
            measured.append(values)
    means = {
        name: {title: float(np.mean([values[title] for values in measured])) for title in wanted}
        for name, measured in draws.items()
    }
    return scores_beside(means, BETTER, {"rows": num_points, "draws": NUM_DRAWS})
