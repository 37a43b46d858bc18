"""Class priors: decisions that are moved to them, and probabilities that are corrected for them.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["correct_prior", "move_threshold", "prior_offsets"]


def move_threshold(probabilities_NC: np.ndarray, counts_C: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Probabilities divided by the prior, (N, C): where they are right, the largest is best for balanced accuracy.

    Args:
        probabilities_NC: as a probe predicts them.
        counts_C: training rows of each class; one without any is never decided for.
        strength: the exponent of the prior: 0 decides for the most probable class.
    """
    moved_NC = np.zeros_like(probabilities_NC)
    np.divide(probabilities_NC, counts_C.astype(float) ** strength, out=moved_NC, where=counts_C > 0)
    return moved_NC


def prior_offsets(real: Mapping[str, int], synthetic: Mapping[str, int]) -> dict[str, float]:
    """What to add to log probabilities, in nats, of a model that was trained on real and synthetic rows together.

    Log share among the real rows, less that among all (M. Saerens, P. Latinne and C. Decaestecker, "Adjusting the
    Outputs of a Classifier to New a Priori Probabilities", Neural Computation 14, 2002). Weights of the exponentials
    of these in training have the same effect. Empty where synthetic rows leave the shares as they are.

    Args:
        real: label to real rows; labels without any are left out.
        synthetic: label to synthetic rows.
    """
    labels = [label for label, count in real.items() if count]
    before = np.array([real[label] for label in labels], dtype=float)
    after = before + [synthetic.get(label, 0) for label in labels]
    offsets = np.log(before / before.sum()) - np.log(after / after.sum())
    return dict(zip(labels, offsets.tolist(), strict=True)) if np.abs(offsets).max(initial=0.0) > 1e-9 else {}


def correct_prior(probabilities_NC: np.ndarray, offsets_C: np.ndarray) -> np.ndarray:
    """Probabilities as of a model of rows with the real shares of the classes, (N, C).

    Args:
        probabilities_NC: of a model of real and synthetic rows.
        offsets_C: as `prior_offsets` gives them.
    """
    corrected_NC = probabilities_NC * np.exp(offsets_C)
    total_N1 = corrected_NC.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(corrected_NC, total_N1, out=probabilities_NC.copy(), where=total_N1 > 0))
