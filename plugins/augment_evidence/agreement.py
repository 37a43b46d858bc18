"""How often a classifier of real rows sees the class that a synthetic row was asked for.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from augment.plugin import Score
from augment_evidence.references import scores_beside

__all__ = ["agreement_scores"]


def agreement_scores(predicted: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> list[Score]:
    """The share of synthetic rows that are seen as what was wanted, beside that of other parts at the same classes.

    Args:
        predicted: the class seen, object (N,), of `synthetic` and of other parts; the training part is left out.
        labels: the class that each row has, object (N,), of the same parts.

    Returns:
        One score, or none where no synthetic row has a class.
    """
    wanted = labels["synthetic"]
    classes, counts = np.unique([label for label in wanted if label is not None], return_counts=True)
    if not len(classes):
        return []
    values, per_class = {}, {}
    for name, seen in predicted.items():
        rows = {label: labels[name] == label for label in classes}
        if name != "train" and all(chosen.any() for chosen in rows.values()):
            shares = {str(label): float((seen[chosen] == label).mean()) for label, chosen in rows.items()}
            values[name] = {"label agreement": float(np.average(list(shares.values()), weights=counts))}
            per_class[name] = shares
    return scores_beside(
        values,
        {"label agreement": "higher"},
        {"rows": int(counts.sum())},
        {"label agreement": {"classes": per_class["synthetic"]}},
    )
