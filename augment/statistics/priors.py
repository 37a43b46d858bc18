"""Class priors: decisions that are moved to them.

Shapes: N rows, C classes.
"""

from __future__ import annotations

import numpy as np

__all__ = ["move_threshold"]


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
