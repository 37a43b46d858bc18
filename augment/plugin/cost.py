"""What a component says it uses, for the estimate of `augment check`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cost"]


@dataclass(frozen=True)
class Cost:
    """What one fit of a component uses on one core, as it was measured: an order of size.

    Attributes:
        fit: CPU-seconds of a fit, or of the scores of a metric.
        row: CPU-seconds for each row that is sampled, judged or predicted afterwards.
        memory: bytes at the peak of a fit, beside the libraries and one copy of the data.
    """

    fit: float
    row: float = 0.0
    memory: float = 0.0
