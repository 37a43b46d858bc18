"""Counts that chance keeps to, having seen what real rows do."""

from __future__ import annotations

from bisect import bisect_left

__all__ = ["predicted", "predicted_at_rate"]

CERTAINTY = 0.99  # a limit that chance keeps to with this probability
KNOWN = 1e6  # trials after which a rate is as good as known


def predicted(shape: float, exposure: float, new_exposure: float, certainty: float = CERTAINTY) -> int:
    """The count that chance keeps to in `new_exposure` trials, having seen about `shape` in `exposure` trials.

    The quantile of a Poisson count whose rate is uncertain, a gamma distribution: a negative binomial.
    """
    from scipy.special import betainc  # scipy.stats takes ten times as long to import

    share = exposure / (exposure + new_exposure)
    most = 1
    while betainc(shape, most + 1, share) < certainty:  # the distribution function at `most`
        most *= 2
    return bisect_left(range(most), certainty, key=lambda count: betainc(shape, count + 1, share))


def predicted_at_rate(rate: float, new_exposure: float, certainty: float) -> int:
    """The same for a known rate: the quantile of a Poisson count."""
    return predicted(rate * KNOWN, KNOWN, new_exposure, certainty) if rate > 0 else 0
