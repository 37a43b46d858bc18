from __future__ import annotations

import numpy as np
import pytest

from augment_evidence.chance import predicted, predicted_at_rate


@pytest.mark.parametrize("count", [0, 3, 40])
def test_a_predicted_limit_is_seldom_passed_by_chance(count):
    rng = np.random.default_rng(count)
    rates = rng.gamma(count + 0.5, 1 / 500, 20_000)
    passed = rng.poisson(rates * 2000) > predicted(count + 0.5, 500, 2000)
    assert passed.mean() < 0.012


def test_a_limit_of_a_known_rate_is_a_quantile_of_poisson_counts():
    counts = np.random.default_rng(0).poisson(12, 40_000)
    assert predicted_at_rate(0.03, 400, 0.99) == np.quantile(counts, 0.99)
    assert predicted_at_rate(0.0, 400, 0.99) == 0
