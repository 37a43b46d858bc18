from __future__ import annotations

import numpy as np
import pytest

from augment.statistics.heavy_tails import choose_number_score
from augment.statistics.scores import SCORES

MANY, FEW = np.ones(40), np.r_[9.0, 9.0, np.ones(38) / 9]
NORMAL = np.random.default_rng(0).normal(size=40)
HEAVY = np.r_[NORMAL[:37], 8.0, -9.0, 10.0]


def choose(truth: np.ndarray, r2: np.ndarray, mae: np.ndarray, score: str = "r2", is_default: bool = True):
    return choose_number_score(SCORES[score], is_default, truth, {"r2": r2, "mae": mae, "rmse": r2})


def test_scores_that_many_rows_carry_decide():
    assert choose(NORMAL, MANY, MANY) == (SCORES["r2"], "", "")
    assert choose(NORMAL, MANY, MANY, "mae") == (SCORES["mae"], "", "")


def test_a_difference_that_few_rows_carry_gives_way_to_absolute_errors():
    found = choose(NORMAL, FEW, MANY)
    assert found.rule is SCORES["mae"]
    assert "a few large errors decide R², as if only 2.0 rows were held out" in found.remark


def test_a_target_with_a_heavy_tail_is_not_judged_by_squares_even_where_many_rows_carry_the_difference():
    found = choose(HEAVY, MANY, MANY)
    assert found.rule is SCORES["mae"]
    assert "R² rests on a few large values of the target, as if only " in found.remark


@pytest.mark.parametrize("score", ["r2", "rmse"])
def test_a_score_that_was_asked_for_does_not_give_way(score):
    found = choose(HEAVY, MANY, MANY, score, is_default=False)
    assert "use `trial: {score: mae}`" in found.obstacle
    assert not found.remark


def test_where_few_rows_carry_absolute_errors_too_nothing_decides():
    single = np.r_[9.0, np.zeros(39)]
    assert "use the logarithm of the target" in choose(NORMAL, single, single).obstacle
    assert "use the logarithm of the target" in choose(NORMAL, MANY, single, "mae").obstacle


def test_few_rows_without_a_tail_are_judged_by_squares():
    assert choose(np.linspace(0, 1, 12), np.ones(12), np.ones(12)).rule is SCORES["r2"]
